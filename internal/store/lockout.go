package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
)

// Lockout counts the failed sign-ins of one account or one part of the network. Name is a keyed hash.
type Lockout struct {
	Name     string
	Failures int64
	Last     time.Time
	Until    time.Time // no attempt counts before
}

// LockoutOf returns what is counted under a name; the zero count where nothing is.
func (t *Tx) LockoutOf(ctx context.Context, name string) (Lockout, error) {
	l := Lockout{Name: name}
	var last, until int64
	err := t.row(ctx, "select failures, last_at, until_at from lockout where name = $1", []any{name}, &l.Failures, &last, &until)
	switch {
	case errors.Is(err, fault.NotFound):
		return l, nil
	case err != nil:
		return l, fmt.Errorf("read lock-out: %w", err)
	}
	l.Last, l.Until = Instant(last), Instant(until)
	return l, nil
}

// PutLockout writes a count.
func (t *Tx) PutLockout(ctx context.Context, l Lockout) error {
	_, err := t.exec(ctx, `insert into lockout (name, failures, last_at, until_at) values ($1, $2, $3, $4)
		on conflict (name) do update set failures = excluded.failures, last_at = excluded.last_at, until_at = excluded.until_at`,
		l.Name, l.Failures, Micros(l.Last), Micros(l.Until))
	if err != nil {
		return fmt.Errorf("write lock-out: %w", err)
	}
	return nil
}

// DropLockout forgets a count, and all that were last touched before an instant.
func (t *Tx) DropLockout(ctx context.Context, name string, before time.Time) error {
	_, err := t.exec(ctx, "delete from lockout where name = $1 or last_at < $2", name, Micros(before))
	if err != nil {
		return fmt.Errorf("drop lock-out: %w", err)
	}
	return nil
}
