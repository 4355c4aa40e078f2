package member

import (
	"net/url"
	"strconv"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/web/page"
)

const noticesPage = "/my/notices"

type noticesBody struct {
	Rows  []loop.NoticeRow
	Pager page.Pager
	Curl  string
}

// noticeRows is how many notices one page shows.
const noticeRows = 50

func (m *member) notices(v *page.Visit) error {
	q := v.R.URL.Query()
	var after loop.NoticeCursor
	if us, err := strconv.ParseInt(q.Get("at"), 10, 64); err == nil && us > 0 {
		after = loop.NoticeCursor{Created: time.UnixMicro(us).UTC(), ID: ident.Notice(q.Get("id"))}
	}
	rows, err := m.Loop.Notices(v.R.Context(), v.Now, v.Who.Actor, loop.NoticeQuery{Party: v.Who.Party}, after, noticeRows+1)
	if err != nil {
		return err
	}
	b := noticesBody{Rows: rows, Curl: v.Curl("/api/v1/notices", nil)}
	if len(rows) > noticeRows {
		b.Rows = rows[:noticeRows]
		last := b.Rows[noticeRows-1]
		b.Pager.Older = noticesPage + "?" + url.Values{"at": {strconv.FormatInt(last.Created.UnixMicro(), 10)}, "id": {string(last.ID)}}.Encode()
	}
	if b.Pager.Shown = len(b.Rows); !after.Created.IsZero() {
		b.Pager.Newest = noticesPage
	}
	return page.Show(v, "member/notices", v.T("member.notices.title"), b)
}

type toldBody struct {
	loop.NoticeDetail
	Clock    []page.Clock
	Problems []problem
	Hidden   int
	Waiting  int // findings that are told and have no answer
	Outcome  outcome
	Form     form
}

// told shows one notice: what it says, how it came, what was answered.
func (m *member) told(v *page.Visit) error {
	d, err := m.Loop.NoticeByID(v.R.Context(), v.Now, v.Who.Actor, ident.Notice(v.R.PathValue("id")))
	if err != nil {
		return err
	}
	if d.Party != v.Who.Party {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	b := toldBody{NoticeDetail: d}
	var items []notice.Item
	for _, r := range d.Told {
		if r.Party != v.Who.Party {
			continue
		}
		if answerable(r.State) {
			b.Waiting++
		}
		items = append(items, notice.Item{
			ID: r.ID, Identity: r.Identity, Class: r.Explain, Severity: r.Severity, State: r.State, First: r.First, Last: r.Last, Count: r.Count,
		})
	}
	if len(items) > shownLimit {
		b.Hidden = len(items) - shownLimit
		items = items[:shownLimit]
	}
	b.Problems = problems(items, string(v.Lang), b.Outcome, nil)
	if b.Waiting > 0 && !d.Next.IsZero() && !d.Sent.IsZero() {
		b.Clock = []page.Clock{{Label: v.T("member.told.before"), Start: d.Sent, Due: d.Next, Now: v.Now}}
	}
	b.Form = newForm(v, exposurePage+"?by=problem", b.Waiting)
	b.Form.Ticked, b.Form.All = true, false
	return page.Show(v, "member/notice", v.T("member.told.title"), b)
}
