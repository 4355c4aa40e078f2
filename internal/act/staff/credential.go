package staff

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// Credential is one proof of identity, as a person sees their own.
type Credential = store.Credential

// OpenSession is one sign-in, as a person sees their own.
type OpenSession = store.Session

const (
	ceremonyLife = 5 * time.Minute
	maxLabel     = 100 // bytes
	maxProofs    = 20  // credentials of one person beside recovery codes
)

// Account is what a person sees and changes about themselves.
type Account struct {
	Person   people.Person
	Passkeys []Credential
	Password Credential // zero: none
	TOTP     Credential // zero: none
	Recovery int        // codes left
	OIDC     []Credential
	Sessions []OpenSession
	Here     OpenSession // the one that looks
}

// Strong reports whether the person can prove who they are without a link.
func (a Account) Strong() bool { return len(a.Passkeys) > 0 || len(a.OIDC) > 0 || a.ByPassword() }

// ByPassword reports whether password and code are both there.
func (a Account) ByPassword() bool { return a.Password.ID != "" && a.TOTP.ID != "" }

// Account returns what a visitor may see about themselves.
func (s *Staff) Account(ctx context.Context, now time.Time, v Visitor) (Account, error) {
	var a Account
	err := s.store.View(ctx, func(tx *store.Tx) error {
		var err error
		if a.Person, err = tx.PersonByID(ctx, ident.Person(v.ID)); err != nil {
			return err
		}
		have, err := tx.CredentialsOf(ctx, a.Person.ID)
		if err != nil {
			return err
		}
		a.sort(have)
		a.Sessions, err = tx.SessionsOf(ctx, a.Person.ID, now, now.Add(-SessionIdle))
		for _, is := range a.Sessions {
			if is.ID == v.Session {
				a.Here = is
			}
		}
		return err
	})
	return a, err
}

func (a *Account) sort(have []Credential) {
	for _, c := range have {
		switch c.Kind {
		case store.Passkey:
			a.Passkeys = append(a.Passkeys, c)
		case store.Password:
			a.Password = c
		case store.TOTP:
			a.TOTP = c
		case store.Recovery:
			a.Recovery++
		case store.OIDC:
			a.OIDC = append(a.OIDC, c)
		}
	}
}

// fresh refuses to change what proves who somebody is in a session that was left open: whoever does must have proved it
// just now. A weak session is there for nothing else.
func fresh(v Visitor, now time.Time) error {
	if v.Kind != access.Person || v.Session == "" {
		return fault.New(fault.Denied, "only a person who is signed in may do this")
	}
	if !v.Weak && now.Sub(v.Proved) > access.FreshFor {
		return access.ErrFresh
	}
	return nil
}

// unclaimed refuses to change an account in a weak session once the account is set up: whoever holds such a left-over
// session may be somebody else than the one who set it up.
func unclaimed(v Visitor, have []Credential) error {
	var a Account
	a.sort(have)
	if v.Weak && a.Strong() {
		return fault.New(fault.Denied, "this account is set up by now; sign in")
	}
	return nil
}

// self is the person as the object of their own acts.
func (v Visitor) self() access.Object { return access.Of(v.Party, v.String()) }

// add writes a credential; where it is the only one of its kind, older ones end. The session that adds enough to sign in
// by becomes a strong one.
func (s *Staff) add(ctx context.Context, tx *store.Tx, now time.Time, v Visitor, c Credential, only bool) error {
	have, err := tx.CredentialsOf(ctx, ident.Person(v.ID))
	if err != nil {
		return err
	}
	if err := unclaimed(v, have); err != nil {
		return err
	}
	proofs := 0
	for _, old := range have {
		if old.Kind != store.Recovery {
			proofs++
		}
		if only && old.Kind == c.Kind {
			if err := tx.EndCredential(ctx, old.Person, old.ID, now); err != nil {
				return err
			}
		}
	}
	if proofs >= maxProofs {
		return fault.New(fault.Conflict, "at most %d proofs of identity; remove one first", maxProofs)
	}
	c.ID, c.Person, c.Created = ident.New("crd"), ident.Person(v.ID), now
	if c.Handle == "" {
		c.Handle = c.ID
	}
	c.Label = cut(strings.TrimSpace(c.Label), maxLabel)
	if err := tx.InsertCredential(ctx, c); err != nil {
		return err
	}
	var a Account
	a.sort(append(have, c))
	if v.Weak && a.Strong() {
		if err := tx.ProveSession(ctx, v.Session, now); err != nil {
			return err
		}
	}
	return added(ctx, tx, now, v, string(c.Kind), c.ID)
}

