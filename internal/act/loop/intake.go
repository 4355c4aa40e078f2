package loop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// maxSignal bounds the bytes of one signal as received.
const maxSignal = 64 << 30

// AcceptRequest is one signal at the door.
type AcceptRequest struct {
	Feed ident.Feed
	Name string // as the sender calls it; tells some formats what they hold
	Key  string // idempotency key of the sender; may be empty
	Body io.Reader
	By   access.Actor
}

// Receipt says that a signal is taken: its bytes are archived and its row is committed.
type Receipt struct {
	Signal ident.Signal
	Hash   string // SHA-256 of the bytes, in hex
	Bytes  int64
	Known  bool // the feed had sent these bytes, or this key, before
}

// Accept takes a signal in: archive, then row, then receipt. The same bytes twice from one feed are one signal, and so
// is the same key; another body under a known key is fault.Conflict. Sending a signal again that could not be read to its
// end has the rest of it read once more. fault.NotFound for a feed that is not configured,
// fault.Denied for one that is disabled. An error on commit means unknown: sending again is safe.
func (l *Loop) Accept(ctx context.Context, now time.Time, q AcceptRequest) (Receipt, error) {
	var f store.Feed
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		f, err = tx.FeedByID(ctx, q.Feed)
		return err
	})
	switch {
	case errors.Is(err, fault.NotFound):
		return Receipt{}, fault.New(fault.NotFound, "no feed is called %q", q.Feed)
	case err != nil:
		return Receipt{}, fmt.Errorf("accept from feed %s: %w", q.Feed, err)
	case !f.Disabled.IsZero():
		return Receipt{}, fault.New(fault.Denied, "feed %q is disabled", q.Feed)
	case len(q.Key) > 200 || len(q.Name) > 500:
		return Receipt{}, fault.New(fault.Invalid, "a key has at most 200 bytes and a name at most 500")
	}
	hash, n, err := l.archive.Put(q.Body, maxSignal)
	if err != nil {
		return Receipt{}, fmt.Errorf("accept from feed %s: %w", q.Feed, err)
	}
	r := Receipt{Hash: hash, Bytes: n}
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		var err error
		r.Signal, r.Known, err = insertSignal(ctx, tx, now, q, f, r)
		return err
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("accept from feed %s: %w", q.Feed, err)
	}
	return r, nil
}

// insertSignal commits the row of archived bytes, or finds the row that they have already.
func insertSignal(ctx context.Context, tx *store.Tx, now time.Time, q AcceptRequest, f store.Feed, r Receipt) (ident.Signal, bool, error) {
	if q.Key != "" {
		s, err := tx.SignalByKey(ctx, q.Feed, q.Key)
		switch {
		case err == nil && s.Blob != r.Hash:
			return 0, false, fault.New(fault.Conflict, "key %q came with other bytes before (signal %d)", q.Key, s.ID)
		case err == nil:
			return s.ID, true, nil
		case !errors.Is(err, fault.NotFound):
			return 0, false, err
		}
	}
	s, err := tx.SignalByBlob(ctx, q.Feed, r.Hash)
	known := err == nil
	if known && s.Error != "" { // sent again after it could not be read: what is left of it is tried once more
		if err := tx.ReopenSignal(ctx, s.ID, q.Name); err != nil {
			return 0, false, err
		}
	}
	if errors.Is(err, fault.NotFound) {
		s.ID, err = tx.InsertSignal(ctx, store.Signal{
			Feed: q.Feed, Blob: r.Hash, Name: q.Name, Bytes: r.Bytes, Received: now, Urgent: f.Urgent,
		})
	}
	if err != nil {
		return 0, false, err
	}
	if q.Key != "" {
		if err := tx.PutReceiptKey(ctx, q.Feed, q.Key, s.ID); err != nil {
			return 0, false, err
		}
	}
	_, err = tx.Append(ctx, now, q.By, "signal.accept", access.On(fmt.Sprintf("signal:%d", s.ID)), "", struct {
		Feed  ident.Feed `json:"feed"`
		Hash  string     `json:"sha256"`
		Bytes int64      `json:"bytes"`
		Known bool       `json:"known"`
	}{q.Feed, r.Hash, r.Bytes, known})
	return s.ID, known, err
}

// Signal returns one signal with its counts.
func (l *Loop) Signal(ctx context.Context, id ident.Signal) (store.Signal, error) {
	var s store.Signal
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		s, err = tx.SignalByID(ctx, id)
		return err
	})
	return s, err
}
