package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// disputedKind is the kind of queue items that stand for disputes: the findings themselves wait in the queue.
const disputedKind = "notice.disputed"

// Waiter is a finding that waits for the desk, as far as what is due first asks.
type Waiter struct {
	ID       ident.Finding
	Severity event.Severity
	Created  time.Time
	StateAt  time.Time
}

// OldestOrphans returns the live findings that nobody answers for and the reader may read: of each severity from least
// upwards at most limit, those that have stood where they stand longest. Of each severity these are due first.
func (t *Tx) OldestOrphans(ctx context.Context, least event.Severity, may access.Cond, limit int) ([]Waiter, error) {
	q := &conditions{}
	var walks []string
	for _, s := range event.Severities {
		if s < least {
			continue
		}
		// The index finding_orphan holds these in this order, as long as the words here are its own.
		where := "f.party_id = '' and f.state not in ('verified_closed', 'false_positive', 'stale') and f.severity = " + q.add(int64(s))
		if !certain(may) {
			where += " and " + q.readable(findingFields, may)
		}
		walks = append(walks, fmt.Sprintf("select id, severity, created_at, state_at from (select %s from finding f where %s order by f.state_at, f.id limit %d) w",
			waiterColumns, where, limit))
	}
	return t.waiters(ctx, strings.Join(walks, " union all "), q.args)
}

// OldestDisputes returns at most limit disputed findings of at least a severity that the reader may read, those that have
// been disputed longest first.
func (t *Tx) OldestDisputes(ctx context.Context, least event.Severity, may access.Cond, limit int) ([]Waiter, error) {
	q := &conditions{}
	where := "f.state = 'disputed'"
	if least > 0 {
		where += " and f.severity >= " + q.add(int64(least))
	}
	if !certain(may) {
		where += " and " + q.readable(findingFields, may)
	}
	return t.waiters(ctx, "select "+waiterColumns+" from finding f where "+where+" order by f.state_at, f.id limit "+q.add(limit), q.args)
}

const waiterColumns = "f.id as id, f.severity as severity, f.created_at as created_at, f.state_at as state_at"

func (t *Tx) waiters(ctx context.Context, query string, args []any) ([]Waiter, error) {
	var out []Waiter
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var w Waiter
		var created, at int64
		err := r.Scan(&w.ID, &w.Severity, &created, &at)
		w.Created, w.StateAt = Instant(created), Instant(at)
		out = append(out, w)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what waits: %w", err)
	}
	return out, nil
}

// maxItems bounds the items that are looked at, the most severe first; there are few, as each trouble makes one.
const maxItems = 1000

// WaitingItem is an open item of the queue, as far as what is due first asks.
type WaitingItem struct {
	ID       string
	Kind     string
	Severity event.Severity
	Created  time.Time
}

