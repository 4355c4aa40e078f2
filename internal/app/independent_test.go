package app

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/record"
)

// TestIndependentVerifier has exported logs checked by a program that shares no code with this one: two exports, one the
// continuation of the other, are right; a folder that was restored from an older one and went on its own way is not.
func TestIndependentVerifier(t *testing.T) {
	home := t.TempDir()
	program := filepath.Join(home, "verifier")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../e2e/verifier").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	first, second, forked := filepath.Join(home, "first"), filepath.Join(home, "second"), filepath.Join(home, "forked")
	data, copied := filepath.Join(home, "data"), filepath.Join(home, "copied")
	w := newEvidenceWorld(t, data, "")
	exportWorld(w, first)
	w.close()
	w.must(os.CopyFS(copied, os.DirFS(data)))
	goOn := func(dir, export, feed string) {
		w := openWorld(t, dir, "")
		defer w.close()
		for i := range 100 {
			w.must(w.loop.PutFeed(t.Context(), time.Date(2026, 11, 28, 0, 0, i, 0, time.UTC), operator, loop.FeedSettings{ID: "recheck", Pack: "recheck", Title: feed}))
		}
		w.must(w.log.Complete(t.Context(), time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)))
		exportWorld(w, export)
	}
	goOn(data, second, "one way")
	goOn(copied, forked, "another way")
	keys, err := os.ReadFile(filepath.Join(data, record.KeysFile))
	w.must(err)
	key := strings.TrimSpace(string(keys))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{key, first}, "entries with the root"},
		{[]string{key, second, first}, "continues the log of"},
		{[]string{key, forked, first}, "continues the log of"},
		{[]string{key, first, second}, "does not continue"},
		{[]string{key, forked, second}, "does not continue"},
		{[]string{"x.example+00000000+AQ==", first}, "verifier:"},
	} {
		out, err := exec.CommandContext(t.Context(), program, c.args...).CombinedOutput()
		failed := strings.HasPrefix(c.want, "does") || strings.HasPrefix(c.want, "verifier")
		if !bytes.Contains(out, []byte(c.want)) || (err != nil) != failed {
			t.Errorf("%v: %v\n%s", c.args[1:], err, out)
		}
	}
}
