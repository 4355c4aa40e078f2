package register

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Wish is what a member asks for: the zero After takes the target away.
type Wish struct {
	What   party.RequestWhat
	Target string // empty: something new
	After  party.Entry
	Reason string
}

// maxWaiting bounds how many changes of one party wait for the desk at once.
const maxWaiting = 200

// Propose writes down a change to what by's party has in the register. One that lowers nothing and changes nobody's
// answer takes effect at once ("change.apply"); the others wait for the desk ("change.propose"). fault.Invalid names the
// field that is wrong, fault.Conflict says that a change of the same thing waits already.
func (r *Register) Propose(ctx context.Context, now time.Time, by access.Actor, w Wish) (party.Request, error) {
	var q party.Request
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		p, err := own(ctx, tx, now, by)
		if err != nil {
			return err
		}
		if q, err = wished(p, by, now, w); err != nil {
			return err
		}
		if err := alone(ctx, tx, q); err != nil {
			return err
		}
		if q.AtOnce() {
			return apply(ctx, tx, now, by, p, &q)
		}
		if _, err := p.With(q, now, ident.New); err != nil { // what the register cannot take is said now, not at the desk
			return err
		}
		if err := tx.InsertRequest(ctx, q); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "change.propose", access.Of(q.Party, "change:"+q.ID), "", bodyOf(q, ""))
		return err
	})
	if err != nil {
		return q, fmt.Errorf("propose a change: %w", err)
	}
	return q, nil
}

// Draft is Propose without doing it: what the change would be, and whether it would take effect at once.
func (r *Register) Draft(ctx context.Context, now time.Time, by access.Actor, w Wish) (party.Request, error) {
	var q party.Request
	err := r.store.View(ctx, func(tx *store.Tx) error {
		p, err := own(ctx, tx, now, by)
		if err != nil {
			return err
		}
		if q, err = wished(p, by, now, w); err != nil {
			return err
		}
		if err := alone(ctx, tx, q); err != nil {
			return err
		}
		_, err = p.With(q, now, ident.New)
		return err
	})
	return q, err
}

func wished(p party.Party, by access.Actor, now time.Time, w Wish) (party.Request, error) {
	q := party.Request{
		ID: ident.New("chg"), Party: p.ID, What: w.What, Target: w.Target, After: w.After, Reason: w.Reason,
		By: by.String(), At: now, State: party.Proposed,
	}
	if w.Target != "" {
		if q.Before = p.Holds(w.What, w.Target, now); q.Before.None() {
			return q, fault.New(fault.NotFound, "this is not in the register of your organisation")
		}
	}
	return q, q.Check()
}

// alone refuses a second change of one thing while the first waits.
func alone(ctx context.Context, tx *store.Tx, q party.Request) error {
	open, err := tx.Requests(ctx, store.RequestFilter{Party: q.Party, State: party.Proposed}, store.RequestCursor{}, maxWaiting)
	if err != nil {
		return err
	}
	if len(open) == maxWaiting {
		return fault.New(fault.Conflict, "%d changes wait for the authority already: let it decide about some first", maxWaiting)
	}
	for _, o := range open {
		if o.What == q.What && (o.Target != "" && o.Target == q.Target || o.Target == "" && q.Target == "" && o.After.Same(q.After)) {
			return fault.New(fault.Conflict, "a change of this waits for the authority already: withdraw it first")
		}
	}
	return nil
}

// apply carries out a change that needs nobody's word.
func apply(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, p party.Party, q *party.Request) error {
	after, err := p.With(*q, now, ident.New)
	if err != nil {
		return err
	}
	if *q, err = q.Next(party.Apply, by.String(), now, ""); err != nil {
		return err
	}
	if err := tx.InsertRequest(ctx, *q); err != nil {
		return err
	}
	return put(ctx, tx, now, by, "change.apply", after, *q)
}

