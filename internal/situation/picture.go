package situation

import (
	"time"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// Situation is the picture of an instant as one reader may see it: every number counts what the list that it names shows
// the same reader.
type Situation struct {
	At      time.Time
	Since   finding.Day // the cohort of the funnel and of Closing: findings first made on this day or later
	Days    int         // of the cohort, today included
	Total   int64       // live findings
	Changes []Change    // since seven days before
	Funnel  []Step
	Live    []Tally // by severity, the worst first; those without a severity last
	Classes []Tally // live, by class, the most first
	Heat    Heat    // live
	Series  Series
	Closing []Closing // all together first, then by severity, the worst first
	Orphans Tally     // live, and nobody answers
}

// Tally is a number with the list that it counts.
type Tally struct {
	Key      string         // of what: a class, a region, a sector; empty where it has none
	Severity event.Severity // where it is by severity
	N        int64
	Query    Query
}

// Step is one stage of the funnel.
type Step struct {
	Stage Stage
	N     int64
	Query Query // Stage Received counts rows of signals and has no list of findings
}

// Change is a measure beside itself seven days before.
type Change struct {
	Code   string // "live", "opened" (in seven days), "verified" (in seven days)
	Now    int64
	Before int64
	Query  Query // of Now; the zero Query where no list counts it
}

// Difference is Now less Before.
func (c Change) Difference() int64 { return c.Now - c.Before }

// Heat counts live findings by sector (rows) and region (columns). The key None stands for what is not known.
type Heat struct {
	Sectors []string
	Regions []string
	N       [][]int64 // [sector][region]
}

// Query is the list that a cell counts.
func (h Heat) Query(sector, region int) Query {
	return Query{State: "live", Sector: orNone(h.Sectors[sector]), Region: orNone(h.Regions[region])}
}

// ByRegion counts the regions over all sectors, the most first.
func (h Heat) ByRegion() []Tally {
	out := make([]Tally, len(h.Regions))
	for j, r := range h.Regions {
		out[j] = Tally{Key: orNone(r), Query: Query{State: "live", Region: orNone(r)}}
		for i := range h.Sectors {
			out[j].N += h.N[i][j]
		}
	}
	return out
}

// Top is the heat map's busiest part, at most n sectors and n regions, and how many of each it leaves out.
func (h Heat) Top(n int) (top Heat, sectors, regions int) {
	top = Heat{Sectors: h.Sectors[:min(n, len(h.Sectors))], Regions: h.Regions[:min(n, len(h.Regions))]}
	for i := range top.Sectors {
		top.N = append(top.N, h.N[i][:len(top.Regions)])
	}
	return top, len(h.Sectors) - len(top.Sectors), len(h.Regions) - len(top.Regions)
}

// Series is a number a day. What came back counts as open all along: a verified close that was refuted is none.
type Series struct {
	Days     []finding.Day
	Opened   []int64 // findings first made on the day
	Verified []int64 // gone by evidence on the day, and not seen since
	Live     []int64 // at the end of the day (UTC); today's is that of now
}

// Closing is how long it takes until evidence shows that findings are gone.
type Closing struct {
	All      bool // of every severity together
	Severity event.Severity
	Estimate
}

// PartyPicture is the picture of one party.
type PartyPicture struct {
	At      time.Time
	Party   ident.Party
	Sector  string
	Since   finding.Day // the cohort of Closing
	Total   int64       // live
	Live    []Tally     // by severity, the worst first
	Series  Series
	Closing Estimate
	Band    Band // of the parties of its sector
}

// Band is where the middle half of the parties of a sector lies; it says nothing of any one of them.
type Band struct {
	Known             bool    // at least K parties of the sector have a median of their own
	Parties           int     // that have one, rounded down to a multiple of K
	Low, Middle, High float64 // quartiles of the parties' median days
}

// K is the least number of parties, and of findings, that a published number may stand for.
const K = 5

// Statistics are the numbers that everybody may see. Each is a multiple of K or withheld; only findings marked CLEAR or
// GREEN and never under an embargo are counted.
type Statistics struct {
	Through finding.Day // counted as at the end of this UTC day
	Live    Figure
	Parties Figure // that answer for a live finding
	Regions Breakdown
	Sectors Breakdown
	Classes Breakdown
	Weeks   []Week // the oldest first
	Closing []Closing
	Methods []string // codes of what is counted and how, each with a text in the catalogue under "method."
}

// Figure is a number fit to publish.
type Figure struct {
	Key   string
	N     int64 // a multiple of K
	Shown bool  // false: withheld, for it would point at somebody; N is 0
	Rate  *Rate // nil where no denominator is known or the parts are too small
}

// Breakdown divides the live findings by one thing.
type Breakdown struct {
	Figures []Figure // the largest first, those withheld last by key
	Rate    *Rate    // of all together: what the limits of each are drawn around
	Others  *Rate    // of those together whose own rate is withheld; nil where that is one, or their parts are too small
	Hidden  bool     // at least one is withheld
}

// Rate is the share of registered parties that answer for a live finding, with how sure it is.
type Rate struct {
	Affected, Of    int64   // rounded as published
	Value           float64 // Affected / Of
	Low, High       float64 // Wilson's 95 % interval
	Low95, High95   float64 // limits between which 95 of 100 groups of this size lie if all are alike
	Low998, High998 float64
}

// Week is seven days from Monday (UTC).
type Week struct {
	From     finding.Day
	Opened   Figure
	Verified Figure
	Live     Figure // at its end
}

// Promises is how the authority keeps what it promises: Days days up to Through, and month by month.
type Promises struct {
	Through finding.Day
	Days    int
	Whole   Kept
	Months  []Kept  // the oldest first; the last may be unfinished
	Waiting Figure  // all that waits for the authority: see promise.Work
	Oldest  float64 // hours that the oldest of them waits; 0 where none does or the number is withheld
}

// Kept is what was kept in one span of time.
type Kept struct {
	From, To finding.Day // both included
	Told     Timing      // from a finding to the notice that tells its party
	Urgent   Share       // of findings of high severity and above: told within 24 hours
	Disputes Share       // answered within five days
	Reports  Share       // of the public: acknowledged at once
	Looks    Figure      // looks into raw data, each with a stated reason
	Pairs    Figure      // acts that took two people
}

// Timing is how long something took, in hours.
type Timing struct {
	N      Figure
	Median float64
	Most   float64 // 90 of 100 took at most this
}

// Share is a part of a whole with Wilson's 95 % interval.
type Share struct {
	Kept, Of  Figure
	Value     float64 // 0 to 1; meaningless where Of is withheld or 0
	Low, High float64
	Known     bool // Value may be shown
}
