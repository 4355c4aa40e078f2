package triage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Act is what settles something that waits.
type Act string

// Acts on what waits. Each can be undone as long as nothing else has happened to the thing.
const (
	Attribute Act = "attribute" // a party answers for the finding
	Reject    Act = "reject"    // the dispute, or the accepted risk, does not stand
	Discard   Act = "discard"   // the observation is wrong: not a problem
	Done      Act = "done"      // the item of the queue has been seen to
)

// Acts lists them all.
var Acts = []Act{Attribute, Reject, Discard, Done}

// On is the list of what an act is asked for.
type On struct {
	Key string      // of a row
	Act Act         // that settles it
	To  ident.Party // of Attribute
}

// maxBatch bounds the things that one batch settles.
const maxBatch = 500

// Outcome is what an act does to one thing, or did.
type Outcome struct {
	On
	Finding  *store.Finding   // of a finding's row
	Item     *store.QueueItem // of an item's
	Name     string           // of the party that answers now
	From, To finding.State    // of a finding
	ToName   string           // of the party that will answer
	Tells    ident.Party      // who is told by a notice; empty: nobody
	TellName string
	Problem  error // why nothing is done; nil: it is

	register *party.Register
}

// Batch is what was done together.
type Batch struct {
	ID       string // by which Undo finds it
	Outcomes []Outcome
	Changed  int // of Outcomes
}

// First is the only outcome of a batch of one.
func (b *Batch) First() error {
	if len(b.Outcomes) == 0 {
		return fault.New(fault.Invalid, "nothing was chosen")
	}
	return b.Outcomes[0].Problem
}

// Preview says what Do would do now, and does nothing.
func (d *Desk) Preview(ctx context.Context, now time.Time, by access.Actor, all []On) (Batch, error) {
	register, err := d.registry.Register(ctx, now)
	if err != nil {
		return Batch{}, err
	}
	var b Batch
	err = d.store.View(ctx, func(tx *store.Tx) error {
		b, err = weigh(ctx, tx, now, by, register, all)
		return err
	})
	if err != nil {
		return Batch{}, fmt.Errorf("preview: %w", err)
	}
	return b, nil
}

