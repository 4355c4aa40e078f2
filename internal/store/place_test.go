package store_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// sequence gives places as the sequencer does, and returns how many; another's were in the way where it is -1.
func sequence(ctx context.Context, s *store.Store, all bool, limit int) (int, error) {
	var last int64
	var hash []byte
	var es []ledger.Entry
	err := s.View(ctx, func(tx *store.Tx) (err error) {
		if last, hash, err = tx.LastPlace(ctx); err != nil {
			return err
		}
		es, err = tx.Unplaced(ctx, all, limit)
		return err
	})
	if err != nil || len(es) == 0 {
		return 0, err
	}
	for i := range es {
		es[i].Seq = last + int64(i) + 1
		r, err := es[i].Record(hash)
		if err != nil {
			return 0, err
		}
		leaf := ledger.LeafHash(r)
		hash = leaf[:]
		es[i].Hash = hash
	}
	err = s.Keep(ctx, func(tx *store.Tx) error { return tx.Place(ctx, last, es) })
	if errors.Is(err, fault.Conflict) {
		return -1, nil
	}
	return len(es), err
}

// placeAll sequences until the log has size entries. On PostgreSQL it waits for whoever else writes to the cluster: what
// they hold open may come before.
func placeAll(ctx context.Context, s *store.Store, all bool, limit int, size int64) error {
	for {
		if _, err := sequence(ctx, s, all, limit); err != nil {
			return err
		}
		var last int64
		err := s.View(ctx, func(tx *store.Tx) (err error) {
			last, _, err = tx.LastPlace(ctx)
			return err
		})
		if err != nil || last >= size {
			return err
		}
	}
}

// TestPlaces: while eight write and two sequence, every entry gets exactly one place, without gaps, and the chain holds.
func TestPlaces(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 75
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		var writing, placing errgroup.Group
		for range writers {
			writing.Go(func() error {
				for range each {
					if err := s.Update(ctx, func(tx *store.Tx) error { return entry(ctx, tx) }); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for range 2 {
			placing.Go(func() error {
				return placeAll(ctx, s, false, 50, writers*each)
			})
		}
		if err := errors.Join(writing.Wait(), placing.Wait()); err != nil {
			t.Fatal(err)
		}
		checkLog(t, s, writers*each)
	})
}

// checkLog reads the whole log, checks that it has just size entries in a chain, and that its tiles give the root.
func checkLog(t *testing.T, s *store.Store, size int64) {
	t.Helper()
	ctx := t.Context()
	err := s.View(ctx, func(tx *store.Tx) error {
		es, err := tx.EntriesByPlace(ctx, 0, 10000)
		if err != nil {
			return err
		}
		w, err := ledger.NewWalk()
		if err != nil {
			return err
		}
		seen := map[int64]bool{}
		for i := range es {
			if _, err := w.Add(&es[i]); err != nil {
				return err
			}
			seen[es[i].ID] = true
		}
		if w.Size != size || int64(len(seen)) != size {
			t.Errorf("the log has %d places for %d entries, want %d", w.Size, len(seen), size)
		}
		root, err := ledger.Root(size, func(path string) ([]byte, error) {
			is, err := ledger.ParseTile(path)
			if err != nil {
				return nil, err
			}
			return tx.Tile(ctx, is)
		})
		if err != nil || root != w.Root() {
			t.Errorf("the tiles give the root %s, want %s, %v", root, w.Root(), err)
		}
		third, err := tx.EntryBySeq(ctx, 3)
		if err != nil || third.ID != es[2].ID {
			t.Errorf("entry 3: %+v, %v", third, err)
		}
		if same, err := tx.EntryByHash(ctx, third.Hash); err != nil || same.Seq != 3 {
			t.Errorf("entry by hash: %+v, %v", same, err)
		}
		if seq, err := tx.SeqOf(ctx, third.ID); err != nil || seq != 3 {
			t.Errorf("place of entry %d: %d, %v", third.ID, seq, err)
		}
		if _, err := tx.EntryBySeq(ctx, size+1); !errors.Is(err, fault.NotFound) {
			t.Errorf("an entry beyond the log: %v", err)
		}
		for _, bad := range []ledger.Tile{{Level: 0, N: size / 256, Width: 256}, {Level: 3, Width: 1}, {Level: ledger.Bundles, Width: 1}} {
			if _, err := tx.Tile(ctx, bad); !errors.Is(err, fault.NotFound) {
				t.Errorf("tile %s: %v", bad.Path(), err)
			}
		}
		tile, err := tx.Tile(ctx, ledger.Tile{Level: 0, Width: 2})
		if err != nil || !bytes.Equal(tile[tlog.HashSize:], es[1].Hash) {
			t.Errorf("the second hash of the first tile: %x, %v", tile, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPlacesAfterAnotherLife: where a database was loaded into another cluster, whose marks begin anew, entries of both
// lives get places.
func TestPlacesAfterAnotherLife(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		add := func(n int) {
			t.Helper()
			for range n {
				if err := s.Update(ctx, func(tx *store.Tx) error { return entry(ctx, tx) }); err != nil {
					t.Fatal(err)
				}
			}
		}
		place := func(all bool, size int64) {
			t.Helper()
			if err := placeAll(ctx, s, all, 2, size); err != nil {
				t.Fatal(err)
			}
		}
		add(5)
		place(true, 5)
		add(3)
		err := s.Keep(ctx, func(tx *store.Tx) error { return tx.Exec(ctx, "update entry set tx = tx + 1000000000000") })
		if err != nil {
			t.Fatal(err)
		}
		add(3)
		place(false, 11)
		add(1)
		place(false, 12)
		checkLog(t, s, 12)
	})
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		at := time.Date(2026, 3, 1, 8, 50, 0, 0, time.UTC)
		err := s.Keep(ctx, func(tx *store.Tx) error {
			for size := int64(1); size <= 30; size++ {
				c := store.Checkpoint{Size: size, At: at.Add(time.Duration(size) * time.Minute), Root: []byte{1}, Note: "n", Bridge: size == 4}
				if err := tx.PutCheckpoint(ctx, c); err != nil {
					return err
				}
			}
			c := store.Checkpoint{Size: 30, At: at.Add(30 * time.Minute), Root: []byte{1}, Note: "cosigned"}
			return errors.Join(tx.PutCheckpoint(ctx, c), tx.ThinCheckpoints(ctx, at.Add(28*time.Minute)))
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(ctx, func(tx *store.Tx) error {
			cs, err := tx.CheckpointsBefore(ctx, 0, 100)
			if err != nil {
				return err
			}
			var sizes []int64
			for _, c := range cs {
				sizes = append(sizes, c.Size)
			}
			// 9 is the last of its hour, 4 has two signatures, 27 the last of what is thinned.
			want := []int64{30, 29, 28, 27, 9, 4}
			if !slices.Equal(sizes, want) || cs[0].Note != "cosigned" {
				t.Errorf("checkpoints of %v entries, want %v", sizes, want)
			}
			if c, err := tx.CheckpointAt(ctx, 10); err != nil || c.Size != 27 {
				t.Errorf("checkpoint that covers entry 10: %d, %v", c.Size, err)
			}
			if _, err := tx.CheckpointAt(ctx, 31); !errors.Is(err, fault.NotFound) {
				t.Errorf("checkpoint that covers entry 31: %v", err)
			}
			bs, err := tx.Bridges(ctx)
			if err != nil || len(bs) != 1 || bs[0].Size != 4 {
				t.Errorf("checkpoints with two signatures: %v, %v", bs, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
