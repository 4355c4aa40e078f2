package staff

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// SetupLife is how long the link of the first start can be used.
const SetupLife = 24 * time.Hour

// OfferSetup makes the token of a link that names the authority's first administrator once, and voids those before it.
// "" where the authority has people already.
func (s *Staff) OfferSetup(ctx context.Context, now time.Time, by access.Actor) (string, error) {
	token := ident.Secret()
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		have, err := tx.PeopleOf(ctx, ident.Authority)
		if err != nil {
			return err
		}
		if len(have) > 0 {
			token = ""
			return nil
		}
		if err := tx.VoidLinks(ctx, store.LinkSetup, "", now); err != nil {
			return err
		}
		err = tx.InsertLink(ctx, store.Link{Hash: tokenHash(token), Kind: store.LinkSetup, Created: now, Expires: now.Add(SetupLife)})
		if err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "link.offer", access.Of(ident.Authority, "party:"+string(ident.Authority)), string(store.LinkSetup), nil)
		return err
	})
	return token, wrap(err, "offer set-up")
}

// PeekSetup says whether a set-up link can be used, and uses nothing up: fault.NotFound or fault.Expired where not.
func (s *Staff) PeekSetup(ctx context.Context, now time.Time, token string) error {
	return s.store.View(ctx, func(tx *store.Tx) error { return openSetup(ctx, tx, now, token) })
}

func openSetup(ctx context.Context, tx *store.Tx, now time.Time, token string) error {
	l, err := openLink(ctx, tx, now, token)
	if err == nil && l.Kind != store.LinkSetup {
		err = fault.New(fault.NotFound, "this link is not known here")
	}
	return err
}

// SetUp uses a set-up link up: it founds the authority with its first administrator and signs them in, only to set up a
// proof of identity. All of it happens or nothing.
func (s *Staff) SetUp(ctx context.Context, now time.Time, token string, p people.Person, device string) (string, Visitor, error) {
	p.Party = ident.Authority
	if err := p.Check(); err != nil {
		return "", Visitor{}, err
	}
	var session string
	var v Visitor
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := openSetup(ctx, tx, now, token); err != nil {
			return err
		}
		if err := tx.UseLink(ctx, tokenHash(token), now); err != nil {
			return err
		}
		is, err := s.found(ctx, tx, now, access.Actor{}, p)
		if err != nil {
			return err
		}
		session, v, err = open(ctx, tx, now, is.ID, "link", device, true)
		return err
	})
	if errors.Is(err, fault.Conflict) {
		return "", Visitor{}, fault.New(fault.Expired, "this installation was set up already")
	}
	return session, v, wrap(err, "set up")
}
