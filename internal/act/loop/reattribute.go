package loop

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// reattributeBatch is how many findings one act of re-attribution looks at.
const reattributeBatch = 5000

// attributedSetting holds which version of the register every finding was last attributed by, and until when it holds.
const attributedSetting = "party_attributed"

// Reattributed says what a walk over the findings did.
type Reattributed struct {
	Seen    int // findings that the rule was asked about
	Moved   int // another party answers now, and will be told
	Refined int // the same party, on another basis or with another confidence
}

// ReattributeDue reports whether the register has changed since the last whole walk, or a resource has begun or ended.
func (l *Loop) ReattributeDue(ctx context.Context, now time.Time) (bool, error) {
	due := false
	err := l.store.View(ctx, func(tx *store.Tx) error {
		version, err := tx.PartyVersion(ctx)
		if err != nil {
			return err
		}
		text, err := tx.Setting(ctx, attributedSetting)
		if err != nil {
			return err
		}
		v, next, _ := strings.Cut(text, " ")
		until, err := strconv.ParseInt(next, 10, 64)
		due = v != strconv.FormatInt(version, 10) || err == nil && store.Micros(now) >= until
		due = due && (version > 0 || text != "")
		return nil
	})
	return due, err
}

// Reattribute asks the rule again for every finding that is not closed and was not attributed by hand, in batches of
// 5,000. Each batch that changes something is one act, "finding.reattribute". A finding that moves to another party
// is open again, so that the party is told. Stopping halfway or running it again does no harm.
func (l *Loop) Reattribute(ctx context.Context, now time.Time, by access.Actor) (Reattributed, error) {
	var done Reattributed
	register, version, err := l.registerAt(ctx, now)
	if err != nil {
		return done, err
	}
	all := 0 // findings whose attribution follows the register; 0: not counted yet
	for after := ident.Finding(0); ; {
		var batch []store.Attributed
		var moves []store.Attributed
		err := l.store.View(ctx, func(tx *store.Tx) (err error) {
			if batch, err = tx.AttributedAfter(ctx, after, reattributeBatch); err != nil || len(batch) == 0 {
				return err
			}
			moves, err = recompute(ctx, tx, register, batch, &done)
			if err == nil && len(moves) > 0 && all == 0 {
				all, err = tx.AttributedCount(ctx)
			}
			return err
		})
		if err == nil {
			err = l.move(ctx, now, by, moves, all, &done)
		}
		if err != nil {
			return done, fmt.Errorf("re-attribute findings behind %d: %w", after, err)
		}
		if len(batch) == 0 {
			return done, l.attributedBy(ctx, version, register.NextChange())
		}
		after = batch[len(batch)-1].ID
	}
}

// ReattributeThese does the same for some findings, such as closed ones that were just reopened. At most 10,000.
func (l *Loop) ReattributeThese(ctx context.Context, now time.Time, by access.Actor, ids []ident.Finding) (Reattributed, error) {
	var done Reattributed
	register, err := l.Register(ctx, now)
	if err != nil {
		return done, err
	}
	var moves []store.Attributed
	err = l.store.View(ctx, func(tx *store.Tx) error {
		batch, err := tx.AttributedByID(ctx, ids)
		if err != nil || len(batch) == 0 {
			return err
		}
		moves, err = recompute(ctx, tx, register, batch, &done)
		return err
	})
	if err == nil {
		err = l.move(ctx, now, by, moves, 0, &done)
	}
	if err != nil {
		return done, fmt.Errorf("re-attribute %d findings: %w", len(ids), err)
	}
	return done, nil
}

func (l *Loop) attributedBy(ctx context.Context, version int64, next time.Time) error {
	text := strconv.FormatInt(version, 10)
	if !next.IsZero() {
		text += " " + strconv.FormatInt(store.Micros(next), 10)
	}
	return l.store.Keep(ctx, func(tx *store.Tx) error { return tx.PutSetting(ctx, attributedSetting, text) })
}

// movable reports whether the rule may change who answers for a finding: not where the desk said who, and not where
// it is closed, for then the attribution is history.
func movable(f store.Attributed) bool {
	return f.Attribution.Basis != party.ByHand && (f.State.Live() || f.State == finding.Stale)
}

