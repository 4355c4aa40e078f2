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
	"tocsin/internal/act/record"
	"tocsin/internal/act/staff"
	"tocsin/internal/gate"
	"tocsin/internal/web/account"
	"tocsin/internal/web/desk"
	"tocsin/internal/web/member"
	"tocsin/internal/web/office"
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
	Record    *record.Log // nil: the ledger is not published
	Authority Authority
	Zone      *time.Location   // of times shown; nil is UTC
	Clock     func() time.Time // what time it is
	Mailbox   bool             // the desk shows the mail that was sent (demonstration)
	Secure    bool             // pages are served over TLS
	NoDesk    bool             // the desk has a listener of its own, and this is not it
	Limit     *gate.Limiter    // nil: requests are not limited
	Proxies   gate.Proxies     // that say whom they speak for
	Log       *slog.Logger     // nil: nothing is logged
}

// New returns the handler of all pages. It fails where a template is broken.
func New(c Config) (http.Handler, error) {
	k, mux, err := pages(c)
	if err != nil {
		return nil, err
	}
	return k.Harden(k.Methods(mux, "/")), nil
}

func pages(c Config) (*page.Kit, *http.ServeMux, error) {
	k, err := page.New(page.Config{
		Authority: c.Authority, Zone: c.Zone, Clock: c.Clock, Secure: c.Secure, Mailbox: c.Mailbox, Log: c.Log,
		NoDesk: c.NoDesk, Limit: c.Limit, Proxies: c.Proxies,
		Session: c.Staff.Session,
	})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	k.Mount(mux, routes(k, c))
	return k, mux, nil
}

// routes lists every address of the pages: what is not here is not served.
func routes(k *page.Kit, c Config) []page.Route {
	return slices.Concat(
		[]page.Route{{Pattern: "GET " + static.Prefix, Door: page.ForAll, Raw: static.Handler()}},
		public.Routes(k, c.Loop, c.Staff), public.LedgerRoutes(c.Record), member.Routes(k, c.Loop), desk.Routes(k, c.Loop, c.Record), office.Routes(c.Staff), account.Routes(c.Staff),
	)
}

// Route is one address of the pages.
type Route = page.Route

// Routes lists every address of the pages, with whom it lets in and the power that it needs.
func Routes(c Config) []Route { return routes(&page.Kit{Config: page.Config{Mailbox: c.Mailbox}}, c) }

// Pages lists every template with the type that fills it.
func Pages() []page.Spec {
	return slices.Concat(page.Pages, public.Pages, member.Pages, desk.Pages, account.Pages, office.Pages)
}
