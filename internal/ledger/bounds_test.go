package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// Everything that is read from others has bounds, and a value just beyond one is refused by its kind.
func TestBounds(t *testing.T) {
	t.Parallel()
	hash := tlog.RecordHash([]byte("x"))
	proof := func(index string, hashes int) string {
		return "c2sp.org/tlog-proof@v1\nextra eA==\nindex " + index + "\n" + strings.Repeat(hash.String()+"\n", hashes) + "\nsigned\n"
	}
	checkpoint := func(size string) string { return "log\n" + size + "\n" + hash.String() + "\n" }
	consistency := func(old, size int64) error {
		_, err := ledger.ProveConsistency(old, size, func(string) ([]byte, error) { return nil, errors.New("read") })
		return err
	}
	subtree := func(n int) error {
		_, err := ledger.SubtreeHash(make([]byte, n))
		return err
	}
	parse := func(text string) error {
		_, err := ledger.ParseProof(text)
		return err
	}
	point := func(text string) error {
		_, err := ledger.ParseCheckpoint(text)
		return err
	}
	open := func(n int) error {
		_, err := ledger.OpenCheckpoint([]byte(strings.Repeat("a", n)), ledger.Keys{})
		return err
	}
	bundle := func(data string, width int) error {
		_, err := ledger.ParseBundle([]byte(data), width)
		return err
	}
	for _, c := range []struct {
		name string
		got  error
		want error // nil: taken
	}{
		{"a proof of 63 hashes", parse(proof("0", 63)), nil},
		{"a proof of 64 hashes", parse(proof("0", 64)), fault.Invalid},
		{"an index with a sign", parse(proof("+1", 0)), fault.Invalid},
		{"an index below zero", parse(proof("-1", 0)), fault.Invalid},
		{"no index", parse(proof("", 0)), fault.Invalid},
		{"a proof without its end", parse("c2sp.org/tlog-proof@v1\nextra eA==\nindex 0\n"), fault.Invalid},
		{"a hash that is none", parse("c2sp.org/tlog-proof@v1\nextra eA==\nindex 0\nabc\n\nsigned\n"), fault.Invalid},
		{"an empty log", point(checkpoint("0")), nil},
		{"a log of less than nothing", point(checkpoint("-1")), fault.Invalid},
		{"a log of a word", point(checkpoint("many")), fault.Invalid},
		{"a log with leading zeros", point(checkpoint("01")), fault.Invalid},
		{"a log without a name", point("\n1\n" + hash.String() + "\n"), fault.Invalid},
		{"a fourth line", point(checkpoint("1") + "x\n"), fault.Invalid},
		{"no entries to no entries", consistency(0, 0), nil},
		{"nothing to five", consistency(0, 5), nil},
		{"five to five", consistency(5, 5), nil},
		{"six to five", consistency(6, 5), fault.Invalid},
		{"minus one to five", consistency(-1, 5), fault.Invalid},
		{"a tile that is one hash short", subtree(ledger.TileWidth*tlog.HashSize - tlog.HashSize), fault.Invalid},
		{"a tile that is whole", subtree(ledger.TileWidth * tlog.HashSize), nil},
		{"a checkpoint that is too long", open(1 << 20), fault.TooLarge},
		{"a bundle of nothing", bundle("", 0), nil},
		{"a bundle of one", bundle("\x00\x01a", 1), nil},
		{"a bundle of one where two were said", bundle("\x00\x01a", 2), fault.Invalid},
		{"a bundle with a byte more", bundle("\x00\x01ab", 1), fault.Invalid},
		{"a bundle cut off in its length", bundle("\x00", 1), fault.Invalid},
		{"a bundle cut off in its record", bundle("\x00\x02a", 1), fault.Invalid},
		{"an empty record", bundle("\x00\x00", 1), nil},
	} {
		if c.want == nil && c.got != nil || c.want != nil && !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

// Paths that no log writes are no tiles, and a log has as many tiles as fit.
func TestTileBounds(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"tile/-1/000", "tile/x/000", "tile/64/000", "tile/0/-01", "tile/0/00x", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/x",
		"tile/0/1", "tile/0/x001", "tile/entries", "title/0/000", "tile/0/x999/x999/x999/x999/x999/x999/999", strings.Repeat("tile/0/000", 20),
	} {
		if got, err := ledger.ParseTile(path); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s was read as %+v: %v", path, got, err)
		}
	}
	for size, want := range map[int64][2]int64{0: {0, 0}, 1: {0, 1}, 255: {0, 255}, 256: {1, 0}, 257: {1, 1}} {
		if full, partial := ledger.TilesOf(size, 0); full != want[0] || int64(partial) != want[1] {
			t.Errorf("%d entries have %d full tiles and one of %d", size, full, partial)
		}
	}
}
