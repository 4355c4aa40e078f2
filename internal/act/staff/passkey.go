package staff

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// Ceremony is what a browser is asked to do with a passkey.
type Ceremony struct {
	ID      string
	Options string // JSON of the publicKey member of navigator.credentials.create or .get
}

const maxResponse = 64 << 10 // bytes of what a browser answers

// PasskeysHere says whether browsers will use passkeys on these pages: their address must be a name, not a number, and
// be reached over TLS or be localhost.
func (s *Staff) PasskeysHere() bool {
	_, err := s.webauthn()
	return err == nil
}

// ErrNoPasskeys explains why there are none.
var ErrNoPasskeys = fault.New(fault.Unavailable, "passkeys need pages at a name such as https://csirt.example or http://localhost, not at a number")

// webauthn is the relying party: its id is the host of the pages, its origins their address and that of a desk which is
// on another port of the same host.
func (s *Staff) webauthn() (*webauthn.WebAuthn, error) {
	u, err := url.Parse(s.set.BaseURL)
	if err != nil {
		return nil, err
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || host == "" || u.Scheme != "https" && host != "localhost" {
		return nil, ErrNoPasskeys
	}
	origins := []string{u.Scheme + "://" + u.Host}
	if d, err := url.Parse(s.set.DeskURL); err == nil && d.Hostname() == host && (d.Scheme == "https" || host == "localhost") {
		origins = append(origins, d.Scheme+"://"+d.Host)
	}
	limit := webauthn.TimeoutConfig{Timeout: ceremonyLife, TimeoutUVD: ceremonyLife}
	return webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: s.set.name(), RPOrigins: origins,
		Timeouts: webauthn.TimeoutsConfig{Login: limit, Registration: limit},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
}

// holder is a person as the library wants to see one.
type holder struct {
	person people.Person
	keys   []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return []byte(h.person.ID) }
func (h holder) WebAuthnName() string                       { return h.person.Mail }
func (h holder) WebAuthnDisplayName() string                { return h.person.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func holderOf(ctx context.Context, tx *store.Tx, id ident.Person) (holder, error) {
	p, err := tx.PersonByID(ctx, id)
	if err != nil {
		return holder{}, err
	}
	have, err := tx.CredentialsOf(ctx, id)
	h := holder{person: p}
	for _, c := range have {
		if c.Kind != store.Passkey {
			continue
		}
		var key webauthn.Credential
		if err := json.Unmarshal(c.Secret, &key); err != nil {
			return h, fmt.Errorf("read passkey %s: %w", c.ID, err)
		}
		h.keys = append(h.keys, key)
	}
	return h, err
}

// ErrCopied is a passkey whose counter went back.
var ErrCopied = fault.New(fault.Denied, "this passkey's counter went back: it may have been copied. Remove it, and enrol a new one")

// OfferPasskey begins to enrol a passkey for the visitor.
func (s *Staff) OfferPasskey(ctx context.Context, now time.Time, v Visitor) (Ceremony, error) {
	if err := fresh(v, now); err != nil {
		return Ceremony{}, err
	}
	w, err := s.webauthn()
	if err != nil {
		return Ceremony{}, err
	}
	var out Ceremony
	err = s.store.Keep(ctx, func(tx *store.Tx) error {
		h, err := holderOf(ctx, tx, ident.Person(v.ID))
		if err != nil {
			return err
		}
		creation, data, err := w.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.keys).CredentialDescriptors()))
		if err != nil {
			return err
		}
		out, err = keepCeremony(ctx, tx, now, "enrol", v.ID, data, creation.Response)
		return err
	})
	return out, err
}

// keepCeremony writes down what the answer must fit to.
func keepCeremony(ctx context.Context, tx *store.Tx, now time.Time, kind, person string, data *webauthn.SessionData, options any) (Ceremony, error) {
	kept, err := json.Marshal(data)
	if err != nil {
		return Ceremony{}, err
	}
	asked, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, err
	}
	c := store.Ceremony{ID: ident.Secret(), Kind: kind, Person: ident.Person(person), Data: kept, Expires: now.Add(ceremonyLife)}
	return Ceremony{ID: c.ID, Options: string(asked)}, tx.InsertCeremony(ctx, c, now)
}

// takeCeremony uses a ceremony up, whatever becomes of the answer.
func (s *Staff) takeCeremony(ctx context.Context, now time.Time, kind, id string, v Visitor) (webauthn.SessionData, error) {
	var data webauthn.SessionData
	err := s.store.Keep(ctx, func(tx *store.Tx) error {
		c, err := openCeremony(ctx, tx, now, v, kind, id, true)
		if err != nil {
			return err
		}
		return json.Unmarshal(c.Data, &data)
	})
	return data, err
}

