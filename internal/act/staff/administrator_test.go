package staff_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/testkit"
)

// An organisation never loses its last administrator, by whatever act.
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	for _, of := range []ident.Party{ident.Authority, "hospital"} {
		for name, act := range map[string]func(o *office, of ident.Party, last ident.Person) error{
			"disable": func(o *office, _ ident.Party, last ident.Person) error {
				return o.Disable(o.t.Context(), o.now, operator, last)
			},
			"erase": func(o *office, _ ident.Party, last ident.Person) error {
				return o.Erase(o.t.Context(), o.now, operator, last)
			},
			"unassign": func(o *office, of ident.Party, last ident.Person) error {
				for _, a := range o.organisation(of).Of(last) {
					if a.Post == o.ruling(of) {
						return o.Unassign(o.t.Context(), o.now, operator, last, a.ID)
					}
				}
				return nil
			},
			"end the post": func(o *office, of ident.Party, _ ident.Person) error {
				return o.EndPost(o.t.Context(), o.now, operator, of, o.ruling(of))
			},
			"strip the post": func(o *office, of ident.Party, _ ident.Person) error {
				p, _ := o.organisation(of).Post(o.ruling(of))
				p.Powers = []people.Power{people.Read}
				_, err := o.PutPost(o.t.Context(), o.now, operator, of, p)
				return err
			},
		} {
			o := newOffice(t, testkit.SQLite(t))
			last := map[ident.Party]ident.Person{ident.Authority: o.ada, "hospital": o.hui}[of]
			before := o.entries()
			if err := act(o, of, last); !errors.Is(err, people.ErrLast) {
				t.Errorf("%s of %s: %v", name, of, err)
			}
			if o.entries() != before {
				t.Errorf("%s of %s left an entry", name, of)
			}
			o.invite(operator, of, "second@x.example", o.ruling(of))
			if err := act(o, of, last); name != "end the post" && name != "strip the post" && err != nil {
				t.Errorf("%s of %s with a second administrator: %v", name, of, err)
			}
		}
	}
}

// Whoever holds the post only for a time does not count: the clock would take the last one away.
func TestLastingAdministrator(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	i := invitation(ident.Authority, "bo@csirt.example", "administrator")
	i.To = o.now.Add(24 * time.Hour)
	_, _, err := o.Invite(t.Context(), o.now, operator, i)
	o.must(err)
	o.want(people.ErrLast, o.Disable(t.Context(), o.now, operator, o.ada), "the last one without an end")
}

// organisation and ruling look as the operator would: through somebody who may.
func (o *office) organisation(of ident.Party) people.Organisation {
	o.t.Helper()
	a := o.as(o.ada)
	org, err := o.Organisation(o.t.Context(), o.now, a, of)
	o.must(err)
	return org
}

func (o *office) ruling(of ident.Party) ident.Post {
	if of == ident.Authority {
		return "administrator"
	}
	return o.organisation(of).Posts[0].ID
}

// Whatever is done in whatever order, an organisation that had an administrator has one, and rows and entries agree.
func TestOrganisationsAlwaysHaveAnAdministrator(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		of := ident.Party(fmt.Sprintf("party-%d", round))
		o := &office{t: t, db: db, now: noon, Staff: staff.New(db, staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef")})}
		all := []ident.Person{o.found(of, fmt.Sprintf("a%d@x.example", round))}
		ctx := t.Context()
		for i := range rapid.IntRange(1, 12).Draw(r, "acts") {
			org, err := o.Organisation(ctx, o.now, o.asOperator(), of)
			o.must(err)
			who := rapid.SampledFrom(all).Draw(r, "who")
			post := rapid.SampledFrom(org.Posts).Draw(r, "post")
			var act error
			switch rapid.IntRange(0, 8).Draw(r, "act") {
			case 0:
				var p people.Person
				p, _, act = o.Invite(ctx, o.now, operator, invitation(of, fmt.Sprintf("p%d-%d@x.example", round, i), post.ID))
				if act == nil {
					all = append(all, p.ID)
				}
			case 1:
				act = o.Disable(ctx, o.now, operator, who)
			case 2:
				act = o.Enable(ctx, o.now, operator, who)
			case 3:
				act = o.Erase(ctx, o.now, operator, who)
			case 4:
				if held := org.Of(who); len(held) > 0 {
					act = o.Unassign(ctx, o.now, operator, who, rapid.SampledFrom(held).Draw(r, "held").ID)
				}
			case 5:
				a := people.Assignment{Person: who, Post: post.ID, From: o.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(r, "from")) * time.Hour)}
				if rapid.Bool().Draw(r, "ends") {
					a.To = a.From.Add(time.Hour)
				}
				_, act = o.Assign(ctx, o.now, operator, a)
			case 6:
				act = o.EndPost(ctx, o.now, operator, of, post.ID)
			case 7:
				post.Powers = []people.Power{people.Read, people.Staff}[:rapid.IntRange(1, 2).Draw(r, "powers")]
				_, act = o.PutPost(ctx, o.now, operator, of, post)
			case 8:
				o.now = o.now.Add(90 * time.Minute)
			}
			if act != nil && !errors.Is(act, fault.Conflict) && !errors.Is(act, fault.NotFound) && !errors.Is(act, fault.Expired) && !errors.Is(act, fault.Invalid) {
				r.Fatal(act)
			}
			if !o.ruled(of, all) {
				r.Fatalf("%s has no administrator any more", of)
			}
		}
		if err := o.CheckPeople(ctx); err != nil {
			r.Fatal(err)
		}
	})
}

// asOperator is somebody of the authority who may look at everybody.
func (o *office) asOperator() access.Actor {
	return access.Actor{Kind: access.Person, ID: "per_eye", Party: ident.Authority, Seats: []access.Seat{{Party: ident.Authority, Powers: []people.Power{people.Staff}}}}
}

// ruled reports whether one of the persons can manage the organisation now.
func (o *office) ruled(of ident.Party, all []ident.Person) bool {
	for _, id := range all {
		if a, err := o.ActorOf(o.t.Context(), o.now, id); err == nil && a.Holds(people.Staff, of) {
			return true
		}
	}
	return false
}
