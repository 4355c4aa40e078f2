package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

const phrase = "glacier tulip violin shoe"

// sees fails unless a page of an answer holds a text.
func (p *person) sees(what string, code int, body string, want int, text string) {
	p.t.Helper()
	if code != want || !strings.Contains(body, text) {
		p.t.Errorf("%s: %d, want %d with %q\n%s", what, code, want, text, body)
	}
}

// Somebody who was invited sets a password, an app and recovery codes up, and signs in by them; no script is needed.
func TestAccount(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "zh"} {
		w := emptyWorld(t)
		w.link(ident.Authority) // makes Ada
		ada, err := w.staff.PersonByMail(t.Context(), "first@authority.example")
		w.must(err)
		w.now = w.now.Add(24 * time.Hour)
		token, err := w.staff.OfferLink(t.Context(), w.now, operator, store.LinkInvite, ada.ID, time.Hour)
		w.must(err)
		p := w.visitor(language)
		if r := p.post("/sign-in/"+token, nil); r.Header().Get("Location") != "/account?done=sign_in" {
			t.Fatalf("an invitation leads to %s\n%s", r.Header().Get("Location"), r.Body)
		}
		checkPage(t, p, "/account", language)
		if r := p.get("/desk"); r.Header().Get("Location") != "/account" {
			t.Errorf("a weak session at the desk: %d, %s", r.Code, r.Header().Get("Location"))
		}
		r := p.post("/account/password", url.Values{"password": {"Password2026!"}})
		p.sees("a common password", r.Code, r.Body.String(), http.StatusUnprocessableEntity, `role="alert"`)
		if r := p.post("/account/password", url.Values{"password": {phrase}}); r.Header().Get("Location") != "/account?done=password" {
			t.Fatalf("%d\n%s", r.Code, r.Body)
		}
		offer := p.post("/account/totp", nil).Header().Get("Location")
		checkPage(t, p, offer, language)
		if r := p.get(offer + "/code.png"); r.Header().Get("Content-Type") != "image/png" || !strings.HasPrefix(r.Body.String(), "\x89PNG") {
			t.Errorf("the drawing: %d %s", r.Code, r.Header().Get("Content-Type"))
		}
		secret := strings.ReplaceAll(p.first(offer, `<code>([A-Z2-7 ]+)</code>`), " ", "")
		code := func() string {
			c, err := totp.GenerateCode(secret, w.now)
			w.must(err)
			return c
		}
		r = p.post(offer, url.Values{"code": {"000000"}})
		p.sees("a wrong code", r.Code, r.Body.String(), http.StatusUnprocessableEntity, `role="alert"`)
		if r := p.post(offer, url.Values{"code": {code()}}); r.Header().Get("Location") != "/account?done=totp" {
			t.Fatalf("%d\n%s", r.Code, r.Body)
		}
		if r := p.get("/desk"); r.Code != http.StatusOK {
			t.Errorf("the session is still a weak one: %d", r.Code)
		}
		codes := regexp.MustCompile(`<code>([a-z0-9]{4}(?:-[a-z0-9]{4}){3})</code>`).FindAllStringSubmatch(p.post("/account/recovery", nil).Body.String(), -1)
		if len(codes) != 10 {
			t.Fatalf("%d recovery codes", len(codes))
		}

		w.now = w.now.Add(time.Minute)
		in := w.visitor(language)
		checkPage(t, in, "/sign-in", language)
		form := url.Values{"mail": {ada.Mail}, "password": {phrase}, "code": {"000000"}}
		wrong := in.post("/sign-in", form)
		form.Set("mail", "nobody@authority.example")
		nobody := in.post("/sign-in", form)
		if a, b := wrong.Body.String(), strings.ReplaceAll(nobody.Body.String(), "nobody@", "first@"); a != b || wrong.Code != http.StatusForbidden || nobody.Code != wrong.Code {
			t.Errorf("an unknown person is told something else: %d and %d", wrong.Code, nobody.Code)
		}
		form.Set("mail", ada.Mail)
		form.Set("code", code())
		if r := in.post("/sign-in", form); r.Header().Get("Location") != "/desk?done=sign_in" {
			t.Fatalf("%d\n%s", r.Code, r.Body)
		}
		form.Set("code", codes[0][1])
		recovered := w.visitor(language)
		if r := recovered.post("/sign-in", form); r.Header().Get("Location") != "/account" {
			t.Fatalf("a recovery code leads to %s\n%s", r.Header().Get("Location"), r.Body)
		}
		if body := recovered.ok("/account"); !strings.Contains(body, "9") || strings.Count(body, `role="status"`) != 1 {
			t.Error("nothing says how many codes are left")
		}
		proveAgain(in, code, language)
	}
}

