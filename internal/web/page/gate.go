package page

import (
	"net/http"
	"strings"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
)

// limited turns away networks that ask too often, before anything is looked up for them.
func (k *Kit) limited(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		class, counted := gate.ClassOf(r)
		if !counted {
			h.ServeHTTP(w, r)
			return
		}
		if wait := k.Limit.Network(k.Clock(), class, r); wait > 0 {
			v := k.stranger(w, r)
			v.W.Header().Set("Retry-After", gate.Seconds(wait))
			v.fail(fault.New(fault.TooMany, "%s", v.T("error.too_many", gate.Seconds(wait)))) //nolint:contextcheck // a Visit carries its request
			return
		}
		h.ServeHTTP(w, r)
	})
}

// account counts what a person asks for, from wherever they ask.
func (k *Kit) account(v *Visit) error {
	class, counted := gate.ClassOf(v.R)
	if !counted || v.Who.Kind == access.Nobody {
		return nil
	}
	wait := k.Limit.Account(v.Now, class, v.Who.String())
	if wait <= 0 {
		return nil
	}
	v.W.Header().Set("Retry-After", gate.Seconds(wait))
	return fault.New(fault.TooMany, "%s", v.T("error.too_many", gate.Seconds(wait)))
}

// stranger is a visit of which nothing but the request is known, for refusals.
func (k *Kit) stranger(w http.ResponseWriter, r *http.Request) *Visit {
	w.Header().Set("Cache-Control", "no-store")
	return &Visit{W: w, R: r, Kit: k, ID: w.Header().Get(requestHeader), Lang: k.language(w, r), Now: k.Clock()}
}

// Methods puts around mux the answer 405 for addresses that exist for other methods: the catch-all patterns would make
// them 404. Where the desk has a listener of its own, its addresses are not there, nor is the first set-up, which makes
// a person of the desk.
func (k *Kit) Methods(mux *http.ServeMux, catchAll ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k.NoDesk && (beneath(r.URL.Path, "/desk") || beneath(r.URL.Path, "/set-up")) {
			v := k.stranger(w, r)
			v.fail(fault.New(fault.NotFound, "%s", v.T("error.no_page"))) //nolint:contextcheck // a Visit carries its request
			return
		}
		if gate.Known(mux, r, catchAll...) {
			mux.ServeHTTP(w, r)
			return
		}
		allowed := gate.Allowed(mux, r, catchAll...)
		if len(allowed) == 0 {
			mux.ServeHTTP(w, r)
			return
		}
		v := k.stranger(w, r)
		v.W.Header().Set("Allow", strings.Join(allowed, ", "))
		v.fail(fault.New(fault.NoMethod, "%s", v.T("error.no_method"))) //nolint:contextcheck // a Visit carries its request
	})
}

func beneath(path, of string) bool { return path == of || strings.HasPrefix(path, of+"/") }
