package situation

import (
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/finding"
)

// Day counts findings that were made, or ended, on one day.
type Day struct {
	Day      finding.Day
	Severity event.Severity
	State    finding.State
	N        int64
}

// Monday is the first day of a day's week.
func Monday(d finding.Day) finding.Day { return d - (d+3)%7 } // 1970-01-01 was a Thursday

// SeriesOf counts the days from first to last, the day of now: live is how many findings are live now, born counts the
// findings by the day of their making and ended those that are not live by the day of their end, each at least from
// first on. What is live at the end of a day is what is live now, less what was made since, and what has ended since.
func SeriesOf(first, last finding.Day, live int64, born, ended []Day) Series {
	n := max(0, int(last-first)+1)
	s := Series{Days: make([]finding.Day, n), Opened: make([]int64, n), Verified: make([]int64, n), Live: make([]int64, n)}
	gone := make([]int64, n)
	place := func(d finding.Day) int { return int(min(d, last) - first) } // a clock that was set back makes days to come
	for _, b := range born {
		if i := place(b.Day); i >= 0 {
			s.Opened[i] += b.N
		}
	}
	for _, e := range ended {
		i := place(e.Day)
		if i < 0 || e.State.Live() {
			continue
		}
		gone[i] += e.N
		if e.State == finding.VerifiedClosed {
			s.Verified[i] += e.N
		}
	}
	for i := n - 1; i >= 0; i-- {
		s.Days[i], s.Live[i] = first+finding.Day(i), live
		live += gone[i] - s.Opened[i]
	}
	return s
}

// ChangesOf compares the last day of a series with the seventh before it, and the last seven days with the seven before.
// A series of less than fifteen days tells nothing.
func ChangesOf(s Series) []Change {
	n := len(s.Days)
	if n < 15 {
		return nil
	}
	sum := func(values []int64) int64 {
		var total int64
		for _, v := range values {
			total += v
		}
		return total
	}
	return []Change{
		{Code: "live", Now: s.Live[n-1], Before: s.Live[n-8], Query: Query{State: "live"}},
		{
			Code: "opened", Now: sum(s.Opened[n-7:]), Before: sum(s.Opened[n-14 : n-7]),
			Query: Query{State: "all", Since: s.Days[n-7]},
		},
		{
			Code: "verified", Now: sum(s.Verified[n-7:]), Before: sum(s.Verified[n-14 : n-7]),
			Query: Query{State: string(finding.VerifiedClosed), Ended: s.Days[n-7]},
		},
	}
}

// Cohort counts findings that were made on a day or later, by how far the work on them has come.
type Cohort struct {
	Owned   bool
	Reached int64
	N       int64
}

// FunnelOf counts the stages of findings that were made since a day; rows is what sources sent since then.
func FunnelOf(since finding.Day, rows int64, cohort []Cohort) []Step {
	out := make([]Step, len(Stages))
	for i, s := range Stages {
		out[i] = Step{Stage: s, Query: Query{State: "all", Since: since, Stage: s}}
		switch s {
		case Received:
			out[i].N, out[i].Query = rows, Query{}
		case Folded:
			out[i].Query.Stage = ""
		case Attributed, Notified, Acknowledged, Fixed, Verified:
		}
		for _, c := range cohort {
			if s == Folded || s == Attributed && c.Owned || s.Mark() != 0 && c.Reached&s.Mark() != 0 {
				out[i].N += c.N
			}
		}
	}
	return out
}

// HeatOf lays tallies out by sector and region: sectors and regions with the most findings first, what is not known last.
func HeatOf(cells []HeatCell) Heat {
	bySector, byRegion := map[string]int64{}, map[string]int64{}
	for _, c := range cells {
		bySector[c.Sector] += c.N
		byRegion[c.Region] += c.N
	}
	h := Heat{Sectors: ranked(bySector), Regions: ranked(byRegion)}
	h.N = make([][]int64, len(h.Sectors))
	for i := range h.N {
		h.N[i] = make([]int64, len(h.Regions))
	}
	for _, c := range cells {
		h.N[slices.Index(h.Sectors, c.Sector)][slices.Index(h.Regions, c.Region)] += c.N
	}
	return h
}

// HeatCell counts live findings of one sector in one region.
type HeatCell struct {
	Sector, Region string
	N              int64
}

// ranked are the keys of counts, the largest first, the empty one last.
func ranked(counts map[string]int64) []string {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		switch {
		case (a == "") != (b == ""):
			if a == "" {
				return 1
			}
			return -1
		case counts[a] != counts[b]:
			if counts[a] > counts[b] {
				return -1
			}
			return 1
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	return keys
}
