// Package ledger owns the record of acts: what an entry says and how entries are chained. The store keeps the
// entries; this package decides what their hashes cover.
package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Entry is one act. It carries ids, codes and counts, never personal data or free text of a reporter.
type Entry struct {
	Seq    int64     // position, from 1, without gaps
	At     time.Time // UTC, microseconds
	Actor  string    // who acted: "person:…", "party:…" by a notice's link, or "software:…"
	Act    string    // what was done, as package and verb: "signal.accept", "finding.claim"
	Object string    // what it was done to: "signal:12", "finding:99", "notice:ntc_…"
	Reason string    // a code or a short sentence; why
	Body   string    // JSON object with the particulars; "{}" where there are none
	Prev   []byte    // hash of the entry before; 32 zero bytes for the first
	Hash   []byte    // SHA-256 as Seal computes it
}

// Seal sets Prev and Hash. The hash covers every other member, each with its length, so that no two entries share
// a preimage.
func (e *Entry) Seal(prev []byte) {
	if prev == nil {
		prev = make([]byte, sha256.Size)
	}
	e.Prev = prev
	h := sha256.New()
	var n [8]byte
	field := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	number := func(v int64) {
		binary.BigEndian.PutUint64(n[:], uint64(v))
		h.Write(n[:])
	}
	h.Write([]byte("tocsin ledger 1\n"))
	number(e.Seq)
	number(e.At.UnixMicro())
	for _, s := range []string{e.Actor, e.Act, e.Object, e.Reason, e.Body} {
		field([]byte(s))
	}
	field(e.Prev)
	e.Hash = h.Sum(nil)
}
