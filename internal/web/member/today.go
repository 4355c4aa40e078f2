package member

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"strconv"

	"tocsin/internal/act/exposure"
	"tocsin/internal/act/register"
	"tocsin/internal/event"
	"tocsin/internal/lang"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// tally is a number with the list that it counts.
type tally struct {
	Severity event.Severity
	Count    int
	Link     string
}

// groupRow is what one resource or system led to the party.
type groupRow struct {
	Name  string
	Value string // of the resource or asset; empty where it is the name
	Basis party.Basis
	Worst event.Severity
	Count int
	Link  string
}

type todayBody struct {
	Name      string
	Late      []page.Clock
	Next      []page.Clock
	More      int // clocks beyond those shown
	Urgent    string
	Open      []tally
	OpenAll   int
	Fresh     []tally
	FreshAll  int
	FreshLink string
	Groups    []groupRow
	Changes   []register.Row // that wait for the desk
	Unproved  int            // contacts whose address nobody has confirmed
	Bounced   int
	Untold    bool // nobody can be told
	Answers   bool // the visitor may answer
	Trend     trend
}

// Limits of the first page: it is a beginning, each part leads to its whole list.
const (
	clocksShown = 6
	clocksRead  = 100
	groupsShown = 6
)

func (m *member) today(v *page.Visit) error {
	ctx, by := v.R.Context(), v.Who.Actor
	b := todayBody{Name: v.Who.PartyName, Answers: v.May(people.Answer)}
	p, err := m.Register.Own(ctx, v.Now, by)
	if err != nil {
		return err
	}
	over, err := m.Exposure.Overview(ctx, v.Now, by)
	if err != nil {
		return err
	}
	b.Open, b.OpenAll = tallies(over.Open, url.Values{}), exposure.Total(over.Open)
	b.Fresh, b.FreshAll = tallies(over.Fresh, url.Values{"new": {"7d"}}), exposure.Total(over.Fresh)
	b.FreshLink = exposurePage + "?new=7d"
	b.Groups = groupRows(&p, over.Groups, groupsShown)
	if err := b.deadlines(ctx, v, m.Exposure); err != nil {
		return err
	}
	if b.Changes, err = m.Register.Mine(ctx, v.Now, by, party.Proposed, register.Cursor{}, 50); err != nil {
		return err
	}
	b.reach(&p)
	b.urgent()
	if b.Trend, err = m.trend(v); err != nil {
		return err
	}
	return page.Show(v, "member/my", v.T("member.my.title"), b)
}

// tallies turns counts by severity into numbers with their lists, the worst first.
func tallies(n map[event.Severity]int, q url.Values) []tally {
	var out []tally
	for _, s := range event.Severities {
		if n[s] == 0 {
			continue
		}
		q.Set("severity", severityCode(s))
		out = append(out, tally{s, n[s], exposurePage + "?" + q.Encode()})
	}
	return out
}

func groupRows(p *party.Party, groups []exposure.Group, most int) []groupRow {
	var out []groupRow
	for _, g := range groups[:min(most, len(groups))] {
		r := groupRow{
			Name: exposure.NameOf(p, g.Basis, g.Value), Value: g.Value, Basis: g.Basis, Worst: g.Worst, Count: g.Count,
			Link: exposurePage + "?" + url.Values{"matched": {g.Value}}.Encode(),
		}
		if r.Name == r.Value {
			r.Value = ""
		}
		if g.Value == "" { // by hand or by the region: nothing of the party's led there
			r.Link = exposurePage
		}
		out = append(out, r)
	}
	return out
}

// deadlines fills the clocks.
func (b *todayBody) deadlines(ctx context.Context, v *page.Visit, e *exposure.Exposure) error {
	all, err := e.Deadlines(ctx, v.Now, v.Who.Actor, clocksRead)
	if err != nil {
		return err
	}
	for i, d := range all {
		if i == clocksShown {
			b.More = len(all) - clocksShown
			break
		}
		c := page.Clock{
			Label: fmt.Sprintf("%s: %s", v.Lang.Word("severity", severityCode(d.Severity)), v.Lang.N("findings", int64(d.Findings))),
			Link:  "/my/notices/" + string(d.ID), Start: d.Sent, Due: d.Due, Now: v.Now,
		}
		if d.Late {
			b.Late = append(b.Late, c)
		} else {
			b.Next = append(b.Next, c)
		}
	}
	return nil
}

// reach says whether the party can be told.
func (b *todayBody) reach(p *party.Party) {
	b.Untold = true
	for _, c := range p.Contacts {
		switch {
		case c.Unproved:
			b.Unproved++
		case !c.Bounced.IsZero():
			b.Bounced++
		default:
			b.Untold = false
		}
	}
}

// urgent picks what the one button opens: what is late, what is due next, else the worst that is open.
func (b *todayBody) urgent() {
	switch {
	case len(b.Late) > 0:
		b.Urgent = b.Late[0].Link
	case len(b.Next) > 0:
		b.Urgent = b.Next[0].Link
	case len(b.Open) > 0:
		b.Urgent = b.Open[0].Link
	}
}

func severityCode(s event.Severity) string {
	if s == event.Unknown {
		return "unknown"
	}
	return s.String()
}

// trend is how the party's live findings went, and how long they take beside the others of its sector.
type trend struct {
	Shown  bool
	Figure chart.Figure
	Median string // how long it takes until half of the findings are gone; empty while nobody can tell
	Band   string // where the middle half of the sector's parties lies; empty while too few have a median
}

func (m *member) trend(v *page.Visit) (trend, error) {
	if m.Picture == nil {
		return trend{}, nil
	}
	p, err := m.Picture.Party(v.R.Context(), v.Now, v.Who.Actor, v.Who.Party)
	if err != nil || len(p.Series.Days) < 2 {
		return trend{}, err
	}
	t := trend{Shown: true}
	live := chart.Series{Name: v.T("member.today.trend_live")}
	x := chart.Axis{Head: v.T("field.at"), Zone: v.Kit.Zone}
	for i, d := range p.Series.Days {
		x.Times = append(x.Times, d.Start())
		live.Values = append(live.Values, float64(p.Series.Live[i]))
	}
	t.Figure = chart.Lines(chart.About{
		Lang: v.Lang, ID: "trend", Quiet: true, Title: v.T("member.today.trend"),
		Description: v.T("member.today.trend_text", lang.Number(p.Series.Live[0]), lang.Number(p.Total)),
	}, x, []chart.Series{live})
	if p.Closing.Median.Known {
		t.Median = v.Lang.N("member.today.median", int64(p.Closing.Median.Days))
	}
	if p.Band.Known {
		t.Band = v.T("member.today.band", v.Lang.Word("sector", p.Sector), days(p.Band.Low), days(p.Band.High), p.Band.Parties)
	}
	return t, nil
}

func days(n float64) string { return strconv.FormatFloat(math.Round(n), 'f', -1, 64) }
