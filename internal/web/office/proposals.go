package office

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type proposalsBody struct {
	Open, Decided []proposal
	Mistake       string
}

type proposal struct {
	people.Proposal
	Who, Decider string // names; the ledger's where they are gone
	Particulars  []particular
	Digest       string
	Mine         bool // of this visitor
	CanDecide    bool
	Late         bool // nobody decided in time
}

// particular is one name and value of what exactly is to be done.
type particular struct{ Name, Value string }

// decidedShown is how many decided proposals the page shows.
const decidedShown = 50

func (o *office) proposals(v *page.Visit) error { return o.showProposals(v, http.StatusOK, "") }

func (o *office) showProposals(v *page.Visit, status int, mistake string) error {
	l, err := o.staff.Proposals(v.R.Context(), v.Who.Actor, decidedShown)
	if err != nil {
		return err
	}
	b := proposalsBody{Mistake: mistake}
	for _, p := range l.Open {
		b.Open = append(b.Open, shown(v, p, l.Names))
	}
	for _, p := range l.Decided {
		b.Decided = append(b.Decided, shown(v, p, l.Names))
	}
	return page.ShowAs(v, status, "desk/proposals", v.T("proposals.title"), b)
}

func shown(v *page.Visit, p people.Proposal, names map[string]string) proposal {
	is := proposal{
		Proposal: p, Who: cmp.Or(names[p.By], p.By), Decider: cmp.Or(names[p.DecidedBy], p.DecidedBy), Digest: hex.EncodeToString(p.Digest),
		Mine: p.By == v.Who.String(), Late: !v.Now.Before(p.Expires),
	}
	is.CanDecide = !is.Mine && !is.Late && v.May(people.Approve)
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(p.Particulars), &fields) == nil {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			is.Particulars = append(is.Particulars, particular{name, string(fields[name])})
		}
	}
	return is
}

// propose takes what a form wants done: act, object and reason; particulars where the act has some.
func (o *office) propose(v *page.Visit) error {
	f := v.R.PostFormValue
	need, ok := access.Acts[f("act")]
	if !ok || !need.Two || !v.May(need.Power) {
		return fault.New(fault.Denied, "%s", v.T("proposals.not_yours"))
	}
	_, err := o.staff.Propose(v.R.Context(), v.Now, v.Who.Actor, f("act"), f("object"), f("particulars"), f("reason"))
	return o.after(v, err)
}

// decide does what a form of an open proposal says.
func (o *office) decide(v *page.Visit) error {
	ctx, id, f := v.R.Context(), v.R.PathValue("id"), v.R.PostFormValue
	var err error
	switch f("do") {
	case "approve":
		digest, _ := hex.DecodeString(f("digest")) // what is none is not the proposal's
		_, err = o.staff.ApproveProposal(ctx, v.Now, v.Who.Actor, id, digest)
	case "refuse":
		_, err = o.staff.RefuseProposal(ctx, v.Now, v.Who.Actor, id, f("reason"))
	case "withdraw":
		_, err = o.staff.WithdrawProposal(ctx, v.Now, v.Who.Actor, id)
	default:
		return fault.New(fault.Invalid, "do: nothing like this can be done here")
	}
	return o.after(v, err)
}

func (o *office) after(v *page.Visit, err error) error {
	if text, ok := mistake(v, err); ok {
		return o.showProposals(v, http.StatusUnprocessableEntity, text)
	}
	if err != nil {
		return err
	}
	return v.Redirect("/desk/proposals", "people")
}
