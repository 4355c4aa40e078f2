package access

import (
	"slices"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// Need is what an act asks of whoever does it.
type Need struct {
	Power    people.Power // of a person's post; empty: no person may do it
	Software []string     // duties and commands that may
	Party    bool         // whoever holds the link of a notice to the object's party may
	Feed     bool         // whoever holds a feed's token may
	Self     bool         // any person may, about themselves
	Nobody   bool         // nobody needs to be known: signing in
	Fresh    bool         // a person must have proved who they are within FreshFor
	Program  bool         // an API token may as well, where Self or the power over people would refuse it
	Two      bool         // needs a second person: who holds Power proposes, who holds people.Approve does it
}

// FreshFor is how long a proof of identity counts for an act that needs a fresh one.
const FreshFor = 15 * time.Minute

// Object is what an act is done to.
type Object struct {
	Name  string       // as the ledger names it: kind and id
	Party ident.Party  // whose it is; empty: nobody's in particular
	Acted []ident.Post // posts in which the actor acted on it before

	Proposed string // who proposed the act, as the ledger names them; for acts that need two
}

// Ask answers whether a may do act to o at an instant, and in which post. fault.Denied where not; an act that is not in
// Acts is a broken program and refused.
func Ask(a Actor, act string, o Object, at time.Time) (ident.Post, error) {
	need, ok := Acts[act]
	if !ok {
		return "", fault.New(fault.Denied, "%s is no act of this program", act)
	}
	switch a.Kind {
	case Software:
		if slices.Contains(need.Software, a.ID) {
			return "", nil
		}
	case Party:
		if need.Party && o.Party == a.Party && a.Party != "" {
			return "", nil
		}
	case Feed:
		if need.Feed {
			return "", nil
		}
	case Nobody:
		if need.Nobody {
			return "", nil
		}
	case Person:
		return a.ask(need, act, o, at)
	}
	return "", fault.New(fault.Denied, "%s may not do %s", a.Kind, act)
}

func (a Actor) ask(need Need, act string, o Object, at time.Time) (ident.Post, error) {
	program := a.Only != nil // an API token changes nothing about its person, and decides about nobody else
	if need.Self && o.Name == a.String() && (!program || need.Program) || need.Nobody {
		return "", nil
	}
	if need.Power == "" || a.Weak {
		return "", fault.New(fault.Denied, "this needs a second factor, or a power that you do not hold")
	}
	if program && need.Power == people.Staff && !need.Program {
		return "", fault.New(fault.Denied, "an API token decides about nobody: sign in for %s", act)
	}
	power := need.Power
	if need.Two {
		if power = people.Approve; o.Proposed == "" || o.Proposed == a.String() {
			return "", ErrTwo
		}
	}
	s, ok := a.seat(power, o.Party, o.Acted)
	if !ok {
		if a.Holds(power, o.Party) {
			return "", fault.New(fault.Denied, "you acted on this in another post that is incompatible with the one that may do %s", act)
		}
		return "", fault.New(fault.Denied, "no post that you hold may do %s", act)
	}
	if need.Fresh && (a.Proved.IsZero() || at.Sub(a.Proved) > FreshFor) {
		return "", ErrFresh
	}
	return s.Post, nil
}

// ErrTwo says that nobody can approve what they proposed, in whatever post and by whatever way.
var ErrTwo = fault.New(fault.Denied, "this needs two people: one who proposes it, another who approves it")

// ErrFresh says that the act needs a proof of identity that is younger than FreshFor.
var ErrFresh = fault.New(fault.Denied, "please prove again who you are: this act needs a fresh sign-in")

// On names an object that is nobody's in particular, or whose owner does not matter for the act.
func On(name string) Object { return Object{Name: name} }

// Of names an object of a party.
func Of(p ident.Party, name string) Object { return Object{Name: name, Party: p} }
