package loop

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Bounds of the folder of what could not be taken.
const (
	keepRefused  = 30 * 24 * time.Hour
	mostRefused  = 10_000 // files, those with the reasons among them
	bytesRefused = 1 << 30
)

// pruneRefused removes what could not be taken and is older than 30 days, and the oldest of what is more than 10,000 files or
// 1 GiB. It returns what it removed, with the reason. The newest file stays, however large it is, with its own reason.
func pruneRefused(folder DropFolder, now time.Time) ([]Dropped, error) {
	type file struct {
		name string
		size int64
	}
	var files []file // the oldest first: folders and names begin with the time of the refusal
	var bytes int64
	err := fs.WalkDir(folder.FS(), wrongDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files = append(files, file{name, info.Size()})
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	first := path.Join(wrongDir, now.Add(-keepRefused).UTC().Format(time.DateOnly))
	var out []Dropped
	left := len(files)
	for _, f := range files {
		old := path.Dir(f.name) < first
		if left <= 2 || !old && left <= mostRefused && bytes <= bytesRefused {
			break
		}
		if err := folder.Remove(f.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return out, err
		}
		left--
		bytes -= f.size
		if !strings.HasSuffix(f.name, ".reason.txt") {
			out = append(out, Dropped{Path: f.name, Refused: "removed: what could not be taken is kept for 30 days, and at most 10,000 files or 1 GiB of it"})
		}
		_ = folder.Remove(path.Dir(f.name)) // where it is empty now
	}
	return out, nil
}
