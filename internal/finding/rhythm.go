package finding

import (
	"slices"
	"time"
)

// Day is a UTC day: days since 1970-01-01.
type Day int64

// DayOf returns the day of an instant.
func DayOf(t time.Time) Day {
	s := t.Unix()
	if s < 0 {
		s -= secondsADay - 1
	}
	return Day(s / secondsADay)
}

const secondsADay = 24 * 60 * 60

// Start returns the first instant of the day.
func (d Day) Start() time.Time { return time.Unix(int64(d)*secondsADay, 0).UTC() }

// String returns the day as 2006-01-02.
func (d Day) String() string { return d.Start().Format(time.DateOnly) }

// MarshalText writes the day as 2006-01-02.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Day) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return err
	}
	*d = DayOf(t)
	return nil
}

// Cycle is a day for which a stream delivered rows: the day of the observations, of the arrival where rows carry no
// time.
type Cycle struct {
	Day    Day
	Rows   int64
	Aside  int64     // rows that could not be read: what they would have shown is not known
	Files  int64     // files that its rows came in; 0 = not counted
	Last   time.Time // arrival of the newest of its rows
	Health Health
}

const (
	rhythmCycles = 30 // how many of the newest cycles the rhythm is learned from
	rhythmLeast  = 3  // below this many the rhythm is unknown
)

// Rhythm is what the cycles of one stream, seen from an instant, say about it.
type Rhythm struct {
	Cycles []Cycle // by day, none after today
	Every  int     // days from one cycle to the next that the stream keeps nine times in ten; 0 = unknown
	Today  Day
	Anew   Day // from which on a person has confirmed a new level; what was seen last before it is no longer covered

	now     time.Time
	healthy []Day // whole and healthy, by day
}

// Learn reads the rhythm from a stream's cycles, which are ordered by day; anew is the day from which a person has
// confirmed a new level, 0 for none. Cycles of days to come (a source with a wrong clock) are left out. The 90th
// percentile of the last 29 gaps is taken rather than the median, so that a feed which rests at week-ends has a rhythm
// of three days and is not silent every Monday. Cycles that nobody has judged are judged by their own numbers.
func Learn(cycles []Cycle, anew Day, now time.Time) Rhythm {
	r := Rhythm{Today: DayOf(now), Anew: anew, now: now}
	n, _ := slices.BinarySearchFunc(cycles, r.Today+1, func(c Cycle, d Day) int { return int(c.Day - d) })
	r.Cycles = slices.Clone(cycles[:n])
	r.Every = every(r.Cycles)
	judge(r.Cycles, nil, anew, r.Today, r.Today)
	for _, c := range r.Cycles {
		if c.Health == Healthy {
			r.healthy = append(r.healthy, c.Day)
		}
	}
	return r
}

func every(cycles []Cycle) int {
	cycles = cycles[max(0, len(cycles)-rhythmCycles):]
	if len(cycles) < rhythmLeast {
		return 0
	}
	gaps := make([]int, 0, rhythmCycles)
	for i := 1; i < len(cycles); i++ {
		gaps = append(gaps, int(cycles[i].Day-cycles[i-1].Day))
	}
	slices.Sort(gaps)
	return gaps[(len(gaps)*9+9)/10-1]
}

// Median returns the median of the rows of the last 14 healthy cycles.
func (r Rhythm) Median() int64 {
	var before []Cycle
	for _, c := range r.Cycles {
		if c.Health == Healthy {
			before = append(before, c)
		}
	}
	return median2(before[max(0, len(before)-healthCycles):], rowsOf) / 2
}

// Weak returns why the newest whole cycle proves nothing, and the day from which on none has; Healthy where it proves
// something, Unjudged where there is none.
func (r Rhythm) Weak() (Health, Day) {
	why, since := Unjudged, Day(0)
	for _, c := range slices.Backward(r.Cycles) {
		switch {
		case !r.whole(c):
			continue
		case c.Health == Healthy && why == Unjudged:
			return Healthy, 0
		case c.Health == Healthy:
			return why, since
		case why == Unjudged:
			why = c.Health
		}
		since = c.Day
	}
	return why, since
}

// whole reports whether nothing more is expected for a cycle: its day is over. A day that has not ended may still bring
// what is missing from it.
func (r Rhythm) whole(c Cycle) bool { return c.Day < r.Today }

// Known reports whether there were enough cycles to learn from.
func (r Rhythm) Known() bool { return r.Every > 0 }

// SilentFrom returns the instant from which the stream counts as silent: two of its rhythms and a day after the end of
// its last cycle. The zero time where the rhythm is unknown.
func (r Rhythm) SilentFrom() time.Time {
	if !r.Known() {
		return time.Time{}
	}
	last := r.Cycles[len(r.Cycles)-1].Day
	return (last + 1 + Day(2*r.Every) + 1).Start()
}

// Silent reports whether the stream has missed its rhythm. A stream of unknown rhythm is not silent: it proves nothing
// either.
func (r Rhythm) Silent() bool { return r.Known() && r.now.After(r.SilentFrom()) }

// Healthy returns how many whole, healthy cycles lie from first to last, both included.
func (r Rhythm) Healthy(first, last Day) int {
	return len(r.between(first, last))
}

func (r Rhythm) between(first, last Day) []Day {
	i, _ := slices.BinarySearch(r.healthy, first)
	j, _ := slices.BinarySearch(r.healthy, last+1)
	return r.healthy[i:max(i, j)]
}

// After returns the first k whole, healthy cycles after a day; nil where there are fewer.
func (r Rhythm) After(day Day, k int) []Day {
	i, _ := slices.BinarySearch(r.healthy, day+1)
	if k < 1 || len(r.healthy)-i < k {
		return nil
	}
	return r.healthy[i : i+k : i+k]
}

// Back returns the n-th whole, healthy cycle before a day; false where there are fewer.
func (r Rhythm) Back(day Day, n int) (Day, bool) {
	i, _ := slices.BinarySearch(r.healthy, day)
	if n < 1 || n > i {
		return 0, false
	}
	return r.healthy[i-n], true
}

// Newest returns the newest whole, healthy cycle; false where there is none.
func (r Rhythm) Newest() (Day, bool) {
	if len(r.healthy) == 0 {
		return 0, false
	}
	return r.healthy[len(r.healthy)-1], true
}
