package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tocsin/internal/ident"
)

// Observed is one sighting of a finding with what the line of the signal says.
type Observed struct {
	Finding ident.Finding
	At      int64 // microseconds UTC
	Signal  ident.Signal
	Part    int
	Line    int64
	Fields  string // JSON: IntelMQ field names and values as text
}

// ObservedMark says how far the journal was read for a finding.
type ObservedMark struct {
	Journal int64 // number of the newest chunk that was read
	Lost    int64 // sightings whose line could not be read at the last look
}

// ObservedMarks returns how far the journal was read for each of some findings; those that are absent were never read for.
func (t *Tx) ObservedMarks(ctx context.Context, ids []ident.Finding) (map[ident.Finding]ObservedMark, error) {
	out := map[ident.Finding]ObservedMark{}
	for some := range slices.Chunk(ids, 1000) {
		q := &conditions{}
		where := q.in("finding_id", len(some), func(i int) any { return some[i] })
		err := t.each(ctx, "select finding_id, journal_id, lost from observed_mark where "+where, q.args, func(r *sql.Rows) error {
			var id ident.Finding
			var m ObservedMark
			err := r.Scan(&id, &m.Journal, &m.Lost)
			out[id] = m
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read what was observed: %w", err)
		}
	}
	return out, nil
}

// PutObserved keeps sightings of a finding and how far the journal was read for it, and leaves the newest keep of them.
func (t *Tx) PutObserved(ctx context.Context, id ident.Finding, rows []Observed, m ObservedMark, keep int) error {
	for some := range slices.Chunk(rows, 500) {
		args := make([][]any, len(some))
		for i, o := range some {
			args[i] = []any{o.Finding, o.At, o.Signal, o.Part, o.Line, o.Fields}
		}
		if err := t.insertRows(ctx, "insert into observed (finding_id, at, signal_id, part, line, fields) values ", " on conflict (finding_id, at, signal_id, part, line) do nothing", args); err != nil {
			return fmt.Errorf("keep what was observed of finding %d: %w", id, err)
		}
	}
	_, err := t.exec(ctx, `delete from observed where finding_id = $1 and at < (select o.at from observed o where o.finding_id = $1
		order by o.at desc, o.signal_id desc, o.part desc, o.line desc limit 1 offset $2)`, id, keep-1)
	if err == nil {
		_, err = t.exec(ctx, `insert into observed_mark (finding_id, journal_id, lost) values ($1, $2, $3)
			on conflict (finding_id) do update set journal_id = excluded.journal_id, lost = excluded.lost`, id, m.Journal, m.Lost)
	}
	if err != nil {
		return fmt.Errorf("keep what was observed of finding %d: %w", id, err)
	}
	return nil
}

// FindingsPlanned returns at most limit findings of notices that wait to be sent.
func (t *Tx) FindingsPlanned(ctx context.Context, limit int) ([]ident.Finding, error) {
	var out []ident.Finding
	err := t.each(ctx, `select b.finding_id from notice_finding b join notice n on n.id = b.notice_id
		where n.state = 'planned' order by n.created_at, n.id limit $1`, []any{limit}, func(r *sql.Rows) error {
		var id ident.Finding
		err := r.Scan(&id)
		out = append(out, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find what is about to be told: %w", err)
	}
	return out, nil
}

// ObservedOf returns at most limit sightings of a finding, the newest first.
func (t *Tx) ObservedOf(ctx context.Context, id ident.Finding, limit int) ([]Observed, error) {
	var out []Observed
	err := t.each(ctx, `select finding_id, at, signal_id, part, line, fields from observed where finding_id = $1
		order by at desc, signal_id desc, part desc, line desc limit $2`, []any{id, limit}, func(r *sql.Rows) error {
		var o Observed
		err := r.Scan(&o.Finding, &o.At, &o.Signal, &o.Part, &o.Line, &o.Fields)
		out = append(out, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what was observed of finding %d: %w", id, err)
	}
	return out, nil
}
