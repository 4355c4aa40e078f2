package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

// OpenCount counts findings of a party that are alike, and live at an instant.
type OpenCount struct {
	Party         ident.Party
	Region, Class string
	N             int64
}

// OpenAt counts the findings that were live at an instant, as far as it is known now: made before, and not ended until
// then. Only those marked at most tlp and never under an embargo. It reads every finding.
func (t *Tx) OpenAt(ctx context.Context, at time.Time, tlp marking.TLP) ([]OpenCount, error) {
	var out []OpenCount
	err := t.each(ctx, `select party_id, region, class, count(*) from finding where embargo_at is null and tlp <= $1 and created_at < $2
		and (state not in ('verified_closed', 'false_positive', 'stale') or state_at >= $3) group by party_id, region, class
		order by party_id, region, class`, []any{int64(tlp), Micros(at), Micros(at)}, func(r *sql.Rows) error {
		var o OpenCount
		err := r.Scan(&o.Party, &o.Region, &o.Class, &o.N)
		out = append(out, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count what was open at %s: %w", at, err)
	}
	return out, nil
}

// EachTold calls f for every finding made in [from, to) that a notice told, with when the first one went out.
func (t *Tx) EachTold(ctx context.Context, from, to time.Time, f func(s event.Severity, made, told time.Time) error) error {
	err := t.each(ctx, `select f.severity, f.created_at, min(n.sent_at) from finding f
		join notice_finding b on b.finding_id = f.id join notice n on n.id = b.notice_id
		where f.created_at >= $1 and f.created_at < $2 and n.sent_at is not null group by f.id, f.severity, f.created_at`,
		[]any{Micros(from), Micros(to)}, func(r *sql.Rows) error {
			var s event.Severity
			var made, told int64
			if err := r.Scan(&s, &made, &told); err != nil {
				return err
			}
			return f(s, Instant(made), Instant(told))
		})
	if err != nil {
		return fmt.Errorf("read when findings were told: %w", err)
	}
	return nil
}

// Disputed is a dispute and when it was decided; the zero instant where it is not.
type Disputed struct{ At, Answered time.Time }

// Disputes returns the disputes raised in [from, to), the oldest first. The desk's decision answers one, and so does
// another party's or nobody's answering for the finding.
func (t *Tx) Disputes(ctx context.Context, from, to time.Time) ([]Disputed, error) {
	var out []Disputed
	err := t.each(ctx, `select h.at, (select min(x.at) from history x where x.finding_id = h.finding_id and x.seq > h.seq
		and x.trigger in ('reject', 'discard', 're-attribute')) from history h
		where h.trigger = 'dispute' and h.at >= $1 and h.at < $2 order by h.at`, []any{Micros(from), Micros(to)}, func(r *sql.Rows) error {
		var at int64
		var answered sql.NullInt64
		err := r.Scan(&at, &answered)
		out = append(out, Disputed{At: Instant(at), Answered: instant(answered)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read disputes: %w", err)
	}
	return out, nil
}

// ActCount counts the entries of one act on one UTC day.
type ActCount struct {
	Act string
	Day finding.Day
	N   int64
}

// ActCounts counts the ledger's entries of some acts in [from, to) by day.
func (t *Tx) ActCounts(ctx context.Context, acts []string, from, to time.Time) ([]ActCount, error) {
	q := &conditions{}
	where := "at >= " + q.add(Micros(from)) + " and at < " + q.add(Micros(to)) + " and " + q.in("act", len(acts), func(i int) any { return acts[i] })
	var out []ActCount
	err := t.each(ctx, "select act, at / 86400000000, count(*) from entry where "+where+" group by act, at / 86400000000", q.args, func(r *sql.Rows) error {
		var c ActCount
		err := r.Scan(&c.Act, &c.Day, &c.N)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count acts: %w", err)
	}
	return out, nil
}

// SentReports counts the reports of the public of one UTC day that left an address, and those whose acknowledgement went
// out.
type SentReports struct {
	Day            finding.Day
	Wanted, Served int64
}

// AcknowledgedReports counts them for the reports received in [from, to).
func (t *Tx) AcknowledgedReports(ctx context.Context, from, to time.Time) ([]SentReports, error) {
	var out []SentReports
	err := t.each(ctx, `select r.received_at / 86400000000, count(*), sum(case when m.state = 'sent' then 1 else 0 end)
		from report r join report_mail m on m.report_id = r.id where r.received_at >= $1 and r.received_at < $2
		group by r.received_at / 86400000000`, []any{Micros(from), Micros(to)}, func(r *sql.Rows) error {
		var s SentReports
		err := r.Scan(&s.Day, &s.Wanted, &s.Served)
		out = append(out, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count acknowledged reports: %w", err)
	}
	return out, nil
}
