package outside

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// issuer is an OpenID provider that says whatever a test wants.
type issuer struct {
	*httptest.Server
	t       *testing.T
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	token   string // that the next code is exchanged for
	refuses bool
	asked   url.Values // of the exchange
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	is := &issuer{t: t}
	var err1, err2 error
	is.rsa, err1 = rsa.GenerateKey(rand.Reader, 2048)
	is.ec, err2 = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q,"jwks_uri":%q,"id_token_signing_alg_values_supported":["RS256","ES256","HS256","none"],
			"scopes_supported":["openid","groups"]}`, is.URL, is.URL+"/auth", is.URL+"/token", is.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		public, err := is.ec.PublicKey.Bytes()
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","kid":"r","use":"sig","n":%q,"e":%q},{"kty":"EC","kid":"e","use":"sig","crv":"P-256","x":%q,"y":%q}]}`,
			b64(is.rsa.N.Bytes()), b64(big.NewInt(int64(is.rsa.E)).Bytes()), b64(public[1:33]), b64(public[33:]))
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || is.refuses {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		is.asked = r.PostForm
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"a","token_type":"Bearer","id_token":%q}`, is.token)
	})
	is.Server = httptest.NewServer(mux)
	t.Cleanup(is.Close)
	return is
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a token of claims with an algorithm.
func (is *issuer) sign(alg string, claims map[string]any) string {
	is.t.Helper()
	kid := map[string]string{"RS256": "r", "ES256": "e"}[alg]
	body, err := json.Marshal(claims)
	if err != nil {
		is.t.Fatal(err)
	}
	text := b64([]byte(fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"}`, alg, kid))) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	switch alg {
	case "RS256":
		signature, err = rsa.SignPKCS1v15(rand.Reader, is.rsa, crypto.SHA256, sum[:])
	case "ES256":
		r, s, e := ecdsa.Sign(rand.Reader, is.ec, sum[:])
		err = e
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "HS256":
		h := hmac.New(sha256.New, []byte("secret"))
		h.Write([]byte(text))
		signature = h.Sum(nil)
	}
	if err != nil {
		is.t.Fatal(err)
	}
	return text + "." + b64(signature)
}

func (is *issuer) claims(change map[string]any) map[string]any {
	c := map[string]any{
		"iss": is.URL, "sub": "42", "aud": "tocsin", "nonce": "n", "iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix(),
		"email": "bo@csirt.example", "email_verified": true, "groups": []string{"csirt", "staff"},
	}
	for k, v := range change {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	o, err := NewOIDC(OIDCConfig{Issuer: is.URL, ClientID: "tocsin", ClientSecret: "secret", Redirect: "https://csirt.example/back", Claim: "groups"})
	if err != nil {
		t.Fatal(err)
	}
	to, err := o.Start(t.Context(), noon, "state", "n", "verifier", false)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(to)
	q := u.Query()
	sum := sha256.Sum256([]byte("verifier"))
	for k, want := range map[string]string{
		"state": "state", "nonce": "n", "code_challenge": b64(sum[:]), "code_challenge_method": "S256", "client_id": "tocsin",
		"redirect_uri": "https://csirt.example/back", "response_type": "code", "scope": "openid profile email groups",
	} {
		if q.Get(k) != want {
			t.Errorf("%s is %q, want %q", k, q.Get(k), want)
		}
	}
	if q.Has("max_age") {
		t.Error("whoever is signed in at the provider is asked anew")
	}
	if to, err = o.Start(t.Context(), noon, "state", "n", "verifier", true); err != nil || !strings.Contains(to, "&max_age=0&") {
		t.Errorf("%s, %v", to, err)
	}
	for _, alg := range []string{"RS256", "ES256"} {
		is.token = is.sign(alg, is.claims(nil))
		c, err := o.Finish(t.Context(), noon, "code", "n", "verifier")
		if err != nil || c.Issuer != is.URL || c.Subject != "42" || c.Mail != "bo@csirt.example" || !c.MailVerified || !slices.Equal(c.Values, []string{"csirt", "staff"}) {
			t.Errorf("%s: %+v, %v", alg, c, err)
		}
		if is.asked.Get("code_verifier") != "verifier" || is.asked.Get("code") != "code" {
			t.Errorf("exchanged with %v", is.asked)
		}
	}
	is.token = is.sign("RS256", is.claims(map[string]any{"email_verified": "false", "groups": "csirt"}))
	if c, err := o.Finish(t.Context(), noon, "code", "n", "verifier"); err != nil || c.MailVerified || !slices.Equal(c.Values, []string{"csirt"}) {
		t.Errorf("%+v, %v", c, err)
	}
}

// When somebody proved who they are is known where the provider says it, and not guessed.
func TestAuthTime(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	o, err := NewOIDC(OIDCConfig{Issuer: is.URL, ClientID: "tocsin", Claim: "groups"})
	if err != nil {
		t.Fatal(err)
	}
	before := noon.Add(-time.Hour)
	for _, c := range []struct {
		says any
		want time.Time
	}{
		{before.Unix(), before},
		{float64(before.Unix()) + 0.5, before},
		{nil, time.Time{}},
		{0, time.Time{}},
		{-5, time.Time{}},
		{"1700000000", time.Time{}},
		{1e300, time.Time{}},
		{[]int{1}, time.Time{}},
	} {
		is.token = is.sign("RS256", is.claims(map[string]any{"auth_time": c.says}))
		if got, err := o.Finish(t.Context(), noon, "code", "n", "verifier"); err != nil || !got.Proved.Equal(c.want) {
			t.Errorf("%v: %s, %v", c.says, got.Proved, err)
		}
	}
}

// A provider that hangs holds up whoever asks first. Others wait as long as they like, and learn at once what came of it.
func TestProviderHangs(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 9), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-release
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(s.Close)
	o, err := NewOIDC(OIDCConfig{Issuer: s.URL, ClientID: "tocsin"})
	if err != nil {
		t.Fatal(err)
	}
	start := func(ctx context.Context, at time.Time) error {
		_, err := o.Start(ctx, at, "s", "n", "v", false)
		return err
	}
	first := make(chan error)
	go func() { first <- start(context.WithoutCancel(t.Context()), noon) }()
	<-asked
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := start(gone, noon); !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("whoever left: %v", err)
	}
	close(release)
	if err := <-first; !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	if err := start(t.Context(), noon.Add(providerRest-time.Second)); !errors.Is(err, fault.Unavailable) || len(asked) != 0 {
		t.Errorf("asked again at once: %d, %v", len(asked), err)
	}
	if err := start(t.Context(), noon.Add(providerRest)); !errors.Is(err, fault.Unavailable) || len(asked) != 1 {
		t.Errorf("asked again later: %d, %v", len(asked), err)
	}
}

