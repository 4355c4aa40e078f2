package loop

import (
	"context"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// holdBatch says why the notices of one pass have to wait for a person; empty where they need not, as far as the pass itself
// tells: they are the first that ever go out, or far more than usual.
func (l *Loop) holdBatch(ctx context.Context, now time.Time, batch int) (notice.HoldReason, error) {
	if batch == 0 {
		return "", nil
	}
	var why notice.HoldReason
	err := l.store.View(ctx, func(tx *store.Tx) error {
		sent, err := tx.AnySent(ctx)
		if err != nil {
			return err
		}
		if !sent {
			_, seen, err := tx.HeldSince(ctx, notice.HeldFirst, time.Time{})
			if !seen {
				why = notice.HeldFirst
			}
			return err
		}
		day := l.rules().Day(now)
		_, seen, err := tx.HeldSince(ctx, notice.HeldBatch, day)
		if err != nil || seen {
			return err // somebody has looked at what goes out today
		}
		before, today, err := tx.NoticesADay(ctx, day, notice.UsualDays)
		if err == nil && notice.TooMany(today+batch, before) {
			why = notice.HeldBatch
		}
		return err
	})
	return why, err
}

// holdFor returns the hold in which a new notice waits: the one that is open, else, where there is a reason why, a new one;
// empty where it goes out. What waits is before the desk.
func holdFor(ctx context.Context, tx *store.Tx, now time.Time, why notice.HoldReason) (string, error) {
	h, open, err := tx.OpenHold(ctx)
	if err != nil || !open && why == "" {
		return "", err
	}
	if !open {
		if h, err = openHold(ctx, tx, now, why); err != nil {
			return "", err
		}
	}
	return h.ID, queueHold(ctx, tx, now, h)
}

func queueHold(ctx context.Context, tx *store.Tx, now time.Time, h notice.Hold) error {
	_, err := tx.Enqueue(ctx, store.QueueItem{
		Kind: queueHeld, Object: "hold:" + h.ID, Code: queueHeld + "_" + string(h.Reason), Severity: event.High, Created: now,
	})
	return err
}

// openHold begins a hold and makes what is planned and not sent yet wait in it.
func openHold(ctx context.Context, tx *store.Tx, now time.Time, why notice.HoldReason) (notice.Hold, error) {
	h := notice.Hold{ID: ident.New("hld"), Reason: why, Opened: now}
	if err := tx.InsertHold(ctx, h); err != nil {
		return h, err
	}
	ids, err := tx.HoldPlanned(ctx, h.ID)
	if err != nil {
		return h, err
	}
	_, err = tx.Append(ctx, now, notifier, "notice.hold", access.On("hold:"+h.ID), string(why), struct {
		Notices []ident.Notice `json:"notices"`
	}{ids})
	return h, err
}

// holdImport opens a hold where a change of the register has moved so many findings to other parties that a person has to
// see what goes out.
func holdImport(ctx context.Context, tx *store.Tx, now time.Time, moved, all int) error {
	if !notice.MovesMany(moved, all) {
		return nil
	}
	if _, open, err := tx.OpenHold(ctx); err != nil || open {
		return err
	}
	h, err := openHold(ctx, tx, now, notice.HeldImport)
	if err != nil {
		return err
	}
	return queueHold(ctx, tx, now, h)
}
