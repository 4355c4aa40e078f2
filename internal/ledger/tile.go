package ledger

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/fault"
)

// Layout of the log (C2SP tlog-tiles).
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight // hashes of a full tile, records of a full entry bundle
	MaxLevel   = 5               // of a hash tile: 256^6 entries are more than any log will have
	Bundles    = -1              // the level of entry bundles

	CheckpointPath = "checkpoint"
	KeysPath       = "keys" // not in C2SP: verifier keys of the log and its witnesses, one a line
)

// Files reads a file of a log by its path from the log's root, as TilePath and CheckpointPath give it; whether it lies in
// a folder, on a web server or in a database. fault.NotFound where there is none.
type Files func(path string) ([]byte, error)

// Tile names a hash tile, or an entry bundle where Level is Bundles.
type Tile struct {
	Level int
	N     int64 // within the level, from 0
	Width int   // hashes or records in it, 1 to TileWidth
}

// Path returns the tile's path from the log's root, such as tile/0/x001/234.p/5 or tile/entries/000.
func (t Tile) Path() string {
	level := "entries"
	if t.Level != Bundles {
		level = strconv.Itoa(t.Level)
	}
	n := fmt.Sprintf("%03d", t.N%1000)
	for rest := t.N / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	if t.Width < TileWidth {
		return fmt.Sprintf("tile/%s/%s.p/%d", level, n, t.Width)
	}
	return "tile/" + level + "/" + n
}

// ParseTile reads a path that Path wrote; fault.NotFound for any other, as a web server would say.
func ParseTile(path string) (Tile, error) {
	refused := fault.New(fault.NotFound, "%.100q is no tile of a ledger", path)
	parts := strings.Split(path, "/")
	if len(parts) < 3 || len(path) > 100 || parts[0] != "tile" {
		return Tile{}, refused
	}
	t := Tile{Level: Bundles, Width: TileWidth}
	var err error
	if parts[1] != "entries" {
		if t.Level, err = strconv.Atoi(parts[1]); err != nil || t.Level < 0 || t.Level > MaxLevel {
			return Tile{}, refused
		}
	}
	parts = parts[2:]
	if last := len(parts) - 1; last > 0 && strings.HasSuffix(parts[last-1], ".p") {
		if t.Width, err = strconv.Atoi(parts[last]); err != nil || t.Width < 1 || t.Width >= TileWidth {
			return Tile{}, refused
		}
		parts = parts[:last]
		parts[last-1] = strings.TrimSuffix(parts[last-1], ".p")
	}
	for _, p := range parts {
		three, err := strconv.ParseInt(strings.TrimPrefix(p, "x"), 10, 64)
		if err != nil || three < 0 || t.N > (math.MaxInt64-three)/1000 {
			return Tile{}, refused
		}
		t.N = t.N*1000 + three
	}
	if t.Path() != path {
		return Tile{}, refused
	}
	return t, nil
}

// TilesOf returns the tiles and bundles that a log of size entries has at a level: how many full ones, and the width of
// the partial one behind them, 0 where there is none.
func TilesOf(size int64, level int) (full int64, partial int) {
	nodes := size >> (TileHeight * max(level, 0))
	return nodes / TileWidth, int(nodes % TileWidth)
}

// Bundle joins the records of up to TileWidth entries: each behind its length in 16 bits, the high byte first.
func Bundle(records [][]byte) ([]byte, error) {
	var b []byte
	for _, r := range records {
		if len(r) > MaxRecord {
			return nil, fault.New(fault.TooLarge, "a record has at most %d bytes, not %d", MaxRecord, len(r))
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(r))), r...)
	}
	return b, nil
}

// ParseBundle cuts a bundle of exactly width records; fault.Invalid where there are fewer, or bytes are left.
func ParseBundle(data []byte, width int) ([][]byte, error) {
	var out [][]byte
	for len(data) > 0 && len(out) < width {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fault.New(fault.Invalid, "the entry bundle is cut off within record %d", len(out)+1)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		out, data = append(out, data[2:end:end]), data[end:]
	}
	if len(out) != width || len(data) > 0 {
		return nil, fault.New(fault.Invalid, "the entry bundle has %d records and %d bytes more, not %d records", len(out), len(data), width)
	}
	return out, nil
}

// Tiles reads the hashes of the tree of size entries from its tiles as they are, for proofs and roots of a log that one
// holds oneself. Whoever got the tiles from elsewhere takes Trusted.
func Tiles(size int64, read Files) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		have := map[Tile][]byte{}
		out := make([]Hash, len(indexes))
		for i, x := range indexes {
			t := tlog.TileForIndex(TileHeight, x)
			full, partial := TilesOf(size, t.L)
			t.W = TileWidth
			if t.N >= full {
				t.W = partial
			}
			is := Tile{Level: t.L, N: t.N, Width: t.W}
			if have[is] == nil {
				data, err := read(is.Path())
				if err != nil {
					return nil, fmt.Errorf("read %s: %w", is.Path(), err)
				}
				have[is] = data
			}
			var err error
			if out[i], err = tlog.HashFromTile(t, have[is], x); err != nil {
				return nil, fault.New(fault.Invalid, "%s: %v", is.Path(), err)
			}
		}
		return out, nil
	})
}

// Trusted reads the hashes of a checkpoint's tree from tiles that anybody may have written: every hash that it returns
// was found to belong to the checkpoint's root.
func Trusted(c Checkpoint, read Files) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tileReader{read})
}

type tileReader struct{ read Files }

func (r tileReader) Height() int { return TileHeight }

func (r tileReader) ReadTiles(ts []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(ts))
	for i, t := range ts {
		path := Tile{Level: t.L, N: t.N, Width: t.W}.Path()
		var err error
		if out[i], err = r.read(path); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	return out, nil
}

func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// Root returns the root of the tree of size entries from its tiles, unchecked.
func Root(size int64, read Files) (Hash, error) {
	h, err := tlog.TreeHash(size, Tiles(size, read))
	if err != nil {
		return h, fmt.Errorf("root of %d entries: %w", size, err)
	}
	return h, nil
}

// SubtreeHash returns the hash over a full tile: the node above TileWidth hashes.
func SubtreeHash(tile []byte) (Hash, error) {
	if len(tile) != TileWidth*tlog.HashSize {
		return Hash{}, fault.New(fault.Invalid, "a full tile has %d bytes, not %d", TileWidth*tlog.HashSize, len(tile))
	}
	level := make([]Hash, TileWidth)
	for i := range level {
		copy(level[i][:], tile[i*tlog.HashSize:])
	}
	for ; len(level) > 1; level = level[:len(level)/2] {
		for i := range len(level) / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
	}
	return level[0], nil
}
