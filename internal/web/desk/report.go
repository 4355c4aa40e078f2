package desk

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/act/casework"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/report"
	"tocsin/internal/web/page"
)

// reports is the desk's pages about what people told the authority.
type reports struct {
	work *casework.Casework
	zone *time.Location
}

// ReportRoutes lists the addresses of those pages: the list shows none of the words of a report, and its own page is for
// whoever decides about it.
func ReportRoutes(k *page.Kit, c *casework.Casework) []page.Route {
	r := &reports{c, k.Zone}
	return []page.Route{
		route("GET /desk/reports", people.Read, r.list),
		route("GET /desk/reports/{id}", people.Triage, r.one),
		route("POST /desk/reports/{id}/take", people.Triage, r.take),
		route("POST /desk/reports/{id}/close", people.Triage, r.end),
		route("POST /desk/reports/{id}/forget", people.Triage, r.forget),
	}
}

// ReportPages are the templates of those pages with the types that fill them.
var ReportPages = []page.Spec{
	{Name: "desk/reports", View: page.View[reportsBody]{}},
	{Name: "desk/report", View: page.View[reportBody]{}},
}

// reportWaits is the filter of what nobody has looked at yet: two states at once.
const reportWaits = "waiting"

type reportsBody struct {
	casework.View
	State  string // a state, "waiting", or empty for all
	Kind   string
	Kinds  []report.Kind
	Parts  []reportPart
	Pager  page.Pager
	Undone int // acknowledgements that wait
	Failed int // that could not be delivered
	Take   page.Take
}

// reportPart is one way to narrow the list by state, with how many it holds.
type reportPart struct {
	Code, Name, URL string
	Count           int
	Current         bool
}

// address is the list narrowed to a state.
func (b *reportsBody) address(state string) string {
	q := url.Values{}
	if state != "" {
		q.Set("state", state)
	}
	if b.Kind != "" {
		q.Set("kind", b.Kind)
	}
	if len(q) == 0 {
		return "/desk/reports"
	}
	return "/desk/reports?" + q.Encode()
}

// reportsAsked reads the filter of the list; fault.Invalid names the field that cannot be read.
func reportsAsked(q url.Values) (casework.Query, error) {
	ask := casework.Query{Kind: report.Kind(word(q, "kind"))}
	switch state := report.State(word(q, "state")); {
	case ask.Kind != "" && !ask.Kind.Known():
		return ask, fault.New(fault.Invalid, "kind: one of %v was expected", report.Kinds)
	case state == reportWaits:
		ask.States = report.Waiting
	case slices.Contains(report.States, state):
		ask.States = []report.State{state}
	case state != "":
		return ask, fault.New(fault.Invalid, "state: waiting, or one of %v was expected", report.States)
	}
	return ask, nil
}

func (r *reports) list(v *page.Visit) error {
	q := v.R.URL.Query()
	b := reportsBody{State: word(q, "state"), Kind: word(q, "kind"), Kinds: report.Kinds}
	known := url.Values{"kind": {b.Kind}}
	if b.State == reportWaits {
		known.Set("waiting", "true")
	}
	b.Take = take(v, "/desk/reports.csv", []string{"state", "kind"}, "/api/v1/reports", known)
	query, err := reportsAsked(q)
	if err != nil {
		return err
	}
	after := reportCursor(q.Get("after"))
	if b.View, err = r.work.List(v.R.Context(), v.Now, v.Who.Actor, query, after, pageSize+1); err != nil {
		return err
	}
	b.parts(v)
	if after.ID != "" {
		b.Pager.Newest = b.address(b.State)
	}
	if len(b.Rows) > pageSize {
		b.Rows = b.Rows[:pageSize]
		last := b.Rows[pageSize-1]
		cursor := url.Values{"after": {fmt.Sprintf("%d.%s", last.Received.Unix(), last.ID)}}.Encode()
		b.Pager.Older = b.address(b.State) + map[bool]string{true: "&", false: "?"}[strings.Contains(b.address(b.State), "?")] + cursor
	}
	b.Pager.Shown = len(b.Rows)
	b.Undone, b.Failed = b.Mails[report.MailWaiting]+b.Mails[report.MailSending], b.Mails[report.MailFailed]
	return page.Show(v, "desk/reports", v.T("desk.reports.title"), b)
}

// parts lists what the list can be narrowed to.
func (b *reportsBody) parts(v *page.Visit) {
	add := func(code, name string, states ...report.State) {
		p := reportPart{Code: code, Name: name, URL: b.address(code), Current: b.State == code}
		for _, s := range states {
			p.Count += b.Counts[s]
		}
		if b.Parts = append(b.Parts, p); p.Current {
			b.Pager.Count = p.Count
		}
	}
	add("", v.T("desk.reports.all"), report.States...)
	add(reportWaits, v.T("desk.reports.waiting"), report.Waiting...)
	for _, s := range []report.State{report.Taken, report.Closed} {
		add(string(s), v.Lang.Word("report_state", string(s)), s)
	}
	if s := report.State(b.State); slices.Contains(report.Waiting, s) {
		add(b.State, v.Lang.Word("report_state", b.State), s)
	}
}

func reportCursor(text string) casework.Cursor {
	at, id, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(at, 10, 64)
	if err != nil || s < 0 || s > 1<<40 {
		return casework.Cursor{}
	}
	return casework.Cursor{Received: time.Unix(s, 0).UTC(), ID: ident.Report(id)}
}

type reportBody struct {
	casework.Detail
	Outcomes []report.Outcome
	Clocks   []page.Clock
	MayTake  bool
	MayClose bool
}

func (r *reports) one(v *page.Visit) error {
	d, err := r.work.Report(v.R.Context(), v.Now, v.Who.Actor, reportID(v))
	if err != nil {
		return err
	}
	b := reportBody{Detail: d, Outcomes: report.Outcomes, MayTake: d.State.Waits(), MayClose: d.State != report.Closed}
	if d.State != report.Closed {
		b.Clocks = []page.Clock{{Label: v.T("desk.report.clock"), Start: d.Received, Due: d.Due, Now: v.Now, Done: !d.State.Waits()}}
	}
	return page.Show(v, "desk/report", d.Number, b)
}

func reportID(v *page.Visit) ident.Report { return ident.Report(v.R.PathValue("id")) }

func (r *reports) take(v *page.Visit) error {
	return backToReport(v, "report_take", r.work.Take(v.R.Context(), v.Now, v.Who.Actor, reportID(v)))
}

func (r *reports) end(v *page.Visit) error {
	outcome := report.Outcome(v.R.PostFormValue("outcome"))
	return backToReport(v, "report_close", r.work.Close(v.R.Context(), v.Now, v.Who.Actor, reportID(v), outcome))
}

func (r *reports) forget(v *page.Visit) error {
	if v.R.PostFormValue("sure") != "yes" {
		return fault.New(fault.Invalid, "sure: tick the box to say that you mean it")
	}
	return backToReport(v, "report_forget", r.work.Forget(v.R.Context(), v.Now, v.Who.Actor, reportID(v)))
}

// backToReport returns to the page of the report after an act.
func backToReport(v *page.Visit, done string, err error) error {
	if err != nil {
		return err
	}
	return v.Redirect("/desk/reports/"+url.PathEscape(string(reportID(v))), done)
}
