package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/access"
	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/outside"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

var morning = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

const origin = "csirt.example/ledger"

func open(t *testing.T, s *store.Store, dir string) *record.Log {
	t.Helper()
	return record.New(s, record.Settings{Dir: dir, Origin: origin})
}

// add appends n entries.
func add(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for range n {
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Append(t.Context(), morning, access.ForSoftware("command"), "feed.put", access.On("feed:1"), "", struct{ N int }{n})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// complete sequences and signs until the log has size entries: on PostgreSQL, transactions of other tests hold it up.
func complete(t *testing.T, l *record.Log, now time.Time, size int64) store.Checkpoint {
	t.Helper()
	for {
		if err := l.Complete(t.Context(), now); err != nil && !errors.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		if c, err := l.Newest(t.Context()); err == nil && c.Size >= size {
			return c
		} else if err != nil && !errors.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	}
}

func keysOf(t *testing.T, l *record.Log) ledger.Keys {
	t.Helper()
	k, err := l.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSignAndProve(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, dir := t.Context(), t.TempDir()
		l := open(t, s, dir)
		if _, err := l.Checkpoint(ctx, morning, 0); !errors.Is(err, fault.NotFound) {
			t.Errorf("checkpoint of an empty log: %v", err)
		}
		add(t, s, 20)
		first := complete(t, l, morning, 20)
		add(t, s, 300)
		c := complete(t, l, morning.Add(time.Second), 320)
		keys := keysOf(t, l)
		saved, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
		if err != nil || string(saved) != c.Note {
			t.Errorf("the saved checkpoint is %q, want %q, %v", saved, c.Note, err)
		}
		if info, err := os.Stat(filepath.Join(dir, "ledger-key")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the signer key's file: %v, %v", info, err)
		}
		for _, seq := range []int64{1, 256, 257, 320} {
			p, err := l.Proof(ctx, seq)
			if err != nil {
				t.Fatal(err)
			}
			r, signed, err := p.Check(keys)
			if err != nil || r.Act != "feed.put" || signed.Size != 320 {
				t.Errorf("proof of entry %d: %+v, %v", seq, r, err)
			}
			if same, err := l.ProofByHash(ctx, r.Hash); err != nil || same.Seq != seq {
				t.Errorf("proof by hash of entry %d: %d, %v", seq, same.Seq, err)
			}
		}
		if _, err := l.Proof(ctx, 321); !errors.Is(err, fault.NotFound) {
			t.Errorf("proof of an entry that is not there: %v", err)
		}
		two, err := l.Consistency(ctx, first.Size)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := two.Check(keys); err != nil {
			t.Error(err)
		}
		// Nothing grew, or it is too early: nothing is signed.
		add(t, s, 1)
		if _, err := l.Sequence(ctx, morning); err != nil {
			t.Fatal(err)
		}
		if same, err := l.Checkpoint(ctx, morning.Add(time.Second), time.Minute); err != nil || same.Size != 320 {
			t.Errorf("a checkpoint too early: %d, %v", same.Size, err)
		}
	})
}

func TestExport(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, out := t.Context(), t.TempDir()
		l := open(t, s, t.TempDir())
		if _, err := l.Export(ctx, out, false); !errors.Is(err, fault.NotFound) {
			t.Errorf("export of an empty log: %v", err)
		}
		add(t, s, 20)
		complete(t, l, morning, 20)
		if _, err := l.Export(ctx, out, true); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(out, "tile", "entries")); err == nil {
			t.Error("an export of hashes only has entries")
		}
		add(t, s, 280)
		complete(t, l, morning.Add(time.Second), 300)
		for range 2 {
			if _, err := l.Export(ctx, out, false); err != nil {
				t.Fatal(err)
			}
		}
		read := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(out, path)) }
		text, err := read(ledger.KeysPath)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := ledger.ReadKeys(string(text))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		v, err := ledger.VerifyFiles(read, keys, nil, func(ledger.Record) error { n++; return nil })
		if err != nil || v.Size != 300 || n != 300 {
			t.Errorf("%d entries of %d, %v", n, v.Size, err)
		}
		for _, path := range []string{"checkpoint", "keys", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"} {
			file, err := read(path)
			served, err2 := l.File(ctx, path)
			if err := errors.Join(err, err2); err != nil || !bytes.Equal(file, served) {
				t.Errorf("%s is served differently from its export: %v", path, err)
			}
		}
		if _, err := l.File(ctx, "tile/0/001.p/45"); !errors.Is(err, fault.NotFound) {
			t.Errorf("a tile beyond the checkpoint: %v", err)
		}
		// Another log does not overwrite it.
		other := testkit.SQLite(t)
		add(t, other, 400)
		ol := open(t, other, t.TempDir())
		complete(t, ol, morning, 400)
		if _, err := ol.Export(ctx, out, false); !errors.Is(err, fault.Conflict) {
			t.Errorf("an export over that of another log: %v", err)
		}
	})
}

