package public

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/gate"
	"tocsin/internal/situation"
	"tocsin/internal/web/atlas"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// keepFigures is how old published numbers may be: they change once a day, and a start may bring those of yesterday late.
const keepFigures = 5 * time.Minute

// figures returns the open statistics. Without a picture they are empty.
func (p *public) figures(v *page.Visit) (situation.Statistics, error) {
	if p.Picture == nil {
		return situation.Statistics{}, nil
	}
	s, _, err := p.counted.Get(v.R.Context(), v.Now, keepFigures, func(ctx context.Context) (situation.Statistics, error) {
		return p.Picture.Public(ctx, v.Now)
	})
	return s, err
}

type statisticsBody struct {
	Through  time.Time // the end of the day that was counted last
	Any      bool      // there is something to count
	Live     situation.Figure
	Parties  situation.Figure
	Gone     gone
	Least    int  // the smallest number that is published
	Hidden   bool // something is withheld
	Open     chart.Figure
	Flow     chart.Figure
	Classes  chart.Figure
	Sectors  chart.Figure
	Regions  chart.Figure
	BySector chart.Figure // the same share compared
	ByRegion chart.Figure
	Closing  chart.Figure
	Methods  []string
}

// gone is the day by which half of the problems are gone, with how sure that is.
type gone struct {
	Known       bool
	Days        int
	Low, High   int
	Bounded     bool // both ends of the interval are known
	N, Verified int64
}

func goneOf(s situation.Statistics) gone {
	for _, c := range s.Closing {
		if c.All {
			q := c.Median
			return gone{Known: q.Known, Days: q.Days, Low: q.Low, High: q.High, Bounded: q.LowKnown && q.HighKnown, N: c.N, Verified: c.Verified}
		}
	}
	return gone{}
}

// statistics shows the numbers that everybody may see.
func (p *public) statistics(v *page.Visit) error {
	s, err := p.figures(v)
	if err != nil {
		return err
	}
	d, err := p.drawing(v)
	if err != nil {
		return err
	}
	return page.Show(v, "public/statistics", v.T("statistics.title"), statisticsBody{
		Through: s.Through.Start(), Any: anything(s), Live: s.Live, Parties: s.Parties, Gone: goneOf(s), Least: situation.K,
		Hidden: s.Regions.Hidden || s.Sectors.Hidden || s.Classes.Hidden,
		Open:   d.open(s.Weeks, true), Flow: d.flow(s.Weeks, true),
		Classes:  d.ranked("classes", v.T("statistics.class"), s.Classes, d.class),
		Sectors:  d.ranked("sectors", v.T("field.sector"), s.Sectors, d.sector),
		Regions:  d.mapped(s.Regions),
		BySector: d.compared("by-sector", v.T("field.sector"), s.Sectors, d.sector),
		ByRegion: d.compared("by-region", v.T("field.region"), s.Regions, d.region),
		Closing:  d.closing(s.Closing), Methods: situation.Methods,
	})
}

// anything reports whether there is a number to show, or one withheld.
func anything(s situation.Statistics) bool {
	return s.Live.N > 0 || !s.Live.Shown && s.Through > 0 || len(s.Classes.Figures) > 0 || len(s.Weeks) > 0
}

// row is one published number, for files. The words are codes: files are the same in every language.
type row struct {
	Table    string   `json:"table"`         // total, region, sector, class, week or closing
	Key      string   `json:"key"`           // of what; empty for totals
	Measure  string   `json:"measure"`       // live, parties, share, opened, verified or median_days
	Value    *float64 `json:"value"`         // null where it is withheld or not known
	Withheld bool     `json:"withheld"`      // it would point at somebody
	Low      *float64 `json:"low,omitempty"` // 95 % interval
	High     *float64 `json:"high,omitempty"`
	Of       *int64   `json:"of,omitempty"` // the denominator of a share, the findings of a median
}

