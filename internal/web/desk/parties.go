package desk

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/situation"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

type partiesBody struct {
	Ask      triage.PartyQuery
	Rows     []partyRow
	Regions  []page.Option
	Pager    page.Pager
	Views    views
	Narrowed bool
	Take     page.Take
}

// partyRow is a line of the list with its words.
type partyRow struct {
	Party    triage.PartyLine
	Place    string // name of its region
	Live     int
	Silence  triage.Meter
	Answered string // of what was sent
}

// partiesAsked reads the filter of the list.
func partiesAsked(q url.Values) triage.PartyQuery {
	return triage.PartyQuery{Text: strings.ToLower(word(q, "search")), Sector: word(q, "sector"), Region: word(q, "region")}
}

func (d *desk) parties(v *page.Visit) error {
	q := v.R.URL.Query()
	ask := partiesAsked(q)
	after := triage.PartyCursor{Name: q.Get("after"), ID: ident.Party(q.Get("id"))}
	b := partiesBody{Ask: ask, Narrowed: ask != triage.PartyQuery{}, Take: take(v, "/desk/parties.csv", []string{"search", "sector", "region"}, "/api/v1/parties", url.Values{"search": {ask.Text}})}
	rows, next, err := d.triage.Parties(v.R.Context(), v.Now, v.Who.Actor, ask, after, pageSize)
	if err != nil {
		return err
	}
	b.Pager = page.Pager{Shown: len(rows)}
	if after != (triage.PartyCursor{}) {
		b.Pager.Newest = partiesAt(ask, triage.PartyCursor{})
	}
	if next != (triage.PartyCursor{}) {
		b.Pager.Older = partiesAt(ask, next)
	}
	places, err := d.places(v)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(places)) {
		b.Regions = append(b.Regions, page.Option{Value: id, Label: places[id], Selected: id == ask.Region})
	}
	for _, r := range rows {
		b.Rows = append(b.Rows, partyRow{
			r.PartyLine, cmp.Or(places[r.Region], r.Region), r.Live, r.Silence.At(v.Now), page.Capped(r.Silence.Answers) + "/" + page.Capped(r.Silence.Sent),
		})
	}
	if b.Views, err = d.viewsOf(v, "/desk/parties", partiesAt(ask, triage.PartyCursor{})); err != nil {
		return err
	}
	return page.Show(v, "desk/parties", v.T("desk.parties.title"), b)
}

// partiesAt is the address of the list as asked, behind a place in it.
func partiesAt(ask triage.PartyQuery, after triage.PartyCursor) string {
	q := url.Values{}
	for _, p := range [][2]string{{"search", ask.Text}, {"sector", ask.Sector}, {"region", ask.Region}, {"after", after.Name}, {"id", string(after.ID)}} {
		if p[1] != "" {
			q.Set(p[0], p[1])
		}
	}
	if len(q) == 0 {
		return "/desk/parties"
	}
	return "/desk/parties?" + q.Encode()
}

type partyBody struct {
	loop.PartyDetail
	RegionName string
	Live       []severityCount
	LiveTotal  int64
	Closed     int64 // verified closed
	Disputed   int64
	Picture    situation.PartyPicture
	Chart      chart.Figure
	Silence    triage.Silence
	Meter      triage.Meter
}

type severityCount struct {
	Severity event.Severity
	Count    int64
	Width    int // of 100, for its bar
}

func (d *desk) party(v *page.Visit) error {
	ctx := v.R.Context()
	p, err := d.loop.PartyByID(ctx, v.Now, v.Who.Actor, ident.Party(v.R.PathValue("id")))
	if err != nil {
		return err
	}
	b := partyBody{PartyDetail: p}
	counts := map[event.Severity]int64{}
	for _, s := range p.Shares {
		switch {
		case s.State == finding.VerifiedClosed:
			b.Closed += s.Count
		case s.State.Live():
			counts[s.Severity] += s.Count
			b.LiveTotal += s.Count
		}
		if s.State == finding.Disputed {
			b.Disputed += s.Count
		}
	}
	b.Live = severityBars(counts)
	if b.Silence, err = d.triage.SilenceOf(ctx, v.Now, v.Who.Actor, p.ID); err != nil {
		return err
	}
	b.Meter = b.Silence.At(v.Now)
	if b.Picture, err = d.acts.Picture.Party(ctx, v.Now, v.Who.Actor, p.ID); err != nil {
		return err
	}
	b.Chart = chart.Areas(chart.About{Lang: v.Lang, ID: "live", Title: v.T("desk.party.series"), Description: v.T("desk.party.series_hint"), Empty: v.T("situation.no_series")},
		daily(v, b.Picture.Series.Days), []chart.Series{{Name: v.T("desk.party.live"), Link: "/desk/findings?party=" + url.QueryEscape(string(p.ID)), Values: floats(b.Picture.Series.Live)}})
	remember(v, "party:"+string(p.ID))
	places, err := d.places(v)
	if err != nil {
		return err
	}
	b.RegionName = places[p.Region]
	return page.Show(v, "desk/party", p.Name, b)
}

// places returns the names of the regions in the visitor's language.
func (d *desk) places(v *page.Visit) (map[string]string, error) {
	regions, err := d.loop.Regions(v.R.Context())
	names := make(map[string]string, len(regions))
	for _, r := range regions {
		names[r.ID] = regionName(v, r.NameEN, r.NameZH)
	}
	return names, err
}

// severityBars orders counts by severity, the worst first, each with the width of its bar beside the largest.
func severityBars(counts map[event.Severity]int64) []severityCount {
	var most int64 = 1
	for _, n := range counts {
		most = max(most, n)
	}
	var out []severityCount
	for s := event.Critical; ; s-- {
		if n := counts[s]; n > 0 {
			out = append(out, severityCount{s, n, int(max(1, 100*n/most))})
		}
		if s == event.Unknown {
			return out
		}
	}
}
