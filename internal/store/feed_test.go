package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func update(t *testing.T, s *store.Store, f func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := s.Keep(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func plainFeed(id ident.Feed) store.Feed {
	return store.Feed{ID: id, Pack: "list", Title: "A list", Created: noon}
}

func TestFeeds(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		full := store.Feed{
			ID: "drop", Pack: "spamhaus-drop", Title: "DROP", TokenHash: []byte{1, 2, 3}, Urgent: true, QuotaRows: 1000,
			Created: noon, Disabled: noon.Add(time.Hour),
			Poll: store.Poll{URL: "https://feed.example/drop", Every: time.Hour, Next: noon, ETag: `"x"`, Modified: "Sun", Failures: 2, Error: "late"},
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(tx.PutFeed(ctx, plainFeed("abc")), tx.PutFeed(ctx, plainFeed("drop")), tx.PutFeed(ctx, full))
		})
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.Feeds(ctx)
			if diff := cmp.Diff([]store.Feed{plainFeed("abc"), full}, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			if f, err := tx.FeedByToken(ctx, []byte{1, 2, 3}); err != nil || f.ID != "drop" {
				t.Errorf("by token: %v %v", f.ID, err)
			}
			if _, err := tx.FeedByToken(ctx, []byte{9}); !errors.Is(err, fault.NotFound) {
				t.Errorf("unknown token: %v", err)
			}
			if _, err := tx.FeedByID(ctx, "nope"); !errors.Is(err, fault.NotFound) {
				t.Errorf("unknown feed: %v", err)
			}
			return nil
		})
	})
}

func TestFeedsDue(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		put := func(id ident.Feed, url string, next, disabled time.Time) {
			f := plainFeed(id)
			f.Poll.URL, f.Poll.Next, f.Disabled = url, next, disabled
			update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutFeed(ctx, f) })
		}
		put("pushed", "", time.Time{}, time.Time{})
		put("later", "https://a.example/", noon.Add(time.Second), time.Time{})
		put("due", "https://a.example/", noon, time.Time{})
		put("never", "https://a.example/", time.Time{}, time.Time{})
		put("off", "https://a.example/", time.Time{}, noon)
		due := func() (ids []ident.Feed) {
			update(t, s, func(ctx context.Context, tx *store.Tx) error {
				fs, err := tx.FeedsDue(ctx, noon)
				for _, f := range fs {
					ids = append(ids, f.ID)
				}
				return err
			})
			return ids
		}
		if diff := cmp.Diff([]ident.Feed{"never", "due"}, due()); diff != "" {
			t.Error(diff)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			return tx.SetPoll(ctx, "never", store.Poll{Next: noon.Add(time.Hour), Failures: 1, Error: "no"})
		})
		if diff := cmp.Diff([]ident.Feed{"due"}, due()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStreams(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(tx.PutFeed(ctx, plainFeed("a")), tx.PutFeed(ctx, plainFeed("b")))
		})
		var ids [4]int64
		update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
			for i, c := range []struct {
				feed    ident.Feed
				name    string
				absence int
			}{{"a", "scan_http", 0}, {"b", "scan_http", 2}, {"a", "scan_http", 0}, {"a", "scan_http", 3}} {
				if ids[i], err = tx.StreamOf(ctx, store.Stream{Feed: c.feed, Name: c.name, Report: c.name, Absence: c.absence}, noon); err != nil {
					return err
				}
			}
			return tx.SetStreamColumns(ctx, ids[0], []string{"timestamp", "ip"})
		})
		if ids != [4]int64{1, 2, 1, 1} {
			t.Errorf("ids %v", ids)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.Streams(ctx)
			want := []store.Stream{
				{ID: 1, Feed: "a", Name: "scan_http", Report: "scan_http", Absence: 3, Columns: []string{"timestamp", "ip"}, Created: noon},
				{ID: 2, Feed: "b", Name: "scan_http", Report: "scan_http", Absence: 2, Created: noon},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
	})
}

func TestCycles(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		day := finding.DayOf(noon)
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutFeed(ctx, plainFeed("a")); err != nil {
				return err
			}
			id, err := tx.StreamOf(ctx, store.Stream{Feed: "a", Name: "x"}, noon)
			return errors.Join(err,
				tx.AddCycle(ctx, id, store.Delivered{Day: day, Rows: 10, At: noon.Add(time.Hour), File: 1}),
				tx.AddCycle(ctx, id, store.Delivered{Day: day - 1, Rows: 5, At: noon}),
				tx.AddCycle(ctx, id, store.Delivered{Day: day, Rows: 3, At: noon, File: 1}),
				tx.AddCycle(ctx, id, store.Delivered{Day: day, Rows: 3, At: noon, File: 2}),
				tx.AddCycle(ctx, id, store.Delivered{Day: day, Rows: 1, At: noon}),
				tx.SetHealth(ctx, id, day-1, finding.FewRows),
				tx.SpoilCycle(ctx, id, day, 4, noon),
				tx.SpoilCycle(ctx, id, day, -1, noon),
				tx.SpoilCycle(ctx, id, day-2, -1, noon),
				tx.SpoilCycle(ctx, id, day-3, 6, noon),
				tx.AddCycle(ctx, id, store.Delivered{Day: day - 50, Rows: 1, At: noon}))
		})
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.Cycles(ctx, day-10)
			want := map[int64][]finding.Cycle{1: {
				{Day: day - 3, Aside: 6, Last: noon},
				{Day: day - 1, Rows: 5, Last: noon, Health: finding.FewRows},
				{Day: day, Rows: 17, Aside: 3, Files: 2, Last: noon.Add(time.Hour)},
			}}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			n, rows, err := tx.CycleSum(ctx, day-50, day)
			if n != 3 || rows != 6 {
				t.Errorf("%d cycles, %d rows", n, rows)
			}
			return err
		})
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			none, err := tx.Setting(ctx, "x")
			if none != "" {
				t.Errorf("unset: %q", none)
			}
			return errors.Join(err, tx.PutSetting(ctx, "x", "1"), tx.PutSetting(ctx, "x", "2"))
		})
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.Setting(ctx, "x")
			if got != "2" {
				t.Errorf("set: %q", got)
			}
			return err
		})
	})
}
