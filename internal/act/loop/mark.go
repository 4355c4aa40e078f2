package loop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/store"
)

// markEntry is the body of the ledger entry of a mark, an embargo or a share. What people wrote is in the history.
type markEntry struct {
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Embargo string `json:"embargo,omitempty"` // until when; "none" where it was lifted
	Share   string `json:"share,omitempty"`   // its id
	Until   string `json:"until,omitempty"`
}

// maxReason bounds the bytes of a reason that a person writes.
const maxReason = 2000

// reasonOf trims what a person gave as a reason; fault.Invalid where nothing or too much is left.
func reasonOf(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxReason {
		return "", fault.New(fault.Invalid, "reason: 1 to %d bytes were expected", maxReason)
	}
	return text, nil
}

// Raise is the desk's act that a finding is marked more strictly. fault.Conflict where it is not more strict. Whoever
// makes a finding RED is named in its first share: else nobody could read it any more.
func (l *Loop) Raise(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, to marking.TLP, reason string) error {
	return l.mark(ctx, now, by, "finding.raise", "", id, reason, func(tx *store.Tx, f *store.Finding) (markEntry, error) {
		if to <= f.Mark.TLP {
			return markEntry{}, fault.New(fault.Conflict, "tlp: finding %d is %s already; lowering a mark needs two people", id, f.Mark.TLP)
		}
		e := markEntry{From: f.Mark.TLP.String(), To: to.String()}
		f.Mark.TLP = to
		if to != marking.Red || by.Kind != access.Person {
			return e, nil
		}
		return e, tx.PutGrant(ctx, store.Grant{
			ID: ident.New("shr"), Object: fmt.Sprintf("finding:%d", id), Grantee: by.String(), Reason: to.String(), Created: now, By: by.String(),
		})
	})
}

// Lower is the act of two by which a finding is marked less strictly: proposed is who proposed it, as the ledger names
// them, by is who approves. fault.Conflict where it is not less strict.
func (l *Loop) Lower(ctx context.Context, now time.Time, by access.Actor, proposed string, id ident.Finding, to marking.TLP, reason string) error {
	return l.mark(ctx, now, by, "finding.lower", proposed, id, reason, func(tx *store.Tx, f *store.Finding) (markEntry, error) {
		if to >= f.Mark.TLP || to < marking.Clear {
			return markEntry{}, fault.New(fault.Conflict, "tlp: finding %d is %s, which is not stricter than %s", id, f.Mark.TLP, to)
		}
		e := markEntry{From: f.Mark.TLP.String(), To: to.String()}
		if err := tx.SetLoweredFrom(ctx, id, f.Mark.TLP); err != nil {
			return markEntry{}, err
		}
		f.Mark.TLP = to
		return e, nil
	})
}

// maxEmbargo bounds an embargo: longer ones are renewed, so that somebody looks at them.
const maxEmbargo = 366 * 24 * time.Hour

// Embargo keeps a finding with the authority and its owner until an instant; a later act can only make it longer.
func (l *Loop) Embargo(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, until time.Time, reason string) error {
	return l.mark(ctx, now, by, "finding.raise", "", id, reason, func(_ *store.Tx, f *store.Finding) (markEntry, error) {
		if !until.After(now) || until.After(now.Add(maxEmbargo)) || until.Before(f.Embargo) {
			return markEntry{}, fault.New(fault.Invalid, "embargo: a later time within a year was expected")
		}
		f.Embargo = until
		return markEntry{Embargo: until.UTC().Format(time.RFC3339)}, nil
	})
}

// LiftEmbargo is the act of two that ends an embargo before its time.
func (l *Loop) LiftEmbargo(ctx context.Context, now time.Time, by access.Actor, proposed string, id ident.Finding, reason string) error {
	return l.mark(ctx, now, by, "finding.lower", proposed, id, reason, func(_ *store.Tx, f *store.Finding) (markEntry, error) {
		if !f.Embargo.After(now) {
			return markEntry{}, fault.New(fault.Conflict, "finding %d is under no embargo", id)
		}
		f.Embargo = time.Time{}
		return markEntry{Embargo: "none"}, nil
	})
}

