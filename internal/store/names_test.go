package store_test

import (
	"path/filepath"
	"testing"

	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// The names of a database from before they were folded are folded when it is opened.
func TestUpgradeOfNames(t *testing.T) {
	t.Parallel()
	for engine, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "tocsin.db") },
		"postgres": func(t *testing.T) string { return testkit.PostgresDSN(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx, at := t.Context(), dsn(t)
			old, err := store.OpenAt(ctx, at, "0012_words.sql")
			if err != nil {
				t.Fatal(err)
			}
			err = old.Keep(ctx, func(tx *store.Tx) error {
				return tx.Exec(ctx, `insert into party (id, name, kind, sector, region, language, rank, created_at, words)
					values ('bahn', 'Österreichische Bahn', '', '', '', '', 0, 0, 'Österreichische bahn')`)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(ctx, at)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			err = s.View(ctx, func(tx *store.Tx) error {
				found, err := tx.PartiesLike(ctx, "ÖSTERREICHISCHE", "", 9)
				if err != nil || len(found) != 1 {
					t.Errorf("%+v, %v", found, err)
				}
				if id, err := tx.PartyNamed(ctx, "österreichische BAHN"); id != "bahn" || err != nil {
					t.Errorf("%q, %v", id, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
