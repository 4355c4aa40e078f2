package ledger_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// A proof of a record that is not in the tree is refused, whatever of it is forged: the record, its place, a hash, the size.
func TestForgedProofs(t *testing.T) {
	t.Parallel()
	l := newLog(t, 9)
	c, signed := l.checkpoint(t, 9)
	prove := func() ledger.Proof {
		p, err := ledger.Prove(l.records[4], 5, c, signed, l.read)
		if err != nil {
			t.Fatal(err)
		}
		p.Hashes = append([]ledger.Hash(nil), p.Hashes...)
		return p
	}
	_, smaller := l.checkpoint(t, 4)
	for name, forge := range map[string]func(*ledger.Proof){
		"the truth":          func(*ledger.Proof) {},
		"another reason":     func(p *ledger.Proof) { p.Record = bytes.Replace(p.Record, []byte("false"), []byte("wrong"), 1) },
		"another's place":    func(p *ledger.Proof) { p.Seq, p.Index = 6, 5 },
		"a place of its own": func(p *ledger.Proof) { p.Index = 5 },
		"another hash":       func(p *ledger.Proof) { p.Hashes[0][0] ^= 1 },
		"a hash less":        func(p *ledger.Proof) { p.Hashes = p.Hashes[1:] },
		"a smaller log":      func(p *ledger.Proof) { p.Checkpoint = smaller },
		"no record":          func(p *ledger.Proof) { p.Record = nil },
	} {
		p := prove()
		forge(&p)
		if _, _, err := p.Check(l.keys); (err == nil) != (name == "the truth") || err != nil && !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A log continues another only where that is its beginning.
func TestContinues(t *testing.T) {
	t.Parallel()
	l := newLog(t, 9)
	at := func(size int64) ledger.Checkpoint { c, _ := l.checkpoint(t, size); return c }
	between := func(old, size int64) []ledger.Hash {
		hs, err := ledger.ProveConsistency(old, size, l.read)
		if err != nil {
			t.Fatal(err)
		}
		return hs
	}
	changed := func(c ledger.Checkpoint, change func(*ledger.Checkpoint)) ledger.Checkpoint { change(&c); return c }
	otherRoot := func(c *ledger.Checkpoint) { c.Root[0] ^= 1 }
	otherName := func(c *ledger.Checkpoint) { c.Origin = "else.example/ledger" }
	for _, c := range []struct {
		name     string
		old, now ledger.Checkpoint
		hashes   []ledger.Hash
		ok       bool
	}{
		{"it grew", at(5), at(9), between(5, 9), true},
		{"it is the same", at(9), at(9), nil, true},
		{"it was empty", at(0), at(9), nil, true},
		{"another began", at(5), changed(at(9), otherName), between(5, 9), false},
		{"it shrank", at(9), at(5), nil, false},
		{"the same size, another root", at(9), changed(at(9), otherRoot), nil, false},
		{"another root grew", changed(at(5), otherRoot), at(9), between(5, 9), false},
		{"to another root", at(5), changed(at(9), otherRoot), between(5, 9), false},
		{"without the hashes", at(5), at(9), nil, false},
		{"with those of another size", at(5), at(9), between(4, 9), false},
	} {
		if err := ledger.CheckConsistency(c.old, c.now, c.hashes); (err == nil) != c.ok || err != nil && !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Claims of every size are held against the log, and a claim of more than there is names itself.
func TestClaims(t *testing.T) {
	t.Parallel()
	l := newLog(t, 9)
	_, signed := l.checkpoint(t, 9)
	l.files[ledger.CheckpointPath] = []byte(signed)
	for _, size := range []int64{0, 1, 4, 9} {
		c, _ := l.checkpoint(t, size)
		if _, err := ledger.VerifyFiles(l.read, l.keys, []ledger.Claim{{Name: "the newspaper", Checkpoint: c}}, nil); err != nil {
			t.Errorf("a claim of %d entries: %v", size, err)
		}
		c.Root[3] ^= 4
		_, err := ledger.VerifyFiles(l.read, l.keys, []ledger.Claim{{Name: "the newspaper", Checkpoint: c}}, nil)
		if !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "the newspaper") {
			t.Errorf("a claim of %d entries with another root: %v", size, err)
		}
	}
	empty := newLog(t, 0)
	_, signed = empty.checkpoint(t, 0)
	empty.files[ledger.CheckpointPath] = []byte(signed)
	if v, err := ledger.VerifyFiles(empty.read, empty.keys, nil, nil); err != nil || v.Size != 0 || v.HashesOnly {
		t.Errorf("an empty log: %+v, %v", v, err)
	}
	more, _ := l.checkpoint(t, 1)
	if _, err := ledger.VerifyFiles(empty.read, empty.keys, []ledger.Claim{{Name: "the newspaper", Checkpoint: more}}, nil); !errors.Is(err, fault.Conflict) {
		t.Errorf("a claim of more than there is: %v", err)
	}
	delete(l.files, ledger.CheckpointPath)
	if _, err := ledger.VerifyFiles(l.read, l.keys, nil, nil); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("no checkpoint: %v", err)
	}
	broken := errors.New("the disk")
	if _, err := ledger.VerifyFiles(func(string) ([]byte, error) { return nil, broken }, l.keys, nil, nil); !errors.Is(err, broken) || errors.Is(err, fault.Conflict) {
		t.Errorf("a disk that fails: %v", err)
	}
}

// A key is told by its name and its hash, both; a cosignature is whole, to its last byte and its line's end.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	l := newLog(t, 3)
	c, _ := l.checkpoint(t, 3)
	secret, other, err := ledger.GenerateKey(rand.Reader, origin) // the same name
	if err != nil {
		t.Fatal(err)
	}
	second, err := ledger.Signer(secret)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := c.Sign(second)
	if err != nil {
		t.Fatal(err)
	}
	both, err := ledger.ReadKeys(l.pub + "\n" + other)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := ledger.OpenCheckpoint(msg, both); err != nil || len(s.Keys) != 1 || !strings.HasPrefix(other, s.Keys[0]+"+") {
		t.Errorf("the second key of a name: %+v, %v", s, err)
	}
	witness, witnessKey, err := ledger.NewCosigner("witness.example", make([]byte, 32), morning)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ledger.ReadKeys(l.pub + "\n" + witnessKey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := c.Sign(l.key)
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := note.Sign(&note.Note{Text: c.Text()}, witness)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(cosigned), "\n\n")
	if out, err := ledger.AddCosignatures(signed, []byte(line+line), keys); err != nil || strings.Count(string(out), line) != 1 {
		t.Errorf("the same line two times: %q, %v", out, err)
	}
	if _, err := ledger.AddCosignatures(signed, []byte(strings.TrimSuffix(line, "\n")), keys); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("a line without its end: %v", err)
	}
}

