package public

import (
	"context"
	"math"
	"strconv"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/lang"
	"tocsin/internal/promise"
	"tocsin/internal/situation"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

type promisesBody struct {
	From, Through time.Time // both days included
	Any           bool      // something was counted
	Rows          []kept
	Chart         chart.Figure
	Months        []keptMonth
	Waiting       string // all that waits for the authority
	Oldest        string // how long the oldest of them waits; may be empty
}

// kept is one promise, in words: what it is, how it is counted, and how it was kept.
type kept struct {
	Code  string // told, urgent, disputes, reports, looks or pairs
	Goal  string // empty where there is none
	Value string
	Sure  string // its interval, and of how many; may be empty
	Brief string // its interval alone; may be empty
}

type keptMonth struct {
	From  time.Time
	Cells []kept
}

// promises shows how the authority keeps its own promises, counted from the ledger.
func (p *public) promises(v *page.Visit) error {
	var s situation.Promises
	if p.Picture != nil {
		var err error
		s, _, err = p.kept.Get(v.R.Context(), v.Now, keepFigures, func(ctx context.Context) (situation.Promises, error) {
			return p.Picture.Promises(ctx, v.Now)
		})
		if err != nil {
			return err
		}
	}
	b := promisesBody{
		From: s.Whole.From.Start(), Through: s.Through.Start(), Any: counted(s.Whole) || s.Waiting.N > 0, Rows: keeping(v, s.Whole), Chart: monthly(v, s.Months),
		Waiting: lang.Number(s.Waiting.N), // exact: nobody but the authority stands behind it
	}
	if s.Oldest > 0 {
		b.Oldest = v.Lang.Span(hours(s.Oldest))
	}
	for _, m := range s.Months {
		b.Months = append(b.Months, keptMonth{m.From.Start(), keeping(v, m)})
	}
	return page.Show(v, "public/promises", v.T("promises.title"), b)
}

// counted reports whether there is anything to show, or something that is withheld.
func counted(k situation.Kept) bool {
	some := func(f situation.Figure) bool { return f.N > 0 || !f.Shown && k.To > 0 }
	return some(k.Told.N) || some(k.Urgent.Of) || some(k.Disputes.Of) || some(k.Reports.Of) || some(k.Looks) || some(k.Pairs)
}

// keeping puts what was kept into words, in the order of the page.
func keeping(v *page.Visit, k situation.Kept) []kept {
	return []kept{
		timing(v, k.Told),
		shareText(v, "urgent", v.T("promises.within", v.Lang.Span(24*time.Hour)), k.Urgent),
		shareText(v, "disputes", v.T("promises.within", spanOf(v, promise.Within(promise.Dispute, event.High))), k.Disputes),
		shareText(v, "reports", v.T("promises.at_once"), k.Reports),
		{Code: "looks", Value: figureText(v, k.Looks)},
		{Code: "pairs", Value: figureText(v, k.Pairs)},
	}
}

func hours(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }

func timing(v *page.Visit, t situation.Timing) kept {
	k := kept{Code: "told"}
	switch {
	case !t.N.Shown:
		k.Value = v.T("promises.few")
	case t.N.N == 0:
		k.Value = v.T("promises.none")
	default:
		most := v.Lang.Span(hours(t.Most))
		k.Value, k.Sure, k.Brief = v.Lang.Span(hours(t.Median)), v.T("promises.most", most, t.N.N), v.T("promises.most_brief", most)
	}
	return k
}

func shareText(v *page.Visit, code, goal string, s situation.Share) kept {
	k := kept{Code: code, Goal: goal}
	switch {
	case s.Known:
		k.Value = percent(s.Value)
		k.Sure = v.T("promises.interval", percent(s.Low), percent(s.High), s.Of.N)
		k.Brief = percent(s.Low) + "–" + percent(s.High)
	case s.Of.Shown && s.Of.N == 0:
		k.Value = v.T("promises.none")
	default:
		k.Value = v.T("promises.few")
	}
	return k
}

func figureText(v *page.Visit, f situation.Figure) string {
	if !f.Shown {
		return v.T("promises.under", situation.K)
	}
	if f.N == 0 {
		return "0"
	}
	return v.T("statistics.about", f.N)
}

// percent writes a share. What is nearly all is not written as all.
func percent(share float64) string {
	n := math.Round(100 * share)
	if n == 100 && share < .9995 {
		n = 99
	}
	return strconv.FormatFloat(n, 'f', 0, 64) + "%"
}

// monthly draws the two shares that there is a goal in hours for, month by month, with their intervals.
func monthly(v *page.Visit, months []situation.Kept) chart.Figure {
	a := chart.About{Lang: v.Lang, ID: "months", Full: true, Title: v.T("promises.chart"), Description: v.T("promises.chart_text"), Unit: chart.Percent}
	x := chart.Axis{Head: v.T("promises.month"), By: chart.Monthly}
	urgent := chart.Series{Name: v.Lang.Word("promise", "urgent.short"), Tone: chart.Good}
	band := chart.Band{Name: v.T("promises.band"), Of: 1}
	for _, m := range months {
		x.Times = append(x.Times, m.From.Start())
		s := m.Urgent
		if !s.Known {
			s.Value, s.Low, s.High = math.NaN(), math.NaN(), math.NaN()
		}
		urgent.Values = append(urgent.Values, s.Value)
		band.Low, band.High = append(band.Low, s.Low), append(band.High, s.High)
	}
	return chart.Lines(a, x, []chart.Series{urgent}, band)
}
