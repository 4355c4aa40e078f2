package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// Append seals e behind the newest entry, writes it and returns its position. body is marshalled to JSON; nil is "{}".
func (t *Tx) Append(ctx context.Context, at time.Time, actor, act, object, reason string, body any) (int64, error) {
	e := ledger.Entry{At: at.UTC().Truncate(time.Microsecond), Actor: actor, Act: act, Object: object, Reason: reason, Body: "{}"}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, fmt.Errorf("append %s to the ledger: %w", act, err)
		}
		e.Body = string(b)
	}
	var prev []byte
	err := t.row(ctx, "select seq, hash from ledger order by seq desc limit 1", nil, &e.Seq, &prev)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return 0, fmt.Errorf("read the end of the ledger: %w", err)
	}
	e.Seq++
	e.Seal(prev)
	_, err = t.exec(ctx, `insert into ledger (seq, at, actor, act, object, reason, body, prev, hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.Seq, Micros(e.At), e.Actor, e.Act, e.Object, e.Reason, e.Body, e.Prev, e.Hash)
	if err != nil {
		return 0, fmt.Errorf("append %s to the ledger: %w", act, err)
	}
	return e.Seq, nil
}

// Entries returns at most limit entries after position seq, oldest first.
func (t *Tx) Entries(ctx context.Context, seq int64, limit int) ([]ledger.Entry, error) {
	var out []ledger.Entry
	err := t.each(ctx, `select seq, at, actor, act, object, reason, body, prev, hash from ledger
		where seq > $1 order by seq limit $2`, []any{seq, limit}, func(r *sql.Rows) error {
		var e ledger.Entry
		var at int64
		if err := r.Scan(&e.Seq, &at, &e.Actor, &e.Act, &e.Object, &e.Reason, &e.Body, &e.Prev, &e.Hash); err != nil {
			return err
		}
		e.At = Instant(at)
		out = append(out, e)
		return nil
	})
	return out, err
}
