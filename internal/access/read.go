package access

import (
	"slices"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/people"
)

// ThingKind tells what a thing is.
type ThingKind string

// Kinds of things that are read.
const (
	Findings ThingKind = "finding"
	Notices  ThingKind = "notice"
	Signals  ThingKind = "signal"
	Parties  ThingKind = "party"
	Reports  ThingKind = "report" // what people told the authority
	Work     ThingKind = "queue"  // what waits for the desk
)

// Purpose is why somebody reads. The list is closed; each grant serves some of them.
type Purpose string

// Purposes.
const (
	Handle    Purpose = "handle"    // the authority's daily work
	Answer    Purpose = "answer"    // a party about its own
	Oversight Purpose = "oversight" // an observer, or whoever something was shared with
	Audit     Purpose = "audit"     // what was done, from the ledger; never content
	Exercise  Purpose = "exercise"  // made-up things only, which no table here holds
)

// Reader is an actor with what the store knows about its reading.
type Reader struct {
	Actor
	Providers []ident.Party // parties whose registered client the actor's party is
	Observes  []ObserverRule
	Shares    []Share
}

// ObserverRule lets the members of a party see findings of others: all that match every member that is set.
type ObserverRule struct {
	Sector  string
	Regions []string // a region with all below it; none = everywhere
	Class   string
}

// Share lets a person, or the members of a party, read one thing.
type Share struct {
	Object string    // "finding:12"
	Named  bool      // to the person by name, rather than to the party
	Until  time.Time // zero: until it is taken back
}

// Why returns the purpose for which an actor reads unless a page says another.
func (a Actor) Why() Purpose {
	if a.Kind == Software || a.Desk() {
		return Handle
	}
	return Answer
}

// Readable is the one predicate: what of a kind r may read at an instant for a purpose. By default deny:
//
//	(desk, owner, observer or share) and marking and embargo and not held, each grant for its purposes only
//
// A marking is a ceiling and grants nothing. The same tree becomes SQL for lists and counts, and answers Can.
func Readable(r *Reader, kind ThingKind, at time.Time, why Purpose) Cond {
	switch r.Kind {
	case Software:
		return Always
	case Party:
		return all(r.owner(why), atMost(marking.AmberStrict), r.released(kind))
	case Person:
		if r.reads() {
			return all(r.grant(kind, at, why), r.ceiling(kind, at), r.embargo(at), r.released(kind))
		}
	case Nobody, Feed:
	}
	return Never
}

// reads reports whether a person reads at all: with their second factor, and by a token only where it may read.
func (r *Reader) reads() bool {
	return !r.Weak && (r.Only == nil || slices.Contains(r.Only, people.Read) || slices.Contains(r.Only, people.Answer))
}

func (r *Reader) grant(kind ThingKind, at time.Time, why Purpose) Cond {
	desk := Never
	if why == Handle && r.Desk() && r.Holds(people.Read, "") {
		desk = Always
	}
	shared := Never
	if why == Handle || why == Answer || why == Oversight {
		shared = anyOf(in(FieldID, r.shared(kind, at, true)...), in(FieldID, r.shared(kind, at, false)...))
	}
	return anyOf(desk, r.owner(why), r.observer(kind, why), shared)
}

// member reports whether the actor's party speaks through it.
func (r *Reader) member() bool {
	return r.Member() && (r.Holds(people.Read, r.Actor.Party) || r.Holds(people.Answer, r.Actor.Party))
}

func (r *Reader) owner(why Purpose) Cond {
	if why == Answer && (r.member() || r.Kind == Party && r.Actor.Party != "") {
		return in(FieldParty, r.Actor.Party)
	}
	return Never
}

func (r *Reader) observer(kind ThingKind, why Purpose) Cond {
	if why != Oversight || kind != Findings || !r.Member() || !r.Holds(people.Read, r.Actor.Party) {
		return Never
	}
	rules := make([]Cond, 0, len(r.Observes))
	for _, o := range r.Observes {
		var parts []Cond
		if o.Sector != "" {
			parts = append(parts, in(FieldSector, o.Sector))
		}
		if len(o.Regions) > 0 {
			parts = append(parts, in(FieldRegion, o.Regions...))
		}
		if o.Class != "" {
			parts = append(parts, in(FieldClass, o.Class))
		}
		rules = append(rules, all(parts...))
	}
	return anyOf(rules...)
}

// shared returns the ids of a kind that are shared at an instant: with the person by name, or with their party.
func (r *Reader) shared(kind ThingKind, at time.Time, named bool) []string {
	if !named && !r.member() {
		return nil
	}
	var ids []string
	for _, s := range r.Shares {
		k, id, _ := strings.Cut(s.Object, ":")
		if k == string(kind) && s.Named == named && (s.Until.IsZero() || at.Before(s.Until)) {
			ids = append(ids, id)
		}
	}
	return ids
}

// ceiling is what the markings let the reader see: RED only whom a share names; AMBER+STRICT the authority, the owner
// and the parties it was shared with; AMBER their registered clients as well; GREEN and CLEAR whoever has a grant.
func (r *Reader) ceiling(kind ThingKind, at time.Time) Cond {
	concerned := Always
	if !r.Desk() {
		concerned = anyOf(in(FieldParty, r.Actor.Party), in(FieldID, r.shared(kind, at, false)...))
	}
	return anyOf(
		atMost(marking.Green),
		all(atMost(marking.AmberStrict), concerned),
		all(atMost(marking.Amber), in(FieldParty, r.Providers...)),
		in(FieldID, r.shared(kind, at, true)...),
	)
}

func (r *Reader) embargo(at time.Time) Cond {
	if r.Desk() {
		return Always
	}
	return anyOf(in(FieldParty, r.Actor.Party), over(FieldEmbargo, at))
}

// released keeps a notice from everybody but the authority while it waits: it may be a mistake.
func (r *Reader) released(kind ThingKind) Cond {
	if kind != Notices || r.Desk() {
		return Always
	}
	return in(FieldHeld, "")
}

// Can reports whether r may read one thing at an instant for a purpose.
func Can(r *Reader, t Thing, at time.Time, why Purpose) bool {
	return Readable(r, t.Kind, at, why).Holds(t)
}

// Missing is what a reader is told of a thing that is not there, and of one that they may not read.
func Missing(kind ThingKind, id string) error {
	return fault.New(fault.NotFound, "there is no %s %s", kind, id)
}
