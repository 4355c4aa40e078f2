package member

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/act/exposure"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

const exposurePage = "/my/exposure"

// filter is what the address of the list asks for, as typed.
type filter struct {
	State    string // a state, "open" for those that take an answer; empty: live
	Severity string
	Class    string
	Matched  string
	New      string // "7d": of the last seven days
	By       string // "problem": grouped by kind of problem; empty: by system and resource
}

var filterFields = []string{"state", "severity", "class", "matched", "new", "by"}

func readFilter(q url.Values) filter {
	return filter{q.Get("state"), q.Get("severity"), q.Get("class"), q.Get("matched"), q.Get("new"), q.Get("by")}
}

// address is the list with this filter and something more.
func (f filter) address(more ...string) string {
	q := url.Values{}
	for i, s := range []string{f.State, f.Severity, f.Class, f.Matched, f.New, f.By} {
		if s != "" {
			q.Set(filterFields[i], s)
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			q.Set(more[i], more[i+1])
		}
	}
	if len(q) == 0 {
		return exposurePage
	}
	return exposurePage + "?" + q.Encode()
}

// take is the list as a file, and the command for the same in the API.
func (f filter) take(v *page.Visit) page.Take {
	f.By = ""
	known := url.Values{"state": {f.State}, "severity": {f.Severity}, "class": {f.Class}, "matched": {f.Matched}}
	if f.State == answers { // the API has no word for it
		known.Del("state")
	}
	if f.Severity == "unknown" {
		known.Set("severity", "none")
	}
	if f.New == "7d" {
		known.Set("since", exposure.FreshSince(v.Now).Format(time.RFC3339))
	}
	file := exposurePage + ".csv"
	if _, query, narrowed := strings.Cut(f.address(), "?"); narrowed {
		file += "?" + query
	}
	return page.Take{File: file, Curl: v.Curl("/api/v1/exposure/findings", known)}
}

// answers is the state that stands for all those that take an answer.
const answers = "answerable"

// query turns the filter into the question; what it does not know it leaves out.
func (f filter) query(now time.Time) exposure.Query {
	q := exposure.Query{Class: f.Class, Matched: f.Matched}
	switch s := finding.State(f.State); {
	case f.State == answers:
		q.States = openStates
	case f.State == "all":
		q.States = finding.States
	case slices.Contains(finding.States, s):
		q.States = []finding.State{s}
	}
	if f.Severity == "unknown" {
		s := event.Unknown
		q.Severity = &s
	} else if s, ok := event.ParseSeverity(f.Severity); ok && s != event.Unknown {
		q.Severity = &s
	}
	if f.New == "7d" {
		q.Since = exposure.FreshSince(now)
	}
	return q
}

// section is the findings of one page that one system or resource led to.
type section struct {
	groupRow
	Items []item
}

type exposureBody struct {
	Filter   filter
	Fields   []page.Field
	Active   bool // the filter narrows
	Sections []section
	Problems []problem // instead, by kind of problem
	Toggle   string    // address of the other grouping
	Groups   []groupRow
	Count    int // of the whole list, at most Cap
	Cap      int
	Searched ident.Finding
	Pager    page.Pager
	Form     form
	Preview  preview
	Outcome  outcome
	Answers  bool
	Take     page.Take
}

// exposureRows is how many findings one page shows.
const exposureRows = 50

func (m *member) exposure(v *page.Visit) error {
	return m.showExposure(v, http.StatusOK, form{}, nil, preview{})
}

func (m *member) showExposure(v *page.Visit, status int, f form, ticked []ident.Finding, pre preview) error {
	ctx, q, by := v.R.Context(), v.R.URL.Query(), v.Who.Actor
	b := exposureBody{Filter: readFilter(q), Outcome: readOutcome(q), Cap: exposure.CountCap, Preview: pre, Answers: v.May(people.Answer)}
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64) // what is no number is the first page
	list, err := m.Exposure.List(ctx, v.Now, by, b.Filter.query(v.Now), ident.Finding(max(0, before)), exposureRows)
	if err != nil {
		return err
	}
	p, err := m.Register.Own(ctx, v.Now, by)
	if err != nil {
		return err
	}
	over, err := m.Exposure.Overview(ctx, v.Now, by)
	if err != nil {
		return err
	}
	b.Take = b.Filter.take(v)
	b.Groups = groupRows(&p, over.Groups, len(over.Groups))
	b.Count, b.Searched = list.Count, list.Searched
	b.Fields, b.Active = b.Filter.fields(v, b.Groups), b.Filter.narrows()
	b.Pager = page.Pager{Shown: len(list.Rows), Count: list.Count}
	if before > 0 {
		b.Pager.Newest = b.Filter.address()
	}
	if list.Next > 0 {
		b.Pager.Older = b.Filter.address("before", strconv.FormatInt(int64(list.Next), 10))
	}
	open, err := m.answerable(v, b.Filter)
	if err != nil {
		return err
	}
	b.Form = newForm(v, b.Filter.address("before", q.Get("before")), open)
	b.Form.Quick = quickKinds
	b.Form.keep(f)
	b.group(v, &p, list.Rows, ticked)
	return page.ShowAs(v, status, "member/exposure", v.T("member.exposure.title"), b)
}

