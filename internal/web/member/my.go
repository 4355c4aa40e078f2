package member

import (
	"net/http"
	"strconv"

	"tocsin/internal/act/loop"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/web/page"
)

type myBody struct {
	Name     string
	Problems []problem
	Count    int // live findings, at most loop.CountCap
	Cap      int
	First    bool
	Next     ident.Finding // cursor of the page after; 0 at the end
	Notices  []loop.NoticeRow
	Form     form
	Outcome  outcome
}

// myPage is how many findings one page shows.
const myPage = 200

func (m *member) my(v *page.Visit) error { return m.showMy(v, http.StatusOK, form{}, nil) }

func mine(v *page.Visit) loop.FindingQuery {
	return loop.FindingQuery{Party: v.Who.Party, States: loop.LiveStates}
}

func (m *member) showMy(v *page.Visit, status int, f form, ticked []ident.Finding) error {
	ctx, q := v.R.Context(), v.R.URL.Query()
	b := myBody{Name: v.Who.PartyName, Outcome: readOutcome(q), Cap: loop.CountCap, First: q.Get("before") == ""}
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64) // what is no number is the first page
	list, err := m.loop.Findings(ctx, v.Now, v.Who.Actor, mine(v), ident.Finding(max(0, before)), myPage)
	if err != nil {
		return err
	}
	if b.Count, err = m.loop.CountFindings(ctx, v.Now, v.Who.Actor, mine(v), loop.CountCap); err != nil {
		return err
	}
	if b.Notices, err = m.loop.Notices(ctx, v.Now, v.Who.Actor, loop.NoticeQuery{Party: v.Who.Party}, loop.NoticeCursor{}, 20); err != nil {
		return err
	}
	open := mine(v)
	open.States = openStates
	n, err := m.loop.CountFindings(ctx, v.Now, v.Who.Actor, open, loop.CountCap)
	if err != nil {
		return err
	}
	b.Next = list.Next
	b.Form = newForm(v, "/my", n)
	b.Form.keep(f)
	b.Problems = problems(itemsOf(list.Rows), string(v.Lang), b.Outcome, tickedSet(ticked))
	return page.ShowAs(v, status, "member/my", v.T("member.my.title"), b)
}

func itemsOf(rows []loop.FindingRow) []notice.Item {
	items := make([]notice.Item, len(rows))
	for i, r := range rows {
		items[i] = notice.Item{
			ID: r.ID, Identity: r.Identity, Class: r.Explain, Severity: r.Severity, State: r.State, Waiting: r.StateAt,
			First: r.First, Last: r.Last, Count: r.Count, Confidence: r.Confidence, Matched: r.Matched, Region: r.Region,
		}
	}
	return items
}

// mostAtOnce is how many findings one answer to "all" takes.
const mostAtOnce = 10_000

func (m *member) answerMine(v *page.Visit) error {
	ctx := v.R.Context()
	var f form
	ids, p, err := f.read(v)
	typed := ids
	if err == nil && f.All {
		ids = nil
		open := mine(v)
		open.States = openStates
		_, _, err = m.loop.EachFinding(ctx, v.Now, v.Who.Actor, open, mostAtOnce, func(r loop.FindingRow) error {
			ids = append(ids, r.ID)
			return nil
		})
		if err != nil {
			return err
		}
	}
	var done loop.Answered
	if err == nil {
		done, err = m.loop.AnswerAs(ctx, v.Now, v.Who.Actor, ids, f.Kind, p)
	}
	if mistake, ok := mistakeOf(err); ok {
		f.Mistake = mistake
		return m.showMy(v, http.StatusUnprocessableEntity, f, typed)
	}
	if err != nil {
		return err
	}
	return v.Redirect(after("/my", f.Kind, done), "")
}
