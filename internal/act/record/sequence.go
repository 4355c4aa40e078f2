package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// MaxBatch is how many entries get their places in one transaction.
const MaxBatch = 5000

// keepAll is how long every checkpoint is kept; after it, the last of each hour.
const keepAll = 24 * time.Hour

// Sequence gives entries that wait their places in the log, at most 5,000 at once, and returns how many. Several processes
// may try at once: one of them succeeds.
func (l *Log) Sequence(ctx context.Context, _ time.Time) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(ctx); err != nil {
		return 0, err
	}
	var last int64
	var hash []byte
	var es []ledger.Entry
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		if last, hash, err = tx.LastPlace(ctx); err != nil {
			return err
		}
		es, err = tx.Unplaced(ctx, !l.swept, MaxBatch)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sequence: %w", err)
	}
	if len(es) < MaxBatch {
		l.swept = true
	}
	if len(es) == 0 {
		return 0, nil
	}
	for i := range es {
		es[i].Seq = last + int64(i) + 1
		record, err := es[i].Record(hash)
		if err != nil {
			return 0, fmt.Errorf("sequence: %w", err)
		}
		leaf := ledger.LeafHash(record)
		hash = leaf[:]
		es[i].Hash = hash
	}
	err = l.store.Keep(ctx, func(tx *store.Tx) error { return tx.Place(ctx, last, es) })
	switch {
	case errors.Is(err, fault.Conflict):
		return 0, nil
	case err != nil:
		l.swept = false // whether it was committed is not known
		return 0, fmt.Errorf("sequence: %w", err)
	}
	return len(es), nil
}

// Complete gives every entry that waits its place and signs a checkpoint, whenever the last one was. On PostgreSQL those
// go on waiting that a transaction still under way, of whatever database of the cluster, may come before.
func (l *Log) Complete(ctx context.Context, now time.Time) error {
	for {
		n, err := l.Sequence(ctx, now)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	_, err := l.Checkpoint(ctx, now, 0)
	return err
}

// Checkpoint signs the log where it has grown and the last checkpoint is older than every, saves the result in the
// database and in the data folder, and returns the newest. fault.NotFound where the log is empty. fault.Conflict where
// the log is not a continuation of the saved checkpoint: nothing is signed then.
func (l *Log) Checkpoint(ctx context.Context, now time.Time, every time.Duration) (store.Checkpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(ctx); err != nil {
		return store.Checkpoint{}, err
	}
	k, err := l.load(ctx)
	if err != nil {
		return store.Checkpoint{}, err
	}
	saved, err := l.saved(k) // before the database is read
	if err != nil {
		return store.Checkpoint{}, err
	}
	newest, next, err := l.grown(ctx, saved, now, every)
	if err != nil || newest.Size == next.Size {
		if err == nil && k.changing && newest.Bridge {
			err = l.promote(ctx, k, newest.Size) // a crash came between the two
		}
		if err == nil && (saved == nil || saved.Size < newest.Size) {
			err = l.save(k, newest)
		}
		return newest, err
	}
	c := ledger.Checkpoint{Origin: k.origin, Size: next.Size, Root: ledger.Hash(next.Root)}
	msg, err := c.Sign(k.sign...)
	if err != nil {
		return newest, err
	}
	next.Note, next.Bridge = string(msg), len(k.sign) > 1
	err = l.store.Keep(ctx, func(tx *store.Tx) error {
		if key, err := tx.Setting(ctx, keySetting); err != nil || key != k.current {
			return errors.Join(err, fault.New(fault.Conflict, "the ledger's key was changed at the same time; try again"))
		}
		if !now.Truncate(time.Hour).Equal(newest.At.Truncate(time.Hour)) {
			if err := tx.ThinCheckpoints(ctx, now.Add(-keepAll)); err != nil {
				return err
			}
		}
		return tx.PutCheckpoint(ctx, next)
	})
	if err != nil {
		return newest, err
	}
	if err := l.save(k, next); err != nil {
		return next, err
	}
	if k.changing {
		return next, l.promote(ctx, k, next.Size)
	}
	return next, nil
}

// grown returns the newest checkpoint and the one to sign; twice the same where none is due. The tree must continue what
// both the data folder and the database remember.
func (l *Log) grown(ctx context.Context, saved *ledger.Signed, now time.Time, every time.Duration) (newest, next store.Checkpoint, err error) {
	err = l.store.View(ctx, func(tx *store.Tx) error {
		newest, err = tx.NewestCheckpoint(ctx)
		if err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		due := err != nil || now.Sub(newest.At) >= every || now.Before(newest.At)
		size, _, err2 := tx.LastPlace(ctx)
		if err2 != nil || size == 0 && saved == nil {
			return errors.Join(err2, err)
		}
		next = newest
		known := saved != nil && saved.Size == newest.Size && bytes.Equal(saved.Root[:], newest.Root)
		if (size == newest.Size || !due) && known {
			return nil
		}
		if err := l.compare(ctx, tx, saved); err != nil || size == newest.Size || !due {
			return err
		}
		if newest.Size > 0 {
			before, err := ledger.Root(newest.Size, files(ctx, tx))
			if err != nil || !bytes.Equal(newest.Root, before[:]) {
				return fault.New(fault.Conflict, "the ledger does not continue its checkpoint of %d entries: history was changed", newest.Size)
			}
		}
		root, err := ledger.Root(size, files(ctx, tx))
		next = store.Checkpoint{Size: size, At: now, Root: root[:]}
		return err
	})
	return newest, next, err
}

// save puts a checkpoint into the data folder, unless another process has put a newer one there.
func (l *Log) save(k keys, c store.Checkpoint) error {
	there, err := l.saved(k)
	if err != nil {
		return err
	}
	if there != nil && there.Size > c.Size {
		return nil
	}
	path := filepath.Join(l.set.Dir, checkpointFile)
	if err := replace(path, []byte(c.Note), 0o600); err != nil {
		return fmt.Errorf("save the checkpoint: %w", err)
	}
	return nil
}
