package staff_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// done is an execution that leaves the act's entry, as real ones do, and counts.
func (o *office) executes(act string) *int {
	n := new(int)
	named := func(object, particulars string) error {
		if !strings.HasPrefix(object, "party:") || strings.Contains(particulars, "unknown") {
			return fault.Invalid
		}
		return nil
	}
	o.Execute(act, named, func(ctx context.Context, now time.Time, by access.Actor, p people.Proposal) error {
		return o.db.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.Append(ctx, now, by, p.Act, access.Object{Name: p.Object, Proposed: p.By}, "", nil); err != nil {
				return err
			}
			*n++
			return nil
		})
	})
	return n
}

func (o *office) proposed(by access.Actor) people.Proposal {
	o.t.Helper()
	p, err := o.Propose(o.t.Context(), o.now, by, "party.end", "party:bank", `{"b": 1, "a": 2}`, "it merged")
	o.must(err)
	return p
}

// An act of two is done once, by the second person, and the ledger names them.
func TestApprove(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		n := o.executes("party.end")
		bo := o.as(o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "approver"))
		p := o.proposed(o.as(o.ada))
		if p.Particulars != `{"a":2,"b":1}` || p.Post != "administrator" {
			t.Errorf("%+v", p)
		}
		_, err := o.Propose(ctx, o.now, o.as(o.ada), "party.end", "party:bank", "", "again")
		o.want(fault.Conflict, err, "the same twice")
		_, err = o.Propose(ctx, o.now, bo, "party.end", "party:shop", "", "x")
		o.want(fault.Denied, err, "proposed without the power")
		_, err = o.Propose(ctx, o.now, o.as(o.ada), "finding.discard", "finding:1", "", "x")
		o.want(fault.Invalid, err, "an act of one")
		_, err = o.Propose(ctx, o.now, o.as(o.ada), "party.end", "shop", "", "x")
		o.want(fault.Invalid, err, "an object by another name")
		_, err = o.Propose(ctx, o.now, o.as(o.ada), "party.end", "party:shop", `{"unknown":1}`, "x")
		o.want(fault.Invalid, err, "particulars that the act does not know")
		_, err = o.EditProposal(ctx, o.now, o.as(o.ada), p.ID, `{"unknown":1}`, "x")
		o.want(fault.Invalid, err, "edited to say what the act does not know")
		_, err = o.ApproveProposal(ctx, o.now, bo, p.ID, []byte("other"))
		o.want(fault.Conflict, err, "approved unread")
		old := bo
		old.Proved = time.Time{}
		_, err = o.ApproveProposal(ctx, o.now, old, p.ID, p.Digest)
		o.want(access.ErrFresh, err, "approved with an old proof")
		got, err := o.ApproveProposal(ctx, o.now, bo, p.ID, p.Digest)
		o.must(err)
		if got.State != people.Approved || got.DecidedBy != bo.String() || got.DecidedPost != "approver" || *n != 1 {
			t.Errorf("%+v, done %d times", got, *n)
		}
		_, err = o.ApproveProposal(ctx, o.now, bo, p.ID, p.Digest)
		o.want(fault.Conflict, err, "approved twice")
		if *n != 1 {
			t.Errorf("done %d times", *n)
		}
	})
}

// Where a crash came between the act and its mark, the next approval only marks.
func TestApproveAfterCrash(t *testing.T) {
	t.Parallel()
	o, ctx := newOffice(t, testkit.SQLite(t)), t.Context()
	n := o.executes("party.end")
	bo := o.as(o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "approver"))
	p := o.proposed(o.as(o.ada))
	o.must(o.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Append(ctx, o.now, bo, p.Act, access.Object{Name: p.Object, Proposed: p.By}, "", nil)
		return err
	}))
	got, err := o.ApproveProposal(ctx, o.now, bo, p.ID, p.Digest)
	o.must(err)
	if got.State != people.Approved || *n != 0 {
		t.Errorf("%+v, done %d times", got, *n)
	}
}

