package desk

import (
	"fmt"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

type findingsBody struct {
	Filter     filter
	States     []finding.State
	Severities []event.Severity
	Parties    []loop.PartyName
	Regions    []option
	Feeds      []string // "feed" and "feed/stream"
	Rows       []loop.FindingRow
	First      bool          // this is the first page
	Next       ident.Finding // 0 at the end
	Searched   ident.Finding
	Cap        int // of exports
}

type option struct{ Value, Name string }

// severities are offered as "at least".
var severities = []event.Severity{event.Critical, event.High, event.Medium, event.Low, event.Info}

func (d *desk) findings(v *page.Visit) error {
	f, q, err := parseFilter(v.R.URL.Query())
	if err != nil {
		return err
	}
	ctx := v.R.Context()
	before := ident.Finding(cursor(v, "before"))
	list, err := d.loop.Findings(ctx, v.Now, v.Who.Actor, q, before, pageSize)
	if err != nil {
		return err
	}
	b := findingsBody{
		Filter: f, States: finding.States, Severities: severities, Rows: list.Rows, First: before == 0, Next: list.Next,
		Searched: list.Searched, Cap: exportCap,
	}
	if b.Parties, err = d.loop.PartyNames(ctx); err != nil {
		return err
	}
	regions, err := d.loop.Regions(ctx)
	if err != nil {
		return err
	}
	for _, r := range regions {
		b.Regions = append(b.Regions, option{r.ID, regionName(v, r.NameEN, r.NameZH)})
	}
	streams, err := d.loop.Streams(ctx)
	if err != nil {
		return err
	}
	last := ident.Feed("")
	for _, s := range streams {
		if s.Feed != last {
			b.Feeds = append(b.Feeds, string(s.Feed))
			last = s.Feed
		}
		b.Feeds = append(b.Feeds, fmt.Sprintf("%s/%s", s.Feed, s.Name))
	}
	return page.Show(v, "desk/findings", v.T("desk.findings.title"), b)
}

func regionName(v *page.Visit, en, zh string) string {
	if v.Lang == "zh" && zh != "" {
		return zh
	}
	return en
}
