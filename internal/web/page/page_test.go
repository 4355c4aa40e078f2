package page

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/lang"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newKit(t *testing.T, c Config) *Kit {
	t.Helper()
	c.Clock = func() time.Time { return noon }
	k, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The address says the language before the cookie, and the cookie before the browser; what the address says is kept.
func TestLanguage(t *testing.T) {
	t.Parallel()
	k := newKit(t, Config{})
	for _, c := range []struct {
		query, cookie, accept string
		want                  lang.Language
		kept                  bool
	}{
		{"", "", "zh-CN", lang.Chinese, false},
		{"", "en", "zh-CN", lang.English, false},
		{"lang=zh", "en", "en", lang.Chinese, true},
		{"lang=xx", "zh", "en", lang.Chinese, false},
		{"lang=xx", "yy", "", lang.English, false},
	} {
		var got lang.Language
		h := k.Public(func(v *Visit) error { got = v.Lang; return nil })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+c.query, nil)
		r.Header.Set("Accept-Language", c.accept)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "lang", Value: c.cookie})
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if kept := len(w.Result().Cookies()) > 0; got != c.want || kept != c.kept {
			t.Errorf("%+v: %s, kept %v", c, got, kept)
		}
	}
}

// An error becomes a page with its status; what is meant for people is shown and nothing else.
func TestFail(t *testing.T) {
	t.Parallel()
	k := newKit(t, Config{})
	for name, c := range map[string]struct {
		err   error
		code  int
		shows string
	}{
		"for people": {fault.New(fault.Conflict, "that <does> not fit"), 409, "that &lt;does&gt; not fit"},
		"wrapped":    {errors.Join(fault.New(fault.NotFound, "no party"), errors.New("secret-detail")), 404, "no party"},
		"of no kind": {errors.New("secret-detail"), 500, "It was recorded"},
		"a kind":     {fault.Unavailable, 503, "It was recorded"},
		"too large":  {&http.MaxBytesError{Limit: 1}, 413, "Too large"},
	} {
		w := httptest.NewRecorder()
		h := k.Harden(k.Private(func(*Visit) error { return c.err }))
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		body := w.Body.String()
		if w.Code != c.code || !strings.Contains(body, c.shows) || strings.Contains(body, "secret-detail") || !strings.Contains(body, w.Header().Get("X-Request-Id")) {
			t.Errorf("%s: %d\n%s", name, w.Code, body)
		}
	}
}

// The path of a one-time link is its secret: what fails is logged by its route.
func TestLogKeepsNoSecret(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	k := newKit(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	mux := http.NewServeMux()
	k.Mount(mux, []Route{{Pattern: "POST /set-up/{token}", Door: ForHolder, Handle: func(*Visit) error { return errors.New("disk full") }}})
	h := k.Harden(k.Methods(mux, "/"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/set-up/canary-token?q=canary-query", nil))
	if text := log.String(); w.Code != http.StatusInternalServerError || strings.Contains(text, "canary") || !strings.Contains(text, "POST /set-up/{token}") ||
		!strings.Contains(text, "disk full") {
		t.Errorf("%d: %s", w.Code, text)
	}
}

// Who asks is told by trusted proxies, whether requests are limited or not.
func TestFrom(t *testing.T) {
	t.Parallel()
	proxies := gate.Proxies{netip.MustParsePrefix("192.0.2.1/32")}
	for _, c := range []struct {
		config Config
		remote string
		want   string
	}{
		{Config{Proxies: proxies}, "192.0.2.1:4711", "203.0.113.7"},
		{Config{Proxies: proxies, Limit: &gate.Limiter{Proxies: proxies}}, "192.0.2.1:4711", "203.0.113.7"},
		{Config{Proxies: proxies}, "192.0.2.2:4711", "192.0.2.2"},
		{Config{}, "192.0.2.1:4711", "192.0.2.1"},
	} {
		var got string
		h := newKit(t, c.config).Private(func(v *Visit) error { got = v.From(); return nil })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("X-Forwarded-For", "203.0.113.7")
		if h.ServeHTTP(httptest.NewRecorder(), r); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// A form that is too long, or that cannot be read, is refused before the handler sees it.
func TestForms(t *testing.T) {
	t.Parallel()
	k := newKit(t, Config{})
	h := k.Private(func(v *Visit) error { return v.Redirect("/x?a=1", "queue") })
	for body, want := range map[string]int{"a=b": 303, "a=%zz": 422, "a=" + strings.Repeat("x", maxForm): 413} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%.10s: %d, want %d", body, w.Code, want)
		}
		if u, _ := url.Parse(w.Header().Get("Location")); want == 303 && (u.Query().Get("a") != "1" || u.Query().Get("done") != "queue") {
			t.Errorf("goes to %s", u)
		}
	}
}

// Over TLS the session's cookie is bound to the host.
func TestCookie(t *testing.T) {
	t.Parallel()
	for secure, want := range map[bool]string{true: "__Host-tocsin", false: "tocsin"} {
		k := newKit(t, Config{Secure: secure})
		w := httptest.NewRecorder()
		h := k.Private(func(v *Visit) error { v.SetToken("x", 60); return nil })
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		c := w.Result().Cookies()[0]
		if c.Name != want || c.Secure != secure || !c.HttpOnly || c.Domain != "" || c.Path != "/" || c.MaxAge != 60 {
			t.Errorf("%+v", c)
		}
	}
}

// What is dear is asked for once in a while; a failure is not kept.
func TestKept(t *testing.T) {
	t.Parallel()
	var k Kept[int]
	asked := 0
	get := func(after time.Duration, fail error) (int, error) {
		v, _, err := k.Get(t.Context(), noon.Add(after), time.Minute, func(context.Context) (int, error) { asked++; return asked, fail })
		return v, err
	}
	if _, err := get(0, errors.New("no")); err == nil {
		t.Error("the failure is lost")
	}
	for after, want := range map[time.Duration]int{0: 2} {
		if v, err := get(after, nil); v != want || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	}
	if v, _ := get(59*time.Second, nil); v != 2 {
		t.Errorf("asked again: %d", v)
	}
	if v, _ := get(time.Minute, nil); v != 3 {
		t.Errorf("never asked again: %d", v)
	}
}
