package loop

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// telnetRows makes a report of hosts, a row each, and the rows for the model.
func telnetRows(hosts ...int) (body string, rows []seenOn) {
	var b strings.Builder
	b.WriteString(telnetHeader)
	for _, h := range hosts {
		row := seenOn{h, 23, noon}
		b.WriteString(row.line())
		rows = append(rows, row)
	}
	return b.String(), rows
}

// second makes another process on the database and the archive of the first.
func second(l *Loop) *Loop {
	return New(Config{Store: l.store, Archive: l.archive, Packs: l.packs, Library: l.library, Settings: l.set})
}

// A process that lost the fold without noticing writes nothing more: neither a chunk nor counters. When the other is gone
// it folds again with what is in the database, and every row counts once.
func TestFoldIsFenced(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a := newLoop(t, s, Settings{})
		b := second(a)
		one, rows := telnetRows(1, 2)
		take(t, a, noon, "shadowserver", "2026-11-20-scan_telnet-a.csv", one)
		foldAll(t, a, noon) // a's counters wait in the journal
		must(t, a.fold.unlock())
		a.fold.unlock = func() error { return nil } // a believes that it holds the lock still

		two, more := telnetRows(2, 3)
		rows = append(rows, more...)
		take(t, b, noon, "shadowserver", "2026-11-20-scan_telnet-b.csv", two)
		must(t, b.Warm(ctx))
		if _, _, err := a.FoldNext(ctx, noon, nil); !errors.Is(err, fault.Conflict) {
			t.Fatalf("a folds although b does: %v", err)
		}
		foldAll(t, b, noon)
		if _, _, err := a.FoldNext(ctx, noon, nil); !errors.Is(err, fault.Conflict) {
			t.Fatalf("a folds while b holds the lock: %v", err)
		}
		must(t, b.Close(ctx))
		three, more := telnetRows(3, 4)
		rows = append(rows, more...)
		take(t, a, noon, "shadowserver", "2026-11-20-scan_telnet-c.csv", three)
		foldAll(t, a, noon)
		must(t, a.WriteBack(ctx))
		if diff := cmp.Diff(model(rows), stored(t, s)); diff != "" {
			t.Errorf("model against store:\n%s", diff)
		}
		checkTotals(t, s)
	})
}

// Counters of a process that lost the fold are not written over those of the one that has it.
func TestWriteBackIsFenced(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a := newLoop(t, s, Settings{})
		b := second(a)
		one, rows := telnetRows(1, 2)
		take(t, a, noon, "shadowserver", "2026-11-20-scan_telnet-a.csv", one)
		foldAll(t, a, noon)
		must(t, a.fold.unlock())
		a.fold.unlock = func() error { return nil }
		two, more := telnetRows(1)
		rows = append(rows, more...)
		take(t, b, noon, "shadowserver", "2026-11-20-scan_telnet-b.csv", two)
		foldAll(t, b, noon)
		must(t, b.WriteBack(ctx))
		if err := a.WriteBack(ctx); !errors.Is(err, fault.Conflict) {
			t.Errorf("a writes its counters over b's: %v", err)
		}
		if diff := cmp.Diff(model(rows), stored(t, s)); diff != "" {
			t.Errorf("model against store:\n%s", diff)
		}
		must(t, b.Close(ctx))
	})
}

// A commit that fails leaves nothing behind, in the database or in memory: the same rows are folded once when it works
// again. Each table that a chunk writes to is made to refuse in turn.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"journal", "finding", "detail", "cycle", "entry", "history"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			file := filepath.Join(t.TempDir(), "tocsin.db")
			s, err := store.Open(ctx, file)
			must(t, err)
			t.Cleanup(func() { _ = s.Close() })
			l := newLoop(t, s, Settings{ChunkRows: 2})
			first, rows := telnetRows(1, 2, 3)
			take(t, l, noon, "shadowserver", "2026-11-20-scan_telnet-a.csv", first)
			foldAll(t, l, noon)
			standTo(t, l, 1, "claim")

			db, err := sql.Open("sqlite", file)
			must(t, err)
			defer func() { _ = db.Close() }()
			_, err = db.ExecContext(ctx, fmt.Sprintf("create trigger full before insert on %s begin select raise(abort, 'no space'); end", table))
			must(t, err)
			var b strings.Builder
			b.WriteString(telnetHeader)
			for _, h := range []int{1, 2, 3, 4, 5} {
				row := seenOn{h, 23, noon.AddDate(0, 0, 1)}
				b.WriteString(row.line())
				rows = append(rows, row)
			}
			now := noon.AddDate(0, 0, 1).Add(time.Second)
			accept := func() error {
				_, err := l.Accept(ctx, now, AcceptRequest{Feed: "shadowserver", Name: "2026-11-21-scan_telnet-a.csv", Body: strings.NewReader(b.String()), By: testCommand})
				return err
			}
			if err := accept(); table == "entry" {
				if err == nil {
					t.Fatal("a signal was accepted without its entry")
				}
			} else {
				must(t, err)
				if _, _, err := l.FoldNext(ctx, now, nil); err == nil {
					t.Fatal("a fold that could not commit says nothing")
				}
			}
			_, err = db.ExecContext(ctx, "drop trigger full")
			must(t, err)
			must(t, accept())
			foldAll(t, l, now)
			must(t, l.WriteBack(ctx))
			if diff := cmp.Diff(model(rows), stored(t, s)); diff != "" {
				t.Errorf("model against store:\n%s", diff)
			}
			checkTotals(t, s)
		})
	}
}
