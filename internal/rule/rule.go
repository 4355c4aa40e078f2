// Package rule owns the desk's own rules: who answers for findings that the register of parties gets wrong or leaves
// open, and how findings are told.
//
// A rule is a condition of named fields, all of which must hold, and one deed. The rules of one kind are asked in
// their order, and the first that fits decides. Pure: rules and time come in as arguments.
package rule

import (
	"slices"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// Kind says what a rule is about.
type Kind string

// Kinds of rule.
const (
	Route Kind = "route" // who answers
	Tell  Kind = "tell"  // how it is told
)

// Kinds lists both.
var Kinds = []Kind{Route, Tell}

// Deed is what a rule does with what it fits.
type Deed string

// Deeds. Assign is the one of routing rules.
const (
	Assign Deed = "assign"  // another party answers
	Mute   Deed = "mute"    // nothing is told until the rule ends
	Hold   Deed = "hold"    // nothing is told before the desk has looked
	AtOnce Deed = "at_once" // told at once from a severity on
	Digest Deed = "digest"  // told in a digest only
	To     Deed = "to"      // told to the contact with a role first
)

// Deeds lists every deed.
var Deeds = []Deed{Assign, Mute, Hold, AtOnce, Digest, To}

// Kind returns the kind of rule that does a deed.
func (d Deed) Kind() Kind {
	if d == Assign {
		return Route
	}
	return Tell
}

// Rhythms are the days between two digests that a rule may ask for.
var Rhythms = []int{1, 7}

// Rule is one version of a rule.
type Rule struct {
	Number  int64 // from 1; stays the same over all versions
	Version int64 // from 1
	Order   int   // 1 to 9,999: the lower one is asked first; of equal ones the one with the lower number
	When    Condition
	Do      Effect
	From    time.Time // begins then
	Until   time.Time // ends before then; zero = stays. A mute has an end
	Reason  string    // in the words of its author
	Author  string    // as the ledger names them
	Written time.Time // this version
	Ended   time.Time // taken back by the desk; zero = not
}

// Kind returns the kind of r.
func (r Rule) Kind() Kind { return r.Do.Deed.Kind() }

// In reports whether r is in force at an instant.
func (r Rule) In(at time.Time) bool {
	return r.Ended.IsZero() && !at.Before(r.From) && (r.Until.IsZero() || at.Before(r.Until))
}

// State is where a rule stands in its life.
type State string

// States of a rule. Those of its dates follow from the clock alone; Ended is the desk's act.
const (
	Coming State = "coming" // begins later
	Live   State = "live"
	Over   State = "over"  // its end has come
	Ended  State = "ended" // the desk took it back
)

// States lists every state.
var States = []State{Live, Coming, Over, Ended}

// StateAt returns where r stands at an instant.
func (r Rule) StateAt(at time.Time) State {
	switch {
	case !r.Ended.IsZero():
		return Ended
	case at.Before(r.From):
		return Coming
	case !r.In(at):
		return Over
	}
	return Live
}

// Condition is what a finding must be like. Empty members hold for everything; the others must all hold.
type Condition struct {
	Feed       ident.Feed     `json:"feed,omitempty"`       // that saw it first
	Stream     string         `json:"stream,omitempty"`     // of the feed
	Type       string         `json:"type,omitempty"`       // of RSIT
	Identifier string         `json:"identifier,omitempty"` // classification.identifier
	Severity   event.Severity `json:"severity,omitempty"`   // at least
	Asset      asset.Kind     `json:"asset,omitempty"`
	Prefix     string         `json:"prefix,omitempty"` // the asset lies in it
	Domain     string         `json:"domain,omitempty"` // the asset is it or lies below it
	ASN        uint32         `json:"asn,omitempty"`
	Region     string         `json:"region,omitempty"` // it or one that lies in it
	Sector     string         `json:"sector,omitempty"` // of the party by the register
	Party      ident.Party    `json:"party,omitempty"`  // by the register
	PartyKind  string         `json:"party_kind,omitempty"`
	Nobody     bool           `json:"nobody,omitempty"` // the register names no party
}

// Effect is what a rule does. Members that its deed does not use are empty.
type Effect struct {
	Deed       Deed           `json:"deed"`
	Party      ident.Party    `json:"party,omitempty"`      // Assign: who answers
	Confidence int            `json:"confidence,omitempty"` // Assign: percent; 0 is 100
	From       event.Severity `json:"from,omitempty"`       // AtOnce: from which severity on
	Every      int            `json:"every,omitempty"`      // Digest: days between two
	Role       party.Role     `json:"role,omitempty"`       // To: of the contact
}

// Sure returns the confidence that an attribution by r has, in percent.
func (e Effect) Sure() int {
	if e.Confidence == 0 {
		return party.ConfidenceByHand
	}
	return e.Confidence
}

// Ordered sorts rules into the order in which they are asked.
func Ordered(rules []Rule) {
	slices.SortFunc(rules, func(a, b Rule) int {
		if a.Order != b.Order {
			return a.Order - b.Order
		}
		return int(a.Number - b.Number)
	})
}
