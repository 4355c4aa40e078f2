package staff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// How long sign-ins last.
const (
	SessionLife = 12 * time.Hour // from signing in
	SessionIdle = 2 * time.Hour  // without a request
	maxLinkLife = 7 * 24 * time.Hour
	maxDevice   = 200             // bytes
	seenEvery   = 5 * time.Minute // how often a session's last request is written down
)

// Visitor is who a session speaks for.
type Visitor struct {
	access.Actor
	PartyName string // of a member's party
	Session   string // id of the session
	Language  string // that the person chose
	Expires   time.Time
	Recovered bool // signed in by a recovery code
	Unseen    bool // the session's last request was written down long ago: Seen is due
}

// OfferLink makes a one-time link that signs a person in. fault.NotFound where there is no such person.
func (s *Staff) OfferLink(ctx context.Context, now time.Time, by access.Actor, kind store.LinkKind, id ident.Person, ttl time.Duration) (string, error) {
	if ttl <= 0 || ttl > maxLinkLife {
		return "", fault.New(fault.Invalid, "a link lasts more than nothing and at most %s", maxLinkLife)
	}
	if kind == store.LinkOperator && by.Kind != access.Software {
		return "", fault.New(fault.Denied, "only whoever owns the data folder signs others in")
	}
	token := ident.Secret()
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.PersonByID(ctx, id)
		if err != nil {
			return err
		}
		if err := tx.DropLinks(ctx, now.Add(-maxLinkLife)); err != nil {
			return err
		}
		err = tx.InsertLink(ctx, store.Link{Hash: tokenHash(token), Kind: kind, Person: id, Created: now, Expires: now.Add(ttl)})
		if err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "link.offer", access.Of(p.Party, "person:"+string(id)), string(kind), nil)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("offer a link: %w", err)
	}
	return token, nil
}

// PeekLink returns whom a link would sign in, and uses nothing up.
func (s *Staff) PeekLink(ctx context.Context, now time.Time, token string) (Visitor, error) {
	var v Visitor
	err := s.store.View(ctx, func(tx *store.Tx) error {
		l, err := openLink(ctx, tx, now, token)
		if err != nil {
			return err
		}
		v, err = visitor(ctx, tx, now, l.Person)
		return err
	})
	return v, err
}

// OpenLink uses a link up and signs its person in. An operator's link proves who it is as well as a passkey would: its
// maker owns the data. An invitation only lets the person set up a proof of identity.
func (s *Staff) OpenLink(ctx context.Context, now time.Time, token, device string) (string, Visitor, error) {
	var session string
	var v Visitor
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		l, err := openLink(ctx, tx, now, token)
		if err != nil {
			return err
		}
		if err := tx.UseLink(ctx, tokenHash(token), now); err != nil {
			return err
		}
		session, v, err = open(ctx, tx, now, l.Person, "link", device, l.Kind != store.LinkOperator)
		return err
	})
	if err != nil {
		return "", Visitor{}, fmt.Errorf("sign in: %w", err)
	}
	return session, v, nil
}

// open makes a session and its entry for somebody who has just proved who they are.
func open(ctx context.Context, tx *store.Tx, now time.Time, id ident.Person, method, device string, weak bool) (string, Visitor, error) {
	return openProved(ctx, tx, now, now, id, method, device, weak)
}

// openProved is open for somebody who proved it at another instant; the zero one is fresh for nothing.
func openProved(ctx context.Context, tx *store.Tx, now, proved time.Time, id ident.Person, method, device string, weak bool) (string, Visitor, error) {
	v, err := visitor(ctx, tx, now, id)
	if err != nil {
		return "", Visitor{}, err
	}
	token := ident.Secret()
	is := store.Session{
		ID: ident.New("ses"), Hash: tokenHash(token), Person: id, Method: method, Device: cut(device, maxDevice), Weak: weak,
		Created: now, Seen: now, Proved: proved, Expires: now.Add(SessionLife),
	}
	if err := tx.InsertSession(ctx, is); err != nil {
		return "", Visitor{}, err
	}
	v.Session, v.Expires, v.Proved, v.Weak, v.Recovered = is.ID, is.Expires, proved, weak, method == "recovery"
	_, err = tx.Append(ctx, now, v.Actor, "sign_in.open", access.Of(v.Party, "person:"+string(id)), method, nil)
	return token, v, err
}

