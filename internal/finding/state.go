package finding

import (
	"time"

	"tocsin/internal/fault"
)

// State is where a finding stands.
type State string

// States of a finding.
const (
	Open           State = "open"
	Notified       State = "notified"
	Acknowledged   State = "acknowledged"
	Remediating    State = "remediating"
	ClaimedFixed   State = "claimed_fixed"
	VerifiedClosed State = "verified_closed"
	Disputed       State = "disputed"
	RiskAccepted   State = "risk_accepted"
	FalsePositive  State = "false_positive"
	Stale          State = "stale"
	Reopened       State = "reopened"
)

// States lists every state in the order of the loop.
var States = []State{
	Open, Notified, Acknowledged, Remediating, ClaimedFixed, VerifiedClosed, Disputed, RiskAccepted,
	FalsePositive, Stale, Reopened,
}

// Live reports whether a finding in state s still asks somebody to do something.
func (s State) Live() bool {
	switch s {
	case VerifiedClosed, FalsePositive, Stale:
		return false
	case Open, Notified, Acknowledged, Remediating, ClaimedFixed, Disputed, RiskAccepted, Reopened:
		return true
	}
	return false
}

// Trigger is what moves a finding from one state to another.
type Trigger string

// Triggers. The comment names who may pull it.
const (
	Notify      Trigger = "notify"       // software: a notice went out
	Acknowledge Trigger = "acknowledge"  // party
	Start       Trigger = "start"        // party: work has begun
	Claim       Trigger = "claim"        // party: says that it is fixed
	Dispute     Trigger = "dispute"      // party: not ours, or wrong
	AcceptRisk  Trigger = "accept_risk"  // party: until a date
	Reject      Trigger = "reject"       // desk: the dispute or the accepted risk does not stand
	Discard     Trigger = "discard"      // desk: the observation is wrong
	Reattribute Trigger = "re-attribute" // software or desk: another party answers for it
	Gone        Trigger = "gone"         // evidence: a re-check, or absence from covering feeds
	SeenAgain   Trigger = "seen_again"   // evidence: observed after it was said or shown to be gone
	Expire      Trigger = "expire"       // software: the accepted risk's date has come
	Fade        Trigger = "fade"         // software: no evidence either way for too long
	Marked      Trigger = "mark"         // desk: its marking, embargo or shares; the state stays
	Restore     Trigger = "restore"      // desk: takes its own newest step back; everything stands as before it
)

// transitions is the whole state machine; docs/developer/states.md shows the same table and a test compares them.
var transitions = map[Trigger]map[State]State{
	Notify: {Open: Notified, Reopened: Notified},
	Acknowledge: {
		Open: Acknowledged, Notified: Acknowledged, Reopened: Acknowledged,
	},
	Start: {
		Open: Remediating, Notified: Remediating, Acknowledged: Remediating, Reopened: Remediating,
	},
	Claim: {
		Open: ClaimedFixed, Notified: ClaimedFixed, Acknowledged: ClaimedFixed, Remediating: ClaimedFixed,
		Reopened: ClaimedFixed, RiskAccepted: ClaimedFixed,
	},
	Dispute: {
		Open: Disputed, Notified: Disputed, Acknowledged: Disputed, Remediating: Disputed, Reopened: Disputed,
	},
	AcceptRisk: {
		Open: RiskAccepted, Notified: RiskAccepted, Acknowledged: RiskAccepted, Remediating: RiskAccepted,
		Reopened: RiskAccepted,
	},
	Reject: {Disputed: Reopened, RiskAccepted: Reopened},
	Discard: {
		Open: FalsePositive, Notified: FalsePositive, Acknowledged: FalsePositive, Remediating: FalsePositive,
		ClaimedFixed: FalsePositive, Disputed: FalsePositive, RiskAccepted: FalsePositive, Reopened: FalsePositive,
	},
	Reattribute: {
		Open: Open, Notified: Open, Acknowledged: Open, Remediating: Open, ClaimedFixed: Open, Disputed: Open,
		RiskAccepted: Open, Reopened: Open, Stale: Stale,
	},
	Gone: {
		Open: VerifiedClosed, Notified: VerifiedClosed, Acknowledged: VerifiedClosed, Remediating: VerifiedClosed,
		ClaimedFixed: VerifiedClosed, Disputed: VerifiedClosed, RiskAccepted: VerifiedClosed, Reopened: VerifiedClosed,
		Stale: VerifiedClosed,
	},
	SeenAgain: {ClaimedFixed: Reopened, VerifiedClosed: Reopened, Stale: Reopened},
	Expire:    {RiskAccepted: Reopened},
	Fade: {
		Open: Stale, Notified: Stale, Acknowledged: Stale, Remediating: Stale, ClaimedFixed: Stale, Disputed: Stale,
		Reopened: Stale,
	},
}

// Next returns the state after trigger; fault.Conflict where a finding in state s does not answer to it.
func Next(s State, t Trigger) (State, error) {
	if to, ok := transitions[t][s]; ok {
		return to, nil
	}
	return "", fault.New(fault.Conflict, "a finding that is %s cannot take %q", s, t)
}

// Undoes reports whether a step of trigger t can be taken back with Restore, as long as it is the finding's newest: what the
// desk decided can, what a party said or evidence showed cannot.
func Undoes(t Trigger) bool { return t == Discard || t == Reject || t == Reattribute }

// Refutes reports whether an observation at instant seen makes SeenAgain due for a finding in state s that changed
// to it at since and had last been seen at last. A claim is refuted by anything observed after it; evidence of a fix
// by anything newer than what it rested on, even when it comes in late, for then the evidence was wrong.
func Refutes(s State, seen, since, last time.Time) bool {
	switch s {
	case ClaimedFixed:
		return seen.After(since)
	case VerifiedClosed, Stale:
		return seen.After(last)
	case Open, Notified, Acknowledged, Remediating, Disputed, RiskAccepted, FalsePositive, Reopened:
	}
	return false
}
