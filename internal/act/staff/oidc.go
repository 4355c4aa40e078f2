package staff

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// Provider is an OpenID provider: the one in package outside, which speaks the protocol and checks tokens.
type Provider interface {
	// Start returns the address at the provider that a browser is sent to; with fresh, to prove anew who they are.
	Start(ctx context.Context, now time.Time, state, nonce, verifier string, fresh bool) (string, error)
	// Finish exchanges a code for claims that were checked: signature, issuer, audience, time, nonce.
	// fault.Denied where they do not fit, fault.Unavailable where the provider does not answer.
	Finish(ctx context.Context, now time.Time, code, nonce, verifier string) (Claims, error)
}

// Claims are what a provider says of a person. It is an unnamed type: the provider need not know this package.
type Claims = struct {
	Issuer, Subject string
	Mail            string
	MailVerified    bool
	Values          []string  // of the claim that stands for posts
	Proved          time.Time // when they last proved there who they are; zero where the provider does not say
}

// ClaimPost gives a post to whoever's claim holds a value.
type ClaimPost struct {
	Value string
	Post  ident.Post
}

// ParseClaimPosts reads "value=post" rules. fault.Invalid names the one that is none.
func ParseClaimPosts(rules []string) ([]ClaimPost, error) {
	var out []ClaimPost
	for _, r := range rules {
		i := strings.LastIndexByte(r, '=') // values may be names with an equals sign: cn=staff,dc=example
		if i <= 0 {
			return nil, fault.New(fault.Invalid, "oidc-posts: %q is not value=post", r)
		}
		value, post := strings.TrimSpace(r[:i]), strings.TrimSpace(r[i+1:])
		if value == "" || !ident.Slug(post) {
			return nil, fault.New(fault.Invalid, "oidc-posts: %q is not value=post", r)
		}
		out = append(out, ClaimPost{value, ident.Post(post)})
	}
	return out, nil
}

// postsOf returns the posts that rules give to values, each once.
func postsOf(rules []ClaimPost, values []string) []ident.Post {
	var out []ident.Post
	for _, r := range rules {
		if slices.Contains(values, r.Value) && !slices.Contains(out, r.Post) {
			out = append(out, r.Post)
		}
	}
	return out
}

// oidcAsked is what the answer must fit to.
type oidcAsked struct {
	Nonce, Verifier string
	Bind            []byte // SHA-256 of the cookie of the browser that began
	Next            string
	Fresh           bool // whoever answers is to have proved anew who they are
}

// proveWithin is how long ago somebody may have proved at the provider who they are, for an answer to count as anew.
const proveWithin = 2 * time.Minute

// ErrStale says that a provider was to have somebody prove anew who they are, and does not say that they did.
var ErrStale = fault.New(fault.Denied, "the sign-in service does not say that you proved just now who you are; prove it in another way")

// proved is when an answer says that its person proved who they are: never later than now, and zero, which is fresh for
// nothing, where the provider does not say.
func (a oidcAsked) proved(now time.Time, c Claims) (time.Time, error) {
	if a.Fresh && (c.Proved.IsZero() || now.Sub(c.Proved).Abs() > proveWithin) {
		return time.Time{}, ErrStale
	}
	if c.Proved.After(now) {
		return now, nil
	}
	return c.Proved, nil
}

// HasProvider reports whether an OpenID provider is configured.
func (s *Staff) HasProvider() bool { return s.set.Provider != nil }

// ErrProvider says that there is no provider.
var ErrProvider = fault.New(fault.NotFound, "no sign-in service is configured here")

// StartOIDC begins a sign-in at the provider. It returns where to send the browser, and what to keep in its cookie. next
// is where to go afterwards; fresh asks that the person prove anew who they are.
func (s *Staff) StartOIDC(ctx context.Context, now time.Time, next string, fresh bool) (to, cookie string, err error) {
	if s.set.Provider == nil {
		return "", "", ErrProvider
	}
	state, cookie := ident.Secret(), ident.Secret()
	asked := oidcAsked{Nonce: ident.Secret(), Verifier: ident.Secret() + ident.Secret(), Bind: tokenHash(cookie), Next: next, Fresh: fresh}
	if to, err = s.set.Provider.Start(ctx, now, state, asked.Nonce, asked.Verifier, fresh); err != nil {
		return "", "", err
	}
	data, err := json.Marshal(asked)
	if err != nil {
		return "", "", err
	}
	c := store.Ceremony{ID: hex.EncodeToString(tokenHash(state)), Kind: "oidc", Data: data, Expires: now.Add(ceremonyLife)}
	return to, cookie, s.store.Keep(ctx, func(tx *store.Tx) error { return tx.InsertCeremony(ctx, c, now) })
}

// ErrStranger says that an account at the provider is nobody's here.
var ErrStranger = fault.New(fault.Denied, "this account is not known here; ask an administrator to add you")

