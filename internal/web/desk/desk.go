// Package desk owns the pages of the authority's people: the queue, findings, parties, notices, feeds, signals, the
// ledger, and in a demonstration the mail that was sent.
//
// It parses requests, calls operations of act/loop and fills page bodies; it decides nothing.
package desk

import (
	"context"
	"strconv"

	"tocsin/internal/act/casework"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/record"
	"tocsin/internal/act/register"
	"tocsin/internal/act/rehearse"
	"tocsin/internal/act/rule"
	"tocsin/internal/act/staff"
	"tocsin/internal/act/triage"
	"tocsin/internal/act/upkeep"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// Acts are the operations that the desk's pages call.
type Acts struct {
	Loop    *loop.Loop
	Triage  *triage.Desk
	Staff   *staff.Staff
	Picture *picture.Picture
	Record  *record.Log // nil: the ledger's page is not there

	Rules    *rule.Desk                            // nil: no rules can be written
	Stage    *rehearse.Stage                       // nil: no feed can be added here
	Upkeep   *upkeep.Upkeep                        // goes with Stage and System
	System   func(ctx context.Context) SystemFacts // nil: the system's page is not there
	Casework *casework.Casework                    // nil: no reports wait
	Shapes   chart.Shapes                          // of the operator's map; zero: there is none
	Register *register.Register                    // nil: no changes of the register wait
}

type desk struct {
	kit    *page.Kit
	loop   *loop.Loop
	log    *record.Log // nil: the ledger's page is not there
	triage *triage.Desk
	acts   Acts
	drawn  drawn
	tally  page.Kept[feedTally]
}

// Routes lists the desk's addresses with the power that each needs.
func Routes(k *page.Kit, a Acts) []page.Route {
	d := &desk{kit: k, loop: a.Loop, log: a.Record, triage: a.Triage, acts: a}
	all := []page.Route{
		route("GET /desk/findings", people.Read, d.findings),
		file("GET /desk/findings.csv", d.findingsCSV),
		file("GET /desk/findings.jsonl", d.findingsJSON),
		route("GET /desk/findings/{id}", people.Read, d.finding),
		route("POST /desk/findings/{id}/raw", people.Raw, d.findingLook),
		route("POST /desk/findings/{id}/mark", people.Mark, d.mark),
		route("POST /desk/findings/{id}/share", people.Mark, d.share),
		route("POST /desk/findings/{id}/unshare", people.Mark, d.unshare),
		route("GET /desk/parties", people.Read, d.parties),
		route("GET /desk/parties/{id}", people.Read, d.party),
		route("GET /desk/notices", people.Read, d.notices),
		route("GET /desk/notices/{id}", people.Read, d.notice),
		route("GET /desk/notices/{id}/html", people.Raw, d.noticeHTML),
		route("GET /desk/notices/{id}/mail.eml", people.Raw, d.noticeMail),
		route("GET /desk/notices/{id}/attachments/{n}", people.Raw, d.noticeAttachment),
		route("POST /desk/notices/{id}/look", people.Raw, d.noticeLook),
		route("GET /desk/feeds", people.Read, d.feeds),
		route("GET /desk/signals", people.Read, d.signals),
		route("GET /desk/signals/{id}", people.Read, d.signal),
		route("POST /desk/signals/{id}/look", people.Raw, d.signalLook),
		route("POST /desk/signals/{id}/replay", people.Feeds, d.replay),
		route("GET /desk/ledger", people.Audit, d.ledger),
		route("GET /desk/system/design", people.Read, d.design),
	}
	all = append(all, d.listRoutes()...)
	all = append(all, d.workRoutes()...)
	all = append(all, d.ruleRoutes()...)
	all = append(all, d.feedRoutes()...)
	all = append(all, d.previewRoutes()...)
	all = append(all, d.systemRoutes()...)
	if k.Mailbox {
		all = append(all, route("GET /desk/mail", people.Raw, d.mailbox), route("GET /desk/mail/{id}", people.Raw, d.letter),
			route("POST /desk/mail/{id}/look", people.Raw, d.letterLook))
	}
	return all
}

// route is an address of the desk and the power that a person there needs for it.
func route(pattern string, power people.Power, h page.Handler) page.Route {
	return page.Route{Pattern: pattern, Door: page.ForDesk, Power: power, Handle: h}
}

// file is the route of a list as a file, which is read to its end and written to the ledger.
func file(pattern string, h page.Handler) page.Route {
	r := route(pattern, people.Export, h)
	r.Waits = true
	return r
}

// pageSize is how many rows a list of the desk shows.
const pageSize = 50

// workRoutes are the addresses of the daily work: the queue, and what is done to findings from wherever they are listed.
func (d *desk) workRoutes() []page.Route {
	return []page.Route{
		route("GET /desk", people.Read, d.queue),
		route("POST /desk/queue/act", people.Triage, d.queueAct),
		route("GET /desk/queue/preview", people.Triage, d.queuePreview),
		route("POST /desk/queue/bulk", people.Triage, d.queueBulk),
		route("POST /desk/queue/undo", people.Triage, d.queueUndo),
		route("GET /desk/situation", people.Read, d.situation),
		route("GET /desk/situation/{figure}", people.Read, d.situationCSV),
		route("POST /desk/views", people.Read, d.viewSave),
		route("POST /desk/views/{id}/end", people.Read, d.viewEnd),
		route("GET /desk/search", people.Read, d.search),
		route("GET /desk/search.json", people.Read, d.searchJSON),
		route("POST /desk/findings/{id}/discard", people.Triage, d.discard),
		route("POST /desk/findings/{id}/reject", people.Triage, d.reject),
		route("POST /desk/findings/{id}/attribute", people.Triage, d.attribute),
	}
}

// number reads a positive number from the address; fault.NotFound where it is none, as there is no such page.
func number(v *page.Visit, name string) (int64, error) {
	n, err := strconv.ParseInt(v.R.PathValue(name), 10, 64)
	if err != nil || n <= 0 {
		return 0, fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	return n, nil
}

func findingID(v *page.Visit) (ident.Finding, error) {
	n, err := number(v, "id")
	return ident.Finding(n), err
}

func signalID(v *page.Visit) (ident.Signal, error) {
	n, err := number(v, "id")
	return ident.Signal(n), err
}

// cursor reads a positive number from the query; 0 where there is none.
func cursor(v *page.Visit, name string) int64 {
	n, err := strconv.ParseInt(v.R.URL.Query().Get(name), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Pages are the desk's templates with the types that fill them.
var Pages = []page.Spec{
	{Name: "desk/queue", View: page.View[queueBody]{}},
	{Name: "desk/preview", View: page.View[previewBody]{}},
	{Name: "desk/search", View: page.View[searchBody]{}},
	{Name: "desk/situation", View: page.View[situationBody]{}},
	{Name: "desk/findings", View: page.View[findingsBody]{}},
	{Name: "desk/finding", View: page.View[findingBody]{}},
	{Name: "desk/parties", View: page.View[partiesBody]{}},
	{Name: "desk/party", View: page.View[partyBody]{}},
	{Name: "desk/notices", View: page.View[noticesBody]{}},
	{Name: "desk/notice", View: page.View[noticeBody]{}},
	{Name: "desk/feeds", View: page.View[feedsBody]{}},
	{Name: "desk/feed", View: page.View[feedBody]{}},
	{Name: "desk/feed-new", View: page.View[feedNewBody]{}},
	{Name: "desk/rules", View: page.View[rulesBody]{}},
	{Name: "desk/rule", View: page.View[ruleBody]{}},
	{Name: "desk/rule-new", View: page.View[ruleNewBody]{}},
	{Name: "desk/notice-preview", View: page.View[noticePreviewBody]{}},
	{Name: "desk/system", View: page.View[systemBody]{}},
	{Name: "desk/signals", View: page.View[signalsBody]{}},
	{Name: "desk/signal", View: page.View[signalBody]{}},
	{Name: "desk/design", View: page.View[designBody]{}},
	{Name: "desk/ledger", View: page.View[ledgerBody]{}},
	{Name: "desk/mailbox", View: page.View[mailboxBody]{}},
	{Name: "desk/letter", View: page.View[letterBody]{}},
}