// numbers lists every number of the statistics, those of one table where one is named.
func numbers(s situation.Statistics, table string) []row {
	all := []row{count("total", "", "live", s.Live), count("total", "", "parties", s.Parties)}
	for _, b := range []struct {
		table string
		of    situation.Breakdown
	}{{"region", s.Regions}, {"sector", s.Sectors}, {"class", s.Classes}} {
		for _, f := range b.of.Figures {
			all = append(all, count(b.table, f.Key, "live", f))
			if f.Rate != nil {
				all = append(all, share(b.table, f.Key, *f.Rate))
			}
		}
		if b.of.Others != nil {
			all = append(all, share(b.table, "others", *b.of.Others))
		}
	}
	for _, w := range s.Weeks {
		from := w.From.String()
		all = append(all, count("week", from, "opened", w.Opened), count("week", from, "verified", w.Verified), count("week", from, "live", w.Live))
	}
	for _, c := range s.Closing {
		all = append(all, median(c))
	}
	var out []row
	for _, r := range all {
		if table == "" || r.Table == table {
			out = append(out, r)
		}
	}
	return out
}

func count(table, key, measure string, f situation.Figure) row {
	r := row{Table: table, Key: key, Measure: measure, Withheld: !f.Shown}
	if f.Shown {
		n := float64(f.N)
		r.Value = &n
	}
	return r
}

func share(table, key string, rate situation.Rate) row {
	return row{Table: table, Key: key, Measure: "share", Value: &rate.Value, Low: &rate.Low, High: &rate.High, Of: &rate.Of}
}

func median(c situation.Closing) row {
	key := "all"
	if !c.All {
		key = c.Severity.String()
	}
	r := row{Table: "closing", Key: key, Measure: "median_days", Of: &c.N}
	bound := func(days int, known bool) *float64 {
		if !known {
			return nil
		}
		d := float64(days)
		return &d
	}
	q := c.Median
	r.Value, r.Low, r.High = bound(q.Days, q.Known), bound(q.Low, q.LowKnown), bound(q.High, q.HighKnown)
	return r
}

// statisticsCSV hands the numbers out as a table: RFC 4180, UTF-8, a header, one number a line.
func (p *public) statisticsCSV(v *page.Visit) error {
	s, err := p.figures(v)
	if err != nil {
		return err
	}
	rows := numbers(s, v.R.FormValue("table"))
	if len(rows) == 0 {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	gate.Saved(v.W.Header(), "text/csv; charset=utf-8", "statistics-"+s.Through.String()+".csv")
	if err := writeNumbers(v.W, s, rows); err != nil {
		v.Kit.Log.DebugContext(v.R.Context(), "statistics not sent", "error", err)
	}
	return nil
}

func writeNumbers(w io.Writer, s situation.Statistics, rows []row) error {
	lines := [][]string{numbersHeader}
	for _, r := range rows {
		of := ""
		if r.Of != nil {
			of = strconv.FormatInt(*r.Of, 10)
		}
		lines = append(lines, []string{
			s.Through.String(), r.Table, inert(r.Key), r.Measure, decimal(r.Value), strconv.FormatBool(r.Withheld), decimal(r.Low), decimal(r.High), of,
		})
	}
	return csv.NewWriter(w).WriteAll(lines)
}

func decimal(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'g', 6, 64)
}

// inert keeps a spreadsheet from running a key, which an operator chose.
func inert(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t') {
		return "'" + s
	}
	return s
}

// statisticsJSON hands the same numbers out as one document.
func (p *public) statisticsJSON(v *page.Visit) error {
	s, err := p.figures(v)
	if err != nil {
		return err
	}
	rows := numbers(s, v.R.FormValue("table"))
	if len(rows) == 0 {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	return sendJSON(v, document{s.Through, situation.K, situation.Methods, rows})
}

// document is the statistics as JSON.
type document struct {
	Through finding.Day `json:"through"` // end of this UTC day
	Least   int         `json:"least"`   // numbers are multiples of it, or withheld
	Methods []string    `json:"methods"`
	Rows    []row       `json:"rows"`
}

// drawing draws the charts of one page in the visitor's language.
func (p *public) drawing(v *page.Visit) (drawing, error) {
	d := drawing{v: v, library: p.Library, atlas: atlas.Atlas{Lang: v.Lang, Shapes: p.Shapes, Nobody: v.T("statistics.no_region")}}
	if p.Loop == nil {
		return d, nil
	}
	var err error
	d.atlas.Regions, err = p.Loop.Regions(v.R.Context())
	if errors.Is(err, fault.NotFound) {
		err = nil
	}
	return d, err
}