// TestOldBackup: a database that is older than the saved checkpoint, or was changed, is found at the start.
func TestOldBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := testkit.SQLite(t)
	add(t, s, 30)
	l := open(t, s, dir)
	complete(t, l, morning, 30)
	for _, c := range []struct {
		name string
		n    int
		want string
	}{
		{"older", 10, "older than the saved checkpoint"},
		{"another history", 30, "another history"},
		{"another longer history", 50, "another history"},
	} {
		restored := testkit.SQLite(t)
		add(t, restored, c.n)
		// The restored database knows the key, as a backup does.
		copied := t.TempDir()
		for _, name := range []string{"ledger-key", "ledger-key.pub"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(copied, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		complete(t, open(t, restored, copied), morning, int64(c.n))
		again := open(t, restored, dir)
		err := again.Ready(t.Context())
		if text, _ := fault.Message(err); !errors.Is(err, fault.Conflict) || !strings.Contains(text, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		add(t, restored, 1)
		if _, err := again.Sequence(t.Context(), morning); !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: places are given all the same: %v", c.name, err)
		}
		if _, err := again.Checkpoint(t.Context(), morning.Add(time.Hour), 0); !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: it is signed all the same: %v", c.name, err)
		}
	}
	if err := open(t, s, dir).Ready(t.Context()); err != nil {
		t.Errorf("the right database: %v", err)
	}
	file := filepath.Join(dir, "checkpoint")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-3] ^= 1
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, s, dir).Ready(t.Context()); !errors.Is(err, fault.Conflict) {
		t.Errorf("a saved checkpoint with a flipped bit: %v", err)
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, dir := t.Context(), t.TempDir()
		l := open(t, s, dir)
		add(t, s, 3)
		complete(t, l, morning, 3)
		before := keysOf(t, l)
		if _, err := l.Rotate(ctx, morning, access.ForSoftware("poll"), "", false); !errors.Is(err, fault.Denied) {
			t.Errorf("whoever may not changes the key: %v", err)
		}
		key, err := l.Rotate(ctx, morning, access.ForSoftware("command"), "", false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Rotate(ctx, morning, access.ForSoftware("command"), "", false); !errors.Is(err, fault.Conflict) {
			t.Errorf("a change during a change: %v", err)
		}
		// A process that starts anew in between goes on.
		l = open(t, s, dir)
		bridge := complete(t, l, morning.Add(time.Second), 4)
		after := keysOf(t, l)
		signed, err := ledger.OpenCheckpoint([]byte(bridge.Note), after)
		if err != nil || len(signed.Keys) != 2 || !bridge.Bridge {
			t.Errorf("the checkpoint after the change is signed by %v, %v", signed.Keys, err)
		}
		lenient := before
		lenient.Lenient = true
		if _, err := ledger.OpenCheckpoint([]byte(bridge.Note), lenient); err != nil {
			t.Errorf("whoever trusts the old key cannot go on: %v", err)
		}
		p, err := l.Proof(ctx, 4)
		if err != nil {
			t.Fatal(err)
		}
		if r, _, err := p.Check(after); err != nil || r.Act != "ledger.rotate" || !strings.Contains(r.Body, key) {
			t.Errorf("the entry does not name the new key: %+v, %v", r, err)
		}
		add(t, s, 1)
		last := complete(t, l, morning.Add(2*time.Second), 5)
		if signed, err := ledger.OpenCheckpoint([]byte(last.Note), after); err != nil || len(signed.Keys) != 1 {
			t.Errorf("the checkpoint after that is signed by %v, %v", signed.Keys, err)
		}
		if _, err := ledger.OpenCheckpoint([]byte(last.Note), before); !errors.Is(err, fault.Invalid) {
			t.Errorf("the old key still signs: %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "ledger-key.next")); err == nil {
			t.Error("the new key is still the next one")
		}
		// Without the key nothing is signed, until somebody says that it is lost.
		if err := os.Remove(filepath.Join(dir, "ledger-key")); err != nil {
			t.Fatal(err)
		}
		if err := open(t, s, dir).Ready(ctx); !errors.Is(err, fault.Conflict) {
			t.Errorf("without the key: %v", err)
		}
		if _, err := l.Rotate(ctx, morning, access.ForSoftware("command"), "", true); err != nil {
			t.Fatal(err)
		}
		c := complete(t, l, morning.Add(3*time.Second), 6)
		if signed, err := ledger.OpenCheckpoint([]byte(c.Note), keysOf(t, l)); err != nil || len(signed.Keys) != 1 || c.Bridge {
			t.Errorf("after the loss: %v, %v", signed.Keys, err)
		}
	})
}

// witness is one that checks what it is given, as C2SP tlog-witness has it.
type witness struct {
	seen ledger.Checkpoint
	keys ledger.Keys
	as   note.Signer
}

