package party

import (
	"slices"
	"strings"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Request is a change to the register that a party's own people ask for.
type Request struct {
	ID        string
	Party     ident.Party
	What      RequestWhat
	Target    string // id of the system or resource; empty for a new one
	Before    Entry  // as it was when the change was proposed; zero for a new one
	After     Entry  // as it is to be; zero where it is to go
	Reason    string // in the words of whoever proposed it; may be empty
	By        string // who proposed it, as the ledger names them
	At        time.Time
	State     RequestState
	DecidedBy string
	Decided   time.Time
	Decision  string // reason of a refusal
}

// RequestWhat is what a request is about.
type RequestWhat string

// What requests are about.
const (
	OfSystem   RequestWhat = "system"
	OfResource RequestWhat = "resource"
)

// Entry is one system or resource as a request states it. The zero Entry is none.
type Entry struct {
	Kind       string   `json:"kind,omitempty"`  // of the resource, or of the system's asset
	Value      string   `json:"value,omitempty"` // of the resource or the asset; may be empty for a system
	Name       string   `json:"name,omitempty"`  // of a system
	Protection int      `json:"protection,omitempty"`
	Products   []string `json:"products,omitempty"`
}

// None reports whether e is no entry at all.
func (e Entry) None() bool {
	return e.Kind == "" && e.Value == "" && e.Name == "" && e.Protection == 0 && len(e.Products) == 0
}

// Same reports whether two entries state the same.
func (e Entry) Same(o Entry) bool {
	return e.Kind == o.Kind && e.Value == o.Value && e.Name == o.Name && e.Protection == o.Protection && slices.Equal(e.Products, o.Products)
}

// EntryOf states a system.
func (s System) EntryOf() Entry {
	return Entry{Kind: string(s.Asset.Kind), Value: s.Asset.Value, Name: s.Name, Protection: s.Protection, Products: s.Products}
}

// EntryOf states a resource.
func (r Resource) EntryOf() Entry { return Entry{Kind: string(r.Kind), Value: r.Value} }

// RequestState is where a request stands.
type RequestState string

// States of a request. All but Proposed are final.
const (
	Proposed  RequestState = "proposed"
	Confirmed RequestState = "confirmed"
	Refused   RequestState = "refused"
	Withdrawn RequestState = "withdrawn"
)

// RequestStates lists them all.
var RequestStates = []RequestState{Proposed, Confirmed, Refused, Withdrawn}

// RequestStep is what can happen to a request.
type RequestStep string

// Steps of a request.
const (
	Confirm  RequestStep = "confirm"  // by the desk
	Refuse   RequestStep = "refuse"   // by the desk, with a reason
	Withdraw RequestStep = "withdraw" // by the party's own people
	Apply    RequestStep = "apply"    // at once, where nothing is lowered: see AtOnce
)

// RequestSteps lists them all.
var RequestSteps = []RequestStep{Confirm, Refuse, Withdraw, Apply}

// MaxReason bounds the bytes of what people say about a request.
const MaxReason = 2000

// Next returns r after a step by an actor, as the ledger names them, at an instant. Which power they need is access's
// business. fault.Conflict where it was decided already, fault.Denied where the one who proposed it would confirm it,
// fault.Invalid where a reason is missing.
func (r Request) Next(s RequestStep, by string, at time.Time, reason string) (Request, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case r.State != Proposed:
		return r, fault.New(fault.Conflict, "this change was decided already: it is %s", r.State)
	case (s == Confirm || s == Refuse) && by == r.By:
		return r, fault.New(fault.Denied, "you proposed this: somebody else must decide")
	case s == Refuse && reason == "":
		return r, fault.New(fault.Invalid, "reason: please say why, so that the party can mend it")
	case len(reason) > MaxReason:
		return r, fault.New(fault.Invalid, "reason: at most %d bytes were expected", MaxReason)
	case s == Apply && (by != r.By || !r.AtOnce()):
		return r, fault.New(fault.Denied, "the desk must confirm this change")
	}
	to, ok := map[RequestStep]RequestState{Confirm: Confirmed, Refuse: Refused, Withdraw: Withdrawn, Apply: Confirmed}[s]
	if !ok {
		return r, fault.New(fault.Invalid, "step: %q is none of a request", s)
	}
	r.State, r.DecidedBy, r.Decided, r.Decision = to, by, at, reason
	return r, nil
}

