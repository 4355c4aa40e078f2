package desk

import (
	"fmt"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type findingsBody struct {
	Filter     filter
	Chips      []chip
	Views      views
	Recent     []recentThing
	States     []finding.State
	Severities []event.Severity
	Party      choice
	Regions    []option
	Feeds      []string // "feed" and "feed/stream"
	Rows       []loop.FindingRow
	Bulk       []page.Option // acts on the ticked rows; none: the visitor may not
	Back       string
	Count      int // of the whole list, at most loop.CountCap
	Pager      page.Pager
	Searched   ident.Finding
	Further    string // address of the list behind Searched
	Cap        int    // of exports
	Narrowed   bool
	Curl       string
}

type option struct{ Value, Name string }

// recentThing is something that the visitor opened last.
type recentThing struct{ Title, Link string }

// severities are offered as "at least".
var severities = []event.Severity{event.Critical, event.High, event.Medium, event.Low, event.Info}

func (d *desk) findings(v *page.Visit) error {
	f, q, err := parseFilter(v.R.URL.Query())
	if err != nil {
		return err
	}
	party, err := d.partyOf(v, &f, &q)
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
		Filter: f, States: finding.States, Severities: severities, Rows: list.Rows, Searched: list.Searched, Cap: exportCap,
		Back: f.At("/desk/findings"), Recent: recents(v), Curl: v.Curl("/api/v1/findings", f.values()),
	}
	b.turn(f, list, before)
	if b.Count = -1; f.Asset+f.Text+f.Feed == "" { // a count of those would look at every finding
		if b.Count, err = d.loop.CountFindings(ctx, v.Now, v.Who.Actor, q, loop.CountCap); err != nil {
			return err
		}
	}
	if v.May(people.Triage) {
		b.Bulk = choices(v)[:3]
	}
	if err := d.offers(v, &b); err != nil {
		return err
	}
	b.Chips = f.chips(v, party, b.Regions)
	b.Narrowed = len(b.Chips) > 0
	if b.Views, err = d.viewsOf(v, "/desk/findings", f.At("/desk/findings")); err != nil {
		return err
	}
	return page.Show(v, "desk/findings", v.T("desk.findings.title"), b)
}

// turn says where the list goes on.
func (b *findingsBody) turn(f filter, list loop.FindingList, before ident.Finding) {
	b.Pager = page.Pager{Shown: len(list.Rows)}
	if before != 0 {
		b.Pager.Newest = f.At("/desk/findings")
	}
	if list.Next == 0 {
		return
	}
	if b.Pager.Older = f.Older(list.Next); list.Searched != 0 {
		b.Further, b.Pager.Older = b.Pager.Older, ""
	}
}

// offers fills in what the form offers to choose from.
func (d *desk) offers(v *page.Visit, b *findingsBody) error {
	ctx := v.R.Context()
	var err error
	b.Party = choice{ID: "party", Name: "party", Value: ident.Party(b.Filter.Party), First: v.T("desk.findings.any"), None: v.T("basis.nobody")}
	if b.Party.Parties, err = d.partyChoices(v); err != nil {
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
	return nil
}

func recents(v *page.Visit) []recentThing {
	var out []recentThing
	for _, o := range recent(v) {
		out = append(out, recentThing{objectName(v, o), objectLink(o)})
	}
	return out
}

func regionName(v *page.Visit, en, zh string) string {
	if v.Lang == "zh" && zh != "" {
		return zh
	}
	return en
}
