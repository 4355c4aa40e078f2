package rule

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	rules "tocsin/internal/rule"
	"tocsin/internal/store"
)

// queueHeld is the kind of queue item for findings that a rule holds: party:ID; args: party name, findings, rule.
const queueHeld = "rule.held"

var notifier = access.ForSoftware("notify")

// Held is what one rule keeps from one party.
type Held struct {
	Rule     int64
	Party    ident.Party
	Name     string
	Findings int // up to MostHeld
	Worst    event.Severity
	Oldest   time.Time // since when the first of them waits
}

// MostHeld bounds how many findings of one party are looked at.
const MostHeld = 5000

// retryAfter is how long findings of a notice that reached nobody wait; as in act/loop.
const retryAfter = 24 * time.Hour

// Held returns what rules hold at now, by party and rule.
func (d *Desk) Held(ctx context.Context, now time.Time) ([]Held, error) {
	var out []Held
	err := d.store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = held(ctx, tx, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what rules hold: %w", err)
	}
	return out, nil
}

func held(ctx context.Context, tx *store.Tx, now time.Time) ([]Held, error) {
	book, err := tx.Rulebook(ctx, now)
	if err != nil || !book.Holds() {
		return nil, err
	}
	all, err := tx.PartiesToTell(ctx)
	if err != nil {
		return nil, err
	}
	var out []Held
	for _, w := range all {
		p, err := tx.PartyByID(ctx, w.Party)
		if err != nil {
			return nil, err
		}
		found, err := tx.FindingsToTell(ctx, w.Party, now.Add(-retryAfter), MostHeld)
		if err != nil {
			return nil, err
		}
		at := map[int64]int{} // rule -> place in out
		for i := range found {
			f := &found[i]
			r := book.Tell(book.Subject(f, &p))
			if r == nil || r.Do.Deed != rules.Hold {
				continue
			}
			n, have := at[r.Number]
			if !have {
				n, at[r.Number] = len(out), len(out)
				out = append(out, Held{Rule: r.Number, Party: p.ID, Name: p.Name, Oldest: f.StateAt})
			}
			h := &out[n]
			h.Findings++
			h.Worst = max(h.Worst, f.Severity)
			if f.StateAt.Before(h.Oldest) {
				h.Oldest = f.StateAt
			}
		}
	}
	return out, nil
}

// Review puts what rules hold before the desk, an item for each party, and takes the item out once nothing is held. It
// returns how many items it put there.
func (d *Desk) Review(ctx context.Context, now time.Time) (int, error) {
	list, err := d.Held(ctx, now)
	if err != nil {
		return 0, err
	}
	sum := map[ident.Party]*Held{}
	for i := range list {
		h := &list[i]
		if s := sum[h.Party]; s != nil {
			s.Findings += h.Findings
			s.Worst = max(s.Worst, h.Worst)
			continue
		}
		sum[h.Party] = h
	}
	var open []store.QueueItem
	err = d.store.View(ctx, func(tx *store.Tx) (err error) {
		open, err = tx.QueueOfKind(ctx, queueHeld)
		return err
	})
	if err != nil {
		return 0, err
	}
	shown := map[string]bool{}
	for _, q := range open {
		shown[q.Object] = true
	}
	raised := 0
	for id, h := range sum {
		if shown["party:"+string(id)] {
			continue
		}
		if err := d.raise(ctx, now, h); err != nil {
			return raised, err
		}
		raised++
	}
	for _, q := range open {
		if sum[ident.Party(q.Object[len("party:"):])] != nil {
			continue
		}
		if err := d.settle(ctx, now, q.Object); err != nil {
			return raised, err
		}
	}
	return raised, nil
}

type holdEntry struct {
	Rule     int64 `json:"rule,omitempty"`
	Findings int   `json:"findings"`
}

func (d *Desk) raise(ctx context.Context, now time.Time, h *Held) error {
	return d.store.Update(ctx, func(tx *store.Tx) error {
		fresh, err := tx.Enqueue(ctx, store.QueueItem{
			Kind: queueHeld, Object: "party:" + string(h.Party), Code: queueHeld, Severity: h.Worst, Created: now,
			Args: []string{h.Name, strconv.Itoa(h.Findings), strconv.FormatInt(h.Rule, 10)},
		})
		if err != nil || !fresh {
			return err
		}
		_, err = tx.Append(ctx, now, notifier, "rule.hold", access.On("party:"+string(h.Party)), "", holdEntry{h.Rule, h.Findings})
		return err
	})
}

func (d *Desk) settle(ctx context.Context, now time.Time, object string) error {
	return d.store.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.QueueSettle(ctx, queueHeld, object, notifier.String(), now)
		if err != nil || n == 0 {
			return err
		}
		_, err = tx.Append(ctx, now, notifier, "rule.hold", access.On(object), "", holdEntry{})
		return err
	})
}

// Release is the desk's act of letting through what a rule holds of a party until now. What comes later is held again.
func (d *Desk) Release(ctx context.Context, now time.Time, by access.Actor, number int64, to ident.Party) error {
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.RuleVersions(ctx, number)
		if err != nil {
			return err
		}
		if all[0].Do.Deed != rules.Hold {
			return fault.New(fault.Conflict, "rule %d holds nothing", number)
		}
		if _, err := tx.PartyName(ctx, to); err != nil {
			return err
		}
		if err := tx.InsertRelease(ctx, rules.Release{Rule: number, Party: to, At: now}, by.String()); err != nil {
			return err
		}
		if _, err := tx.QueueSettle(ctx, queueHeld, "party:"+string(to), by.String(), now); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "rule.release", object(number), "", struct {
			Party ident.Party `json:"party"`
		}{to})
		return err
	})
	if err != nil {
		return fmt.Errorf("release what rule %d holds of %s: %w", number, to, err)
	}
	return nil
}
