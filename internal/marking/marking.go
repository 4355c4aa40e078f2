// Package marking owns who may see a thing at most: the Traffic Light Protocol 2.0 (FIRST) and the Permissible Actions
// Protocol, and which mark may leave by which channel.
//
// A mark is a ceiling, never a grant: access decides who may read at all. The package is pure.
package marking

import (
	"strings"

	"tocsin/internal/fault"
)

// TLP is a mark of the Traffic Light Protocol 2.0. The order is by strictness.
type TLP int

// Marks of TLP 2.0. New data is GREEN unless its feed says otherwise.
const (
	Clear       TLP = iota // the world
	Green                  // the community: whoever is signed in
	Amber                  // the organisations concerned and their clients
	AmberStrict            // the organisations concerned only
	Red                    // persons named, one by one
)

// TLPs lists the marks, the least strict first.
var TLPs = []TLP{Clear, Green, Amber, AmberStrict, Red}

var tlpNames = []string{"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}

// String returns the name as FIRST writes it; what is no mark is as strict as RED.
func (t TLP) String() string { return tlpNames[t.known()] }

// Word is the name for forms, commands and page classes: "clear", "green", "amber", "amber-strict", "red".
func (t TLP) Word() string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.String(), "TLP:"), "+", "-"))
}

func (t TLP) known() TLP {
	if t < Clear || t > Red {
		return Red
	}
	return t
}

// ParseTLP reads a mark: its name as FIRST writes it, or its Word. TLP 1's WHITE is CLEAR. Nothing else is guessed at:
// fault.Invalid.
func ParseTLP(s string) (TLP, error) {
	for _, t := range TLPs {
		if s == t.String() || s == t.Word() {
			return t, nil
		}
	}
	if s == "TLP:WHITE" {
		return Clear, nil
	}
	return Red, fault.New(fault.Invalid, "tlp: %q is not one of TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED", s)
}

// PAP is a mark of the Permissible Actions Protocol: what may be done with what a thing says. The order is by strictness.
type PAP int

// Marks of PAP (MISP taxonomy).
const (
	PAPClear PAP = iota // no restriction
	PAPGreen            // active measures that may be noticed are allowed
	PAPAmber            // passive checks with third parties only
	PAPRed              // nothing that leaves the own systems
)

var papNames = []string{"PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED"}

// String returns the name; what is no mark is as strict as RED.
func (p PAP) String() string {
	if p < PAPClear || p > PAPRed {
		return papNames[PAPRed]
	}
	return papNames[p]
}

// ParsePAP reads a mark by its name; fault.Invalid.
func ParsePAP(s string) (PAP, error) {
	for i, name := range papNames {
		if s == name {
			return PAP(i), nil
		}
	}
	return PAPRed, fault.New(fault.Invalid, "pap: %q is not one of PAP:CLEAR, PAP:GREEN, PAP:AMBER, PAP:RED", s)
}

// Mark is what a thing is marked with.
type Mark struct {
	TLP TLP
	PAP PAP
}

// Max returns the stricter of two marks, each protocol by itself.
func (m Mark) Max(o Mark) Mark { return Mark{max(m.TLP, o.TLP), max(m.PAP, o.PAP)} }

// Effective is the mark of a thing below floors: the strictest of what it and all that it lies in are marked with.
func Effective(own Mark, floors ...Mark) Mark {
	for _, f := range floors {
		own = own.Max(f)
	}
	return own
}

// Channel is a way out of the program.
type Channel string

// Channels.
const (
	PublicPage Channel = "public page"
	MailClear  Channel = "mail in clear"
	MailPGP    Channel = "encrypted mail"
	ExportFile Channel = "export file"
	Portal     Channel = "signed-in page"
	Webhook    Channel = "webhook"
)

// ceilings says which mark may leave by a channel at most. What is not here lets nothing out.
var ceilings = map[Channel]TLP{
	PublicPage: Clear,
	MailClear:  Green,
	MailPGP:    AmberStrict,
	ExportFile: AmberStrict,
	Portal:     Red,
	Webhook:    Green, // a machine that others may read, as a mail in clear is
}

// Leave says whether a thing so marked may leave by a channel in a form that carries the mark or cannot. fault.Denied
// where not: a mark is never lowered to fit a format.
func Leave(c Channel, m Mark, carriesMark bool) error {
	most, ok := ceilings[c]
	if !ok {
		return fault.New(fault.Denied, "nothing leaves by %q", c)
	}
	if t := m.TLP.known(); t > most {
		return fault.New(fault.Denied, "%s may not leave by %s, which carries at most %s", t, c, most)
	}
	if !carriesMark && m.TLP != Clear {
		return fault.New(fault.Denied, "%s may not leave by %s in a form that cannot carry the mark", m.TLP, c)
	}
	return nil
}
