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

// ErrSignIn says that mail, password or code do not fit. It does not say which, nor whether there is such an account.
var ErrSignIn = fault.New(fault.Denied, "mail, password and code do not fit together")

// Attempt is what somebody types to sign in.
type Attempt struct {
	Mail     string // the visitor's own where empty
	Password string
	Code     string // of an authenticator app, or a recovery code
	Address  string // where it comes from, to slow down guessing
	Device   string // what the browser calls itself
	Known    string // what KnowDevice gave the browser; empty where it has nothing

	session string // of a visitor who proves again who they are
}

// SignInByPassword opens a session for whoever knows a password and shows a code. ErrSignIn where they do not; *ErrWait
// where too many attempts failed before.
func (s *Staff) SignInByPassword(ctx context.Context, now time.Time, a Attempt) (string, Visitor, error) {
	var token string
	var v Visitor
	err := s.try(ctx, now, a, func(tx *store.Tx, p people.Person, method string) (err error) {
		token, v, err = open(ctx, tx, now, p.ID, method, a.Device, false)
		return err
	})
	return token, v, err
}

// ProveByPassword proves again who the visitor is.
func (s *Staff) ProveByPassword(ctx context.Context, now time.Time, v Visitor, a Attempt) error {
	err := s.store.View(ctx, func(tx *store.Tx) error {
		p, err := tx.PersonByID(ctx, ident.Person(v.ID))
		a.Mail, a.session = p.Mail, v.Session
		return err
	})
	if err != nil {
		return err
	}
	return s.try(ctx, now, a, func(tx *store.Tx, p people.Person, method string) error {
		return prove(ctx, tx, now, v, p.ID, method)
	})
}

// prove writes down that the visitor proved who they are.
func prove(ctx context.Context, tx *store.Tx, now time.Time, v Visitor, id ident.Person, method string) error {
	if string(id) != v.ID || v.Kind != access.Person {
		return ErrSignIn
	}
	if err := tx.ProveSession(ctx, v.Session, now); err != nil {
		return err
	}
	_, err := tx.Append(ctx, now, v.Actor, "session.prove", v.self(), method, nil)
	return err
}

// try looks at an attempt, and does what it is for where it fits, in the transaction that uses the code up.
func (s *Staff) try(ctx context.Context, now time.Time, a Attempt, do func(*store.Tx, people.Person, string) error) error {
	names := s.lockNames(now, a)
	begins, err := s.attempt(ctx, now, names)
	if err != nil {
		return err
	}
	p, ok, err := s.known(ctx, a)
	if err != nil {
		return err
	}
	if ok {
		err = s.store.Update(ctx, func(tx *store.Tx) error {
			have, err := tx.CredentialsOf(ctx, p.ID)
			if err != nil {
				return err
			}
			method, err := s.useCode(ctx, tx, now, have, a.Code)
			if err != nil {
				return err
			}
			return do(tx, p, method)
		})
		ok = !errors.Is(err, ErrCode) && !errors.Is(err, ErrSignIn)
	}
	switch {
	case !ok:
		return errors.Join(ErrSignIn, s.failed(ctx, now, a, begins))
	case err != nil:
		return err
	}
	return s.succeeded(ctx, now, names)
}

// known returns the person of a mail address whose password fits. One that is not there costs the same time.
func (s *Staff) known(ctx context.Context, a Attempt) (people.Person, bool, error) {
	nobody := s.nobodysHash()
	hash := nobody
	var p people.Person
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.PersonByMail(ctx, normalMail(a.Mail))
		if err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		have, err := tx.CredentialsOf(ctx, p.ID) // of nobody too: it takes as long
		for _, c := range have {
			if c.Kind == store.Password {
				hash = string(c.Secret)
			}
		}
		return err
	})
	if err != nil {
		return p, false, err
	}
	if len(a.Password) > maxPassword {
		a.Password = ""
	}
	fits, err := s.matches(ctx, hash, a.Password)
	return p, fits && hash != nobody && p.Disabled.IsZero() && p.Erased.IsZero(), err
}

// EndSession closes one of the visitor's own sessions. fault.NotFound where it is not theirs.
func (s *Staff) EndSession(ctx context.Context, now time.Time, v Visitor, id string) error {
	return s.endSessions(ctx, now, v, func(is store.Session) bool { return is.ID == id })
}

// EndOthers closes all of the visitor's sessions but this one.
func (s *Staff) EndOthers(ctx context.Context, now time.Time, v Visitor) error {
	err := s.endSessions(ctx, now, v, func(is store.Session) bool { return is.ID != v.Session })
	if errors.Is(err, fault.NotFound) {
		return nil // there is no other
	}
	return err
}

func (s *Staff) endSessions(ctx context.Context, now time.Time, v Visitor, which func(store.Session) bool) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.SessionsOf(ctx, ident.Person(v.ID), now, now.Add(-SessionIdle))
		if err != nil {
			return err
		}
		var ended []string
		for _, is := range all {
			if !which(is) {
				continue
			}
			if err := tx.EndSession(ctx, is.ID, now); err != nil {
				return err
			}
			ended = append(ended, is.ID)
		}
		if len(ended) == 0 {
			return fault.New(fault.NotFound, "no such session")
		}
		_, err = tx.Append(ctx, now, v.Actor, "session.end", v.self(), "", struct {
			Sessions []string `json:"sessions"`
		}{ended})
		return err
	})
}

// SetLanguage changes the language that pages and mails speak to the visitor in.
func (s *Staff) SetLanguage(ctx context.Context, now time.Time, v Visitor, language string) error {
	if language != "en" && language != "zh" {
		return fault.New(fault.Invalid, "language: %q is not en or zh", language)
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.SetLanguage(ctx, ident.Person(v.ID), language); err != nil {
			return err
		}
		_, err := tx.Append(ctx, now, v.Actor, "account.language", v.self(), language, nil)
		return err
	})
}
