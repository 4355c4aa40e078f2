package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// Change is one step of a finding through its states, beside the ledger entry of the act that made it.
type Change struct {
	Finding  ident.Finding
	Seq      int64 // id of the ledger entry; an act changes a finding at most once
	At       time.Time
	From     finding.State
	To       finding.State
	Trigger  finding.Trigger
	Actor    string
	Reason   string
	Evidence string // JSON of finding.Evidence where evidence pulled the trigger, else empty
}

// Standing is where a finding stands and since when.
type Standing struct {
	State finding.State
	Since time.Time
	Until time.Time // end of an accepted risk; zero = none
}

// StandingOf returns where a finding stands; fault.NotFound where there is none.
func (t *Tx) StandingOf(ctx context.Context, id ident.Finding) (Standing, error) {
	var state string
	var since int64
	var until sql.NullInt64
	err := t.row(ctx, "select state, state_at, until_at from finding where id = $1", []any{id}, &state, &since, &until)
	if err != nil {
		return Standing{}, fmt.Errorf("read state of finding %d: %w", id, err)
	}
	return Standing{State: finding.State(state), Since: Instant(since), Until: instant(until)}, nil
}

// SetState writes where a finding stands. The caller has asked finding.Next and inserts the history row.
func (t *Tx) SetState(ctx context.Context, id ident.Finding, s Standing) error {
	return t.SetStates(ctx, []ident.Finding{id}, s)
}

// InsertHistory writes one step; fault.Exists where the same ledger entry has changed the finding already.
func (t *Tx) InsertHistory(ctx context.Context, c Change) error {
	_, err := t.exec(ctx, `insert into history (finding_id, seq, tx, at, from_state, to_state, trigger, actor, reason, evidence)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		c.Finding, c.Seq, t.stamp, Micros(c.At), string(c.From), string(c.To), string(c.Trigger), c.Actor, c.Reason, c.Evidence)
	if err != nil {
		return fmt.Errorf("insert history of finding %d: %w", c.Finding, err)
	}
	return nil
}

const changeColumns = "finding_id, seq, at, from_state, to_state, trigger, actor, reason, evidence"

// HistoryOf returns every step of one finding, oldest first.
func (t *Tx) HistoryOf(ctx context.Context, id ident.Finding) ([]Change, error) {
	var out []Change
	err := t.changes(ctx, "where finding_id = $1 order by seq", []any{id}, func(c Change) error {
		out = append(out, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read history of finding %d: %w", id, err)
	}
	return out, nil
}

// HistorySince hands every step of transactions with a mark of at least the horizon to f, each finding's in order; what
// lies between this horizon and the one before may come twice.
func (t *Tx) HistorySince(ctx context.Context, horizon int64, f func(Change) error) error {
	if err := t.changes(ctx, "where tx >= $1 order by seq, finding_id", []any{horizon}, f); err != nil {
		return fmt.Errorf("read history since mark %d: %w", horizon, err)
	}
	return nil
}

func (t *Tx) changes(ctx context.Context, rest string, args []any, f func(Change) error) error {
	return t.each(ctx, "select "+changeColumns+" from history "+rest, args, func(r *sql.Rows) error {
		var c Change
		var at int64
		var from, to, trigger string
		if err := r.Scan(&c.Finding, &c.Seq, &at, &from, &to, &trigger, &c.Actor, &c.Reason, &c.Evidence); err != nil {
			return err
		}
		c.At, c.From, c.To, c.Trigger = Instant(at), finding.State(from), finding.State(to), finding.Trigger(trigger)
		return f(c)
	})
}
