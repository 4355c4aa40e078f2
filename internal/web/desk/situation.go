package desk

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/internal/act/picture"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/gate"
	"tocsin/internal/lang"
	"tocsin/internal/situation"
	"tocsin/internal/web/atlas"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

type situationBody struct {
	situation.Situation
	Windows []part
	Tiles   []tile
	Feeds   feedTally
	Closing []closing
	Figures map[string]chart.Figure
	Worst   string // the worst list there is
	Calm    bool   // nothing is known yet
}

// tile is one number with what it was a week before.
type tile struct {
	Label, Link string
	N           int64
	Change      string // in words; empty where nothing is compared
	Worse       bool
}

// closing is how long one severity takes until evidence shows that it is gone.
type closing struct {
	Label    string
	Severity event.Severity
	All      bool
	situation.Estimate
}

// feedTally is how the sources are.
type feedTally struct{ Good, Silent, Failing, All int }

// windows are the spans of the cohort that the page offers, in days.
var windows = []int{7, 30, 90, 365}

// situationWindow reads the window from the address: 30 days where it says none.
func situationWindow(q url.Values) (picture.Window, error) {
	text := q.Get("days")
	if text == "" {
		return picture.Window{Days: 30, Series: 90}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 365 {
		return picture.Window{}, fault.New(fault.Invalid, "days: a number from 1 to 365 was expected")
	}
	return picture.Window{Days: n, Series: max(n, 15)}, nil
}

func (d *desk) situation(v *page.Visit) error {
	w, err := situationWindow(v.R.URL.Query())
	if err != nil {
		return err
	}
	b, err := d.picture(v, w, false)
	if err != nil {
		return err
	}
	if b.Feeds, _, err = d.tally.Get(v.R.Context(), v.Now, feedsAge, func(ctx context.Context) (feedTally, error) {
		return d.feedTally(ctx, v.Now)
	}); err != nil {
		return err
	}
	for _, n := range windows {
		b.Windows = append(b.Windows, part{Label: v.Lang.N("time.day", int64(n)), URL: fmt.Sprintf("/desk/situation?days=%d", n), Current: n == w.Days})
	}
	b.tiles(v)
	return page.Show(v, "desk/situation", v.T("situation.title"), b)
}

// picture reads the situation and draws its figures.
func (d *desk) picture(v *page.Visit, w picture.Window, whole bool) (*situationBody, error) {
	s, err := d.acts.Picture.Desk(v.R.Context(), v.Now, v.Who.Actor, w)
	if err != nil {
		return nil, err
	}
	b := &situationBody{Situation: *s, Calm: s.Total == 0 && len(s.Classes) == 0}
	for _, c := range s.Closing {
		b.Closing = append(b.Closing, closing{closingName(v, c), c.Severity, c.All, c.Estimate})
	}
	if b.Figures, err = d.figures(v, w, s, whole); err != nil {
		return nil, err
	}
	if len(s.Live) > 0 {
		b.Worst = s.Live[0].Query.Link()
	}
	return b, nil
}

// drawn keeps the figures of the pictures that are being shown: each is the same for all who may read it, for some seconds.
type drawn struct {
	mu sync.Mutex
	of map[sketch]map[string]chart.Figure
}

type sketch struct {
	of   *situation.Situation
	lang lang.Language
}

// mostDrawn bounds the pictures of which figures are kept, at some 200 kB each.
const mostDrawn = 8

func (d *drawn) get(s sketch) map[string]chart.Figure {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of[s]
}

func (d *drawn) put(s sketch, figures map[string]chart.Figure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil || len(d.of) >= mostDrawn {
		d.of = map[sketch]map[string]chart.Figure{}
	}
	d.of[s] = figures
}

// figures draws a picture, or returns what was drawn of it.
func (d *desk) figures(v *page.Visit, w picture.Window, s *situation.Situation, whole bool) (map[string]chart.Figure, error) {
	of := sketch{s, v.Lang}
	if out := d.drawn.get(of); out != nil && !whole {
		return out, nil
	}
	regions, err := d.loop.Regions(v.R.Context())
	if err != nil {
		return nil, err
	}
	land := atlas.Atlas{Lang: v.Lang, Regions: regions, Shapes: d.acts.Shapes, Nobody: v.T("filter.unknown")}
	title := func(class string) string { return d.loop.ClassNamed(class).Title.In(string(v.Lang)) }
	draw := drawing{v, w, s, title, whole}
	out := map[string]chart.Figure{
		"funnel": draw.funnel(), "severity": draw.severity(), "classes": draw.classes(), "flow": draw.flow(), "live": draw.live(),
		"closing": draw.closing(), "heat": draw.heat(land), "regions": draw.regions(land),
	}
	if !whole {
		d.drawn.put(of, out)
	}
	return out, nil
}

func (b *situationBody) tiles(v *page.Visit) {
	for _, c := range b.Changes {
		link := ""
		if c.Query != (situation.Query{}) {
			link = c.Query.Link()
		}
		b.Tiles = append(b.Tiles, tile{
			Label: v.Lang.Word("situation.change", c.Code), Link: link, N: c.Now, Change: difference(v, c.Difference()),
			Worse: c.Difference() > 0 && c.Code != "verified" || c.Difference() < 0 && c.Code == "verified",
		})
	}
	b.Tiles = append(b.Tiles, tile{Label: v.T("situation.orphans"), Link: b.Orphans.Query.Link(), N: b.Orphans.N})
}

func difference(v *page.Visit, n int64) string {
	switch {
	case n > 0:
		return v.T("situation.more", n)
	case n < 0:
		return v.T("situation.fewer", -n)
	}
	return v.T("situation.same")
}

func closingName(v *page.Visit, c situation.Closing) string {
	if c.All {
		return v.T("situation.all_severities")
	}
	return v.Lang.Word("severity", severityWord(c.Severity))
}

func severityWord(s event.Severity) string {
	if s == event.Unknown {
		return "unknown"
	}
	return s.String()
}

// feedsAge is when that tally is made anew, by one visitor; those who come meanwhile see the one before. The page of the feeds
// itself is always of now.
const feedsAge = 5 * time.Second

func (d *desk) feedTally(ctx context.Context, now time.Time) (feedTally, error) {
	var out feedTally
	all, err := d.loop.FeedHealth(ctx, now)
	for i := range all {
		out.All++
		switch {
		case all[i].Feed.Poll.Failures > 0:
			out.Failing++
		case all[i].Silent:
			out.Silent++
		default:
			out.Good++
		}
	}
	return out, err
}

// situationCSV is one figure as a file, with the window of the page.
func (d *desk) situationCSV(v *page.Visit) error {
	name, ok := strings.CutSuffix(v.R.PathValue("figure"), ".csv")
	w, err := situationWindow(v.R.URL.Query())
	if err != nil {
		return err
	}
	b, err := d.picture(v, w, true)
	if err != nil {
		return err
	}
	f, known := b.Figures[name]
	if !ok || !known {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	gate.Saved(v.W.Header(), "text/csv; charset=utf-8", fmt.Sprintf("%s-%s.csv", name, v.Now.UTC().Format(time.DateOnly)))
	if err := f.WriteCSV(v.W); err != nil {
		d.kit.Log.DebugContext(v.R.Context(), "figure not sent", "error", err)
	}
	return nil
}

// drawing draws the figures of one situation.
type drawing struct {
	v *page.Visit
	w picture.Window
	s *situation.Situation

	class func(id string) string // what a class is called
	whole bool                   // for a file: nothing is left out for want of room
}

// topHeat is how many sectors and regions the heat map shows; the file has all.
const topHeat = 8

func (d drawing) about(id string) chart.About {
	return chart.About{
		Lang: d.v.Lang, ID: id, Title: d.v.Lang.Word("situation.figure", id), Description: d.v.Lang.Word("situation.hint", id),
		CSV: fmt.Sprintf("/desk/situation/%s.csv?days=%d", id, d.w.Days), Empty: d.v.Lang.Word("situation.nothing", id),
	}
}

func (d drawing) funnel() chart.Figure {
	items := make([]chart.Item, 0, len(d.s.Funnel))
	for _, f := range d.s.Funnel {
		link := "/desk/signals"
		if f.Stage != situation.Received {
			link = f.Query.Link()
		}
		items = append(items, chart.Item{Name: d.v.Lang.Word("stage", string(f.Stage)), Link: link, Value: float64(f.N)})
	}
	return chart.Funnel(d.about("funnel"), d.v.T("filter.stage"), d.v.T("field.findings"), items)
}

var tones = map[event.Severity]chart.Tone{
	event.Critical: chart.Critical, event.High: chart.High, event.Medium: chart.Medium, event.Low: chart.Low, event.Info: chart.Info, event.Unknown: chart.Unknown,
}

func (d drawing) severity() chart.Figure {
	items := make([]chart.Item, 0, len(d.s.Live))
	for _, t := range d.s.Live {
		items = append(items, chart.Item{Name: d.v.Lang.Word("severity", severityWord(t.Severity)), Link: t.Query.Link(), Tone: tones[t.Severity], Value: float64(t.N)})
	}
	return chart.Ranked(d.about("severity"), d.v.T("field.severity"), d.v.T("field.live"), items)
}

// topClasses is how many exposures the figure names.
const topClasses = 12

func (d drawing) classes() chart.Figure {
	items := make([]chart.Item, 0, topClasses)
	for _, t := range d.s.Classes[:min(len(d.s.Classes), topClasses)] {
		items = append(items, chart.Item{Name: d.class(t.Key), Sub: t.Key, Link: t.Query.Link(), Value: float64(t.N)})
	}
	return chart.Ranked(d.about("classes"), d.v.T("field.class"), d.v.T("field.live"), items)
}

// regions draws the live findings by region on a map where there is one; else as bars.
func (d drawing) regions(land atlas.Atlas) chart.Figure {
	var counts []atlas.Count
	for _, t := range d.s.Heat.ByRegion() {
		c := atlas.Count{Region: t.Key, Spot: chart.Spot{Value: float64(t.N), Link: t.Query.Link()}}
		if t.Key == situation.None {
			c.Region = ""
		}
		counts = append(counts, c)
	}
	places := land.Places(counts, func(code string) chart.Spot {
		return chart.Spot{Link: situation.Query{State: liveState, Region: code}.Link()}
	})
	return chart.Regions(d.about("regions"), d.v.T("field.region"), d.v.T("field.live"), land.Shapes, places)
}

func (d drawing) heat(land atlas.Atlas) chart.Figure {
	h, a := d.s.Heat, d.about("heat")
	if !d.whole {
		var sectors, regions int
		if h, sectors, regions = h.Top(topHeat); sectors+regions > 0 {
			a.Note = d.v.T("situation.heat_rest", sectors, regions)
		}
	}
	rows, columns := make([]string, len(h.Sectors)), make([]string, len(h.Regions))
	cells := make([][]chart.Spot, len(h.Sectors))
	for i, s := range h.Sectors {
		rows[i] = d.v.Lang.Word("sector", s)
		if s == situation.None || s == "" {
			rows[i] = d.v.T("filter.unknown")
		}
		cells[i] = make([]chart.Spot, len(h.Regions))
		for j := range h.Regions {
			cells[i][j] = chart.Spot{Value: float64(h.N[i][j]), Link: h.Query(i, j).Link()}
		}
	}
	for j, r := range h.Regions {
		if r == situation.None {
			r = ""
		}
		columns[j] = land.Name(r)
	}
	return chart.Heat(a, d.v.T("field.sector"), rows, columns, cells)
}

// daily is the axis of days.
func daily(v *page.Visit, days []finding.Day) chart.Axis {
	x := chart.Axis{Head: v.T("field.at"), By: chart.Daily, Times: make([]time.Time, len(days))}
	for i, d := range days {
		x.Times[i] = d.Start()
	}
	return x
}

func floats(n []int64) []float64 {
	out := make([]float64, len(n))
	for i := range n {
		out[i] = float64(n[i])
	}
	return out
}

// flow sets what began beside what evidence ended, by day. Today is left out: half a day beside whole ones looks like a fall.
func (d drawing) flow() chart.Figure {
	s := d.s.Series
	n := max(0, len(s.Days)-1)
	x := daily(d.v, s.Days[:n])
	opened, verified := make([]string, n), make([]string, n)
	for i, day := range s.Days[:n] {
		opened[i] = situation.Query{State: anyState, Since: day, Until: day}.Link()
		verified[i] = "" // by when it ended no list can ask
	}
	return chart.Lines(d.about("flow"), x, []chart.Series{
		{Name: d.v.T("situation.opened"), Tone: chart.Bad, Values: floats(s.Opened[:n]), Links: opened},
		{Name: d.v.T("situation.verified"), Tone: chart.Good, Values: floats(s.Verified[:n]), Links: verified},
	})
}

func (d drawing) live() chart.Figure {
	s := d.s.Series
	return chart.Areas(d.about("live"), daily(d.v, s.Days), []chart.Series{
		{Name: d.v.T("field.live"), Link: situation.Query{State: liveState}.Link(), Values: floats(s.Live)},
	})
}

// closing is the Kaplan–Meier curve of each severity that has one.
func (d drawing) closing() chart.Figure {
	var curves []chart.Curve
	for _, c := range d.s.Closing {
		if len(c.Curve) == 0 || c.Severity < event.Medium && !c.All {
			continue
		}
		curve := chart.Curve{Name: closingName(d.v, c), Tone: tones[c.Severity]}
		if c.All {
			curve.Tone = chart.Plain
		}
		for _, p := range c.Curve {
			curve.Steps = append(curve.Steps, chart.Fall{At: float64(p.Days), Share: p.Open, Low: p.Low, High: p.High, AtRisk: p.Risk})
		}
		curves = append(curves, curve)
	}
	return chart.Survival(d.about("closing"), curves)
}
