package staff

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// Execution does the act that a proposal was approved for: its one entry names by as the actor and comes from
// access.Object.Proposed with the proposal's By.
type Execution func(ctx context.Context, now time.Time, by access.Actor, p people.Proposal) error

// Check refuses an object that is not written exactly as the act's entry names it, and particulars (canonical JSON, "{}"
// for none) that the act does not know: fault.Invalid. One thing has one name, else what was proposed and what was done
// could not be compared.
type Check func(object, particulars string) error

type execution struct {
	check Check
	do    Execution
}

// Execute names what can be proposed as an act of two, and how it is done once it was approved. It is called while the
// program is put together, before anything is proposed.
func (s *Staff) Execute(act string, check Check, do Execution) {
	if s.executions == nil {
		s.executions = map[string]execution{}
	}
	s.executions[act] = execution{check, do}
}

const maxReason = 2000

// proposalBody is what entries about a proposal say of it.
type proposalBody struct {
	Proposal string `json:"proposal"`
	Digest   string `json:"sha256"`
}

func proposalBodyOf(p people.Proposal) proposalBody {
	return proposalBody{p.ID, hex.EncodeToString(p.Digest)}
}

// Propose writes down that somebody wants an act of two done to an object. particulars is a JSON object, "" for none.
// fault.Conflict where the same is proposed already.
func (s *Staff) Propose(ctx context.Context, now time.Time, by access.Actor, act, object, particulars, reason string) (people.Proposal, error) {
	p := people.Proposal{ID: ident.New("prp"), Act: act, Object: object, State: people.Pending}
	x, ok := s.executions[act]
	if !ok || !access.Acts[act].Two {
		return p, fault.New(fault.Invalid, "act: %s is not one that is proposed", act)
	}
	var err error
	if p.Particulars, err = canonical(particulars); err != nil {
		return p, err
	}
	if err := x.check(object, p.Particulars); err != nil {
		return p, err
	}
	if reason, err = checkReason(reason); err != nil {
		return p, err
	}
	p.Expires = now.Add(people.ProposalLife)
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		open, err := tx.Proposals(ctx, true, 10_000)
		if err != nil {
			return err
		}
		for _, o := range open {
			if o.Act == act && o.Object == object && now.Before(o.Expires) {
				return fault.New(fault.Conflict, "this is proposed already; edit that proposal or wait until it is decided")
			}
		}
		if p.Post, err = postFor(by, act+".propose", object, now); err != nil {
			return err
		}
		if p, err = p.After(people.StepEdit, by.String(), p.Post, now, reason); err != nil {
			return err
		}
		if err := tx.InsertProposal(ctx, p); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, act+".propose", access.On(object), "", proposalBodyOf(p))
		return err
	})
	return p, wrap(err, "propose")
}

// postFor asks access in which post somebody may do an act.
func postFor(by access.Actor, act, object string, now time.Time) (ident.Post, error) {
	post, err := access.Ask(by, act, access.On(object), now)
	return post, wrap(err, act)
}

// EditProposal changes what exactly is to be done and why: whoever does that is the one who proposes from then on.
func (s *Staff) EditProposal(ctx context.Context, now time.Time, by access.Actor, id, particulars, reason string) (people.Proposal, error) {
	particulars, err := canonical(particulars)
	if err != nil {
		return people.Proposal{}, err
	}
	if reason, err = checkReason(reason); err != nil {
		return people.Proposal{}, err
	}
	return s.step(ctx, id, func(tx *store.Tx, p people.Proposal) (people.Proposal, error) {
		post, err := postFor(by, p.Act+".propose", p.Object, now)
		if err != nil {
			return p, err
		}
		x, ok := s.executions[p.Act]
		if !ok {
			return p, errUnknownAct(p.Act)
		}
		if err := x.check(p.Object, particulars); err != nil {
			return p, err
		}
		p.Particulars = particulars
		if p, err = p.After(people.StepEdit, by.String(), post, now, reason); err != nil {
			return p, err
		}
		_, err = tx.Append(ctx, now, by, p.Act+".propose", access.On(p.Object), "edited", proposalBodyOf(p))
		return p, err
	})
}

