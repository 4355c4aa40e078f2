package notice

import (
	"bytes"
	"io"
	"time"

	"github.com/emersion/go-message/mail"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Trial writes a mail that says nothing of substance, to show whether the way out works. fault.Invalid where to is no
// address.
func Trial(from Sender, to string, now time.Time) ([]byte, error) {
	if a, err := mail.ParseAddress(to); err != nil || a.Name != "" {
		return nil, fault.New(fault.Invalid, "%q is not a mail address such as security@example.org", to)
	}
	var h mail.Header
	h.SetDate(now.UTC())
	h.SetAddressList("From", []*mail.Address{{Name: from.Name, Address: from.Mail}})
	h.SetAddressList("To", []*mail.Address{{Address: to}})
	h.SetSubject("Tocsin: test of outgoing mail")
	h.SetMessageID(ident.New("test") + "@tocsin.invalid")
	h.Set("Auto-Submitted", "auto-generated")
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	var b bytes.Buffer
	w, err := mail.CreateSingleInlineWriter(&b, h)
	if err == nil {
		_, err = io.WriteString(w, "This mail shows that Tocsin can send mail from here. It needs no answer.\r\n")
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}
