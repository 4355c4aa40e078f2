package api

import (
	"errors"
	"fmt"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

type decideQuery struct {
	ID   int64 `path:"id" min:"1"`
	Body operation.ReasonBody
}

type attributeBody struct {
	Party  string `json:"party" max:"64" doc:"A party's id; empty gives the finding back to the rule."`
	Reason string `json:"reason" required:"true" max:"2000"`
}

type attributeQuery struct {
	ID   int64 `path:"id" min:"1"`
	Body attributeBody
}

// Settled is what an act of the desk left.
type Settled struct {
	Batch   string     `json:"batch,omitempty" doc:"Undoes it by POST /api/v1/batches/{id}/undo; absent where a finding was given back to the rule."`
	Until   *time.Time `json:"undo_until,omitempty"`
	Finding *Finding   `json:"finding,omitempty" doc:"As it is now; absent where it is marked too strictly to leave the pages."`
}

// settle does one act of the desk.
func (a *api) settle(c *call, on triage.On, reason string) (Settled, error) {
	b, err := a.Triage.Do(c.Ctx, c.Now, c.By, []triage.On{on}, reason)
	if err == nil {
		err = b.First()
	}
	if err != nil {
		return Settled{}, err
	}
	return Settled{Batch: b.ID, Until: operation.Some(c.Now.Add(triage.UndoFor))}, nil
}

// settleFinding does one act of the desk on a finding and answers with it as it is now. What was done stays done where the
// finding may not leave.
func (a *api) settleFinding(c *call, id int64, on triage.On, reason string) (Settled, error) {
	on.Key = fmt.Sprintf("finding:%d", id)
	out, err := a.settle(c, on, reason)
	if err != nil {
		return out, err
	}
	return out, a.findingNow(c, id, &out)
}

func (a *api) findingNow(c *call, id int64, out *Settled) error {
	d, err := a.Loop.FindingByID(c.Ctx, c.Now, c.By, ident.Finding(id))
	switch {
	case errors.Is(err, fault.NotFound): // the reader sees it no more
		return nil
	case err == nil && operation.Leave(d.Mark) == nil:
		f := findingOf(&d.FindingRow)
		out.Finding = &f
	}
	return err
}

func (a *api) attribute(c *call, q attributeQuery) (Settled, error) {
	if q.Body.Party != "" {
		return a.settleFinding(c, q.ID, triage.On{Act: triage.Attribute, To: ident.Party(q.Body.Party)}, q.Body.Reason)
	}
	var out Settled
	if err := a.Loop.AttributeByHand(c.Ctx, c.Now, c.By, ident.Finding(q.ID), "", q.Body.Reason); err != nil {
		return out, err
	}
	return out, a.findingNow(c, q.ID, &out)
}

func (a *api) discard(c *call, q decideQuery) (Settled, error) {
	return a.settleFinding(c, q.ID, triage.On{Act: triage.Discard}, q.Body.Reason)
}

func (a *api) reject(c *call, q decideQuery) (Settled, error) {
	return a.settleFinding(c, q.ID, triage.On{Act: triage.Reject}, q.Body.Reason)
}

const markText = "Gives either `tlp`, a stricter mark, or `embargo`, a later time. Lowering a mark needs two people: propose it by " +
	"POST /api/v1/proposals. A finding that becomes TLP:RED is readable on the pages only, by those named in its shares."

type markBody struct {
	TLP     string     `json:"tlp,omitempty" enum:"TLP:GREEN,TLP:AMBER,TLP:AMBER+STRICT,TLP:RED"`
	Embargo *time.Time `json:"embargo,omitempty"`
	Reason  string     `json:"reason" required:"true" max:"2000"`
}

type markQuery struct {
	ID   int64 `path:"id" min:"1"`
	Body markBody
}

// Marked is what a finding is marked with after an act.
type Marked struct {
	Finding int64      `json:"finding"`
	TLP     string     `json:"tlp,omitempty"`
	Embargo *time.Time `json:"embargo,omitempty"`
}

func (a *api) mark(c *call, q markQuery) (Marked, error) {
	id, b := ident.Finding(q.ID), q.Body
	out := Marked{Finding: q.ID, TLP: b.TLP, Embargo: b.Embargo}
	switch {
	case (b.TLP == "") == (b.Embargo == nil):
		return Marked{}, operation.Wrong("tlp", "either a mark or an embargo was expected")
	case b.Embargo != nil:
		return out, a.Loop.Embargo(c.Ctx, c.Now, c.By, id, *b.Embargo, b.Reason)
	}
	to, err := marking.ParseTLP(b.TLP)
	if err != nil {
		return Marked{}, err
	}
	return out, a.Loop.Raise(c.Ctx, c.Now, c.By, id, to, b.Reason)
}

// Shares is with whom a finding is shared.
type Shares struct {
	Shares []Share `json:"shares"`
}

// Share is one of them.
type Share struct {
	ID      string     `json:"id"`
	With    string     `json:"with" doc:"person:… or party:…"`
	Reason  string     `json:"reason"`
	Created time.Time  `json:"created"`
	By      string     `json:"by"`
	Until   *time.Time `json:"until,omitempty"`
}

func (a *api) shares(c *call, q findingQuery) (Shares, error) {
	d, err := a.detail(c, q.ID)
	if err != nil {
		return Shares{}, err
	}
	return sharesOf(d, c.Now), nil
}

func sharesOf(d loop.FindingDetail, now time.Time) Shares {
	var out Shares
	for _, g := range d.Grants {
		if g.Ended.IsZero() && (g.Until.IsZero() || now.Before(g.Until)) {
			out.Shares = append(out.Shares, Share{g.ID, g.Grantee, g.Reason, g.Created, g.By, operation.Some(g.Until)})
		}
	}
	return out
}

type shareBody struct {
	With   string     `json:"with" required:"true" max:"200" doc:"person:… or party:…"`
	Until  *time.Time `json:"until,omitempty" doc:"Until it is taken back where absent."`
	Reason string     `json:"reason" required:"true" max:"2000"`
}

type shareQuery struct {
	ID   int64 `path:"id" min:"1"`
	Body shareBody
}

func (a *api) share(c *call, q shareQuery) (Shares, error) {
	b := q.Body
	if err := a.Loop.Share(c.Ctx, c.Now, c.By, ident.Finding(q.ID), b.With, operation.OrZero(b.Until), b.Reason); err != nil {
		return Shares{}, err
	}
	return a.sharesNow(c, q.ID)
}

// sharesNow answers an act on shares. A finding that may not leave has them all the same: they are ids.
func (a *api) sharesNow(c *call, id int64) (Shares, error) {
	d, err := a.Loop.FindingByID(c.Ctx, c.Now, c.By, ident.Finding(id))
	if err != nil {
		return Shares{}, err
	}
	return sharesOf(d, c.Now), nil
}

type unshareQuery struct {
	ID    int64  `path:"id" min:"1"`
	Share string `path:"share"`
	Body  operation.ReasonBody
}

func (a *api) unshare(c *call, q unshareQuery) (Shares, error) {
	if err := a.Loop.Unshare(c.Ctx, c.Now, c.By, ident.Finding(q.ID), q.Share, q.Body.Reason); err != nil {
		return Shares{}, err
	}
	return a.sharesNow(c, q.ID)
}
