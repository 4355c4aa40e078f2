package notice

import (
	"time"

	"tocsin/internal/fault"
)

// State is where the delivery of a notice stands.
type State string

// States of a notice.
const (
	Planned   State = "planned"   // waits for its time
	Held      State = "held"      // waits until a person has seen and released it: see Hold
	Sending   State = "sending"   // a worker holds it and may have handed it to the mail server
	Sent      State = "sent"      // the mail server took it
	Delivered State = "delivered" // the receiving side confirmed it
	Answered  State = "answered"  // the party used its link
	Failed    State = "failed"    // this contact cannot be reached; the next one is due
	Escalated State = "escalated" // the desk has it in its queue
	Withdrawn State = "withdrawn" // nothing of it is left to tell this party; it was not sent
)

// States lists every state in the order of the table in docs/operator/notices.md.
var States = []State{Planned, Held, Sending, Sent, Delivered, Answered, Failed, Escalated, Withdrawn}

// Trigger moves a notice from one state to another.
type Trigger string

// Triggers.
const (
	Claim    Trigger = "claim"    // a worker takes it to send it; again when a lease ran out
	Accept   Trigger = "sent"     // the mail server took it
	Defer    Trigger = "defer"    // a temporary failure: try again later
	Fail     Trigger = "fail"     // a permanent failure, or too many temporary ones
	Confirm  Trigger = "deliver"  // the receiving side says that it arrived
	Bounce   Trigger = "bounce"   // the receiving side says that it did not
	Retarget Trigger = "retarget" // to the next contact
	GiveUp   Trigger = "escalate" // to the desk
	Reply    Trigger = "answer"   // the party used the link
	Rest     Trigger = "rest"     // nothing of it waits for an answer any more
	Withdraw Trigger = "withdraw" // nothing left to tell, or a person refused that it goes out
	HoldBack Trigger = "hold"     // a person has to see it first
	Release  Trigger = "release"  // a person let it go
)

// transitions is the whole machine; docs/operator/notices.md shows the same table and a test compares them.
//
// A party may answer in nearly every state: a mail can arrive although the sender never learnt of it. After an answer
// no report of a mail server counts any more.
var transitions = map[Trigger]map[State]State{
	Claim:    {Planned: Sending, Sending: Sending},
	Accept:   {Sending: Sent, Answered: Answered},
	Defer:    {Sending: Planned, Answered: Answered},
	Fail:     {Sending: Failed, Planned: Failed, Answered: Answered},
	Confirm:  {Sending: Delivered, Sent: Delivered, Delivered: Delivered, Answered: Answered, Escalated: Escalated},
	Bounce:   {Sending: Failed, Sent: Failed, Delivered: Failed, Answered: Answered, Escalated: Escalated},
	Retarget: {Failed: Planned},
	GiveUp:   {Failed: Escalated, Sent: Escalated, Delivered: Escalated, Answered: Escalated},
	Reply: {
		Planned: Answered, Held: Answered, Sending: Answered, Sent: Answered, Delivered: Answered, Answered: Answered,
		Failed: Answered, Escalated: Answered,
	},
	Rest:     {Sent: Sent, Delivered: Delivered, Answered: Answered, Escalated: Sent},
	Withdraw: {Planned: Withdrawn, Held: Withdrawn, Sending: Withdrawn, Failed: Withdrawn, Escalated: Withdrawn},
	HoldBack: {Planned: Held},
	Release:  {Held: Planned},
}

// Triggers lists every trigger in the order of the table in docs/operator/notices.md.
var Triggers = []Trigger{Claim, Accept, Defer, Fail, Confirm, Bounce, Retarget, GiveUp, Reply, Rest, Withdraw, HoldBack, Release}

// Next returns the state after trigger; fault.Conflict where a notice in state s does not answer to it.
func Next(s State, t Trigger) (State, error) {
	if to, ok := transitions[t][s]; ok {
		return to, nil
	}
	return "", fault.New(fault.Conflict, "a notice that is %s cannot take %q", s, t)
}

// backOff is how long to wait after the n-th temporary failure; after the last the contact counts as unreachable.
var backOff = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour,
}

// BackOff returns how long to wait after a contact's tries-th temporary failure (from 1), and false when that was the
// last try.
func BackOff(tries int) (time.Duration, bool) {
	if tries < 1 || tries > len(backOff) {
		return 0, false
	}
	return backOff[tries-1], true
}

// Lease is how long a worker may hold a notice that it sends; longer than any SMTP transaction is let run.
const Lease = 10 * time.Minute