// ErrPasskey says that an answer proves nothing.
var ErrPasskey = fault.New(fault.Denied, "this passkey was not accepted")

// AddPasskey enrols the passkey that a browser made.
func (s *Staff) AddPasskey(ctx context.Context, now time.Time, v Visitor, ceremony, label string, response []byte) error {
	if err := fresh(v, now); err != nil {
		return err
	}
	w, err := s.webauthn()
	if err != nil {
		return err
	}
	data, err := s.takeCeremony(ctx, now, "enrol", ceremony, v)
	if err != nil {
		return err
	}
	if len(response) > maxResponse {
		return ErrPasskey
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return errors.Join(ErrPasskey, err)
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		h, err := holderOf(ctx, tx, ident.Person(v.ID))
		if err != nil {
			return err
		}
		key, err := w.CreateCredential(h, data, parsed)
		if err != nil {
			return errors.Join(ErrPasskey, err)
		}
		kept, err := json.Marshal(key)
		if err != nil {
			return err
		}
		c := Credential{Kind: store.Passkey, Label: label, Handle: handleOf(key.ID), Secret: kept, Counter: int64(key.Authenticator.SignCount)}
		return s.add(ctx, tx, now, v, c, false)
	})
	if errors.Is(err, fault.Exists) {
		return fault.New(fault.Exists, "this passkey is enrolled already")
	}
	return err
}

func handleOf(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// AskPasskey begins a sign-in by whatever passkey the browser has for these pages; for a visitor who is signed in, a
// new proof of who they are.
func (s *Staff) AskPasskey(ctx context.Context, now time.Time, v Visitor) (Ceremony, error) {
	w, err := s.webauthn()
	if err != nil {
		return Ceremony{}, err
	}
	asked, data, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, err
	}
	var out Ceremony
	err = s.store.Keep(ctx, func(tx *store.Tx) (err error) {
		out, err = keepCeremony(ctx, tx, now, "passkey", v.ID, data, asked.Response)
		return err
	})
	return out, err
}

// SignInByPasskey opens a session for whoever holds the passkey.
func (s *Staff) SignInByPasskey(ctx context.Context, now time.Time, ceremony, device string, response []byte) (string, Visitor, error) {
	var token string
	var v Visitor
	err := s.usePasskey(ctx, now, Visitor{}, ceremony, response, func(tx *store.Tx, id ident.Person) (err error) {
		token, v, err = open(ctx, tx, now, id, "passkey", device, false)
		return err
	})
	return token, v, err
}

// ProveByPasskey proves again who the visitor is.
func (s *Staff) ProveByPasskey(ctx context.Context, now time.Time, v Visitor, ceremony string, response []byte) error {
	return s.usePasskey(ctx, now, v, ceremony, response, func(tx *store.Tx, id ident.Person) error {
		return prove(ctx, tx, now, v, id, "passkey")
	})
}

// usePasskey checks an answer, moves the passkey's counter and does what the answer is for. A counter that goes back
// means that the passkey was copied: it is refused.
func (s *Staff) usePasskey(ctx context.Context, now time.Time, v Visitor, ceremony string, response []byte, do func(*store.Tx, ident.Person) error) error {
	w, err := s.webauthn()
	if err != nil {
		return err
	}
	data, err := s.takeCeremony(ctx, now, "passkey", ceremony, v)
	if err != nil {
		return err
	}
	if len(response) > maxResponse {
		return ErrPasskey
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return errors.Join(ErrPasskey, err)
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		c, err := tx.CredentialByHandle(ctx, store.Passkey, handleOf(parsed.RawID))
		if errors.Is(err, fault.NotFound) {
			return ErrPasskey
		}
		if err != nil {
			return err
		}
		h, err := holderOf(ctx, tx, c.Person)
		if err != nil {
			return err
		}
		find := func(_, user []byte) (webauthn.User, error) {
			if string(user) != string(c.Person) {
				return nil, ErrPasskey
			}
			return h, nil
		}
		_, key, err := w.ValidatePasskeyLogin(find, data, parsed)
		switch {
		case err != nil:
			return errors.Join(ErrPasskey, err)
		case key.Authenticator.CloneWarning:
			return ErrCopied
		}
		before := c.Counter
		if c.Secret, err = json.Marshal(key); err != nil {
			return err
		}
		c.Counter = int64(key.Authenticator.SignCount)
		if err := tx.UseCredential(ctx, c, before, now); err != nil {
			return err
		}
		return do(tx, c.Person)
	})
}
