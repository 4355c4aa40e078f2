package casework

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/lang"
	"tocsin/internal/notice"
	"tocsin/internal/report"
	"tocsin/internal/store"
)

var acknowledger = access.ForSoftware("acknowledge")

// batch bounds what one call does, so that the leases that it takes outlast the slowest mail server.
const batch = 4

// Acknowledge sends the acknowledgements that are due and returns how many it handled. Several processes may run it at
// once. After a crash the same mail goes out again under the same Message-ID.
func (c *Casework) Acknowledge(ctx context.Context, now time.Time) (int, error) {
	if c.mailer == nil {
		return 0, nil
	}
	for n := range batch {
		job, err := c.claim(ctx, now)
		if err != nil || job == nil {
			return n, err
		}
		if err := c.send(ctx, now, job); err != nil {
			return n, fmt.Errorf("acknowledge report %s: %w", job.mail.Report, err)
		}
	}
	return batch, nil
}

// lease is how long a worker may hold an acknowledgement, from the hour that has begun: the minute would tell when its
// report came.
const lease = 2 * time.Hour

// sending is an acknowledgement that this worker holds.
type sending struct {
	mail   store.ReportMail
	report report.Report
	to     string // empty: the address was erased
}

// claim takes the next acknowledgement for as long as a lease lasts; nil where none is due.
func (c *Casework) claim(ctx context.Context, now time.Time) (*sending, error) {
	var job *sending
	err := c.store.Keep(ctx, func(tx *store.Tx) error {
		job = nil
		m, err := tx.ReportMailDue(ctx, now)
		if errors.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.State, err = report.NextMail(m.State, report.MailClaim); err != nil {
			return err
		}
		m.Leased = report.Hour(now).Add(lease)
		job = &sending{mail: m}
		if job.report, err = tx.ReportByID(ctx, m.Report); err != nil {
			return err
		}
		if job.to, err = c.contact(ctx, tx, &job.report); err != nil {
			return err
		}
		return tx.PutReportMail(ctx, m)
	})
	if err != nil {
		return nil, fmt.Errorf("claim an acknowledgement: %w", err)
	}
	return job, nil
}

// contact opens the sealed address of a report; empty where there is none any more.
func (c *Casework) contact(ctx context.Context, tx *store.Tx, r *report.Report) (string, error) {
	if !r.Contact {
		return "", nil
	}
	e, err := tx.NewestOf(ctx, object(r.ID))
	if err != nil {
		return "", err
	}
	data, err := tx.OpenPayload(ctx, c.set.Key, e.ID)
	if errors.Is(err, fault.Expired) {
		return "", nil
	}
	return string(data), err
}

func (c *Casework) send(ctx context.Context, now time.Time, job *sending) error {
	if job.to == "" {
		return c.settle(ctx, now, job, report.MailDrop, nil)
	}
	a := report.Acknowledgement{
		Number: job.report.Number, Language: lang.Language(job.report.Language), Sender: c.set.Sender, To: job.to, Domain: c.set.MailDomain,
		Due: report.Due(job.report.Received, c.set.Zone), Zone: c.set.Zone, Now: report.Hour(now),
	}
	message, err := a.Compose()
	if err != nil {
		return err
	}
	sent := c.mailer.Send(ctx, notice.Envelope{From: c.set.Sender.Mail, To: job.to, Message: message})
	if sent != nil && ctx.Err() != nil {
		return ctx.Err() // we stop; the lease runs out and the mail goes out then
	}
	trigger := report.MailAccept
	switch verdict, _ := notice.Verdict(sent, job.mail.Attempts+1); verdict {
	case notice.Defer:
		return c.postpone(ctx, now, job, sent)
	case notice.Fail:
		trigger = report.MailFail
	case notice.Accept, notice.Claim, notice.Confirm, notice.Bounce, notice.Retarget, notice.GiveUp, notice.Reply, notice.Rest, notice.Withdraw, notice.HoldBack, notice.Release:
	}
	return c.settle(ctx, now, job, trigger, sent)
}

// postpone puts an acknowledgement off after a temporary failure, to a full hour.
func (c *Casework) postpone(ctx context.Context, now time.Time, job *sending, sent error) error {
	return c.store.Keep(ctx, func(tx *store.Tx) error {
		m, held, err := c.held(ctx, tx, job)
		if err != nil || !held {
			return err
		}
		if m.State, err = report.NextMail(m.State, report.MailDefer); err != nil {
			return err
		}
		m.Attempts++
		wait, _ := notice.BackOff(m.Attempts)
		m.Next, m.Leased, m.Error = report.Hour(now).Add(max(wait, time.Hour)), time.Time{}, said(sent, job.to)
		return tx.PutReportMail(ctx, m)
	})
}

// held returns the acknowledgement as it is now; false where another worker took it over meanwhile.
func (c *Casework) held(ctx context.Context, tx *store.Tx, job *sending) (store.ReportMail, bool, error) {
	m, err := tx.ReportMailOf(ctx, job.mail.Report)
	return m, err == nil && m.State == report.MailSending && m.Leased.Equal(job.mail.Leased), err
}

// settle records how an acknowledgement ended, with one entry.
func (c *Casework) settle(ctx context.Context, now time.Time, job *sending, trigger report.MailTrigger, sent error) error {
	return c.store.Update(ctx, func(tx *store.Tx) error {
		m, held, err := c.held(ctx, tx, job)
		if err != nil || !held {
			return err
		}
		if m.State, err = report.NextMail(m.State, trigger); err != nil {
			return err
		}
		m.Leased, m.Next, m.Error = time.Time{}, time.Time{}, said(sent, job.to)
		m.Attempts++
		if trigger != report.MailAccept {
			_, err = tx.Append(ctx, report.Hour(now), acknowledger, "report.unreached", access.On(object(m.Report)), code(trigger, sent), nil)
			return errors.Join(err, tx.PutReportMail(ctx, m))
		}
		m.Sent = report.Hour(now)
		if err := tx.PutReportMail(ctx, m); err != nil {
			return err
		}
		r, err := tx.ReportByID(ctx, m.Report)
		if err != nil {
			return err
		}
		from := r.State
		if r.State, err = report.Next(from, report.Acknowledge); err != nil {
			return err
		}
		if err := tx.PutReport(ctx, &r, from); err != nil {
			return err
		}
		_, err = tx.Append(ctx, report.Hour(now), acknowledger, "report.acknowledge", access.On(object(r.ID)), "mail", nil)
		return err
	})
}

// code says in the ledger why a mail did not go out: a number of the mail server, never its words.
func code(trigger report.MailTrigger, sent error) string {
	var s *notice.SendError
	switch {
	case trigger == report.MailDrop:
		return "erased"
	case errors.As(sent, &s) && s.Code != 0:
		return strconv.Itoa(s.Code)
	}
	return "unreachable"
}
