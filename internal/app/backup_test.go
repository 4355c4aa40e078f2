package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/app/backup"
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
		placed := make(chan error, 1)
		pushed := make(chan struct{})
		go func() { // the ledger's places and checkpoints go on too
			var err error
			for going := true; going && err == nil; {
				select {
				case <-pushed:
					going = false // once more, for the last
				default:
				}
				if err = w.log.Complete(ctx, time.Now()); errors.Is(err, fault.NotFound) {
					err = nil // no entry can have a place yet
				}
			}
			placed <- err
		}()
		s := saver{t: t, data: dir}
		copied, back := filepath.Join(home, fmt.Sprint("backup", i)), filepath.Join(home, fmt.Sprint("back", i))
		err := s.backup(copied)
		pushing.Wait()
		close(pushed)
		if err := errors.Join(err, <-placed); err != nil {
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

// A restore that did not come to its end leaves a folder that nothing is served from, and says so; a backup whose ledger has
// another root than its manifest says is no restore either.
func TestRestoreInterrupted(t *testing.T) {
	w, dir := newSmallWorld(t)
	w.close()
	s := saver{t: t, data: dir}
	copied := filepath.Join(t.TempDir(), "backup")
	w.must(s.backup(copied))
	refused := func(back string) {
		t.Helper()
		if _, err := openQuietly(s.running(back, "")); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "did not come to its end") {
			t.Errorf("opened after half a restore: %v", err)
		}
		if err := s.restore(copied, back, ""); !errors.Is(err, fault.Conflict) {
			t.Errorf("restored over half a restore: %v", err)
		}
		if err := (saver{t: t, data: back}).backup(filepath.Join(t.TempDir(), "copy")); !errors.Is(err, fault.Conflict) {
			t.Errorf("half a restore was backed up: %v", err)
		}
		w.must(os.RemoveAll(back))
		w.must(s.restore(copied, back, ""))
	}
	gone := errors.New("the power is gone")
	back := filepath.Join(t.TempDir(), "back")
	_, err := backup.Restore(t.Context(), copied, backup.Installation{Data: back, Verify: func(string, string) (int64, string, error) { return 0, "", gone }})
	if !errors.Is(err, gone) {
		t.Fatal(err)
	}
	refused(back)
	in, err := openQuietly(s.running(back, ""))
	w.must(err)
	w.must(in.close(t.Context()))

	changeManifest(t, copied, func(m *backup.Manifest) { m.Root = strings.Repeat("0", 64) })
	back = filepath.Join(t.TempDir(), "back")
	if err := s.restore(copied, back, ""); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "with the root") {
		t.Errorf("a ledger with another root was restored: %v", err)
	}
	if _, err := openQuietly(s.running(back, "")); !errors.Is(err, fault.Conflict) {
		t.Errorf("opened with another root: %v", err)
	}
}

func openQuietly(r *running) (*installation, error) {
	r.log = slog.New(slog.DiscardHandler)
	return r.open(r.ctx, nil)
}

