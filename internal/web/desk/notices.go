package desk

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/web/page"
)

type noticesBody struct {
	State  string
	Party  string
	States []notice.State
	Rows   []loop.NoticeRow
	First  bool
	Next   string // cursor; empty at the end
	Take   page.Take
}

// Newest returns the address of the first page.
func (b noticesBody) Newest() string {
	return "/desk/notices?" + url.Values{"state": {b.State}, "party": {b.Party}}.Encode()
}

// Older returns the address of the page after.
func (b noticesBody) Older() string { return b.Newest() + "&after=" + url.QueryEscape(b.Next) }

func (d *desk) notices(v *page.Visit) error {
	q := v.R.URL.Query()
	b := noticesBody{State: word(q, "state"), Party: word(q, "party"), States: notice.States, First: q.Get("after") == ""}
	b.Take = take(v, "/desk/notices.csv", []string{"state", "party"}, "/api/v1/notices", url.Values{"state": {b.State}, "party": {b.Party}})
	rows, next, err := d.noticePage(v, loop.NoticeQuery{Party: ident.Party(b.Party), State: notice.State(b.State)})
	if err != nil {
		return err
	}
	b.Rows, b.Next = rows, next
	return page.Show(v, "desk/notices", v.T("desk.notices.title"), b)
}

func (d *desk) noticePage(v *page.Visit, q loop.NoticeQuery) ([]loop.NoticeRow, string, error) {
	rows, err := d.loop.Notices(v.R.Context(), v.Now, v.Who.Actor, q, noticeCursor(v.R.URL.Query().Get("after")), pageSize+1)
	if err != nil || len(rows) <= pageSize {
		return rows, "", err
	}
	last := rows[pageSize-1]
	return rows[:pageSize], fmt.Sprintf("%d.%s", last.Created.UnixMicro(), last.ID), nil
}

func noticeCursor(text string) loop.NoticeCursor {
	at, id, _ := strings.Cut(text, ".")
	us, err := strconv.ParseInt(at, 10, 64)
	if err != nil || us < 0 {
		return loop.NoticeCursor{}
	}
	return loop.NoticeCursor{Created: time.UnixMicro(us).UTC(), ID: ident.Notice(id)}
}

type noticeBody struct {
	loop.NoticeDetail
	Letter  letterBody
	Chained bool // there are others in its chain
}

func (d *desk) notice(v *page.Visit) error {
	n, err := d.loop.NoticeByID(v.R.Context(), v.Now, v.Who.Actor, ident.Notice(v.R.PathValue("id")))
	if err != nil {
		return err
	}
	b := noticeBody{NoticeDetail: n, Letter: letterOf(n, "/desk/notices/"), Chained: len(n.Chain) > 1}
	// The letter is framed below; nothing else of the policy is loosened.
	v.W.Header().Set("Content-Security-Policy", page.Policy+"; frame-src 'self'")
	title := n.Subject
	if title == "" {
		title = v.T("desk.notices.no_subject")
	}
	return page.Show(v, "desk/notice", title, b)
}

// letterBody is a mail as it goes out.
type letterBody struct {
	Notice ident.Notice
	Mail   notice.Opened
	Look   lookForm // before the mail
	HTML   bool     // it has an HTML part, shown from its own address
}

// Head returns the header fields that a reader sees first.
func (b letterBody) Head() []notice.Header {
	var out []notice.Header
	for _, want := range []string{"From", "To", "Reply-To", "Date", "Subject"} {
		for _, h := range b.Mail.Headers {
			if strings.EqualFold(h.Name, want) {
				out = append(out, h)
			}
		}
	}
	return out
}

func letterOf(n loop.NoticeDetail, page string) letterBody {
	b := letterBody{Notice: n.ID, Mail: n.Mail, HTML: n.Mail.HTML != ""}
	if !n.Looked {
		b.Look = lookAt(page + string(n.ID) + "/look")
	}
	return b
}

// letterPolicy lets a letter's own inline styles through and nothing else; the sandbox takes its scripts, forms and
// origin away.
const letterPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; " +
	"img-src data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"

func (d *desk) noticeHTML(v *page.Visit) error {
	m, err := d.mail(v)
	if err != nil {
		return err
	}
	if m.HTML == "" {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	v.W.Header().Set("Content-Security-Policy", letterPolicy)
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = v.W.Write([]byte(m.HTML)) // nobody is left to tell
	return nil
}

// message returns the mail's bytes to whoever said why they look.
func (d *desk) message(v *page.Visit) ([]byte, error) {
	raw, err := d.loop.NoticeMail(v.R.Context(), v.Now, v.Who.Actor, ident.Notice(v.R.PathValue("id")))
	if errors.Is(err, loop.ErrLook) {
		err = fault.New(fault.Denied, "%s", v.T("look.first"))
	}
	return raw, err
}

func (d *desk) mail(v *page.Visit) (notice.Opened, error) {
	raw, err := d.message(v)
	if err != nil {
		return notice.Opened{}, err
	}
	return notice.Open(raw)
}

func (d *desk) noticeMail(v *page.Visit) error {
	raw, err := d.message(v)
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	return download(v, "notice.eml", raw)
}

func (d *desk) noticeAttachment(v *page.Visit) error {
	m, err := d.mail(v)
	if err != nil {
		return err
	}
	n, err := number(v, "n")
	if err != nil || n > int64(len(m.Attachments)) {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	a := m.Attachments[n-1]
	return download(v, a.Name, a.Body)
}

// download sends bytes to be saved, never shown: what is in them came from outside.
func download(v *page.Visit, name string, body []byte) error {
	h := v.W.Header()
	gate.Saved(h, "application/octet-stream", name)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = v.W.Write(body) // nobody is left to tell
	return nil
}

type mailboxBody struct {
	Rows []loop.NoticeRow
	Next string
}

func (d *desk) mailbox(v *page.Visit) error {
	rows, next, err := d.noticePage(v, loop.NoticeQuery{})
	if err != nil {
		return err
	}
	b := mailboxBody{Next: next}
	for _, r := range rows {
		if !r.Sent.IsZero() {
			b.Rows = append(b.Rows, r)
		}
	}
	return page.Show(v, "desk/mailbox", v.T("desk.mail.title"), b)
}

func (d *desk) letter(v *page.Visit) error {
	n, err := d.loop.NoticeByID(v.R.Context(), v.Now, v.Who.Actor, ident.Notice(v.R.PathValue("id")))
	if err != nil {
		return err
	}
	v.W.Header().Set("Content-Security-Policy", page.Policy+"; frame-src 'self'")
	return page.Show(v, "desk/letter", n.Subject, letterOf(n, "/desk/mail/"))
}
