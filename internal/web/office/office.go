// Package office owns the pages on who may act in whose name: units, posts and persons of an organisation, a person's
// API tokens, and what waits for a second person.
//
// It parses requests, calls operations of act/staff and fills page bodies; it decides nothing.
package office

import (
	"errors"
	"net/http"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type office struct {
	staff *staff.Staff
}

// Routes lists the addresses with the power that each needs. The authority's administrators manage everybody's people
// at the desk, a party's their own.
func Routes(s *staff.Staff) []page.Route {
	o := &office{s}
	return []page.Route{
		{Pattern: "GET /desk/people", Door: page.ForDesk, Power: people.Staff, Handle: o.people},
		{Pattern: "POST /desk/people", Door: page.ForDesk, Power: people.Staff, Handle: o.change},
		{Pattern: "GET /desk/people/{id}", Door: page.ForDesk, Power: people.Staff, Handle: o.person},
		{Pattern: "POST /desk/people/{id}", Door: page.ForDesk, Power: people.Staff, Handle: o.changePerson},
		{Pattern: "GET /my/people", Door: page.ForMember, Power: people.Staff, Handle: o.people},
		{Pattern: "POST /my/people", Door: page.ForMember, Power: people.Staff, Handle: o.change},
		{Pattern: "GET /my/people/{id}", Door: page.ForMember, Power: people.Staff, Handle: o.person},
		{Pattern: "POST /my/people/{id}", Door: page.ForMember, Power: people.Staff, Handle: o.changePerson},
		{Pattern: "GET /desk/proposals", Door: page.ForDesk, Power: people.Read, Handle: o.proposals},
		{Pattern: "POST /desk/proposals", Door: page.ForDesk, Power: people.Read, Handle: o.propose},
		{Pattern: "POST /desk/proposals/{id}", Door: page.ForDesk, Power: people.Read, Handle: o.decide},
		{Pattern: "GET /account/tokens", Door: page.ForPerson, Handle: o.tokens},
		{Pattern: "POST /account/tokens", Door: page.ForPerson, Handle: o.makeToken},
		{Pattern: "POST /account/tokens/{id}/end", Door: page.ForPerson, Handle: o.endToken},
	}
}

// Pages are the templates with the types that fill them.
var Pages = []page.Spec{
	{Name: "desk/people", View: page.View[peopleBody]{}},
	{Name: "member/people", View: page.View[peopleBody]{}},
	{Name: "desk/person", View: page.View[personBody]{}},
	{Name: "member/person", View: page.View[personBody]{}},
	{Name: "desk/proposals", View: page.View[proposalsBody]{}},
	{Name: "account/tokens", View: page.View[tokensBody]{}},
}

// side is where a visitor manages people: the desk for everybody's, a party for its own.
type side struct {
	Base  string // address of the list
	area  string // of the templates
	Party ident.Party
}

// sideOf takes the organisation from the address at the desk, and from the visitor everywhere else.
func sideOf(v *page.Visit) side {
	if !v.Who.Desk() {
		return side{"/my/people", "member", v.Who.Party}
	}
	s := side{"/desk/people", "desk", ident.Authority}
	if p := ident.Party(v.R.FormValue("party")); ident.Slug(string(p)) {
		s.Party = p
	}
	return s
}

// List is the address of the organisation's people.
func (s side) List() string {
	if s.area == "desk" && s.Party != ident.Authority {
		return s.Base + "?party=" + string(s.Party)
	}
	return s.Base
}

// mistake says what was wrong with a form, and false where the error is not the visitor's to mend on the page.
func mistake(v *page.Visit, err error) (string, bool) {
	switch {
	case errors.Is(err, people.ErrLast):
		return v.T("people.last"), true
	case errors.Is(err, people.ErrOwn):
		return v.T("proposals.own"), true
	case errors.Is(err, fault.Invalid), errors.Is(err, fault.Exists), errors.Is(err, fault.Conflict), errors.Is(err, fault.TooLarge):
		return v.Refusal(err)
	}
	return "", false
}

// dayOf reads a day of a form in the installation's zone; the zero time where there is none.
func dayOf(v *page.Visit, name string) (time.Time, error) {
	text := v.R.PostFormValue(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, v.Kit.Zone)
	if err != nil {
		return t, fault.New(fault.Invalid, "%s: %q is not a day", name, text)
	}
	return t, nil
}

// list reads the values of a form's check boxes.
func list[S ~string](r *http.Request, name string) []S {
	var out []S
	for _, value := range r.PostForm[name] {
		if value != "" {
			out = append(out, S(value))
		}
	}
	return out
}