// proveAgain: what needs a fresh proof leads to where one is given, and back.
func proveAgain(p *person, code func() string, language string) {
	p.t.Helper()
	p.now = p.now.Add(20 * time.Minute)
	r := p.post("/account/recovery", nil)
	to := r.Header().Get("Location")
	if r.Code != http.StatusSeeOther || to != "/account/prove?again=1&next=%2Faccount" {
		p.t.Fatalf("without a fresh proof: %d, %s", r.Code, to)
	}
	checkPage(p.t, p, to, language)
	r = p.post("/account/prove", url.Values{"password": {"wrong"}, "code": {code()}, "next": {"/account"}})
	p.sees("a wrong password", r.Code, r.Body.String(), http.StatusUnprocessableEntity, `role="alert"`)
	form := url.Values{"password": {phrase}, "code": {code()}, "next": {"//evil.example/"}}
	if r := p.post("/account/prove", form); r.Header().Get("Location") != "/desk" {
		p.t.Errorf("goes to %s: %d\n%s", r.Header().Get("Location"), r.Code, r.Body)
	}
	if r := p.post("/account/recovery", nil); r.Code != http.StatusOK {
		p.t.Errorf("after a fresh proof: %d", r.Code)
	}
	if r := p.post("/account/sessions/end-others", nil); r.Header().Get("Location") != "/account?done=session_ended" {
		p.t.Errorf("%d\n%s", r.Code, r.Body)
	}
	if r := p.post("/account/language", url.Values{"language": {language}}); r.Header().Get("Location") != "/account?done=language&lang="+language {
		p.t.Errorf("%d %s", r.Code, r.Header().Get("Location"))
	}
	p.post("/account/language", url.Values{"language": {"en"}})
}

// The pages with passkeys render, and answers that are none are refused without harm.
func TestPasskeyPages(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	for _, language := range []string{"en", "zh"} {
		ada, anybody := w.signedIn(ident.Authority, language), w.visitor(language)
		r := ada.post("/account/passkeys", nil)
		p := ada
		p.sees("enrol", r.Code, r.Body.String(), http.StatusOK, "data-passkey=\"create\"")
		r = anybody.post("/sign-in/passkey", nil)
		p.sees("sign in", r.Code, r.Body.String(), http.StatusOK, "data-passkey=\"get\"")
		for _, bad := range malformed(r.Body.String()) {
			t.Error(bad)
		}
		r = anybody.post("/sign-in/passkey/done", url.Values{"ceremony": {"x"}, "response": {"{}"}})
		p.sees("junk", r.Code, r.Body.String(), http.StatusForbidden, `role="alert"`)
		r = ada.post("/account/passkeys/add", url.Values{"ceremony": {"x"}, "response": {"{}"}})
		p.sees("junk", r.Code, r.Body.String(), http.StatusUnprocessableEntity, `role="alert"`)
		if r := anybody.get("/sign-in/oidc"); r.Code != fault.Status(fault.Denied) && r.Code != fault.Status(fault.NotFound) {
			t.Errorf("without a provider: %d", r.Code)
		}
		if r := anybody.get("/account"); r.Header().Get("Location") != "/sign-in" {
			t.Errorf("nobody's account: %d", r.Code)
		}
	}
}
