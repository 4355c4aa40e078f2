package record

import (
	"strconv"
	"strings"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// stepEntry is what an entry says of the findings that it changed.
type stepEntry struct {
	*ledger.Entry
	named map[ident.Finding]finding.Trigger // nil where the entry does not name them
	any   finding.Trigger                   // of those that it does not name; empty: it changes none
	until time.Time                         // of an accepted risk
}

// stepBody is all that entries say of findings that they change.
type stepBody struct {
	Done      []ident.Finding `json:"done"`      // notice.answer
	Until     string          `json:"until"`     // notice.answer
	Closed    []ident.Finding `json:"closed"`    // finding.verify
	Faded     []ident.Finding `json:"faded"`     // finding.verify
	Findings  json1           `json:"findings"`  // finding.expire; a number in others
	Reopened  []ident.Finding `json:"reopened"`  // finding.fold, signal.replay
	Rechecked []ident.Finding `json:"rechecked"` // finding.fold, signal.replay
	Moved     json1           `json:"moved"`     // finding.reattribute; a boolean in others
}

// json1 is a list of findings where the field holds a list, and nothing where it holds something else.
type json1 []ident.Finding

// UnmarshalJSON reads a list of numbers.
func (l *json1) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), "[] \n")
	if len(b) == 0 || b[0] != '[' || text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return err
		}
		*l = append(*l, ident.Finding(n))
	}
	return nil
}

// answers are the triggers of the kinds of answer, which the ledger has as the reason of notice.answer.
var answers = map[string]finding.Trigger{
	"acknowledge": finding.Acknowledge, "start": finding.Start, "fixed": finding.Claim, "not_mine": finding.Dispute,
	"accept_risk": finding.AcceptRisk, "wrong": finding.Dispute,
}

// steps works out which findings an entry changes, and how.
func (v *verifier) steps(e *ledger.Entry) (*stepEntry, error) {
	s := &stepEntry{Entry: e}
	switch e.Act {
	case "notice.send", "notice.bounce":
		s.any = finding.Notify
		return s, nil
	case "finding.discard":
		return s, s.one(finding.Discard)
	case "finding.reject":
		return s, s.one(finding.Reject)
	case "finding.attribute":
		return s, s.one(finding.Reattribute)
	case "triage.undo":
		if !strings.HasPrefix(e.Object, "finding:") {
			return s, nil // an item of the queue
		}
		return s, s.one(finding.Restore)
	case "notice.answer", "finding.verify", "finding.expire", "finding.fold", "signal.replay", "finding.reattribute":
	default:
		return s, nil
	}
	var b stepBody
	if err := v.body(e, &b); err != nil {
		return nil, err
	}
	s.named = map[ident.Finding]finding.Trigger{}
	for _, l := range []struct {
		act string
		ids []ident.Finding
		by  finding.Trigger
	}{
		{"notice.answer", b.Done, answers[e.Reason]},
		{"finding.verify", b.Closed, finding.Gone},
		{"finding.verify", b.Faded, finding.Fade},
		{"finding.expire", b.Findings, finding.Expire},
		{"finding.fold", b.Reopened, finding.SeenAgain},
		{"finding.fold", b.Rechecked, finding.Gone},
		{"signal.replay", b.Reopened, finding.SeenAgain},
		{"signal.replay", b.Rechecked, finding.Gone},
		{"finding.reattribute", b.Moved, finding.Reattribute},
	} {
		if l.act == e.Act {
			for _, id := range l.ids {
				s.named[id] = l.by
			}
		}
	}
	if b.Until != "" {
		var err error
		if s.until, err = time.Parse(time.RFC3339, b.Until); err != nil {
			return nil, wrong("entry %d: until: %v", e.ID, err)
		}
	}
	return s, nil
}

// one says that the entry changes the finding that is its object.
func (s *stepEntry) one(t finding.Trigger) error {
	n, err := strconv.ParseInt(strings.TrimPrefix(s.Object, "finding:"), 10, 64)
	if err != nil {
		return wrong("entry %d (%s) is about %s, which is no finding", s.ID, s.Act, s.Object)
	}
	s.named = map[ident.Finding]finding.Trigger{ident.Finding(n): t}
	return nil
}

// stepsOf is steps for an entry's id, nil where there is no such entry. It remembers the last few: the steps of many
// findings come from one entry.
func (v *verifier) stepsOf(id int64) (*stepEntry, error) {
	if s, ok := v.entries[id]; ok {
		return s, nil
	}
	e, err := v.tx.EntryByID(v.ctx, id)
	if err != nil || e == nil {
		return nil, err
	}
	s, err := v.steps(e)
	if err != nil {
		return nil, err
	}
	if len(v.entries) >= 64 {
		clear(v.entries)
	}
	v.entries[id] = s
	return s, nil
}

