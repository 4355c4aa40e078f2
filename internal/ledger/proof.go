package ledger

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/fault"
)

// Proof is all that it takes to check offline that an entry is in the log: the record, the path of hashes to the root,
// and the signed checkpoint. As text it is a C2SP tlog-proof with the record as its extra data.
type Proof struct {
	Seq        int64  `json:"seq"`        // place of the entry, from 1
	Index      int64  `json:"index"`      // of its leaf: one less
	Record     []byte `json:"record"`     // base64 in JSON
	Hashes     []Hash `json:"hashes"`     // from the leaf to the root
	Checkpoint string `json:"checkpoint"` // signed
}

// Prove makes the proof that the record at a place is in a signed checkpoint's tree.
func Prove(record []byte, seq int64, c Checkpoint, signed string, read Files) (Proof, error) {
	if seq < 1 || seq > c.Size {
		return Proof{}, fault.New(fault.NotFound, "entry %d is not in the checkpoint of %d entries", seq, c.Size)
	}
	hs, err := tlog.ProveRecord(c.Size, seq-1, Tiles(c.Size, read))
	if err != nil {
		return Proof{}, fmt.Errorf("prove entry %d: %w", seq, err)
	}
	return Proof{Seq: seq, Index: seq - 1, Record: record, Hashes: hs, Checkpoint: signed}, nil
}

// Check verifies everything that the proof says and returns its record and checkpoint; fault.Invalid where anything is
// wrong.
func (p Proof) Check(keys Keys) (Record, Signed, error) {
	s, err := OpenCheckpoint([]byte(p.Checkpoint), keys)
	if err != nil {
		return Record{}, s, err
	}
	r, err := ParseRecord(p.Record)
	switch {
	case err != nil:
		return r, s, err
	case r.Seq != p.Seq || p.Index != p.Seq-1:
		return r, s, fault.New(fault.Invalid, "the proof is of entry %d and its record says %d", p.Seq, r.Seq)
	case p.Index >= s.Size:
		return r, s, fault.New(fault.Invalid, "entry %d is beyond the checkpoint of %d entries", p.Seq, s.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, s.Size, s.Root, p.Index, LeafHash(p.Record)); err != nil {
		return r, s, fault.New(fault.Invalid, "entry %d is not in the tree of the checkpoint", p.Seq)
	}
	return r, s, nil
}

const proofHead = "c2sp.org/tlog-proof@v1"

// Text writes the proof as a C2SP tlog-proof.
func (p Proof) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHead, base64.StdEncoding.EncodeToString(p.Record), p.Index)
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	return b.String() + "\n" + p.Checkpoint
}

// ParseProof reads what Text wrote; it verifies nothing yet.
func ParseProof(text string) (Proof, error) {
	bad := fault.New(fault.Invalid, "this is no proof (%s)", proofHead)
	head, signed, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || len(lines) > 3+63 || lines[0] != proofHead {
		return Proof{}, bad
	}
	p := Proof{Checkpoint: signed}
	extra, ok1 := strings.CutPrefix(lines[1], "extra ")
	index, ok2 := strings.CutPrefix(lines[2], "index ")
	var err1, err2 error
	p.Record, err1 = base64.StdEncoding.DecodeString(extra)
	p.Index, err2 = strconv.ParseInt(index, 10, 63)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || p.Index < 0 {
		return Proof{}, bad
	}
	p.Seq = p.Index + 1
	for _, l := range lines[3:] {
		h, err := tlog.ParseHash(l)
		if err != nil {
			return Proof{}, bad
		}
		p.Hashes = append(p.Hashes, h)
	}
	if p.Text() != text {
		return Proof{}, bad
	}
	return p, nil
}

// Consistency is all that it takes to check offline that one checkpoint's log is the beginning of another's.
type Consistency struct {
	Old    string `json:"old"` // signed checkpoints
	New    string `json:"new"`
	Hashes []Hash `json:"hashes"`
}

// ProveConsistency returns the hashes that lead from the tree of old entries to that of size. None are needed from an
// empty tree, nor from a tree to itself.
func ProveConsistency(old, size int64, read Files) ([]Hash, error) {
	switch {
	case old < 0 || old > size:
		return nil, fault.New(fault.Invalid, "no log of %d entries grows to %d", old, size)
	case old == 0 || old == size:
		return nil, nil
	}
	hs, err := tlog.ProveTree(size, old, Tiles(size, read))
	if err != nil {
		return nil, fmt.Errorf("prove consistency of %d and %d: %w", old, size, err)
	}
	return hs, nil
}

// CheckConsistency verifies that the old tree is the beginning of the new; fault.Conflict where it is not.
func CheckConsistency(old, now Checkpoint, hashes []Hash) error {
	var err error
	switch {
	case old.Origin != now.Origin:
		return fault.New(fault.Conflict, "the checkpoints are of two logs, %q and %q", old.Origin, now.Origin)
	case old.Size > now.Size:
		return fault.New(fault.Conflict, "the log has %d entries and had %d", now.Size, old.Size)
	case old.Size == 0:
	case old.Size == now.Size:
		if old.Root != now.Root {
			err = fault.Conflict
		}
	default:
		err = tlog.CheckTree(hashes, now.Size, now.Root, old.Size, old.Root)
	}
	if err != nil {
		return fault.New(fault.Conflict, "the log of %d entries is not a continuation of the one of %d: history was changed", now.Size, old.Size)
	}
	return nil
}

// Check verifies both signatures and the hashes between; fault.Invalid or fault.Conflict where anything is wrong.
func (c Consistency) Check(keys Keys) (old, now Signed, err error) {
	if old, err = OpenCheckpoint([]byte(c.Old), keys); err != nil {
		return old, now, err
	}
	if now, err = OpenCheckpoint([]byte(c.New), keys); err != nil {
		return old, now, err
	}
	return old, now, CheckConsistency(old.Checkpoint, now.Checkpoint, c.Hashes)
}
