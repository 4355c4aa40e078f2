package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tocsin/internal/fault"
)

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	s := secrets{filepath.Join(t.TempDir(), "secrets")}
	if err := s.keep("abuse", "feed.example", "p w"); err != nil {
		t.Fatal(err)
	}
	if err := s.keep("abuse", "feed.example", "p w"); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := s.keep("abuse", "feed.example", "other"); err == nil {
		t.Error("a secret was written over")
	}
	text, mode, err := s.read("abuse")
	if err != nil || string(text) != "feed.example\np w\n" || mode != 0o600 {
		t.Errorf("%q %v %v", text, mode, err)
	}
	for path, want := range map[string]os.FileMode{s.dir: 0o700, filepath.Join(s.dir, "abuse"): 0o600} {
		if is, err := os.Stat(path); err != nil || is.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, is.Mode(), err)
		}
	}
	for _, name := range []string{"nobody", "../key", ""} {
		if _, _, err := s.read(name); !errors.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
