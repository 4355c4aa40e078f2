package casework

import (
	"context"
	"errors"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/report"
	"tocsin/internal/store"
)

// Row is a report in a list: nothing of its words.
type Row struct {
	ID       ident.Report
	Number   string
	Kind     report.Kind
	State    report.State
	Outcome  report.Outcome
	Language string
	Contact  bool
	Received time.Time
	Due      time.Time // of the first look
	Closed   time.Time
}

// Query narrows a list of reports; the zero value lets everything through.
type Query struct {
	States []report.State
	Kind   report.Kind
}

// Cursor is where a list goes on.
type Cursor = store.ReportCursor

// Mail is the automatic acknowledgement of a report.
type Mail = store.ReportMail

// View is a part of the list of reports with what it counts.
type View struct {
	Rows   []Row
	Counts map[report.State]int     // of all kinds that the query asks for, in every state
	Late   bool                     // the first look at one is overdue
	Mails  map[report.MailState]int // acknowledgements
}

// List returns at most limit reports behind a cursor, the newest first, with the counts of all of them.
func (c *Casework) List(ctx context.Context, now time.Time, by access.Actor, q Query, after Cursor, limit int) (View, error) {
	var v View
	err := c.store.View(ctx, func(tx *store.Tx) error {
		may, err := may(ctx, tx, now, by)
		if err != nil {
			return err
		}
		list, err := tx.ListReports(ctx, store.ReportFilter{States: q.States, Kind: q.Kind, May: may}, after, false, limit)
		if err != nil {
			return err
		}
		v.Rows = c.rows(list)
		if v.Counts, err = tx.CountReports(ctx, store.ReportFilter{Kind: q.Kind, May: may}); err != nil {
			return err
		}
		oldest, err := tx.ListReports(ctx, store.ReportFilter{States: report.Waiting, May: may}, Cursor{}, true, 1)
		if err != nil {
			return err
		}
		v.Late = len(oldest) > 0 && now.After(report.Due(oldest[0].Received, c.set.Zone))
		v.Mails, err = tx.CountReportMails(ctx)
		return err
	})
	return v, err
}

// Waiting returns at most limit reports that nobody has looked at, the oldest first, and how many there are.
func (c *Casework) Waiting(ctx context.Context, now time.Time, by access.Actor, limit int) (rows []Row, all int, err error) {
	err = c.store.View(ctx, func(tx *store.Tx) error {
		may, err := may(ctx, tx, now, by)
		if err != nil {
			return err
		}
		f := store.ReportFilter{States: report.Waiting, May: may}
		list, err := tx.ListReports(ctx, f, Cursor{}, true, limit)
		if err != nil {
			return err
		}
		counts, err := tx.CountReports(ctx, f)
		all = 0
		for _, n := range counts {
			all += n
		}
		rows = c.rows(list)
		return err
	})
	return rows, all, err
}

func may(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor) (access.Cond, error) {
	r, err := tx.Reader(ctx, by, now)
	if err != nil {
		return access.Never, err
	}
	return access.Readable(r, access.Reports, now, by.Why()), nil
}

func (c *Casework) rows(list []report.Report) []Row {
	out := make([]Row, len(list))
	for i := range list {
		r := &list[i]
		out[i] = Row{
			r.ID, r.Number, r.Kind, r.State, r.Outcome, r.Language, r.Contact, r.Received, report.Due(r.Received, c.set.Zone), r.Closed,
		}
	}
	return out
}

// Detail is a report as whoever decides about it reads it.
type Detail struct {
	report.Report
	Due     time.Time
	Address string // of whoever sent it; empty: not left, or erased
	Mail    *Mail  // nil: nobody asked for an acknowledgement
	Taker   string // name of who took it
}

// Defanged is what the sender called suspicious, so that nothing makes a link of it.
func (d Detail) Defanged() string { return report.Defang(d.Where) }

// Late reports whether the first look is overdue.
func (d Detail) Late(now time.Time) bool { return d.State.Waits() && now.After(d.Due) }

// Report returns a report with its words. fault.NotFound where there is none that by may read, fault.Denied where they
// may know that it is there and not what it says.
func (c *Casework) Report(ctx context.Context, now time.Time, by access.Actor, id ident.Report) (Detail, error) {
	var d Detail
	err := c.store.View(ctx, func(tx *store.Tx) error {
		r, err := c.read(ctx, tx, now, by, id)
		if err != nil {
			return err
		}
		if !opens(by) {
			return fault.New(fault.Denied, "the words of a report are for whoever decides about it")
		}
		d = Detail{Report: r, Due: report.Due(r.Received, c.set.Zone)}
		if d.Address, err = c.contact(ctx, tx, &r); err != nil {
			return err
		}
		m, err := tx.ReportMailOf(ctx, id)
		switch {
		case err == nil:
			d.Mail = &m
		case !errors.Is(err, fault.NotFound):
			return err
		}
		if who, ok := strings.CutPrefix(r.TakenBy, "person:"); ok {
			d.Taker, err = tx.PersonName(ctx, ident.Person(who))
			return err
		}
		return nil
	})
	return d, err
}
