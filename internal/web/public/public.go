// Package public owns the pages that anybody may see: the start page and sign-in.
//
// It parses requests, calls operations of act/loop and fills page bodies; it decides nothing.
package public

import (
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/staff"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/web/account"
	"tocsin/internal/web/page"
)

type public struct {
	kit    *page.Kit
	loop   *loop.Loop
	staff  *staff.Staff
	shares page.Kept[[]loop.Share]
}

// Routes lists the public addresses.
func Routes(k *page.Kit, l *loop.Loop, s *staff.Staff) []page.Route {
	p := &public{kit: k, loop: l, staff: s}
	return []page.Route{
		{Pattern: "GET /{$}", Door: page.ForAll, Handle: p.start},
		{Pattern: "GET /sign-in", Door: page.ForHolder, Handle: p.signIn},
		{Pattern: "POST /sign-in", Door: page.ForHolder, Handle: p.byPassword},
		{Pattern: "GET /sign-in/passkey", Door: page.ForHolder, Handle: p.backToSignIn},
		{Pattern: "POST /sign-in/passkey", Door: page.ForHolder, Handle: p.askPasskey},
		{Pattern: "POST /sign-in/passkey/done", Door: page.ForHolder, Handle: p.byPasskey},
		{Pattern: "GET /sign-in/oidc", Door: page.ForHolder, Handle: p.toProvider},
		{Pattern: "GET /sign-in/oidc/callback", Door: page.ForHolder, Handle: p.fromProvider},
		{Pattern: "GET /sign-in/{token}", Door: page.ForHolder, Handle: p.confirm},
		{Pattern: "POST /sign-in/{token}", Door: page.ForHolder, Handle: p.open},
		{Pattern: "GET /set-up/{token}", Door: page.ForHolder, Handle: p.setUp},
		{Pattern: "POST /set-up/{token}", Door: page.ForHolder, Handle: p.found},
		{Pattern: "POST /sign-out", Door: page.ForHolder, Handle: p.signOut},
		{Pattern: "/", Door: page.ForAll, Handle: nothing},
	}
}

func nothing(v *page.Visit) error { return fault.New(fault.NotFound, "%s", v.T("error.no_page")) }

// Pages are the public templates with the types that fill them.
var Pages = []page.Spec{
	{Name: "public/start", View: page.View[startBody]{}},
	{Name: "public/sign-in", View: page.View[signInBody]{}},
	{Name: "public/passkey", View: page.View[account.Ceremony]{}},
	{Name: "public/set-up", View: page.View[setupBody]{}},
	{Name: "public/confirm", View: page.View[confirmBody]{}},
}

type startBody struct {
	Live    []severityCount // the worst first; none where nothing may be shown
	Total   int64           // rounded
	Few     bool            // Total is withheld
	Closed  int64           // verified closed, rounded
	FewDone bool            // Closed is withheld
	As      time.Time       // when they were counted
}

type severityCount struct {
	Severity event.Severity
	Count    int64 // rounded
	Few      bool  // withheld: fewer than 5
	Width    int   // of its bar, of 100
}

// sharesAge is how old the counts on the start page may be: they read every finding.
const sharesAge = 5 * time.Minute

func (p *public) start(v *page.Visit) error {
	shares, as, err := p.shares.Get(v.R.Context(), v.Now, sharesAge, p.loop.Shares)
	if err != nil {
		return err
	}
	return page.Show(v, "public/start", v.T("public.start.title"), summary(shares, as))
}

func summary(shares []loop.Share, as time.Time) startBody {
	b := startBody{As: as}
	live := map[event.Severity]int64{}
	var total, closed, most int64
	for _, s := range shares {
		if s.State.Live() {
			live[s.Severity] += s.Count
			total += s.Count
		}
		if s.State == finding.VerifiedClosed {
			closed += s.Count
		}
	}
	b.Total, b.Few = coarse(total)
	b.Closed, b.FewDone = coarse(closed)
	for _, n := range live {
		most = max(most, n)
	}
	for s := event.Critical; ; s-- {
		if n := live[s]; n > 0 {
			c := severityCount{Severity: s, Width: int(max(1, 100*n/most))}
			if c.Count, c.Few = coarse(n); c.Few {
				c.Width = 1
			}
			b.Live = append(b.Live, c)
		}
		if s == event.Unknown {
			return b
		}
	}
}

// least is the smallest count that is published: smaller ones can point at somebody.
const least = 5

// coarse rounds a count to a multiple of five, so that two small counts do not give a withheld one away.
func coarse(n int64) (rounded int64, few bool) {
	if n < least {
		return 0, n > 0
	}
	return (n + 2) / 5 * 5, false
}