// FinishOIDC opens a session for whoever the provider says it is, and gives them the posts that their claims stand for.
// It returns where to go afterwards. ErrStale where they were to prove anew who they are and did not.
func (s *Staff) FinishOIDC(ctx context.Context, now time.Time, state, cookie, code, device string) (token string, v Visitor, next string, err error) {
	if s.set.Provider == nil {
		return "", v, "", ErrProvider
	}
	var asked oidcAsked
	err = s.store.Keep(ctx, func(tx *store.Tx) error {
		c, err := openCeremony(ctx, tx, now, Visitor{}, "oidc", hex.EncodeToString(tokenHash(state)), true)
		if err != nil {
			return err
		}
		return json.Unmarshal(c.Data, &asked)
	})
	if err != nil {
		return "", v, "", err
	}
	if subtle.ConstantTimeCompare(asked.Bind, tokenHash(cookie)) != 1 {
		return "", v, "", ErrCeremony // begun in another browser
	}
	claims, err := s.set.Provider.Finish(ctx, now, code, asked.Nonce, asked.Verifier)
	if err != nil {
		return "", v, "", err
	}
	proved, err := asked.proved(now, claims)
	if err != nil {
		return "", v, "", err
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		id, err := s.whoIs(ctx, tx, now, claims)
		if err != nil {
			return err
		}
		if err := s.sync(ctx, tx, now, id, claims.Values); err != nil {
			return err
		}
		token, v, err = openProved(ctx, tx, now, proved, id, "oidc", device, false)
		return err
	})
	return token, v, asked.Next, err
}

// providerHandle is issuer and subject, which together name an account (OpenID Connect Core, section 5.7).
func providerHandle(c Claims) string {
	sum := sha256.Sum256([]byte(c.Issuer + "\x00" + c.Subject))
	return hex.EncodeToString(sum[:])
}

// whoIs returns the person of an account at the provider. An account that is new is linked by its verified mail address
// where the operator wants that, to a person whom an administrator has added and who has no way to sign in yet: else
// whoever comes to hold an address, or changes one here, would take the account over.
func (s *Staff) whoIs(ctx context.Context, tx *store.Tx, now time.Time, claims Claims) (ident.Person, error) {
	c, err := tx.CredentialByHandle(ctx, store.OIDC, providerHandle(claims))
	if err == nil {
		return c.Person, tx.UseCredential(ctx, c, c.Counter, now)
	}
	if !errors.Is(err, fault.NotFound) {
		return "", err
	}
	if !s.set.LinkByMail || !claims.MailVerified || claims.Mail == "" {
		return "", ErrStranger
	}
	p, err := tx.PersonByMail(ctx, normalMail(claims.Mail))
	switch {
	case errors.Is(err, fault.NotFound):
		return "", ErrStranger
	case err != nil:
		return "", err
	case !p.Disabled.IsZero() || !p.Erased.IsZero():
		return "", ErrStranger
	}
	in, err := tx.EntrancesOf(ctx, p.Party, now)
	switch {
	case err != nil:
		return "", err
	case in[p.ID].Credentials > 0:
		return "", ErrStranger
	}
	v, err := visitor(ctx, tx, now, p.ID)
	if err != nil {
		return "", err
	}
	return p.ID, s.add(ctx, tx, now, v, Credential{Kind: store.OIDC, Label: claims.Issuer, Handle: providerHandle(claims), Secret: []byte{}}, false)
}

// normalMail is a mail address as people.Check leaves it; "", which is nobody's, for what is no text.
func normalMail(mail string) string {
	if !utf8.ValidString(mail) || strings.ContainsRune(mail, 0) {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(mail))
}

// syncPrefix begins the ids of assignments that follow from claims.
const syncPrefix = "asgo_"

// sync gives a person the posts that their claims stand for, for as long as a session can last: a claim that the provider
// does not repeat gives nothing for longer. It takes those that claims gave before and do not give now, also where the
// rules are gone. Posts given by administrators stay.
func (s *Staff) sync(ctx context.Context, tx *store.Tx, now time.Time, id ident.Person, values []string) error {
	p, err := tx.PersonByID(ctx, id)
	if err != nil {
		return err
	}
	have, err := tx.PostsGiven(ctx, id, syncPrefix, now)
	if err != nil {
		return err
	}
	want := postsOf(s.set.ClaimPosts, values)
	var body struct {
		Given []ident.Post `json:"given"`
		Kept  []ident.Post `json:"kept,omitempty"`
		Taken []ident.Post `json:"taken"`
	}
	until := now.Add(SessionLife)
	for _, post := range want {
		if have[post] != "" {
			if err := tx.EndAssignment(ctx, have[post], until); err != nil {
				return err
			}
			body.Kept = append(body.Kept, post)
			continue
		}
		party, err := tx.PostParty(ctx, post)
		if errors.Is(err, fault.NotFound) || err == nil && party != p.Party {
			continue // a rule for a post that is not there gives nothing
		}
		if err != nil {
			return err
		}
		a := people.Assignment{ID: ident.New("asgo"), Person: id, Post: post, Hold: people.Holder, From: now, To: until}
		if err := tx.InsertAssignment(ctx, a); err != nil {
			return err
		}
		body.Given = append(body.Given, post)
	}
	for post, assignment := range have {
		if slices.Contains(want, post) {
			continue
		}
		if err := tx.TakePost(ctx, assignment, now); err != nil {
			return err
		}
		body.Taken = append(body.Taken, post)
	}
	if len(body.Given)+len(body.Kept)+len(body.Taken) == 0 {
		return nil
	}
	slices.Sort(body.Taken)
	return s.recordPerson(ctx, tx, now, access.ForSoftware("oidc"), "staff.sync", id, body)
}
