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

// easeBatch bounds how many escalated notices, and how many items of the queue, one read takes.
const easeBatch = 1000

// ease ends escalations of which nothing is open any more, by whatever way it ended, and keeps the number and the severity
// of the others in the desk's queue equal to what is still open. It returns how many notices it let rest.
func (l *Loop) ease(ctx context.Context, now time.Time) (int, error) {
	done, err := l.easeNotices(ctx, now)
	if err != nil {
		return done, err
	}
	return done, l.easeQueue(ctx, now)
}

func (l *Loop) easeNotices(ctx context.Context, now time.Time) (int, error) {
	for done := 0; ; {
		var over []ident.Notice
		err := l.store.View(ctx, func(tx *store.Tx) (err error) {
			over, err = tx.EscalatedOver(ctx, easeBatch)
			return err
		})
		if err != nil {
			return done, err
		}
		before := done
		for _, id := range over {
			rested := false
			err := l.store.Update(ctx, func(tx *store.Tx) (err error) {
				rested, err = l.restEscalated(ctx, tx, now, id)
				return err
			})
			if err != nil {
				return done, fmt.Errorf("let notice %s rest: %w", id, err)
			}
			if rested {
				done++
			}
		}
		if done == before { // none is left, or others were faster
			return done, nil
		}
	}
}

func (l *Loop) easeQueue(ctx context.Context, now time.Time) error {
	for after := ""; ; {
		var items []store.QueueItem
		err := l.store.View(ctx, func(tx *store.Tx) (err error) {
			items, err = tx.QueueOpenOf(ctx, []string{queueSilent, queueFailed, queueNoContact}, after, easeBatch)
			return err
		})
		if err != nil || len(items) == 0 {
			return err
		}
		for i := range items {
			if err := l.easeItem(ctx, now, items[i]); err != nil {
				return fmt.Errorf("bring item %s of the queue up to date: %w", items[i].ID, err)
			}
			after = items[i].ID
		}
	}
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

// easeItem brings an item of the queue about a party that could not be told, or does not answer, up to date: how many
// findings that are, and how severe. Where there are none, it is done. It looks without writing, for most are as they were.
func (l *Loop) easeItem(ctx context.Context, now time.Time, q store.QueueItem) error {
	var is itemWords
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		is, err = l.itemNow(ctx, tx, now, q)
		return err
	})
	if err != nil || !is.differs {
		return err
	}
	return l.store.Update(ctx, func(tx *store.Tx) error {
		is, err := l.itemNow(ctx, tx, now, q)
		if err != nil || !is.differs {
			return err
		}
		if is.n == 0 {
			err = tx.QueueDone(ctx, q.ID, notifier.String(), now)
		} else {
			err = tx.QueueReword(ctx, q.ID, is.words, is.worst)
		}
		if err != nil {
			return err
		}
		return eased(ctx, tx, now, q, is.n, is.worst)
	})
}

// itemWords is what an item of the queue ought to say.
type itemWords struct {
	n       int
	worst   event.Severity
	words   []string
	differs bool // from what it says
}

func (l *Loop) itemNow(ctx context.Context, tx *store.Tx, now time.Time, q store.QueueItem) (itemWords, error) {
	is, err := tx.QueueItemByID(ctx, q.ID)
	if err != nil || !is.Done.IsZero() {
		return itemWords{}, err
	}
	id, ok := partyOf(q.Object)
	if !ok || len(is.Args) < 2 {
		return itemWords{}, fmt.Errorf("it is about %q, and a party was expected", q.Object)
	}
	var w itemWords
	if w.n, w.worst, err = l.openOf(ctx, tx, now, id, q.Kind); err != nil {
		return w, err
	}
	w.words = slices.Clone(is.Args)
	if q.Kind != queueFailed { // its second word is the notice
		w.words[1] = fmt.Sprint(w.n)
	}
	w.differs = w.n == 0 || !slices.Equal(w.words, is.Args) || w.worst != is.Severity
	return w, nil
}

// openOf counts what an item of a kind about a party is about: the findings that nobody could be told of, or those of
// escalated notices that are still open.
func (l *Loop) openOf(ctx context.Context, tx *store.Tx, now time.Time, id ident.Party, kind string) (int, event.Severity, error) {
	if kind == queueNoContact {
		return l.untellable(ctx, tx, now, id)
	}
	list, err := tx.EscalatedTo(ctx, id)
	if err != nil {
		return 0, 0, err
	}
	seen, worst := map[ident.Finding]bool{}, event.Unknown
	for i := range list {
		if failed := list[i].Error != ""; failed != (kind == queueFailed) { // escalate keeps the error of what reached nobody
			continue
		}
		open, err := stillOpen(ctx, tx, &list[i])
		if err != nil {
			return 0, 0, err
		}
		for _, it := range l.items(open) {
			seen[it.ID], worst = true, max(worst, it.Severity)
		}
	}
	return len(seen), worst, nil
}

// untellable counts the findings that a party without a contact cannot be told of, and says how severe the worst is.
func (l *Loop) untellable(ctx context.Context, tx *store.Tx, now time.Time, id ident.Party) (int, event.Severity, error) {
	n, err := tx.CountToTell(ctx, id, now.Add(-retryAfter))
	if err != nil || n == 0 {
		return 0, 0, err
	}
	first, err := tx.FindingsToTell(ctx, id, now.Add(-retryAfter), 1) // the most severe
	if err != nil || len(first) == 0 {
		return n, 0, err
	}
	return n, notice.Worst(l.items(first)), nil
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
