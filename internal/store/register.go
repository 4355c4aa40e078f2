package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

const requestColumns = `id, party_id, what, target, before, after, reason, proposed_by, proposed_at, state, decided_by, decided_at,
	decision`

// InsertRequest writes a new change request.
func (t *Tx) InsertRequest(ctx context.Context, r party.Request) error {
	before, err := json.Marshal(r.Before)
	if err != nil {
		return err
	}
	after, err := json.Marshal(r.After)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `insert into change_request (id, party_id, what, target, before, after, reason, proposed_by, proposed_at,
		state, decided_by, decided_at, decision) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		r.ID, r.Party, string(r.What), r.Target, string(before), string(after), r.Reason, r.By, Micros(r.At), string(r.State),
		r.DecidedBy, optional(r.Decided), r.Decision)
	if err != nil {
		return fmt.Errorf("write change request: %w", err)
	}
	return nil
}

// DecideRequest writes what became of a request that still waits; fault.Conflict where somebody was faster.
func (t *Tx) DecideRequest(ctx context.Context, r party.Request) error {
	res, err := t.exec(ctx, `update change_request set state = $1, decided_by = $2, decided_at = $3, decision = $4
		where id = $5 and state = 'proposed'`, string(r.State), r.DecidedBy, optional(r.Decided), r.Decision, r.ID)
	if err == nil {
		err = one(res)
	}
	if errors.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, "somebody else decided about this change first")
	}
	if err != nil {
		return fmt.Errorf("write change request %s: %w", r.ID, err)
	}
	return nil
}

func scanRequest(r scanner) (party.Request, error) {
	var q party.Request
	var before, after string
	var at int64
	var decided sql.NullInt64
	err := r.Scan(&q.ID, &q.Party, &q.What, &q.Target, &before, &after, &q.Reason, &q.By, &at, &q.State, &q.DecidedBy, &decided, &q.Decision)
	if err != nil {
		return q, err
	}
	q.At, q.Decided = Instant(at), instant(decided)
	return q, errors.Join(json.Unmarshal([]byte(before), &q.Before), json.Unmarshal([]byte(after), &q.After))
}

// RequestByID returns a change request; fault.NotFound where there is none.
func (t *Tx) RequestByID(ctx context.Context, id string) (party.Request, error) {
	q, err := scanRequest(t.tx.QueryRowContext(ctx, "select "+requestColumns+" from change_request where id = $1", id))
	if err != nil {
		return party.Request{}, fmt.Errorf("read change request %s: %w", id, t.classify(err))
	}
	return q, nil
}

// RequestFilter narrows a list of change requests.
type RequestFilter struct {
	Party  ident.Party        // empty: of all
	State  party.RequestState // empty: every one
	Oldest bool               // the oldest first: what waits longest
}

// RequestCursor stands for a place in the list of change requests; the zero value is the start.
type RequestCursor struct {
	At time.Time
	ID string
}

// Requests returns at most limit change requests behind the cursor, the newest first unless the filter says otherwise.
func (t *Tx) Requests(ctx context.Context, f RequestFilter, after RequestCursor, limit int) ([]party.Request, error) {
	q := &conditions{}
	where := "1 = 1"
	if f.Party != "" {
		where += " and party_id = " + q.add(f.Party)
	}
	if f.State != "" {
		where += " and state = " + q.add(string(f.State))
	}
	order, beyond := "desc", "<"
	if f.Oldest {
		order, beyond = "asc", ">"
	}
	if !after.At.IsZero() {
		at := q.add(Micros(after.At))
		where += " and (proposed_at " + beyond + " " + at
		where += " or (proposed_at = " + q.add(Micros(after.At)) + " and id " + beyond + " " + q.add(after.ID) + "))"
	}
	var out []party.Request
	err := t.each(ctx, "select "+requestColumns+" from change_request where "+where+" order by proposed_at "+order+", id "+order+
		" limit "+q.add(limit), q.args, func(r *sql.Rows) error {
		one, err := scanRequest(r)
		out = append(out, one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read change requests: %w", err)
	}
	return out, nil
}

// CountRequests counts change requests up to limit.
func (t *Tx) CountRequests(ctx context.Context, f RequestFilter, limit int) (int, error) {
	q := &conditions{}
	where := "1 = 1"
	if f.Party != "" {
		where += " and party_id = " + q.add(f.Party)
	}
	if f.State != "" {
		where += " and state = " + q.add(string(f.State))
	}
	n := 0
	err := t.row(ctx, "select count(*) from (select 1 from change_request where "+where+" limit "+q.add(limit)+") c", q.args, &n)
	if err != nil {
		return 0, fmt.Errorf("count change requests: %w", err)
	}
	return n, nil
}

// RhythmOf returns how a party wants to be told; the zero value where it never said.
func (t *Tx) RhythmOf(ctx context.Context, p ident.Party) (notice.Rhythm, error) {
	var h notice.Rhythm
	var urgent int64
	err := t.row(ctx, "select urgent_from, hour, weekday from rhythm where party_id = $1", []any{p}, &urgent, &h.Hour, &h.Weekday)
	if errors.Is(err, fault.NotFound) {
		return notice.Rhythm{}, nil
	}
	if err != nil {
		return h, fmt.Errorf("read the rhythm of %s: %w", p, err)
	}
	h.UrgentFrom = event.Severity(urgent)
	return h, nil
}

// PutRhythm keeps how a party wants to be told.
func (t *Tx) PutRhythm(ctx context.Context, p ident.Party, h notice.Rhythm) error {
	_, err := t.exec(ctx, `insert into rhythm (party_id, urgent_from, hour, weekday) values ($1, $2, $3, $4)
		on conflict (party_id) do update set urgent_from = excluded.urgent_from, hour = excluded.hour, weekday = excluded.weekday`,
		p, int64(h.UrgentFrom), h.Hour, h.Weekday)
	if err != nil {
		return fmt.Errorf("keep the rhythm of %s: %w", p, err)
	}
	return nil
}
