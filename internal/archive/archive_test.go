package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"tocsin/internal/fault"
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