func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	head, signed, ok := strings.Cut(string(body), "\n\n")
	if err != nil || !ok || r.URL.Path != "/w/add-checkpoint" {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	lines := strings.Split(head, "\n")
	var old int64
	if _, err := fmt.Sscanf(lines[0], "old %d", &old); err != nil {
		http.Error(rw, "no old size", http.StatusBadRequest)
		return
	}
	if old != w.seen.Size {
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", w.seen.Size)
		return
	}
	c, err := ledger.OpenCheckpoint([]byte(signed), w.keys)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusForbidden)
		return
	}
	var hs []ledger.Hash
	for _, l := range lines[1:] {
		h, err := tlog.ParseHash(l)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		hs = append(hs, h)
	}
	w.seen.Origin = c.Origin
	if err := ledger.CheckConsistency(w.seen, c.Checkpoint, hs); err != nil {
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.seen = c.Checkpoint
	cosigned, err := note.Sign(&note.Note{Text: c.Text()}, w.as)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	_, sigs, _ := bytes.Cut(cosigned, []byte("\n\n"))
	_, _ = rw.Write(sigs)
}

func TestWitness(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	s := testkit.SQLite(t)
	as, key, err := ledger.NewCosigner("witness.example", bytes.Repeat([]byte{7}, 32), morning)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{as: as}
	server := httptest.NewServer(w)
	defer server.Close()
	at, err := record.ParseWitness(server.URL + "/w " + key)
	if err != nil {
		t.Fatal(err)
	}
	l := record.New(s, record.Settings{Dir: dir, Origin: origin, Witnesses: []record.WitnessAt{at}, Witness: outside.NewWitnesses()})
	if n, err := l.AskWitnesses(ctx); n != 0 || err != nil {
		t.Errorf("an empty log: %d, %v", n, err)
	}
	add(t, s, 5)
	complete(t, l, morning, 5)
	w.keys = ledger.Keys{Log: keysOf(t, l).Log}
	for i, size := range []int64{5, 9, 14} {
		if i == 2 { // the log forgot what the witness saw: it says so, and is asked again
			err := s.Keep(ctx, func(tx *store.Tx) error {
				return tx.PutSetting(ctx, "ledger.witness "+strings.Join(strings.SplitN(key, "+", 3)[:2], "+"), "1")
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		add(t, s, int(size-w.seen.Size)*min(i, 1))
		complete(t, l, morning.Add(time.Duration(i)*time.Minute), size)
		for want := 1; want >= 0; want-- { // the second time there is nothing to ask for
			if n, err := l.AskWitnesses(ctx); n != want || err != nil {
				t.Fatalf("%d entries: %d cosignatures, want %d, %v", size, n, want, err)
			}
		}
		c, err := l.Newest(ctx)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := ledger.OpenCheckpoint([]byte(c.Note), keysOf(t, l))
		if err != nil || len(signed.Cosigned) != 1 || signed.Cosigned[0].Name != "witness.example" {
			t.Errorf("%+v, %v", signed, err)
		}
		if saved, err := os.ReadFile(filepath.Join(dir, "checkpoint")); err != nil || string(saved) != c.Note {
			t.Errorf("the saved checkpoint is not the cosigned one: %v", err)
		}
	}
	// A witness that has seen another history refuses.
	add(t, s, 1)
	complete(t, l, morning.Add(time.Hour), 15)
	w.seen.Root[0] ^= 1
	if n, err := l.AskWitnesses(ctx); n != 0 || !errors.Is(err, fault.Unavailable) {
		t.Errorf("a witness of another history: %d, %v", n, err)
	}
	for _, bad := range []string{"", "https://w.example", "ftp://w.example " + key, "https://w.example x"} {
		if _, err := record.ParseWitness(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestTwoProcesses: two that share a database and the key files give no place twice, and both sign.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, dir := t.Context(), t.TempDir()
		a, b := open(t, s, dir), open(t, s, dir)
		failed := make(chan error, 2)
		for i, l := range []*record.Log{a, b} {
			go func() {
				for {
					if err := l.Complete(ctx, morning.Add(time.Duration(i)*time.Second)); err != nil && !errors.Is(err, fault.NotFound) {
						failed <- err
						return
					}
					if c, err := l.Newest(ctx); err == nil && c.Size == 200 {
						failed <- nil
						return
					}
				}
			}()
		}
		add(t, s, 200)
		if err := errors.Join(<-failed, <-failed); err != nil {
			t.Fatal(err)
		}
		keys := keysOf(t, a)
		if len(keys.Log) != 1 {
			t.Errorf("%d keys", len(keys.Log))
		}
		read := func(path string) ([]byte, error) { return a.File(context.WithoutCancel(ctx), path) }
		if v, err := ledger.VerifyFiles(read, keys, nil, nil); err != nil || v.Size != 200 {
			t.Errorf("%d entries, %v", v.Size, err)
		}
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range names {
			names[i] = filepath.Base(names[i])
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != "checkpoint ledger-key ledger-key.pub" {
			t.Errorf("files: %s", got)
		}
	})
}
