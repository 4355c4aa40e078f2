package loop

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/testkit"
)

func TestSteady(t *testing.T) {
	t.Parallel()
	a, b := Stamp{Size: 10, Modified: at(0, 0)}, Stamp{Size: 10, Modified: at(0, 1)}
	for _, c := range []struct {
		name        string
		before, now Listing
		want        []string
	}{
		{"new", Listing{}, Listing{"x": a}, nil},
		{"the first look", nil, Listing{"x": a}, nil},
		{"unchanged", Listing{"x": a, "f/y": b}, Listing{"x": a, "f/y": b}, []string{"f/y", "x"}},
		{"written to", Listing{"x": a}, Listing{"x": b}, nil},
		{"grown within one tick of the clock", Listing{"x": a}, Listing{"x": {Size: 11, Modified: a.Modified}}, nil},
		{"empty", Listing{"x": {Modified: a.Modified}}, Listing{"x": {Modified: a.Modified}}, nil},
		{"gone", Listing{"x": a}, Listing{}, nil},
	} {
		if diff := cmp.Diff(c.want, steady(c.before, c.now)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

// dropDir is a folder on disk, and the Loop that watches it.
type dropDir struct {
	*Loop
	t    *testing.T
	dir  string
	root *os.Root
	seen Listing
}

func newDropDir(t *testing.T) *dropDir {
	t.Helper()
	d := &dropDir{Loop: intakeLoop(t, testkit.SQLite(t), nil), t: t, dir: t.TempDir()}
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	d.root = root
	putFeed(t, d.Loop, at(0, 0), FeedSettings{ID: "shadowserver"})
	putFeed(t, d.Loop, at(0, 0), FeedSettings{ID: "bad"})
	return d
}

func (d *dropDir) write(name, body string) {
	d.t.Helper()
	path := filepath.Join(d.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dropDir) look(now time.Time) []Dropped {
	d.t.Helper()
	is, out, err := d.TakeDropped(d.t.Context(), now, d.root, d.seen)
	if err != nil {
		d.t.Fatal(err)
	}
	d.seen = is
	return out
}

// files lists everything in the folder.
func (d *dropDir) files() (out []string) {
	d.t.Helper()
	err := fs.WalkDir(d.root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestTakeDropped(t *testing.T) {
	t.Parallel()
	d := newDropDir(t)
	d.write("2026-03-01-scan_http-test.csv", "timestamp,ip\n")
	d.write("bad/list.txt", "192.0.2.1\n")
	d.write("bad/half.txt.part", "192.0")
	d.write("bad/.hidden", "x")
	d.write("nobody/x.csv", "a\n")
	d.write("bad/deep/er.txt", "a\n")
	if out := d.look(at(0, 0)); out != nil {
		t.Fatalf("first look: %+v", out)
	}
	d.write("bad/list.txt", "192.0.2.1\n192.0.2.2\n")
	out := d.look(at(0, 1))
	if len(out) != 2 || out[0].Feed != "shadowserver" || out[0].Receipt.Signal != 1 ||
		out[1].Path != "nobody/x.csv" || out[1].Refused != `no feed is called "nobody"` {
		t.Fatalf("second look: %+v", out)
	}
	if out := d.look(at(0, 2)); len(out) != 1 || out[0].Feed != "bad" || out[0].Receipt.Bytes != 20 {
		t.Fatalf("third look: %+v", out)
	}
	day := at(0, 0).Format(time.DateOnly)
	want := []string{
		".done/" + day + "/1-2026-03-01-scan_http-test.csv", ".done/" + day + "/2-list.txt",
		".refused/" + day + "/010000.000000-x.csv", ".refused/" + day + "/010000.000000-x.csv.reason.txt",
		"bad/.hidden", "bad/deep/er.txt", "bad/half.txt.part",
	}
	if diff := cmp.Diff(want, d.files()); diff != "" {
		t.Error(diff)
	}
	reason, err := os.ReadFile(filepath.Join(d.dir, want[3]))
	if err != nil || string(reason) != "no feed is called \"nobody\"\n" {
		t.Errorf("%q %v", reason, err)
	}
	if out := d.look(at(0, 3)); out != nil {
		t.Errorf("nothing is left: %+v", out)
	}
}

// A crash between taking and moving takes the same signal again.
func TestDropAfterCrash(t *testing.T) {
	t.Parallel()
	d := newDropDir(t)
	for range 2 {
		d.write("bad/list.txt", "192.0.2.1\n")
		d.look(at(0, 0))
		if out := d.look(at(0, 1)); len(out) != 1 || out[0].Receipt.Signal != 1 {
			t.Fatalf("%+v", out)
		}
	}
	if got := d.files(); len(got) != 1 {
		t.Errorf("files %v", got)
	}
}

// Links lead nowhere, and a name that is no text is put aside.
func TestDropOddFiles(t *testing.T) {
	t.Parallel()
	d := newDropDir(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(d.dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	d.write("odd\xff.csv", "a\n")
	d.look(at(0, 0))
	out := d.look(at(0, 1))
	if len(out) != 1 || out[0].Refused != "the file's name is not UTF-8" {
		t.Errorf("%+v", out)
	}
	if got := d.files(); !slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, "-odd_.csv.reason.txt") }) {
		t.Errorf("files %q", got)
	}
}

// A writer that pauses goes on writing into the file that was moved meanwhile: what lies in the done folder in the end is what
// was archived last, and a file that stands still is not read again.
func TestSlowWriter(t *testing.T) {
	t.Parallel()
	d := newDropDir(t)
	name := filepath.Join(d.dir, "2026-03-01-scan_telnet-slow.csv")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	write := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if _, err := fmt.Fprintf(f, "2026-03-01 05:12:13,192.0.2.%d,tcp,23,a.example,telnet,64500,XX\n", i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := f.WriteString("timestamp,ip,protocol,port,hostname,tag,asn,geo\n"); err != nil {
		t.Fatal(err)
	}
	write(30, 35)
	looks := 0
	look := func(want int) {
		t.Helper()
		looks++
		if out := d.look(at(0, 1).Add(time.Duration(looks) * time.Minute)); len(out) != want {
			t.Fatalf("look %d took %+v, want %d", looks, out, want)
		}
	}
	look(0)
	look(1)
	look(0)
	write(35, 60)
	look(0)
	look(1)
	look(0)
	look(0)
	files := d.files()
	if len(files) != 1 || !strings.HasSuffix(files[0], "/2-2026-03-01-scan_telnet-slow.csv") {
		t.Fatalf("files: %q", files)
	}
	lies, err := os.ReadFile(filepath.Join(d.dir, files[0]))
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Signal(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := d.archive.Get(s.Blob)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blob.Close() }()
	read, err := io.ReadAll(blob)
	if err != nil || !bytes.Equal(read, lies) || bytes.Count(lies, []byte("\n")) != 31 {
		t.Errorf("%d bytes were archived, %d lie in the folder: %v", len(read), len(lies), err)
	}
}