// put writes the party as the change leaves it, with the act's entry, and makes that the version of the register.
func put(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, act string, p party.Party, q party.Request) error {
	if err := tx.PutParty(ctx, now, p); err != nil {
		return err
	}
	digest, err := digestOf(p, now)
	if err != nil {
		return err
	}
	seq, err := tx.Append(ctx, now, by, act, access.Of(q.Party, "change:"+q.ID), "", bodyOf(q, digest))
	if err != nil {
		return err
	}
	return tx.SetPartyVersion(ctx, seq)
}

// digestOf is the SHA-256 of the party's export without its contacts, which are personal data.
func digestOf(p party.Party, now time.Time) (string, error) {
	p.Contacts = nil
	var text bytes.Buffer
	if err := party.Write(&text, party.CSV, []party.Party{p}, nil, now); err != nil {
		return "", err
	}
	sum := sha256.Sum256(text.Bytes())
	return hex.EncodeToString(sum[:]), nil
}

// changeBody is what entries say of a change: what kind, and a digest of the party as it is then. What the party wrote
// is not in it.
type changeBody struct {
	Party  ident.Party       `json:"party"`
	What   party.RequestWhat `json:"what"`
	Do     party.Verb        `json:"do"`
	Digest string            `json:"sha256,omitempty"`
}

func bodyOf(q party.Request, digest string) changeBody {
	return changeBody{q.Party, q.What, verbOf(q), digest}
}

func verbOf(q party.Request) party.Verb {
	switch {
	case q.Target == "":
		return party.Added
	case q.After.None():
		return party.Ended
	}
	return party.Changed
}

// Confirm is the desk's act of carrying a change out. The findings are attributed anew by the duty that watches the
// register. fault.Conflict where the register has changed since the change was proposed.
func (r *Register) Confirm(ctx context.Context, now time.Time, by access.Actor, id string) (party.Request, error) {
	return r.decide(ctx, id, func(tx *store.Tx, q party.Request) (party.Request, error) {
		p, err := readable(ctx, tx, now, by, q.Party)
		if err != nil {
			return q, err
		}
		if q, err = q.Next(party.Confirm, by.String(), now, ""); err != nil {
			return q, err
		}
		after, err := p.With(q, now, ident.New)
		if err != nil {
			return q, err
		}
		return q, put(ctx, tx, now, by, "change.confirm", after, q)
	})
}

// Refuse is the desk's act of saying no, with a reason that the party reads.
func (r *Register) Refuse(ctx context.Context, now time.Time, by access.Actor, id, reason string) (party.Request, error) {
	return r.decide(ctx, id, func(tx *store.Tx, q party.Request) (party.Request, error) {
		if _, err := readable(ctx, tx, now, by, q.Party); err != nil {
			return q, err
		}
		q, err := q.Next(party.Refuse, by.String(), now, reason)
		if err == nil {
			_, err = tx.Append(ctx, now, by, "change.refuse", access.Of(q.Party, "change:"+q.ID), "", bodyOf(q, ""))
		}
		return q, err
	})
}

// Withdraw takes a change back that the desk has not decided about; anybody who answers for the party may.
func (r *Register) Withdraw(ctx context.Context, now time.Time, by access.Actor, id string) (party.Request, error) {
	return r.decide(ctx, id, func(tx *store.Tx, q party.Request) (party.Request, error) {
		if by.Party != q.Party {
			return q, errNoChange
		}
		q, err := q.Next(party.Withdraw, by.String(), now, "")
		if err == nil {
			_, err = tx.Append(ctx, now, by, "change.withdraw", access.Of(q.Party, "change:"+q.ID), "", bodyOf(q, ""))
		}
		return q, err
	})
}

var errNoChange = fault.New(fault.NotFound, "there is no such change")

func (r *Register) decide(ctx context.Context, id string, f func(*store.Tx, party.Request) (party.Request, error)) (party.Request, error) {
	var q party.Request
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		is, err := tx.RequestByID(ctx, id)
		if errors.Is(err, fault.NotFound) {
			return errNoChange
		}
		if err == nil {
			q, err = f(tx, is)
		}
		if err != nil {
			return err
		}
		return tx.DecideRequest(ctx, q)
	})
	if err != nil {
		return q, fmt.Errorf("decide about change %s: %w", id, err)
	}
	return q, nil
}
