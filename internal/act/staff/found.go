package staff

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// Found makes the first unit and posts of the authority, or of a party, and its first person, who holds all of them.
// fault.Conflict where the organisation has people already.
func (s *Staff) Found(ctx context.Context, now time.Time, by access.Actor, p people.Person) (people.Person, error) {
	if err := p.Check(); err != nil {
		return p, err
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		var err error
		p, err = s.found(ctx, tx, now, by, p)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("found %s: %w", p.Party, err)
	}
	return p, nil
}

// foundBody is what the entry of a founding says in the open: ids and codes.
type foundBody struct {
	Party  ident.Party  `json:"party"`
	Person ident.Person `json:"person"`
	Unit   ident.Unit   `json:"unit"`
	Posts  []postBody   `json:"posts"`
}

func (s *Staff) found(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, p people.Person) (people.Person, error) {
	have, err := tx.PeopleOf(ctx, p.Party)
	if err != nil {
		return p, err
	}
	if len(have) > 0 {
		return p, fault.New(fault.Conflict, "%s has people already; one of its administrators invites others", p.Party)
	}
	u := people.Unit{ID: ident.Unit(ident.New("unt")), Party: p.Party, Name: string(p.Party), Created: now}
	if err := tx.InsertUnit(ctx, u); err != nil {
		return p, err
	}
	posts := people.AuthorityPosts(u.ID, now)
	if p.Party != ident.Authority {
		posts = []people.Post{{ID: ident.Post(ident.New("pst")), Unit: u.ID, Title: "Security contact", Powers: people.PartyPowers, Created: now}}
	}
	p.ID, p.Created = ident.Person(ident.New("per")), now
	if err := tx.InsertPerson(ctx, p); err != nil {
		return p, err
	}
	body := foundBody{Party: p.Party, Person: p.ID, Unit: u.ID}
	for i, post := range posts {
		if err := tx.InsertPost(ctx, post); err != nil {
			return p, err
		}
		body.Posts = append(body.Posts, bodyOf(post))
		a := people.Assignment{ID: ident.New("asg"), Person: p.ID, Post: post.ID, Hold: people.Holder, From: now, Position: i}
		if err := tx.InsertAssignment(ctx, a); err != nil {
			return p, err
		}
	}
	if p, err = tx.PersonByID(ctx, p.ID); err != nil {
		return p, err
	}
	return p, s.sealPerson(ctx, tx, now, by, "staff.found", access.Of(p.Party, "party:"+string(p.Party)), p, body)
}