func (b *exposureBody) group(v *page.Visit, p *party.Party, rows []exposure.Row, ticked []ident.Finding) {
	set, items, other := tickedSet(ticked), itemsOf(rows), b.Filter
	if b.Filter.By == "problem" {
		other.By = ""
		b.Toggle, b.Problems = other.address(), problems(items, string(v.Lang), b.Outcome, set)
		return
	}
	other.By = "problem"
	b.Toggle = other.address()
	at := map[exposure.Group]int{}
	for j, it := range items {
		key := exposure.Group{Basis: rows[j].Basis, Value: rows[j].Matched}
		i, ok := at[key]
		if !ok {
			i = len(b.Sections)
			at[key] = i
			b.Sections = append(b.Sections, section{groupRow: groupRows(p, []exposure.Group{key}, 1)[0]})
		}
		b.Sections[i].Worst = max(b.Sections[i].Worst, it.Severity)
		b.Sections[i].Items = append(b.Sections[i].Items, newItem(it, b.Outcome, set))
	}
}

func itemsOf(rows []exposure.Row) []notice.Item {
	items := make([]notice.Item, len(rows))
	for i, r := range rows {
		items[i] = notice.Item{
			ID: r.ID, Identity: r.Identity, Class: r.Explain, Severity: r.Severity, State: r.State, Waiting: r.StateAt,
			First: r.First, Last: r.Last, Count: r.Count, Confidence: r.Confidence, Matched: r.Matched, Region: r.Region,
		}
	}
	return items
}

// answering is the question narrowed to those findings that take an answer.
func (f filter) answering(now time.Time) exposure.Query {
	q := f.query(now)
	if len(q.States) == 0 {
		q.States = openStates
	} else {
		q.States = slices.DeleteFunc(slices.Clone(q.States), func(s finding.State) bool { return !answerable(s) })
	}
	return q
}

// answerable counts those of the list that take an answer.
func (m *member) answerable(v *page.Visit, f filter) (int, error) {
	q := f.answering(v.Now)
	if len(q.States) == 0 {
		return 0, nil
	}
	return m.Exposure.Count(v.R.Context(), v.Now, v.Who.Actor, q)
}

// narrows reports whether the filter leaves anything out.
func (f filter) narrows() bool {
	f.By = ""
	return f != filter{}
}

// fields are the filter's form.
func (f filter) fields(v *page.Visit, groups []groupRow) []page.Field {
	state := page.Field{Name: "state", Label: v.T("field.state"), Type: "select", Options: []page.Option{
		{Value: "", Label: v.T("member.exposure.live"), Selected: f.State == ""},
		{Value: answers, Label: v.T("member.exposure.answerable"), Selected: f.State == answers},
	}}
	for _, s := range finding.States {
		state.Options = append(state.Options, page.Option{Value: string(s), Label: v.Lang.Word("state", string(s)), Selected: f.State == string(s)})
	}
	state.Options = append(state.Options, page.Option{Value: "all", Label: v.T("member.exposure.all"), Selected: f.State == "all"})
	severity := page.Field{Name: "severity", Label: v.T("field.severity"), Type: "select", Options: []page.Option{{Label: v.T("member.exposure.any"), Selected: f.Severity == ""}}}
	for _, s := range event.Severities {
		code := severityCode(s)
		severity.Options = append(severity.Options, page.Option{Value: code, Label: v.Lang.Word("severity", code), Selected: f.Severity == code})
	}
	matched := page.Field{Name: "matched", Label: v.T("member.exposure.matched"), Type: "select", Options: []page.Option{{Label: v.T("member.exposure.any"), Selected: f.Matched == ""}}}
	known := f.Matched == ""
	for _, g := range groups {
		value := g.Name
		if g.Value != "" {
			value = g.Value
		}
		if g.Link == exposurePage || value == "" {
			continue
		}
		label := g.Name
		if g.Value != "" {
			label += " (" + g.Value + ")"
		}
		known = known || f.Matched == value
		matched.Options = append(matched.Options, page.Option{Value: value, Label: label, Selected: f.Matched == value})
	}
	if !known {
		matched.Options = append(matched.Options, page.Option{Value: f.Matched, Label: f.Matched, Selected: true})
	}
	fresh := page.Field{Name: "new", Label: v.T("member.exposure.since"), Type: "select", Options: []page.Option{
		{Label: v.T("member.exposure.any"), Selected: f.New == ""}, {Value: "7d", Label: v.T("member.exposure.week"), Selected: f.New == "7d"},
	}}
	class := page.Field{Name: "class", Label: v.T("field.class"), Value: f.Class, Max: 100, Autocomplete: "off"}
	return []page.Field{state, severity, matched, class, fresh}
}
