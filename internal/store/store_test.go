package store_test

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// Every entry follows the one before, whoever writes at the same time.
func TestLedgerChains(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		var g errgroup.Group
		for range 8 {
			g.Go(func() error {
				for range 5 {
					err := s.Keep(ctx, func(tx *store.Tx) error {
						_, err := tx.Append(ctx, time.Unix(1, 0), access.ForSoftware("command"), "feed.put", access.On("feed:1"), "", nil)
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		err := s.View(ctx, func(tx *store.Tx) error {
			es, err := tx.Entries(ctx, 0, 100)
			if err != nil {
				return err
			}
			if len(es) != 40 {
				t.Errorf("%d entries, want 40", len(es))
			}
			_, err = tx.FindingByID(ctx, 1)
			if !errors.Is(err, fault.NotFound) {
				t.Errorf("a finding that is not there: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
