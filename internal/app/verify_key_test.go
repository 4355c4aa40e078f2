package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/record"
	"tocsin/internal/ledger"
)

// TestVerifyKey: a key that the reader gives must have signed everything, wherever else it lies; a log that nobody signed
// is wrong with a key and without.
func TestVerifyKey(t *testing.T) {
	home := t.TempDir()
	data, export := filepath.Join(home, "data"), filepath.Join(home, "export")
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	w := openWorld(t, data, "")
	act := func() {
		at = at.Add(time.Minute)
		w.must(w.loop.PutFeed(t.Context(), at, operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum"}))
	}
	act()
	w.must(w.log.Complete(t.Context(), at))
	exportWorld(w, export)
	text, err := os.ReadFile(filepath.Join(data, record.KeysFile))
	w.must(err)
	right := strings.TrimSpace(string(text))
	_, foreign, err := ledger.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)), "anhe.example/log")
	w.must(err)
	check := func(name, dir string, keys []string, want, line string) {
		t.Helper()
		var out bytes.Buffer
		c := verifyCommand{Where: dir, Key: keys}
		err := c.Run(&running{ctx: t.Context(), cfg: &Config{}, out: &out, errOut: &out, clock: time.Now})
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s with the keys %v: %v, want %q", name, keys, err, want)
		case line != "" != strings.Contains(out.String(), "ATTENTION"), !strings.Contains(out.String(), line):
			t.Errorf("%s with the keys %v says\n%swant %q", name, keys, out.String(), line)
		}
	}
	for _, dir := range []string{data, export} {
		check(dir, dir, nil, "", "")
		check(dir, dir, []string{right}, "", "")
		check(dir, dir, []string{right, right}, "", "")
		check(dir, dir, []string{foreign, right}, "", "")
		check(dir, dir, []string{foreign}, "no key that", "")
	}
	act()
	act()
	for n := 1; n > 0; {
		n, err = w.log.Sequence(t.Context(), at)
		w.must(err)
	}
	check("an unsigned tail", data, nil, "", "2 entries are signed by nobody yet: 2 to 3")
	check("an unsigned tail", data, []string{right}, "entries 2 to 3 of the log are signed by nobody", "")
	w.must(w.log.Complete(t.Context(), at))
	check("a signed tail", data, []string{right}, "", "")
	_, err = w.db.ExecContext(t.Context(), "delete from checkpoint")
	w.must(err)
	for range 2 { // with the saved checkpoint, and without
		for _, keys := range [][]string{nil, {right}, {foreign}} {
			check("a stripped log", data, keys, "no checkpoint signs any of the 3 entries", "")
		}
		w.must(os.RemoveAll(filepath.Join(data, ledger.CheckpointPath)))
	}
	for _, table := range []string{"place", "tree"} {
		_, err = w.db.ExecContext(t.Context(), "delete from "+table)
		w.must(err)
	}
	for _, keys := range [][]string{{right}, {foreign}} {
		check("a log without places", data, keys, "entry 1 has no place in the log yet", "")
	}
	w.close()
}

// TestVerifyKeySetting: a log with entries has a key that signs it.
func TestVerifyKeySetting(t *testing.T) {
	w := openWorld(t, t.TempDir(), "")
	defer w.close()
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	w.must(w.loop.PutFeed(t.Context(), at, operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum"}))
	w.must(w.log.Complete(t.Context(), at))
	if _, err := verifyIn(t, w.dir); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"update setting set value = '' where name = 'ledger.key'", "delete from setting where name = 'ledger.key'"} {
		_, err := w.db.ExecContext(t.Context(), change)
		w.must(err)
		if _, err := verifyIn(t, w.dir); err == nil || !strings.Contains(err.Error(), "with which key") {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// namedKey has the id of another key.
type namedKey struct {
	note.Verifier
	name string
	hash uint32
}

func (k namedKey) Name() string    { return k.name }
func (k namedKey) KeyHash() uint32 { return k.hash }

// TestPinnedKeys: a key that lies with the log never stands for one that was given, though it may have the same id.
func TestPinnedKeys(t *testing.T) {
	key := func(name string, hash uint32) note.Verifier { return &namedKey{name: name, hash: hash} }
	log, witness, other, second := key("log", 1), key("witness", 2), key("log", 3), key("witness", 4)
	got := pinned(
		ledger.Keys{Log: []note.Verifier{log}, Witnesses: []note.Verifier{witness}},
		ledger.Keys{
			Log:       []note.Verifier{key("log", 1), other, key("witness", 2)},
			Witnesses: []note.Verifier{key("witness", 2), key("log", 1), second},
		})
	if len(got.Log) != 2 || got.Log[0] != log || got.Log[1] != other {
		t.Errorf("keys of the log: %v", got.Log)
	}
	if len(got.Witnesses) != 2 || got.Witnesses[0] != witness || got.Witnesses[1] != second {
		t.Errorf("keys of witnesses: %v", got.Witnesses)
	}
}

// strip deletes every checkpoint, and now and then the saved one with them: a log that nobody signed.
func (g *tamperRig) strip(dir string) string {
	g.t.Helper()
	db := g.open(dir)
	defer db.Close()
	if _, err := db.ExecContext(background, "delete from checkpoint"); err != nil {
		g.t.Fatal(err)
	}
	if g.r.IntN(2) == 0 {
		return "all checkpoints"
	}
	if err := os.Remove(filepath.Join(dir, "checkpoint")); err != nil {
		g.t.Fatal(err)
	}
	return "all checkpoints and the saved one"
}
