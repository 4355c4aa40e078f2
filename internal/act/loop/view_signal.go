package loop

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// SignalRow is a signal as lists show it.
type SignalRow = store.Signal

// Rejected is a row that became no event, kept aside as it came.
type Rejected = store.Rejected

// Entry is one act in the ledger.
type Entry = ledger.Entry

// SignalDetail is one signal with the first of its rows that were kept aside.
type SignalDetail struct {
	store.Signal
	Stream   string // the last that was read; empty before the first
	Rejected []Rejected
	Looked   bool // by said why they look: Rejected has the rows as they came
	More     bool // further rows were kept aside behind these
}

// RejectCursor is a place among the rows of a signal that were kept aside. The zero value is the start.
type RejectCursor struct {
	Part int
	Line int64
}

// SignalByID returns one signal and at most limit of its rows kept aside, behind the cursor. A row that may hold secrets
// and cannot be taken apart comes without its text.
func (l *Loop) SignalByID(ctx context.Context, now time.Time, by access.Actor, id ident.Signal, after RejectCursor, limit int) (SignalDetail, error) {
	var d SignalDetail
	err := l.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		if d.Signal, err = r.signal(ctx, tx, id); err != nil {
			return err
		}
		if d.Looked, err = looked(ctx, tx, now, by, fmt.Sprintf("signal:%d", id)); err != nil {
			return err
		}
		streams, err := tx.Streams(ctx)
		if err != nil {
			return err
		}
		var columns []string
		for _, s := range streams {
			if s.ID == d.Signal.Stream {
				d.Stream, columns = s.Name, s.Columns
			}
		}
		d.Rejected, err = tx.RejectedOf(ctx, id, after.Part, after.Line, limit+1)
		if len(d.Rejected) > limit {
			d.Rejected, d.More = d.Rejected[:limit], true
		}
		for i := range d.Rejected {
			d.Rejected[i].Raw, _ = veiled(columns, d.Rejected[i].Raw)
			if !d.Looked {
				d.Rejected[i].Raw = nil
			}
		}
		return err
	})
	return d, err
}

// SignalQuery is what a person asks of the list of signals; the zero value asks for all.
type SignalQuery struct {
	Feed     ident.Feed
	Troubled bool // only those that were refused or had rows kept aside
}

// Signals returns at most limit signals that by may read below the cursor before (0 = from the newest), newest first.
func (l *Loop) Signals(ctx context.Context, now time.Time, by access.Actor, q SignalQuery, before ident.Signal, limit int) ([]SignalRow, error) {
	var out []SignalRow
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		list := tx.ListSignals
		if q.Troubled {
			list = tx.ListTroubled
		}
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		out, err = list(ctx, q.Feed, before, limit, r.may(access.Signals))
		return err
	})
	return out, err
}

// Ready reports an error while the database does not answer or a signal could not be kept: fault.Full where the storage has no
// more room.
func (l *Loop) Ready(ctx context.Context) error {
	err := l.store.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Horizon(ctx)
		return err
	})
	if err != nil || l.archive == nil {
		return err
	}
	return l.archive.Writable()
}
