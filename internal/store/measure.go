package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
)

// Measures are the numbers that tell whether the loop keeps up.
type Measures struct {
	Signals    int64            // ever accepted
	Waiting    int64            // accepted and not read, up to MostMeasured
	Notices    map[string]int64 // that wait, by state, each up to MostMeasured
	Unplaced   int64            // entries that have no place in the ledger's tree yet, up to MostMeasured
	Size       int64            // entries that have one
	Checkpoint time.Time        // when the last was signed; zero = never
}

// MostMeasured bounds what is counted one by one: more is as bad.
const MostMeasured = 10_000

// Measure reads the measures.
func (t *Tx) Measure(ctx context.Context, states ...string) (Measures, error) {
	m := Measures{Notices: map[string]int64{}}
	for _, q := range []struct {
		query string
		args  []any
		dest  *int64
	}{
		{"select coalesce(max(id), 0) from signal", nil, &m.Signals},
		{"select count(*) from (select 1 from signal where state = 'received' limit $1) q", []any{MostMeasured}, &m.Waiting},
		{"select coalesce(max(seq), 0) from place", nil, &m.Size},
		// Places follow the order of commits, which ids follow nearly: what lies far before the last is placed.
		{
			`select count(*) from (select 1 from entry e left join place p on p.entry_id = e.id where p.seq is null
			and e.id > coalesce((select l.entry_id from place l order by l.seq desc limit 1), 0) - 1000 limit $1) q`,
			[]any{MostMeasured},
			&m.Unplaced,
		},
	} {
		if err := t.row(ctx, q.query, q.args, q.dest); err != nil {
			return m, fmt.Errorf("measure: %w", err)
		}
	}
	for _, s := range states {
		var n int64
		err := t.row(ctx, "select count(*) from (select 1 from notice where state = $1 limit $2) q", []any{s, MostMeasured}, &n)
		if err != nil {
			return m, fmt.Errorf("measure notices: %w", err)
		}
		m.Notices[s] = n
	}
	var at sql.NullInt64
	err := t.row(ctx, "select at from checkpoint order by size desc limit 1", nil, &at)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return m, fmt.Errorf("measure checkpoints: %w", err)
	}
	m.Checkpoint = instant(at)
	return m, nil
}
