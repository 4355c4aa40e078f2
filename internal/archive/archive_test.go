package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/testkit"
)

func TestPutGet(t *testing.T) {
	t.Parallel()
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, tt := range []struct {
		name, bytes string
		packed      bool
	}{
		{"empty", "", false},
		{"short", "timestamp,ip\n", false},
		{"long", strings.Repeat("192.0.2.1,", 300_000), false},
		{"gzip", "\x1f\x8b rest", true},
		{"zip", "PK\x03\x04 rest", true},
	} {
		sum := sha256.Sum256([]byte(tt.bytes))
		for range 2 { // the second time the bytes are there already
			hash, n, err := a.Put(strings.NewReader(tt.bytes), 1<<30)
			if err != nil || n != int64(len(tt.bytes)) || hash != hex.EncodeToString(sum[:]) {
				t.Fatalf("%s: put %s, %d bytes, %v", tt.name, hash, n, err)
			}
			b, err := a.Get(hash)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			got, err := io.ReadAll(b)
			if err != nil || !bytes.Equal(got, []byte(tt.bytes)) {
				t.Errorf("%s: came back different, %v", tt.name, err)
			}
			if bare := b.zstd == nil; bare != tt.packed {
				t.Errorf("%s: kept bare %v, want %v", tt.name, bare, tt.packed)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, _, err := a.Put(strings.NewReader("0123456789"), 9); !errors.Is(err, fault.TooLarge) {
		t.Errorf("10 bytes under a limit of 9: %v", err)
	}
	if _, err := a.Get(strings.Repeat("0", 64)); !errors.Is(err, fault.NotFound) {
		t.Errorf("a blob that is not there: %v", err)
	}
	if _, err := a.Get("../../etc/passwd"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a path as hash: %v", err)
	}
	d, err := a.root.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if names, _ := d.Readdirnames(-1); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}

// TestPutTwice puts a blob two times, into the folder that the command line names, and says when it has the receipt.
func TestPutTwice(t *testing.T) {
	dir := flag.Arg(0)
	if dir == "" {
		dir = t.TempDir()
	}
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for range 2 {
		if _, _, err := a.Put(strings.NewReader("198.51.100.7\n"), 100); err != nil {
			t.Fatal(err)
		}
		t.Log("receipt")
	}
}

// Before Put returns, a blob, its name and the name of its folder are on the disk, in this order, and so are the names of a
// blob that was there already: whoever wrote it may not have come so far.
func TestDurable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPutTwice$", "-test.v", dir)
	calls := testkit.Traced(t, cmd, "fsync,?renameat,?renameat2,write")
	if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), "receipt") != 2 {
		t.Fatalf("%v: %s", err, out)
	}
	want := []string{
		`^write\(\d+<.*/tmp_`, `^fsync\(\d+<.*/tmp_.* = 0`, `^renameat2?\(.*"tmp_.* = 0`, `^fsync\(\d+<.*/[0-9a-f]{2}>\) += 0`, `^fsync\(\d+<` + dir + `>\) += 0`,
		`^write\(1<.*receipt`,
		`^fsync\(\d+<.*/[0-9a-f]{2}>\) += 0`, `^fsync\(\d+<` + dir + `>\) += 0`,
		`^write\(1<.*receipt`,
	}
	is := calls()
	for i, at := 0, 0; at < len(want); i++ {
		if i == len(is) {
			t.Fatalf("no %s in its place:\n%s", want[at], strings.Join(is, "\n"))
		}
		switch {
		case regexp.MustCompile(want[at]).MatchString(is[i]):
			at++
		case strings.HasPrefix(is[i], "write(1<") && strings.Contains(is[i], "receipt"):
			t.Fatalf("the receipt came before %s:\n%s", want[at], strings.Join(is, "\n"))
		}
	}
}

// breaking gives some bytes and then an error, once.
type breaking struct{ left int }

func (b *breaking) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.left)
	if b.left -= n; b.left == 0 {
		return n, errors.New("broken off")
	}
	return n, nil
}

// What is not there whole is not kept, wherever it breaks off; a signal may be as large as the limit, and what is there already
// is not written again.
func TestWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, n := range []int{1, 511, 513, 100_000} {
		if hash, _, err := a.Put(&breaking{left: n}, 1<<20); err == nil {
			t.Errorf("%d bytes of what broke off were kept as %s", n, hash)
		}
	}
	hash, n, err := a.Put(strings.NewReader("0123456789"), 10)
	if err != nil || n != 10 {
		t.Fatalf("10 bytes under a limit of 10: %d, %v", n, err)
	}
	path, f, err := a.Stored(hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, err := os.Stat(filepath.Join(dir, path))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Put(strings.NewReader("0123456789"), 10); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(filepath.Join(dir, path)); err != nil || !os.SameFile(before, after) {
		t.Errorf("a blob that was there was written again: %v", err)
	}
	if _, err := OpenExisting(filepath.Join(dir, "none")); !errors.Is(err, fault.NotFound) {
		t.Errorf("an archive that is not there was opened: %v", err)
	}
	if again, err := OpenExisting(dir); err != nil {
		t.Error(err)
	} else {
		defer again.Close()
	}
}

// A disk and a quota that are full are told apart from what is broken.
func TestFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{{syscall.ENOSPC, true}, {syscall.EDQUOT, true}, {syscall.EIO, false}, {nil, false}} {
		if err := full(c.err); errors.Is(err, fault.Full) != c.want || (err == nil) != (c.err == nil) {
			t.Errorf("%v is %v", c.err, err)
		}
	}
}

// Walk names every file and says which are blobs; Sweep takes only old files of uploads, at the top.
func TestWalkSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	plain, _, err := a.Put(strings.NewReader("x"), 10)
	if err != nil {
		t.Fatal(err)
	}
	packed, _, err := a.Put(strings.NewReader("PK\x03\x04"), 10)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	want := map[string]string{plain[:2] + "/" + plain + ".zst": plain, packed[:2] + "/" + packed: packed}
	for path, age := range map[string]time.Duration{
		"tmp_old": time.Hour + time.Second, "tmp_new": time.Hour - time.Second, "other": 9 * time.Hour, "tmp_dir/x": 9 * time.Hour,
		plain[:2] + "/tmp_x": 9 * time.Hour, "00/" + plain + ".zst": 9 * time.Hour, packed[:2] + "/" + strings.Repeat("0", 64): 9 * time.Hour,
	} {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, nil, 0o600), os.Chtimes(name, now.Add(-age), now.Add(-age))); err != nil {
			t.Fatal(err)
		}
		want[path] = ""
	}
	if err := os.Chtimes(filepath.Join(dir, "tmp_dir"), now.Add(-9*time.Hour), now.Add(-9*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, swept := range []int{1, 0} {
		n, err := a.Sweep(now.Add(-time.Hour))
		if err != nil || n != swept {
			t.Errorf("%d files were swept, want %d: %v", n, swept, err)
		}
	}
	delete(want, "tmp_old")
	got := map[string]string{}
	if err := a.Walk(func(path, hash string, _ time.Time) error { got[path] = hash; return nil }); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("walked %v, want %v", got, want)
	}
}
