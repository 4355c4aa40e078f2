package upkeep_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/upkeep"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// An empty installation has nothing that waits, and knows which database it lies in.
func TestEmpty(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		u, now := upkeep.New(s), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		b, err := u.Backlog(t.Context(), now)
		if err != nil || b.Signals != 0 || !b.Oldest.IsZero() || b.Notices["planned"] != 0 || b.Overdue != 0 || b.Refused != 0 || b.Failing != 0 {
			t.Errorf("%+v, %v", b, err)
		}
		e, err := u.Engine(t.Context())
		if err != nil || !strings.Contains(e.Name, "SQL") || e.Bytes < 1<<14 || !strings.HasSuffix(e.Schema, ".sql") {
			t.Errorf("%+v, %v", e, err)
		}
		days, err := u.Days(t.Context(), now, 30)
		if err != nil || len(days) != 0 {
			t.Errorf("%+v, %v", days, err)
		}
	})
}

// The days of a stream are those of the UTC calendar, the last is today, and what lies before or after them is not counted.
func TestDays(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		u, now := upkeep.New(s), time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
		today := finding.DayOf(now)
		err := s.Keep(t.Context(), func(tx *store.Tx) error {
			err := errors.Join(tx.PutFeed(t.Context(), store.Feed{ID: "f", Pack: "shadowserver", Created: now}),
				tx.PutFeed(t.Context(), store.Feed{ID: "g", Pack: "shadowserver", Created: now}))
			for _, x := range []struct {
				feed   ident.Feed
				stream string
				days   map[finding.Day]int64 // before today
			}{
				{"f", "a", map[finding.Day]int64{0: 1, 1: 2, 2: 4, 3: 8, -1: 16}}, {"f", "b", map[finding.Day]int64{2: 32}}, {"g", "a", nil},
			} {
				id, err := tx.StreamOf(t.Context(), store.Stream{Feed: x.feed, Name: x.stream}, now)
				if err != nil {
					return err
				}
				for before, rows := range x.days {
					if err := tx.AddCycle(t.Context(), id, store.Delivered{Day: today - before, Rows: rows, At: now}); err != nil {
						return err
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range map[int]string{3: "[{a [4 2 1]} {b [32 0 0]}] [{a [0 0 0]}]", 1: "[{a [1]} {b [0]}] [{a [0]}]"} {
			days, err := u.Days(t.Context(), now, n)
			if got := fmt.Sprint(days["f"], " ", days["g"]); err != nil || got != want {
				t.Errorf("%d days are %s, want %s: %v", n, got, want, err)
			}
		}
	})
}

// Where nothing is old, nothing is removed and no entry is left.
func TestNothingToPrune(t *testing.T) {
	t.Parallel()
	s := testkit.SQLite(t)
	n, err := upkeep.New(s).PruneRejected(t.Context(), time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	if n != 0 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	err = s.View(t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(t.Context(), 0, 10)
		if len(es) != 0 {
			t.Errorf("%d entries", len(es))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Rejected rows are removed 90 days after their signal came, so many at a time, by an entry each.
func TestPruneRejected(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		u, now := upkeep.New(s), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		var old, young ident.Signal
		err := s.Keep(t.Context(), func(tx *store.Tx) error {
			err := tx.PutFeed(t.Context(), store.Feed{ID: "f", Pack: "shadowserver", Created: now})
			for i, came := range []time.Time{now.AddDate(0, 0, -91), now.AddDate(0, 0, -89)} {
				if err != nil {
					return err
				}
				id, _ := tx.InsertSignal(t.Context(), store.Signal{Feed: "f", Blob: strings.Repeat("a", 63) + string(rune('0'+i)), Received: came})
				rows := make([]store.Rejected, 6000-i)
				for line := range rows {
					rows[line] = store.Rejected{Signal: id, Line: int64(line), Raw: []byte("x")}
				}
				if err = tx.InsertRejected(t.Context(), rows); err == nil {
					err = tx.FinishSignal(t.Context(), id, "folded", "", came)
				}
				old, young = young, id
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{5000, 1000, 0} {
			if n, err := u.PruneRejected(t.Context(), now); n != want || err != nil {
				t.Errorf("call %d removed %d, want %d: %v", i, n, want, err)
			}
		}
		err = s.View(t.Context(), func(tx *store.Tx) error {
			for id, want := range map[ident.Signal]int64{old: 0, young: 5999} {
				if k, err := tx.RejectedKept(t.Context(), id); k.Rows != want || err != nil {
					t.Errorf("signal %d has %d, want %d: %v", id, k.Rows, want, err)
				}
				es, err := tx.EntriesOn(t.Context(), fmt.Sprintf("signal:%d", id))
				if err != nil || (len(es) == 2) != (id == old) {
					t.Errorf("signal %d: %d entries, %v", id, len(es), err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
