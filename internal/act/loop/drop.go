package loop

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// DropFolder is the folder that people and programs drop files into. *os.Root is one, and keeps links from leading
// out of it.
type DropFolder interface {
	FS() fs.FS
	Rename(from, to string) error
	MkdirAll(name string, perm fs.FileMode) error
	WriteFile(name string, data []byte, perm fs.FileMode) error
	Remove(name string) error
}

// Listing is what one look at the drop folder found: files by path.
type Listing map[string]Stamp

// Stamp tells whether a file is still being written.
type Stamp struct {
	Size     int64 // bytes
	Modified time.Time
	Read     bool // of a file that was taken: what lies there is what was archived
}

// Dropped says what became of one file.
type Dropped struct {
	Path    string
	Feed    ident.Feed
	Receipt Receipt
	Refused string // why it was not taken; empty where it was
}

var dropper = access.ForSoftware("drop")

const (
	dropRoot = ident.Feed("shadowserver") // the feed of files that lie in no feed's folder
	doneDir  = ".done"
	wrongDir = ".refused"
)

// unfinished are the endings of names that writers use until they rename.
var unfinished = []string{".part", ".tmp", ".filepart", ".crdownload", "~"}

// TakeDropped looks at the drop folder and takes in every file that has not changed since the look before, whose result
// the caller hands back in. Files of a feed lie in a folder named after it; files beside the folders are Shadowserver
// reports, told apart by their names. What is taken moves to .done/DAY, what cannot be taken to .refused/DAY beside a
// file with the reason. A crash between taking and moving is harmless: the same bytes are the same signal. A writer that
// paused for longer than two looks goes on writing into the file that was moved: where it has grown since, and stands still
// again, it is taken once more as a signal of its own, of which the rows that were read before count as seen again.
func (l *Loop) TakeDropped(ctx context.Context, now time.Time, folder DropFolder, before Listing) (Listing, []Dropped, error) {
	is, err := list(folder.FS())
	if err == nil {
		err = listTaken(folder.FS(), now, before, is)
	}
	if err != nil {
		return before, nil, fmt.Errorf("look at the drop folder: %w", err)
	}
	var out []Dropped
	var failed []error // one file that cannot be had must not keep the others waiting
	for _, name := range steady(before, is) {
		if strings.HasPrefix(name, doneDir+"/") {
			d, grown, err := l.takeGrown(ctx, now, folder, name, is)
			if err != nil {
				failed = append(failed, fmt.Errorf("look at %s of the drop folder: %w", name, err))
			} else if grown {
				out = append(out, d)
			}
			continue
		}
		d, err := l.takeFile(ctx, now, folder, name)
		if err != nil {
			failed = append(failed, fmt.Errorf("take %s from the drop folder: %w", name, err))
			continue
		}
		delete(is, name)
		out = append(out, d)
	}
	if slices.ContainsFunc(out, func(d Dropped) bool { return d.Refused != "" }) {
		gone, err := pruneRefused(folder, now)
		out = append(out, gone...)
		if err != nil {
			failed = append(failed, fmt.Errorf("prune %s of the drop folder: %w", wrongDir, err))
		}
	}
	return is, out, errors.Join(failed...)
}

// steady returns the files that are the same in two looks, by path. Empty files wait for their bytes.
func steady(before, is Listing) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(is)) {
		was, ok := before[name]
		if ok && !is[name].Read && is[name].Size > 0 && was.Size == is[name].Size && was.Modified.Equal(is[name].Modified) {
			out = append(out, name)
		}
	}
	return out
}

// list finds the files in the folder and in its sub-folders, one level deep.
func list(fsys fs.FS) (Listing, error) {
	out := Listing{}
	var look func(dir string, deeper bool) error
	look = func(dir string, deeper bool) error {
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), "."):
			case e.IsDir() && deeper && fs.ValidPath(name):
				if err := look(name, false); err != nil {
					return err
				}
			case e.Type().IsRegular() && !partial(e.Name()):
				info, err := e.Info()
				if errors.Is(err, fs.ErrNotExist) {
					continue // moved away between the two calls
				}
				if err != nil {
					return err
				}
				out[name] = Stamp{Size: info.Size(), Modified: info.ModTime()}
			}
		}
		return nil
	}
	return out, look(".", true)
}