// A record is as long as fits, and no byte longer; a key has the length of its kind and the name of somebody.
func TestLongest(t *testing.T) {
	t.Parallel()
	record := func(reason int) (int, error) {
		e := entry(1)
		e.Reason = strings.Repeat("x", reason)
		b, err := e.Record(nil)
		return len(b), err
	}
	n, err := record(1)
	if err != nil {
		t.Fatal(err)
	}
	fits := ledger.MaxRecord - n + 1
	if got, err := record(fits); err != nil || got != ledger.MaxRecord {
		t.Errorf("a record of %d bytes: %v", got, err)
	}
	if _, err := record(fits + 1); !errors.Is(err, fault.TooLarge) {
		t.Errorf("a byte more: %v", err)
	}
	_, public, err := ledger.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(public, "+", 3)[2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.ReadKeys(named(origin, raw)); err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string]string{
		"a byte short": named(origin, raw[:len(raw)-1]), "a byte more": named(origin, append(bytes.Clone(raw), 1)), "a blank in the name": named("a b", raw), "no name": named("", raw),
	} {
		if _, err := ledger.ReadKeys(line); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// named writes a verifier key of these bytes, type first, with the hash that belongs to it.
func named(name string, key []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return name + "+" + hex.EncodeToString(sum[:4]) + "+" + base64.StdEncoding.EncodeToString(key)
}