// added is the entry of a new credential.
func added(ctx context.Context, tx *store.Tx, now time.Time, v Visitor, kind, id string) error {
	_, err := tx.Append(ctx, now, v.Actor, "credential.add", v.self(), kind, credentialBody{id})
	return err
}

type credentialBody struct {
	Credential string `json:"credential,omitempty"`
}

// cut shortens a text to at most n bytes of whole characters. What is no text, and what PostgreSQL stores in none, goes.
func cut(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// ErrLast is the refusal to end the last way to sign in.
var ErrLast = fault.New(fault.Conflict, "this is the last way to sign in; add another one first")

// EndCredential removes one of the visitor's own proofs of identity. fault.NotFound where it is not theirs, ErrLast where
// no way to sign in would be left.
func (s *Staff) EndCredential(ctx context.Context, now time.Time, v Visitor, id string) error {
	if v.Weak {
		return fault.New(fault.Denied, "set up a way to sign in first")
	}
	if err := fresh(v, now); err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		have, err := tx.CredentialsOf(ctx, ident.Person(v.ID))
		if err != nil {
			return err
		}
		var left []Credential
		var kind store.CredentialKind
		for _, c := range have {
			if c.ID == id {
				kind = c.Kind
			} else {
				left = append(left, c)
			}
		}
		var before, after Account
		before.sort(have)
		after.sort(left)
		if before.Strong() && !after.Strong() {
			return ErrLast
		}
		if err := tx.EndCredential(ctx, ident.Person(v.ID), id, now); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, v.Actor, "credential.end", v.self(), string(kind), credentialBody{id})
		return err
	})
}

// SetPassword gives the visitor a password in place of the one before, if any. *ErrWeak where it is refused.
func (s *Staff) SetPassword(ctx context.Context, now time.Time, v Visitor, password string) error {
	if err := fresh(v, now); err != nil {
		return err
	}
	var p people.Person
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.PersonByID(ctx, ident.Person(v.ID))
		return err
	})
	if err != nil {
		return err
	}
	if err := s.weigh(password, p.Name, p.Mail); err != nil {
		return err
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		return s.add(ctx, tx, now, v, Credential{Kind: store.Password, Secret: []byte(hash)}, true)
	})
}

// openCeremony returns a ceremony of the visitor that is under way; take uses it up. fault.Expired where it is over.
func openCeremony(ctx context.Context, tx *store.Tx, now time.Time, v Visitor, kind, id string, take bool) (store.Ceremony, error) {
	read := tx.CeremonyByID
	if take {
		read = tx.TakeCeremony
	}
	c, err := read(ctx, kind, id)
	if errors.Is(err, fault.NotFound) || err == nil && (!now.Before(c.Expires) || c.Person != ident.Person(v.ID)) {
		return c, ErrCeremony
	}
	return c, err
}

// ErrCeremony is a ceremony that is over, was finished before or never began.
var ErrCeremony = fault.New(fault.Expired, "this took too long or was finished before; please begin again")

// otpURL is what an authenticator app scans (Key Uri Format).
func otpURL(issuer, account, secret string) string {
	q := url.Values{"secret": {secret}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account, RawQuery: strings.ReplaceAll(q.Encode(), "+", "%20")}
	return u.String()
}
