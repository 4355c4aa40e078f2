package loop

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// maxReason bounds the bytes of a reason that a person writes.
const maxReason = 2000

// Discard is the desk's act that the observation behind a finding is wrong. It needs a reason.
func (l *Loop) Discard(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, reason string) error {
	return l.decide(ctx, now, by, id, finding.Discard, "finding.discard", reason)
}

// RejectDispute is the desk's act that a dispute, or an accepted risk, does not stand: the finding is open again. It
// needs a reason.
func (l *Loop) RejectDispute(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, reason string) error {
	return l.decide(ctx, now, by, id, finding.Reject, "finding.reject", reason)
}

func (l *Loop) decide(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, trigger finding.Trigger, act, reason string) error {
	reason, err := reasonOf(reason)
	if err != nil {
		return err
	}
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		if err := mayRead(ctx, tx, now, by, id); err != nil {
			return err
		}
		seq, err := tx.Append(ctx, now, by, act, access.On(fmt.Sprintf("finding:%d", id)), "desk", nil)
		if err != nil {
			return err
		}
		_, err = change(ctx, tx, now, id, trigger, by.String(), reason, "", time.Time{}, seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s of finding %d: %w", trigger, id, err)
	}
	return nil
}

// reasonOf trims what a person gave as a reason; fault.Invalid where nothing or too much is left.
func reasonOf(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxReason {
		return "", fault.New(fault.Invalid, "reason: 1 to %d bytes were expected", maxReason)
	}
	return text, nil
}

// QueueDone is the desk's act that an item of the queue has been seen to.
func (l *Loop) QueueDone(ctx context.Context, now time.Time, by access.Actor, id string) error {
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		q, err := tx.QueueItemByID(ctx, id)
		if err != nil {
			return err
		}
		if err := tx.QueueDone(ctx, id, by.String(), now); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "queue.done", access.On(q.Object), q.Kind, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("close queue item %s: %w", id, err)
	}
	return nil
}
