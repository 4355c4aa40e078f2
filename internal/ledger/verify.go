package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/fault"
)

// Claim is what somebody knows of the log from elsewhere: a checkpoint that was saved, printed or mailed, and by what
// name to speak of it.
type Claim struct {
	Name string
	Checkpoint
}

// Node is one hash of the Merkle tree: the N-th of its level, which covers 2^Level leaves.
type Node struct {
	Level int
	N     int64
	Hash  Hash
}

// Index is the node's place among all hashes in the order in which they come into being.
func (n Node) Index() int64 { return tlog.StoredHashIndex(n.Level, n.N) }

// Walk recomputes a log from its records, one after the other: the chain, the tree and the root at each size. It keeps
// one hash a level, whatever the size of the log. The zero value is an empty log.
type Walk struct {
	Size int64
	last Hash     // leaf of the newest entry
	edge []Hash   // by level; what is there is said by the bits of Size
	open []*Claim // not reached yet, the smallest first
}

// NewWalk begins at an empty log that has to agree with claims.
func NewWalk(claims ...Claim) (*Walk, error) {
	w := &Walk{}
	for i := range claims {
		w.open = append(w.open, &claims[i])
	}
	slices.SortStableFunc(w.open, func(a, b *Claim) int { return cmp.Compare(a.Size, b.Size) })
	return w, w.compare()
}

// Add takes the next entry, whose Seq and Hash are as stored, and returns the nodes that it brings into being, its leaf
// first. fault.Conflict where it is not in its place, is not what was hashed, or a claim says otherwise.
func (w *Walk) Add(e *Entry) ([]Node, error) {
	if e.Seq != w.Size+1 {
		return nil, fault.New(fault.Conflict, "entry %d of the log is missing: the next one has place %d", w.Size+1, e.Seq)
	}
	record, err := e.Record(w.last[:])
	if err != nil {
		return nil, fault.New(fault.Conflict, "entry %d (%s of %s) cannot be what was recorded: %v", e.Seq, e.Act, e.Object, err)
	}
	leaf := LeafHash(record)
	if !bytes.Equal(leaf[:], e.Hash) {
		return nil, fault.New(fault.Conflict, "entry %d (%s of %s by %s) was changed: its hash is not the one that the log keeps", e.Seq, e.Act, e.Object, e.Actor)
	}
	return w.leaf(leaf)
}

// AddRecord is Add for the bytes of a record.
func (w *Walk) AddRecord(record []byte) (Record, []Node, error) {
	chain := Chain{Seq: w.Size, Last: w.last}
	r, err := chain.Next(record)
	if err != nil {
		text, _ := fault.Message(err)
		return r, nil, fault.New(fault.Conflict, "entry %d of the log: %s", w.Size+1, text)
	}
	nodes, err := w.leaf(LeafHash(record))
	return r, nodes, err
}

func (w *Walk) leaf(h Hash) ([]Node, error) {
	nodes := []Node{{N: w.Size, Hash: h}}
	w.last = h
	level := 0
	for ; w.Size>>level&1 == 1; level++ {
		h = tlog.NodeHash(w.edge[level], h)
		nodes = append(nodes, Node{Level: level + 1, N: w.Size >> (level + 1), Hash: h})
	}
	if level == len(w.edge) {
		w.edge = append(w.edge, h)
	}
	w.edge[level] = h
	w.Size++
	return nodes, w.compare()
}

// Last is the leaf of the newest entry; all zero in an empty log.
func (w *Walk) Last() Hash { return w.last }

// Root is the root of all that was added.
func (w *Walk) Root() Hash {
	var root Hash
	have := false
	for level, h := range w.edge {
		switch {
		case w.Size>>level&1 == 0:
		case have:
			root = tlog.NodeHash(h, root)
		default:
			root, have = h, true
		}
	}
	if !have {
		root, _ = tlog.TreeHash(0, nil) // the hash of nothing, which needs no reader
	}
	return root
}

// compare holds the log against the claims of its present size.
func (w *Walk) compare() error {
	for len(w.open) > 0 && w.open[0].Size <= w.Size {
		c := w.open[0]
		w.open = w.open[1:]
		if root := w.Root(); c.Size == w.Size && c.Root != root {
			return fault.New(fault.Conflict, "history was rewritten: %s says that the first %d entries have the root %s, and here they have %s",
				c.Name, c.Size, c.Root, root)
		}
	}
	return nil
}

// End says that there is nothing more to add: fault.Conflict where a claim knows of more.
func (w *Walk) End() error {
	if len(w.open) == 0 {
		return nil
	}
	c := w.open[len(w.open)-1]
	return fault.New(fault.Conflict, "the log was rolled back: %s knows of %d entries, and here are %d", c.Name, c.Size, w.Size)
}

// Verified is what was found of a log in which everything is right.
type Verified struct {
	Signed
	HashesOnly bool // the log was published without its records: only hashes could be verified
}