// findings looks at every finding with its history.
func (v *verifier) findings() error {
	after := ident.Finding(0)
	for {
		list, err := v.tx.FindingsAfter(v.ctx, after, page)
		if err != nil {
			return err
		}
		last := ident.Finding(1 << 62) // behind the last finding there is no history either
		if len(list) > 0 {
			last = list[len(list)-1].ID
		}
		steps, err := v.tx.HistoryBetween(v.ctx, after, last)
		if err != nil {
			return err
		}
		for i := range list {
			n := 0
			for n < len(steps) && steps[n].Finding == list[i].ID {
				n++
			}
			if err := v.finding(&list[i], steps[:n]); err != nil {
				return err
			}
			v.sum.Findings++
			v.sum.Steps += int64(n)
			steps = steps[n:]
		}
		if len(steps) > 0 {
			return wrong("there is a history of finding %d, and there is no such finding", steps[0].Finding)
		}
		if after = last; len(list) == 0 {
			break
		}
	}
	if v.sum.Findings != v.folded {
		return wrong("the ledger says that %d findings were made, and %d are there", v.folded, v.sum.Findings)
	}
	return nil
}

// finding goes through a finding's history from the day it was made to where it stands.
func (v *verifier) finding(f *store.StoredFinding, steps []store.Change) error {
	at := store.Standing{State: finding.Open, Since: f.Created}
	var before *store.Standing // the newest step, where that can be taken back
	for i := range steps {
		was := at
		if err := v.step(&at, before, &steps[i]); err != nil {
			return err
		}
		switch t := steps[i].Trigger; {
		case finding.Undoes(t):
			before = &was
		case t != finding.Marked:
			before = nil
		}
	}
	switch {
	case f.State != at.State:
		return wrong("finding %d is %s, and by its history it is %s", f.ID, f.State, at.State)
	case !f.Since.Equal(at.Since):
		return wrong("finding %d says that it is %s since %s, and by its history since %s", f.ID, f.State, stamp(f.Since), stamp(at.Since))
	case !f.Until.Truncate(time.Second).Equal(at.Until):
		return wrong("finding %d says that its risk is accepted until %s, and by the ledger until %s", f.ID, stamp(f.Until), stamp(at.Until))
	}
	return nil
}

// step moves at by one step of a history, which must be the doing of its entry. before is where the finding stood before
// the newest step, nil where that cannot be taken back.
func (v *verifier) step(at, before *store.Standing, c *store.Change) error {
	e, err := v.stepsOf(c.Seq)
	if err != nil {
		return err
	}
	if e == nil {
		return wrong("a step in the history of finding %d names entry %d, and there is none", c.Finding, c.Seq)
	}
	trigger, named := e.named[c.Finding]
	if e.any != "" {
		trigger, named = e.any, true
	}
	// By hand a finding can go to the party that has it, and stays what it is.
	to, err := finding.Next(c.From, c.Trigger)
	stays := c.Trigger == finding.Reattribute && c.To == c.From
	restores := c.Trigger == finding.Restore && before != nil && c.To == before.State
	switch {
	case !named:
		return wrong("a step in the history of finding %d names entry %d (%s), which did not change it", c.Finding, c.Seq, e.Act)
	case c.Trigger != trigger:
		return wrong("entry %d (%s) does %q to finding %d, and its history says %q", c.Seq, e.Act, trigger, c.Finding, c.Trigger)
	case !c.At.Equal(e.At):
		return wrong("entry %d is of %s, and the history of finding %d says %s", c.Seq, stamp(e.At), c.Finding, stamp(c.At))
	case !e.by(c):
		return wrong("entry %d is by %s, and the history of finding %d says %s", c.Seq, e.Actor, c.Finding, c.Actor)
	case c.From != at.State:
		return wrong("the history of finding %d breaks at entry %d: a step leads from %s, and the finding was %s", c.Finding, c.Seq, c.From, at.State)
	case !stays && !restores && (err != nil || c.To != to):
		return wrong("the history of finding %d says that %q led from %s to %s, which cannot be", c.Finding, c.Trigger, c.From, c.To)
	case trigger == finding.Notify && c.Reason != strings.Replace(e.Object, ":", " ", 1):
		return wrong("entry %d is about %s, and the history of finding %d says %q", c.Seq, e.Object, c.Finding, c.Reason)
	}
	if restores {
		*at = *before
		return nil
	}
	if c.To != c.From {
		at.State, at.Since = c.To, c.At
	}
	if !stays {
		at.Until = e.until.UTC()
	}
	return nil
}

// by reports whether a step names who the entry names. The fold acts for whoever replays, and a party for its people.
func (e *stepEntry) by(c *store.Change) bool {
	switch {
	case c.Actor == e.Actor:
		return true
	case e.Act == "signal.replay":
		return c.Actor == "software:fold"
	}
	return e.Act == "notice.answer" && c.Actor == e.Object
}
