package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// SessionLife is how long a session lasts from its start.
const SessionLife = 12 * time.Hour

// maxLinkLife bounds a sign-in link: it opens the desk to whoever reads the mail or terminal that it was shown in.
const maxLinkLife = 7 * 24 * time.Hour

// SignedIn is who a session, or a link that opens one, speaks for.
type SignedIn struct {
	Role    string // "desk" or "member"
	Subject string // desk: the person's name; member: the party's id
	Name    string // to show: the person's or the party's
	Expires time.Time
}

func (s SignedIn) actor() string {
	if s.Role == "desk" {
		return "person:" + s.Subject
	}
	return "party:" + s.Subject
}

// NewSignInLink makes a link for role "desk" (subject: the person's name) or "member" (subject: a party's id) and
// returns its token, which is shown once and kept only as a hash. It works once, within ttl.
func (l *Loop) NewSignInLink(ctx context.Context, now time.Time, role, subject string, ttl time.Duration) (string, error) {
	switch {
	case role != "desk" && role != "member":
		return "", fault.New(fault.Invalid, "role is %q, desk or member was expected", role)
	case subject == "" || len(subject) > 100:
		return "", fault.New(fault.Invalid, "a name of 1 to 100 bytes was expected")
	case ttl <= 0 || ttl > maxLinkLife:
		return "", fault.New(fault.Invalid, "a link lasts more than nothing and at most %s", maxLinkLife)
	}
	token := ident.Secret()
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		if role == "member" {
			if _, err := tx.PartyName(ctx, ident.Party(subject)); err != nil {
				return err
			}
		}
		if err := tx.DropSignIns(ctx, now.Add(-maxLinkLife)); err != nil {
			return err
		}
		err := tx.InsertSignIn(ctx, store.SignIn{
			Hash: tokenHash(token), Kind: store.SignInLink, Subject: subject, Role: role, Created: now, Expires: now.Add(ttl),
		})
		if err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, "software:sign-in", "sign_in.offer", role, "", nil)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make sign-in link: %w", err)
	}
	return token, nil
}

// PeekSignIn returns who a link would sign in and uses nothing up: mail scanners open every link. fault.NotFound
// for no link of ours, fault.Expired for one that was used or is too old.
func (l *Loop) PeekSignIn(ctx context.Context, now time.Time, token string) (SignedIn, error) {
	var who SignedIn
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		who, err = signInBy(ctx, tx, now, store.SignInLink, token)
		return err
	})
	return who, err
}

// SignIn uses a link up and opens a session; it returns the session's token, which only the browser keeps.
func (l *Loop) SignIn(ctx context.Context, now time.Time, token string) (string, SignedIn, error) {
	session := ident.Secret()
	var who SignedIn
	err := l.store.Update(ctx, func(tx *store.Tx) (err error) {
		if who, err = signInBy(ctx, tx, now, store.SignInLink, token); err != nil {
			return err
		}
		if err := tx.UseSignIn(ctx, tokenHash(token), now); err != nil {
			return err
		}
		who.Expires = now.Add(SessionLife)
		err = tx.InsertSignIn(ctx, store.SignIn{
			Hash: tokenHash(session), Kind: store.SignInSession, Subject: who.Subject, Role: who.Role, Created: now, Expires: who.Expires,
		})
		if err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, who.actor(), "sign_in.open", who.Role, "", nil)
		return err
	})
	if err != nil {
		return "", SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	return session, who, nil
}

// Session returns who an open session speaks for; fault.NotFound or fault.Expired where it is not open.
func (l *Loop) Session(ctx context.Context, now time.Time, token string) (SignedIn, error) {
	var who SignedIn
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		who, err = signInBy(ctx, tx, now, store.SignInSession, token)
		return err
	})
	return who, err
}

// SignOut closes a session; one that is not open stays so.
func (l *Loop) SignOut(ctx context.Context, now time.Time, token string) error {
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		who, err := signInBy(ctx, tx, now, store.SignInSession, token)
		if err != nil {
			return err
		}
		if err := tx.UseSignIn(ctx, tokenHash(token), now); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, who.actor(), "sign_in.close", who.Role, "", nil)
		return err
	})
	if errors.Is(err, fault.NotFound) || errors.Is(err, fault.Expired) {
		return nil
	}
	return err
}

func signInBy(ctx context.Context, tx *store.Tx, now time.Time, kind store.SignInKind, token string) (SignedIn, error) {
	s, err := tx.SignInByHash(ctx, kind, tokenHash(token))
	switch {
	case errors.Is(err, fault.NotFound):
		return SignedIn{}, fault.New(fault.NotFound, "this sign-in link is not known here")
	case err != nil:
		return SignedIn{}, err
	case !s.Used.IsZero():
		return SignedIn{}, fault.New(fault.Expired, "this sign-in link was used before; ask for a new one")
	case !now.Before(s.Expires):
		return SignedIn{}, fault.New(fault.Expired, "this sign-in link is too old; ask for a new one")
	}
	who := SignedIn{Role: s.Role, Subject: s.Subject, Name: s.Subject, Expires: s.Expires}
	if s.Role == "member" {
		who.Name, err = tx.PartyName(ctx, ident.Party(s.Subject))
	}
	return who, err
}
