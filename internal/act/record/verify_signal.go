package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

type acceptBody struct {
	Feed  ident.Feed `json:"feed"`
	Hash  string     `json:"sha256"`
	Bytes int64      `json:"bytes"`
	Known bool       `json:"known"`
}

type foldBody struct {
	Rows      int64           `json:"rows"`
	Events    int64           `json:"events"`
	Rejected  int64           `json:"rejected"`
	Refused   int64           `json:"refused"`
	Held      int64           `json:"held"`
	First     ident.Finding   `json:"first"`
	Last      ident.Finding   `json:"last"`
	Reopened  []ident.Finding `json:"reopened"`
	Rechecked []ident.Finding `json:"rechecked"`
}

// counts is what a run of rows added to the counts of its signal.
func (b foldBody) counts() store.Counts {
	c := store.Counts{
		Rows: b.Rows, Events: b.Events, Rejected: b.Rejected, Refused: b.Refused, Held: b.Held, Reopened: int64(len(b.Reopened)), Closed: int64(len(b.Rechecked)),
	}
	if b.First != 0 {
		c.Found = int64(b.Last-b.First) + 1
	}
	c.Seen = c.Events - c.Found
	return c
}

// signals looks at every signal with its entries and its blob.
func (v *verifier) signals() error {
	after := ident.Signal(0)
	for {
		list, err := v.tx.SignalsAfter(v.ctx, after, page)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for i := range list {
			if err := v.signal(&list[i]); err != nil {
				return err
			}
			v.sum.Signals++
			after = list[i].ID
		}
	}
	if v.sum.Signals != v.accepted {
		return wrong("the ledger says that %d signals were taken in, and %d are there", v.accepted, v.sum.Signals)
	}
	return nil
}

// signal replays what the ledger says of one signal.
func (v *verifier) signal(s *store.Signal) error {
	es, err := v.tx.EntriesOn(v.ctx, fmt.Sprintf("signal:%d", s.ID))
	if err != nil {
		return err
	}
	var sum store.Counts
	var finished *ledger.Entry
	taken, again := false, false
	for i := range es {
		e := &es[i]
		switch e.Act {
		case "signal.accept":
			if err := v.accept(s, e, &taken); err != nil {
				return err
			}
			again = finished != nil
		case "finding.fold", "signal.replay":
			var b foldBody
			if err := v.body(e, &b); err != nil {
				return err
			}
			sum.Add(b.counts())
		case "signal.finish":
			finished, again = e, false
		}
	}
	switch {
	case !taken:
		return wrong("signal %d is there, and no entry of the ledger says that it was taken in", s.ID)
	case sum != s.Counts:
		return wrong("signal %d counts %+v, and by the ledger it is %+v", s.ID, s.Counts, sum)
	}
	return errors.Join(standing(s, finished, again), v.blob(s))
}

// accept holds a signal's row against the entry that took it in, or took the same bytes in again.
func (v *verifier) accept(s *store.Signal, e *ledger.Entry, taken *bool) error {
	var b acceptBody
	if err := v.body(e, &b); err != nil {
		return err
	}
	switch {
	case b.Feed != s.Feed || b.Hash != s.Blob || b.Bytes != s.Bytes:
		return wrong("signal %d is %d bytes with the hash %s of feed %s; by entry %d it was %d bytes with %s of %s",
			s.ID, s.Bytes, s.Blob, s.Feed, e.ID, b.Bytes, b.Hash, b.Feed)
	case b.Known:
		return nil
	case *taken:
		return wrong("signal %d was taken in for the first time twice, by entry %d too", s.ID, e.ID)
	case !e.At.Equal(s.Received):
		return wrong("signal %d came at %s by entry %d, and its row says %s", s.ID, stamp(e.At), e.ID, stamp(s.Received))
	}
	*taken = true
	return nil
}

// standing holds a signal's state against its newest signal.finish, nil where there is none. again says that the same
// bytes came once more since, which puts a signal that could not be read to its end back.
func standing(s *store.Signal, finished *ledger.Entry, again bool) error {
	by := "received"
	if finished != nil {
		by = finished.Reason
	}
	switch {
	case s.State == "received" && again:
	case s.State != by:
		return wrong("signal %d is %s, and by the ledger it is %s", s.ID, s.State, by)
	case finished == nil && !s.Finished.IsZero(), finished != nil && !finished.At.Equal(s.Finished):
		return wrong("signal %d says that its reading ended at %s, and the ledger says otherwise", s.ID, stamp(s.Finished))
	}
	return nil
}

// blob reads the bytes of a signal and hashes them.
func (v *verifier) blob(s *store.Signal) error {
	b, err := v.archive.Get(s.Blob)
	if errors.Is(err, fault.NotFound) {
		return wrong("the bytes of signal %d are gone: the archive has no %s", s.ID, s.Blob)
	}
	if err != nil {
		return wrong("the bytes of signal %d (%s) cannot be read: %v", s.ID, s.Blob, err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, b)
	if err := errors.Join(err, b.Close()); err != nil {
		return wrong("the bytes of signal %d (%s) cannot be read: %v", s.ID, s.Blob, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != s.Blob || n != s.Bytes {
		return wrong("the bytes of signal %d were changed: they do not have the hash %s", s.ID, s.Blob)
	}
	v.sum.Blobs++
	v.sum.Bytes += n
	return nil
}
