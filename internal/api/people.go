package api

import (
	"time"

	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

const peopleText = "Read only: who enters, which post they hold and what it may do are decided on the pages."

type peopleQuery struct {
	Party string `query:"party" max:"64" doc:"Whose people; the own organisation's where absent. Only the authority's administrators see others'."`
}

// Organisation is one party's units, posts and persons, without those that have ended.
type Organisation struct {
	Party  string   `json:"party"`
	Units  []Unit   `json:"units"`
	Posts  []Post   `json:"posts"`
	People []Person `json:"people"`
}

// Unit is a part of an organisation.
type Unit struct {
	ID     string `json:"id"`
	Parent string `json:"parent,omitempty"`
	Name   string `json:"name"`
}

// Post is an office in a unit.
type Post struct {
	ID           string   `json:"id"`
	Unit         string   `json:"unit"`
	Title        string   `json:"title"`
	Powers       []string `json:"powers"`
	Incompatible []string `json:"incompatible" doc:"Posts: whoever acted on something in one of them does not in this one."`
}

// Person is a human with an account.
type Person struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Mail     string     `json:"mail"`
	Language string     `json:"language"`
	State    string     `json:"state" doc:"active, waiting for a way to sign in, or disabled."`
	Created  time.Time  `json:"created"`
	Disabled *time.Time `json:"disabled,omitempty"`
	Holds    []Holding  `json:"holds" doc:"Posts that they hold, or will."`
}

// Holding is a post that somebody holds.
type Holding struct {
	ID    string     `json:"id"`
	Post  string     `json:"post"`
	Title string     `json:"title"`
	Hold  string     `json:"hold" doc:"As holder, as deputy or acting."`
	From  time.Time  `json:"from"`
	To    *time.Time `json:"to,omitempty" doc:"Exclusive; no end, where absent."`
}

func postOf(p people.Post) Post {
	out := Post{ID: string(p.ID), Unit: string(p.Unit), Title: p.Title}
	for _, power := range p.Powers {
		out.Powers = append(out.Powers, string(power))
	}
	for _, id := range p.Incompatible {
		out.Incompatible = append(out.Incompatible, string(id))
	}
	return out
}

func personOf(o *people.Organisation, p *people.Person, now time.Time) Person {
	out := Person{
		ID: string(p.ID), Name: p.Name, Mail: p.Mail, Language: p.Language, State: "waiting", Created: p.Created, Disabled: operation.Some(p.Disabled),
	}
	switch {
	case !p.Disabled.IsZero():
		out.State = "disabled"
	case o.CanEnter[p.ID]:
		out.State = "active"
	}
	for _, x := range o.Of(p.ID) {
		post, there := o.Post(x.Post)
		if over := !x.To.IsZero() && !x.To.After(now); over || !there || !o.Live(post) {
			continue
		}
		out.Holds = append(out.Holds, Holding{x.ID, string(x.Post), post.Title, string(x.Hold), x.From, operation.Some(x.To)})
	}
	return out
}

func (a *api) people(c *call, q peopleQuery) (Organisation, error) {
	of := c.By.Party
	if q.Party != "" {
		of = ident.Party(q.Party)
	}
	o, err := a.Staff.Organisation(c.Ctx, c.Now, c.By, of)
	if err != nil {
		return Organisation{}, err
	}
	out := Organisation{Party: string(of)}
	for _, u := range o.Units {
		if u.Ended.IsZero() {
			out.Units = append(out.Units, Unit{string(u.ID), string(u.Parent), u.Name})
		}
	}
	for _, p := range o.Posts {
		if o.Live(p) {
			out.Posts = append(out.Posts, postOf(p))
		}
	}
	for i := range o.People {
		if p := &o.People[i]; p.Erased.IsZero() {
			out.People = append(out.People, personOf(&o, p, c.Now))
		}
	}
	return out, nil
}

type personQuery struct {
	ID string `path:"id"`
}

// PersonDetail is a person with their API tokens.
type PersonDetail struct {
	Person Person  `json:"person"`
	Party  string  `json:"party"`
	Tokens []Token `json:"tokens"`
}

func (a *api) onePerson(c *call, q personQuery) (PersonDetail, error) {
	m, err := a.Staff.Member(c.Ctx, c.Now, c.By, ident.Person(q.ID))
	if err != nil {
		return PersonDetail{}, err
	}
	if !m.Person.Erased.IsZero() {
		return PersonDetail{}, fault.New(fault.NotFound, "this person was erased")
	}
	return PersonDetail{personOf(&m.Organisation, &m.Person, c.Now), string(m.Person.Party), tokensOf(m.Tokens).Tokens}, nil
}

type proposalQuery struct {
	ID string `path:"id"`
}

func (a *api) proposal(c *call, q proposalQuery) (Proposal, error) {
	p, err := a.Staff.ProposalTo(c.Ctx, c.By, q.ID)
	return proposalOf(p), err
}

// withdraw takes a proposal of the token's person back, with the scope that proposing it took.
func (a *api) withdraw(c *call, q proposalQuery) (Proposal, error) {
	p, err := a.Staff.ProposalTo(c.Ctx, c.By, q.ID)
	if err == nil {
		err = a.mayPropose(c, p.Act)
	}
	if err != nil {
		return Proposal{}, err
	}
	p, err = a.Staff.WithdrawProposal(c.Ctx, c.Now, c.By, q.ID)
	return proposalOf(p), err
}
