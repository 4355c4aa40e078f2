package casework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/report"
	"tocsin/internal/store"
)

// ForgetAfter is how long after its end a report keeps the address of whoever sent it.
const ForgetAfter = 90 * 24 * time.Hour

// Take is the desk's act that a person begins to work on a report.
func (c *Casework) Take(ctx context.Context, now time.Time, by access.Actor, id ident.Report) error {
	return c.step(ctx, now, by, id, report.Take, "", func(r *report.Report) {
		r.Taken, r.TakenBy = now, by.String()
	})
}

// Close is the desk's act that ends a report with an outcome.
func (c *Casework) Close(ctx context.Context, now time.Time, by access.Actor, id ident.Report, outcome report.Outcome) error {
	if !outcome.Known() {
		return fault.New(fault.Invalid, "outcome: one of %v was expected", report.Outcomes)
	}
	return c.step(ctx, now, by, id, report.Close, string(outcome), func(r *report.Report) {
		r.Closed, r.Outcome = now, outcome
	})
}

func (c *Casework) step(ctx context.Context, now time.Time, by access.Actor, id ident.Report, t report.Trigger, reason string,
	change func(*report.Report),
) error {
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		r, err := c.read(ctx, tx, now, by, id)
		if err != nil {
			return err
		}
		from := r.State
		if r.State, err = report.Next(from, t); err != nil {
			return err
		}
		change(&r)
		if _, err := tx.Append(ctx, now, by, "report."+string(t), access.On(object(id)), reason, nil); err != nil {
			return err
		}
		return tx.PutReport(ctx, &r, from)
	})
	if err != nil {
		return fmt.Errorf("%s report %s: %w", t, id, err)
	}
	return nil
}

// Forget destroys the address of whoever sent a report, because they asked for it. fault.Conflict where there is none.
func (c *Casework) Forget(ctx context.Context, now time.Time, by access.Actor, id ident.Report) error {
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		r, err := c.read(ctx, tx, now, by, id)
		if err != nil {
			return err
		}
		return c.forget(ctx, tx, now, by, &r, "asked")
	})
	if err != nil {
		return fmt.Errorf("forget who sent report %s: %w", id, err)
	}
	return nil
}

func (c *Casework) forget(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, r *report.Report, why string) error {
	if !r.Contact {
		return fault.New(fault.Conflict, "this report has no address")
	}
	if err := tx.EraseSubject(ctx, object(r.ID), now); err != nil {
		return err
	}
	r.Contact = false
	if err := tx.PutReport(ctx, r, r.State); err != nil {
		return err
	}
	m, err := tx.ReportMailOf(ctx, r.ID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	if err == nil && m.State == report.MailWaiting {
		m.State, m.Next = report.MailDropped, time.Time{}
		if err := tx.PutReportMail(ctx, m); err != nil {
			return err
		}
	}
	_, err = tx.Append(ctx, now, by, "report.forget", access.On(object(r.ID)), why, nil)
	return err
}

// ForgetOld destroys the addresses of reports that were closed long enough ago, a few at a time, and returns how many.
func (c *Casework) ForgetOld(ctx context.Context, now time.Time) (int, error) {
	var due []report.Report
	err := c.store.View(ctx, func(tx *store.Tx) (err error) {
		due, err = tx.ContactsToForget(ctx, now.Add(-ForgetAfter), 100)
		return err
	})
	for i := range due {
		if err != nil {
			return i, err
		}
		err = c.store.Update(ctx, func(tx *store.Tx) error {
			r, err := tx.ReportByID(ctx, due[i].ID)
			if err != nil || !r.Contact {
				return err
			}
			return c.forget(ctx, tx, now, access.ForSoftware("forget"), &r, "old")
		})
	}
	return len(due), err
}

// read returns a report that by may read: what they may not is fault.NotFound, as what is not there.
func (c *Casework) read(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, id ident.Report) (report.Report, error) {
	missing := access.Missing(access.Reports, string(id))
	r, err := tx.ReportByID(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return r, missing
	}
	if err != nil {
		return r, err
	}
	reader, err := tx.Reader(ctx, by, now)
	if err == nil && !access.Can(reader, store.ReportThing(&r), now, by.Why()) {
		return report.Report{}, missing
	}
	return r, err
}

// opens reports whether an actor may read the words of a report, beyond that it is there: whoever decides about it.
func opens(by access.Actor) bool {
	return by.Kind == access.Software || by.Holds(people.Triage, "") && !by.Weak
}
