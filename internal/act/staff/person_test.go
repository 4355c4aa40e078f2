package staff_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

var (
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	operator = access.ForSoftware("command")
)

// office is an authority with Ada in all of its posts, who has just signed in, and a hospital with Hui.
type office struct {
	*staff.Staff
	t        testing.TB
	db       *store.Store
	ada, hui ident.Person
	now      time.Time
}

func newOffice(t testing.TB, db *store.Store) *office {
	t.Helper()
	o := &office{t: t, db: db, now: noon, Staff: staff.New(db, staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef")})}
	o.ada = o.found(ident.Authority, "ada@csirt.example")
	o.hui = o.found("hospital", "hui@hospital.example")
	return o
}

func (o *office) found(of ident.Party, mail string) ident.Person {
	o.t.Helper()
	p, err := o.Found(o.t.Context(), o.now, operator, people.Person{Party: of, Name: mail, Mail: mail, Language: "en"})
	o.must(err)
	return p.ID
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) want(kind, err error, what string) {
	o.t.Helper()
	if !errors.Is(err, kind) {
		o.t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

// as is a person with what they hold now, who has just proved who they are.
func (o *office) as(id ident.Person) access.Actor {
	o.t.Helper()
	a, err := o.ActorOf(o.t.Context(), o.now, id)
	o.must(err)
	a.Proved = o.now
	return a
}

func (o *office) stale(id ident.Person) access.Actor {
	a := o.as(id)
	a.Proved = o.now.Add(-time.Hour)
	return a
}

func (o *office) invite(by access.Actor, of ident.Party, mail string, posts ...ident.Post) ident.Person {
	o.t.Helper()
	p, token, err := o.Invite(o.t.Context(), o.now, by, invitation(of, mail, posts...))
	o.must(err)
	if token == "" {
		o.t.Fatal("an invitation without a link")
	}
	return p.ID
}

func invitation(of ident.Party, mail string, posts ...ident.Post) staff.Invitation {
	return staff.Invitation{Person: people.Person{Party: of, Name: "Bo", Mail: mail, Language: "zh"}, Posts: posts}
}

func (o *office) entries() int {
	o.t.Helper()
	var n int
	o.must(o.db.View(o.t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(o.t.Context(), 0, 10_000)
		n = len(es)
		return err
	}))
	return n
}

func (o *office) postOf(party ident.Party) ident.Post {
	o.t.Helper()
	org, err := o.Organisation(o.t.Context(), o.now, o.as(o.ada), party)
	o.must(err)
	return org.Posts[0].ID
}

// Who may manage whose people, and what needs a fresh proof of identity.
func TestWhoManages(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		bo := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "handler")
		ada, hui := o.as(o.ada), o.as(o.hui)
		contact := o.postOf("hospital")

		_, _, err := o.Invite(ctx, o.now, o.as(bo), invitation(ident.Authority, "x@csirt.example", "handler"))
		o.want(fault.Denied, err, "a handler invites")
		_, _, err = o.Invite(ctx, o.now, hui, invitation(ident.Authority, "x@csirt.example"))
		o.want(fault.Denied, err, "a party's administrator invites to the authority")
		_, _, err = o.Invite(ctx, o.now, hui, invitation("bank", "x@bank.example"))
		o.want(fault.Denied, err, "a party's administrator invites to another party")
		o.want(fault.Denied, o.Disable(ctx, o.now, hui, bo), "a party's administrator disables one of the authority's people")
		_, _, err = o.Invite(ctx, o.now, hui, invitation("hospital", "x@hospital.example", "handler"))
		o.want(fault.Invalid, err, "a party's person in the authority's post")
		_, err = o.PutPost(ctx, o.now, hui, "hospital", people.Post{Unit: o.unitOf("hospital"), Title: "Desk", Powers: []people.Power{people.Triage}})
		o.want(fault.Invalid, err, "a power of the authority for a party's post")
		_, _, err = o.Invite(ctx, o.now, ada, invitation(ident.Authority, "BO@csirt.example"))
		o.want(fault.Exists, err, "a mail address twice")

		o.invite(hui, "hospital", "jo@hospital.example", contact)
		o.invite(ada, "hospital", "ka@hospital.example")

		old := o.stale(o.ada)
		for what, err := range map[string]error{
			"approver":   second(o.Assign(ctx, o.now, old, people.Assignment{Person: bo, Post: "approver"})),
			"invitation": third(o.Invite(ctx, o.now, old, invitation(ident.Authority, "y@csirt.example", "administrator"))),
			"post": second(o.PutPost(ctx, o.now, old, ident.Authority, people.Post{
				Unit: o.unitOf(ident.Authority), Title: "Second", Powers: []people.Power{people.Approve},
			})),
			"erase": o.Erase(ctx, o.now, old, bo),
		} {
			if !errors.Is(err, access.ErrFresh) {
				t.Errorf("%s with an old proof: %v", what, err)
			}
		}
		o.must(second(o.Assign(ctx, o.now, old, people.Assignment{Person: bo, Post: "auditor"})))
		o.must(second(o.Assign(ctx, o.now, ada, people.Assignment{Person: bo, Post: "approver", Hold: people.Deputy})))
		o.want(fault.Conflict, second(o.Assign(ctx, o.now, ada, people.Assignment{Person: bo, Post: "approver"})), "the same post twice")
		o.want(fault.Conflict, second(o.Assign(ctx, o.now, ada, people.Assignment{Person: o.ada, Post: "handler", Hold: people.Acting})), "acting beside a holder")

		weak := o.as(o.ada)
		weak.Weak = true
		o.want(fault.Denied, o.Disable(ctx, o.now, weak, bo), "a weak session manages people")
		o.must(o.CheckPeople(ctx))
	})
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func (o *office) unitOf(party ident.Party) ident.Unit {
	o.t.Helper()
	org, err := o.Organisation(o.t.Context(), o.now, o.as(o.ada), party)
	o.must(err)
	return org.Units[0].ID
}

// Units and posts: what is made, changed, ended, and what each refuses. Every act leaves one entry.
func TestUnitsAndPosts(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		ada := o.as(o.ada)
		before := o.entries()
		u, err := o.PutUnit(ctx, o.now, ada, people.Unit{Party: ident.Authority, Name: " Night shift ", Parent: o.unitOf(ident.Authority)})
		o.must(err)
		p, err := o.PutPost(ctx, o.now, ada, ident.Authority, people.Post{Unit: u.ID, Title: "Watch", Powers: []people.Power{people.Triage, people.Read}})
		o.must(err)
		p.Title = "Night watch"
		p, err = o.PutPost(ctx, o.now, ada, ident.Authority, p)
		o.must(err)
		o.want(fault.Conflict, o.EndUnit(ctx, o.now, ada, ident.Authority, u.ID), "a unit with a post ends")
		bo := o.invite(ada, ident.Authority, "bo@csirt.example", p.ID)
		if !o.as(bo).Holds(people.Triage, "") {
			t.Error("the post gives no power")
		}
		o.must(o.EndPost(ctx, o.now, ada, ident.Authority, p.ID))
		if o.as(bo).Holds(people.Triage, "") {
			t.Error("an ended post gives power")
		}
		o.must(o.EndUnit(ctx, o.now, ada, ident.Authority, u.ID))
		o.want(fault.NotFound, o.EndUnit(ctx, o.now, ada, ident.Authority, u.ID), "a unit ends twice")
		o.want(fault.NotFound, o.EndPost(ctx, o.now, ada, "hospital", p.ID), "a post of another organisation")
		if got := o.entries() - before; got != 6 {
			t.Errorf("6 acts left %d entries", got)
		}
		o.must(o.CheckPeople(ctx))
	})
}

