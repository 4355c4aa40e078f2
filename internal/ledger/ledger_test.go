package ledger_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

var morning = time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)

func entry(seq int64) ledger.Entry {
	return ledger.Entry{
		Seq: seq, At: morning, Actor: "person:per_1", Post: "handler", Act: "finding.discard", Object: fmt.Sprintf("finding:%d", seq),
		Reason: "false <alarm>", Body: `{"n":1}`, Salt: []byte("0123456789abcdef"),
	}
}

// log is a whole log in memory: the files that an export would have.
type log struct {
	records [][]byte
	files   map[string][]byte
	key     note.Signer
	keys    ledger.Keys
	pub     string
}

const origin = "csirt.example/ledger"

func newLog(t testing.TB, n int64) *log {
	t.Helper()
	l := &log{files: map[string][]byte{}}
	secret, public, err := ledger.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	l.pub = public
	if l.key, err = ledger.Signer(secret); err != nil {
		t.Fatal(err)
	}
	if l.keys, err = ledger.ReadKeys(public); err != nil {
		t.Fatal(err)
	}
	var prev []byte
	nodes := [][]byte{}
	for seq := int64(1); seq <= n; seq++ {
		e := entry(seq)
		r, err := e.Record(prev)
		if err != nil {
			t.Fatal(err)
		}
		leaf := ledger.LeafHash(r)
		prev = leaf[:]
		l.records, nodes = append(l.records, r), append(nodes, prev)
	}
	l.cut(t, ledger.Bundles, l.records, func(rs [][]byte) []byte {
		b, err := ledger.Bundle(rs)
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
	for level := 0; len(nodes) > 0; level++ {
		l.cut(t, level, nodes, func(hs [][]byte) []byte { return bytes.Join(hs, nil) })
		var above [][]byte
		for i := 0; i+ledger.TileWidth <= len(nodes); i += ledger.TileWidth {
			h, err := ledger.SubtreeHash(bytes.Join(nodes[i:i+ledger.TileWidth], nil))
			if err != nil {
				t.Fatal(err)
			}
			above = append(above, h[:])
		}
		nodes = above
	}
	return l
}

func (l *log) cut(t testing.TB, level int, items [][]byte, join func([][]byte) []byte) {
	t.Helper()
	for n := int64(0); len(items) > 0; n++ {
		w := min(len(items), ledger.TileWidth)
		l.files[ledger.Tile{Level: level, N: n, Width: w}.Path()] = join(items[:w])
		// Narrower ones are what an older tree had.
		for p := 1; p < w && len(items) < 3*ledger.TileWidth; p++ {
			l.files[ledger.Tile{Level: level, N: n, Width: p}.Path()] = join(items[:p])
		}
		items = items[w:]
	}
}

func (l *log) read(path string) ([]byte, error) {
	if b, ok := l.files[path]; ok {
		return b, nil
	}
	return nil, fault.NotFound
}

func (l *log) checkpoint(t testing.TB, size int64) (ledger.Checkpoint, string) {
	t.Helper()
	root, err := ledger.Root(size, l.read)
	if err != nil {
		t.Fatal(err)
	}
	c := ledger.Checkpoint{Origin: origin, Size: size, Root: root}
	b, err := c.Sign(l.key)
	if err != nil {
		t.Fatal(err)
	}
	return c, string(b)
}

func TestRecord(t *testing.T) {
	t.Parallel()
	e := entry(7)
	got, err := e.Record(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":7,"at":"2026-03-01T08:00:00.123456Z","actor":"person:per_1","post":"handler","act":"finding.discard",` +
		`"object":"finding:7","reason":"false <alarm>","body":{"n":1},"salt":"MDEyMzQ1Njc4OWFiY2RlZg==",` +
		`"prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`
	if string(got) != want {
		t.Errorf("record\n got %s\nwant %s", got, want)
	}
	long := entry(8)
	long.Body, long.Commitment = `{"a":"`+strings.Repeat("x", ledger.MaxBody)+`"}`, ledger.Commit(long.Salt, []byte("p"))
	r, err := long.Record(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ledger.ParseRecord(r)
	if err != nil || p.Body != "" || len(p.BodySum) != 32 || !bytes.Equal(p.Commitment, long.Commitment) {
		t.Errorf("a record without its long body: %+v, %v", p, err)
	}
	for _, f := range []struct{ name, reason, body string }{
		{"too large", strings.Repeat("x", ledger.MaxRecord), "{}"},
	} {
		e := entry(1)
		e.Reason, e.Body = f.reason, f.body
		if _, err := e.Record(nil); !errors.Is(err, fault.TooLarge) {
			t.Errorf("%s: %v", f.name, err)
		}
	}
	if _, err := e.Record([]byte("short")); !errors.Is(err, fault.Invalid) {
		t.Errorf("a short hash before: %v", err)
	}
}

func TestParseRecordIsStrict(t *testing.T) {
	t.Parallel()
	e := entry(7)
	b, err := e.Record(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for name, bad := range map[string]string{
		"empty":           "",
		"trailing":        good + " ",
		"two":             good + good,
		"unknown":         strings.Replace(good, `{"seq"`, `{"x":1,"seq"`, 1),
		"twice":           strings.Replace(good, `"post":`, `"post":"a","post":`, 1),
		"other case":      strings.Replace(good, `"post":`, `"Post":`, 1),
		"escapes":         strings.Replace(good, "handler", `h\u0061ndler`, 1),
		"space":           strings.Replace(good, `"seq":7`, `"seq": 7`, 1),
		"no microseconds": strings.Replace(good, ".123456Z", "Z", 1),
		"base64":          strings.Replace(good, "ZGVmZw==", "ZGVmZh==", 1) + "x",
		"lenient base64":  strings.Replace(good, "WVmZg==", "WVmZh==", 1),
		"place 0":         strings.Replace(good, `"seq":7`, `"seq":0`, 1),
		"body no object":  strings.Replace(good, `{"n":1}`, `[1]`, 1),
		"no body":         strings.Replace(good, `"body":{"n":1},`, ``, 1),
		"both bodies":     strings.Replace(good, `"salt"`, `"body_sha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","salt"`, 1),
		"no prev":         good[:strings.Index(good, `,"prev"`)] + "}",
	} {
		if bad == good {
			continue
		}
		if _, err := ledger.ParseRecord([]byte(bad)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ledger.ParseRecord([]byte(good)); err != nil {
		t.Error(err)
	}
}

func TestTilePaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tile ledger.Tile
		path string
	}{
		{ledger.Tile{Level: 0, N: 0, Width: 256}, "tile/0/000"},
		{ledger.Tile{Level: 0, N: 1234067, Width: 256}, "tile/0/x001/x234/067"},
		{ledger.Tile{Level: 5, N: 1000, Width: 255}, "tile/5/x001/000.p/255"},
		{ledger.Tile{Level: ledger.Bundles, N: 12, Width: 1}, "tile/entries/012.p/1"},
	} {
		if got := c.tile.Path(); got != c.path {
			t.Errorf("%+v is %s, want %s", c.tile, got, c.path)
		}
		if got, err := ledger.ParseTile(c.path); err != nil || got != c.tile {
			t.Errorf("%s is %+v, %v", c.path, got, err)
		}
	}
	for _, bad := range []string{
		"", "tile", "tile/0", "tile/0/", "tile/6/000", "tile/-1/000", "tile/00/000", "tile/0/0", "tile/0/0000", "tile/0/x000/000",
		"tile/0/001/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "tile/data/000", "tile/0/../000",
		"tile/0/+01", "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
	} {
		if got, err := ledger.ParseTile(bad); !errors.Is(err, fault.NotFound) {
			t.Errorf("%q is %+v, %v", bad, got, err)
		}
	}
}

// TestTreeOfTiles: whatever the sizes, roots computed from tiles are those of the reference implementation, and every
// proof made from tiles holds.
func TestTreeOfTiles(t *testing.T) {
	t.Parallel()
	const most = 700
	l := newLog(t, most)
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(is []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(is))
		for i, x := range is {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, r := range l.records {
		hs, err := tlog.StoredHashes(int64(i), r, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
	}
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(1, most).Draw(rt, "size")
		old := rapid.Int64Range(1, size).Draw(rt, "old")
		seq := rapid.Int64Range(1, size).Draw(rt, "seq")
		c, signed := l.checkpoint(t, size)
		before, signedBefore := l.checkpoint(t, old)
		want, err := tlog.TreeHash(size, reader)
		if err != nil || c.Root != want {
			rt.Fatalf("root of %d: %s, want %s, %v", size, c.Root, want, err)
		}
		p, err := ledger.Prove(l.records[seq-1], seq, c, signed, l.read)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := ledger.ParseProof(p.Text())
		if err != nil {
			rt.Fatal(err)
		}
		if _, _, err := again.Check(l.keys); err != nil {
			rt.Fatal(err)
		}
		again.Record = l.records[seq%most]
		if _, _, err := again.Check(l.keys); err == nil {
			rt.Fatal("a proof with another record holds")
		}
		hs, err := ledger.ProveConsistency(old, size, l.read)
		if err != nil {
			rt.Fatal(err)
		}
		two := ledger.Consistency{Old: signedBefore, New: signed, Hashes: hs}
		if _, _, err := two.Check(l.keys); err != nil {
			rt.Fatal(err)
		}
		before.Root[3] ^= 1
		if err := ledger.CheckConsistency(before, c, hs); !errors.Is(err, fault.Conflict) {
			rt.Fatalf("another history: %v", err)
		}
	})
}

func TestTrustedTiles(t *testing.T) {
	t.Parallel()
	l := newLog(t, 600)
	c, _ := l.checkpoint(t, 600)
	index := []int64{tlog.StoredHashIndex(0, 17)}
	if hs, err := ledger.Trusted(c, l.read).ReadHashes(index); err != nil || hs[0] != ledger.LeafHash(l.records[17]) {
		t.Errorf("hash of leaf 17: %v, %v", hs, err)
	}
	bad := func(path string) ([]byte, error) {
		b, err := l.read(path)
		if path == "tile/0/000" {
			b = bytes.Clone(b)
			b[99] ^= 1
		}
		return b, err
	}
	if _, err := ledger.Trusted(c, bad).ReadHashes(index); err == nil {
		t.Error("a tile with a flipped bit is trusted")
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	l := newLog(t, 5)
	var c ledger.Chain
	for _, r := range l.records[:3] {
		if _, err := c.Next(r); err != nil {
			t.Fatal(err)
		}
	}
	for name, bad := range map[string][]byte{"left out": l.records[4], "twice": l.records[2]} {
		if _, err := c.Next(bad); !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := entry(4)
	other, err := e.Record(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(other); !errors.Is(err, fault.Conflict) {
		t.Errorf("another hash before: %v", err)
	}
	if _, err := c.Next(l.records[3]); err != nil || c.Seq != 4 {
		t.Errorf("entry 4: %v", err)
	}
}

func TestBundles(t *testing.T) {
	t.Parallel()
	records := [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("x"), ledger.MaxRecord)}
	b, err := ledger.Bundle(records)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ledger.ParseBundle(b, 3)
	if err != nil || len(got) != 3 || !bytes.Equal(got[2], records[2]) {
		t.Errorf("bundle: %d records, %v", len(got), err)
	}
	for name, f := range map[string]func() ([][]byte, error){
		"too few":  func() ([][]byte, error) { return ledger.ParseBundle(b, 4) },
		"too many": func() ([][]byte, error) { return ledger.ParseBundle(b, 2) },
		"cut off":  func() ([][]byte, error) { return ledger.ParseBundle(b[:len(b)-1], 3) },
	} {
		if _, err := f(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ledger.Bundle([][]byte{make([]byte, ledger.MaxRecord+1)}); !errors.Is(err, fault.TooLarge) {
		t.Errorf("a record that does not fit: %v", err)
	}
}

// TestFlippedBits: no bit of a checkpoint with two signatures and a cosignature can change unnoticed.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	l := newLog(t, 3)
	c, _ := l.checkpoint(t, 3)
	secret, public, err := ledger.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ledger.Signer(secret)
	if err != nil {
		t.Fatal(err)
	}
	witness, witnessKey, err := ledger.NewCosigner("witness.example", make([]byte, 32), morning)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ledger.ReadKeys("# keys\n" + l.pub + "\n" + public + "\n" + witnessKey + "\n")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := c.Sign(l.key, second)
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := note.Sign(&note.Note{Text: c.Text()}, witness)
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := bytes.Cut(cosigned, []byte("\n\n"))
	msg, err := ledger.AddCosignatures(signed, lines, keys)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ledger.OpenCheckpoint(msg, keys)
	if err != nil || len(s.Keys) != 2 || len(s.Cosigned) != 1 || !s.Cosigned[0].At.Equal(morning.Truncate(time.Second)) {
		t.Fatalf("%+v, %v", s, err)
	}
	for i := range msg {
		for bit := range 8 {
			bad := bytes.Clone(msg)
			bad[i] ^= 1 << bit
			if _, err := ledger.OpenCheckpoint(bad, keys); err == nil {
				t.Errorf("bit %d of byte %d (%q) flipped unnoticed", bit, i, msg[i])
			}
		}
	}
	if _, err := ledger.OpenCheckpoint(msg, l.keys); !errors.Is(err, fault.Invalid) {
		t.Errorf("signatures by unknown keys: %v", err)
	}
	lenient := l.keys
	lenient.Lenient = true
	if s, err := ledger.OpenCheckpoint(msg, lenient); err != nil || len(s.Unknown) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := ledger.OpenCheckpoint(cosigned, keys); !errors.Is(err, fault.Invalid) {
		t.Errorf("a witness alone: %v", err)
	}
	for name, bad := range map[string]string{
		"another line": c.Text() + "more\n", "leading zero": strings.Replace(c.Text(), "\n3\n", "\n03\n", 1),
		"no size": origin + "\n\n" + c.Root.String() + "\n", "no origin": "\n3\n" + c.Root.String() + "\n",
	} {
		if _, err := ledger.ParseCheckpoint(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	secret, public, err := ledger.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ledger.VerifierKey(secret + "\n"); err != nil || got != public {
		t.Errorf("verifier key %s, want %s, %v", got, public, err)
	}
	if _, _, err := ledger.GenerateKey(rand.Reader, "a b"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a name with a space: %v", err)
	}
	name, rest, _ := strings.Cut(public, "+")
	hash, key, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	raw[0] = 9
	for what, bad := range map[string]string{
		"no key": "x", "private": secret, "other name": "b" + public, "other hash": name + "+00000000+" + key,
		"upper case": name + "+" + strings.ToUpper(hash) + "x+" + key, "type": name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(raw),
	} {
		_, err := ledger.ReadKeys(public + "\n" + bad)
		if text, _ := fault.Message(err); !errors.Is(err, fault.Invalid) || !strings.Contains(text, "line 2") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := ledger.Signer(public); !errors.Is(err, fault.Invalid) {
		t.Errorf("a public key as a signer: %v", err)
	}
}

func TestProofAsJSON(t *testing.T) {
	t.Parallel()
	l := newLog(t, 300)
	c, signed := l.checkpoint(t, 300)
	p, err := ledger.Prove(l.records[41], 42, c, signed, l.read)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again ledger.Proof
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if r, _, err := again.Check(l.keys); err != nil || r.Seq != 42 {
		t.Errorf("%d, %v", r.Seq, err)
	}
	if _, err := ledger.Prove(l.records[0], 301, c, signed, l.read); !errors.Is(err, fault.NotFound) {
		t.Errorf("an entry beyond: %v", err)
	}
}