// OldestItems returns the open items of at least a severity, of maxItems at most: of each kind and severity at most limit,
// those that have been open longest. Of each these are due first, since all are due some hours after they came. Disputes are
// left out: their findings wait themselves.
func (t *Tx) OldestItems(ctx context.Context, least event.Severity, limit int) ([]WaitingItem, error) {
	var out []WaitingItem
	err := t.each(ctx, `select id, kind, severity, created_at from (
			select id, kind, severity, created_at, row_number() over (partition by kind, severity order by created_at, id) as place
			from (select id, kind, severity, created_at from queue_item where done_at is null and severity >= $1 and kind <> $2
				order by severity desc, created_at, id limit $3) o) q
		where place <= $4`, []any{int64(least), disputedKind, maxItems, limit}, func(r *sql.Rows) error {
		var i WaitingItem
		var created int64
		err := r.Scan(&i.ID, &i.Kind, &i.Severity, &created)
		i.Created = Instant(created)
		out = append(out, i)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return out, nil
}

// QueueItems returns items by id, in no order; at most 1,000 ids a call.
func (t *Tx) QueueItems(ctx context.Context, ids []string) ([]QueueItem, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := &conditions{}
	var out []QueueItem
	err := t.each(ctx, "select "+queueColumns+" from queue_item where "+q.in("id", len(ids), func(i int) any { return ids[i] }), q.args, func(r *sql.Rows) error {
		item, err := scanQueue(r)
		out = append(out, item)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return out, nil
}

// QueueReopen opens an item again that was seen to at an instant; fault.Conflict where it is open, was seen to again, or
// another item of its kind waits about the same.
func (t *Tx) QueueReopen(ctx context.Context, id string, done time.Time) error {
	q, err := t.QueueItemByID(ctx, id)
	if err != nil {
		return err
	}
	n := 0
	err = t.row(ctx, "select count(*) from queue_item where kind = $1 and object = $2 and done_at is null", []any{q.Kind, q.Object}, &n)
	if err != nil {
		return fmt.Errorf("look for %s of %s in the queue: %w", q.Kind, q.Object, err)
	}
	if n > 0 || !q.Done.Equal(done) {
		return fault.New(fault.Conflict, "item %s of the queue has moved on since", id)
	}
	_, err = t.exec(ctx, "update queue_item set done_at = null, done_by = '' where id = $1", id)
	if err != nil {
		return fmt.Errorf("open queue item %s again: %w", id, err)
	}
	return nil
}

// Whole is all that a triage act changes about a finding.
type Whole struct {
	Standing    Standing
	Attribution party.Attribution // without Claims
	Reached     int64
}

// WholeOf returns where a finding stands with who answers for it; fault.NotFound where there is none.
func (t *Tx) WholeOf(ctx context.Context, id ident.Finding) (Whole, error) {
	var w Whole
	var state, basis string
	var since int64
	var until sql.NullInt64
	a := &w.Attribution
	err := t.row(ctx, "select state, state_at, until_at, party_id, basis, matched, confidence, region, reached from finding where id = $1",
		[]any{id}, &state, &since, &until, &a.Party, &basis, &a.Matched, &a.Confidence, &a.Region, &w.Reached)
	if err != nil {
		return w, fmt.Errorf("read finding %d: %w", id, err)
	}
	a.Basis = party.Basis(basis)
	w.Standing = Standing{State: finding.State(state), Since: Instant(since), Until: instant(until)}
	return w, nil
}

// PutWhole writes back what WholeOf read, to undo an act. The caller inserts the history row.
func (t *Tx) PutWhole(ctx context.Context, id ident.Finding, w Whole) error {
	a := w.Attribution
	err := t.updateFindings(ctx, `state = $1, state_at = $2, until_at = $3, party_id = $4, basis = $5, matched = $6, confidence = $7,
		region = $8, reached = $9`, []ident.Finding{id}, string(w.Standing.State), Micros(w.Standing.Since), optional(w.Standing.Until),
		a.Party, string(a.Basis), a.Matched, a.Confidence, a.Region, w.Reached)
	if err != nil {
		return fmt.Errorf("put finding %d back: %w", id, err)
	}
	return nil
}

// LastStep returns the ledger entry of the newest step of a finding that is no mark; 0 where there is none.
func (t *Tx) LastStep(ctx context.Context, id ident.Finding) (int64, error) {
	var seq int64
	err := t.row(ctx, "select coalesce(max(seq), 0) from history where finding_id = $1 and trigger <> $2", []any{id, string(finding.Marked)}, &seq)
	if err != nil {
		return 0, fmt.Errorf("read history of finding %d: %w", id, err)
	}
	return seq, nil
}

// DisputesOf returns the newest dispute of each of the findings; at most 1,000 ids a call.
func (t *Tx) DisputesOf(ctx context.Context, ids []ident.Finding) (map[ident.Finding]Change, error) {
	out := map[ident.Finding]Change{}
	if len(ids) == 0 {
		return out, nil
	}
	q := &conditions{}
	where := "where trigger = " + q.add(string(finding.Dispute)) + " and " + q.in("finding_id", len(ids), func(i int) any { return ids[i] })
	err := t.changes(ctx, where+" order by seq", q.args, func(c Change) error {
		out[c.Finding] = c
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read disputes: %w", err)
	}
	return out, nil
}

// TriageStep is one triage act with what it takes to undo it. It lies beside the act's ledger entry.
type TriageStep struct {
	Entry  int64 // of the act
	Batch  string
	Act    string
	Object string // "finding:12" or "queue:que_…"
	Was    Whole  // of a finding, before the act
	At     time.Time
	Undone time.Time // zero: it was not
}

// InsertTriageStep writes a step down, in the transaction of its act.
func (t *Tx) InsertTriageStep(ctx context.Context, s TriageStep) error {
	was, err := json.Marshal(s.Was)
	if err != nil {
		return fmt.Errorf("write triage step %d: %w", s.Entry, err)
	}
	_, err = t.exec(ctx, "insert into triage_step (entry_id, batch, act, object, was, at, undone_at) values ($1, $2, $3, $4, $5, $6, null)",
		s.Entry, s.Batch, s.Act, s.Object, string(was), Micros(s.At))
	if err != nil {
		return fmt.Errorf("write triage step %d: %w", s.Entry, err)
	}
	return nil
}

// TriageSteps returns the steps of a batch, the newest first.
func (t *Tx) TriageSteps(ctx context.Context, batch string) ([]TriageStep, error) {
	var out []TriageStep
	err := t.each(ctx, `select entry_id, batch, act, object, was, at, undone_at from triage_step where batch = $1
		order by entry_id desc`, []any{batch}, func(r *sql.Rows) error {
		var s TriageStep
		var was string
		var at int64
		var undone sql.NullInt64
		if err := r.Scan(&s.Entry, &s.Batch, &s.Act, &s.Object, &was, &at, &undone); err != nil {
			return err
		}
		s.At, s.Undone = Instant(at), instant(undone)
		out = append(out, s)
		return json.Unmarshal([]byte(was), &out[len(out)-1].Was)
	})
	if err != nil {
		return nil, fmt.Errorf("read triage %s: %w", batch, err)
	}
	return out, nil
}

// EndTriageStep marks a step as undone; fault.Conflict where it was.
func (t *Tx) EndTriageStep(ctx context.Context, entry int64, at time.Time) error {
	r, err := t.exec(ctx, "update triage_step set undone_at = $1 where entry_id = $2 and undone_at is null", Micros(at), entry)
	if err != nil {
		return fmt.Errorf("undo triage step %d: %w", entry, err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.Conflict, "this was undone already"), err)
	}
	return nil
}