// recompute asks the rule about the findings of a batch, which is in order of id, and returns those whose attribution
// differs, with the new one.
func recompute(ctx context.Context, tx *store.Tx, r *party.Register, batch []store.Attributed, done *Reattributed) ([]store.Attributed, error) {
	var out []store.Attributed
	ask := func(f store.Attributed, ev event.Event) {
		done.Seen++
		if a := r.Attribute(f.Routed(party.SubjectOf(ev, f.Asset))); !sameAttribution(a, f.Attribution) {
			f.Attribution = a
			out = append(out, f)
		}
	}
	batch = slices.DeleteFunc(slices.Clone(batch), func(f store.Attributed) bool { return !movable(f) })
	ids := make([]ident.Finding, len(batch))
	for i := range batch {
		ids[i] = batch[i].ID
	}
	err := tx.EachEvent(ctx, ids, func(i int, ev event.Event) { ask(batch[i], ev) })
	return out, err
}

func sameAttribution(a, b party.Attribution) bool {
	return a.Party == b.Party && a.Basis == b.Basis && a.Matched == b.Matched && a.Confidence == b.Confidence && a.Region == b.Region
}

// moved counts findings that went from one party to another.
type moved struct {
	From ident.Party `json:"from"`
	To   ident.Party `json:"to"`
	N    int         `json:"n"`
}

// reattributeEntry is the body of one batch's entry.
type reattributeEntry struct {
	Moved   []ident.Finding `json:"moved"`
	Parties []moved         `json:"parties"`
	Refined int             `json:"refined"`
}

// move writes new attributions as one act. Findings that closed or were attributed by hand in the meantime stay. all is how many
// findings follow the register; 0 where it is not the register that changed.
func (l *Loop) move(ctx context.Context, now time.Time, by access.Actor, moves []store.Attributed, all int, done *Reattributed) error {
	if len(moves) == 0 {
		return nil
	}
	ids := make([]ident.Finding, len(moves))
	to := make(map[ident.Finding]party.Attribution, len(moves))
	for i, m := range moves {
		ids[i], to[m.ID] = m.ID, m.Attribution
	}
	var e reattributeEntry
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		e = reattributeEntry{}
		have, err := tx.AttributedByID(ctx, ids)
		if err != nil {
			return err
		}
		have = slices.DeleteFunc(have, func(f store.Attributed) bool {
			return !movable(f) || sameAttribution(f.Attribution, to[f.ID])
		})
		if len(have) == 0 {
			return nil
		}
		var gone []store.Attributed
		for i := range have {
			f := &have[i]
			if from := f.Attribution.Party; e.take(f.ID, from, to[f.ID].Party) {
				gone = append(gone, *f)
			}
			f.Attribution = to[f.ID]
		}
		if err := tx.SetAttributions(ctx, have); err != nil {
			return err
		}
		seq, err := tx.Append(ctx, now, by, "finding.reattribute", access.On("findings"), "register", e)
		if err != nil {
			return err
		}
		if all > 0 {
			if err := holdImport(ctx, tx, now, done.Moved+len(e.Moved), all); err != nil {
				return err
			}
		}
		return changeMoved(ctx, tx, now, gone, by, seq)
	})
	if err == nil {
		done.Moved += len(e.Moved)
		done.Refined += e.Refined
	}
	return err
}

// changeMoved does for many findings at once what change does for one with trigger finding.Reattribute: a batch that
// takes long would lose every race for the ledger against the fold.
func changeMoved(ctx context.Context, tx *store.Tx, now time.Time, fs []store.Attributed, by access.Actor, seq int64) error {
	to := map[finding.State][]ident.Finding{}
	steps := make([]store.Change, 0, len(fs))
	for _, f := range fs {
		next, err := finding.Next(f.State, finding.Reattribute)
		if err != nil {
			return fmt.Errorf("finding %d: %w", f.ID, err)
		}
		if next != f.State {
			to[next] = append(to[next], f.ID)
		}
		steps = append(steps, store.Change{Finding: f.ID, Seq: seq, At: now, From: f.State, To: next, Trigger: finding.Reattribute, Actor: by.String()})
	}
	for state, ids := range to {
		if err := tx.SetStates(ctx, ids, store.Standing{State: state, Since: now}); err != nil {
			return err
		}
	}
	return tx.InsertHistories(ctx, steps)
}

// take counts one finding and reports whether it goes to another party.
func (e *reattributeEntry) take(id ident.Finding, from, to ident.Party) bool {
	if from == to {
		e.Refined++
		return false
	}
	e.Moved = append(e.Moved, id)
	for i := range e.Parties {
		if e.Parties[i].From == from && e.Parties[i].To == to {
			e.Parties[i].N++
			return true
		}
	}
	e.Parties = append(e.Parties, moved{from, to, 1})
	return true
}
