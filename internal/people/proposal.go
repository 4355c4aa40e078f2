package people

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// ProposalLife is how long a proposal waits for a second person before it lapses.
const ProposalLife = 72 * time.Hour

// Proposal is an act that needs two people, wanted by one and waiting for the other.
type Proposal struct {
	ID          string
	Act         string // that an approval does: "party.end"
	Object      string // as the ledger names it: "party:city-hospital"
	Particulars string // canonical JSON object: what exactly is to be done
	Digest      []byte // of all of that; what an approver approves
	Reason      string
	By          string     // who proposed it or edited it last, as the ledger names them
	Post        ident.Post // in which
	At          time.Time
	Expires     time.Time
	State       ProposalState
	DecidedBy   string     // who approved or refused it; never By
	DecidedPost ident.Post // in which
	Decided     time.Time
	Decision    string // reason of a refusal or withdrawal
}

// ProposalState is where a proposal stands.
type ProposalState string

// States of a proposal. All but Pending are final.
const (
	Pending   ProposalState = "open"
	Approved  ProposalState = "approved"
	Refused   ProposalState = "refused"
	Withdrawn ProposalState = "withdrawn"
	Lapsed    ProposalState = "lapsed"
)

// Step is what can happen to a proposal.
type Step string

// Steps of a proposal.
const (
	StepEdit     Step = "edit"     // whoever edits becomes the one who proposes
	StepApprove  Step = "approve"  // by another person
	StepRefuse   Step = "refuse"   // by another person
	StepWithdraw Step = "withdraw" // by the one who proposed
	StepLapse    Step = "lapse"    // by the clock
)

// Steps lists them all.
var Steps = []Step{StepEdit, StepApprove, StepRefuse, StepWithdraw, StepLapse}

var afterStep = map[Step]ProposalState{
	StepEdit: Pending, StepApprove: Approved, StepRefuse: Refused, StepWithdraw: Withdrawn, StepLapse: Lapsed,
}

// ErrOwn says that nobody decides about what they proposed, in whatever post and by whatever way.
var ErrOwn = fault.New(fault.Denied, "you proposed this, or edited it last: another person must decide")

// After returns p after a step by an actor, as the ledger names them, at an instant. It is the one place that says who
// may do what to a proposal; which posts they need is access's business.
func (p Proposal) After(s Step, by string, post ident.Post, at time.Time, reason string) (Proposal, error) {
	late := !at.Before(p.Expires)
	switch {
	case p.State != Pending:
		return p, fault.New(fault.Conflict, "this proposal is no longer open: %s", p.State)
	case s == StepLapse && !late:
		return p, fault.New(fault.Conflict, "this proposal has not lapsed yet")
	case s != StepLapse && late:
		return p, fault.New(fault.Expired, "this proposal has lapsed: nobody decided in %s; propose it again", ProposalLife)
	case (s == StepApprove || s == StepRefuse) && by == p.By:
		return p, ErrOwn
	case s == StepWithdraw && by != p.By:
		return p, fault.New(fault.Denied, "only who proposed it can withdraw it; you can refuse it")
	case (s == StepRefuse || s == StepEdit) && reason == "":
		return p, fault.New(fault.Invalid, "reason: please say why")
	}
	p.State = afterStep[s]
	switch s {
	case StepApprove, StepRefuse:
		p.DecidedBy, p.DecidedPost, p.Decided, p.Decision = by, post, at, reason
	case StepWithdraw, StepLapse:
		p.Decided, p.Decision = at, reason
	case StepEdit:
		p.By, p.Post, p.At, p.Expires, p.Reason = by, post, at, at.Add(ProposalLife), reason
		p.Digest = p.Sum()
	}
	return p, nil
}

// Sum is the SHA-256 that binds who wants what done to what and why. An approval names it.
func (p Proposal) Sum() []byte {
	h := sha256.New()
	h.Write([]byte("tocsin proposal 1\n"))
	for _, part := range []string{p.Act, p.Object, p.Particulars, p.Reason, p.By} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// Whole reports whether the proposal still says what its digest was made of.
func (p Proposal) Whole() bool { return bytes.Equal(p.Digest, p.Sum()) }