// VerifyFiles reads a log laid out in tiles from its beginning to its checkpoint: every record in every bundle, the chain,
// every hash in every tile, the root, the signature, and what claims know. each is called with every record and may be
// nil. fault.Conflict or fault.Invalid, naming the first thing that is wrong.
func VerifyFiles(read Files, keys Keys, claims []Claim, each func(Record) error) (Verified, error) {
	msg, err := read(CheckpointPath)
	if err != nil {
		return Verified{}, missing(CheckpointPath, err)
	}
	signed, err := OpenCheckpoint(msg, keys)
	if err != nil {
		return Verified{}, err
	}
	for _, c := range claims {
		if c.Size > signed.Size {
			return Verified{}, fault.New(fault.Conflict, "the log was rolled back: %s knows of %d entries, and the log's checkpoint says %d", c.Name, c.Size, signed.Size)
		}
	}
	w, err := NewWalk(append(slices.Clone(claims), Claim{Name: "its own checkpoint", Checkpoint: signed.Checkpoint})...)
	if err != nil {
		return Verified{}, err
	}
	v := fileWalk{Walk: w, read: read, size: signed.Size, each: each, tiles: make([][]byte, MaxLevel+1)}
	bare, err := v.bare()
	if err != nil {
		return Verified{}, err
	}
	take := v.bundle
	if bare {
		take = v.hashes
	}
	for n := int64(0); n*TileWidth < signed.Size; n++ {
		if err := take(n); err != nil {
			return Verified{}, err
		}
	}
	if err := errors.Join(v.rest(), w.End()); err != nil {
		return Verified{}, err
	}
	return Verified{Signed: signed, HashesOnly: bare}, nil
}

func missing(path string, err error) error {
	if errors.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, "%s of the log is missing", path)
	}
	return fmt.Errorf("read %s: %w", path, err)
}

// fileWalk is a Walk through tiles: it builds each tile again from the records and compares.
type fileWalk struct {
	*Walk
	read  Files
	size  int64
	each  func(Record) error
	tiles [][]byte // by level: the hashes of the tile that is being built
}

// bare reports whether the log was published without records: neither its first nor its last bundle is there.
func (v *fileWalk) bare() (bool, error) {
	if v.size == 0 {
		return false, nil
	}
	for _, n := range []int64{0, (v.size - 1) / TileWidth} {
		_, err := v.read(v.at(Bundles, n).Path())
		if !errors.Is(err, fault.NotFound) {
			return false, err
		}
	}
	return true, nil
}

// at names the n-th bundle, or tile of level 0, with the width that it has in a log of this size.
func (v *fileWalk) at(level int, n int64) Tile {
	return Tile{Level: level, N: n, Width: int(min(TileWidth, v.size-n*TileWidth))}
}

// hashes takes the leaves of the n-th tile, where there are no records.
func (v *fileWalk) hashes(n int64) error {
	t := v.at(0, n)
	data, err := v.read(t.Path())
	if err != nil {
		return missing(t.Path(), err)
	}
	if len(data) != t.Width*tlog.HashSize {
		return fault.New(fault.Conflict, "%s has %d bytes, not %d", t.Path(), len(data), t.Width*tlog.HashSize)
	}
	for ; len(data) > 0; data = data[tlog.HashSize:] {
		nodes, err := v.leaf(Hash(data[:tlog.HashSize]))
		if err != nil {
			return err
		}
		for _, node := range nodes {
			if err := v.node(node); err != nil {
				return err
			}
		}
	}
	return nil
}

// bundle reads the n-th bundle of records.
func (v *fileWalk) bundle(n int64) error {
	t := v.at(Bundles, n)
	data, err := v.read(t.Path())
	if err != nil {
		return missing(t.Path(), err)
	}
	records, err := ParseBundle(data, t.Width)
	if err != nil {
		return fault.New(fault.Conflict, "%s: %v", t.Path(), err)
	}
	for _, record := range records {
		r, nodes, err := v.AddRecord(record)
		if err != nil {
			return err
		}
		for _, node := range nodes {
			if err := v.node(node); err != nil {
				return err
			}
		}
		if v.each != nil {
			if err := v.each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// node puts a hash into its tile, and compares the tile once it is full. A tile holds every TileHeight-th level.
func (v *fileWalk) node(n Node) error {
	level := n.Level / TileHeight
	if n.Level%TileHeight != 0 || level > MaxLevel {
		return nil
	}
	v.tiles[level] = append(v.tiles[level], n.Hash[:]...)
	if len(v.tiles[level]) < TileWidth*tlog.HashSize {
		return nil
	}
	return v.tile(Tile{Level: level, N: n.N / TileWidth, Width: TileWidth})
}

// tile compares the tile that was built with the one that is there.
func (v *fileWalk) tile(t Tile) error {
	data, err := v.read(t.Path())
	if err != nil {
		return missing(t.Path(), err)
	}
	if !bytes.Equal(data, v.tiles[t.Level]) {
		return fault.New(fault.Conflict, "%s was changed: its hashes are not those of the entries", t.Path())
	}
	v.tiles[t.Level] = v.tiles[t.Level][:0]
	return nil
}

// rest compares the partial tiles at the right edge.
func (v *fileWalk) rest() error {
	for level := range v.tiles {
		full, partial := TilesOf(v.size, level)
		if partial == 0 {
			continue
		}
		if err := v.tile(Tile{Level: level, N: full, Width: partial}); err != nil {
			return err
		}
	}
	return nil
}