// Disabling bites at the next request, enabling gives no session back; an invitation is for who cannot sign in yet.
func TestDisable(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		bo := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "handler")
		link, err := o.InviteAgain(ctx, o.now, o.as(o.ada), bo)
		o.must(err)
		session, v, err := o.OpenLink(ctx, o.now, link, "browser")
		o.must(err)
		if !v.Weak {
			t.Error("an invitation opens a strong session")
		}
		o.must(o.Disable(ctx, o.now, o.as(o.ada), bo))
		_, err = o.Session(ctx, o.now, session)
		o.want(fault.Expired, err, "a disabled person's session")
		o.want(fault.Conflict, o.Disable(ctx, o.now, o.as(o.ada), bo), "disabled twice")
		_, err = o.InviteAgain(ctx, o.now, o.as(o.ada), bo)
		o.want(fault.Conflict, err, "a disabled person is invited")
		o.must(o.Enable(ctx, o.now, o.as(o.ada), bo))
		_, err = o.Session(ctx, o.now, session)
		o.want(fault.Expired, err, "the session of before")
		o.must(o.Rename(ctx, o.now, o.as(o.ada), bo, "Bo Li", "bo.li@csirt.example"))
		o.must(o.CheckPeople(ctx))
	})
}

// An invitation that was not used opens nothing once its person can sign in by other ways: its maker could be them.
func TestInvitationIsNoWayIntoAnAccount(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		p, token, err := o.Invite(ctx, o.now, o.as(o.ada), invitation(ident.Authority, "bo@csirt.example", "handler"))
		o.must(err)
		_, err = o.PeekLink(ctx, o.now, token)
		o.must(err)
		o.must(db.Keep(ctx, func(tx *store.Tx) error {
			return tx.InsertCredential(ctx, store.Credential{ID: "crd_1", Person: p.ID, Kind: store.Password, Handle: "crd_1", Secret: []byte("x"), Created: noon})
		}))
		_, _, err = o.OpenLink(ctx, o.now, token, "")
		o.want(fault.Expired, err, "an invitation beside a password")
		_, err = o.InviteAgain(ctx, o.now, o.as(o.ada), p.ID)
		o.want(fault.Conflict, err, "invited again beside a password")
	})
}

