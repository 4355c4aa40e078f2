// Package desk owns the pages of the authority's people: the queue, findings, parties, notices, feeds, signals, the
// ledger, and in a demonstration the mail that was sent.
//
// It parses requests, calls operations of act/loop and fills page bodies; it decides nothing.
package desk

import (
	"strconv"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type desk struct {
	kit  *page.Kit
	loop *loop.Loop
	log  *record.Log // nil: the ledger's page is not there
}

// Routes lists the desk's addresses with the power that each needs.
func Routes(k *page.Kit, l *loop.Loop, r *record.Log) []page.Route {
	d := &desk{k, l, r}
	all := []page.Route{
		route("GET /desk", people.Read, d.queue),
		route("POST /desk/queue/{id}/done", people.Triage, d.queueDone),
		route("GET /desk/findings", people.Read, d.findings),
		route("GET /desk/findings.csv", people.Export, d.findingsCSV),
		route("GET /desk/findings.jsonl", people.Export, d.findingsJSON),
		route("GET /desk/findings/{id}", people.Read, d.finding),
		route("POST /desk/findings/{id}/discard", people.Triage, d.discard),
		route("POST /desk/findings/{id}/reject", people.Triage, d.reject),
		route("POST /desk/findings/{id}/attribute", people.Triage, d.attribute),
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
	}
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

// pageSize is how many rows a list of the desk shows.
const pageSize = 50

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
	{Name: "desk/findings", View: page.View[findingsBody]{}},
	{Name: "desk/finding", View: page.View[findingBody]{}},
	{Name: "desk/parties", View: page.View[partiesBody]{}},
	{Name: "desk/party", View: page.View[partyBody]{}},
	{Name: "desk/notices", View: page.View[noticesBody]{}},
	{Name: "desk/notice", View: page.View[noticeBody]{}},
	{Name: "desk/feeds", View: page.View[feedsBody]{}},
	{Name: "desk/signals", View: page.View[signalsBody]{}},
	{Name: "desk/signal", View: page.View[signalBody]{}},
	{Name: "desk/ledger", View: page.View[ledgerBody]{}},
	{Name: "desk/mailbox", View: page.View[mailboxBody]{}},
	{Name: "desk/letter", View: page.View[letterBody]{}},
}