// RefuseProposal says no, with a reason. Only another person than the one who proposed can.
func (s *Staff) RefuseProposal(ctx context.Context, now time.Time, by access.Actor, id, reason string) (people.Proposal, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return people.Proposal{}, err
	}
	return s.step(ctx, id, func(tx *store.Tx, p people.Proposal) (people.Proposal, error) {
		post, err := postFor(by, "proposal.refuse", "proposal:"+id, now)
		if err != nil {
			return p, err
		}
		if p, err = p.After(people.StepRefuse, by.String(), post, now, reason); err != nil {
			return p, err
		}
		_, err = tx.Append(ctx, now, by, "proposal.refuse", access.On("proposal:"+id), "", proposalBodyOf(p))
		return p, err
	})
}

// WithdrawProposal takes one's own proposal back.
func (s *Staff) WithdrawProposal(ctx context.Context, now time.Time, by access.Actor, id string) (people.Proposal, error) {
	return s.step(ctx, id, func(tx *store.Tx, p people.Proposal) (people.Proposal, error) {
		p, err := p.After(people.StepWithdraw, by.String(), "", now, "")
		if err != nil {
			return p, err
		}
		_, err = tx.Append(ctx, now, by, "proposal.withdraw", access.On(by.String()), "", proposalBodyOf(p))
		return p, err
	})
}

// step changes one proposal. Nobody approves it meanwhile.
func (s *Staff) step(ctx context.Context, id string, f func(*store.Tx, people.Proposal) (people.Proposal, error)) (people.Proposal, error) {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	var p people.Proposal
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		var err error
		if p, err = proposal(ctx, tx, id); err != nil {
			return err
		}
		if p, err = f(tx, p); err != nil {
			return err
		}
		return tx.UpdateProposal(ctx, p, people.Pending)
	})
	return p, wrap(err, "decide about proposal "+id)
}

func proposal(ctx context.Context, tx *store.Tx, id string) (people.Proposal, error) {
	p, err := tx.ProposalByID(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return p, fault.New(fault.NotFound, "there is no such proposal")
	}
	return p, err
}

// ApproveProposal does what was proposed, as the second person. digest is that of the proposal as the approver read it:
// fault.Conflict where it says something else by now. The act's own entry is the approval's; what remains is to mark the
// proposal, and where a crash came between the two, the next approval only does that.
func (s *Staff) ApproveProposal(ctx context.Context, now time.Time, by access.Actor, id string, digest []byte) (people.Proposal, error) {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	p, err := s.Proposal(ctx, id)
	if err != nil {
		return p, err
	}
	if err := mayApprove(by, p, now, digest); err != nil {
		return p, fmt.Errorf("approve proposal %s: %w", id, err)
	}
	actor, post, err := s.doneSince(ctx, p)
	if errors.Is(err, fault.NotFound) {
		x, ok := s.executions[p.Act]
		if !ok {
			return p, errUnknownAct(p.Act)
		}
		if err := x.check(p.Object, p.Particulars); err != nil { // an earlier program may have let it in
			return p, fmt.Errorf("approve proposal %s: %w", id, err)
		}
		if err := x.do(ctx, now, by, p); err != nil {
			return p, fmt.Errorf("approve proposal %s: %w", id, err)
		}
		actor, post, err = s.doneSince(ctx, p)
	}
	if err != nil {
		return p, fmt.Errorf("approve proposal %s: %w", id, err)
	}
	if p, err = p.After(people.StepApprove, actor, post, now, ""); err != nil {
		return p, err
	}
	return p, s.store.Keep(ctx, func(tx *store.Tx) error { return tx.UpdateProposal(ctx, p, people.Pending) })
}

func errUnknownAct(act string) error {
	return fault.New(fault.Unavailable, "this program does not know how to do %s", act)
}

// mayApprove is what holds for every approval. What the act itself needs, access asks when it is done.
func mayApprove(by access.Actor, p people.Proposal, now time.Time, digest []byte) error {
	switch {
	case by.Kind != access.Person || by.Weak || by.Only != nil:
		return fault.New(fault.Denied, "only a person who has signed in can approve")
	case !p.Whole() || p.State == people.Pending && !bytes.Equal(digest, p.Digest):
		return fault.New(fault.Conflict, "this proposal was changed since you read it: read it again")
	}
	if _, err := p.After(people.StepApprove, by.String(), "", now, ""); err != nil {
		return err
	}
	if !by.Holds(people.Approve, ident.Authority) {
		return fault.New(fault.Denied, "no post that you hold may approve")
	}
	return nil
}

