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
	Day   Day
	Rows  int64
	Aside int64     // rows that could not be read: what they would have shown is not known
	Last  time.Time // arrival of the newest of its rows
}

const (
	rhythmCycles = 30 // how many of the newest cycles the rhythm is learned from
	rhythmLeast  = 3  // below this many the rhythm is unknown
	asideShare   = 20 // one row in so many may be kept aside in a healthy cycle
	healthCycles = 14 // how many cycles before one it is compared with
)

// Rhythm is what the cycles of one stream, seen from an instant, say about it.
type Rhythm struct {
	Cycles []Cycle // by day, none after today
	Every  int     // days from one cycle to the next that the stream keeps nine times in ten; 0 = unknown
	Today  Day

	now     time.Time
	healthy []Day // whole and healthy, by day
}

// Learn reads the rhythm from a stream's cycles, which are ordered by day. Cycles of days to come (a source with a
// wrong clock) are left out. The 90th percentile of the last 29 gaps is taken rather than the median, so that a feed
// which rests at week-ends has a rhythm of three days and is not silent every Monday.
func Learn(cycles []Cycle, now time.Time) Rhythm {
	r := Rhythm{Today: DayOf(now), now: now}
	n, _ := slices.BinarySearchFunc(cycles, r.Today+1, func(c Cycle, d Day) int { return int(c.Day - d) })
	r.Cycles = cycles[:n]
	r.Every = every(r.Cycles)
	for i, c := range r.Cycles {
		if r.whole(c) && c.Aside*asideShare <= c.Rows && healthy(r.Cycles[max(0, i-healthCycles):i], c.Rows) {
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

// healthy reports whether a cycle has at least half the rows of the median of those before it.
func healthy(before []Cycle, rows int64) bool { return 4*rows >= median2(before) }

// median2 returns twice the median of the rows, 0 for no cycles.
func median2(cycles []Cycle) int64 {
	if len(cycles) == 0 {
		return 0
	}
	n := make([]int64, len(cycles))
	for i, c := range cycles {
		n[i] = c.Rows
	}
	slices.Sort(n)
	return n[(len(n)-1)/2] + n[len(n)/2]
}

// Median returns the median of the rows of the last 14 cycles.
func (r Rhythm) Median() int64 { return median2(r.Cycles[max(0, len(r.Cycles)-healthCycles):]) / 2 }

// Weak reports whether the newest whole cycle is not healthy.
func (r Rhythm) Weak() bool {
	for _, c := range slices.Backward(r.Cycles) {
		if r.whole(c) {
			day, ok := r.Newest()
			return !ok || day < c.Day
		}
	}
	return false
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
	i, _ := slices.BinarySearch(r.healthy, first)
	j, _ := slices.BinarySearch(r.healthy, last+1)
	return max(0, j-i)
}

// After returns the first k whole, healthy cycles after a day; nil where there are fewer.
func (r Rhythm) After(day Day, k int) []Day {
	i, _ := slices.BinarySearch(r.healthy, day+1)
	if k < 1 || len(r.healthy)-i < k {
		return nil
	}
	return r.healthy[i : i+k : i+k]
}

// Newest returns the newest whole, healthy cycle; false where there is none.
func (r Rhythm) Newest() (Day, bool) {
	if len(r.healthy) == 0 {
		return 0, false
	}
	return r.healthy[len(r.healthy)-1], true
}