// Session returns who holds an open session's token, with the posts that they hold now. fault.NotFound or fault.Expired
// where nobody does.
func (s *Staff) Session(ctx context.Context, now time.Time, token string) (Visitor, error) {
	var v Visitor
	var is store.Session
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		v, is, err = session(ctx, tx, now, token)
		return err
	})
	v.Unseen = err == nil && now.Sub(is.Seen) >= seenEvery
	return v, err
}

// Seen writes down that a session was used, where that is due. It waits for whoever writes, so that a page is answered first.
func (s *Staff) Seen(ctx context.Context, now time.Time, v Visitor) error {
	if !v.Unseen {
		return nil
	}
	return s.store.Keep(ctx, func(tx *store.Tx) error { return tx.SeeSession(ctx, v.Session, now) })
}

func session(ctx context.Context, tx *store.Tx, now time.Time, token string) (Visitor, store.Session, error) {
	is, err := tx.SessionByHash(ctx, tokenHash(token))
	switch {
	case err != nil:
		return Visitor{}, is, err
	case !is.Ended.IsZero() || !now.Before(is.Expires) || now.Sub(is.Seen) > SessionIdle:
		return Visitor{}, is, fault.New(fault.Expired, "this session has ended")
	}
	v, err := visitor(ctx, tx, now, is.Person)
	v.Session, v.Expires, v.Proved, v.Weak = is.ID, is.Expires, is.Proved, is.Weak
	return v, is, err
}

// SignOut closes a session. One that is closed or unknown is none of its business.
func (s *Staff) SignOut(ctx context.Context, now time.Time, token string) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		v, is, err := session(ctx, tx, now, token)
		if err != nil {
			return err
		}
		if err := tx.EndSession(ctx, is.ID, now); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, v.Actor, "sign_in.close", access.Of(v.Party, "person:"+string(is.Person)), "", nil)
		return err
	})
	if errors.Is(err, fault.NotFound) || errors.Is(err, fault.Expired) {
		return nil
	}
	return err
}

// visitor reads a person with the posts that they hold at an instant; fault.Denied where they may not sign in.
func visitor(ctx context.Context, tx *store.Tx, now time.Time, id ident.Person) (Visitor, error) {
	p, err := tx.PersonByID(ctx, id)
	if err != nil {
		return Visitor{}, err
	}
	if !p.Disabled.IsZero() || !p.Erased.IsZero() {
		return Visitor{}, fault.New(fault.Expired, "this person may not sign in any more")
	}
	v := Visitor{Actor: access.Actor{Kind: access.Person, ID: string(id), Name: p.Name, Party: p.Party}, Language: p.Language}
	if v.Seats, err = tx.SeatsOf(ctx, id, now); err != nil || v.Desk() {
		return v, err
	}
	if v.PartyName, err = tx.PartyName(ctx, p.Party); errors.Is(err, fault.NotFound) {
		v.PartyName, err = string(p.Party), nil
	}
	return v, err
}

func openLink(ctx context.Context, tx *store.Tx, now time.Time, token string) (store.Link, error) {
	l, err := tx.LinkByHash(ctx, tokenHash(token))
	switch {
	case errors.Is(err, fault.NotFound):
		return l, fault.New(fault.NotFound, "this link is not known here")
	case err != nil:
		return l, err
	case !l.Used.IsZero():
		return l, fault.New(fault.Expired, "this link was used before; ask for a new one")
	case !now.Before(l.Expires):
		return l, fault.New(fault.Expired, "this link is too old; ask for a new one")
	case l.Kind != store.LinkInvite:
		return l, nil
	}
	in, err := tx.EntrancesOf(ctx, "", now)
	if err == nil && in[l.Person].Credentials > 0 { // else whoever made or found it could take the person's place
		err = fault.New(fault.Expired, "this invitation is no longer needed: its person can sign in")
	}
	return l, err
}
