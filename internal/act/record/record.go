// Package record owns the operations on the ledger as a log: giving entries their places, signing checkpoints, proofs,
// changing the key, asking witnesses, export.
//
// Acts append entries in their own transactions (store.Tx.Append). What is done here follows from those entries, so that
// it is bookkeeping of the store; only the change of a key is an act itself.
package record

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// Settings are what an operator decides.
type Settings struct {
	Dir       string // the data folder: keys and the newest checkpoint lie in it as files, outside the database
	Origin    string // name of a log that begins now; one that has begun keeps its own
	Witnesses []WitnessAt
	Witness   Witness // how witnesses are reached; nil where there are none
}

// PublicKeysFile lies in the data folder and holds every verifier key of the log and its witnesses that ever was, one a
// line.
const PublicKeysFile = "ledger-key.pub"

// Names of files in the data folder.
const (
	keyFile        = "ledger-key"      // the signer key, for its owner's eyes only
	nextKeyFile    = "ledger-key.next" // the new one, until a checkpoint has both signatures
	publicFile     = PublicKeysFile
	checkpointFile = ledger.CheckpointPath
)

// Names of settings in the database.
const (
	originSetting   = "ledger.origin"
	keySetting      = "ledger.key"      // verifier key that signs now
	rotationSetting = "ledger.rotation" // entry that named it; empty for the first
)

// Log is the ledger of one installation as a log. It is safe for use by many goroutines, and by many processes on one
// database that have the same key files.
type Log struct {
	store *store.Store
	set   Settings

	mu      sync.Mutex // who sequences, signs or changes the key in this process
	checked bool       // the saved checkpoint was compared with the database
	swept   bool       // every entry was looked at for a place once
}

// New returns the log kept in s.
func New(s *store.Store, set Settings) *Log { return &Log{store: s, set: set} }

// Ready makes the key of a log that has none yet and compares the database with the saved checkpoint. fault.Conflict
// where the database is older than the checkpoint or has another history: somebody restored an old backup or changed
// what was recorded. Nothing else of this package goes on then.
func (l *Log) Ready(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready(ctx)
}

func (l *Log) ready(ctx context.Context) error {
	if l.checked {
		return nil
	}
	k, err := l.load(ctx)
	if err != nil {
		return err
	}
	saved, err := l.saved(k)
	if err != nil {
		return err
	}
	err = l.store.View(ctx, func(tx *store.Tx) error { return l.compare(ctx, tx, saved) })
	l.checked = err == nil
	return err
}

// saved returns the checkpoint that lies in the data folder; nil where there is none.
func (l *Log) saved(k keys) (*ledger.Signed, error) {
	path := filepath.Join(l.set.Dir, checkpointFile)
	msg, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	s, err := ledger.OpenCheckpoint(msg, k.trust)
	if err != nil {
		return nil, fault.New(fault.Conflict, "%s was changed: %v", path, err)
	}
	return &s, nil
}

// compare holds what the data folder knows against the database. The file must have been read before the transaction
// began: another process may be adding to both.
func (l *Log) compare(ctx context.Context, tx *store.Tx, saved *ledger.Signed) error {
	if saved == nil {
		return nil
	}
	path := filepath.Join(l.set.Dir, checkpointFile)
	size, _, err := tx.LastPlace(ctx)
	if err != nil {
		return err
	}
	if size < saved.Size {
		return fault.New(fault.Conflict, "the database is older than the saved checkpoint: %s knows of %d entries of the ledger, the database has %d. "+
			"Restore a newer backup; whoever accepts the loss moves that file away", path, saved.Size, size)
	}
	root, err := ledger.Root(saved.Size, files(ctx, tx))
	if err != nil {
		return err
	}
	if root != saved.Root {
		return fault.New(fault.Conflict, "the database has another history than the saved checkpoint: the first %d entries of the ledger are not "+
			"those that %s stands for", saved.Size, path)
	}
	return nil
}

// files reads hash tiles from the database.
func files(ctx context.Context, tx *store.Tx) ledger.Files {
	return func(path string) ([]byte, error) {
		t, err := ledger.ParseTile(path)
		if err != nil {
			return nil, err
		}
		return tx.Tile(ctx, t)
	}
}

// Root returns how many entries have a place in the ledger that a transaction sees, and their root.
func Root(ctx context.Context, tx *store.Tx) (entries int64, root string, err error) {
	size, _, err := tx.LastPlace(ctx)
	if err != nil {
		return 0, "", err
	}
	h, err := ledger.Root(size, files(ctx, tx))
	return size, h.String(), err
}

// replace puts data into a file so that a crash leaves the old content or the new, and what it returned for is there
// after a power cut.
func replace(path string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has another name by then
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes renames in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // 0 for the empty text of a setting that is not there
	return n
}
