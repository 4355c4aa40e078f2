package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// A database of the first migration keeps its ledger: its entries become entries, and new ones follow them.
func TestUpgradeOfTheLedger(t *testing.T) {
	t.Parallel()
	for engine, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "tocsin.db") },
		"postgres": func(t *testing.T) string { return testkit.PostgresDSN(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx, at := t.Context(), dsn(t)
			old, err := store.OpenAt(ctx, at, "0001_loop.sql")
			if err != nil {
				t.Fatal(err)
			}
			err = old.Keep(ctx, func(tx *store.Tx) error {
				for seq := range 3 {
					err := tx.Exec(ctx, `insert into ledger (seq, at, actor, act, object, reason, body, prev, hash)
						values ($1, $2, 'software:fold', 'signal.finish', 'signal:1', 'folded', '{"rows":1}', $3, $4)`,
						seq+1, 1000+seq, []byte{0}, []byte{byte(seq), 2})
					if err != nil {
						return err
					}
				}
				return tx.Exec(ctx, `insert into history (finding_id, seq, at, from_state, to_state, trigger, actor, reason, evidence)
					values (1, 2, 1001, 'open', 'notified', 'notify', 'software:notify', '', '')`)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			checkUpgraded(ctx, t, at)
		})
	}
}

func checkUpgraded(ctx context.Context, t *testing.T, dsn string) {
	t.Helper()
	s, err := store.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var id int64
	err = s.Keep(ctx, func(tx *store.Tx) (err error) {
		id, err = tx.Append(ctx, time.Unix(1, 0), access.ForSoftware("command"), "feed.put", access.On("feed:x"), "", nil)
		return err
	})
	if err != nil || id != 4 {
		t.Fatalf("the next entry is %d, %v", id, err)
	}
	err = s.View(ctx, func(tx *store.Tx) error {
		es, err := tx.Entries(ctx, 0, 10)
		if err != nil {
			return err
		}
		if len(es) != 4 || es[1].Act != "signal.finish" || es[1].Body != `{"rows":1}` || string(es[1].Salt) != "\x01\x02" || es[1].At != store.Instant(1001) {
			t.Errorf("entries %+v", es)
		}
		seen := 0
		err = tx.HistorySince(ctx, 0, func(c store.Change) error {
			seen++
			return nil
		})
		if seen != 1 {
			t.Errorf("%d steps of history", seen)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