// AtOnce reports whether the change takes effect without the desk: it describes a system and lowers nothing. What would
// change who answers for something (a resource, the asset of a system), a lower protection level, and the end of a
// system with a level or an asset, wait for the desk.
func (r Request) AtOnce() bool {
	if r.What != OfSystem || r.Before.Kind != r.After.Kind || r.Before.Value != r.After.Value {
		return false
	}
	if r.After.None() {
		return r.Before.Protection == 0 && r.Before.Value == ""
	}
	return r.After.Protection >= r.Before.Protection
}

// Check brings what is asked for into canonical spelling; the error names the field.
func (r *Request) Check() error {
	var out Problems
	plain := func(field, format string, args ...any) { out.add(0, field, format, args...) }
	r.Reason = strings.TrimSpace(r.Reason)
	if len(r.Reason) > MaxReason {
		plain("reason", "at most %d bytes were expected", MaxReason)
	}
	gone := r.After.None()
	switch {
	case gone && r.Target == "":
		plain("target", "is empty; there is nothing to withdraw")
	case gone:
	case r.What == OfSystem:
		s := r.After.system("")
		s.canonical(plain)
		r.After = s.EntryOf()
	case r.What == OfResource:
		res := Resource{Kind: ResourceKind(r.After.Kind), Value: r.After.Value}
		res.canonical(Manual, plain)
		r.After = res.EntryOf()
	default:
		plain("what", "%q is not system or resource", clip(string(r.What)))
	}
	if err := out.err(); err != nil {
		return err
	}
	if !gone && r.Before.Same(r.After) {
		return fault.New(fault.Invalid, "nothing would change")
	}
	return nil
}

func (e Entry) system(id string) System {
	return System{ID: id, Name: e.Name, Asset: asset.Asset{Kind: asset.Kind(e.Kind), Value: e.Value}, Protection: e.Protection, Products: e.Products}
}

// Holds returns what the party has under a request's target; the zero Entry where it has nothing at an instant.
func (p Party) Holds(what RequestWhat, target string, at time.Time) Entry {
	if what == OfSystem {
		if i := slices.IndexFunc(p.Systems, func(s System) bool { return s.ID == target }); i >= 0 {
			return p.Systems[i].EntryOf()
		}
		return Entry{}
	}
	if i := slices.IndexFunc(p.Resources, func(r Resource) bool { return r.ID == target && live(r, at) }); i >= 0 {
		return p.Resources[i].EntryOf()
	}
	return Entry{}
}

// With returns the party as it is once the request is carried out at an instant; fresh makes an id for what is new.
// fault.Conflict where what the request is about has changed since it was proposed, or what it asks for is there.
func (p Party) With(r Request, at time.Time, fresh func(prefix string) string) (Party, error) {
	if r.Target != "" && !p.Holds(r.What, r.Target, at).Same(r.Before) {
		return p, fault.New(fault.Conflict, "this has changed in the register since it was proposed: propose it again")
	}
	p.Systems, p.Resources = slices.Clone(p.Systems), slices.Clone(p.Resources)
	if r.What == OfSystem {
		p.putSystem(r, fresh)
	} else {
		p.putResource(r, at, fresh)
	}
	q, err := p.Canonical()
	if err != nil {
		return p, fault.New(fault.Conflict, "the register cannot take this: %v", err)
	}
	return q, nil
}

func (p *Party) putSystem(r Request, fresh func(prefix string) string) {
	switch {
	case r.Target == "":
		p.Systems = append(p.Systems, r.After.system(fresh("sys")))
	case r.After.None():
		p.Systems = slices.DeleteFunc(p.Systems, func(s System) bool { return s.ID == r.Target })
	default:
		for i := range p.Systems {
			if p.Systems[i].ID == r.Target {
				p.Systems[i] = r.After.system(r.Target)
			}
		}
	}
}

// putResource ends what was and begins what will be: a resource is a span of time, and findings of the past keep theirs.
func (p *Party) putResource(r Request, at time.Time, fresh func(prefix string) string) {
	if r.Target != "" {
		for i := range p.Resources {
			if res := &p.Resources[i]; res.ID == r.Target {
				res.To = at
				if res.From.After(at) {
					res.To = res.From
				}
			}
		}
	}
	if !r.After.None() {
		p.Resources = append(p.Resources, Resource{
			ID: fresh("res"), Kind: ResourceKind(r.After.Kind), Value: r.After.Value, Source: Manual, From: at, Verified: at,
		})
	}
}
