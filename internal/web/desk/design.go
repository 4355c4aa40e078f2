package desk

import (
	"time"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// designBody shows every part of the pages in every state, so that whoever changes one sees what it does to all.
type designBody struct {
	Severities []event.Severity
	States     []finding.State
	Notices    []notice.State
	Marks      []marking.TLP
	Colours    []string // tokens of the sheet
	Fields     []page.Field
	Changes    []page.Change
	Clocks     []page.Clock
	Receipt    page.Receipt
	Pager      page.Pager
	Instant    time.Time
	Sample     string // an address
	Port       string
	Figures    []chart.Figure
}

// colours are the tokens that carry meaning; the sheet's own test holds their contrast.
var colours = []string{
	"paper", "sheet", "well", "ink", "soft", "line", "edge", "bronze", "link", "ok", "warn", "critical", "high", "medium", "low", "info", "unknown",
}

func (d *desk) design(v *page.Visit) error {
	name, wrong := v.T("field.asset"), v.T("design.mistake")
	options := make([]page.Option, 0, len(finding.States))
	for i, s := range finding.States {
		options = append(options, page.Option{Value: string(s), Label: v.Lang.Word("state", string(s)), Selected: i == 1})
	}
	clock := func(before, after time.Duration, done bool) page.Clock {
		return page.Clock{Label: v.T("desk.findings.title"), Link: "/desk/findings", Start: v.Now.Add(-before), Due: v.Now.Add(after), Now: v.Now, Done: done}
	}
	b := designBody{
		Severities: []event.Severity{event.Critical, event.High, event.Medium, event.Low, event.Info, event.Unknown},
		States:     finding.States, Notices: notice.States,
		Marks:   []marking.TLP{marking.Red, marking.AmberStrict, marking.Amber, marking.Green, marking.Clear},
		Colours: colours,
		Fields: []page.Field{
			{Name: "plain", Label: name, Pattern: "192.0.2.0/24", Hint: v.T("design.hint")},
			{Name: "wrong", Label: name, Value: "192.0.2.300", Error: wrong, Hint: v.T("design.hint"), Required: true},
			{Name: "long", Label: v.T("field.reason"), Type: "textarea", Max: 2000, Required: true},
			{Name: "choice", Label: v.T("field.state"), Type: "select", Options: options},
			{Name: "day", Label: v.T("field.since"), Type: "date", Value: v.Now.Format(time.DateOnly)},
			{Name: "box", Label: v.T("design.box"), Type: "checkbox", Value: "yes"},
		},
		Changes: []page.Change{
			{Label: v.T("field.name"), Old: "mail-1", New: "mail-1"},
			{Label: v.T("field.resource"), Old: "192.0.2.0/25", New: "192.0.2.0/24"},
			{Label: v.T("field.mail"), New: "soc@example.org"},
			{Label: v.T("field.asset"), Old: "198.51.100.7"},
		},
		Clocks: []page.Clock{
			clock(72*time.Hour, -26*time.Hour, false), clock(72*time.Hour, 5*time.Hour, false), clock(10*time.Hour, 72*time.Hour, false), clock(72*time.Hour, time.Hour, true),
		},
		Receipt: page.Receipt{
			Title: v.T("design.receipt"), Code: "7K3M-9QXA-2B4D-PT6W-8RNC-5VHE", Hint: v.T("design.receipt_hint"), Text: "example.org/receipt\n7K3M9QXA\n",
		},
		Pager:   page.Pager{Newest: "#pager", Older: "#pager", Shown: 50, Count: 1234},
		Instant: v.Now, Sample: "2001:db8:0:42::17", Port: "443/tcp",
	}
	var err error
	if b.Figures, err = figures(v); err != nil {
		return err
	}
	return page.Show(v, "desk/design", v.T("design.title"), b)
}