func (s *Staff) doneSince(ctx context.Context, p people.Proposal) (actor string, post ident.Post, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) (err error) {
		actor, post, err = tx.ActorSince(ctx, p.Act, p.Object, p.At)
		return err
	})
	return actor, post, err
}

// Proposal returns one; fault.NotFound where there is none.
func (s *Staff) Proposal(ctx context.Context, id string) (people.Proposal, error) {
	var p people.Proposal
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = proposal(ctx, tx, id)
		return err
	})
	return p, err
}

// ProposalList is what waits for a second person, and what was decided, the newest first.
type ProposalList struct {
	Open, Decided []people.Proposal
	Names         map[string]string // of persons, by how the ledger names them; not of those who were erased
}

// seesProposals is fault.Denied to whoever may not read what waits for a second person.
func seesProposals(by access.Actor) error {
	if !by.Desk() || by.Weak || !by.Holds(people.Read, ident.Authority) && !by.Holds(people.Approve, ident.Authority) && !by.Holds(people.Audit, ident.Authority) {
		return fault.New(fault.Denied, "this needs a post that may see proposals")
	}
	return nil
}

// ProposalTo returns one proposal to the authority's people; fault.NotFound where there is none.
func (s *Staff) ProposalTo(ctx context.Context, by access.Actor, id string) (people.Proposal, error) {
	if err := seesProposals(by); err != nil {
		return people.Proposal{}, err
	}
	return s.Proposal(ctx, id)
}

// Proposals returns every open proposal and the newest decided ones, to the authority's people.
func (s *Staff) Proposals(ctx context.Context, by access.Actor, limit int) (ProposalList, error) {
	var l ProposalList
	if err := seesProposals(by); err != nil {
		return l, err
	}
	err := s.store.View(ctx, func(tx *store.Tx) error {
		var err error
		if l.Open, err = tx.Proposals(ctx, true, 1000); err != nil {
			return err
		}
		if l.Decided, err = tx.Proposals(ctx, false, limit); err != nil {
			return err
		}
		l.Names, err = names(ctx, tx, ident.Authority)
		return err
	})
	return l, err
}

func names(ctx context.Context, tx *store.Tx, of ident.Party) (map[string]string, error) {
	all, err := tx.PeopleOf(ctx, of)
	out := make(map[string]string, len(all))
	for _, p := range all {
		out[personName(p.ID)] = p.Name
	}
	return out, err
}

// LapseProposals ends those that nobody decided about in time, and returns how many.
func (s *Staff) LapseProposals(ctx context.Context, now time.Time) (int, error) {
	var open []people.Proposal
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		open, err = tx.Proposals(ctx, true, 10_000)
		return err
	})
	n := 0
	for _, p := range open {
		if err != nil || now.Before(p.Expires) {
			continue
		}
		_, err = s.step(ctx, p.ID, func(tx *store.Tx, p people.Proposal) (people.Proposal, error) {
			p, err := p.After(people.StepLapse, "", "", now, "")
			if err != nil {
				return p, err
			}
			_, err = tx.Append(ctx, now, access.ForSoftware("proposals"), "proposal.lapse", access.On("proposal:"+p.ID), "", proposalBodyOf(p))
			return p, err
		})
		if errors.Is(err, fault.Conflict) {
			err = nil // somebody edited or decided it meanwhile
			continue
		}
		n++
	}
	return n, err
}

// canonical is a JSON object with its names in order and without spaces; "{}" for none.
func canonical(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "{}", nil
	}
	var fields map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil || fields == nil || d.More() {
		return "", fault.New(fault.Invalid, "particulars: a JSON object was expected")
	}
	out, err := json.Marshal(fields)
	return string(out), err
}

func checkReason(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxReason {
		return "", fault.New(fault.Invalid, "reason: please say why, in at most %d bytes", maxReason)
	}
	return text, nil
}
