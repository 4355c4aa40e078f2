package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/notice"
)

// What verification reads: every table that the ledger answers for, in order and a page at a time, so that it needs
// the same memory for a small log and a large one.

// integrityQuery asks the engine whether its own structures hold; PostgreSQL keeps checksums of its pages by itself.
var integrityQuery = [...]string{
	onSQLite:   "pragma integrity_check",
	onPostgres: "select 'ok'",
}

// Integrity returns what the engine finds wrong with its file; "" where nothing.
func (t *Tx) Integrity(ctx context.Context) (string, error) {
	var said []string
	err := t.each(ctx, integrityQuery[t.d], nil, func(r *sql.Rows) error {
		var s string
		err := r.Scan(&s)
		said = append(said, s)
		return err
	})
	if text := strings.Join(said, "; "); err != nil || text != "ok" {
		return text, err
	}
	return "", nil
}

// WaitingEntries returns at most limit entries without a place whose id is above after, oldest first.
func (t *Tx) WaitingEntries(ctx context.Context, after int64, limit int) ([]ledger.Entry, error) {
	return t.entriesFrom(ctx, `from entry e left join place p on p.entry_id = e.id
		where e.id > $1 and p.seq is null order by e.id limit `+strconv.Itoa(limit), after)
}

// EntriesOn returns every entry about an object, oldest first.
func (t *Tx) EntriesOn(ctx context.Context, object string) ([]ledger.Entry, error) {
	return t.entriesFrom(ctx, `from entry e left join place p on p.entry_id = e.id where e.object = $1 order by e.id`, object)
}

// EntryByID returns one entry, nil where there is none.
func (t *Tx) EntryByID(ctx context.Context, id int64) (*ledger.Entry, error) {
	e, err := t.oneEntry(ctx, "from entry e left join place p on p.entry_id = e.id where e.id = $1", id)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	return &e, err
}

// CountPlaces returns how many places there are.
func (t *Tx) CountPlaces(ctx context.Context) (int64, error) {
	var n int64
	err := t.row(ctx, "select count(*) from place", nil, &n)
	return n, err
}

// StoredNode is one hash of the Merkle tree as the database keeps it.
type StoredNode struct {
	ID, Level, N int64
	Hash         []byte
}

// StoredNodes returns at most limit nodes of the tree with an id above after, in order.
func (t *Tx) StoredNodes(ctx context.Context, after int64, limit int) ([]StoredNode, error) {
	var out []StoredNode
	err := t.each(ctx, "select id, level, n, hash from tree where id > $1 order by id limit $2", []any{after, limit},
		func(r *sql.Rows) error {
			var n StoredNode
			err := r.Scan(&n.ID, &n.Level, &n.N, &n.Hash)
			out = append(out, n)
			return err
		})
	return out, err
}

// CheckpointsAfter returns at most limit checkpoints of more than size entries, in the order of their sizes.
func (t *Tx) CheckpointsAfter(ctx context.Context, size int64, limit int) ([]Checkpoint, error) {
	return t.checkpoints(ctx, "where size > $1 order by size limit $2", size, limit)
}

// SignalsAfter returns at most limit signals with a number above after, in order.
func (t *Tx) SignalsAfter(ctx context.Context, after ident.Signal, limit int) ([]Signal, error) {
	var out []Signal
	err := t.each(ctx, "select "+signalColumns+" from signal s where s.id > $1 order by s.id limit $2", []any{after, limit},
		func(r *sql.Rows) error {
			s, err := scanSignal(r)
			out = append(out, s)
			return err
		})
	return out, err
}

// NamesBlob reports whether a signal names a blob.
func (t *Tx) NamesBlob(ctx context.Context, hash string) (bool, error) {
	n := 0
	err := t.row(ctx, "select count(*) from feed f join signal s on s.feed_id = f.id and s.blob = $1", []any{hash}, &n)
	return n > 0, err
}

// StoredFinding is what the ledger tells of a finding.
type StoredFinding struct {
	ID      ident.Finding
	Created time.Time
	Standing
}

// FindingsAfter returns at most limit findings with a number above after, in order.
func (t *Tx) FindingsAfter(ctx context.Context, after ident.Finding, limit int) ([]StoredFinding, error) {
	var out []StoredFinding
	err := t.each(ctx, `select id, created_at, state, state_at, until_at from finding where id > $1 order by id limit $2`,
		[]any{after, limit}, func(r *sql.Rows) error {
			var f StoredFinding
			var created, since int64
			var until sql.NullInt64
			var state string
			err := r.Scan(&f.ID, &created, &state, &since, &until)
			f.Created = Instant(created)
			f.Standing = Standing{State: finding.State(state), Since: Instant(since), Until: instant(until)}
			out = append(out, f)
			return err
		})
	return out, err
}

// CountCreated counts the findings first to last, and those of them that were made at an instant.
func (t *Tx) CountCreated(ctx context.Context, first, last ident.Finding, at time.Time) (all, then int64, err error) {
	err = t.row(ctx, `select count(*), coalesce(sum(case when created_at = $1 then 1 else 0 end), 0) from finding
		where id >= $2 and id <= $3`, []any{Micros(at), first, last}, &all, &then)
	return all, then, err
}

// HistoryBetween returns every step of the findings above after up to last, by finding and then oldest first.
func (t *Tx) HistoryBetween(ctx context.Context, after, last ident.Finding) ([]Change, error) {
	var out []Change
	err := t.changes(ctx, "where finding_id > $1 and finding_id <= $2 order by finding_id, seq", []any{after, last}, func(c Change) error {
		out = append(out, c)
		return nil
	})
	return out, err
}

// CountSteps counts the findings that an entry changed, of those named.
func (t *Tx) CountSteps(ctx context.Context, entry int64, ids []ident.Finding) (int, error) {
	args := make([]any, 0, len(ids)+1)
	args = append(args, entry)
	for _, id := range ids {
		args = append(args, id)
	}
	n := 0
	err := t.row(ctx, "select count(*) from history where seq = $1 and finding_id in ("+placeholders(len(ids), 2)+")", args, &n)
	return n, err
}

// NoticesAfter returns at most limit notices with an id above after, by id.
func (t *Tx) NoticesAfter(ctx context.Context, after ident.Notice, limit int) ([]notice.Notice, error) {
	return t.notices(ctx, "where id > $1 order by id limit $2", after, limit)
}

// CountToldBy returns how many findings a notice tells.
func (t *Tx) CountToldBy(ctx context.Context, id ident.Notice) (int, error) {
	n := 0
	err := t.row(ctx, "select count(*) from notice_finding where notice_id = $1", []any{id}, &n)
	return n, err
}

// CountDeliveries returns how many deliveries there are, of all notices.
func (t *Tx) CountDeliveries(ctx context.Context) (int64, error) {
	var n int64
	err := t.row(ctx, "select count(*) from delivery", nil, &n)
	return n, err
}
