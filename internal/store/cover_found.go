package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
)

// AsFound is the reason of an entry that covers rows which were there before rows were covered.
const AsFound = "as found"

// foundAtOnce is how many digests one such entry sums.
const foundAtOnce = 20000

// CoverFound covers what is in a database from before rows were covered, as it is found. Where anything is covered it does
// nothing: what is not covered then was not written by this program.
func (s *Store) CoverFound(ctx context.Context, at time.Time) error {
	covered := false
	err := s.View(ctx, func(tx *Tx) (err error) {
		covered, err = tx.coversAny(ctx)
		return err
	})
	if err != nil || covered {
		return err
	}
	err = s.Update(ctx, func(tx *Tx) error {
		if covered, err := tx.coversAny(ctx); err != nil || covered { // another process was first
			return err
		}
		tx.touched = map[coverKey]touched{}
		for i := range Coverage {
			c := coverings[Coverage[i].Table]
			if c == nil {
				continue
			}
			err := tx.eachGroup(ctx, c, func(page []CoverRow) error {
				for j := range page {
					tx.touched[coverKey{c.Table, page[j].Key}] = touched{sum: page[j].Digest, fresh: true}
				}
				if len(tx.touched) < foundAtOnce {
					return nil
				}
				return tx.coverAsFound(ctx, at)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", c.Table, err)
			}
		}
		return tx.coverAsFound(ctx, at)
	})
	if err != nil {
		return fmt.Errorf("cover what is there: %w", err)
	}
	return nil
}

func (t *Tx) coversAny(ctx context.Context) (bool, error) {
	one := 0
	err := t.row(ctx, "select 1 from cover limit 1", nil, &one)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func (t *Tx) coverAsFound(ctx context.Context, at time.Time) error {
	if len(t.touched) == 0 {
		return nil
	}
	_, err := t.Append(ctx, at, access.ForSoftware("store"), "ledger.cover", access.On("ledger"), AsFound, map[string]int{"rows": len(t.touched)})
	if err != nil {
		return err
	}
	err = t.cover(ctx)
	t.touched = map[coverKey]touched{}
	return err
}

// OutsideText says, a line each, what verification compares with nothing, and why.
func OutsideText() string {
	var b strings.Builder
	for i := range Coverage {
		if c := &Coverage[i]; c.Outside != "" {
			names := strings.Join(strings.Fields(c.Outside), ", ")
			if c.Key == "" && c.Derived == "" {
				names = "all"
			}
			fmt.Fprintf(&b, "%s (%s): %s\n", c.Table, names, c.Why)
		}
	}
	return b.String()
}
