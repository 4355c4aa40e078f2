package ledger

import (
	"tocsin/internal/fault"
)

// Chain follows a log record by record. The zero Chain stands before the first.
type Chain struct {
	Seq  int64 // of the last record
	Last Hash  // its leaf hash
}

// Next reads the record that must come next; fault.Conflict where its place or the hash before it is another, and
// fault.Invalid where it is no record. The chain moves on only where all is well.
func (c *Chain) Next(record []byte) (Record, error) {
	r, err := ParseRecord(record)
	switch {
	case err != nil:
		return r, err
	case r.Seq != c.Seq+1:
		return r, fault.New(fault.Conflict, "entry %d stands at place %d of the log", r.Seq, c.Seq+1)
	case r.Prev != c.Last:
		return r, fault.New(fault.Conflict, "entry %d does not continue entry %d: one of the two was changed", r.Seq, c.Seq)
	}
	c.Seq, c.Last = r.Seq, Hash(r.Hash)
	return r, nil
}
