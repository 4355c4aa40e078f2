package api

import (
	"net/http"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
)

// tooMany is the refusal of a request that came too early.
type tooMany struct{ wait time.Duration }

func (t *tooMany) Error() string { return "too many requests" }

func (t *tooMany) Unwrap() error {
	return fault.New(fault.TooMany, "too many requests; wait for as long as Retry-After says (%s s)", gate.Seconds(t.wait))
}

// gated puts around mux the limits of networks, and the answer 405 for addresses that exist for other methods.
func (a *api) gated(mux *http.ServeMux) http.Handler {
	refuse := func(w http.ResponseWriter, r *http.Request, err error) {
		a.serve(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if class, counted := gate.ClassOf(r); counted {
			if wait := a.Limit.Network(a.Clock(), class, r); wait > 0 {
				refuse(w, r, &tooMany{wait})
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
		return &tooMany{wait}
	}
	return nil
}
