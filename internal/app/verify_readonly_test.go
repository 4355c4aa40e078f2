package app

import (
	"crypto/sha256"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/loop"
)

// newSmallWorld is a folder with a feed, a signal and a log that is signed.
func newSmallWorld(t *testing.T) (*evidenceWorld, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	w := openWorld(t, dir, "")
	at := time.Date(2026, 11, 10, 6, 0, 0, 0, time.UTC)
	w.must(w.loop.PutFeed(t.Context(), at, operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum", Title: "IPsum"}))
	_, err := w.loop.Accept(t.Context(), at, loop.AcceptRequest{Feed: "ipsum", Name: "ipsum.txt", Body: strings.NewReader("198.51.100.7\t3\n"), By: operator})
	w.must(err)
	w.place(at.Add(time.Hour))
	return w, dir
}

// TestVerifyReads looks that verification changes no file: in a folder that is closed, and beside whoever has it open.
func TestVerifyReads(t *testing.T) {
	w, dir := newSmallWorld(t)
	if _, err := verifyIn(t, dir); err != nil {
		t.Fatalf("beside whoever has it open: %v", err)
	}
	at := time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)
	w.must(w.loop.PutFeed(t.Context(), at, operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum", Title: "again"}))
	w.place(at)
	w.close()
	before := sums(t, dir)
	if _, err := verifyIn(t, dir); err != nil {
		t.Fatal(err)
	}
	for name, sum := range sums(t, dir) {
		if before[name] != sum && !strings.HasSuffix(name, "-shm") && !strings.HasSuffix(name, "-wal") {
			t.Errorf("verification changed %s", name)
		}
	}
	for _, d := range []string{dir, filepath.Join(dir, "archive")} {
		if err := os.Chmod(d, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700); _ = os.Chmod(filepath.Join(dir, "archive"), 0o700) })
	if _, err := verifyIn(t, dir); err != nil {
		t.Errorf("a folder that nobody may write to: %v", err)
	}
}

func sums(t *testing.T, dir string) map[string][sha256.Size]byte {
	t.Helper()
	out := map[string][sha256.Size]byte{}
	for _, name := range listed(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = sha256.Sum256(data)
	}
	return out
}

// TestVerifySchema changes the schema behind the program's back; verification says what was changed, and a database of
// another release is called so.
func TestVerifySchema(t *testing.T) {
	w, dir := newSmallWorld(t)
	w.close()
	for _, x := range []struct{ edit, said string }{
		{"create table extra (id integer primary key)", "table of extra is there"},
		{"create index more on finding (port)", "index more of finding is there"},
		{"create view seen as select id from finding", "view seen of seen is there"},
		{"create trigger quiet after insert on session begin delete from session where id = new.id; end", "trigger quiet of session is there"},
		{"alter table party add column note text", "column note of party is there"},
		{"drop index session_person", "index session_person of session is missing"},
		{"drop table lockout", "table of lockout is missing"},
		{"delete from migration where name = (select max(name) from migration)", "older schema"},
		{"insert into migration values ('9999_later.sql', '')", "newer schema (9999_later.sql)"},
		{"update migration set checksum = 'x' where name = '0003_tally.sql'", "0003_tally.sql was applied with another text"},
		{"drop table migration", "no database of Tocsin"},
	} {
		work := filepath.Join(t.TempDir(), "work")
		if err := os.CopyFS(work, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", "file:"+filepath.Join(work, "tocsin.db"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), x.edit)
		if _, found := verifyIn(t, work); err == nil {
			err = found
		}
		_ = db.Close()
		if err == nil || !strings.Contains(err.Error(), x.said) {
			t.Errorf("%s: %v, not %q", x.edit, err, x.said)
		}
	}
}

// TestVerifyStrays puts files into the archive that no signal names.
func TestVerifyStrays(t *testing.T) {
	w, dir := newSmallWorld(t)
	w.close()
	hash := strings.Repeat("ab", 32)
	for _, name := range []string{"ab/" + hash, "ab/" + hash + ".zst", "note.txt", "tmp_old"} {
		path := filepath.Join(dir, "archive", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		if _, err := verifyIn(t, dir); err == nil || !strings.Contains(err.Error(), "no signal names the file "+name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "archive", "tmp_new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verifyIn(t, dir); err != nil {
		t.Errorf("an upload under way: %v", err)
	}
}
