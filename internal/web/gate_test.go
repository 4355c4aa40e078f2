package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/internal/gate"
	"tocsin/internal/web"
	"tocsin/internal/web/page"
)

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// addresses are one address of every route with the methods that some route answers there.
func addresses(w *world) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	routes := web.Routes(w.set)
	for _, r := range routes {
		if _, path, found := strings.Cut(r.Pattern, " "); found { // else it is the catch-all
			path = strings.TrimSuffix(path, "{$}")
			out[placeholder.ReplaceAllString(path, "1")] = map[string]bool{}
		}
	}
	for _, r := range routes {
		method, pattern, found := strings.Cut(r.Pattern, " ")
		if !found {
			continue
		}
		matches := regexp.MustCompile("^" + placeholder.ReplaceAllString(strings.TrimSuffix(pattern, "{$}"), "[^/]+") + "$")
		for path, methods := range out {
			if !matches.MatchString(path) {
				continue
			}
			if methods[method] = true; method == http.MethodGet {
				methods[http.MethodHead] = true
			}
		}
	}
	return out
}

// An address answers the methods that it is listed with; any other is 405 with those in Allow, before anything else is
// looked at. What is not listed is 404 with any method.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	p := w.visitor("en")
	all := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}
	for path, methods := range addresses(w) {
		for _, m := range all {
			r := p.do(m, path, strings.NewReader(""), map[string]string{"Sec-Fetch-Site": "same-origin"})
			allowed := map[string]bool{}
			for a := range strings.SplitSeq(r.Header().Get("Allow"), ", ") {
				allowed[a] = true
			}
			switch {
			case methods[m] && r.Code == http.StatusMethodNotAllowed:
				t.Errorf("%s %s: %d", m, path, r.Code)
			case !methods[m] && r.Code != http.StatusMethodNotAllowed:
				t.Errorf("%s %s: %d, want 405", m, path, r.Code)
			case !methods[m] && fmt.Sprint(allowed) != fmt.Sprint(methods):
				t.Errorf("%s %s: Allow is %v, want %v", m, path, allowed, methods)
			}
		}
	}
	for _, m := range all {
		if r := p.do(m, "/no/such/page", nil, map[string]string{"Sec-Fetch-Site": "same-origin"}); r.Code != http.StatusNotFound {
			t.Errorf("%s nowhere: %d", m, r.Code)
		}
	}
}

// Every answer of every address carries the strict headers, and what is private is kept nowhere.
func TestHardened(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	for _, p := range []*person{w.visitor("en"), w.signedIn("authority", "zh")} {
		for path := range addresses(w) {
			h := p.get(path).Header()
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": page.Permissions,
			} {
				if h.Get(name) != want {
					t.Errorf("%s: %s is %q", path, name, h.Get(name))
				}
			}
			policy := h.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "frame-ancestors "} {
				if !strings.Contains(policy, want) {
					t.Errorf("%s: the policy lacks %s: %s", path, want, policy)
				}
			}
			if strings.Contains(policy, "unsafe") && !strings.HasSuffix(path, "/html") { // a letter brings its own style, in a sandbox
				t.Errorf("%s: %s", path, policy)
			}
			private := strings.HasPrefix(path, "/desk") || strings.HasPrefix(path, "/my") || strings.HasPrefix(path, "/account") || strings.HasPrefix(path, "/n/")
			if private && h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: Cache-Control %q", path, h.Get("Cache-Control"))
			}
		}
	}
}

// What another site's page sends is refused on every address that changes something; what is no browser's is not.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	p := w.visitor("en")
	for _, c := range []struct {
		header  map[string]string
		refused bool
	}{
		{map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		{map[string]string{"Sec-Fetch-Site": "same-site"}, true},
		{map[string]string{"Sec-Fetch-Site": "same-origin"}, false},
		{map[string]string{"Sec-Fetch-Site": "none"}, false},
		{map[string]string{"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, true},
		{map[string]string{"Sec-Fetch-Site": "", "Origin": "null"}, true},
		{map[string]string{"Sec-Fetch-Site": "", "Origin": "https://tocsin.example"}, false},
	} {
		for path, methods := range addresses(w) {
			if !methods[http.MethodPost] {
				continue
			}
			r := p.do(http.MethodPost, path, strings.NewReader(""), c.header)
			if got := strings.Contains(r.Body.String(), "another site"); r.Code == http.StatusForbidden && got != c.refused || c.refused && r.Code != http.StatusForbidden {
				t.Errorf("POST %s with %v: %d", path, c.header, r.Code)
			}
		}
	}
}

// Who asks too often is told so, in both languages and with the time to wait, from a network and as a person.
func TestTooMany(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	var err error
	w.pages, err = web.New(web.Config{Loop: w.loop, Staff: w.staff, Clock: func() time.Time { return w.now }, Limit: &gate.Limiter{}})
	w.must(err)
	for language, words := range map[string]string{"en": "Too many requests", "zh": "请求过多"} {
		p := w.visitor(language)
		for i := 0; ; i++ {
			r := p.post("/sign-in/nothing", url.Values{})
			if r.Code != http.StatusTooManyRequests && i <= gate.Table[gate.SignIn].Network.Burst {
				continue
			}
			if r.Code != http.StatusTooManyRequests || r.Header().Get("Retry-After") != "10" || !strings.Contains(r.Body.String(), words) {
				t.Errorf("%s, attempt %d: %d, Retry-After %q\n%s", language, i, r.Code, r.Header().Get("Retry-After"), r.Body)
			}
			break
		}
	}
	w.now = w.now.Add(time.Hour)
	p := w.signedIn("authority", "en")
	for i := range gate.Table[gate.Read].Account.Burst {
		if r := p.get("/my"); r.Code == http.StatusTooManyRequests {
			t.Fatalf("request %d: %d", i, r.Code)
		}
	}
	if r := p.get("/my"); r.Code != http.StatusTooManyRequests || r.Header().Get("Retry-After") != "1" {
		t.Errorf("a person: %d", r.Code)
	}
	if r := p.get("/static/x"); r.Code == http.StatusTooManyRequests {
		t.Error("assets are counted")
	}
}

// Where the desk has a listener of its own, the others know neither its addresses nor its people.
func TestDeskApart(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	p := w.signedIn("authority", "en")
	here := w.pages
	set := w.set
	set.NoDesk = true
	apart, err := web.New(set)
	w.must(err)
	w.pages = apart
	for path := range addresses(w) {
		r := p.get(path)
		if (path == "/desk" || strings.HasPrefix(path, "/desk/")) && r.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.Code)
		}
	}
	if r := p.get("/set-up/x"); r.Code != http.StatusNotFound || !strings.Contains(r.Body.String(), "There is no such page") {
		t.Errorf("the first administrator is made at the public listener: %d", r.Code)
	}
	if r := p.get("/account"); r.Code == http.StatusOK {
		t.Error("a person of the desk is signed in at the public listener")
	}
	w.pages = here
	if r := p.get("/desk"); r.Code != http.StatusOK && r.Code != http.StatusSeeOther {
		t.Errorf("the desk at its own: %d", r.Code)
	}
}
