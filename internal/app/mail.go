package app

import (
	"errors"
	"fmt"

	"tocsin/internal/fault"
	"tocsin/internal/lang"
	"tocsin/internal/notice"
)

type mailCommand struct {
	Test    mailTestCommand    `cmd:"" help:"Send one plain mail through the configured server and say what the server answers."`
	Held    mailHeldCommand    `cmd:"" help:"List the notices that wait until somebody releases them."`
	Release mailReleaseCommand `cmd:"" help:"Let the notices go out that wait; before there are any, the first of an installation."`
	Refuse  mailRefuseCommand  `cmd:"" help:"Withdraw the notices that wait, and go on holding."`
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
	message, err := notice.Trial(notice.Sender{Name: r.cfg.Name, Mail: r.cfg.Mail}, c.Address, r.clock())
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

type mailHeldCommand struct{}

// heldListed bounds how many notices the command lists.
const heldListed = 10_000

// Run lists what waits, a line a notice.
func (mailHeldCommand) Run(r *running) error {
	return r.with(func(in *installation) error {
		w, err := in.mailing.Waiting(r.ctx, r.clock(), operator, heldListed)
		if err != nil {
			return err
		}
		if w.ID == "" {
			_, err = fmt.Fprintln(r.out, "nothing waits to be released")
			return err
		}
		fmt.Fprintf(r.out, "%s\n%d notices to %d parties about %d findings wait since %s\n", lang.English.Word("held_why", string(w.Reason)),
			w.Notices, w.Parties, w.Findings, w.Opened.In(r.cfg.zone()).Format("2006-01-02 15:04 MST"))
		for i := range w.Rows {
			n := &w.Rows[i]
			fmt.Fprintf(r.out, "%s  %-8s %-8s %-30s %-30s %s\n", n.ID, n.Kind, n.Severity, n.PartyName, n.Mail, n.Subject)
		}
		return nil
	})
}

type mailReleaseCommand struct{}

// Run releases what waits.
func (mailReleaseCommand) Run(r *running) error {
	return r.with(func(in *installation) error {
		n, err := in.mailing.Release(r.ctx, r.clock(), operator, "")
		if err == nil {
			_, err = fmt.Fprintf(r.out, "%d notices were released\n", n)
		}
		return err
	})
}

type mailRefuseCommand struct {
	Reason string `required:"" help:"Why they must not go out."`
}

// Run withdraws what waits.
func (c *mailRefuseCommand) Run(r *running) error {
	return r.with(func(in *installation) error {
		w, err := in.mailing.Waiting(r.ctx, r.clock(), operator, 0)
		if err != nil {
			return err
		}
		n, err := in.mailing.Refuse(r.ctx, r.clock(), operator, w.ID, c.Reason)
		if err == nil {
			_, err = fmt.Fprintf(r.out, "%d notices were withdrawn\n", n)
		}
		return err
	})
}
