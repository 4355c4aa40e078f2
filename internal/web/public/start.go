package public

import (
	"time"

	"tocsin/internal/situation"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// startBody is the first page: what is going on, in a sentence and two charts, and what one can do.
type startBody struct {
	Through time.Time // the end of the day that was counted last
	Any     bool      // there is something to count
	Live    situation.Figure
	Parties situation.Figure
	Gone    gone
	Trend   string // "more", "fewer", "same" or empty: beside a week before
	Open    chart.Figure
	Flow    chart.Figure
}

// startWeeks is how much of the series the first page shows: the last 30 days lie in five weeks.
const startWeeks = 5

func (p *public) start(v *page.Visit) error {
	s, err := p.figures(v)
	if err != nil {
		return err
	}
	d, recent := drawing{v: v}, s.Weeks[max(0, len(s.Weeks)-startWeeks):]
	b := startBody{
		Through: s.Through.Start(), Any: anything(s), Live: s.Live, Parties: s.Parties, Gone: goneOf(s), Trend: trend(s.Weeks),
		Open: d.open(recent, false), Flow: d.flow(recent, false),
	}
	return page.Show(v, "public/start", v.T("public.start.title"), b)
}

// trend compares the last two weeks whose ends were counted. Numbers that differ by less than one in twenty, or by less
// than the rounding can make, are the same.
func trend(weeks []situation.Week) string {
	if len(weeks) < 2 {
		return ""
	}
	before, now := weeks[len(weeks)-2].Live, weeks[len(weeks)-1].Live
	if !before.Shown || !now.Shown {
		return ""
	}
	least := max(situation.K, before.N/20)
	switch d := now.N - before.N; {
	case d > least:
		return "more"
	case -d > least:
		return "fewer"
	}
	return "same"
}
