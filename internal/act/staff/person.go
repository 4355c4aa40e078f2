package staff

import (
	"context"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// PersonByMail returns the person who signs in by a mail address; fault.NotFound where there is none.
func (s *Staff) PersonByMail(ctx context.Context, mail string) (people.Person, error) {
	var p people.Person
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.PersonByMail(ctx, mail)
		return err
	})
	return p, err
}

// ActorOf returns a person as an actor with the posts that they hold at an instant.
func (s *Staff) ActorOf(ctx context.Context, at time.Time, id ident.Person) (access.Actor, error) {
	var v Visitor
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		v, err = visitor(ctx, tx, at, id)
		return err
	})
	return v.Actor, err
}
