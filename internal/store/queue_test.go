package store_test

import (
	"errors"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/promise"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// One trouble is one open item, however often it is found; once settled it may come back.
func TestQueue(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, now := t.Context(), noonOf(1)
		item := func(kind, object string, severity event.Severity, at time.Time) store.QueueItem {
			return store.QueueItem{Kind: kind, Object: object, Code: kind, Args: []string{"a", "b"}, Severity: severity, Created: at}
		}
		err := s.Keep(ctx, func(tx *store.Tx) error {
			for _, c := range []struct {
				q     store.QueueItem
				fresh bool
			}{
				{item("feed.silent", "feed:a", event.Low, now), true},
				{item("feed.silent", "feed:a", event.Low, now.Add(time.Hour)), false},
				{item("feed.silent", "feed:b", event.High, now.Add(time.Hour)), true},
				{item("feed.drift", "feed:a", event.Low, now.Add(-time.Hour)), true},
			} {
				fresh, err := tx.Enqueue(ctx, c.q)
				if err != nil || fresh != c.fresh {
					t.Errorf("enqueue %+v: %v, %v", c.q, fresh, err)
				}
			}
			open, err := tx.QueueOpen(ctx, 10)
			if err != nil {
				return err
			}
			var order []string
			for _, q := range open {
				order = append(order, q.Kind+" "+q.Object)
				if d := gocmp.Diff([]string{"a", "b"}, q.Args); d != "" || !q.Done.IsZero() {
					t.Errorf("%+v: %s", q, d)
				}
			}
			if d := gocmp.Diff([]string{"feed.silent feed:b", "feed.drift feed:a", "feed.silent feed:a"}, order); d != "" {
				t.Error(d)
			}
			if w, err := tx.WorkWhole(ctx, now, time.UTC); w[promise.Feed].N != 3 || w.Sum().N != 3 || err != nil {
				t.Errorf("what waits: %+v, %v", w, err)
			}
			if err := tx.QueueDone(ctx, open[0].ID, "person:ada", now); err != nil {
				return err
			}
			if err := tx.QueueDone(ctx, open[0].ID, "person:bo", now); !errors.Is(err, fault.NotFound) {
				t.Errorf("done twice: %v", err)
			}
			is, err := tx.QueueItemByID(ctx, open[0].ID)
			if err != nil || is.DoneBy != "person:ada" || !is.Done.Equal(now) {
				t.Errorf("%+v, %v", is, err)
			}
			if n, err := tx.QueueSettle(ctx, "feed.silent", "feed:a", "software:watch", now); n != 1 || err != nil {
				t.Errorf("settled %d, %v", n, err)
			}
			fresh, err := tx.Enqueue(ctx, item("feed.silent", "feed:a", event.Low, now.Add(2*time.Hour)))
			if !fresh {
				t.Error("it cannot come back")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
