package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// Exported says what an export wrote.
type Exported struct {
	Size  int64 // entries of the log
	Files int   // written by this export; those of an earlier one stay
}

// Export writes the signed log into a folder, such that any static web server can publish it: hash tiles, entry bundles
// unless hashesOnly, keys, the checkpoints with two signatures (bridge/SIZE), and the newest checkpoint last. A folder
// that holds an earlier export is brought up to date; fault.Conflict where that one has another history.
func (l *Log) Export(ctx context.Context, dir string, hashesOnly bool) (Exported, error) {
	c, err := l.newestOr(ctx)
	if err != nil {
		return Exported{}, err
	}
	k, err := l.load(ctx)
	if err != nil {
		return Exported{}, err
	}
	x := export{log: l, dir: dir, size: c.Size}
	if x.old, err = x.earlier(ctx, k); err != nil {
		return Exported{}, err
	}
	for level := ledger.Bundles; level <= ledger.MaxLevel; level++ {
		if level == ledger.Bundles && hashesOnly {
			continue
		}
		if err := x.level(ctx, level); err != nil {
			return Exported{}, err
		}
	}
	var bridges []store.Checkpoint
	err = l.store.View(ctx, func(tx *store.Tx) (err error) {
		bridges, err = tx.Bridges(ctx)
		return err
	})
	for _, b := range bridges {
		err = errors.Join(err, x.write("bridge/"+strconv.FormatInt(b.Size, 10), []byte(b.Note)))
	}
	err = errors.Join(err, x.write(ledger.KeysPath, []byte(k.public)))
	if err == nil {
		err = x.write(ledger.CheckpointPath, []byte(c.Note))
	}
	return Exported{Size: c.Size, Files: x.files}, err
}

type export struct {
	log       *Log
	dir       string
	old, size int64 // entries of the export that is there, and of the log
	files     int
}

// earlier returns the size of the export that lies in the folder; 0 where there is none.
func (x *export) earlier(ctx context.Context, k keys) (int64, error) {
	msg, err := os.ReadFile(filepath.Join(x.dir, ledger.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	k.trust.Lenient = true
	s, err := ledger.OpenCheckpoint(msg, k.trust)
	if err != nil {
		return 0, fault.New(fault.Conflict, "%s holds the export of another ledger: %v", x.dir, err)
	}
	err = x.log.store.View(ctx, func(tx *store.Tx) error {
		if s.Size > x.size {
			return fault.Conflict
		}
		root, err := ledger.Root(s.Size, files(ctx, tx))
		if err == nil && root != s.Root {
			err = fault.Conflict
		}
		return err
	})
	if errors.Is(err, fault.Conflict) {
		return 0, fault.New(fault.Conflict, "%s holds an export of %d entries that this ledger does not continue", x.dir, s.Size)
	}
	return s.Size, err
}

// level writes the tiles of a level, or the bundles. Full ones that an earlier export wrote never change.
func (x *export) level(ctx context.Context, level int) error {
	from, _ := ledger.TilesOf(x.old, level)
	full, partial := ledger.TilesOf(x.size, level)
	if level == ledger.Bundles {
		from = 0 // the earlier one may have been without
	}
	for n := from; n <= full; n++ {
		t := ledger.Tile{Level: level, N: n, Width: ledger.TileWidth}
		if n == full {
			t.Width = partial
		}
		if t.Width == 0 {
			continue
		}
		path := t.Path()
		if _, err := os.Stat(filepath.Join(x.dir, filepath.FromSlash(path))); err == nil && t.Width == ledger.TileWidth && n*ledger.TileWidth < x.old {
			continue
		}
		var data []byte
		err := x.log.store.View(ctx, func(tx *store.Tx) (err error) {
			data, err = tile(ctx, tx, t)
			return err
		})
		if err != nil {
			return fmt.Errorf("export %s: %w", path, err)
		}
		if err := x.write(path, data); err != nil {
			return err
		}
	}
	return nil
}

// write replaces a file of the export where it differs.
func (x *export) write(path string, data []byte) error {
	at := filepath.Join(x.dir, filepath.FromSlash(path))
	if have, err := os.ReadFile(at); err == nil && bytes.Equal(have, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	if err := replace(at, data, 0o644); err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	x.files++
	return nil
}
