package desk

import (
	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

type partiesBody struct {
	Search string
	Rows   []loop.PartyRow
	Places map[string]string // name of a region by its id
	More   int               // further ones that the search matches
	Cap    int               // counts end here: "10,000+"
}

// partyLimit is how many parties the list shows; a search narrows it.
const partyLimit = 500

func (d *desk) parties(v *page.Visit) error {
	b := partiesBody{Search: word(v.R.URL.Query(), "search"), Cap: loop.CountCap}
	list, err := d.loop.PartyList(v.R.Context(), v.Now, v.Who.Actor, b.Search, partyLimit)
	if err != nil {
		return err
	}
	b.Rows, b.More = list.Rows, list.More
	if b.Places, err = d.places(v); err != nil {
		return err
	}
	return page.Show(v, "desk/parties", v.T("desk.parties.title"), b)
}

type partyBody struct {
	loop.PartyDetail
	RegionName string
	Live       []severityCount
	LiveTotal  int64
	Closed     int64 // verified closed
	Disputed   int64
	Answered   int // of Notices
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
	for _, n := range p.Notices {
		if !n.Answered.IsZero() {
			b.Answered++
		}
	}
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
