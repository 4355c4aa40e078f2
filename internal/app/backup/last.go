package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Last is the last backup that was made of an installation.
type Last struct {
	Made    time.Time `json:"made"`
	Dir     string    `json:"dir"`
	Entries int64     `json:"entries"`
}

// ReadLast returns the last backup of a data folder; the zero value where none was made.
func ReadLast(data string) (Last, error) {
	var l Last
	text, err := os.ReadFile(filepath.Join(data, lastFile))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err != nil {
		return Last{}, fmt.Errorf("read when the last backup was made: %w", err)
	}
	return l, nil
}

// remember writes into the data folder that a backup is finished.
func (in Installation) remember(m *Manifest, dir string) error {
	text, err := json.Marshal(Last{Made: m.Made, Dir: dir, Entries: m.Entries})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(in.Data, lastFile+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return errors.Join(os.Rename(f.Name(), filepath.Join(in.Data, lastFile)), syncDir(in.Data))
}
