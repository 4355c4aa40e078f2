package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
)

// Backlog is what waits in the database for a worker or for a person, each counted up to MostMeasured.
type Backlog struct {
	Signals  int64 // accepted and not read
	Oldest   time.Time
	Notices  map[string]int64 // by state
	Overdue  int64            // planned notices whose time has come
	Unplaced int64            // entries without a place in the ledger's tree
	Size     int64            // entries with one
	Signed   time.Time        // when the last checkpoint was signed; zero = never
	Refused  int64            // signals refused in the last days
	Failing  int64            // feeds that cannot be fetched
}

// Backlog reads what waits at now; since bounds how far back refused signals count.
func (t *Tx) Backlog(ctx context.Context, now, since time.Time, states ...string) (Backlog, error) {
	m, err := t.Measure(ctx, states...)
	if err != nil {
		return Backlog{}, err
	}
	b := Backlog{Signals: m.Waiting, Notices: m.Notices, Unplaced: m.Unplaced, Size: m.Size, Signed: m.Checkpoint}
	for _, q := range []struct {
		query string
		args  []any
		dest  *int64
	}{
		{"select count(*) from (select 1 from notice where state = 'planned' and next_at <= $1 limit $2) q", []any{Micros(now), MostMeasured}, &b.Overdue},
		{"select count(*) from (select 1 from signal where received_at >= $1 and state = 'refused' limit $2) q", []any{Micros(since), MostMeasured}, &b.Refused},
		{"select count(*) from feed where poll_failures > 2 and disabled_at is null", nil, &b.Failing},
	} {
		if err := t.row(ctx, q.query, q.args, q.dest); err != nil {
			return b, fmt.Errorf("count what waits: %w", err)
		}
	}
	var oldest sql.NullInt64
	err = t.row(ctx, "select min(received_at) from signal where state = 'received'", nil, &oldest)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return b, fmt.Errorf("find what waits longest: %w", err)
	}
	b.Oldest = instant(oldest)
	return b, nil
}

// Engine says which database this is: its name with version, the bytes that it takes, and the newest migration.
type Engine struct {
	Name   string
	Bytes  int64
	Schema string
}

// Engine reads it.
func (t *Tx) Engine(ctx context.Context) (Engine, error) {
	var e Engine
	if err := t.row(ctx, engineQueries[t.d], nil, &e.Name, &e.Bytes); err != nil {
		return e, fmt.Errorf("read the database's size: %w", err)
	}
	if err := t.row(ctx, "select max(name) from migration", nil, &e.Schema); err != nil {
		return e, fmt.Errorf("read the newest migration: %w", err)
	}
	return e, nil
}