// changeManifest rewrites the manifest of a backup, with the SHA-256 that belongs to it.
func changeManifest(t *testing.T, dir string, change func(*backup.Manifest)) {
	t.Helper()
	name := filepath.Join(dir, "MANIFEST")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var m backup.Manifest
	if err := json.Unmarshal(text[:len(text)-66], &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if err := os.WriteFile(name, fmt.Appendf(text, "\n%s\n", hex.EncodeToString(sum[:])), 0o600); err != nil {
		t.Fatal(err)
	}
}

// When the last backup was made is known beside the data, and goes into no backup.
func TestLastBackup(t *testing.T) {
	w, dir := newSmallWorld(t)
	w.close()
	if last, err := backup.ReadLast(dir); err != nil || !last.Made.IsZero() {
		t.Fatalf("before the first: %+v, %v", last, err)
	}
	s := saver{t: t, data: dir}
	var copied string
	for i := range 2 {
		copied = filepath.Join(t.TempDir(), fmt.Sprint("backup", i))
		w.must(s.backup(copied))
		if last, err := backup.ReadLast(dir); err != nil || time.Since(last.Made) > time.Minute || last.Dir != copied || last.Entries == 0 {
			t.Errorf("last %+v, %v", last, err)
		}
	}
	w.must(os.MkdirAll(filepath.Join(dir, "x"), 0o700))
	if err := s.backup(copied); !errors.Is(err, fault.Exists) {
		t.Fatal(err)
	}
	if last, err := backup.ReadLast(dir); err != nil || last.Dir != copied {
		t.Errorf("after one that failed: %+v, %v", last, err)
	}
	_, in, at := startedLogging(t, io.Discard, "--data", dir, "--listen-metrics", "127.0.0.1:0")
	if _, text := ask(t, client(nil), http.MethodGet, "http://"+at["metrics"]+"/metrics"); !regexp.MustCompile(`(?m)^tocsin_backup_age_seconds \d`).MatchString(text) {
		t.Errorf("the metrics do not say how old the last backup is:\n%s", text)
	}
	r := s.running(dir, "")
	if is := newSystem(r, in, false).facts(t.Context()).Backup; time.Since(is) > time.Minute {
		t.Errorf("the system's page says %v", is)
	}
	back := filepath.Join(t.TempDir(), "back")
	w.must(s.restore(copied, back, ""))
	if last, err := backup.ReadLast(back); err != nil || !last.Made.IsZero() {
		t.Errorf("restored: %+v, %v", last, err)
	}
}

// postgresWorld is a small installation on a PostgreSQL.
func postgresWorld(t *testing.T) (*evidenceWorld, saver) {
	t.Helper()
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
	w.pushed(at, 1)
	w.place(at.Add(time.Hour))
	return w, saver{t: t, data: dir, dsn: dsn}
}

func (w *evidenceWorld) pushed(at time.Time, host int) {
	w.t.Helper()
	body := fmt.Sprintf("198.51.100.%d\t3\n", host)
	_, err := w.loop.Accept(w.t.Context(), at, loop.AcceptRequest{Feed: "ipsum", Name: "ipsum.txt", Body: strings.NewReader(body), By: operator})
	w.must(err)
}

// lost drops all that is in the database.
func (s saver) lost(w *evidenceWorld) {
	s.t.Helper()
	u, err := url.Parse(s.dsn)
	w.must(err)
	if _, err := w.db.ExecContext(s.t.Context(), "drop schema "+u.Query().Get("search_path")+" cascade"); err != nil {
		s.t.Fatal(err)
	}
	w.close()
}

// On PostgreSQL the dump is of the very state whose blobs and root are kept with it; all of it comes back together.
func TestBackupPostgres(t *testing.T) {
	w, s := postgresWorld(t)
	before := signalsIn(t, s.dsn)
	copied := filepath.Join(t.TempDir(), "backup")
	w.must(s.backup(copied))
	if m, err := os.ReadFile(filepath.Join(copied, "MANIFEST")); err != nil || !regexp.MustCompile(`"root": "[A-Za-z0-9+/]{43}="`).Match(m) {
		t.Errorf("the backup has no root: %v, %s", err, m)
	}
	s.lost(w)
	back := filepath.Join(t.TempDir(), "back")
	if err := s.restore(copied, back, ""); !errors.Is(err, fault.Invalid) {
		t.Errorf("restored without saying which database: %v", err)
	}
	w.must(s.restore(copied, back, s.dsn))
	if after := signalsIn(t, s.dsn); len(after) != len(before) || len(after) == 0 {
		t.Errorf("%d signals came back of %d", len(after), len(before))
	}
}

// Where pg_dump is not, the backup says which two commands finish it, and those do; signals that come in between do no harm.
func TestBackupPostgresByHand(t *testing.T) {
	w, s := postgresWorld(t)
	copied := filepath.Join(t.TempDir(), "backup")
	path := os.Getenv("PATH")
	t.Setenv("PATH", t.TempDir())
	err := s.backup(copied)
	t.Setenv("PATH", path)
	if !errors.Is(err, fault.NotFound) {
		t.Fatalf("a backup without pg_dump: %v", err)
	}
	_, commands, _ := strings.Cut(err.Error(), "\n")
	dump, finish, _ := strings.Cut(commands, "\n")
	if want := fmt.Sprintf("  tocsin backup --dumped '%s' --database '", copied); !strings.HasPrefix(finish, want) {
		t.Fatalf("the second command is %q", finish)
	}
	if err := (&backupCommand{Dir: copied, Dumped: true}).Run(s.running(s.data, s.dsn)); !errors.Is(err, fault.Invalid) {
		t.Errorf("finished without the dump: %v", err)
	}
	if err := s.restore(copied, filepath.Join(t.TempDir(), "back"), s.dsn); !errors.Is(err, fault.Invalid) {
		t.Errorf("half a backup was restored: %v", err)
	}
	before := signalsIn(t, s.dsn)
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", dump).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", dump, err, out)
	}
	w.pushed(time.Date(2026, 11, 10, 8, 0, 0, 0, time.UTC), 2)
	w.must((&backupCommand{Dir: copied, Dumped: true}).Run(s.running(s.data, s.dsn)))
	if err := (&backupCommand{Dir: copied, Dumped: true}).Run(s.running(s.data, s.dsn)); !errors.Is(err, fault.Exists) {
		t.Errorf("finished two times: %v", err)
	}
	s.lost(w)
	w.must(s.restore(copied, filepath.Join(t.TempDir(), "back"), s.dsn))
	if after := signalsIn(t, s.dsn); len(after) != len(before) || len(after) == 0 {
		t.Errorf("%d signals came back of %d", len(after), len(before))
	}
}