// Share lets a person or the members of a party read a finding until an instant, or until it is taken back where until
// is zero. whom is "person:…" or "party:…". The mark still holds: a share of an embargoed finding opens when that ends.
func (l *Loop) Share(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, whom string, until time.Time, reason string) error {
	return l.mark(ctx, now, by, "finding.share", "", id, reason, func(tx *store.Tx, _ *store.Finding) (markEntry, error) {
		g := store.Grant{ID: ident.New("shr"), Object: fmt.Sprintf("finding:%d", id), Grantee: whom, Reason: reason, Created: now, By: by.String(), Until: until}
		e := markEntry{Share: g.ID}
		if !until.IsZero() {
			e.Until = until.UTC().Format(time.RFC3339)
			if !until.After(now) {
				return e, fault.New(fault.Invalid, "until: a time to come was expected")
			}
		}
		if err := grantee(ctx, tx, whom); err != nil {
			return e, err
		}
		return e, tx.PutGrant(ctx, g)
	})
}

// grantee looks whether a share's receiver is there.
func grantee(ctx context.Context, tx *store.Tx, whom string) error {
	kind, id, _ := strings.Cut(whom, ":")
	var err error
	switch kind {
	case "person":
		_, err = tx.PersonByID(ctx, ident.Person(id))
	case "party":
		_, err = tx.PartyName(ctx, ident.Party(id))
	default:
		err = fault.NotFound
	}
	if errors.Is(err, fault.NotFound) {
		return fault.New(fault.Invalid, "with: nobody here is called %q", whom)
	}
	return err
}

// Unshare takes a share of a finding back; fault.NotFound where there is none by that id.
func (l *Loop) Unshare(ctx context.Context, now time.Time, by access.Actor, id ident.Finding, share, reason string) error {
	return l.mark(ctx, now, by, "finding.unshare", "", id, reason, func(tx *store.Tx, _ *store.Finding) (markEntry, error) {
		all, err := tx.GrantsOf(ctx, fmt.Sprintf("finding:%d", id))
		i := slices.IndexFunc(all, func(g store.Grant) bool { return g.ID == share })
		if err != nil || i < 0 {
			return markEntry{}, errors.Join(err, fault.New(fault.NotFound, "there is no share %s of finding %d", share, id))
		}
		all[i].Ended = now
		return markEntry{Share: share}, tx.PutGrant(ctx, all[i])
	})
}

// mark carries one of the acts above out on a finding that by may read: one ledger entry, and a line in the finding's
// history with the reason.
func (l *Loop) mark(ctx context.Context, now time.Time, by access.Actor, act, proposed string, id ident.Finding, reason string, f func(*store.Tx, *store.Finding) (markEntry, error)) error {
	reason, err := reasonOf(reason)
	if err != nil {
		return err
	}
	return l.store.Update(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		is, err := r.finding(ctx, tx, id)
		if err != nil {
			return err
		}
		body, err := f(tx, &is)
		if err != nil {
			return err
		}
		on := access.Object{Name: fmt.Sprintf("finding:%d", id), Party: is.Party, Proposed: proposed}
		seq, err := tx.Append(ctx, now, by, act, on, "desk", body)
		if err != nil {
			return err
		}
		if err := tx.SetMark(ctx, id, is.Mark, is.Embargo); err != nil {
			return err
		}
		return tx.InsertHistory(ctx, store.Change{
			Finding: id, Seq: seq, At: now, From: is.State, To: is.State, Trigger: finding.Marked, Actor: by.String(),
			Reason: strings.TrimSpace(strings.Join([]string{body.To, body.Embargo, body.Until, reason}, " ")),
		})
	})
}

