package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/situation"
)

// Attributed is what re-attribution needs of a finding.
type Attributed struct {
	ID          ident.Finding
	Asset       asset.Asset
	State       finding.State
	Attribution party.Attribution // without Claims

	// What routing rules look at besides.
	Feed       ident.Feed // that saw it first
	Stream     string
	Type       string
	Identifier string
	Severity   event.Severity
}

// Routed returns the subject of a finding with what routing rules look at in the row.
func (f *Attributed) Routed(s party.Subject) party.Subject {
	s.Feed, s.Stream, s.Type, s.Identifier, s.Severity = f.Feed, f.Stream, f.Type, f.Identifier, f.Severity
	return s
}

const attributedColumns = `id, asset_kind, asset, state, party_id, basis, matched, confidence, region, type, identifier, severity,
	coalesce((select s.feed_id from stream s where s.id = stream_id), ''), coalesce((select s.report from stream s where s.id = stream_id), '')`

// AttributedAfter returns the attributions of at most limit findings behind id, in order of id.
func (t *Tx) AttributedAfter(ctx context.Context, id ident.Finding, limit int) ([]Attributed, error) {
	return t.attributed(ctx, "where id > $1 order by id limit $2", id, limit)
}

// AttributedByID returns the attributions of findings, in order of id; missing ones are left out. At most 10,000 ids.
func (t *Tx) AttributedByID(ctx context.Context, ids []ident.Finding) ([]Attributed, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return t.attributed(ctx, "where id in ("+placeholders(len(ids), 1)+") order by id", args...)
}

func (t *Tx) attributed(ctx context.Context, rest string, args ...any) ([]Attributed, error) {
	var out []Attributed
	err := t.each(ctx, "select "+attributedColumns+" from finding "+rest, args, func(r *sql.Rows) error {
		var f Attributed
		var kind, state, basis string
		a := &f.Attribution
		err := r.Scan(&f.ID, &kind, &f.Asset.Value, &state, &a.Party, &basis, &a.Matched, &a.Confidence, &a.Region,
			&f.Type, &f.Identifier, &f.Severity, &f.Feed, &f.Stream)
		if err != nil {
			return err
		}
		f.Asset.Kind, f.State, a.Basis = asset.Kind(kind), finding.State(state), party.Basis(basis)
		out = append(out, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read attributions: %w", err)
	}
	return out, nil
}

// SetAttributions writes who answers for findings; states are left to the caller. Findings that get the same
// attribution share a statement. Another party has been told nothing and has answered nothing yet.
func (t *Tx) SetAttributions(ctx context.Context, fs []Attributed) error {
	type same struct {
		party           ident.Party
		basis           party.Basis
		matched, region string
		confidence      int
	}
	groups := map[same][]ident.Finding{}
	for _, f := range fs {
		a := &f.Attribution
		k := same{a.Party, a.Basis, a.Matched, a.Region, a.Confidence}
		groups[k] = append(groups[k], f.ID)
	}
	for k, ids := range groups {
		err := t.updateFindings(ctx, `reached = case when party_id = $1 then reached else reached & 12 end,
			party_id = $2, basis = $3, matched = $4, confidence = $5, region = $6`, ids,
			k.party, k.party, string(k.basis), k.matched, k.confidence, k.region)
		if err != nil {
			return fmt.Errorf("set attribution to %s of %d findings: %w", k.party, len(ids), err)
		}
	}
	return nil
}

// updateFindings sets columns of findings to values, 400 findings a statement.
func (t *Tx) updateFindings(ctx context.Context, set string, ids []ident.Finding, values ...any) error {
	return t.counted(ctx, ids, func() error { return t.setColumns(ctx, set, ids, values) })
}

func (t *Tx) setColumns(ctx context.Context, set string, ids []ident.Finding, values []any) error {
	for some := range slices.Chunk(ids, 400) {
		args := slices.Clone(values)
		for _, id := range some {
			args = append(args, id)
		}
		query := "update finding set " + set + " where id in (" + placeholders(len(some), len(values)+1) + ")"
		if _, err := t.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// SetStates writes where many findings stand, as SetState does for one.
func (t *Tx) SetStates(ctx context.Context, ids []ident.Finding, s Standing) error {
	keep, set := situation.Reached(s.State)
	err := t.updateFindings(ctx, "state = $1, state_at = $2, until_at = $3, reached = (reached & $4) | $5", ids,
		string(s.State), Micros(s.Since), optional(s.Until), keep, set)
	if err != nil {
		return fmt.Errorf("set state %s of %d findings: %w", s.State, len(ids), err)
	}
	return nil
}

// InsertHistories writes many steps, as InsertHistory does for one.
func (t *Tx) InsertHistories(ctx context.Context, cs []Change) error {
	rows := make([][]any, len(cs))
	for i, c := range cs {
		rows[i] = []any{c.Finding, c.Seq, t.stamp, Micros(c.At), string(c.From), string(c.To), string(c.Trigger), c.Actor, c.Reason, c.Evidence}
	}
	err := t.insertRows(ctx, "insert into history (finding_id, seq, tx, at, from_state, to_state, trigger, actor, reason, evidence) values ", "", rows)
	if err != nil {
		return fmt.Errorf("insert history of %d findings: %w", len(cs), err)
	}
	return nil
}

// EachDetail calls f for every blob of first events that holds one of the findings from to to, in order.
func (t *Tx) EachDetail(ctx context.Context, from, to ident.Finding, f func(first, last ident.Finding, blob []byte) error) error {
	return t.each(ctx, `select first_id, last_id, blob from detail
		where first_id >= coalesce((select max(d.first_id) from detail d where d.first_id <= $1), 0) and first_id <= $2
		order by first_id`, []any{from, to}, func(r *sql.Rows) error {
		var first, last ident.Finding
		var blob []byte
		if err := r.Scan(&first, &last, &blob); err != nil {
			return err
		}
		if last < from {
			return nil
		}
		return f(first, last, blob)
	})
}
