// Package backup writes a consistent copy of an installation while it runs, and brings it back.
//
// It owns the order of copying, the manifest and the checks. What makes a data folder right is verified by the caller.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// lastFile lies in a data folder and says in JSON when the last backup was made of it.
const lastFile = "last-backup"

// manifestFile is the last file of a backup. A backup without it was not finished.
const manifestFile = "MANIFEST"

// dumpFile holds the database of a backup where that is a PostgreSQL.
const dumpFile = "database.dump"

// Manifest says what a backup holds. Its file is this in JSON, and a line with the SHA-256 of that.
type Manifest struct {
	Made     time.Time `json:"made"`
	Database string    `json:"database"` // sqlite or postgresql
	Entries  int64     `json:"entries"`  // of the ledger, with a place in the log
	Root     string    `json:"root"`     // of them
	Files    []File    `json:"files"`    // by path
}

// File is one file of a backup.
type File struct {
	Path   string `json:"path"` // with slashes, below the backup's folder
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Verify verifies a data folder with its database, and returns how many entries the ledger has and their root.
type Verify func(data, dsn string) (entries int64, root string, err error)

// Root returns how many entries of the ledger have a place, and their root.
type Root func(ctx context.Context, tx *store.Tx) (entries int64, root string, err error)

// Installation is what is copied, or brought back to.
type Installation struct {
	Data     string // its folder
	Database string // URL of a PostgreSQL; empty: SQLite in the folder
	Verify   Verify
	Root     Root
	Dumped   bool // the other half was copied before, and the database's dump lies there: see dumpElsewhere
}

// Write writes a backup into dir, an empty folder or one to be made, in an order that leaves no gap: keys and the newest
// checkpoint, with which an older state of the database agrees; the database in one transaction; then every blob that this
// copy of the database names. The archive only grows and its blobs never change, so that all of them are there. What was
// written is read again and verified before the manifest is written. Of a PostgreSQL, where only the restored database can be
// verified, the root is that of the very state that was dumped.
func Write(ctx context.Context, in Installation, dir string, now time.Time) (*Manifest, error) {
	if err := Unfinished(in.Data); err != nil {
		return nil, err
	}
	if inside, err := within(dir, in.Data); err != nil || inside {
		return nil, errors.Join(err, fault.New(fault.Invalid, "%s: a folder outside the data folder %s was expected", dir, in.Data))
	}
	m := &Manifest{Made: now.UTC().Truncate(time.Second), Database: "sqlite"}
	var blobs []string
	var err error
	if in.Dumped {
		blobs, err = m.takeDumped(ctx, in, dir)
	} else {
		blobs, err = m.saveState(ctx, in, dir)
	}
	if err != nil {
		return nil, err
	}
	if err := m.saveBlobs(filepath.Join(in.Data, "archive"), dir, blobs); err != nil {
		return nil, err
	}
	if err := m.check(dir); err != nil { // what lies on the disk, read again
		return nil, err
	}
	if m.Database == "sqlite" {
		if m.Entries, m.Root, err = in.Verify(dir, filepath.Join(dir, "tocsin.db")); err != nil {
			return nil, fmt.Errorf("the copy does not verify: %w", err)
		}
	}
	if err := m.write(dir); err != nil {
		return nil, err
	}
	if err := in.remember(m, dir); err != nil {
		return nil, fmt.Errorf("the backup in %s is whole, but that it was made could not be noted: %w", dir, err)
	}
	return m, nil
}

// saveState copies keys, checkpoint and database, and returns the blobs that the database names.
func (m *Manifest) saveState(ctx context.Context, in Installation, dir string) ([]string, error) {
	if err := emptyDir(dir); err != nil {
		return nil, err
	}
	if err := m.saveFolder(in.Data, dir); err != nil {
		return nil, err
	}
	if in.Database != "" {
		return m.savePostgres(ctx, in, dir)
	}
	to := filepath.Join(dir, "tocsin.db")
	if err := store.CopySQLite(ctx, filepath.Join(in.Data, "tocsin.db"), to); err != nil {
		return nil, err
	}
	if err := m.note(dir, "tocsin.db"); err != nil {
		return nil, err
	}
	return blobsOf(ctx, to)
}

// within reports whether a path lies in a folder.
func within(name, dir string) (bool, error) {
	a, err := filepath.Abs(name)
	if err != nil {
		return false, err
	}
	b, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(b, a)
	return err == nil && filepath.IsLocal(rel), nil
}

// emptyDir makes a folder for the owner alone, or takes one that is empty; fault.Exists where something is in it.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	list, err := os.ReadDir(dir)
	if err == nil && len(list) > 0 {
		return fault.New(fault.Exists, "%s: an empty folder was expected, and %s is in it", dir, list[0].Name())
	}
	return err
}

// underWay are files that are written beside the ones that they take the place of.
var underWay = regexp.MustCompile(`^(checkpoint|ledger-key|ledger-key\.pub|last-backup)-[0-9]+$`)

// saveFolder copies what lies in a data folder beside the database and the archive: keys, secrets, the checkpoint.
func (m *Manifest) saveFolder(data, dir string) error {
	return filepath.WalkDir(data, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(data, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && rel == "archive":
			return fs.SkipDir
		case strings.HasPrefix(rel, "tocsin.db") || rel == lastFile || underWay.MatchString(rel) || !d.Type().IsRegular():
			return nil
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(m.save(dir, rel, f), f.Close())
	})
}

