package people

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/fault"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func pending() Proposal {
	p := Proposal{ID: "prp_1", Act: "party.end", Object: "party:bank", Particulars: "{}", Reason: "why", By: "person:ann", At: noon, Expires: noon.Add(ProposalLife), State: Pending}
	p.Digest = p.Sum()
	return p
}

// Every step in every state, by the one who proposed and by another, in time and too late.
func TestProposalSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step Step
		by   string
		at   time.Time
		want ProposalState
		err  error
	}{
		{StepEdit, "person:ann", noon, Pending, nil},
		{StepEdit, "person:bo", noon, Pending, nil},
		{StepApprove, "person:bo", noon, Approved, nil},
		{StepApprove, "person:ann", noon, "", ErrOwn},
		{StepRefuse, "person:bo", noon, Refused, nil},
		{StepRefuse, "person:ann", noon, "", ErrOwn},
		{StepWithdraw, "person:ann", noon, Withdrawn, nil},
		{StepWithdraw, "person:bo", noon, "", fault.Denied},
		{StepLapse, "", noon, "", fault.Conflict},
		{StepLapse, "", noon.Add(ProposalLife), Lapsed, nil},
		{StepApprove, "person:bo", noon.Add(ProposalLife), "", fault.Expired},
		{StepEdit, "person:ann", noon.Add(ProposalLife), "", fault.Expired},
	} {
		got, err := pending().After(c.step, c.by, "approver", c.at, "because")
		if !errors.Is(err, c.err) || c.err == nil && got.State != c.want {
			t.Errorf("%s by %s at %s: %s, %v", c.step, c.by, c.at, got.State, err)
		}
		if err != nil && got.State != Pending {
			t.Errorf("%s by %s changed the state", c.step, c.by)
		}
	}
	for _, final := range []ProposalState{Approved, Refused, Withdrawn, Lapsed} {
		for _, s := range Steps {
			p := pending()
			p.State = final
			if _, err := p.After(s, "person:bo", "", noon, "x"); !errors.Is(err, fault.Conflict) {
				t.Errorf("%s after %s: %v", s, final, err)
			}
		}
	}
	if _, err := pending().After(StepRefuse, "person:bo", "", noon, ""); !errors.Is(err, fault.Invalid) {
		t.Errorf("refused without a reason: %v", err)
	}
}

// Whatever happens in whatever order: what was approved or refused was so by another than its last editor, in time, and
// the digest is that of what stands there.
func TestProposalProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p, now := pending(), noon
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(r, "hours")) * time.Hour)
			by := rapid.SampledFrom([]string{"person:ann", "person:bo", "person:cy"}).Draw(r, "by")
			was := p.State
			next, err := p.After(rapid.SampledFrom(Steps).Draw(r, "step"), by, "post", now, "because")
			if err == nil {
				if was != Pending {
					r.Fatalf("%s is final", was)
				}
				p = next
			}
			decided := p.State == Approved || p.State == Refused
			switch {
			case decided != (p.DecidedBy != ""), decided && p.DecidedBy == p.By, decided && !p.Decided.Before(p.Expires):
				r.Fatalf("%+v", p)
			case !p.Whole():
				r.Fatal("the digest is another")
			}
		}
	})
}

// The digest binds every part, and parts cannot be shifted into each other.
func TestProposalDigest(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Proposal){
		"act": func(p *Proposal) { p.Act = "x" }, "object": func(p *Proposal) { p.Object = "x" },
		"particulars": func(p *Proposal) { p.Particulars = "x" }, "reason": func(p *Proposal) { p.Reason = "x" },
		"by":    func(p *Proposal) { p.By = "x" },
		"shift": func(p *Proposal) { p.Act, p.Object = p.Act+p.Object, "" },
	} {
		p := pending()
		change(&p)
		if p.Whole() {
			t.Errorf("%s is not bound", name)
		}
	}
}
