// Package testkit gives tests both database engines and fakes of the outside world. Nothing but tests imports it.
package testkit

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/mailing"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// postgresVar names the environment variable with the URL of a PostgreSQL that tests may make schemas in.
const postgresVar = "TOCSIN_TEST_POSTGRES"

var schemas atomic.Int64

// EachEngine runs f as a parallel sub-test on a fresh database of each engine. Without PostgreSQL that half is
// skipped with its reason, and fails where CI is set.
func EachEngine(t *testing.T, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, postgres(t))
	})
}

// SQLite opens a fresh database in the test's own folder.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "tocsin.db"))
}

func postgres(t testing.TB) *store.Store {
	t.Helper()
	return open(t, PostgresDSN(t))
}

// PostgresDSN makes a schema of the test's own and returns its URL; the schema goes with the test.
func PostgresDSN(t testing.TB) string {
	t.Helper()
	base := os.Getenv(postgresVar)
	if base == "" {
		Missing(t, postgresVar+" is not set: no PostgreSQL to test on")
	}
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("t%d_%d", os.Getpid(), schemas.Add(1))
	if _, err := db.ExecContext(t.Context(), "create schema "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.Background(), "drop schema "+name+" cascade"); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func open(t testing.TB, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Whole reports whether this is the whole check, in which a test takes the time that it needs.
func Whole() bool { return os.Getenv("CI") != "" }

// Missing ends a test that lacks a tool or an input: skipped with the reason on a user's machine, failed in CI.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("CI must provide this: " + reason)
	}
	t.Skip(reason)
}

// ReleaseMail lets the first notices of an installation go out without anybody who looks at them: most tests are not about
// that.
func ReleaseMail(t testing.TB, s *store.Store) {
	t.Helper()
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := mailing.New(s, notice.Sender{}, nil).Release(t.Context(), at, access.ForSoftware("command"), ""); err != nil {
		t.Fatal(err)
	}
}
