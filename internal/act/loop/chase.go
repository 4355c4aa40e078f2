package loop

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// chaseBatch bounds how many notices one read of Chase takes up.
const chaseBatch = 500

// Chase takes the next step for notices that reached nobody or had no answer in time: the next contact, a reminder,
// the backup contact, the desk's queue. Escalations of which nothing is open end. It returns how many it handled. Each step
// is one act.
func (l *Loop) Chase(ctx context.Context, now time.Time) (int, error) {
	done, err := l.chaseDue(ctx, now)
	if err != nil {
		return done, err
	}
	rested, err := l.ease(ctx, now)
	return done + rested, err
}

// chaseDue takes the steps that are due.
func (l *Loop) chaseDue(ctx context.Context, now time.Time) (int, error) {
	for done := 0; ; {
		var ids []ident.Notice
		err := l.store.View(ctx, func(tx *store.Tx) (err error) {
			ids, err = tx.NoticesToChase(ctx, now, chaseBatch)
			return err
		})
		if err != nil || len(ids) == 0 {
			return done, err
		}
		for _, id := range ids {
			if ctx.Err() != nil {
				return done, ctx.Err()
			}
			if err := l.store.Update(ctx, func(tx *store.Tx) error { return l.chase(ctx, tx, now, id) }); err != nil {
				return done, fmt.Errorf("chase notice %s: %w", id, err)
			}
			done++
		}
	}
}

func (l *Loop) chase(ctx context.Context, tx *store.Tx, now time.Time, id ident.Notice) error {
	n, err := tx.NoticeByID(ctx, id)
	if err != nil || n.Next.IsZero() || n.Next.After(now) {
		return err // somebody else was here first
	}
	p, err := tx.PartyByID(ctx, n.Party)
	if err != nil {
		return err
	}
	found, err := tx.NoticeFindings(ctx, id)
	if err != nil {
		return err
	}
	switch n.State {
	case notice.Failed:
		return l.retarget(ctx, tx, now, &n, &p, found)
	case notice.Sent, notice.Delivered, notice.Answered:
		return l.remind(ctx, tx, now, &n, &p, found)
	case notice.Planned, notice.Held, notice.Sending, notice.Escalated, notice.Withdrawn:
	}
	return nil
}

// retarget sends a notice that this contact did not get to the next one that was not tried, else to the desk.
func (l *Loop) retarget(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, p *party.Party, found []store.Finding) error {
	tried, err := l.tried(ctx, tx, n)
	if err != nil {
		return err
	}
	items := notice.Place(p, l.items(found))
	c := notice.Choose(p, notice.ObjectOf(items), notice.Order(items), tried)
	if c == nil {
		return l.escalate(ctx, tx, now, n, store.QueueItem{
			Kind: queueFailed, Object: "party:" + string(p.ID), Args: []string{p.Name, string(n.ID), n.Error},
		})
	}
	to, err := notice.Next(n.State, notice.Retarget)
	if err != nil {
		return err
	}
	n.State, n.Contact, n.Language, n.Next, n.Tries = to, c.ID, notice.Language(p, c), now, 0
	n.Rendition++
	n.MessageID = l.messageID(n)
	n.Subject = notice.SubjectOf(n, p, items)
	if err := tx.SetMessage(ctx, n.ID, nil); err != nil {
		return err
	}
	if err := tx.PutNotice(ctx, n); err != nil {
		return err
	}
	_, err = tx.Append(ctx, now, notifier, "notice.retarget", access.On("notice:"+string(n.ID)), "the contact cannot be reached", struct {
		Contact string `json:"contact"`
	}{c.ID})
	return err
}

// tried returns the contacts that a notice went to already.
func (l *Loop) tried(ctx context.Context, tx *store.Tx, n *notice.Notice) ([]string, error) {
	deliveries, err := tx.Deliveries(ctx, n.ID)
	if err != nil {
		return nil, err
	}
	out := []string{n.Contact}
	for _, d := range deliveries {
		if !slices.Contains(out, d.Contact) {
			out = append(out, d.Contact)
		}
	}
	return out, nil
}

