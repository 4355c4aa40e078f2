package situation

import (
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/finding"
)

// Ended counts findings of one severity by what became of them so many whole days after their making: for a live finding,
// its age.
type Ended struct {
	Days     int
	Severity event.Severity
	State    finding.State
	N        int64
}

// lives says what a finding tells about closing. A verified close is the event. A false positive was never a problem and
// is left out. Whoever accepts a risk or is not seen again for too long (stale) has shown nothing: known to be open until
// then, censored. So are live findings, at their age.
func lives(all []Ended, of func(Ended) bool) []Life {
	byDay := map[Life]int64{}
	for _, e := range all {
		if e.State == finding.FalsePositive || !of(e) {
			continue
		}
		byDay[Life{Days: max(0, e.Days), Verified: e.State == finding.VerifiedClosed}] += e.N
	}
	out := make([]Life, 0, len(byDay))
	for l, n := range byDay {
		l.N = n
		out = append(out, l)
	}
	return out
}

// EstimateOf estimates the closing of all findings together.
func EstimateOf(all []Ended) Estimate {
	return KaplanMeier(lives(all, func(Ended) bool { return true }))
}

// ClosingOf estimates the closing of all findings together, then of each severity that occurs, the worst first.
func ClosingOf(all []Ended) []Closing {
	out := []Closing{{All: true, Estimate: EstimateOf(all)}}
	var severities []event.Severity
	for _, e := range all {
		if !slices.Contains(severities, e.Severity) {
			severities = append(severities, e.Severity)
		}
	}
	slices.Sort(severities)
	slices.Reverse(severities)
	for _, s := range severities {
		out = append(out, Closing{Severity: s, Estimate: KaplanMeier(lives(all, func(e Ended) bool { return e.Severity == s }))})
	}
	return out
}

// BandOf is the band of a sector from its parties' estimates: the quartiles of their medians, where at least K of them have
// one. The number of parties is rounded down to a multiple of K, so that one more or less is not seen.
func BandOf(parties []Estimate) Band {
	var medians []float64
	for _, e := range parties {
		if e.Median.Known {
			medians = append(medians, float64(e.Median.Days))
		}
	}
	if len(medians) < K {
		return Band{}
	}
	b := Band{Known: true, Parties: len(medians) / K * K}
	b.Low, b.Middle, b.High = Quartiles(medians)
	return b
}
