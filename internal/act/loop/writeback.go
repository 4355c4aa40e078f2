package loop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// WriteBack writes the counters that only the journal holds into their rows and notes that they are there, in one
// transaction. Pages and evidence read the rows; until then they see the state before.
func (l *Loop) WriteBack(ctx context.Context) error {
	l.fold.mu.Lock()
	defer l.fold.mu.Unlock()
	return l.fold.writeBack(ctx, l.store)
}

// writeRows is the number of sightings handed to the store at once.
const writeRows = 9000

func (f *folder) writeBack(ctx context.Context, s *store.Store) error {
	x := f.idx
	if x == nil || x.journalled == 0 {
		return nil
	}
	err := s.Keep(ctx, func(tx *store.Tx) error {
		if err := tx.CheckFold(ctx, f.term); err != nil {
			return err
		}
		rows := make([]store.Sighting, 0, writeRows)
		flush := func(least int) error {
			if len(rows) < least {
				return nil
			}
			err := tx.PutSightings(ctx, rows)
			rows = rows[:0]
			return err
		}
		for w, word := range x.dirty {
			for ; word != 0; word &= word - 1 {
				n := uint32(w*64+bits.TrailingZeros64(word)) + 1
				rows = append(rows, x.of(n).row(n))
				if err := flush(writeRows); err != nil {
					return err
				}
			}
		}
		for p := range x.dirtyMore {
			rows = append(rows, x.further(p.finding, p.stream).row(p.finding))
			if err := flush(writeRows); err != nil {
				return err
			}
		}
		if err := flush(1); err != nil {
			return err
		}
		for n := range x.lowered {
			if err := tx.LowerFirst(ctx, ident.Finding(n), x.firstOf(n)); err != nil {
				return err
			}
		}
		return tx.MarkJournal(ctx)
	})
	if err != nil {
		return errors.Join(fmt.Errorf("write counters back: %w", err), f.forget(err))
	}
	clear(x.dirty)
	clear(x.dirtyMore)
	clear(x.lowered)
	x.journalled = 0
	return nil
}

// firstOf returns the oldest observation of a finding over all streams.
func (x *index) firstOf(n uint32) int64 {
	first := x.of(n).first
	for _, h := range x.more[n] {
		first = min(first, h.first)
	}
	return first
}

// lastKnown is lastOf for any number; 0 for a finding that is not in the index yet.
func (x *index) lastKnown(n uint32) int64 {
	if int(n) > x.known {
		return 0
	}
	return x.lastOf(n)
}

// numbers returns the findings of m in order.
func numbers[V any](m map[uint32]V) []ident.Finding {
	out := make([]ident.Finding, 0, len(m))
	for _, n := range slices.Sorted(maps.Keys(m)) {
		out = append(out, ident.Finding(n))
	}
	return out
}
