package finding

import (
	"slices"
	"time"
)

// Health says whether a cycle proves anything: whether what it does not show was looked for.
type Health string

// Healths of a cycle.
const (
	Unjudged   Health = ""        // its day has not ended
	Healthy    Health = "healthy" // whole: what it does not show is not there
	SetAside   Health = "aside"   // more than one row in 20 could not be read
	FewRows    Health = "rows"    // less than half of the usual rows
	Incomplete Health = "parts"   // fewer files than usual
	Elsewhere  Health = "overlap" // less than half of what the cycles before showed again and again
	TooLate    Health = "late"    // its rows came so late that they cannot be compared any more
)

const (
	asideShare   = 20 // one row in so many may be kept aside in a healthy cycle
	healthCycles = 14 // healthy cycles before one that its rows and files are compared with
	steadyCycles = 3  // healthy cycles before one whose number of files it has to have where they agree
	meetCycles   = 7  // healthy cycles before one that its findings are compared with
	judgeDays    = 31 // how long a cycle is judged anew, for late rows may mend it; from then on it stands
)

// Seen counts the findings of one stream whose newest sighting and days are the same. A person's word or evidence that
// the problem is gone explains an absence: findings closed or claimed fixed are not counted.
type Seen struct {
	Last  Day
	Days  uint64 // bit i: seen on day Last-i
	Count int64
}

// on reports whether they were seen on a day.
func (s Seen) on(d Day) bool {
	return d <= s.Last && s.Last-d < memory && s.Days>>(s.Last-d)&1 == 1
}

// Judge says of the whole cycles of one stream, by day, whether each is healthy. It goes from the oldest to the newest,
// because each is compared with healthy ones only: a stream that falls to a part of what it was stays unhealthy until a
// person confirms the new level as of day anew, before which nothing counts then. Cycles older than 31 days keep what
// was said of them.
//
// The overlap is worked out anew from the days of the sightings whenever it is needed, and not counted while rows are
// folded: late rows and rows out of order change both sides of it, and the sightings have all of them.
func Judge(cycles []Cycle, seen []Seen, anew Day, now time.Time) {
	today := DayOf(now)
	judge(cycles, seen, anew, today-judgeDays, today)
}

// judge judges the cycles that were not judged, and again those from a day on.
func judge(cycles []Cycle, seen []Seen, anew, again, today Day) {
	var before []Cycle // healthy
	for i := range cycles {
		c := &cycles[i]
		if c.Day >= today {
			c.Health = Unjudged
			continue
		}
		if c.Day >= anew && len(before) > 0 && before[0].Day < anew {
			before = slices.DeleteFunc(slices.Clone(before), func(b Cycle) bool { return b.Day < anew })
		}
		switch {
		case c.Day >= again || c.Health == Unjudged && again == today:
			c.Health = healthOf(*c, before, seen, today)
		case c.Health == Unjudged:
			c.Health = TooLate
		}
		if c.Health == Healthy {
			before = append(before, *c)
		}
	}
}

func healthOf(c Cycle, before []Cycle, seen []Seen, today Day) Health {
	usual := before[max(0, len(before)-healthCycles):]
	switch {
	case c.Aside*asideShare > c.Rows:
		return SetAside
	case 4*c.Rows < median2(usual, rowsOf):
		return FewRows
	case !complete(c, usual):
		return Incomplete
	case !meets(c.Day, before, seen, today):
		return Elsewhere
	}
	return Healthy
}

func rowsOf(c Cycle) int64 { return c.Rows }

func filesOf(c Cycle) int64 { return c.Files }

// median2 returns twice the median of a number of the cycles, 0 for no cycles.
func median2(cycles []Cycle, of func(Cycle) int64) int64 {
	if len(cycles) == 0 {
		return 0
	}
	n := make([]int64, len(cycles))
	for i, c := range cycles {
		n[i] = of(c)
	}
	slices.Sort(n)
	return n[(len(n)-1)/2] + n[len(n)/2]
}

// complete reports whether a cycle came in as many files as usual. Where the last three cycles before had the same number,
// it takes all of them; where the number varies by itself, as with feeds that push whenever they have something, half of
// the median.
func complete(c Cycle, before []Cycle) bool {
	before = slices.DeleteFunc(slices.Clone(before), func(b Cycle) bool { return b.Files == 0 })
	if c.Files == 0 || len(before) == 0 {
		return true
	}
	last := before[max(0, len(before)-steadyCycles):]
	if !slices.ContainsFunc(last, func(b Cycle) bool { return b.Files != last[0].Files }) {
		return c.Files >= last[0].Files
	}
	return 4*c.Files >= median2(before, filesOf)
}

// meets reports whether a cycle shows at least half of the findings that the last healthy cycles before it showed
// twice or more: those are what a scan comes back to, while findings that come and go say nothing about its reach.
// Cycles that the days of a sighting seen today no longer reach are not compared with; where none is left, the cycle
// meets nothing.
func meets(day Day, before []Cycle, seen []Seen, today Day) bool {
	if len(before) == 0 || seen == nil {
		return true
	}
	var days []Day
	for _, c := range slices.Backward(before) {
		if len(days) == meetCycles || today-c.Day >= memory {
			break
		}
		days = append(days, c.Day)
	}
	if len(days) == 0 {
		return false
	}
	var of, met int64
	for _, s := range seen {
		n := 0
		for _, d := range days {
			if s.on(d) {
				n++
			}
		}
		if n < min(2, len(days)) {
			continue
		}
		of += s.Count
		if s.on(day) {
			met += s.Count
		}
	}
	return 2*met >= of
}
