package loop

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// easeBatch bounds how many escalated notices, and how many items of the queue, one pass looks at.
const easeBatch = 1000

// ease ends escalations of which nothing is open any more, by whatever way it ended, and keeps the number and the severity
// of the others in the desk's queue equal to what is still open. It returns how many notices it let rest.
func (l *Loop) ease(ctx context.Context, now time.Time) (int, error) {
	var escalated []notice.Notice
	var items []store.QueueItem
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		if escalated, err = tx.EscalatedNotices(ctx, easeBatch); err != nil {
			return err
		}
		items, err = tx.QueueOpenOf(ctx, []string{queueSilent, queueFailed, queueNoContact}, easeBatch)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read escalations: %w", err)
	}
	done := 0
	for i := range escalated {
		err := l.store.Update(ctx, func(tx *store.Tx) error {
			rested, err := l.restEscalated(ctx, tx, now, escalated[i].ID)
			if rested {
				done++
			}
			return err
		})
		if err != nil {
			return done, fmt.Errorf("let notice %s rest: %w", escalated[i].ID, err)
		}
	}
	for i := range items {
		if err := l.store.Update(ctx, func(tx *store.Tx) error { return l.reword(ctx, tx, now, items[i]) }); err != nil {
			return done, fmt.Errorf("bring item %s of the queue up to date: %w", items[i].ID, err)
		}
	}
	return done, nil
}

// stillOpen returns the findings of a notice that its party answers for and that still wait for what the notice is about.
func stillOpen(ctx context.Context, tx *store.Tx, n *notice.Notice) ([]store.Finding, error) {
	found, err := tx.NoticeFindings(ctx, n.ID)
	return slices.DeleteFunc(found, func(f store.Finding) bool { return f.Party != n.Party || !untold(n.Kind, f.State) }), err
}

// restEscalated takes a notice out of escalation where nothing of it is open.
func (l *Loop) restEscalated(ctx context.Context, tx *store.Tx, now time.Time, id ident.Notice) (bool, error) {
	n, err := tx.NoticeByID(ctx, id)
	if err != nil || n.State != notice.Escalated {
		return false, err
	}
	open, err := stillOpen(ctx, tx, &n)
	if err != nil || len(open) > 0 {
		return false, err
	}
	if n.Sent.IsZero() {
		return true, l.settle(ctx, tx, now, &n, notice.Withdraw, "nothing is left to tell")
	}
	return true, l.settle(ctx, tx, now, &n, notice.Rest, "nothing of it is open any more")
}

// reword brings an item of the queue about a party that could not be told, or does not answer, up to date: how many
// findings that are, and how severe. Where there are none, it is done.
func (l *Loop) reword(ctx context.Context, tx *store.Tx, now time.Time, q store.QueueItem) error {
	is, err := tx.QueueItemByID(ctx, q.ID)
	if err != nil || !is.Done.IsZero() {
		return err
	}
	id, ok := partyOf(q.Object)
	if !ok || len(is.Args) < 2 {
		return fmt.Errorf("it is about %q, and a party was expected", q.Object)
	}
	n, worst, err := l.openOf(ctx, tx, now, id, q.Kind)
	if err != nil {
		return err
	}
	if n == 0 {
		if err := tx.QueueDone(ctx, q.ID, notifier.String(), now); err != nil {
			return err
		}
		return eased(ctx, tx, now, q, n, worst)
	}
	words := slices.Clone(is.Args)
	if q.Kind != queueFailed { // its second word is the notice
		words[1] = fmt.Sprint(n)
	}
	if slices.Equal(words, is.Args) && worst == is.Severity {
		return nil
	}
	if err := tx.QueueReword(ctx, q.ID, words, worst); err != nil {
		return err
	}
	return eased(ctx, tx, now, q, n, worst)
}

// openOf counts what an item of a kind about a party is about: the findings that nobody could be told of, or those of
// escalated notices that are still open.
func (l *Loop) openOf(ctx context.Context, tx *store.Tx, now time.Time, id ident.Party, kind string) (int, event.Severity, error) {
	seen := map[ident.Finding]event.Severity{}
	if kind == queueNoContact {
		r := l.rules()
		found, err := tx.FindingsToTell(ctx, id, now.Add(-retryAfter), (r.PerDay+1)*r.PerNotice)
		if err != nil {
			return 0, 0, err
		}
		for _, it := range l.items(found) {
			seen[it.ID] = it.Severity
		}
	} else {
		list, err := tx.EscalatedTo(ctx, id, easeBatch)
		if err != nil {
			return 0, 0, err
		}
		for i := range list {
			if failed := list[i].Error != ""; failed != (kind == queueFailed) { // escalate keeps the error of what reached nobody
				continue
			}
			open, err := stillOpen(ctx, tx, &list[i])
			if err != nil {
				return 0, 0, err
			}
			for _, it := range l.items(open) {
				seen[it.ID] = it.Severity
			}
		}
	}
	worst := event.Unknown
	for _, s := range seen {
		worst = max(worst, s)
	}
	return len(seen), worst, nil
}

func eased(ctx context.Context, tx *store.Tx, now time.Time, q store.QueueItem, n int, worst event.Severity) error {
	_, err := tx.Append(ctx, now, notifier, "notice.ease", access.On(q.Object), q.Kind, struct {
		Item     string `json:"item"`
		Findings int    `json:"findings"`
		Severity string `json:"severity,omitempty"`
	}{q.ID, n, worst.String()})
	return err
}

// partyOf returns the party that an object of the queue names.
func partyOf(object string) (ident.Party, bool) {
	const prefix = "party:"
	if len(object) <= len(prefix) || object[:len(prefix)] != prefix {
		return "", false
	}
	return ident.Party(object[len(prefix):]), true
}
