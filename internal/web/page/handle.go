package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/ident"
	"tocsin/internal/lang"
)

// Policy is the content security policy of every page.
//
// Scripts may ask this installation only: passkeys are offered and answered by fetch.
const Policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'"

// Permissions are the powers of the browser that pages may use: passkeys, and nothing else.
const Permissions = "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), display-capture=(), " +
	"geolocation=(), microphone=(), payment=(), usb=()"

// maxForm bounds the bytes of a form.
const maxForm = 1 << 20

// Handler answers one visit. Its error becomes a page.
type Handler func(v *Visit) error

// Public serves h to anybody; the answer may be kept but is asked for anew each time.
func (k *Kit) Public(h Handler) http.Handler { return k.serve("no-cache", true, h) }

// Private serves h to anybody who knows the address; the answer is kept nowhere.
func (k *Kit) Private(h Handler) http.Handler { return k.serve("no-store", true, h) }

func (v *Visit) signInFirst() error {
	if v.R.Method == http.MethodGet || v.R.Method == http.MethodHead {
		return v.Redirect("/sign-in", "")
	}
	return fault.New(fault.Denied, "%s", v.T("error.signed_out"))
}

// serve answers with h, in the visit's turn where it is a page that is asked for. What a form asks for is done at once.
func (k *Kit) serve(cache string, turns bool, h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", cache)
		w.Header().Add("Vary", "Accept-Language, Cookie")
		v := &Visit{W: w, R: r, Kit: k, ID: w.Header().Get(requestHeader), Lang: k.language(w, r), Now: k.Clock()}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		var err error
		if turns && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			err = v.take()
			v.look() //nolint:contextcheck // a Visit carries its request
			v.W = &turnWriter{ResponseWriter: w, visit: v}
			defer v.yield()
		}
		if err == nil {
			err = k.answer(v, h) //nolint:contextcheck // a Visit carries its request
		}
		if err != nil {
			v.fail(err) //nolint:contextcheck // a Visit carries its request
		}
		v.yield()
		k.seen(v) //nolint:contextcheck // a Visit carries its request
	})
}

// mostSeen is how long it may take to write down that somebody was here.
const mostSeen = 10 * time.Second

// seen writes it down although whoever asked may have gone, as they do from a stream.
func (k *Kit) seen(v *Visit) {
	if k.Seen == nil || !v.Who.Unseen {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.R.Context()), mostSeen)
	defer cancel()
	if err := k.Seen(ctx, k.Clock(), v.Who); err != nil {
		k.Log.ErrorContext(ctx, "visit not written down", "error", err, "request", v.ID)
	}
}

func (k *Kit) answer(v *Visit, h Handler) error {
	who, err := k.who(v)
	if err != nil {
		return err
	}
	v.Who = who
	if err := k.account(v); err != nil {
		return err
	}
	if v.R.Method == http.MethodPost {
		if err := readForm(v.R); err != nil {
			return err
		}
	}
	return h(v)
}

func readForm(r *http.Request) error {
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	if err == nil || errors.As(err, &tooLarge) {
		return err
	}
	return fault.New(fault.Invalid, "this form cannot be read: %v", err)
}

func (k *Kit) who(v *Visit) (Visitor, error) {
	c, err := v.R.Cookie(k.cookieName())
	if err != nil || k.Session == nil || traceless(v.R) {
		return Visitor{}, nil //nolint:nilerr // without a cookie it is nobody in particular
	}
	who, err := k.Session(v.R.Context(), v.Now, c.Value)
	if errors.Is(err, fault.NotFound) || errors.Is(err, fault.Expired) {
		return Visitor{}, nil
	}
	if k.NoDesk && who.Desk() {
		return Visitor{}, nil // people of the desk are people of the desk on its own listener only
	}
	return who, err
}

