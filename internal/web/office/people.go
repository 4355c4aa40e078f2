package office

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type peopleBody struct {
	side
	Name    string // of a party other than the authority
	Units   []unit
	People  []row
	Posts   []people.Post  // that can be given
	Powers  []people.Power // that a post can hold
	Mistake string
	Link    string // of an invitation that was just made: shown once
	Invited string // whom it is for
	Until   time.Time
}

type unit struct {
	people.Unit
	Posts []post
	Empty bool // nothing live is in it
}

type post struct {
	people.Post
	Powers  []power
	Holders []holder
	Trusted bool
}

// power is a power that a post may hold, with whether it does.
type power struct {
	Power people.Power
	Holds bool
}

type holder struct {
	people.Assignment
	Name string
	Now  bool // holds it at this instant
}

type row struct {
	people.Person
	Posts []string
	State string // of personStates
}

func (o *office) people(v *page.Visit) error { return o.showPeople(v, http.StatusOK, peopleBody{}) }

func (o *office) showPeople(v *page.Visit, status int, b peopleBody) error {
	b.side = sideOf(v)
	org, err := o.staff.Organisation(v.R.Context(), v.Now, v.Who.Actor, b.Party)
	if err != nil {
		return err
	}
	if b.Party != ident.Authority {
		b.Name = cmp.Or(v.Who.PartyName, string(b.Party))
	}
	b.Powers = people.Powers
	if b.Party != ident.Authority {
		b.Powers = people.PartyPowers
	}
	for _, p := range org.Posts {
		if org.Live(p) {
			b.Posts = append(b.Posts, p)
		}
	}
	b.Units, b.People = units(org, v.Now, b.Powers), rows(org, v.Now)
	return page.ShowAs(v, status, b.area+"/people", v.T("people.title"), b)
}

func units(org people.Organisation, now time.Time, may []people.Power) []unit {
	var out []unit
	for _, u := range org.Units {
		if !u.Ended.IsZero() {
			continue
		}
		is := unit{Unit: u}
		for _, p := range org.Posts {
			if p.Unit != u.ID || !p.Ended.IsZero() {
				continue
			}
			is.Posts = append(is.Posts, post{Post: p, Powers: powers(may, p.Powers), Holders: holders(org, p.ID, now), Trusted: people.Trusted(p.Powers)})
		}
		is.Empty = len(is.Posts) == 0 && !slices.ContainsFunc(org.Units, func(b people.Unit) bool { return b.Parent == u.ID && b.Ended.IsZero() })
		out = append(out, is)
	}
	return out
}

func powers(may, have []people.Power) []power {
	var out []power
	for _, p := range may {
		out = append(out, power{p, slices.Contains(have, p)})
	}
	return out
}

// holders are who holds a post now or will.
func holders(org people.Organisation, id ident.Post, now time.Time) []holder {
	var out []holder
	for _, a := range org.Assignments {
		p, ok := org.Person(a.Person)
		if !ok || a.Post != id || !a.To.IsZero() && !a.To.After(now) || !p.Disabled.IsZero() || !p.Erased.IsZero() {
			continue
		}
		out = append(out, holder{a, p.Name, a.At(now)})
	}
	return out
}

func rows(org people.Organisation, now time.Time) []row {
	var out []row
	for _, p := range org.People {
		if !p.Erased.IsZero() {
			continue
		}
		r := row{Person: p, State: state(org, p)}
		for _, a := range org.Of(p.ID) {
			if is, ok := org.Post(a.Post); ok && a.At(now) && org.Live(is) {
				r.Posts = append(r.Posts, is.Title)
			}
		}
		out = append(out, r)
	}
	return out
}

// state is a word of person_state.
func state(org people.Organisation, p people.Person) string {
	switch {
	case !p.Disabled.IsZero():
		return "disabled"
	case org.CanEnter[p.ID]:
		return "active"
	}
	return "waiting"
}

// change does what a form of the list says.
func (o *office) change(v *page.Visit) error {
	ctx, s, f := v.R.Context(), sideOf(v), v.R.PostFormValue
	var err error
	switch f("do") {
	case "invite":
		return o.invite(v, s)
	case "unit":
		_, err = o.staff.PutUnit(ctx, v.Now, v.Who.Actor, people.Unit{
			ID: ident.Unit(f("unit")), Party: s.Party, Parent: ident.Unit(f("parent")), Name: f("name"),
		})
	case "end-unit":
		err = o.staff.EndUnit(ctx, v.Now, v.Who.Actor, s.Party, ident.Unit(f("unit")))
	case "post":
		_, err = o.staff.PutPost(ctx, v.Now, v.Who.Actor, s.Party, people.Post{
			ID: ident.Post(f("post")), Unit: ident.Unit(f("unit")), Title: f("title"),
			Powers: list[people.Power](v.R, "power"), Incompatible: list[ident.Post](v.R, "incompatible"),
		})
	case "end-post":
		err = o.staff.EndPost(ctx, v.Now, v.Who.Actor, s.Party, ident.Post(f("post")))
	default:
		return fault.New(fault.Invalid, "do: nothing like this can be done here")
	}
	if text, ok := mistake(v, err); ok {
		return o.showPeople(v, http.StatusUnprocessableEntity, peopleBody{Mistake: text})
	}
	if err != nil {
		return err
	}
	return v.Redirect(s.List(), "people")
}

func (o *office) invite(v *page.Visit, s side) error {
	f := v.R.PostFormValue
	to, err := dayOf(v, "to")
	if err == nil {
		var p people.Person
		var token string
		p, token, err = o.staff.Invite(v.R.Context(), v.Now, v.Who.Actor, staff.Invitation{
			Person: people.Person{Party: s.Party, Name: f("name"), Mail: f("mail"), Language: f("language")},
			Posts:  list[ident.Post](v.R, "post"), To: to,
		})
		if err == nil {
			return o.showPeople(v, http.StatusOK, peopleBody{Link: o.staff.SignInURL(p.Party, token), Invited: p.Name, Until: v.Now.Add(staff.InviteLife)})
		}
	}
	if text, ok := mistake(v, err); ok {
		return o.showPeople(v, http.StatusUnprocessableEntity, peopleBody{Mistake: text})
	}
	return err
}