// There are four ways to approve one's own act, and none works: in the same session, through another post, with an API
// token, and as the last who edited what somebody else proposed. The database refuses it too.
func TestNobodyApprovesTheirOwn(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		n := o.executes("party.end")
		cy := o.invite(o.as(o.ada), ident.Authority, "cy@csirt.example", "handler", "approver")
		p := o.proposed(o.as(cy))
		_, err := o.ApproveProposal(ctx, o.now, o.as(cy), p.ID, p.Digest)
		o.want(people.ErrOwn, err, "in the same session")

		// Another post: as the deputy of a second approver, proved anew, with the proposing post gone.
		post, err := o.PutPost(ctx, o.now, o.as(o.ada), ident.Authority, people.Post{
			Unit: o.unitOf(ident.Authority), Title: "Second approver", Powers: []people.Power{people.Approve},
		})
		o.must(err)
		o.must(second(o.Assign(ctx, o.now, o.as(o.ada), people.Assignment{Person: cy, Post: post.ID, Hold: people.Deputy})))
		for _, a := range o.organisation(ident.Authority).Of(cy) {
			if a.Post != post.ID {
				o.must(o.Unassign(ctx, o.now, o.as(o.ada), cy, a.ID))
			}
		}
		_, err = o.ApproveProposal(ctx, o.now, o.as(cy), p.ID, p.Digest)
		o.want(people.ErrOwn, err, "as a deputy in another post")

		o.must(second(o.Assign(ctx, o.now, o.as(o.ada), people.Assignment{Person: cy, Post: "handler"})))
		secret, _, err := o.MakeToken(ctx, o.now, o.as(cy), "x", []people.Power{people.Register}, 0)
		o.must(err)
		token, err := o.ActorByToken(ctx, o.now, secret)
		o.must(err)
		_, err = o.ApproveProposal(ctx, o.now, token, p.ID, p.Digest)
		o.want(fault.Denied, err, "with an API token")

		// Cy edits what Ada proposed.
		_, err = o.WithdrawProposal(ctx, o.now, o.as(cy), p.ID)
		o.must(err)
		p = o.proposed(o.as(o.ada))
		edited, err := o.EditProposal(ctx, o.now, o.as(cy), p.ID, `{"a":3}`, "rather so")
		o.must(err)
		_, err = o.ApproveProposal(ctx, o.now, o.as(cy), p.ID, edited.Digest)
		o.want(people.ErrOwn, err, "as the last who edited it")
		_, err = o.ApproveProposal(ctx, o.now, o.as(o.ada), p.ID, p.Digest)
		o.want(fault.Conflict, err, "what was edited since it was read")

		// Past every check of the program.
		own := edited
		own.State, own.DecidedBy, own.Decided = people.Approved, own.By, o.now
		if err := o.db.Keep(ctx, func(tx *store.Tx) error { return tx.UpdateProposal(ctx, own, people.Pending) }); err == nil {
			t.Error("the database takes a decision of the one who proposed")
		}
		if err := o.db.Keep(ctx, func(tx *store.Tx) error {
			_, err := tx.Append(ctx, o.now, o.as(cy), "party.end", access.Object{Name: p.Object, Proposed: o.as(cy).String()}, "", nil)
			return err
		}); !errors.Is(err, access.ErrTwo) {
			t.Errorf("the ledger takes an act of two by one: %v", err)
		}
		if *n != 0 {
			t.Errorf("done %d times", *n)
		}
		_, err = o.ApproveProposal(ctx, o.now, o.as(o.ada), p.ID, edited.Digest)
		o.must(err) // two people had a hand in it: Cy wrote it, Ada approves
	})
}

// Refusing needs another person and a reason; what nobody decides lapses.
func TestRefuseAndLapse(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		o.executes("party.end")
		bo := o.as(o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "approver"))
		p := o.proposed(o.as(o.ada))
		_, err := o.RefuseProposal(ctx, o.now, bo, p.ID, " ")
		o.want(fault.Invalid, err, "refused without a reason")
		_, err = o.RefuseProposal(ctx, o.now, o.as(o.ada), p.ID, "no")
		o.want(people.ErrOwn, err, "refused by the one who proposed")
		_, err = o.WithdrawProposal(ctx, o.now, bo, p.ID)
		o.want(fault.Denied, err, "withdrawn by another")
		got, err := o.RefuseProposal(ctx, o.now, bo, p.ID, "it did not")
		o.must(err)
		if got.State != people.Refused || got.Decision != "it did not" {
			t.Errorf("%+v", got)
		}
		p = o.proposed(o.as(o.ada))
		o.now = p.Expires
		_, err = o.ApproveProposal(ctx, o.now, o.as(ident.Person(bo.ID)), p.ID, p.Digest)
		o.want(fault.Expired, err, "approved too late")
		n, err := o.LapseProposals(ctx, o.now)
		o.must(err)
		if n != 1 {
			t.Errorf("%d lapsed", n)
		}
		l, err := o.Proposals(ctx, o.as(o.ada), 10)
		o.must(err)
		if len(l.Open) != 0 || len(l.Decided) != 2 || l.Names[bo.String()] != "Bo" {
			t.Errorf("%+v", l)
		}
		_, err = o.Proposals(ctx, o.as(o.hui), 10)
		o.want(fault.Denied, err, "a party looks at proposals")
	})
}
