package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/report"
)

// reportFields says where a report keeps what a condition looks at. It is nobody's, so no condition on its party holds.
var reportFields = fields{access.FieldID: "report.id", access.FieldTLP: "report.tlp"}

// ReportThing is a report as access sees it.
func ReportThing(r *report.Report) access.Thing {
	t := access.Thing{Kind: access.Reports, ID: string(r.ID)}
	t.Mark.TLP = report.Mark
	return t
}

// InsertReport writes a new report; hash is its code's. fault.Exists where a report with that code is there.
func (t *Tx) InsertReport(ctx context.Context, r *report.Report, hash []byte) error {
	_, err := t.exec(ctx, `insert into report (id, number, code_hash, kind, state, outcome, language, what, whereabouts, seen_on, contact,
		salt, commitment, tlp, received_at, taken_at, taken_by, closed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, null, '', null)`,
		r.ID, r.Number, hash, string(r.Kind), string(r.State), string(r.Outcome), r.Language, r.What, r.Where, r.Day, r.Contact,
		r.Salt, r.Commitment, int64(report.Mark), Micros(r.Received))
	if err != nil {
		return fmt.Errorf("insert report %s: %w", r.ID, err)
	}
	return nil
}

// PutReport writes what changes in the life of a report whose row is still in state from: fault.Conflict where somebody
// was faster.
func (t *Tx) PutReport(ctx context.Context, r *report.Report, from report.State) error {
	res, err := t.exec(ctx, `update report set state = $1, outcome = $2, contact = $3, taken_at = $4, taken_by = $5, closed_at = $6
		where id = $7 and state = $8`,
		string(r.State), string(r.Outcome), r.Contact, optional(r.Taken), r.TakenBy, optional(r.Closed), r.ID, string(from))
	if err != nil {
		return fmt.Errorf("update report %s: %w", r.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.Conflict, "somebody else changed this report first"), err)
	}
	return nil
}

const reportColumns = `report.id, report.number, report.kind, report.state, report.outcome, report.language, report.what, report.whereabouts,
	report.seen_on, report.contact, report.salt, report.commitment, report.received_at, report.taken_at, report.taken_by, report.closed_at`

func scanReport(scan func(...any) error) (report.Report, error) {
	var r report.Report
	var received int64
	var taken, closed sql.NullInt64
	err := scan(&r.ID, &r.Number, &r.Kind, &r.State, &r.Outcome, &r.Language, &r.What, &r.Where, &r.Day, &r.Contact, &r.Salt,
		&r.Commitment, &received, &taken, &r.TakenBy, &closed)
	r.Received, r.Taken, r.Closed = Instant(received), instant(taken), instant(closed)
	return r, err
}

// ReportByID returns a report; fault.NotFound where there is none.
func (t *Tx) ReportByID(ctx context.Context, id ident.Report) (report.Report, error) {
	return t.oneReport(ctx, "report.id = $1", id)
}

// ReportByCode returns the report whose code has a hash; fault.NotFound where there is none.
func (t *Tx) ReportByCode(ctx context.Context, hash []byte) (report.Report, error) {
	return t.oneReport(ctx, "report.code_hash = $1", hash)
}

// ReportByNumber returns the report of a number; fault.NotFound where there is none.
func (t *Tx) ReportByNumber(ctx context.Context, number string) (report.Report, error) {
	return t.oneReport(ctx, "report.number = $1", number)
}

func (t *Tx) oneReport(ctx context.Context, where string, arg any) (report.Report, error) {
	r, err := scanReport(func(dest ...any) error {
		return t.row(ctx, "select "+reportColumns+" from report where "+where, []any{arg}, dest...)
	})
	if err != nil {
		return report.Report{}, fmt.Errorf("read a report: %w", err)
	}
	return r, nil
}

