package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Locate answers for an address from the operator's tables; see party.Locate.
type Locate = party.Locate

// subject is what the rule of attribution looks at in an observation: the asset, and what the event says around it.
func (l *Loop) subject(ev event.Event, id finding.Identity) party.Subject {
	return party.SubjectOf(ev, id.Asset)
}

// AttributeByHand is the desk's act that a party answers for a finding, whatever the rule says; it holds until the
// next such act. The empty party gives the finding back to the rule. It needs a reason. fault.Conflict where the
// finding is closed.
func (l *Loop) AttributeByHand(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, to ident.Party, reason string) error {
	reason, err := reasonOf(reason)
	if err != nil {
		return err
	}
	register, err := l.Register(ctx, now)
	if err != nil {
		return err
	}
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		if err := mayRead(ctx, tx, now, by, id); err != nil {
			return err
		}
		have, err := tx.AttributedByID(ctx, []ident.Finding{id})
		if err != nil {
			return err
		}
		if len(have) == 0 {
			return fault.New(fault.NotFound, "there is no finding %d", id)
		}
		f := have[0]
		if !f.State.Live() && f.State != finding.Stale {
			return fault.New(fault.Conflict, "finding %d is %s; only one that is not closed can go to another party", id, f.State)
		}
		was := f.Attribution
		if f.Attribution, err = byHand(ctx, tx, register, f, to); err != nil {
			return err
		}
		if err := tx.SetAttributions(ctx, []store.Attributed{f}); err != nil {
			return err
		}
		seq, err := tx.Append(ctx, now, by, "finding.attribute", access.On(fmt.Sprintf("finding:%d", id)), "desk",
			moved{was.Party, f.Attribution.Party, 1})
		if err != nil {
			return err
		}
		if f.Attribution.Party != was.Party {
			_, err = change(ctx, tx, now, id, finding.Reattribute, by.String(), reason, "", time.Time{}, seq)
			return err
		}
		return tx.InsertHistory(ctx, store.Change{
			Finding: id, Seq: seq, At: now, From: f.State, To: f.State,
			Trigger: finding.Reattribute, Actor: by.String(), Reason: reason,
		})
	})
	if err != nil {
		return fmt.Errorf("attribute finding %d: %w", id, err)
	}
	return nil
}

// byHand returns the attribution to a party, or by the rule for none.
func byHand(ctx context.Context, tx *store.Tx, r *party.Register, f store.Attributed, to ident.Party) (party.Attribution, error) {
	if to == "" {
		s, err := storedSubject(ctx, tx, f)
		return r.Attribute(s), err
	}
	p, err := tx.PartyByID(ctx, to)
	if errors.Is(err, fault.NotFound) || err == nil && !r.Knows(to) {
		return party.Attribution{}, fault.New(fault.Invalid, "party: there is no party %q", to)
	}
	a := party.Attribution{Party: to, Basis: party.ByHand, Confidence: party.ConfidenceByHand, Region: f.Attribution.Region}
	if p.Region != "" {
		a.Region = p.Region
	}
	return a, err
}

// storedSubject is the subject of a stored finding; only its asset where its first event is not kept.
func storedSubject(ctx context.Context, tx *store.Tx, f store.Attributed) (party.Subject, error) {
	ev, err := firstEvent(ctx, tx, f.ID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return party.Subject{}, err
	}
	return f.Routed(party.SubjectOf(ev, f.Asset)), nil
}

// Why answers "why here" for one finding.
type Why struct {
	Stored  party.Attribution // as the finding has it
	Subject party.Subject     // what the rule looked at
	Rule    party.Attribution // what the rule says now, with every claim in its order
	Agrees  bool              // the rule names the party that the finding has
	ByHand  bool              // the desk said so: the reason stands in the history
	Contact *party.Contact    // who is written to first, and for which of the party's objects; nil: nobody can be
	Names   map[ident.Party]string
}

// Why explains who answers for a finding: what the rule looked at, every claim with its reason, source and last
// verification, as the register stands at now.
func (l *Loop) Why(ctx context.Context, now time.Time, by access.Actor, id ident.Finding) (Why, error) {
	register, err := l.Register(ctx, now)
	if err != nil {
		return Why{}, err
	}
	var w Why
	err = l.store.View(ctx, func(tx *store.Tx) error {
		if err := mayRead(ctx, tx, now, by, id); err != nil {
			return err
		}
		have, err := tx.AttributedByID(ctx, []ident.Finding{id})
		if err != nil {
			return err
		}
		if len(have) == 0 {
			return fault.New(fault.NotFound, "there is no finding %d", id)
		}
		w.Stored = have[0].Attribution
		if w.Subject, err = storedSubject(ctx, tx, have[0]); err != nil {
			return err
		}
		w.Rule = register.Explain(w.Subject)
		w.ByHand = w.Stored.Basis == party.ByHand
		w.Agrees = w.Rule.Party == w.Stored.Party
		if w.Contact, err = l.contactFor(ctx, tx, w.Stored.Party, id); err != nil {
			return err
		}
		w.Names, err = partyNames(ctx, tx, w)
		return err
	})
	if err != nil {
		return Why{}, fmt.Errorf("explain finding %d: %w", id, err)
	}
	return w, nil
}

// contactFor returns the contact of a party that a notice of a finding would go to now; nil where there is none.
func (l *Loop) contactFor(ctx context.Context, tx *store.Tx, of ident.Party, id ident.Finding) (*party.Contact, error) {
	if of == "" {
		return nil, nil //nolint:nilnil // nobody is no error
	}
	p, err := tx.PartyByID(ctx, of)
	if err != nil {
		return nil, err
	}
	f, err := tx.FindingByID(ctx, id)
	if err != nil {
		return nil, err
	}
	items := notice.Place(&p, []notice.Item{l.item(&f)})
	return notice.Choose(&p, notice.ObjectOf(items), notice.Order(items), nil), nil
}

func partyNames(ctx context.Context, tx *store.Tx, w Why) (map[ident.Party]string, error) {
	out := map[ident.Party]string{}
	ids := []ident.Party{w.Stored.Party, w.Rule.Party}
	for _, c := range w.Rule.Claims {
		ids = append(ids, c.Party)
	}
	for _, id := range ids {
		if _, known := out[id]; known || id == "" {
			continue
		}
		name, err := tx.PartyName(ctx, id)
		if err != nil && !errors.Is(err, fault.NotFound) {
			return nil, err
		}
		out[id] = name
	}
	return out, nil
}
