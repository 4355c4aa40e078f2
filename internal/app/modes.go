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
// What lies deeper is behind them. It warns of each that was open; fault.Denied where one cannot be mended, since keys would
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
		info, err := os.Lstat(name)
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