// blobsOf returns the hashes of the blobs that a database names, each once.
func blobsOf(ctx context.Context, dsn string) ([]string, error) {
	s, err := store.Inspect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	var out []string
	err = s.View(ctx, func(tx *store.Tx) (err error) {
		out, err = blobsIn(ctx, tx)
		return err
	})
	return out, errors.Join(err, s.Close())
}

// blobsIn is blobsOf for what a transaction sees.
func blobsIn(ctx context.Context, tx *store.Tx) ([]string, error) {
	seen := map[string]bool{}
	var out []string
	for after := ident.Signal(0); ; {
		list, err := tx.SignalsAfter(ctx, after, 1000)
		if err != nil || len(list) == 0 {
			return out, err
		}
		for i := range list {
			if after = list[i].ID; !seen[list[i].Blob] {
				seen[list[i].Blob] = true
				out = append(out, list[i].Blob)
			}
		}
	}
}

func (m *Manifest) saveBlobs(from, dir string, blobs []string) error {
	a, err := archive.OpenExisting(from)
	if err != nil {
		return err
	}
	for _, hash := range blobs {
		name, f, err := a.Stored(hash)
		if err != nil {
			return errors.Join(err, a.Close())
		}
		if err := errors.Join(m.save(dir, path.Join("archive", name), f), f.Close()); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	return errors.Join(os.MkdirAll(filepath.Join(dir, "archive"), 0o700), a.Close())
}

// save copies one file into a folder, readable by its owner alone, and makes its bytes durable.
func (m *Manifest) save(dir, rel string, r io.Reader) error {
	s, err := copyFile(filepath.Join(dir, filepath.FromSlash(rel)), r)
	if err != nil {
		return err
	}
	s.Path = rel
	m.Files = append(m.Files, s)
	return nil
}

func copyFile(to string, r io.Reader) (File, error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return File{}, err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), r)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return File{}, err
	}
	return File{Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// syncTree makes the names in a folder and in all folders below it durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(name)
	})
}

// note takes up a file that lies in the backup already.
func (m *Manifest) note(dir, rel string) error {
	s, err := measure(filepath.Join(dir, rel))
	s.Path = rel
	m.Files = append(m.Files, s)
	return err
}

// measure reads a file to its end.
func measure(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close() // only read from
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return File{Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// Size returns the bytes of all files.
func (m *Manifest) Size() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// write makes the manifest the last file of a backup: when everything else is on the disk, and under another name first, so
// that a half-written one is none.
func (m *Manifest) write(dir string) error {
	if err := syncTree(dir); err != nil {
		return err
	}
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	text = fmt.Appendf(text, "\n%s\n", hex.EncodeToString(sum[:]))
	tmp := filepath.Join(dir, manifestFile+".new")
	if _, err := copyFile(tmp, strings.NewReader(string(text))); err != nil {
		return err
	}
	return errors.Join(os.Rename(tmp, filepath.Join(dir, manifestFile)), syncDir(dir), syncDir(filepath.Dir(filepath.Clean(dir))))
}

// readManifest reads the manifest of a backup; fault.Invalid where it is missing or was changed.
func readManifest(dir string) (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "%s is no backup that was finished: it has no %s", dir, manifestFile)
	}
	if err != nil {
		return nil, err
	}
	end := len(b) - sha256.Size*2 - 2
	if end < 0 || b[end] != '\n' || b[len(b)-1] != '\n' {
		return nil, fault.New(fault.Invalid, "%s: is not what a backup writes", manifestFile)
	}
	if sum := sha256.Sum256(b[:end]); hex.EncodeToString(sum[:]) != string(b[end+1:len(b)-1]) {
		return nil, fault.New(fault.Invalid, "%s: was changed: its SHA-256 is not the one on its last line", manifestFile)
	}
	var m Manifest
	if err := json.Unmarshal(b[:end], &m); err != nil {
		return nil, fault.New(fault.Invalid, "%s: %v", manifestFile, err)
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return nil, fault.New(fault.Invalid, "%s: names %q, which is no file of a backup", manifestFile, f.Path)
		}
	}
	return &m, nil
}

// check reads every file of a backup; fault.Invalid names the first that is missing, changed or not in the manifest.
func (m *Manifest) check(dir string) error {
	known := map[string]bool{manifestFile: true}
	for _, f := range m.Files {
		known[f.Path] = true
		is, err := measure(filepath.Join(dir, filepath.FromSlash(f.Path)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fault.New(fault.Invalid, "%s: is missing from the backup", f.Path)
		case err != nil:
			return err
		case is.Size != f.Size || is.SHA256 != f.SHA256:
			return fault.New(fault.Invalid, "%s: is not what was written: %d bytes with the SHA-256 %s, and %d with %s were", f.Path, is.Size, is.SHA256, f.Size, f.SHA256)
		}
	}
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err == nil && !known[filepath.ToSlash(rel)] {
			err = fault.New(fault.Invalid, "%s: is in the backup, and %s does not name it", filepath.ToSlash(rel), manifestFile)
		}
		return err
	})
}
