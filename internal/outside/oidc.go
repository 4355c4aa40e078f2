package outside

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"tocsin/internal/fault"
)

// OIDCConfig is how this installation is known at an OpenID provider.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Redirect     string       // address that the provider sends the browser back to
	Claim        string       // whose values stand for posts: "groups"
	Client       *http.Client // nil is NewProviderClient
}

// OIDC signs people in at an OpenID provider by the code flow with PKCE (RFC 7636, RFC 9700). Safe for many goroutines.
type OIDC struct {
	c        OIDCConfig
	turn     chan struct{}  // of one slot: whoever put something in may use what follows
	provider *oidc.Provider // nil until the provider has answered
	failed   error          // what came of asking it last
	again    time.Time      // when it is asked again after that
}

// Claims are what a provider says of a person, checked. It is an unnamed type, as is FetchRequest.
type Claims = struct {
	Issuer, Subject string
	Mail            string
	MailVerified    bool
	Values          []string  // of the claim that stands for posts
	Proved          time.Time // when they last proved there who they are; zero where the provider does not say
}

const (
	providerTimeout = 15 * time.Second
	providerRest    = 10 * time.Second // in which a provider that failed is not asked again
	mostAnswer      = 1 << 20          // bytes of any answer of the provider
	mostValues      = 500              // of the claim that stands for posts
)

// algorithms may sign a token. All are asymmetric: "none" and those keyed by the client's secret are not among them.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// CheckIssuer says what is wrong with an issuer's address: it is https, or http on this machine.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fault.New(fault.Invalid, "oidc-issuer: %q is not the address of a provider", issuer)
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	if u.Scheme != "https" && (u.Scheme != "http" || host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return fault.New(fault.Invalid, "oidc-issuer: %q does not begin with https://", issuer)
	}
	return nil
}

// NewProviderClient is a client with limits for an address that the operator chose: the provider may well be inside, so
// inside addresses are not refused. It uses no proxy, follows few redirects and reads little.
func NewProviderClient() *http.Client {
	dial := &net.Dialer{Timeout: dialTimeout}
	return &http.Client{
		Timeout: providerTimeout, CheckRedirect: follow,
		Transport: bounded{&http.Transport{
			DialContext: dial.DialContext, TLSHandshakeTimeout: dialTimeout, MaxResponseHeaderBytes: mostHeader,
			ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		}},
	}
}

// bounded cuts answers that are too long.
type bounded struct{ way http.RoundTripper }

func (b bounded) RoundTrip(q *http.Request) (*http.Response, error) {
	r, err := b.way.RoundTrip(q)
	if err == nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r.Body, mostAnswer), r.Body}
	}
	return r, err
}

// NewOIDC makes a way to a provider. It asks the provider nothing yet.
func NewOIDC(c OIDCConfig) (*OIDC, error) {
	if c.Client == nil {
		c.Client = NewProviderClient()
	}
	if c.ClientID == "" {
		return nil, fault.New(fault.Invalid, "oidc-client-id: the name of this installation at the provider is missing")
	}
	return &OIDC{c: c, turn: make(chan struct{}, 1)}, CheckIssuer(c.Issuer)
}

// errProvider says that the provider does not answer as it should.
var errProvider = fault.New(fault.Unavailable, "the sign-in service does not answer; try again, or sign in another way")

// discover asks the provider for its addresses, until it has answered once. One asks, the others wait as long as they
// like; a failure is everybody's for a while, so that a provider that hangs holds up only the first.
func (o *OIDC) discover(ctx context.Context, now time.Time) (*oidc.Provider, context.Context, error) {
	ctx = oidc.ClientContext(ctx, o.c.Client)
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, ctx, errors.Join(errProvider, ctx.Err())
	}
	if o.provider == nil && !now.Before(o.again) {
		// The provider keeps its context for its keys, which are fetched later.
		o.provider, o.failed = oidc.NewProvider(context.WithoutCancel(ctx), o.c.Issuer)
		o.again = now.Add(providerRest)
	}
	if o.provider == nil {
		return nil, ctx, errors.Join(errProvider, o.failed)
	}
	return o.provider, ctx, nil
}

