package app

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/record"
	"tocsin/internal/ledger"
	"tocsin/internal/testkit"
)

// TestVerifyColumns changes a value of each column that verification answers for, on both engines, and puts it back.
func TestVerifyColumns(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := ""
			if engine == "postgres" {
				dsn = testkit.PostgresDSN(t)
			}
			w := newEvidenceWorld(t, t.TempDir(), dsn)
			defer w.close()
			keys, err := os.ReadFile(filepath.Join(w.dir, record.KeysFile))
			w.must(err)
			var e record.Evidence
			e.Keys, err = ledger.ReadKeys(string(keys))
			w.must(err)
			verify := func() error {
				_, err := verifyStore(t.Context(), w.store, w.blobs, e, w.dir)
				return err
			}
			w.must(verify())
			g := tamperRig{t: t, r: rand.New(rand.NewPCG(1, 2))}
			if engine == "postgres" {
				_, err := w.db.ExecContext(t.Context(), "alter table signal drop constraint signal_feed_id_fkey")
				w.must(err)
			}
			for _, a := range answered {
				for column := range strings.FieldsSeq(a.columns) {
					g.once(w, a.table, column, a.where, verify)
				}
			}
			w.must(verify())
		})
	}
}

// once changes one value, looks whether that is found, and puts it back.
func (g *tamperRig) once(w *evidenceWorld, table, column, where string, verify func() error) {
	g.t.Helper()
	for range 50 {
		row, ok := g.row(w.db, table, column, where)
		if !ok {
			g.t.Errorf("no row of %s to change %s in", table, column)
			return
		}
		to := g.other(table+"."+column, row.value)
		update := func(value any) error {
			at := row
			for i, k := range rowKeys[table] {
				if k == column && value != to { // putting back what names the row
					at.args = append([]any{}, row.args...)
					at.args[i] = to
				}
			}
			_, err := w.db.ExecContext(g.t.Context(), fmt.Sprintf("update %s set %s = $1 where %s", table, column, at.key), append([]any{value}, at.args...)...)
			return err
		}
		if update(to) != nil {
			continue // a constraint keeps this value out
		}
		if err := verify(); err == nil {
			g.t.Errorf("%s.%s of %v: %v instead of %v was not found", table, column, row.args, to, row.value)
		} else if os.Getenv("TOCSIN_TEST_TAMPER") != "" {
			g.t.Logf("%s.%s: %v", table, column, err)
		}
		if err := update(row.value); err != nil {
			g.t.Fatal(err)
		}
		return
	}
	g.t.Logf("%s.%s: constraints keep every other value out", table, column)
}

// TestVerifyWaiting: entries that have no place yet are no fault, and neither is a log without any.
func TestVerifyWaiting(t *testing.T) {
	w := openWorld(t, t.TempDir(), "")
	defer w.close()
	for i, want := range []int64{0, 1, 2} {
		if i > 0 {
			w.must(w.loop.PutFeed(t.Context(), time.Date(2026, 11, 24, 0, 0, i, 0, time.UTC), operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum"}))
		}
		v, err := record.Verify(t.Context(), w.store, w.blobs, record.Evidence{})
		if err != nil || v.Waiting != want || v.Size != 0 {
			t.Errorf("%d entries wait and %d have places, want %d and none: %v", v.Waiting, v.Size, want, err)
		}
	}
}

// TestVerifyRotation: who trusts the old key alone may follow to the new one, for both signed one checkpoint; who trusts
// the new one alone cannot know what came before it.
func TestVerifyRotation(t *testing.T) {
	w := openWorld(t, t.TempDir(), "")
	defer w.close()
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	act := func() {
		at = at.Add(time.Minute)
		w.must(w.loop.PutFeed(t.Context(), at, operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum"}))
		w.must(w.log.Complete(t.Context(), at))
	}
	act()
	_, err := w.log.Rotate(t.Context(), at, operator, "", false)
	w.must(err)
	act()
	act()
	text, err := os.ReadFile(filepath.Join(w.dir, record.KeysFile))
	w.must(err)
	keys, err := ledger.ReadKeys(string(text))
	w.must(err)
	if len(keys.Log) != 2 {
		t.Fatalf("%d keys after one change:\n%s", len(keys.Log), text)
	}
	old := ledger.Keys{Log: keys.Log[:1]}
	for _, c := range []struct {
		name string
		e    record.Evidence
		good bool
	}{
		{"all keys", record.Evidence{Keys: keys}, true},
		{"the old one trusted", record.Evidence{Keys: keys, Trusted: []string{ledger.KeyID(keys.Log[0])}}, true},
		{"the old one known", record.Evidence{Keys: old}, true},
		{"the old one trusted, and beside it lies another key with the id of the new one", record.Evidence{
			Keys:    ledger.Keys{Log: []note.Verifier{keys.Log[0], &namedKey{Verifier: keys.Log[0], name: keys.Log[1].Name(), hash: keys.Log[1].KeyHash()}}},
			Trusted: []string{ledger.KeyID(keys.Log[0])},
		}, true},
		{"the new one trusted", record.Evidence{Keys: keys, Trusted: []string{ledger.KeyID(keys.Log[1])}}, false},
		{"none", record.Evidence{}, false},
	} {
		if _, err := record.Verify(t.Context(), w.store, w.blobs, c.e); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