// ReportsAfter returns at most limit reports with an id above after, in the order of their ids.
func (t *Tx) ReportsAfter(ctx context.Context, after ident.Report, limit int) ([]report.Report, error) {
	var out []report.Report
	err := t.each(ctx, "select "+reportColumns+" from report where report.id > $1 order by report.id limit $2", []any{after, limit},
		func(rows *sql.Rows) error {
			r, err := scanReport(rows.Scan)
			out = append(out, r)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	return out, nil
}

// ReportFilter narrows a list of reports; the zero value of a member lets everything through, but for May.
type ReportFilter struct {
	States []report.State
	Kind   report.Kind
	May    access.Cond // what the reader may read; the zero value is everything
}

// ReportCursor is where a list goes on: behind this report.
type ReportCursor struct {
	Received time.Time
	ID       ident.Report
}

func (c *conditions) report(f ReportFilter) []string {
	and := []string{c.readable(reportFields, f.May)}
	if len(f.States) > 0 {
		and = append(and, c.in("report.state", len(f.States), func(i int) any { return string(f.States[i]) }))
	}
	if f.Kind != "" {
		and = append(and, "report.kind = "+c.add(string(f.Kind)))
	}
	return and
}

// ListReports returns at most limit reports behind a cursor, the newest first; with oldest, the oldest first.
func (t *Tx) ListReports(ctx context.Context, f ReportFilter, after ReportCursor, oldest bool, limit int) ([]report.Report, error) {
	c := &conditions{}
	and := c.report(f)
	order, than := " desc", "<"
	if oldest {
		order, than = "", ">"
	}
	if after.ID != "" {
		at := Micros(after.Received)
		and = append(and, "(report.received_at "+than+" "+c.add(at)+" or report.received_at = "+c.add(at)+" and report.id "+than+" "+c.add(after.ID)+")")
	}
	var out []report.Report
	err := t.each(ctx, "select "+reportColumns+" from report where "+strings.Join(and, " and ")+
		" order by report.received_at"+order+", report.id"+order+" limit "+c.add(limit), c.args, func(rows *sql.Rows) error {
		r, err := scanReport(rows.Scan)
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	return out, nil
}

// CountReports returns how many reports there are in each state.
func (t *Tx) CountReports(ctx context.Context, f ReportFilter) (map[report.State]int, error) {
	c, out := &conditions{}, map[report.State]int{}
	err := t.each(ctx, "select report.state, count(*) from report where "+strings.Join(c.report(f), " and ")+" group by report.state", c.args,
		func(rows *sql.Rows) error {
			var s report.State
			var n int
			err := rows.Scan(&s, &n)
			out[s] = n
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("count reports: %w", err)
	}
	return out, nil
}

// ContactsToForget returns at most limit reports that were closed up to an instant and whose contact is still there.
func (t *Tx) ContactsToForget(ctx context.Context, until time.Time, limit int) ([]report.Report, error) {
	var out []report.Report
	err := t.each(ctx, "select "+reportColumns+` from report where report.state = 'closed' and report.contact = $1 and report.closed_at <= $2
		order by report.closed_at, report.id limit $3`, []any{true, Micros(until), limit}, func(rows *sql.Rows) error {
		r, err := scanReport(rows.Scan)
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list reports whose contact is due: %w", err)
	}
	return out, nil
}

// ReportMail is the automatic acknowledgement of one report.
type ReportMail struct {
	Report   ident.Report
	State    report.MailState
	Attempts int
	Next     time.Time // when it is tried; zero where it is not
	Leased   time.Time // until when a worker holds it
	Sent     time.Time // to the hour
	Error    string    // in the words of the mail server
}

const reportMailColumns = "report_id, state, attempts, next_at, leased_until, sent_at, error"

func scanReportMail(scan func(...any) error) (ReportMail, error) {
	var m ReportMail
	var next, leased, sent sql.NullInt64
	err := scan(&m.Report, &m.State, &m.Attempts, &next, &leased, &sent, &m.Error)
	m.Next, m.Leased, m.Sent = instant(next), instant(leased), instant(sent)
	return m, err
}

// InsertReportMail writes an acknowledgement that waits.
func (t *Tx) InsertReportMail(ctx context.Context, m ReportMail) error {
	_, err := t.exec(ctx, `insert into report_mail (report_id, state, attempts, next_at, leased_until, sent_at, error)
		values ($1, $2, $3, $4, $5, $6, $7)`, m.Report, string(m.State), m.Attempts, optional(m.Next), optional(m.Leased), optional(m.Sent), m.Error)
	if err != nil {
		return fmt.Errorf("insert the acknowledgement of report %s: %w", m.Report, err)
	}
	return nil
}

// PutReportMail writes what changes in the life of an acknowledgement.
func (t *Tx) PutReportMail(ctx context.Context, m ReportMail) error {
	_, err := t.exec(ctx, `update report_mail set state = $1, attempts = $2, next_at = $3, leased_until = $4, sent_at = $5, error = $6
		where report_id = $7`, string(m.State), m.Attempts, optional(m.Next), optional(m.Leased), optional(m.Sent), m.Error, m.Report)
	if err != nil {
		return fmt.Errorf("update the acknowledgement of report %s: %w", m.Report, err)
	}
	return nil
}

// ReportMailOf returns the acknowledgement of a report; fault.NotFound where nobody asked for one.
func (t *Tx) ReportMailOf(ctx context.Context, id ident.Report) (ReportMail, error) {
	m, err := scanReportMail(func(dest ...any) error {
		return t.row(ctx, "select "+reportMailColumns+" from report_mail where report_id = $1", []any{id}, dest...)
	})
	if err != nil {
		return ReportMail{}, fmt.Errorf("read the acknowledgement of report %s: %w", id, err)
	}
	return m, nil
}

// ReportMailDue returns the acknowledgement that has waited longest, or whose worker's lease has run out; fault.NotFound
// where none is due.
func (t *Tx) ReportMailDue(ctx context.Context, now time.Time) (ReportMail, error) {
	m, err := scanReportMail(func(dest ...any) error {
		return t.row(ctx, "select "+reportMailColumns+` from report_mail where (state = 'waiting' and next_at <= $1)
			or (state = 'sending' and leased_until <= $2) order by next_at, report_id limit 1`, []any{Micros(now), Micros(now)}, dest...)
	})
	if err != nil {
		return ReportMail{}, fmt.Errorf("look for an acknowledgement to send: %w", err)
	}
	return m, nil
}

// CountReportMails returns how many acknowledgements there are in each state.
func (t *Tx) CountReportMails(ctx context.Context) (map[report.MailState]int, error) {
	out := map[report.MailState]int{}
	err := t.each(ctx, "select state, count(*) from report_mail group by state", nil, func(rows *sql.Rows) error {
		var s report.MailState
		var n int
		err := rows.Scan(&s, &n)
		out[s] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count acknowledgements: %w", err)
	}
	return out, nil
}