// From and to: a post is held from the one instant until before the other, and history stays.
func TestAssignmentsInTime(t *testing.T) {
	t.Parallel()
	o, ctx := newOffice(t, testkit.SQLite(t)), t.Context()
	ada := o.as(o.ada)
	bo := o.invite(ada, ident.Authority, "bo@csirt.example")
	a, err := o.Assign(ctx, o.now, ada, people.Assignment{Person: bo, Post: "handler", From: o.now.Add(time.Hour), To: o.now.Add(2 * time.Hour)})
	o.must(err)
	for after, want := range map[time.Duration]int{0: 0, time.Hour: 1, 2*time.Hour - time.Second: 1, 2 * time.Hour: 0} {
		who, err := o.ActorOf(ctx, o.now.Add(after), bo)
		o.must(err)
		if len(who.Seats) != want {
			t.Errorf("after %s %d posts, want %d", after, len(who.Seats), want)
		}
	}
	o.must(o.Unassign(ctx, o.now, ada, bo, a.ID))
	o.want(fault.Conflict, o.Unassign(ctx, o.now, ada, bo, a.ID), "ended twice")
	org, err := o.Organisation(ctx, o.now, ada, ident.Authority)
	o.must(err)
	if n := len(org.Of(bo)); n != 1 {
		t.Errorf("%d assignments in the history", n)
	}
}

// Erasing takes name and mail, every way in, and what lay beside the ledger; the entries stay, byte for byte.
func TestErase(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		bo := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "handler")
		cy := o.invite(o.as(o.ada), ident.Authority, "cy@csirt.example", "handler")
		secret, _, err := o.MakeToken(ctx, o.now, o.as(bo), "script", []people.Power{people.Read}, 0)
		o.must(err)
		o.must(o.Erase(ctx, o.now, o.as(o.ada), bo))
		o.must(o.Erase(ctx, o.now, o.as(o.ada), cy)) // a second erased person has a place too
		_, err = o.PersonByMail(ctx, "bo@csirt.example")
		o.want(fault.NotFound, err, "the mail address of an erased person")
		_, err = o.ActorOf(ctx, o.now, bo)
		o.want(fault.Expired, err, "an erased person acts")
		_, err = o.ActorByToken(ctx, o.now, secret)
		o.want(fault.Expired, err, "an erased person's token")
		o.want(fault.Expired, o.Enable(ctx, o.now, o.as(o.ada), bo), "an erased person is enabled")
		o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "handler")
		o.must(o.CheckPeople(ctx))
	})
}

// What was written into the database by hand, and not by an act, is found.
func TestCheckPeople(t *testing.T) {
	t.Parallel()
	for name, smuggle := range map[string]func(context.Context, *store.Tx, *office, ident.Person) error{
		"an assignment": func(ctx context.Context, tx *store.Tx, o *office, bo ident.Person) error {
			return tx.InsertAssignment(ctx, people.Assignment{ID: ident.New("asg"), Person: bo, Post: "administrator", Hold: people.Holder, From: noon})
		},
		"a person": func(ctx context.Context, tx *store.Tx, o *office, _ ident.Person) error {
			return tx.InsertPerson(ctx, people.Person{ID: "per_x", Party: ident.Authority, Name: "X", Mail: "x@x.example", Language: "en", Created: noon})
		},
		"a power": func(ctx context.Context, tx *store.Tx, o *office, _ ident.Person) error {
			return tx.UpdatePost(ctx, people.Post{ID: "handler", Title: "Handler", Powers: people.Powers, Incompatible: []ident.Post{"auditor"}})
		},
		"a name": func(ctx context.Context, tx *store.Tx, o *office, bo ident.Person) error {
			return tx.UpdatePerson(ctx, people.Person{ID: bo, Name: "Mallory", Mail: "bo@csirt.example", Language: "en"})
		},
		"an unit": func(ctx context.Context, tx *store.Tx, o *office, _ ident.Person) error {
			return tx.InsertUnit(ctx, people.Unit{ID: "unt_x", Party: "bank", Name: "x", Created: noon})
		},
	} {
		o, ctx := newOffice(t, testkit.SQLite(t)), t.Context()
		bo := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "handler")
		o.must(o.CheckPeople(ctx))
		o.must(o.db.Keep(ctx, func(tx *store.Tx) error { return smuggle(ctx, tx, o, bo) }))
		o.want(fault.Conflict, o.CheckPeople(ctx), name)
	}
}
