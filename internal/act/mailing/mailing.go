// Package mailing holds what people do about mail as a whole: looking at the notices that wait before they go out, releasing
// or refusing them, and sending a mail that shows whether the way out works. Package act/loop plans notices and opens holds.
package mailing

import (
	"context"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// Sender hands a mail to the mail server.
type Sender func(ctx context.Context, e notice.Envelope) error

// Desk carries out the operations. It is safe for use by many goroutines.
type Desk struct {
	store *store.Store
	from  notice.Sender
	send  Sender // nil: no mail server is configured
}

// New makes a Desk.
func New(s *store.Store, from notice.Sender, send Sender) *Desk { return &Desk{s, from, send} }

// Waiting is what waits in the hold that is open; the zero value where none is.
type Waiting struct {
	notice.Hold
	store.HeldSums
	Rows []Row // the most severe first
}

// Row is one notice that waits.
type Row struct {
	notice.Notice
	PartyName string
	Mail      string // whom it goes to; empty where the contact is gone
	Findings  int
}

// Waiting returns what waits and may be read by by, at most limit rows of it.
func (d *Desk) Waiting(ctx context.Context, now time.Time, by access.Actor, limit int) (Waiting, error) {
	var w Waiting
	err := d.store.View(ctx, func(tx *store.Tx) error {
		var open bool
		var err error
		if w.Hold, open, err = tx.OpenHold(ctx); err != nil || !open {
			return err
		}
		r, err := tx.Reader(ctx, by, now)
		if err != nil {
			return err
		}
		may := access.Readable(r, access.Notices, now, by.Why())
		if w.HeldSums, err = tx.SumHeld(ctx, w.ID, may); err != nil {
			return err
		}
		list, err := tx.HeldIn(ctx, w.ID, may, limit)
		if err != nil {
			return err
		}
		w.Rows, err = rows(ctx, tx, list)
		return err
	})
	return w, err
}

func rows(ctx context.Context, tx *store.Tx, list []notice.Notice) ([]Row, error) {
	ids := make([]ident.Notice, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	told, err := tx.ToldCounts(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Row, len(list))
	for i := range list {
		p, err := tx.PartyByID(ctx, list[i].Party)
		if err != nil {
			return nil, err
		}
		out[i] = Row{Notice: list[i], PartyName: p.Name, Findings: told[list[i].ID]}
		for _, c := range p.Contacts {
			if c.ID == list[i].Contact {
				out[i].Mail = c.Mail
			}
		}
	}
	return out, nil
}

// MaxReason bounds the reason of a refusal, in bytes.
const MaxReason = 2000

// entry is the body of the entries about a hold.
type entry struct {
	Reason  notice.HoldReason `json:"reason"`
	Notices []ident.Notice    `json:"notices"`
}

// Release lets everything go that waits in the open hold, and what is planned after: the act "notice.release". It returns how
// many notices are due now. The empty id releases whatever hold is open and, where none is and no notice ever went out, the first
// notices before there are any. fault.Conflict where that hold was released already.
func (d *Desk) Release(ctx context.Context, now time.Time, by access.Actor, id string) (int, error) {
	n := 0
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		h, open, err := tx.OpenHold(ctx)
		if err != nil {
			return err
		}
		if !open && id == "" {
			return releaseFirst(ctx, tx, now, by)
		}
		if !open || id != "" && id != h.ID {
			return fault.New(fault.Conflict, "what waited was released already")
		}
		ids, err := tx.FreeHeld(ctx, h.ID, notice.Planned, now, "")
		if err == nil {
			err = tx.ReleaseHold(ctx, h.ID, by.String(), now)
		}
		if err == nil {
			err = settle(ctx, tx, now, by, h)
		}
		if err != nil {
			return err
		}
		n = len(ids)
		_, err = tx.Append(ctx, now, by, "notice.release", access.On("hold:"+h.ID), "", entry{h.Reason, ids})
		return err
	})
	return n, err
}

// releaseFirst releases the first notices before there are any.
func releaseFirst(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor) error {
	_, seen, err := tx.HeldSince(ctx, notice.HeldFirst, time.Time{})
	if err != nil || seen {
		return err
	}
	h := notice.Hold{ID: ident.New("hld"), Reason: notice.HeldFirst, Opened: now, Released: now, ReleasedBy: by.String()}
	if err := tx.InsertHold(ctx, h); err != nil {
		return err
	}
	_, err = tx.Append(ctx, now, by, "notice.release", access.On("hold:"+h.ID), "", entry{Reason: h.Reason})
	return err
}

// Refuse withdraws what waits in a hold, which stays open: the act "notice.refuse". The findings are planned anew, into the same
// hold, when another party answers for them, else after a day. It returns how many notices there were.
func (d *Desk) Refuse(ctx context.Context, now time.Time, by access.Actor, id, reason string) (int, error) {
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > MaxReason {
		return 0, fault.New(fault.Invalid, "reason: 1 to %d bytes were expected", MaxReason)
	}
	n := 0
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		h, open, err := tx.OpenHold(ctx)
		if err != nil {
			return err
		}
		if !open || h.ID != id {
			return fault.New(fault.Conflict, "what waited was released already")
		}
		ids, err := tx.FreeHeld(ctx, h.ID, notice.Withdrawn, time.Time{}, reason)
		if err == nil {
			err = settle(ctx, tx, now, by, h)
		}
		if err != nil {
			return err
		}
		n = len(ids)
		_, err = tx.Append(ctx, now, by, "notice.refuse", access.On("hold:"+h.ID), "desk", entry{h.Reason, ids})
		return err
	})
	return n, err
}

// settle takes a hold out of the desk's queue.
func settle(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, h notice.Hold) error {
	_, err := tx.QueueSettle(ctx, "notice.held", "hold:"+h.ID, by.String(), now)
	return err
}

// Test sends one plain mail and returns the mail server's own words where it does not take it: the act "mail.test". The
// address is in no entry.
func (d *Desk) Test(ctx context.Context, now time.Time, by access.Actor, to string) error {
	if d.send == nil {
		return fault.New(fault.Invalid, "smtp-host: no mail server is configured; host:port was expected")
	}
	message, err := notice.Trial(d.from, to, now)
	if err != nil {
		return err
	}
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Append(ctx, now, by, "mail.test", access.On("mail"), "", nil)
		return err
	})
	if err != nil {
		return err
	}
	if err := d.send(ctx, notice.Envelope{From: d.from.Mail, To: to, Message: message}); err != nil {
		return fault.New(fault.Conflict, "the mail server did not take the mail to %s: %v", to, err)
	}
	return nil
}
