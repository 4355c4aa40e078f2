package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/emersion/go-message/mail"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
)

type mailCommand struct {
	Test mailTestCommand `cmd:"" help:"Send one plain mail through the configured server and say what the server answers."`
}

type mailTestCommand struct {
	Address string `arg:"" help:"To whom."`
}

// Run sends a mail that says nothing of substance, and tells the server's own words where it does not take it.
func (c *mailTestCommand) Run(r *running) error {
	mailer, err := r.mailer()
	if err != nil {
		return err
	}
	if mailer == nil {
		return fault.New(fault.Invalid, "smtp-host: no mail server is configured; host:port was expected")
	}
	message, err := c.message(r)
	if err != nil {
		return err
	}
	err = mailer.Send(r.ctx, notice.Envelope{From: r.cfg.Mail, To: c.Address, Message: message})
	if refused, ok := errors.AsType[*notice.SendError](err); ok {
		return fault.New(fault.Unavailable, "%s did not take the mail to %s: %s", r.cfg.SMTPHost, c.Address, refused)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "%s took the mail from %s to %s. Look whether it arrives, and where.\n", r.cfg.SMTPHost, r.cfg.Mail, c.Address)
	return err
}

func (c *mailTestCommand) message(r *running) ([]byte, error) {
	var h mail.Header
	h.SetDate(r.clock().UTC())
	h.SetAddressList("From", []*mail.Address{{Name: r.cfg.Name, Address: r.cfg.Mail}})
	h.SetAddressList("To", []*mail.Address{{Address: c.Address}})
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
