package app

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/testkit"
)

// smallDisk mounts a disk of 32 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		testkit.Missing(t, "only root may mount a small disk, on Linux")
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", dir).CombinedOutput(); err != nil {
		testkit.Missing(t, "a small disk cannot be mounted: "+string(out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	return dir
}

// A disk that is full refuses signals with 507, is not ready, is read from all the same, and takes signals again by itself
// when there is room. Whatever got a receipt is there.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t)
	w := openWorld(t, filepath.Join(disk, "data"), "")
	t.Cleanup(w.close)
	ctx, at := t.Context(), time.Date(2026, 11, 10, 6, 0, 0, 0, time.UTC)
	w.must(w.loop.PutFeed(ctx, at, operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum", Title: "IPsum"}))
	given := 0
	accept := func(body string) error {
		_, err := w.loop.Accept(ctx, at, loop.AcceptRequest{Feed: "ipsum", Name: "ipsum.txt", Body: strings.NewReader(body), By: operator})
		if err == nil {
			given++
		}
		return err
	}
	w.must(accept("198.51.100.1\t3\n"))
	w.must(w.loop.Ready(ctx))
	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	w.must(err)
	if _, err := io.Copy(ballast, zeros{}); err == nil {
		t.Fatal("the disk does not fill up")
	}
	w.must(ballast.Close())
	err = accept("198.51.100.2\t3\n")
	if !errors.Is(err, fault.Full) || fault.Status(err) != 507 || fault.Later(err) == 0 {
		t.Errorf("a signal on a full disk: %v, status %d", err, fault.Status(err))
	}
	if text, ok := fault.Message(err); !ok || !strings.Contains(text, "full") {
		t.Errorf("the sender is told %q", text)
	}
	if err := w.loop.Ready(ctx); !errors.Is(err, fault.Full) {
		t.Errorf("ready on a full disk: %v", err)
	}
	if _, err := w.loop.Signals(ctx, at, operator, loop.SignalQuery{}, 0, 10); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	w.must(os.Remove(ballast.Name()))
	w.must(accept("198.51.100.3\t3\n"))
	w.must(w.loop.Ready(ctx))
	list, err := w.loop.Signals(ctx, at, operator, loop.SignalQuery{}, 0, 10)
	if err != nil || len(list) != given {
		t.Errorf("%d signals for %d receipts: %v", len(list), given, err)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Files of uploads that broke off go when the program starts; those of uploads under way and blobs stay.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	hash, _, err := a.Put(strings.NewReader("x"), 10)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, age := range map[string]time.Duration{"tmp_old": 25 * time.Hour, "tmp_new": time.Hour, "other": 48 * time.Hour} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, now.Add(-age), now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	n, err := a.Sweep(now.Add(-brokenUpload))
	if err != nil || n != 1 {
		t.Errorf("%d files were swept: %v", n, err)
	}
	for name, there := range map[string]bool{"tmp_old": false, "tmp_new": true, "other": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != there {
			t.Errorf("%s: there %t", name, err == nil)
		}
	}
	if b, err := a.Get(hash); err != nil {
		t.Error(err)
	} else {
		_ = b.Close()
	}
}

// A data folder is for its owner alone, whatever the umask, and one that was open to others is closed with a warning.
func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes there")
	}
	w, dir := newSmallWorld(t)
	w.must(w.loop.Warm(t.Context()))
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %o", path, info.Mode().Perm())
		}
		return err
	})
	w.must(err)
	w.close()
	open := []string{dir, filepath.Join(dir, "key"), filepath.Join(dir, "tocsin.db"), filepath.Join(dir, "archive")}
	for _, name := range open {
		w.must(os.Chmod(name, 0o755))
	}
	linked := filepath.Join(t.TempDir(), "linked")
	w.must(os.Symlink(dir, linked))
	for _, at := range []string{dir, linked} {
		w.must(os.Chmod(dir, 0o755))
		w.must(mendModes(slog.New(slog.DiscardHandler), at))
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("by %s the folder is %v: %v", at, info.Mode(), err)
		}
	}
	for _, name := range open {
		w.must(os.Chmod(name, 0o755))
	}
	var said bytes.Buffer
	w.must(mendModes(slog.New(slog.NewTextHandler(&said, nil)), dir))
	for _, name := range open {
		info, err := os.Stat(name)
		w.must(err)
		if info.Mode().Perm()&0o077 != 0 || !strings.Contains(said.String(), "file="+name) {
			t.Errorf("%s has the mode %o; the log says %s", name, info.Mode().Perm(), said.String())
		}
	}
}

// What is open to others and cannot be closed is refused with its name, before anything is opened.
func TestModesThatStay(t *testing.T) {
	disk := smallDisk(t)
	for _, wrong := range []string{"", "key", "tocsin.db", "archive", "secrets", "secrets/FEED-1"} {
		data := filepath.Join(disk, "data")
		for _, err := range []error{
			os.RemoveAll(data), os.MkdirAll(filepath.Join(data, "archive"), 0o700), os.MkdirAll(filepath.Join(data, "secrets"), 0o700),
			os.WriteFile(filepath.Join(data, "key"), worldKey, 0o600), os.WriteFile(filepath.Join(data, "tocsin.db"), nil, 0o600),
			os.WriteFile(filepath.Join(data, "secrets", "FEED-1"), nil, 0o600), os.Chmod(filepath.Join(data, wrong), 0o740),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		remount(t, disk, "ro")
		_, err := openQuietly(saver{t: t}.running(data, ""))
		if name := filepath.Join(data, wrong); !errors.Is(err, fault.Denied) || !strings.Contains(err.Error(), name+": has the mode 0740") {
			t.Errorf("%s stays open: %v", name, err)
		}
		remount(t, disk, "rw")
	}
}

func remount(t *testing.T, dir, as string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "mount", "-o", "remount,"+as, dir).CombinedOutput(); err != nil {
		testkit.Missing(t, "a disk cannot be mounted again as "+as+": "+string(out))
	}
}
