package store

import (
	"context"
	"database/sql"
	"fmt"

	"tocsin/internal/ledger"
)

// EntriesBefore returns at most limit entries before position seq (0 = from the newest), newest first.
func (t *Tx) EntriesBefore(ctx context.Context, seq int64, limit int) ([]ledger.Entry, error) {
	if seq == 0 {
		seq = 1 << 62
	}
	var out []ledger.Entry
	err := t.each(ctx, `select seq, at, actor, act, object, reason, body, prev, hash from ledger
		where seq < $1 order by seq desc limit $2`, []any{seq, limit}, func(r *sql.Rows) error {
		var e ledger.Entry
		var at int64
		if err := r.Scan(&e.Seq, &at, &e.Actor, &e.Act, &e.Object, &e.Reason, &e.Body, &e.Prev, &e.Hash); err != nil {
			return err
		}
		e.At = Instant(at)
		out = append(out, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}
