package triage

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/notice"
	"tocsin/internal/promise"
	"tocsin/internal/store"
)

// Waits is what waits for the desk, in numbers, with the items of the queue themselves.
type Waits struct {
	Items    []store.QueueItem // the most severe first, then the oldest
	Waiting  int               // items in all, at most CountCap
	Orphans  int               // live findings that nobody answers for, at most CountCap
	Disputes int               // disputed findings, at most CountCap
	Unheard  int               // notices that reached nobody
}

// Waits returns at most limit items of the queue that by may see, and the numbers of what waits beside them.
func (d *Desk) Waits(ctx context.Context, now time.Time, by access.Actor, limit int) (Waits, error) {
	var w Waits
	err := d.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by)
		if err != nil || !r.works() {
			return err
		}
		if w.Items, err = tx.QueueOpen(ctx, limit); err != nil {
			return err
		}
		if w.Waiting, err = tx.QueueSize(ctx, CountCap); err != nil {
			return err
		}
		n := map[promise.Kind]int{}
		if err := counts(ctx, tx, r, n); err != nil {
			return err
		}
		w.Orphans, w.Disputes = n[promise.Orphan], n[promise.Dispute]
		all, err := tx.CountNotices(ctx, r.may(access.Notices))
		w.Unheard = all[notice.Escalated] + all[notice.Failed]
		return err
	})
	if err != nil {
		return Waits{}, fmt.Errorf("read what waits: %w", err)
	}
	return w, nil
}

// One settles one thing, and fails where it cannot be settled.
func (d *Desk) One(ctx context.Context, now time.Time, by access.Actor, on On, reason string) error {
	b, err := d.Do(ctx, now, by, []On{on}, reason)
	if err != nil {
		return err
	}
	return b.First()
}
