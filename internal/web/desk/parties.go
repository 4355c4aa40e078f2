package desk

import (
	"slices"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

type partiesBody struct {
	Search string
	Rows   []loop.PartyRow
	More   int // further ones that the search matches
	Cap    int // counts end here: "10,000+"
}

// partyLimit is how many parties the list shows; a search narrows it.
const partyLimit = 500

func (d *desk) parties(v *page.Visit) error {
	b := partiesBody{Search: word(v.R.URL.Query(), "search"), Cap: loop.CountCap}
	list, err := d.loop.PartyList(v.R.Context(), b.Search, partyLimit)
	if err != nil {
		return err
	}
	b.Rows, b.More = list.Rows, list.More
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
	p, err := d.loop.PartyByID(ctx, ident.Party(v.R.PathValue("id")))
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
	regions, err := d.loop.Regions(ctx)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(regions, func(r loop.Region) bool { return r.ID == p.Region }); i >= 0 {
		b.RegionName = regionName(v, regions[i].NameEN, regions[i].NameZH)
	}
	return page.Show(v, "desk/party", p.Name, b)
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