// Tokens that were forged, were made for somebody else, or are old.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	is := newIssuer(t)
	o, err := NewOIDC(OIDCConfig{Issuer: is.URL, ClientID: "tocsin", ClientSecret: "secret", Claim: "groups"})
	if err != nil {
		t.Fatal(err)
	}
	good := is.sign("RS256", is.claims(nil))
	parts := strings.Split(good, ".")
	other := newIssuer(t)
	with := func(change map[string]any) string { return is.sign("RS256", is.claims(change)) }
	for name, token := range map[string]string{
		"no algorithm":            is.sign("none", is.claims(nil)),
		"no signature":            parts[0] + "." + parts[1] + ".",
		"the client's secret":     is.sign("HS256", is.claims(nil)),
		"another's key":           other.sign("RS256", is.claims(nil)),
		"another's key, EC":       other.sign("ES256", is.claims(nil)),
		"changed claims":          parts[0] + "." + b64([]byte(`{"iss":"`+is.URL+`","sub":"1","aud":"tocsin","nonce":"n","exp":9999999999}`)) + "." + parts[2],
		"another issuer":          with(map[string]any{"iss": "https://evil.example"}),
		"no issuer":               with(map[string]any{"iss": nil}),
		"another audience":        with(map[string]any{"aud": "other"}),
		"no audience":             with(map[string]any{"aud": nil}),
		"two audiences, no azp":   with(map[string]any{"aud": []string{"tocsin", "other"}}),
		"made for another":        with(map[string]any{"aud": []string{"tocsin", "other"}, "azp": "other"}),
		"another nonce":           with(map[string]any{"nonce": "x"}),
		"no nonce":                with(map[string]any{"nonce": nil}),
		"expired":                 with(map[string]any{"exp": noon.Add(-time.Second).Unix()}),
		"no end":                  with(map[string]any{"exp": nil}),
		"not yet":                 with(map[string]any{"nbf": noon.Add(time.Hour).Unix()}),
		"nobody":                  with(map[string]any{"sub": nil}),
		"a subject that is long":  with(map[string]any{"sub": strings.Repeat("x", 256)}),
		"another's access token":  with(map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
		"nothing":                 "",
		"no token":                "a.b.c",
		"one part":                "abc",
		"an algorithm of no list": strings.Replace(good, parts[0], b64([]byte(`{"alg":"RS1","kid":"r"}`)), 1),
	} {
		is.token = token
		if c, err := o.Finish(t.Context(), noon, "code", "n", "verifier"); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	is.token = good
	if _, err := o.Finish(t.Context(), noon, "code", "n", "verifier"); err != nil {
		t.Errorf("the good one: %v", err)
	}
	is.refuses = true
	if _, err := o.Finish(t.Context(), noon, "code", "n", "verifier"); !errors.Is(err, fault.Denied) {
		t.Errorf("a code that is refused: %v", err)
	}
	is.Close()
	if _, err := o.Finish(t.Context(), noon, "code", "n", "verifier"); !errors.Is(err, fault.Unavailable) {
		t.Errorf("the provider is gone: %v", err)
	}
}

func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	var answer string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	t.Cleanup(s.Close)
	o, err := NewOIDC(OIDCConfig{Issuer: s.URL, ClientID: "tocsin"})
	if err != nil {
		t.Fatal(err)
	}
	at := noon
	for _, answer = range []string{"", "{}", "<html>", `{"issuer":"https://evil.example"}`, strings.Repeat(" ", 2<<20) + `{"issuer":"` + s.URL + `"}`} {
		at = at.Add(providerRest)
		if _, err := o.Start(context.Background(), at, "s", "n", "v", false); !errors.Is(err, fault.Unavailable) {
			t.Errorf("%.40q: %v", answer, err)
		}
	}
	for issuer, want := range map[string]bool{
		"https://id.example": true, "https://id.example/realms/a": true, "http://localhost:5556/dex": true, "http://127.0.0.1:5556": true,
		"http://id.example": false, "ftp://id.example": false, "": false, "https://": false, "https://u:p@id.example": false, "https://id.example?x=1": false,
	} {
		if err := CheckIssuer(issuer); (err == nil) != want {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func FuzzClaimValues(f *testing.F) {
	for _, s := range []string{`"csirt"`, `["a","b"]`, `[1,null,"c"]`, `{}`, `null`, ``, `[[["x"]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		values := claimValues(raw)
		if len(values) > mostValues || slices.Contains(values, "") {
			t.Fatalf("%q is %q", raw, values)
		}
	})
}
