package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"tocsin/internal/fault"
)

// mendModes takes the rights of everybody but the owner away from a data folder, the files and folders in it, and its secrets.
// What lies deeper is behind them. The data folder and the archive may be links to another disk and are followed; what other
// links lead to is others' business, such as a secret that a service hands out. It warns of each that was open; fault.Denied where one cannot be mended, since keys would
// stay readable.
func mendModes(log *slog.Logger, data string) error {
	if runtime.GOOS == "windows" {
		return nil // rights are inherited from the folder there
	}
	names := []string{data}
	for _, dir := range []string{data, filepath.Join(data, "secrets")} {
		list, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, d := range list {
			names = append(names, filepath.Join(dir, d.Name()))
		}
	}
	for _, name := range names {
		look := os.Lstat
		if name == data || name == filepath.Join(data, "archive") {
			look = os.Stat
		}
		info, err := look(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		mode := info.Mode()
		if !mode.IsRegular() && !mode.IsDir() || mode.Perm()&0o077 == 0 {
			continue
		}
		if err := os.Chmod(name, mode.Perm()&^0o077); err != nil {
			return fault.New(fault.Denied, "%s: has the mode %#o, so that others may read it, and that cannot be changed: %v", name, mode.Perm(), err)
		}
		log.Warn("a file of the data folder was open to others and is no more", "file", name, "mode", mode.Perm().String())
	}
	return nil
}
