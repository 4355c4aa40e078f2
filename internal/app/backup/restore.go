package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"tocsin/internal/fault"
)

// markFile lies in a data folder from the first to the last moment of a restore.
const markFile = "RESTORE-UNFINISHED"

// Unfinished refuses a data folder into which a backup was not brought back to its end: fault.Conflict.
func Unfinished(data string) error {
	_, err := os.Lstat(filepath.Join(data, markFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return fault.New(fault.Conflict, "%s: a restore into this folder did not come to its end; empty it and restore the backup again", data)
}

// Restore checks every byte of the backup in dir, copies it into the data folder, which must be empty, and verifies what it
// brought back: the ledger must come to the root that the backup was made with. Until all of that is done a mark in the folder
// keeps every other command out of it.
func Restore(ctx context.Context, dir string, to Installation) (*Manifest, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	if (m.Database == "sqlite") != (to.Database == "") {
		return nil, fault.New(fault.Invalid, "database: the backup holds a %s database; give --database where that is a PostgreSQL, and only there", m.Database)
	}
	if m.Database == "postgresql" {
		if _, err := lookTool("pg_restore"); err != nil {
			return nil, err
		}
	}
	if err := m.check(dir); err != nil {
		return nil, err
	}
	if err := Unfinished(to.Data); err != nil {
		return nil, err
	}
	if err := emptyDir(to.Data); err != nil {
		return nil, err
	}
	mark := filepath.Join(to.Data, markFile)
	if _, err := copyFile(mark, strings.NewReader(dir+"\n")); err != nil {
		return nil, err
	}
	if err := syncDir(to.Data); err != nil {
		return nil, err
	}
	if err := m.bringBack(ctx, dir, to); err != nil {
		return nil, err
	}
	// What was brought back is on the disk before the mark is gone from it.
	return m, errors.Join(syncTree(to.Data), os.Remove(mark), syncDir(to.Data), syncDir(filepath.Dir(filepath.Clean(to.Data))))
}

// bringBack copies a backup and verifies the copy.
func (m *Manifest) bringBack(ctx context.Context, dir string, to Installation) error {
	dsn, named := filepath.Join(to.Data, "tocsin.db"), func(string) bool { return true }
	if m.Database == "postgresql" {
		dsn = to.Database
		if err := restorePostgres(ctx, dsn, filepath.Join(dir, dumpFile)); err != nil {
			return err
		}
		blobs, err := blobsOf(ctx, dsn)
		if err != nil {
			return err
		}
		// The archive may have been copied a while after the dump was taken.
		has := map[string]bool{}
		for _, b := range blobs {
			has[b] = true
		}
		named = func(blob string) bool { return has[blob] }
	}
	for _, f := range m.Files {
		blob, isBlob := strings.CutPrefix(f.Path, "archive/")
		if f.Path == dumpFile || isBlob && !named(strings.TrimSuffix(path.Base(blob), ".zst")) {
			continue
		}
		if err := restoreFile(dir, to.Data, f); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(to.Data, "archive"), 0o700); err != nil { // of which no blob may have come
		return err
	}
	entries, root, err := to.Verify(to.Data, dsn)
	if err != nil {
		return fmt.Errorf("what was restored does not verify: %w", err)
	}
	if m.Root != "" && (entries != m.Entries || root != m.Root) {
		return fault.New(fault.Conflict, "the ledger has %d entries with the root %s, and the backup was made with %d and %s", entries, root, m.Entries, m.Root)
	}
	m.Entries, m.Root = entries, root
	return nil
}

// restoreFile copies a file back and looks once more whether it is the one that the manifest names.
func restoreFile(from, to string, f File) error {
	src, err := os.Open(filepath.Join(from, filepath.FromSlash(f.Path)))
	if err != nil {
		return err
	}
	is, err := copyFile(filepath.Join(to, filepath.FromSlash(f.Path)), src)
	if err := errors.Join(err, src.Close()); err != nil {
		return err
	}
	if is.SHA256 != f.SHA256 {
		return fault.New(fault.Invalid, "%s: changed while it was read", f.Path)
	}
	return nil
}
