package store_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// A program refuses a database that a newer one has migrated, before it changes anything.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	for engine, dsn := range map[string]func(testing.TB) string{
		"sqlite": func(t testing.TB) string { return filepath.Join(t.TempDir(), "tocsin.db") }, "postgres": testkit.PostgresDSN,
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			where := dsn(t)
			s, err := store.Open(t.Context(), where)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Keep(t.Context(), func(tx *store.Tx) error {
				return tx.Exec(t.Context(), "insert into migration (name, checksum) values ('9999_later.sql', '')")
			}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = store.Open(t.Context(), where)
			if !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "newer schema (9999_later.sql)") {
				t.Errorf("a newer database was opened: %v", err)
			}
		})
	}
}

// A database that is away is 503 with a time after which to try again, never a mistake of whoever asks.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=2")
	if fault.Status(err) != 503 || fault.Later(err) == 0 {
		t.Errorf("no server: %v, status %d", err, fault.Status(err))
	}
	if _, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "none", "tocsin.db")); err == nil || fault.Status(err) < 500 {
		t.Errorf("no folder: %v, status %d", err, fault.Status(err))
	}
}

// A connection that is lost at whatever point of a transaction is 503 with a time after which to try again.
func TestConnectionLost(t *testing.T) {
	t.Parallel()
	wire, dsn := testkit.NewWire(t, testkit.PostgresDSN(t))
	s, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // the wire is cut
	ctx := t.Context()
	ask := func(tx *store.Tx) error {
		_, err := tx.Horizon(ctx)
		return err
	}
	held, end := s.Snapshot(ctx)
	defer end()
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"before the commit", func() error {
			return s.Keep(ctx, func(tx *store.Tx) error {
				err := ask(tx)
				wire.Cut()
				return err
			})
		}},
		{"at a statement before the commit", func() error {
			return s.Keep(ctx, func(tx *store.Tx) error {
				err := ask(tx)
				wire.Cut()
				_ = ask(tx) // whoever does without what it would have said
				return err
			})
		}},
		{"within a transaction", func() error {
			return s.Update(ctx, func(tx *store.Tx) error {
				if err := ask(tx); err != nil {
					return err
				}
				wire.Cut()
				return ask(tx)
			})
		}},
		{"while reading", func() error {
			return s.View(ctx, func(tx *store.Tx) error {
				wire.Cut()
				return ask(tx)
			})
		}},
		{"within a snapshot", func() error {
			return s.View(held, func(tx *store.Tx) error {
				wire.Cut()
				return ask(tx)
			})
		}},
		{"before a snapshot begins", func() error {
			wire.Cut()
			return s.View(held, ask)
		}},
		{"before a transaction", func() error {
			wire.Cut()
			return s.Keep(ctx, ask)
		}},
	} {
		wire.Mend()
		if err := s.View(ctx, ask); err != nil {
			t.Fatalf("%s: the database is not back: %v", c.name, err)
		}
		err := c.run()
		if fault.Status(err) != 503 || fault.Later(err) == 0 {
			t.Errorf("%s: status %d: %v", c.name, fault.Status(err), err)
		}
	}
}
