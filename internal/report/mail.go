package report

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"

	"tocsin/internal/lang"
	"tocsin/internal/notice"
)

// Acknowledgement is the automatic mail to whoever left an address. It says that a report is here and what comes next, and
// nothing of what is in the report: mail is read by others on its way.
type Acknowledgement struct {
	Number   string
	Language lang.Language
	Sender   notice.Sender
	To       string
	Domain   string // right side of the Message-ID
	Due      time.Time
	Zone     *time.Location
	Now      time.Time // date of the mail, to the hour
}

// Compose writes the mail: RFC 5322 with CRLF. The same acknowledgement has the same Message-ID whenever it is written.
func (a *Acknowledgement) Compose() ([]byte, error) {
	var h mail.Header
	h.SetDate(a.Now.UTC())
	h.SetAddressList("From", []*mail.Address{{Name: a.Sender.Named(string(a.Language)), Address: a.Sender.Mail}})
	h.SetAddressList("To", []*mail.Address{{Address: a.To}})
	h.SetSubject(a.Language.T("report.mail.subject", a.Number))
	h.SetMessageID(strings.ToLower(a.Number) + "@" + a.Domain)
	h.Set("Auto-Submitted", "auto-replied") // RFC 3834: no vacation notice answers it
	h.Set("Content-Language", string(a.Language))
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	var b bytes.Buffer
	w, err := mail.CreateSingleInlineWriter(&b, h)
	if err != nil {
		return nil, fmt.Errorf("write the acknowledgement: %w", err)
	}
	if _, err := w.Write([]byte(strings.ReplaceAll(a.Text(), "\n", "\r\n"))); err != nil {
		return nil, fmt.Errorf("write the acknowledgement: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write the acknowledgement: %w", err)
	}
	return b.Bytes(), nil
}

// Text is the body of the mail.
func (a *Acknowledgement) Text() string {
	l, name := a.Language, a.Sender.Named(string(a.Language))
	lines := []string{
		l.T("report.mail.hello"), "",
		l.T("report.mail.here", a.Number, name), "",
		l.T("report.mail.next", lang.Stamp(a.Due, a.Zone)), "",
		l.T("report.mail.code"), "",
	}
	if a.Sender.URL != "" {
		lines = append(lines, l.T("report.mail.check", a.Sender.URL+"/verify"), "")
	}
	lines = append(lines, l.T("report.mail.forget"), "", l.T("report.mail.not_you"), "", "-- ", name)
	if a.Sender.Phone != "" {
		lines = append(lines, a.Sender.Phone)
	}
	return strings.Join(lines, "\n") + "\n"
}
