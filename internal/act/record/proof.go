package record

import (
	"context"
	"errors"
	"fmt"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// Newest returns the newest checkpoint; fault.NotFound where nothing was signed yet.
func (l *Log) Newest(ctx context.Context) (store.Checkpoint, error) {
	var c store.Checkpoint
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		c, err = tx.NewestCheckpoint(ctx)
		return err
	})
	return c, err
}

// PublicKeys returns every verifier key of the log and its witnesses that ever was, one a line.
func (l *Log) PublicKeys(ctx context.Context) (string, error) {
	k, err := l.load(ctx)
	return k.public, err
}

// Keys returns whose signatures count.
func (l *Log) Keys(ctx context.Context) (ledger.Keys, error) {
	k, err := l.load(ctx)
	return k.trust, err
}

// Proof proves that the entry at a place of the log is in the newest checkpoint; fault.NotFound where that does not cover
// it. The proof holds the whole record: it is for those who may read the entry.
func (l *Log) Proof(ctx context.Context, seq int64) (ledger.Proof, error) {
	var p ledger.Proof
	err := l.store.View(ctx, func(tx *store.Tx) error {
		c, err := tx.NewestCheckpoint(ctx)
		if err != nil {
			return err
		}
		if seq < 1 || seq > c.Size {
			return fault.New(fault.NotFound, "entry %d is not in the newest checkpoint, which covers %d", seq, c.Size)
		}
		rs, err := records(ctx, tx, seq-1, 1)
		if err != nil {
			return err
		}
		p, err = ledger.Prove(rs[0], seq, ledger.Checkpoint{Size: c.Size}, c.Note, files(ctx, tx))
		return err
	})
	return p, err
}

// ProofByHash is Proof for the entry whose leaf has a hash.
func (l *Log) ProofByHash(ctx context.Context, hash []byte) (ledger.Proof, error) {
	var e ledger.Entry
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		e, err = tx.EntryByHash(ctx, hash)
		return err
	})
	if err != nil {
		return ledger.Proof{}, err
	}
	return l.Proof(ctx, e.Seq)
}

// Consistency proves that the newest checkpoint's log continues the one of a kept checkpoint of old entries. fault.NotFound
// where no checkpoint of just this size is kept: after a day, only the last of each hour is.
func (l *Log) Consistency(ctx context.Context, old int64) (ledger.Consistency, error) {
	var p ledger.Consistency
	err := l.store.View(ctx, func(tx *store.Tx) error {
		before, err := tx.CheckpointAt(ctx, old)
		if err == nil && before.Size != old {
			err = fault.New(fault.NotFound, "no checkpoint of %d entries is kept", old)
		}
		if err != nil {
			return err
		}
		now, err := tx.NewestCheckpoint(ctx)
		if err != nil {
			return err
		}
		p.Old, p.New = before.Note, now.Note
		p.Hashes, err = ledger.ProveConsistency(old, now.Size, files(ctx, tx))
		return err
	})
	return p, err
}

// Paths of files of the published log, for those who serve it.
const (
	CheckpointPath = ledger.CheckpointPath
	KeysPath       = ledger.KeysPath
)

// Bundled reports whether a path is that of entries, which are not for everybody; fault.NotFound where it is that of no
// tile at all.
func Bundled(path string) (bool, error) {
	t, err := ledger.ParseTile(path)
	return t.Level == ledger.Bundles, err
}

// File returns a file of the published log by its path: the newest checkpoint, the keys, a hash tile or, for those who
// may read every entry, an entry bundle. fault.NotFound where the signed log has no such file.
func (l *Log) File(ctx context.Context, path string) ([]byte, error) {
	switch path {
	case ledger.CheckpointPath:
		c, err := l.Newest(ctx)
		return []byte(c.Note), err
	case ledger.KeysPath:
		text, err := l.PublicKeys(ctx)
		return []byte(text), err
	}
	t, err := ledger.ParseTile(path)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = l.store.View(ctx, func(tx *store.Tx) (err error) {
		c, err := tx.NewestCheckpoint(ctx)
		if err != nil {
			return err
		}
		if full, partial := ledger.TilesOf(c.Size, t.Level); t.N > full || t.N == full && t.Width > partial {
			return fault.New(fault.NotFound, "the ledger has no %s", path)
		}
		out, err = tile(ctx, tx, t)
		return err
	})
	return out, err
}

// tile returns a hash tile or an entry bundle.
func tile(ctx context.Context, tx *store.Tx, t ledger.Tile) ([]byte, error) {
	if t.Level != ledger.Bundles {
		return tx.Tile(ctx, t)
	}
	rs, err := records(ctx, tx, t.N*ledger.TileWidth, t.Width)
	if err != nil {
		return nil, err
	}
	return ledger.Bundle(rs)
}

// records returns the records of n entries behind a place. They are made anew from the entries: one that was changed does
// not have the hash any more that its leaf had.
func records(ctx context.Context, tx *store.Tx, after int64, n int) ([][]byte, error) {
	from, skip := after, 0
	if after > 0 {
		from, skip = after-1, 1 // the hash of the entry before is part of the first record
	}
	es, err := tx.EntriesByPlace(ctx, from, n+skip)
	if err != nil {
		return nil, err
	}
	if len(es) != n+skip {
		return nil, fault.New(fault.NotFound, "the ledger has no entries %d to %d", after+1, after+int64(n))
	}
	out := make([][]byte, 0, n)
	for i := skip; i < len(es); i++ {
		var prev []byte
		if i > 0 {
			prev = es[i-1].Hash
		}
		r, err := es[i].Record(prev)
		if err != nil {
			return nil, err
		}
		if leaf := ledger.LeafHash(r); string(leaf[:]) != string(es[i].Hash) {
			return nil, fault.New(fault.Conflict, "entry %d of the ledger was changed: it is not what its hash stands for", es[i].Seq)
		}
		out = append(out, r)
	}
	return out, nil
}

// errNothing says that there is nothing to show of a log yet.
var errNothing = fault.New(fault.NotFound, "the ledger is empty: nothing was signed yet")

// newestOr is Newest with a text for people.
func (l *Log) newestOr(ctx context.Context) (store.Checkpoint, error) {
	c, err := l.Newest(ctx)
	if errors.Is(err, fault.NotFound) {
		return c, errNothing
	}
	if err != nil {
		return c, fmt.Errorf("read the newest checkpoint: %w", err)
	}
	return c, nil
}
