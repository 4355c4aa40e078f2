// Command verifier checks an exported ledger without any code of Tocsin: by the format that the ledger's documentation
// gives, with golang.org/x/mod/sumdb and the standard library alone.
//
// usage: verifier VKEY FOLDER [EARLIER]: the checkpoint's signature, every entry's inclusion in its tree, the chain from
// entry to entry, and, where an earlier export is given, that the log continues it.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
	random = 50 // proofs of inclusion that are made and checked
)

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		fmt.Fprintln(os.Stderr, "usage: verifier VKEY FOLDER [EARLIER]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "verifier:", err)
		os.Exit(1)
	}
}

func run(key, dir string, earlier []string) error {
	tree, err := open(key, dir)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, folder(dir))
	last, err := chain(dir, tree, hashes)
	if err != nil {
		return err
	}
	for range min(random, tree.N) {
		n := rand.Int64N(tree.N)
		proof, err := tlog.ProveRecord(tree.N, n, hashes)
		if err != nil {
			return err
		}
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf[0]); err != nil {
			return fmt.Errorf("entry %d: %w", n+1, err)
		}
	}
	fmt.Printf("%d entries with the root %s; the last leaf is %s\n", tree.N, tree.Hash, last)
	for _, before := range earlier {
		old, err := open(key, before)
		if err != nil {
			return err
		}
		if err := continues(tree, old, hashes); err != nil {
			return fmt.Errorf("%s does not continue %s: %w", dir, before, err)
		}
		fmt.Printf("continues the log of %d entries\n", old.N)
	}
	return nil
}

// open reads the signed checkpoint of a folder.
func open(key, dir string) (tlog.Tree, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	msg, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != v.Name() || lines[3] != "" {
		return tlog.Tree{}, errors.New("the checkpoint has not the three lines origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func continues(tree, old tlog.Tree, hashes tlog.HashReader) error {
	switch {
	case old.N > tree.N:
		return fmt.Errorf("it has %d entries and had %d", tree.N, old.N)
	case old.N == tree.N && old.Hash != tree.Hash:
		return errors.New("another root of the same size")
	case old.N == 0 || old.N == tree.N:
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// chain reads every entry: its hash must be the leaf in the tree, and each must hold the hash of the one before.
func chain(dir string, tree tlog.Tree, hashes tlog.HashReader) (tlog.Hash, error) {
	var last tlog.Hash
	for n := int64(0); n < tree.N; n += width {
		w := int(min(width, tree.N-n))
		data, err := os.ReadFile(filepath.Join(dir, path("entries", n/width, w)))
		if err != nil {
			return last, err
		}
		for i := range int64(w) {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return last, fmt.Errorf("the bundle of entry %d is cut off", n+i+1)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			record := data[2:end]
			data = data[end:]
			var r struct {
				Seq  int64
				Prev string
			}
			if err := json.Unmarshal(record, &r); err != nil {
				return last, fmt.Errorf("entry %d: %w", n+i+1, err)
			}
			if r.Seq != n+i+1 || r.Prev != base64.StdEncoding.EncodeToString(last[:]) {
				return last, fmt.Errorf("entry %d does not follow the one before it", n+i+1)
			}
			last = tlog.RecordHash(record)
			leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, n+i)})
			if err != nil {
				return last, err
			}
			if leaf[0] != last {
				return last, fmt.Errorf("entry %d is not the one in the tree", n+i+1)
			}
		}
		if len(data) > 0 {
			return last, fmt.Errorf("behind entry %d lie %d bytes more", n+int64(w), len(data))
		}
	}
	return last, nil
}

// folder reads tiles as C2SP tlog-tiles lays them out.
type folder string

func (f folder) Height() int { return height }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if out[i], err = os.ReadFile(filepath.Join(string(f), path(strconv.Itoa(t.L), t.N, t.W))); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

// path writes a tile's number in groups of three digits, all but the last behind an x.
func path(level string, n int64, w int) string {
	number := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		number = fmt.Sprintf("x%03d/%s", n%1000, number)
	}
	if w < width {
		number += ".p/" + strconv.Itoa(w)
	}
	return "tile/" + level + "/" + number
}
