package loop

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/finding"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

func TestFeedHealth(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.cycles(0, 9)
		w.update(func(ctx context.Context, tx *store.Tx) error {
			f, err := tx.FeedByID(ctx, "scan")
			if err != nil {
				return err
			}
			f.QuotaRows = 400
			if err := tx.PutFeed(ctx, f); err != nil {
				return err
			}
			for i, received := range []time.Time{at(8, 3), at(9, 3), at(9, 4)} {
				id, err := tx.InsertSignal(ctx, store.Signal{Feed: "scan", Blob: string(rune('a' + i)), Received: received})
				if err != nil {
					return err
				}
				counts := store.Counts{Rows: 100, Events: 97, Rejected: 3}
				if err := tx.AdvanceSignal(ctx, id, 1, store.Cursor{}, counts); err != nil {
					return err
				}
				if i == 0 {
					if err := tx.FinishSignal(ctx, id, "folded", "", received); err != nil {
						return err
					}
				}
			}
			return tx.AddCycle(ctx, 1, store.Delivered{Day: firstDay + 9, Rows: 20, At: at(9, 5), File: 99})
		})
		h, err := w.FeedHealth(t.Context(), at(10, 4))
		if err != nil || len(h) != 1 {
			t.Fatal(h, err)
		}
		got := h[0]
		got.Feed = store.Feed{}
		want := Health{
			Last: store.LastSignal{ID: 3, Received: at(9, 4), State: "received"}, Waiting: 2, Lag: 25 * time.Hour,
			Rejected: 9, Taken: 300,
			Streams: []StreamHealth{{
				ID: 1, Name: "scan_http", Last: finding.Cycle{Day: firstDay + 9, Rows: 20, Files: 1, Last: at(9, 5), Health: finding.FewRows}, Every: 1, Median: 100,
				Weak: finding.FewRows, From: firstDay + 9, Since: at(13, 0),
			}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if h, err = w.FeedHealth(t.Context(), at(9, 4)); err != nil || h[0].Rows != 200 || h[0].Quota != 50 {
			t.Errorf("%+v %v", h, err)
		}
	})
}

// A silence is told once, even when the desk has closed the item; the next silence is told again.
func TestWatchFeeds(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.cycles(0, 5)
		open := func() (items []store.QueueItem) {
			w.update(func(ctx context.Context, tx *store.Tx) (err error) {
				items, err = tx.QueueOpen(ctx, 10)
				return err
			})
			return items
		}
		watch := func(now time.Time, want int) {
			t.Helper()
			if n, err := w.WatchFeeds(t.Context(), now); err != nil || n != want {
				t.Errorf("at %s: %d alarms, %v; want %d", now, n, err, want)
			}
		}
		watch(at(8, 0), 0)
		watch(at(8, 1), 1)
		watch(at(8, 2), 0)
		items := open()
		if len(items) != 1 || items[0].Kind != "feed.silent" || items[0].Object != "stream:scan/scan_http" {
			t.Fatalf("queue %+v", items)
		}
		w.update(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueueDone(ctx, items[0].ID, "person:a", at(8, 3))
		})
		watch(at(9, 0), 0)
		w.cycles(8, 10)
		watch(at(10, 3), 0)
		watch(at(19, 3), 1) // with one gap of four days in six, four days are within the rhythm
		w.cycles(18, 19)
		watch(at(19, 4), 0)
		if items := open(); len(items) != 0 {
			t.Errorf("queue %+v", items)
		}
		if diff := cmp.Diff(map[string]int{"feed.silent": 2, "feed.speak": 2}, w.acts()); diff != "" {
			t.Error(diff)
		}
	})
}