func (o *OIDC) oauth(p *oidc.Provider) oauth2.Config {
	return oauth2.Config{
		ClientID: o.c.ClientID, ClientSecret: o.c.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: o.c.Redirect,
		Scopes: o.scopes(p),
	}
}

// scopes asks for groups only where the provider knows the word: some refuse what they do not know.
func (o *OIDC) scopes(p *oidc.Provider) []string {
	out := []string{oidc.ScopeOpenID, "profile", "email"}
	var known struct {
		Scopes []string `json:"scopes_supported"`
	}
	if p.Claims(&known) == nil && slices.Contains(known.Scopes, o.c.Claim) && !slices.Contains(out, o.c.Claim) {
		out = append(out, o.c.Claim)
	}
	return out
}

// Start returns the address at the provider that a browser is sent to. With fresh, the provider is to ask the person anew,
// whoever it knows them to be, and to say when (OpenID Connect Core, section 3.1.2.1). fault.Unavailable where the provider is.
func (o *OIDC) Start(ctx context.Context, now time.Time, state, nonce, verifier string, fresh bool) (string, error) {
	p, _, err := o.discover(ctx, now)
	if err != nil {
		return "", err
	}
	with := []oauth2.AuthCodeOption{oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)}
	if fresh {
		with = append(with, oauth2.SetAuthURLParam("max_age", "0"))
	}
	c := o.oauth(p)
	return c.AuthCodeURL(state, with...), nil
}

// errToken says that a token is not what it should be.
var errToken = fault.New(fault.Denied, "the sign-in service's answer was not accepted; please begin again")

// Finish exchanges a code for a token and checks it at an instant: signature by a key of the provider and an algorithm of
// the list, issuer, audience, time, nonce (OpenID Connect Core, section 3.1.3.7).
func (o *OIDC) Finish(ctx context.Context, now time.Time, code, nonce, verifier string) (Claims, error) {
	p, ctx, err := o.discover(ctx, now)
	if err != nil {
		return Claims{}, err
	}
	c := o.oauth(p)
	token, err := c.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if _, refused := errors.AsType[*oauth2.RetrieveError](err); refused {
		return Claims{}, errors.Join(errToken, err)
	}
	if err != nil {
		return Claims{}, errors.Join(errProvider, err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Claims{}, errToken
	}
	checker := p.VerifierContext(ctx, &oidc.Config{
		ClientID: o.c.ClientID, SupportedSigningAlgs: algorithms, Now: func() time.Time { return now },
	})
	id, err := checker.Verify(ctx, raw)
	if err != nil {
		return Claims{}, errors.Join(errToken, err)
	}
	return o.claims(id, nonce, token.AccessToken)
}

func (o *OIDC) claims(id *oidc.IDToken, nonce, access string) (Claims, error) {
	var said struct {
		Mail     string          `json:"email"`
		Verified json.RawMessage `json:"email_verified"`
		Party    string          `json:"azp"`
	}
	var all map[string]json.RawMessage
	if err := errors.Join(id.Claims(&said), id.Claims(&all)); err != nil {
		return Claims{}, errors.Join(errToken, err)
	}
	switch {
	case id.Subject == "" || len(id.Subject) > 255:
		return Claims{}, errToken
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return Claims{}, errToken
	case len(id.Audience) > 1 && said.Party != o.c.ClientID || said.Party != "" && said.Party != o.c.ClientID:
		return Claims{}, errToken // made for somebody else
	case id.AccessTokenHash != "" && id.VerifyAccessToken(access) != nil:
		return Claims{}, errToken
	}
	verified := string(said.Verified)
	return Claims{
		Issuer: id.Issuer, Subject: id.Subject, Mail: said.Mail, MailVerified: verified == "true" || verified == `"true"`,
		Values: claimValues(all[o.c.Claim]), Proved: authTime(all["auth_time"]),
	}, nil
}

// authTime reads when somebody proved who they are: a JSON number of seconds since 1970 (OpenID Connect Core, section 2).
// Anything else says nothing.
func authTime(raw json.RawMessage) time.Time {
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || seconds <= 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// claimValues reads the claim that stands for posts: a text or a list of texts. Anything else says nothing.
func claimValues(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var out []string
	for _, item := range list {
		var text string
		if json.Unmarshal(item, &text) == nil && text != "" && len(out) < mostValues {
			out = append(out, text)
		}
	}
	return out
}
