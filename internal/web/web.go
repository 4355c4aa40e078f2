// Package web puts the pages of all three faces behind one handler: public, member and desk.
//
// It owns how they are put together and nothing that they show.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"tocsin/internal/act/casework"
	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/mailing"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/program"
	"tocsin/internal/act/record"
	"tocsin/internal/act/register"
	"tocsin/internal/act/rehearse"
	"tocsin/internal/act/rule"
	"tocsin/internal/act/staff"
	"tocsin/internal/act/triage"
	"tocsin/internal/act/upkeep"
	"tocsin/internal/gate"
	"tocsin/internal/notice"
	"tocsin/internal/web/account"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/desk"
	"tocsin/internal/web/member"
	"tocsin/internal/web/office"
	"tocsin/internal/web/page"
	connect "tocsin/internal/web/program"
	"tocsin/internal/web/public"
	"tocsin/internal/web/static"
)

// Authority is who answers for this installation, as pages name it.
type Authority = page.Authority

// Config is what the pages need.
type Config struct {
	Loop      *loop.Loop
	Staff     *staff.Staff
	Casework  *casework.Casework
	Record    *record.Log // nil: the ledger is not published
	Picture   *picture.Picture
	Exposure  *exposure.Exposure
	Register  *register.Register
	Triage    *triage.Desk
	Programs  *program.Programs
	Document  []byte          // the OpenAPI document of the API
	Streams   *gate.Streams   // bounds live counts; nil: nothing does
	Shapes    chart.Shapes    // of the operator's map; zero: there is none
	Library   *notice.Library // what classes are called; nil: by their slugs
	Mailing   *mailing.Desk
	Ruling    *rule.Desk      // nil: the desk has no rules of its own
	Stage     *rehearse.Stage // nil: no feed can be added on a page
	Upkeep    *upkeep.Upkeep
	System    func(context.Context) desk.SystemFacts // nil: the system's page is not there
	Rules     notice.Rules                           // that notices follow, for the page that explains them
	Fade      time.Duration                          // without a sighting until a finding is stale, for the same page
	Authority Authority
	Zone      *time.Location   // of times shown; nil is UTC
	Clock     func() time.Time // what time it is
	Mailbox   bool             // the desk shows the mail that was sent (demonstration)
	Secure    bool             // pages are served over TLS
	NoDesk    bool             // the desk has a listener of its own, and this is not it
	Limit     *gate.Limiter    // nil: requests are not limited
	Proxies   gate.Proxies     // that say whom they speak for
	Log       *slog.Logger     // nil: nothing is logged
	// Snapshot returns a context under which what is read of the database is of one state, and what ends that.
	Snapshot func(context.Context) (context.Context, func())
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
		Session: c.Staff.Session, Seen: c.Staff.Seen, Snapshot: c.Snapshot,
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
		public.Routes(k, public.Acts{
			Loop: c.Loop, Staff: c.Staff, Casework: c.Casework, Record: c.Record, Rules: c.Rules, Fade: c.Fade, Picture: c.Picture, Library: c.Library, Shapes: c.Shapes,
		}),
		public.ReportRoutes(k, c.Casework), public.LedgerRoutes(c.Record),
		member.Routes(k, member.Acts{Loop: c.Loop, Exposure: c.Exposure, Register: c.Register, Picture: c.Picture}),
		desk.Routes(k, deskActs(c)), desk.ChangeRoutes(c.Loop, c.Register), desk.ReportRoutes(k, c.Casework), desk.MailRoutes(c.Mailing),
		office.Routes(c.Staff), account.Routes(c.Staff),
		connect.Routes(connect.Acts{Programs: c.Programs, Staff: c.Staff, Casework: c.Casework, Register: c.Register, Document: c.Document, Streams: c.Streams}),
	)
}

func deskActs(c Config) desk.Acts {
	return desk.Acts{
		Loop: c.Loop, Triage: c.Triage, Staff: c.Staff, Picture: c.Picture, Record: c.Record, Casework: c.Casework,
		Register: c.Register, Rules: c.Ruling, Stage: c.Stage, Upkeep: c.Upkeep, System: c.System, Shapes: c.Shapes,
	}
}

// Route is one address of the pages.
type Route = page.Route

// Routes lists every address of the pages, with whom it lets in and the power that it needs.
func Routes(c Config) []Route { return routes(&page.Kit{Config: page.Config{Mailbox: c.Mailbox}}, c) }

// Pages lists every template with the type that fills it.
func Pages() []page.Spec {
	return slices.Concat(page.Pages, public.Pages, public.ReportPages, member.Pages, desk.Pages, desk.ChangePages, desk.ReportPages, desk.MailPages, account.Pages, office.Pages, connect.Pages)
}
