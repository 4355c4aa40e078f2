package report

import (
	"slices"

	"tocsin/internal/fault"
)

// State is where a report stands.
type State string

// States of a report.
const (
	Received     State = "received"     // it is here; whoever sent it has the receipt
	Acknowledged State = "acknowledged" // the automatic mail to its sender is out
	Taken        State = "taken"        // a person at the desk has it
	Closed       State = "closed"       // with an outcome
)

// States lists every state in the order of the table in docs/operator/reports.md.
var States = []State{Received, Acknowledged, Taken, Closed}

// Waiting are the states in which nobody has looked at a report yet.
var Waiting = []State{Received, Acknowledged}

// Waits reports whether nobody has looked at the report yet.
func (s State) Waits() bool { return slices.Contains(Waiting, s) }

// Trigger moves a report from one state to another.
type Trigger string

// Triggers.
const (
	Acknowledge Trigger = "acknowledge" // the automatic mail went out
	Take        Trigger = "take"        // a person begins to work on it
	Close       Trigger = "close"       // with an outcome
)

// Triggers lists every trigger in the order of the table in docs/operator/reports.md.
var Triggers = []Trigger{Acknowledge, Take, Close}

// transitions is the whole machine; docs/operator/reports.md shows the same table and a test compares them. The mail may
// go out after somebody took the report: that changes nothing any more.
var transitions = map[Trigger]map[State]State{
	Acknowledge: {Received: Acknowledged, Taken: Taken, Closed: Closed},
	Take:        {Received: Taken, Acknowledged: Taken},
	Close:       {Received: Closed, Acknowledged: Closed, Taken: Closed},
}

// Next returns the state after trigger; fault.Conflict where a report in state s does not answer to it.
func Next(s State, t Trigger) (State, error) {
	if to, ok := transitions[t][s]; ok {
		return to, nil
	}
	return "", fault.New(fault.Conflict, "a report that is %s cannot take %q", s, t)
}

// Outcome is how a report was closed. The list is closed.
type Outcome string

// Outcomes.
const (
	Handled  Outcome = "handled"   // the authority acted on it
	PassedOn Outcome = "passed_on" // to whoever answers for it
	Answered Outcome = "answered"  // a question or complaint
	Known    Outcome = "known"     // it was known already
	NoHarm   Outcome = "no_harm"   // looked at, and found harmless
	NotOurs  Outcome = "not_ours"  // outside of what the authority may do: opinion, persons, another's task
	Unusable Outcome = "unusable"  // too little to go on, or noise
)

// Outcomes lists every outcome in the order in which pages show them.
var Outcomes = []Outcome{Handled, PassedOn, Answered, Known, NoHarm, NotOurs, Unusable}

// Known reports whether o is on the list.
func (o Outcome) Known() bool { return slices.Contains(Outcomes, o) }

// MailState is where the automatic acknowledgement of a report stands.
type MailState string

// States of an acknowledgement.
const (
	MailWaiting MailState = "waiting" // for its time
	MailSending MailState = "sending" // a worker holds it and may have handed it to the mail server
	MailSent    MailState = "sent"
	MailFailed  MailState = "failed"  // the address cannot be reached, or it was tried too often
	MailDropped MailState = "dropped" // the address was erased first
)

// MailStates lists every state of an acknowledgement.
var MailStates = []MailState{MailWaiting, MailSending, MailSent, MailFailed, MailDropped}

// MailTrigger moves an acknowledgement.
type MailTrigger string

// Triggers of an acknowledgement.
const (
	MailClaim  MailTrigger = "claim"
	MailAccept MailTrigger = "sent"
	MailDefer  MailTrigger = "defer"
	MailFail   MailTrigger = "fail"
	MailDrop   MailTrigger = "drop"
)

// MailTriggers lists every trigger of an acknowledgement.
var MailTriggers = []MailTrigger{MailClaim, MailAccept, MailDefer, MailFail, MailDrop}

// A worker whose lease ran out may still have sent the mail: claim takes a mail that is being sent.
var mailTransitions = map[MailTrigger]map[MailState]MailState{
	MailClaim:  {MailWaiting: MailSending, MailSending: MailSending},
	MailAccept: {MailSending: MailSent},
	MailDefer:  {MailSending: MailWaiting},
	MailFail:   {MailSending: MailFailed},
	MailDrop:   {MailWaiting: MailDropped, MailSending: MailDropped},
}

// NextMail returns the state of an acknowledgement after trigger; fault.Conflict where it does not answer to it.
func NextMail(s MailState, t MailTrigger) (MailState, error) {
	if to, ok := mailTransitions[t][s]; ok {
		return to, nil
	}
	return "", fault.New(fault.Conflict, "an acknowledgement that is %s cannot take %q", s, t)
}
