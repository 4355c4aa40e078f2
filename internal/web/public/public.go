// Package public owns the pages that anybody may see: the start page and sign-in.
//
// It parses requests, calls operations of act/loop and fills page bodies; it decides nothing.
package public

import (
	"time"

	"tocsin/internal/act/casework"
	"tocsin/internal/act/loop"
	pictures "tocsin/internal/act/picture"
	"tocsin/internal/act/record"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/notice"
	"tocsin/internal/situation"
	"tocsin/internal/web/account"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// Acts are the operations that public pages call, and the rules that they explain.
type Acts struct {
	Loop     *loop.Loop
	Staff    *staff.Staff
	Casework *casework.Casework // nil: no code or receipt of a report is known
	Record   *record.Log        // nil: the ledger is not published
	Rules    notice.Rules       // that notices follow; zero members are the usual ones
	Fade     time.Duration      // without a sighting until a finding is stale; 0 is 90 days

	Picture *pictures.Picture // nil: nothing is counted
	Shapes  chart.Shapes      // of the operator's map; zero: there is none
	Library *notice.Library   // what classes are called; nil: by their slugs
}

type public struct {
	Acts
	kit     *page.Kit
	counted page.Kept[situation.Statistics]
	kept    page.Kept[situation.Promises]
}

// Routes lists the public addresses.
func Routes(k *page.Kit, a Acts) []page.Route {
	p := &public{kit: k, Acts: a}
	return []page.Route{
		{Pattern: "GET /{$}", Door: page.ForAll, Handle: p.start},
		{Pattern: "GET /statistics", Door: page.ForAll, Handle: p.statistics},
		{Pattern: "GET /statistics.csv", Door: page.ForAll, Handle: p.statisticsCSV},
		{Pattern: "GET /statistics.json", Door: page.ForAll, Handle: p.statisticsJSON},
		{Pattern: "GET /promises", Door: page.ForAll, Handle: p.promises},
		{Pattern: "GET /duties", Door: page.ForAll, Handle: p.duties},
		{Pattern: "GET /advisories", Door: page.ForAll, Handle: p.advisories},
		{Pattern: "GET /accessibility", Door: page.ForAll, Handle: p.accessibility},
		{Pattern: "GET /privacy", Door: page.ForAll, Handle: p.privacy},
		{Pattern: "GET /verify", Door: page.ForAll, Handle: p.verify},
		{Pattern: "POST /verify", Door: page.ForHolder, Handle: p.judge},
		{Pattern: "GET /sign-in", Door: page.ForHolder, Handle: p.signIn},
		{Pattern: "POST /sign-in", Door: page.ForHolder, Handle: p.byPassword},
		{Pattern: "GET /sign-in/passkey", Door: page.ForHolder, Handle: p.backToSignIn},
		{Pattern: "POST /sign-in/passkey", Door: page.ForHolder, Handle: p.askPasskey},
		{Pattern: "POST /sign-in/passkey/done", Door: page.ForHolder, Handle: p.byPasskey},
		{Pattern: "GET /sign-in/oidc", Door: page.ForHolder, Handle: p.toProvider, Waits: true},
		{Pattern: "GET /sign-in/oidc/callback", Door: page.ForHolder, Handle: p.fromProvider, Waits: true},
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
	{Name: "public/statistics", View: page.View[statisticsBody]{}},
	{Name: "public/promises", View: page.View[promisesBody]{}},
	{Name: "public/duties", View: page.View[dutiesBody]{}},
	{Name: "public/advisories", View: page.View[struct{}]{}},
	{Name: "public/accessibility", View: page.View[struct{}]{}},
	{Name: "public/privacy", View: page.View[privacyBody]{}},
	{Name: "public/verify", View: page.View[verifyBody]{}},
	{Name: "public/sign-in", View: page.View[signInBody]{}},
	{Name: "public/passkey", View: page.View[account.Ceremony]{}},
	{Name: "public/set-up", View: page.View[setupBody]{}},
	{Name: "public/confirm", View: page.View[confirmBody]{}},
}