// Do settles what waits, each by an act of its own with the same reason, all in one transaction. What cannot be settled is
// left and reported one by one. fault.Invalid where nothing or too much was chosen, or the reason is missing.
func (d *Desk) Do(ctx context.Context, now time.Time, by access.Actor, all []On, reason string) (Batch, error) {
	reason = strings.TrimSpace(reason)
	if err := checkReason(reason); err != nil {
		return Batch{}, err
	}
	register, err := d.registry.Register(ctx, now)
	if err != nil {
		return Batch{}, err
	}
	id := ident.New("bat")
	var b Batch
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		if b, err = weigh(ctx, tx, now, by, register, all); err != nil {
			return err
		}
		b.ID = id
		for i := range b.Outcomes {
			if b.Outcomes[i].Problem == nil {
				if err := carryOut(ctx, tx, now, by, &b.Outcomes[i], reason, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return Batch{}, fmt.Errorf("settle %d things: %w", len(all), err)
	}
	return b, nil
}

// weigh looks what the acts would do.
func weigh(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, register *party.Register, all []On) (Batch, error) {
	if len(all) == 0 || len(all) > maxBatch {
		return Batch{}, fault.New(fault.Invalid, "choose 1 to %d", maxBatch)
	}
	r, err := reads(ctx, tx, now, by)
	if err != nil {
		return Batch{}, err
	}
	var b Batch
	seen := map[string]bool{}
	for _, on := range all {
		if seen[on.Key] {
			continue
		}
		seen[on.Key] = true
		o := Outcome{On: on, register: register}
		if err := o.weigh(ctx, tx, r); err != nil {
			return b, err
		}
		if o.Problem == nil {
			b.Changed++
		}
		b.Outcomes = append(b.Outcomes, o)
	}
	return b, nil
}

// weigh works one outcome out; its Problem says why there is none, the error that the store failed.
func (o *Outcome) weigh(ctx context.Context, tx *store.Tx, r reading) error {
	kind, id, _ := strings.Cut(o.Key, ":")
	if kind == "queue" {
		return o.item(ctx, tx, r, id)
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if kind != "finding" || err != nil || n <= 0 {
		o.Problem = fault.New(fault.Invalid, "%q is nothing that waits", o.Key)
		return nil //nolint:nilerr // the problem says it
	}
	f, err := tx.FindingByID(ctx, ident.Finding(n))
	seen := false
	if err == nil {
		seen, err = r.sees(ctx, tx, &f)
	}
	if errors.Is(err, fault.NotFound) || err == nil && !seen {
		o.Problem = access.Missing(access.Findings, id)
		return nil
	}
	if err != nil {
		return err
	}
	o.Finding, o.From = &f, f.State
	called, err := names(ctx, tx, f.Party)
	if err != nil {
		return err
	}
	o.Name = called[f.Party]
	return o.decide(ctx, tx)
}

// item weighs what is done to an item of the queue.
func (o *Outcome) item(ctx context.Context, tx *store.Tx, r reading, id string) error {
	q, err := tx.QueueItemByID(ctx, id)
	switch {
	case errors.Is(err, fault.NotFound) || err == nil && !r.works():
		o.Problem = access.Missing(access.Work, id)
		return nil
	case err != nil:
		return err
	}
	switch o.Item = &q; {
	case o.Act != Done:
		o.Problem = fault.New(fault.Conflict, "an item of the queue can only be seen to")
	case released(q.Kind):
		o.Problem = fault.New(fault.Conflict, "this is decided on the page of what waits to be released")
	case !q.Done.IsZero():
		o.Problem = fault.New(fault.Conflict, "somebody has seen to it already")
	}
	return nil
}

// triggers are what acts pull.
var triggers = map[Act]finding.Trigger{Attribute: finding.Reattribute, Reject: finding.Reject, Discard: finding.Discard}

// entries are the names of the acts in the ledger.
var entries = map[Act]string{
	Attribute: "finding.attribute", Reject: "finding.reject", Discard: "finding.discard", Done: "queue.done",
}

// decide weighs what is done to a finding.
func (o *Outcome) decide(ctx context.Context, tx *store.Tx) error {
	trigger, known := triggers[o.Act]
	if !known {
		o.Problem = fault.New(fault.Conflict, "a finding cannot be settled by %q", o.Act)
		return nil
	}
	f := o.Finding
	if o.To, o.Problem = finding.Next(f.State, trigger); o.Problem != nil {
		return nil //nolint:nilerr // the problem is part of the outcome
	}
	switch o.Act {
	case Reject:
		o.Tells, o.TellName = f.Party, o.Name
	case Attribute:
		if !o.register.Knows(o.On.To) || o.On.To == "" {
			o.Problem = fault.New(fault.Invalid, "party: there is no party %q", o.On.To)
			return nil
		}
		called, err := names(ctx, tx, o.On.To)
		if err != nil {
			return err
		}
		o.ToName = called[o.On.To]
		if o.On.To == f.Party {
			o.To = f.State
			return nil
		}
		if o.To.Live() {
			o.Tells, o.TellName = o.On.To, o.ToName
		}
	case Discard, Done:
	}
	return nil
}

// entry is the body of a triage act's ledger entry.
type entry struct {
	Batch string      `json:"batch"`
	From  ident.Party `json:"from,omitempty"` // of Attribute
	To    ident.Party `json:"to,omitempty"`
	N     int         `json:"n,omitempty"` // findings that went from one to the other
}

// carryOut does one act: its entry, what it changes, and what it takes to undo it.
func carryOut(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, o *Outcome, reason, batch string) error {
	step := store.TriageStep{Batch: batch, Act: entries[o.Act], Object: o.Key, At: now}
	body := entry{Batch: batch}
	var err error
	if o.Item != nil {
		step.Entry, err = tx.Append(ctx, now, by, step.Act, access.On(o.Item.Object), o.Item.Kind, body)
		if err == nil {
			err = tx.QueueDone(ctx, o.Item.ID, by.String(), now)
		}
		if err != nil {
			return err
		}
		return tx.InsertTriageStep(ctx, step)
	}
	if step.Was, err = tx.WholeOf(ctx, o.Finding.ID); err != nil {
		return err
	}
	if o.Act == Attribute {
		body.From, body.To, body.N = o.Finding.Party, o.On.To, 1
	}
	if step.Entry, err = tx.Append(ctx, now, by, step.Act, access.On(o.Key), "desk", body); err != nil {
		return err
	}
	if err := o.change(ctx, tx, now, by, step, reason); err != nil {
		return err
	}
	return tx.InsertTriageStep(ctx, step)
}

// change moves the finding and writes the step into its history.
func (o *Outcome) change(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, step store.TriageStep, reason string) error {
	id := o.Finding.ID
	if o.Act == Attribute {
		if err := o.attribute(ctx, tx); err != nil {
			return err
		}
	}
	if o.Act != Attribute || o.On.To != o.Finding.Party {
		is := store.Standing{State: o.To, Since: now}
		if o.To == o.From {
			is.Since = step.Was.Standing.Since
		}
		if err := tx.SetState(ctx, id, is); err != nil {
			return err
		}
	}
	return tx.InsertHistory(ctx, store.Change{
		Finding: id, Seq: step.Entry, At: now, From: o.From, To: o.To, Trigger: triggers[o.Act], Actor: by.String(), Reason: reason,
	})
}

func (o *Outcome) attribute(ctx context.Context, tx *store.Tx) error {
	have, err := tx.AttributedByID(ctx, []ident.Finding{o.Finding.ID})
	if err != nil || len(have) != 1 {
		return errors.Join(err, fault.New(fault.NotFound, "there is no finding %d", o.Finding.ID))
	}
	p, err := tx.PartyByID(ctx, o.On.To)
	if err != nil {
		return err
	}
	a := party.Attribution{Party: o.On.To, Basis: party.ByHand, Confidence: party.ConfidenceByHand, Region: have[0].Attribution.Region}
	if p.Region != "" {
		a.Region = p.Region
	}
	have[0].Attribution = a
	return tx.SetAttributions(ctx, have)
}

// One settles one thing, and fails where it cannot be settled.
func (d *Desk) One(ctx context.Context, now time.Time, by access.Actor, on On, reason string) error {
	b, err := d.Do(ctx, now, by, []On{on}, reason)
	if err != nil {
		return err
	}
	return b.First()
}
