package member

import (
	"errors"
	"net/http"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/web/page"
)

type noticeBody struct {
	Page     loop.NoticePage
	Problems []problem
	Hidden   int // findings beyond what one page shows; "all" answers for them too
	Count    int
	Settled  int // no longer ask for anything
	Form     form
	Outcome  outcome
}

// shownLimit is how many findings one page shows; the table in the mail has all of them.
const shownLimit = 1000

func (m *member) notice(v *page.Visit) error {
	return m.showNotice(v, http.StatusOK, form{}, nil)
}

func (m *member) showNotice(v *page.Visit, status int, f form, ticked []ident.Finding) error {
	token := v.R.PathValue("token")
	p, err := m.Loop.NoticeByToken(v.R.Context(), v.Now, token)
	if err != nil {
		return badLink(v, err)
	}
	b := noticeBody{Page: p, Count: len(p.Items), Outcome: readOutcome(v.R.URL.Query())}
	open := openOf(p.Items)
	b.Settled = b.Count - len(open)
	b.Form = newForm(v, "/n/"+token, len(open))
	b.Form.keep(f)
	shown := p.Items
	if len(shown) > shownLimit {
		b.Hidden = len(shown) - shownLimit
		shown = shown[:shownLimit]
	}
	b.Problems = problems(shown, string(v.Lang), b.Outcome, tickedSet(ticked))
	for i := range b.Problems {
		for j := range b.Problems[i].Items {
			it := &b.Problems[i].Items[j]
			it.Seen = p.Single[it.ID]
		}
	}
	return page.ShowAs(v, status, "member/link", v.T("member.notice.title", p.Party.Name), b)
}

// badLink says in the visitor's language what is wrong with a link.
func badLink(v *page.Visit, err error) error {
	switch {
	case errors.Is(err, fault.Expired):
		return fault.New(fault.Expired, "%s", v.T("error.notice_expired"))
	case errors.Is(err, fault.Denied):
		return fault.New(fault.Denied, "%s", v.T("error.notice_unknown"))
	}
	return err
}

// keep takes over what was typed.
func (f *form) keep(typed form) {
	if typed.Mistake == "" && !typed.Preview {
		return
	}
	f.Kind, f.All, f.Reason, f.Whose, f.Until, f.Mistake = typed.Kind, typed.All, typed.Reason, typed.Whose, typed.Until, typed.Mistake
}

func openOf(items []notice.Item) []ident.Finding {
	var open []ident.Finding
	for i := range items {
		if answerable(items[i].State) {
			open = append(open, items[i].ID)
		}
	}
	return open
}

func (m *member) answerNotice(v *page.Visit) error {
	ctx, token := v.R.Context(), v.R.PathValue("token")
	var f form
	ids, p, err := f.read(v)
	typed := ids
	if err == nil && f.All {
		var n loop.NoticePage
		if n, err = m.Loop.NoticeByToken(ctx, v.Now, token); err != nil {
			return badLink(v, err)
		}
		ids = openOf(n.Items)
	}
	var done loop.Answered
	if err == nil {
		done, err = m.Loop.Answer(ctx, v.Now, token, ids, f.Kind, p)
	}
	if mistake, ok := mistakeOf(v, err); ok {
		f.Mistake = mistake
		return m.showNotice(v, http.StatusUnprocessableEntity, f, typed)
	}
	if err != nil {
		return badLink(v, err)
	}
	return v.Redirect(after("/n/"+token, f.Kind, done), "")
}

// mistakeOf returns what a person did wrong in a form, where that is what went wrong.
func mistakeOf(v *page.Visit, err error) (string, bool) {
	if !errors.Is(err, fault.Invalid) {
		return "", false
	}
	return v.Refusal(err)
}
