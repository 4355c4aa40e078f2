package ledger_test

import (
	"bytes"
	"testing"

	"tocsin/internal/ledger"
)

func FuzzParseRecord(f *testing.F) {
	for _, r := range newLog(f, 2).records {
		f.Add(r)
	}
	f.Add([]byte(`{"seq":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ledger.ParseRecord(data)
		if err != nil || len(r.BodySum) > 0 {
			return
		}
		if again, err := r.Record(r.Prev[:]); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q becomes %q, %v", data, again, err)
		}
	})
}

func FuzzParseTile(f *testing.F) {
	f.Add("tile/0/x001/234.p/5")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		if x, err := ledger.ParseTile(path); err == nil && x.Path() != path {
			t.Errorf("%q becomes %q", path, x.Path())
		}
	})
}

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte("\x00\x01a\x00\x00"), 2)
	f.Fuzz(func(t *testing.T, data []byte, width int) {
		records, err := ledger.ParseBundle(data, width%ledger.TileWidth)
		if err != nil {
			return
		}
		if again, err := ledger.Bundle(records); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q becomes %q, %v", data, again, err)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	l := newLog(f, 2)
	_, signed := l.checkpoint(f, 2)
	f.Add([]byte(signed))
	f.Add([]byte(origin + "\n0\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := ledger.OpenCheckpoint(data, l.keys); err == nil && string(data) != signed {
			t.Errorf("%q is taken for a checkpoint", data)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(origin + "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ledger.ParseCheckpoint(text); err == nil && c.Text() != text {
			t.Errorf("%q becomes %q", text, c.Text())
		}
	})
}

func FuzzReadKeys(f *testing.F) {
	f.Add(newLog(f, 1).pub)
	f.Add("# none\n")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = ledger.ReadKeys(text) })
}

func FuzzParseProof(f *testing.F) {
	l := newLog(f, 5)
	c, signed := l.checkpoint(f, 5)
	p, err := ledger.Prove(l.records[2], 3, c, signed, l.read)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Text())
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ledger.ParseProof(text); err == nil && p.Text() != text {
			t.Errorf("%q becomes %q", text, p.Text())
		}
	})
}