// PutClients registers the clients of a party: their members may read its findings up to AMBER where they have a grant.
func (l *Loop) PutClients(ctx context.Context, now time.Time, by access.Actor, of ident.Party, clients []ident.Party) error {
	return l.store.Update(ctx, func(tx *store.Tx) error {
		for _, p := range append([]ident.Party{of}, clients...) {
			if _, err := tx.PartyName(ctx, p); err != nil {
				return err
			}
		}
		if err := tx.PutClients(ctx, of, clients); err != nil {
			return err
		}
		_, err := tx.Append(ctx, now, by, "party.clients", access.Of(of, "party:"+string(of)), "register", struct {
			Clients []ident.Party `json:"clients"`
		}{clients})
		return err
	})
}

// ObserverRule lets a party observe others.
type ObserverRule = store.ObserverRule

// PutObserver lets a party's members see findings of others by sector, region (with all below it) and class, on a legal
// basis. A rule with an id and an end is ended. It returns the rule's id.
func (l *Loop) PutObserver(ctx context.Context, now time.Time, by access.Actor, o ObserverRule) (string, error) {
	if o.Basis = strings.TrimSpace(o.Basis); o.Basis == "" || len(o.Basis) > maxReason {
		return "", fault.New(fault.Invalid, "basis: the norm or decision that lets the party observe was expected")
	}
	if o.ID == "" {
		o.ID, o.Created = ident.New("obs"), now
	}
	return o.ID, l.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.PartyName(ctx, o.Party); err != nil {
			return err
		}
		if err := tx.PutObserver(ctx, o); err != nil {
			return err
		}
		_, err := tx.Append(ctx, now, by, "party.observe", access.Of(o.Party, "party:"+string(o.Party)), "register", struct {
			Rule   string `json:"rule"`
			Sector string `json:"sector,omitempty"`
			Region string `json:"region,omitempty"`
			Class  string `json:"class,omitempty"`
			Ended  bool   `json:"ended,omitempty"`
		}{o.ID, o.Sector, o.Region, o.Class, !o.Ended.IsZero()})
		return err
	})
}

// Lowering is what a proposal to lower says: a mark, or the end of the embargo.
type Lowering struct {
	TLP  string `json:"tlp,omitempty"` // to which mark
	Lift bool   `json:"lift,omitempty"`
}

// LowerAs does what a proposal of "finding.lower" says to its object ("finding:12"), once it was approved.
func (l *Loop) LowerAs(ctx context.Context, now time.Time, by access.Actor, proposed, object, particulars, reason string) error {
	id, to, lift, err := ParseLowering(object, particulars)
	switch {
	case err != nil:
		return err
	case lift:
		return l.LiftEmbargo(ctx, now, by, proposed, id, reason)
	}
	return l.Lower(ctx, now, by, proposed, id, to, reason)
}

// ParseLowering returns the finding, and the mark or that its embargo is to be lifted. fault.Invalid where the object is not
// written as the act's entry names it ("finding:12"), or the particulars are not a Lowering and nothing else.
func ParseLowering(object, particulars string) (id ident.Finding, to marking.TLP, lift bool, err error) {
	var want Lowering
	n, _ := strconv.ParseInt(strings.TrimPrefix(object, "finding:"), 10, 64)
	known := n > 0 && object == fmt.Sprintf("finding:%d", n) && json.Unmarshal([]byte(particulars), &want) == nil
	if only, err := json.Marshal(want); err != nil || !known || string(only) != particulars || (want.TLP != "") == want.Lift {
		return 0, 0, false, fault.New(fault.Invalid, "a proposal to lower names a finding as finding:12, and a mark or the end of its embargo")
	}
	if want.Lift {
		return ident.Finding(n), 0, true, nil
	}
	to, err = marking.ParseTLP(want.TLP)
	return ident.Finding(n), to, false, err
}
