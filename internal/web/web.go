// Package web puts the pages of all three faces behind one handler: public, member and desk.
//
// It owns how they are put together and nothing that they show.
package web

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/staff"
	"tocsin/internal/web/desk"
	"tocsin/internal/web/member"
	"tocsin/internal/web/page"
	"tocsin/internal/web/public"
	"tocsin/internal/web/static"
)

// Authority is who answers for this installation, as pages name it.
type Authority = page.Authority

// Config is what the pages need.
type Config struct {
	Loop      *loop.Loop
	Staff     *staff.Staff
	Authority Authority
	Zone      *time.Location   // of times shown; nil is UTC
	Clock     func() time.Time // what time it is
	Mailbox   bool             // the desk shows the mail that was sent (demonstration)
	Secure    bool             // pages are served over TLS
	Log       *slog.Logger     // nil: nothing is logged
}

// New returns the handler of all pages. It fails where a template is broken.
func New(c Config) (http.Handler, error) {
	k, err := page.New(page.Config{
		Authority: c.Authority, Zone: c.Zone, Clock: c.Clock, Secure: c.Secure, Mailbox: c.Mailbox, Log: c.Log,
		Session: c.Staff.Session,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+static.Prefix, static.Handler())
	public.Mount(mux, k, c.Loop, c.Staff)
	member.Mount(mux, k, c.Loop)
	desk.Mount(mux, k, c.Loop)
	return k.Harden(mux), nil
}

// Pages lists every template with the type that fills it.
func Pages() []page.Spec { return slices.Concat(page.Pages, public.Pages, member.Pages, desk.Pages) }
