package app

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// saver runs backup and restore on a data folder.
type saver struct {
	t         *testing.T
	data, dsn string
}

func (s saver) running(data, dsn string) *running {
	var out bytes.Buffer
	return &running{ctx: s.t.Context(), cfg: &Config{Data: data, Database: dsn}, out: &out, errOut: &out, clock: time.Now}
}

func (s saver) backup(dir string) error {
	return (&backupCommand{Dir: dir}).Run(s.running(s.data, s.dsn))
}

func (s saver) restore(dir, data, dsn string) error {
	return (&restoreCommand{Dir: dir}).Run(s.running(data, dsn))
}

// signalsIn returns the blobs of a database's signals by their number.
func signalsIn(t *testing.T, dsn string) map[ident.Signal]string {
	t.Helper()
	s, err := store.Inspect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	out := map[ident.Signal]string{}
	err = s.View(t.Context(), func(tx *store.Tx) error {
		list, err := tx.SignalsAfter(t.Context(), 0, 100_000)
		for i := range list {
			out[list[i].ID] = list[i].Blob
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Backups that are taken while signals come in restore, verify, and hold every signal whose receipt was given before.
func TestBackupUnderLoad(t *testing.T) {
	w, dir := newSmallWorld(t)
	t.Cleanup(w.close)
	ctx := t.Context()
	var mu sync.Mutex
	given := map[ident.Signal]string{}
	push := func(round int) *sync.WaitGroup {
		var pushing sync.WaitGroup
		for pusher := range 2 {
			pushing.Go(func() {
				for i := range 40 {
					body := fmt.Sprintf("198.51.100.%d\t3\n203.0.113.%d\t%d\n", i+1, pusher+1, round+1)
					r, err := w.loop.Accept(ctx, time.Now(), loop.AcceptRequest{Feed: "ipsum", Name: fmt.Sprintf("%d-%d-%d.txt", round, pusher, i), Body: strings.NewReader(body), By: operator})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					given[r.Signal] = r.Hash
					mu.Unlock()
				}
			})
		}
		return &pushing
	}
	rounds := 3
	if testkit.Whole() {
		rounds = 10
	}
	home := t.TempDir()
	for i := range rounds {
		before := maps.Clone(given)
		pushing := push(i)
		s := saver{t: t, data: dir}
		copied, back := filepath.Join(home, fmt.Sprint("backup", i)), filepath.Join(home, fmt.Sprint("back", i))
		err := s.backup(copied)
		pushing.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.restore(copied, back, ""); err != nil {
			t.Fatal(err)
		}
		have := signalsIn(t, filepath.Join(back, "tocsin.db"))
		for id, hash := range before {
			if have[id] != hash {
				t.Fatalf("backup %d lacks signal %d, whose receipt was given before it began", i, id)
			}
		}
		if _, err := verifyIn(t, back); err != nil {
			t.Fatalf("backup %d: %v", i, err)
		}
	}
	t.Logf("%d signals came in meanwhile", len(given))
}

// One byte that is flipped in any file of a backup is found before anything is restored, and so are a file that is missing,
// one too many, and a backup that was not finished.
func TestDamagedBackup(t *testing.T) {
	w, dir := newSmallWorld(t)
	w.must(os.MkdirAll(filepath.Join(dir, "secrets"), 0o700))
	w.must(os.WriteFile(filepath.Join(dir, "secrets", "FEED-1"), []byte("token"), 0o600))
	w.must(os.WriteFile(filepath.Join(dir, "checkpoint-852355687"), []byte("half"), 0o600)) // what the ledger is about to rename
	w.close()
	s := saver{t: t, data: dir}
	copied := filepath.Join(t.TempDir(), "backup")
	w.must(s.backup(copied))
	refused := func(name string, named string) {
		t.Helper()
		back := filepath.Join(t.TempDir(), "back")
		err := s.restore(copied, back, "")
		if _, ours := fault.Message(err); err == nil || !ours || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v", name, err)
		}
		if list, _ := os.ReadDir(back); len(list) > 0 {
			t.Errorf("%s: %d files were restored", name, len(list))
		}
	}
	if _, err := os.Stat(filepath.Join(copied, "checkpoint-852355687")); err == nil {
		t.Error("a file that the ledger had not finished is in the backup")
	}
	files := listed(t, copied)
	if len(files) < 8 {
		t.Fatalf("the backup has only %q", files)
	}
	for _, name := range files {
		path := filepath.Join(copied, name)
		info, err := os.Stat(path)
		w.must(err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %o", name, info.Mode().Perm())
		}
		data, err := os.ReadFile(path)
		w.must(err)
		for _, at := range []int{0, len(data) / 2, len(data) - 1} {
			bad := bytes.Clone(data)
			bad[at] ^= 1
			w.must(os.WriteFile(path, bad, 0o600))
			refused(fmt.Sprintf("byte %d of %s", at, name), filepath.Base(name))
		}
		w.must(os.Remove(path))
		refused(name+" is gone", filepath.Base(name))
		w.must(os.WriteFile(path, data, 0o600))
	}
	extra := filepath.Join(copied, "archive", "extra")
	w.must(os.WriteFile(extra, nil, 0o600))
	refused("one more file", "extra")
	w.must(os.Remove(extra))
	back := filepath.Join(t.TempDir(), "back")
	w.must(s.restore(copied, back, ""))
	if err := s.restore(copied, back, ""); !errors.Is(err, fault.Exists) {
		t.Errorf("restored into a folder that is in use: %v", err)
	}
	if err := s.backup(copied); !errors.Is(err, fault.Exists) {
		t.Errorf("written over another backup: %v", err)
	}
	if err := s.backup(filepath.Join(dir, "inside")); !errors.Is(err, fault.Invalid) {
		t.Errorf("written into the data folder: %v", err)
	}
	if token, err := os.ReadFile(filepath.Join(back, "secrets", "FEED-1")); err != nil || string(token) != "token" {
		t.Errorf("secrets: %q, %v", token, err)
	}
}

// On PostgreSQL the dump is taken first and the archive after it; both come back together.
func TestBackupPostgres(t *testing.T) {
	dsn := testkit.PostgresDSN(t)
	for _, tool := range []string{"pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, tool+" is not installed")
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	w := openWorld(t, dir, dsn)
	at := time.Date(2026, 11, 10, 6, 0, 0, 0, time.UTC)
	w.must(w.loop.PutFeed(t.Context(), at, operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum", Title: "IPsum"}))
	_, err := w.loop.Accept(t.Context(), at, loop.AcceptRequest{Feed: "ipsum", Name: "ipsum.txt", Body: strings.NewReader("198.51.100.7\t3\n"), By: operator})
	w.must(err)
	w.place(at.Add(time.Hour))
	before := signalsIn(t, dsn)
	s := saver{t: t, data: dir, dsn: dsn}
	copied := filepath.Join(t.TempDir(), "backup")
	w.must(s.backup(copied))
	u, err := url.Parse(dsn)
	w.must(err)
	schema := u.Query().Get("search_path")
	if _, err := w.db.ExecContext(t.Context(), "drop schema "+schema+" cascade"); err != nil {
		t.Fatal(err)
	}
	w.close()
	back := filepath.Join(t.TempDir(), "back")
	if err := s.restore(copied, back, ""); !errors.Is(err, fault.Invalid) {
		t.Errorf("restored without saying which database: %v", err)
	}
	w.must(s.restore(copied, back, dsn))
	if after := signalsIn(t, dsn); len(after) != len(before) || len(after) == 0 {
		t.Errorf("%d signals came back of %d", len(after), len(before))
	}
}
