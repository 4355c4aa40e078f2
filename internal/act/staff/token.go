package staff

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// How long API tokens last.
const (
	TokenLife    = 90 * 24 * time.Hour
	MaxTokenLife = 365 * 24 * time.Hour
)

const (
	tokenPrefix = "tcp_" // so that scanners for leaked secrets can tell what it is
	maxTokens   = 50     // live ones of one person
)

// IsToken reports whether a secret looks like that of a person's API token; a feed's does not.
func IsToken(secret string) bool { return strings.HasPrefix(secret, tokenPrefix) }

// Token is an API token without its secret.
type Token = store.Token

// PersonPowers returns the powers that a person's API tokens may carry: what their posts hold, without those by which
// somebody decides about keys or another's proposal. Programs do not do that; with the power over people they read, and
// access lets them decide about nobody.
func PersonPowers(by access.Actor) []people.Power {
	var out []people.Power
	for _, p := range people.Powers {
		if p != people.Keys && p != people.Approve &&
			slices.ContainsFunc(by.Seats, func(s access.Seat) bool { return slices.Contains(s.Powers, p) }) {
			out = append(out, p)
		}
	}
	return out
}

// MakeToken makes an API token of the person who asks and returns its secret, which is shown once. Its scopes are some
// of PersonPowers. life of zero is TokenLife. It needs a fresh proof of identity; a token cannot make another.
func (s *Staff) MakeToken(ctx context.Context, now time.Time, by access.Actor, label string, scopes []people.Power, life time.Duration) (string, Token, error) {
	if life == 0 {
		life = TokenLife
	}
	label = strings.TrimSpace(label)
	may := PersonPowers(by)
	switch {
	case by.Kind != access.Person || by.Weak || by.Only != nil:
		return "", Token{}, fault.New(fault.Denied, "only a person who has signed in makes an API token")
	case by.Proved.IsZero() || now.Sub(by.Proved) > access.FreshFor:
		return "", Token{}, access.ErrFresh
	case label == "" || len(label) > people.MaxName:
		return "", Token{}, fault.New(fault.Invalid, "label: 1 to %d bytes were expected", people.MaxName)
	case life < 0 || life > MaxTokenLife:
		return "", Token{}, fault.New(fault.Invalid, "expires: a token lasts at most a year")
	case len(scopes) == 0:
		return "", Token{}, fault.New(fault.Invalid, "scopes: at least one is needed")
	}
	for _, p := range scopes {
		if !slices.Contains(may, p) {
			return "", Token{}, fault.New(fault.Denied, "scopes: %s is not a power that your token can carry", p)
		}
	}
	secret := tokenPrefix + ident.Secret()
	k := Token{
		ID: ident.New("tok"), Hash: tokenHash(secret), Person: ident.Person(by.ID), Label: label, Scopes: people.Ordered(scopes),
		Created: now, Expires: now.Add(life),
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		have, err := tx.TokensOf(ctx, k.Person)
		if err != nil {
			return err
		}
		live := slices.DeleteFunc(have, func(k Token) bool { return !k.Ended.IsZero() || !now.Before(k.Expires) })
		if len(live) >= maxTokens {
			return fault.New(fault.TooLarge, "somebody has at most %d API tokens: revoke one first", maxTokens)
		}
		if err := tx.InsertToken(ctx, k); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "token.make", access.Of(by.Party, by.String()), "", tokenBody{k.ID, k.Scopes})
		return err
	})
	if err != nil {
		return "", Token{}, wrap(err, "make API token")
	}
	return secret, k, nil
}

type tokenBody struct {
	Token  string         `json:"token"`
	Scopes []people.Power `json:"scopes,omitempty"`
}

// Tokens returns a person's API tokens: to themselves, and to who manages their organisation's people.
func (s *Staff) Tokens(ctx context.Context, by access.Actor, id ident.Person) ([]Token, error) {
	var out []Token
	err := s.store.View(ctx, func(tx *store.Tx) error {
		p, err := tx.PersonByID(ctx, id)
		if err != nil {
			return err
		}
		if by.String() != personName(id) && !by.Holds(people.Staff, p.Party) {
			return fault.New(fault.Denied, "this needs a post with the power over people")
		}
		out, err = tx.TokensOf(ctx, id)
		return err
	})
	return out, err
}

// RevokeToken ends an API token from its next use on. Its person may, and who manages their organisation's people.
func (s *Staff) RevokeToken(ctx context.Context, now time.Time, by access.Actor, id string) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		k, err := tx.TokenByID(ctx, id)
		if errors.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "there is no such API token")
		}
		if err != nil {
			return err
		}
		p, err := tx.PersonByID(ctx, k.Person)
		if err != nil {
			return err
		}
		if by.String() != personName(p.ID) && !by.Holds(people.Staff, p.Party) {
			return fault.New(fault.NotFound, "there is no such API token") // nor can anybody learn that there is
		}
		if err := tx.EndToken(ctx, id, now); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "token.revoke", access.Of(p.Party, personName(p.ID)), "", tokenBody{Token: id})
		return err
	})
	return wrap(err, "revoke API token")
}

// ActorByToken returns the person that an API token acts for, within its scopes and with the posts that they hold now.
// Acts that need a fresh proof of identity are refused to it. fault.NotFound or fault.Expired where it opens nothing.
func (s *Staff) ActorByToken(ctx context.Context, now time.Time, secret string) (access.Actor, error) {
	var v Visitor
	var k Token
	if !strings.HasPrefix(secret, tokenPrefix) {
		return access.Actor{}, fault.New(fault.NotFound, "this API token is not known here")
	}
	err := s.store.View(ctx, func(tx *store.Tx) error {
		var err error
		k, err = tx.TokenByHash(ctx, tokenHash(secret))
		switch {
		case errors.Is(err, fault.NotFound):
			return fault.New(fault.NotFound, "this API token is not known here")
		case err != nil:
			return err
		case !k.Ended.IsZero() || !now.Before(k.Expires):
			return fault.New(fault.Expired, "this API token has ended")
		}
		v, err = visitor(ctx, tx, now, k.Person)
		return err
	})
	if err != nil {
		return access.Actor{}, err
	}
	v.Only, v.Proved, v.Weak = slices.Concat([]people.Power{}, k.Scopes), time.Time{}, false
	if now.Sub(k.Used) >= seenEvery {
		err = s.store.Keep(ctx, func(tx *store.Tx) error { return tx.SeeToken(ctx, k.ID, now) })
	}
	return v.Actor, err
}
