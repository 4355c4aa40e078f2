package member

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/web/page"
)

// problem is one kind of problem with the findings that show it.
type problem struct {
	Class      string
	Title      string
	What       string
	Risk       string
	Check      string
	Fix        []string
	References []string
	Severity   event.Severity // the worst of its findings
	Items      []item
}

// item is one finding as the page shows it.
type item struct {
	notice.Item
	Seen    notice.Sightings // its newest single sightings; none where the page does not list them
	Ticked  bool
	Open    bool // it can still take an answer
	Refused bool // it did not take the answer before this page
}

// problems groups findings by class, the most severe class first; the order of items within is kept.
func problems(items []notice.Item, language string, o outcome, ticked map[ident.Finding]bool) []problem {
	var out []problem
	at := map[*notice.Class]int{}
	for _, it := range items {
		i, ok := at[it.Class]
		if !ok {
			c := it.Class
			i = len(out)
			at[c] = i
			out = append(out, problem{
				Class: c.Class, Title: c.Title.In(language), What: c.What.In(language), Risk: c.Risk.In(language),
				Check: c.Check.In(language), Fix: c.Fix.In(language), References: c.References, Severity: it.Severity,
			})
		}
		out[i].Severity = max(out[i].Severity, it.Severity)
		out[i].Items = append(out[i].Items, newItem(it, o, ticked))
	}
	slices.SortStableFunc(out, func(a, b problem) int { return int(b.Severity) - int(a.Severity) })
	return out
}

func newItem(it notice.Item, o outcome, ticked map[ident.Finding]bool) item {
	return item{Item: it, Ticked: ticked[it.ID], Open: answerable(it.State), Refused: slices.Contains(o.Refused, it.ID)}
}

// answerable reports whether a finding in state s takes any answer at all.
func answerable(s finding.State) bool {
	for _, t := range []finding.Trigger{finding.Acknowledge, finding.Start, finding.Claim, finding.Dispute, finding.AcceptRisk} {
		if _, err := finding.Next(s, t); err == nil {
			return true
		}
	}
	return false
}

// openStates are the states in which a finding takes an answer.
var openStates = slices.DeleteFunc(slices.Clone(finding.States), func(s finding.State) bool { return !answerable(s) })

// form is the answer as typed, so that a page with a mistake in it shows it again.
type form struct {
	Action  string // where it goes
	Kinds   []loop.AnswerKind
	Kind    loop.AnswerKind
	All     bool // all findings rather than the ticked ones
	Reason  string
	Whose   string
	Until   string            // civil date
	Least   string            // earliest date for Until
	Open    int               // findings that take an answer
	Mistake string            // what is wrong with it; empty where nothing is
	Preview bool              // shown, not sent: what the answer would do
	Single  ident.Finding     // the one finding that it is about; 0 where there is a list
	Ticked  bool              // only what is ticked: there is no "all"
	Quick   []loop.AnswerKind // that a button of their own sends; none where there are no such buttons
}

// quickKinds are the answers that need no word: a button and a key each.
var quickKinds = []loop.AnswerKind{loop.AnswerAcknowledge, loop.AnswerStart, loop.AnswerFixed}

func newForm(v *page.Visit, action string, open int) form {
	return form{
		Action: action, Kinds: loop.AnswerKinds, Open: open,
		All: open == 1, Least: v.Now.In(v.Kit.Zone).AddDate(0, 0, 1).Format(time.DateOnly),
	}
}

// maxTicked bounds the findings ticked one by one; "all" has no such bound.
const maxTicked = 5000

// read takes the answer out of a posted form.
func (f *form) read(v *page.Visit) ([]ident.Finding, loop.Particulars, error) {
	post := v.R.PostForm
	f.Kind, f.All = loop.AnswerKind(post.Get("answer")), post.Get("scope") == "all"
	if k := loop.AnswerKind(post.Get("quick")); slices.Contains(quickKinds, k) {
		f.Kind = k
	}
	f.Preview = post.Get("do") == "preview"
	f.Reason, f.Whose, f.Until = post.Get("reason"), post.Get("whose"), post.Get("until")
	p := loop.Particulars{Reason: f.Reason, Whose: f.Whose}
	if f.Until != "" {
		day, err := time.ParseInLocation(time.DateOnly, f.Until, v.Kit.Zone)
		if err != nil {
			return nil, p, fault.New(fault.Invalid, "%s", v.T("answer.bad_date"))
		}
		p.Until = day.AddDate(0, 0, 1).Add(-time.Second) // to the end of that day
	}
	if len(post["finding"]) > maxTicked {
		return nil, p, fault.New(fault.TooLarge, "%s", v.T("answer.too_many", maxTicked))
	}
	var ids []ident.Finding
	var err error
	for _, s := range post["finding"] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n <= 0 {
			return nil, p, fault.New(fault.Invalid, "finding: %q is not a number", s)
		}
		ids = append(ids, ident.Finding(n))
	}
	if len(ids) == 0 && !f.All {
		return nil, p, fault.New(fault.Invalid, "%s", v.T("answer.none_ticked"))
	}
	switch {
	case f.Kind == "":
		err = fault.New(fault.Invalid, "%s", v.T("answer.none_chosen"))
	case strings.TrimSpace(f.Reason) == "" && (f.Kind == loop.AnswerAcceptRisk || f.Kind == loop.AnswerWrong):
		err = fault.New(fault.Invalid, "%s", v.T("answer.need_reason"))
	case f.Kind == loop.AnswerAcceptRisk && !p.Until.After(v.Now):
		err = fault.New(fault.Invalid, "%s", v.T("answer.need_date"))
	}
	return ids, p, err
}

// outcome is what the answer before this page did, as the address says it.
type outcome struct {
	Kind    loop.AnswerKind // empty where there was none
	Changed int
	Refused []ident.Finding // some of those that did not take it
	Left    int             // how many did not in all
}

// maxNamed bounds the refused findings that the address names.
const maxNamed = 50

func readOutcome(q url.Values) outcome {
	var o outcome
	if k := loop.AnswerKind(q.Get("said")); slices.Contains(loop.AnswerKinds, k) {
		o.Kind = k
	}
	o.Changed, _ = strconv.Atoi(q.Get("took"))
	o.Left, _ = strconv.Atoi(q.Get("left"))
	o.Changed, o.Left = max(0, o.Changed), max(0, o.Left)
	for s := range strings.SplitSeq(q.Get("not"), "-") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(o.Refused) < maxNamed {
			o.Refused = append(o.Refused, ident.Finding(n))
		}
	}
	return o
}

// after returns the address that shows what an answer did.
func after(to string, kind loop.AnswerKind, a loop.Answered) string {
	var not []string
	left := 0
	for _, r := range a.Results {
		if r.Problem == nil {
			continue
		}
		if left++; len(not) < maxNamed {
			not = append(not, fmt.Sprint(int64(r.Finding)))
		}
	}
	q := url.Values{"said": {string(kind)}, "took": {strconv.Itoa(a.Changed)}}
	if left > 0 {
		q.Set("left", strconv.Itoa(left))
		q.Set("not", strings.Join(not, "-"))
	}
	mark := "?"
	if strings.Contains(to, "?") {
		mark = "&"
	}
	return to + mark + q.Encode()
}

func tickedSet(ids []ident.Finding) map[ident.Finding]bool {
	set := make(map[ident.Finding]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}
