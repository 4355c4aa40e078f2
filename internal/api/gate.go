package api

import (
	"net/http"
	"strings"

	"tocsin/internal/access"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
)

// gated puts around mux the limits of networks, and the answer 405 for addresses that exist for other methods.
func (a *api) gated(mux *http.ServeMux) http.Handler {
	refuse := func(w http.ResponseWriter, r *http.Request, err error) {
		a.front().Serve(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if class, counted := gate.ClassOf(r); counted {
			if wait := a.Limit.Network(a.Clock(), class, r); wait > 0 {
				refuse(w, r, &operation.TooMany{Wait: wait})
				return
			}
		}
		if !gate.Known(mux, r, "/api/") {
			if allowed := gate.Allowed(mux, r, "/api/"); len(allowed) > 0 {
				w.Header().Set("Allow", strings.Join(allowed, ", "))
				refuse(w, r, fault.New(fault.NoMethod, "%s is not for %s: %s", r.URL.Path, r.Method, strings.Join(allowed, ", ")))
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// account counts what a feed or a person asks for, from wherever they ask.
func (a *api) account(r *http.Request, by access.Actor) error {
	class, counted := gate.ClassOf(r)
	if !counted {
		return nil
	}
	if wait := a.Limit.Account(a.Clock(), class, by.String()); wait > 0 {
		return &operation.TooMany{Wait: wait}
	}
	return nil
}