// escalate puts a notice before the desk: software has done what it can.
func (l *Loop) escalate(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, q store.QueueItem) error {
	to, err := notice.Next(n.State, notice.GiveUp)
	if err != nil {
		return err
	}
	n.State, n.Next = to, time.Time{}
	if q.Kind == queueSilent {
		n.Error = "" // of an attempt before it arrived
	}
	if err := tx.PutNotice(ctx, n); err != nil {
		return err
	}
	q.Code, q.Severity, q.Created = q.Kind, n.Severity, now
	if _, err := tx.Enqueue(ctx, q); err != nil {
		return err
	}
	_, err = tx.Append(ctx, now, notifier, "notice.escalate", access.On("notice:"+string(n.ID)), q.Kind, nil)
	return err
}

// remind follows up a notice of which findings still have no answer.
func (l *Loop) remind(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, p *party.Party, found []store.Finding) error {
	found = slices.DeleteFunc(found, func(f store.Finding) bool { return f.Party != n.Party || f.State != finding.Notified })
	first := n.Parent
	if first == "" {
		first = n.ID
	}
	chain, err := tx.NoticeChain(ctx, first)
	if err != nil {
		return err
	}
	items := notice.Place(p, l.items(found))
	of := notice.ObjectOf(items)
	backup := notice.Choose(p, of, []party.Role{party.Backup}, written(chain))
	step := notice.Chase(l.rules(), len(items), count(chain, notice.Reminder), asked(chain, p), backup != nil)
	to, err := contact(p, n.Contact)
	if err != nil || !to.Bounced.IsZero() {
		to = notice.Choose(p, of, notice.Order(items), nil)
	}
	switch {
	case step == notice.Remind && to != nil:
		return l.follow(ctx, tx, now, n, p, to, notice.Reminder, first, items)
	case step == notice.Backup:
		return l.follow(ctx, tx, now, n, p, backup, notice.Escalation, first, items)
	case step == notice.Enough:
		return l.settle(ctx, tx, now, n, notice.Rest, "nothing waits for an answer")
	}
	return l.escalate(ctx, tx, now, n, store.QueueItem{
		Kind: queueSilent, Object: "party:" + string(p.ID), Args: []string{p.Name, fmt.Sprint(len(items)), string(first)},
	})
}

func count(chain []notice.Notice, k notice.Kind) int {
	n := 0
	for i := range chain {
		if chain[i].Kind == k && chain[i].State != notice.Withdrawn {
			n++
		}
	}
	return n
}

// written returns the contacts that the notices of a chain went to: whoever did not answer there is not asked again under
// another role.
func written(chain []notice.Notice) []string {
	out := make([]string, len(chain))
	for i := range chain {
		out[i] = chain[i].Contact
	}
	return out
}

// asked reports whether the backup contact was written to in this chain.
func asked(chain []notice.Notice, p *party.Party) bool {
	return slices.ContainsFunc(chain, func(n notice.Notice) bool {
		if n.State == notice.Withdrawn {
			return false
		}
		c, err := contact(p, n.Contact)
		return n.Kind == notice.Escalation || err == nil && c.Role == party.Backup && !n.Sent.IsZero()
	})
}

// follow makes the next notice of a chain and ends the wait of the one before.
func (l *Loop) follow(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, p *party.Party, c *party.Contact,
	k notice.Kind, first ident.Notice, items []notice.Item,
) error {
	n.Next = time.Time{}
	if err := tx.PutNotice(ctx, n); err != nil {
		return err
	}
	d := notice.Draft{Kind: k, Severity: notice.Worst(items), Reason: notice.WhySilence, Items: items}
	next := l.draft(now, p, c, d)
	next.Parent, next.Class = first, n.Class
	return l.plan(ctx, tx, now, next, findingIDs(items), 0)
}
