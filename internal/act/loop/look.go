package loop

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// Looks are the reasons for which somebody looks at raw rows and sent mails. They are codes, because they stand in the
// ledger.
var Looks = []string{"triage", "question", "quality", "evidence", "review"}

// lookFor is how long a stated reason opens one object to one person.
const lookFor = 15 * time.Minute

// ErrLook says that raw rows and mails open only to whoever said why.
var ErrLook = fault.New(fault.Denied, "please say first why you look at this: it is written into the ledger")

// LookAtFinding opens the raw rows of a finding to by for 15 minutes; every look is one act, "finding.look".
func (l *Loop) LookAtFinding(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, why string) error {
	return l.look(ctx, now, by, "finding.look", why, func(r reading, tx *store.Tx) (access.Object, error) {
		f, err := r.finding(ctx, tx, id)
		return access.Of(f.Party, fmt.Sprintf("finding:%d", id)), err
	})
}

// LookAtNotice opens the mail of a notice to by for 15 minutes; "notice.look".
func (l *Loop) LookAtNotice(ctx context.Context, now time.Time, by access.Actor, id ident.Notice, why string) error {
	return l.look(ctx, now, by, "notice.look", why, func(r reading, tx *store.Tx) (access.Object, error) {
		n, err := r.notice(ctx, tx, id)
		return access.Of(n.Party, "notice:"+string(id)), err
	})
}

// LookAtSignal opens the rows of a signal that were kept aside to by for 15 minutes; "signal.look".
func (l *Loop) LookAtSignal(ctx context.Context, now time.Time, by access.Actor, id ident.Signal, why string) error {
	return l.look(ctx, now, by, "signal.look", why, func(r reading, tx *store.Tx) (access.Object, error) {
		_, err := r.signal(ctx, tx, id)
		return access.On(fmt.Sprintf("signal:%d", id)), err
	})
}

func (l *Loop) look(ctx context.Context, now time.Time, by access.Actor, act, why string, at func(reading, *store.Tx) (access.Object, error)) error {
	if !slices.Contains(Looks, why) {
		return fault.New(fault.Invalid, "reason: one of the list was expected")
	}
	return l.store.Update(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		on, err := at(r, tx)
		if err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, act, on, why, nil)
		return err
	})
}

// looked reports whether by said why they look at an object. This program needs no reason.
func looked(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, object string) (bool, error) {
	if by.Kind == access.Software {
		return true, nil
	}
	return tx.LookedSince(ctx, by, object, now.Add(-lookFor))
}
