// Package desk owns the pages of the authority's people: the queue, findings, parties, notices, feeds, signals, the
// ledger, and in a demonstration the mail that was sent.
//
// It parses requests, calls operations of act/loop and fills page bodies; it decides nothing.
package desk

import (
	"net/http"
	"strconv"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

type desk struct {
	kit  *page.Kit
	loop *loop.Loop
}

// Route is one address of the desk.
type Route struct {
	Pattern string // of http.ServeMux
	handle  page.Handler
}

// Mount puts the desk's pages on mux.
func Mount(mux *http.ServeMux, k *page.Kit, l *loop.Loop) {
	for _, r := range routes(k, l) {
		mux.Handle(r.Pattern, k.Desk(r.handle))
	}
}

// Routes lists the desk's addresses.
func Routes(k *page.Kit, l *loop.Loop) []string {
	var out []string
	for _, r := range routes(k, l) {
		out = append(out, r.Pattern)
	}
	return out
}

func routes(k *page.Kit, l *loop.Loop) []Route {
	d := &desk{k, l}
	all := []Route{
		{"GET /desk", d.queue},
		{"POST /desk/queue/{id}/done", d.queueDone},
		{"GET /desk/findings", d.findings},
		{"GET /desk/findings.csv", d.findingsCSV},
		{"GET /desk/findings.jsonl", d.findingsJSON},
		{"GET /desk/findings/{id}", d.finding},
		{"POST /desk/findings/{id}/discard", d.discard},
		{"POST /desk/findings/{id}/reject", d.reject},
		{"POST /desk/findings/{id}/attribute", d.attribute},
		{"GET /desk/parties", d.parties},
		{"GET /desk/parties/{id}", d.party},
		{"GET /desk/notices", d.notices},
		{"GET /desk/notices/{id}", d.notice},
		{"GET /desk/notices/{id}/html", d.noticeHTML},
		{"GET /desk/notices/{id}/mail.eml", d.noticeMail},
		{"GET /desk/notices/{id}/attachments/{n}", d.noticeAttachment},
		{"GET /desk/feeds", d.feeds},
		{"GET /desk/signals", d.signals},
		{"GET /desk/signals/{id}", d.signal},
		{"POST /desk/signals/{id}/replay", d.replay},
		{"GET /desk/ledger", d.ledger},
	}
	if k.Mailbox {
		all = append(all, Route{"GET /desk/mail", d.mailbox}, Route{"GET /desk/mail/{id}", d.letter})
	}
	return all
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