// Token returns the session token that the browser sent, or "".
func (v *Visit) Token() string {
	c, err := v.R.Cookie(v.Kit.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

// SetToken gives the browser a session token for some seconds; 0 takes it away.
func (v *Visit) SetToken(token string, seconds int) {
	if seconds == 0 {
		seconds = -1
	}
	v.put(v.Kit.cookieName(), token, seconds)
}

func (v *Visit) put(name, value string, seconds int) {
	http.SetCookie(v.W, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: v.Kit.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// SetCookie keeps a value in the browser for some seconds under the session's name and another; 0 takes it away.
func (v *Visit) SetCookie(name, value string, seconds int) {
	if seconds == 0 {
		seconds = -1
	}
	v.put(v.Kit.cookieName()+"-"+name, value, seconds)
}

// Cookie returns what SetCookie kept, or "".
func (v *Visit) Cookie(name string) string {
	c, err := v.R.Cookie(v.Kit.cookieName() + "-" + name)
	if err != nil {
		return ""
	}
	return c.Value
}

// From is the address that the request comes from, as a trusted proxy says it.
func (v *Visit) From() string { return v.Kit.Proxies.Client(v.R).String() }

// cookieName carries the __Host- prefix where TLS makes browsers honour it (RFC 6265bis, section 4.1.3.2).
func (k *Kit) cookieName() string {
	if k.Secure {
		return "__Host-tocsin"
	}
	return "tocsin"
}

// traceless tells the addresses on which nobody is recognised and no cookie is set: whoever reports is nobody in
// particular, whether they have signed in or not.
func traceless(r *http.Request) bool { return beneath(r.URL.Path, "/report") }

// language takes ?lang=, which it remembers, else the cookie, else what the browser prefers.
func (k *Kit) language(w http.ResponseWriter, r *http.Request) lang.Language {
	if l, ok := lang.Known(r.URL.Query().Get("lang")); ok {
		if traceless(r) {
			return l
		}
		http.SetCookie(w, &http.Cookie{
			Name: "lang", Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: k.Secure,
			SameSite: http.SameSiteLaxMode,
		})
		return l
	}
	if c, err := r.Cookie("lang"); err == nil {
		if l, ok := lang.Known(c.Value); ok {
			return l
		}
	}
	return lang.Accepted(r.Header.Get("Accept-Language"))
}

// themes are those that a reader may choose instead of following their system.
var themes = []string{"light", "dark", "contrast"}

// system follows the reader's system again.
const system = "system"

// theme takes ?theme=, which it remembers, else the cookie; "" where neither is of themes.
func (v *Visit) theme() string {
	asked := v.R.URL.Query().Get("theme")
	if known := slices.Contains(themes, asked); !traceless(v.R) && (known || asked == system) {
		age := 365 * 24 * 3600
		if !known {
			asked, age = "", -1
		}
		http.SetCookie(v.W, &http.Cookie{
			Name: "theme", Value: asked, Path: "/", MaxAge: age, HttpOnly: true, Secure: v.Kit.Secure, SameSite: http.SameSiteLaxMode,
		})
		return asked
	}
	if c, err := v.R.Cookie("theme"); err == nil && slices.Contains(themes, c.Value) {
		return c.Value
	}
	return ""
}

const requestHeader = "X-Request-Id"

// Harden puts around all pages what none may lack: a request id, strict headers, and the refusal of requests that
// another site's page made.
func (k *Kit) Harden(h http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(k.Private(func(v *Visit) error {
		return fault.New(fault.Denied, "%s", v.T("error.cross_origin"))
	}))
	h = guard.Handler(h)
	return k.strict(k.limited(h))
}

// strict puts the headers of every answer.
func (k *Kit) strict(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := w.Header()
		out.Set(requestHeader, strings.TrimPrefix(ident.New("req"), "req_"))
		out.Set("Content-Security-Policy", Policy)
		out.Set("X-Content-Type-Options", "nosniff")
		out.Set("Referrer-Policy", "no-referrer")
		out.Set("Cross-Origin-Opener-Policy", "same-origin")
		out.Set("Cross-Origin-Resource-Policy", "same-origin")
		out.Set("Permissions-Policy", Permissions)
		if k.Secure {
			out.Set("Strict-Transport-Security", gate.StrictTransport)
		}
		h.ServeHTTP(w, r)
	})
}