// watchTaken is for how long after its last change a file that was taken is looked at again.
const watchTaken = time.Hour

// listTaken adds the files that were taken today or yesterday and were written to within watchTaken.
func listTaken(fsys fs.FS, now time.Time, before, is Listing) error {
	for _, day := range []time.Time{now, now.AddDate(0, 0, -1)} {
		dir := path.Join(doneDir, day.UTC().Format(time.DateOnly))
		entries, err := fs.ReadDir(fsys, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || now.Sub(info.ModTime()) > watchTaken) {
				continue
			}
			if err != nil {
				return err
			}
			name := path.Join(dir, e.Name())
			s := Stamp{Size: info.Size(), Modified: info.ModTime()}
			was := before[name]
			s.Read = was.Read && was.Size == s.Size && was.Modified.Equal(s.Modified)
			is[name] = s
		}
	}
	return nil
}

// takeGrown takes a file once more that was taken and has grown since; false where it is what was archived.
func (l *Loop) takeGrown(ctx context.Context, now time.Time, folder DropFolder, name string, is Listing) (Dropped, bool, error) {
	number, base, _ := strings.Cut(path.Base(name), "-")
	id, err := strconv.ParseInt(number, 10, 64)
	stamp := is[name]
	stamp.Read = true
	if err != nil {
		is[name] = stamp
		return Dropped{}, false, nil //nolint:nilerr // somebody else put it there
	}
	s, err := l.Signal(ctx, ident.Signal(id))
	if err != nil {
		return Dropped{}, false, err
	}
	if s.Bytes == stamp.Size {
		is[name] = stamp
		return Dropped{}, false, nil
	}
	f, err := folder.FS().Open(name)
	if err != nil {
		return Dropped{}, false, err
	}
	d := Dropped{Path: name, Feed: s.Feed}
	d.Receipt, err = l.Accept(ctx, now, AcceptRequest{Feed: s.Feed, Name: base, Body: f, By: dropper})
	if err := errors.Join(err, f.Close()); err != nil {
		return d, false, err
	}
	return d, true, move(folder, name, path.Join(doneDir, now.UTC().Format(time.DateOnly)), fmt.Sprintf("%d-%s", d.Receipt.Signal, base))
}

func partial(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(unfinished, func(end string) bool { return strings.HasSuffix(name, end) })
}

func (l *Loop) takeFile(ctx context.Context, now time.Time, folder DropFolder, name string) (Dropped, error) {
	d := Dropped{Path: name, Feed: dropRoot}
	if dir := path.Dir(name); dir != "." {
		d.Feed = ident.Feed(dir)
	}
	day := now.UTC().Format(time.DateOnly)
	base := path.Base(name)
	if !fs.ValidPath(name) {
		d.Refused = "the file's name is not UTF-8"
		return d, refuse(folder, name, path.Join(wrongDir, day), strings.ToValidUTF8(base, "_"), now, d.Refused)
	}
	f, err := folder.FS().Open(name)
	if err != nil {
		return d, err
	}
	d.Receipt, err = l.Accept(ctx, now, AcceptRequest{Feed: d.Feed, Name: base, Body: f, By: dropper})
	if err := f.Close(); err != nil {
		return d, err
	}
	if err == nil {
		return d, move(folder, name, path.Join(doneDir, day), fmt.Sprintf("%d-%s", d.Receipt.Signal, base))
	}
	text, explained := fault.Message(err)
	if !explained || errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Full) {
		return d, err
	}
	d.Refused = text
	return d, refuse(folder, name, path.Join(wrongDir, day), base, now, text)
}

// refuse puts a file aside with the reason beside it.
func refuse(folder DropFolder, name, dir, base string, now time.Time, reason string) error {
	as := now.UTC().Format("150405.000000") + "-" + base
	if err := move(folder, name, dir, as); err != nil {
		return err
	}
	return folder.WriteFile(path.Join(dir, as+".reason.txt"), []byte(reason+"\n"), 0o600)
}

func move(folder DropFolder, name, dir, as string) error {
	if err := folder.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return folder.Rename(name, path.Join(dir, as))
}
