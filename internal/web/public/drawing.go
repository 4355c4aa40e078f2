package public

import (
	"math"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/lang"
	"tocsin/internal/notice"
	"tocsin/internal/situation"
	"tocsin/internal/web/atlas"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// drawing draws published numbers, with the names that they have for the visitor.
type drawing struct {
	v       *page.Visit
	library *notice.Library // nil: classes are called by their slugs
	atlas   atlas.Atlas
}

func (d drawing) region(key string) string {
	if key == situation.None {
		key = ""
	}
	return d.atlas.Name(key)
}

func (d drawing) sector(key string) string {
	if key == "" || key == situation.None {
		return d.v.T("statistics.no_sector")
	}
	return d.v.Lang.Word("sector", key)
}

func (d drawing) class(key string) string {
	if d.library != nil && d.library.Has(key) {
		return d.library.Named(key).Title.In(string(d.v.Lang))
	}
	return d.v.Lang.Word("harm_type", key)
}

// about begins a chart whose texts stand in the catalogue under a name.
func (d drawing) about(id, title, text, table string) chart.About {
	a := chart.About{Lang: d.v.Lang, ID: id, Title: title, Description: text}
	if table != "" {
		a.CSV = "/statistics.csv?table=" + table
	}
	return a
}

// number is what is drawn of a figure: nothing where it is withheld.
func number(f situation.Figure) float64 {
	if !f.Shown {
		return math.NaN()
	}
	return float64(f.N)
}

func weeks(all []situation.Week) (at []time.Time) {
	for _, w := range all {
		at = append(at, w.From.Start())
	}
	return at
}

// column collects one figure of every week.
func column(all []situation.Week, of func(situation.Week) situation.Figure) (out []float64) {
	for _, w := range all {
		out = append(out, number(of(w)))
	}
	return out
}

// open draws how many problems were open at the end of each week; full for the width of a page.
func (d drawing) open(all []situation.Week, full bool) chart.Figure {
	x := chart.Axis{Head: d.v.T("statistics.week"), Times: weeks(all), By: chart.Weekly}
	a := d.about("open", d.v.T("statistics.open"), d.v.T("statistics.open_text"), "week")
	a.Full = full
	return chart.Lines(a, x, []chart.Series{
		{Name: d.v.T("statistics.live"), Values: column(all, func(w situation.Week) situation.Figure { return w.Live })},
	})
}

// flow draws what was found anew and what was gone, week by week; full for the width of a page.
func (d drawing) flow(all []situation.Week, full bool) chart.Figure {
	x := chart.Axis{Head: d.v.T("statistics.week"), Times: weeks(all), By: chart.Weekly}
	a := d.about("flow", d.v.T("statistics.flow"), d.v.T("statistics.flow_text"), "week")
	a.Full = full
	return chart.Grouped(a, x, []chart.Series{
		{Name: d.v.T("statistics.opened"), Tone: chart.Bad, Values: column(all, func(w situation.Week) situation.Figure { return w.Opened })},
		{Name: d.v.T("statistics.verified"), Tone: chart.Good, Values: column(all, func(w situation.Week) situation.Figure { return w.Verified })},
	})
}

// ranked draws a breakdown as bars, those withheld without one.
func (d drawing) ranked(id, head string, b situation.Breakdown, name func(string) string) chart.Figure {
	var items []chart.Item
	for _, f := range b.Figures {
		it := chart.Item{Name: name(f.Key), Value: number(f)}
		if !f.Shown {
			it.Value, it.Text = 0, d.v.T("statistics.withheld")
		}
		items = append(items, it)
	}
	table := map[string]string{"classes": "class", "sectors": "sector", "regions": "region"}[id]
	a := d.about(id, d.v.Lang.Word("statistics.ranked", id), d.v.T("statistics.ranked_text"), table)
	a.Full = id == "classes" // their names are long
	return chart.Ranked(a, head, d.v.T("statistics.live"), items)
}

// mapped draws the problems by region on a map where there is one; else as bars. The number and not the share is drawn: the
// share is withheld wherever fewer than five organisations have a problem or have none, and would leave most maps empty.
func (d drawing) mapped(b situation.Breakdown) chart.Figure {
	var counts []atlas.Count
	for _, f := range b.Figures {
		c := atlas.Count{Region: f.Key, Spot: chart.Spot{Value: number(f)}}
		if !f.Shown {
			c.Spot.Text = d.v.T("statistics.withheld")
		}
		if f.Rate != nil {
			c.Sub = d.v.T("statistics.affected", int(math.Round(f.Rate.Value*100)))
		}
		counts = append(counts, c)
	}
	places := d.atlas.Places(counts, func(string) chart.Spot { return chart.Spot{} })
	if len(counts) == 0 || !chart.Mapped(d.atlas.Shapes, places) {
		return d.ranked("regions", d.v.T("field.region"), b, d.region)
	}
	a := d.about("regions", d.v.Lang.Word("statistics.ranked", "regions"), d.v.T("statistics.mapped_text"), "region")
	return chart.Regions(a, d.v.T("field.region"), d.v.T("statistics.live"), d.atlas.Shapes, places)
}

// compared draws the share of registered organisations with a problem against how many there are: what lies between the
// limits does not differ from the rest.
func (d drawing) compared(id, head string, b situation.Breakdown, name func(string) string) chart.Figure {
	var rates []chart.Rate
	for _, f := range b.Figures {
		if r := f.Rate; r != nil {
			rates = append(rates, chart.Rate{Name: name(f.Key), Count: float64(r.Affected), Base: float64(r.Of), Low: r.Low, High: r.High})
		}
	}
	if r := b.Others; r != nil {
		rates = append(rates, chart.Rate{Name: d.v.T("statistics.others"), Count: float64(r.Affected), Base: float64(r.Of), Low: r.Low, High: r.High})
	}
	a := d.about(id, d.v.Lang.Word("statistics.compared", id), d.v.T("statistics.compared_text"), "")
	a.Unit, a.Empty = chart.Percent, d.v.T("statistics.compared_empty")
	return chart.Control(a, head, d.v.T("statistics.parties_all"), rates)
}

// closing draws the day by which half of the problems of a severity are gone, with its interval.
func (d drawing) closing(all []situation.Closing) chart.Figure {
	var items []chart.Item
	for _, c := range all {
		it := chart.Item{Name: d.v.T("statistics.all"), Sub: d.v.T("statistics.of_findings", c.N)}
		if !c.All {
			it.Name, it.Tone = severityWord(d.v.Lang, c.Severity), toneOf(c.Severity)
		}
		if q := c.Median; q.Known {
			it.Value = float64(q.Days)
			if q.LowKnown && q.HighKnown {
				it.Low, it.High = float64(q.Low), float64(q.High)
			}
		} else {
			it.Text = d.v.T("statistics.not_yet")
		}
		items = append(items, it)
	}
	a := d.about("closing", d.v.T("statistics.closing"), d.v.T("statistics.closing_text"), "closing")
	a.Unit, a.Full = chart.Days, true
	return chart.Ranked(a, d.v.T("field.severity"), d.v.T("statistics.median"), items)
}

func severityWord(l lang.Language, s event.Severity) string {
	if s == event.Unknown {
		return l.Word("severity", "unknown")
	}
	return l.Word("severity", s.String())
}

func toneOf(s event.Severity) chart.Tone {
	switch s {
	case event.Critical:
		return chart.Critical
	case event.High:
		return chart.High
	case event.Medium:
		return chart.Medium
	case event.Low:
		return chart.Low
	case event.Info:
		return chart.Info
	case event.Unknown:
	}
	return chart.Unknown
}
