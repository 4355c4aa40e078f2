package web_test

import (
	"fmt"
	"net/url"

	"tocsin/internal/access"
	"tocsin/internal/act/program"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/webhook"
)

// say is a call with a JSON body.
func say(path, body string, args ...any) request {
	return send(path, url.Values{rawBody: {fmt.Sprintf(body, args...)}})
}

const because = `{"reason":"because of the test"}`

// hook makes a webhook of a party and returns its id.
func (w *trustWorld) hook(of ident.Party) string {
	w.t.Helper()
	by := access.Actor{
		Kind: access.Person, ID: "per_hooks", Party: of, Proved: w.now,
		Seats: []access.Seat{{Post: "administrator", Party: of, Powers: []people.Power{people.Staff}}},
	}
	have, err := w.programs().Webhooks(w.t.Context(), by, 1)
	w.must(err)
	for _, old := range have {
		w.must(w.programs().EndWebhook(w.t.Context(), w.now, by, old.ID))
	}
	h, _, err := w.programs().MakeWebhook(w.t.Context(), w.now, by, program.Order{Label: "x", URL: "https://x.example/", Acts: []string{"notice.answer"}})
	w.must(err)
	return h.ID
}

// died puts a dead delivery to a webhook and returns its address.
func (w *trustWorld) died(of ident.Party) string {
	w.t.Helper()
	id := w.hook(of)
	w.used["delivery"]++
	d := webhook.Delivery{ID: fmt.Sprintf("dlv_%d", w.used["delivery"]), Webhook: id, State: webhook.Dead, Created: w.now, Done: w.now, Body: []byte("{}")}
	w.must(w.db.Keep(w.t.Context(), func(tx *store.Tx) error { return tx.InsertWebhookDelivery(w.t.Context(), d) }))
	return id + "/retry/" + d.ID
}

var ordered = url.Values{"label": {"x"}, "url": {"https://x.example/key"}, "act": {"notice.answer"}}

// programCalls are well-formed calls of what programs use.
var programCalls = map[string]func(w *trustWorld, c *caller) request{
	"GET /api/v1/events":                func(*trustWorld, *caller) request { return at("/api/v1/events?after=0&limit=1") },
	"GET /api/v1/findings/{id}":         func(w *trustWorld, _ *caller) request { return at("/api/v1/findings/" + w.finding(alpha)) },
	"GET /api/v1/findings/{id}/history": func(w *trustWorld, _ *caller) request { return at("/api/v1/findings/" + w.finding(alpha) + "/history") },
	"GET /api/v1/findings/{id}/shares":  func(w *trustWorld, _ *caller) request { return at("/api/v1/findings/" + w.finding(alpha) + "/shares") },
	"POST /api/v1/reports": func(*trustWorld, *caller) request {
		return say("/api/v1/reports", `{"kind":"phishing","what":"a page that asks for passwords"}`)
	},
	"POST /api/v1/findings/answer": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/findings/answer", `{"findings":[%s],"answer":"start"}`, w.finding(alpha))
	},
	"POST /api/v1/findings/{id}/attribute": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/findings/"+w.finding(alpha)+"/attribute", `{"party":"beta","reason":"because of the test"}`)
	},
	"POST /api/v1/findings/{id}/discard": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/findings/"+w.finding(alpha)+"/discard", because)
	},
	"POST /api/v1/findings/{id}/reject": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/findings/"+w.disputed()+"/reject", because)
	},
	"POST /api/v1/findings/{id}/mark": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/findings/"+w.finding(alpha)+"/mark", `{"tlp":"TLP:AMBER","reason":"because of the test"}`)
	},
	"POST /api/v1/findings/{id}/shares": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/findings/"+w.finding(alpha)+"/shares", `{"with":"party:beta","reason":"because of the test"}`)
	},
	"POST /api/v1/findings/{id}/shares/{share}/end": func(w *trustWorld, _ *caller) request {
		q := w.unshare()
		id := q.path[len("/desk/findings/") : len(q.path)-len("/unshare")]
		return say("/api/v1/findings/"+id+"/shares/"+q.form.Get("share")+"/end", because)
	},
	"GET /api/v1/parties/{id}": func(*trustWorld, *caller) request { return at("/api/v1/parties/alpha") },
	"PUT /api/v1/parties/{id}": func(w *trustWorld, _ *caller) request {
		w.used["put"]++
		return say(fmt.Sprintf("/api/v1/parties/put%d", w.used["put"]), `{"name":"x","kind":"company"}`)
	},
	"GET /api/v1/notices/{id}": func(w *trustWorld, _ *caller) request { return at("/api/v1/notices/" + w.notice(alpha)) },
	"PUT /api/v1/feeds/{id}": func(w *trustWorld, _ *caller) request {
		w.used["put"]++
		return say(fmt.Sprintf("/api/v1/feeds/put%d", w.used["put"]), `{"pack":"ipsum"}`)
	},
	"POST /api/v1/signals/{id}/replay": func(w *trustWorld, _ *caller) request { return send("/api/v1/signals/"+w.fresh()+"/replay", nil) },
	"POST /api/v1/queue/{id}/done":     func(w *trustWorld, _ *caller) request { return send("/api/v1/queue/"+w.queue()+"/done", nil) },
	"POST /api/v1/proposals": func(w *trustWorld, _ *caller) request {
		f := w.ending()
		return say("/api/v1/proposals", `{"act":"party.end","object":"%s","reason":"because of the test"}`, f.Get("object"))
	},

	"POST /desk/webhooks": func(*trustWorld, *caller) request { return send("/desk/webhooks", ordered) },
	"POST /desk/webhooks/{id}/test": func(w *trustWorld, _ *caller) request {
		return send("/desk/webhooks/"+w.hook(ident.Authority)+"/test", nil)
	},
	"POST /desk/webhooks/{id}/rotate": func(w *trustWorld, _ *caller) request {
		return send("/desk/webhooks/"+w.hook(ident.Authority)+"/rotate", nil)
	},
	"POST /desk/webhooks/{id}/end": func(w *trustWorld, _ *caller) request {
		return send("/desk/webhooks/"+w.hook(ident.Authority)+"/end", nil)
	},
	"POST /desk/webhooks/{id}/retry/{delivery}": func(w *trustWorld, _ *caller) request {
		return send("/desk/webhooks/"+w.died(ident.Authority), nil)
	},
	"POST /my/webhooks":             func(*trustWorld, *caller) request { return send("/my/webhooks", ordered) },
	"POST /my/webhooks/{id}/test":   func(w *trustWorld, _ *caller) request { return send("/my/webhooks/"+w.hook(alpha)+"/test", nil) },
	"POST /my/webhooks/{id}/rotate": func(w *trustWorld, _ *caller) request { return send("/my/webhooks/"+w.hook(alpha)+"/rotate", nil) },
	"POST /my/webhooks/{id}/end":    func(w *trustWorld, _ *caller) request { return send("/my/webhooks/"+w.hook(alpha)+"/end", nil) },
	"POST /my/webhooks/{id}/retry/{delivery}": func(w *trustWorld, _ *caller) request {
		return send("/my/webhooks/"+w.died(alpha), nil)
	},
}

const (
	programToken = "person:per_api_token"
	deskAdmin    = "person:per_administrator"
	partyAdmin   = "person:per_party_admin"
)

// programWalk is what good calls of them leave in the ledger.
var programWalk = map[string]step{
	"POST /api/v1/reports":                          {exempt: "takes in what POST /report does; package api tests what it leaves"},
	"POST /api/v1/findings/answer":                  {exempt: "an API token of a party answers: package api tests what it leaves"},
	"POST /api/v1/findings/{id}/attribute":          {role: "api_token", actor: programToken, post: "handler", act: "finding.attribute", object: "finding:"},
	"POST /api/v1/findings/{id}/discard":            {role: "api_token", actor: programToken, post: "handler", act: "finding.discard", object: "finding:"},
	"POST /api/v1/findings/{id}/reject":             {role: "api_token", actor: programToken, post: "handler", act: "finding.reject", object: "finding:"},
	"POST /api/v1/findings/{id}/mark":               {role: "api_token", actor: programToken, post: "handler", act: "finding.raise", object: "finding:"},
	"POST /api/v1/findings/{id}/shares":             {role: "api_token", actor: programToken, post: "handler", act: "finding.share", object: "finding:"},
	"POST /api/v1/findings/{id}/shares/{share}/end": {role: "api_token", actor: programToken, post: "handler", act: "finding.unshare", object: "finding:"},
	"PUT /api/v1/parties/{id}":                      {role: "api_token", actor: programToken, post: "administrator", act: "party.put", object: "party:put"},
	"PUT /api/v1/feeds/{id}":                        {role: "api_token", actor: programToken, post: "administrator", act: "feed.put", object: "feed:put"},
	"POST /api/v1/signals/{id}/replay":              {role: "api_token", actor: programToken, post: "administrator", act: "signal.replay", object: "signal:"},
	"POST /api/v1/queue/{id}/done":                  {role: "api_token", actor: programToken, post: "handler", act: "queue.done", object: "party:beta"},
	"POST /api/v1/proposals":                        {role: "api_token", actor: programToken, post: "administrator", act: "party.end.propose", object: "party:gone"},
	"POST /desk/webhooks":                           {role: "administrator", actor: deskAdmin, post: "administrator", act: "webhook.put", object: "webhook:whk_"},
	"POST /desk/webhooks/{id}/test":                 {role: "administrator", actor: deskAdmin, post: "administrator", act: "webhook.test", object: "webhook:whk_"},
	"POST /desk/webhooks/{id}/rotate":               {role: "administrator", actor: deskAdmin, post: "administrator", act: "webhook.rotate", object: "webhook:whk_"},
	"POST /desk/webhooks/{id}/end":                  {role: "administrator", actor: deskAdmin, post: "administrator", act: "webhook.end", object: "webhook:whk_"},
	"POST /desk/webhooks/{id}/retry/{delivery}":     {role: "administrator", actor: deskAdmin, post: "administrator", act: "webhook.retry", object: "webhook:whk_"},
	"POST /my/webhooks":                             {role: "party_admin", actor: partyAdmin, post: "pst_admin", act: "webhook.put", object: "webhook:whk_"},
	"POST /my/webhooks/{id}/test":                   {role: "party_admin", actor: partyAdmin, post: "pst_admin", act: "webhook.test", object: "webhook:whk_"},
	"POST /my/webhooks/{id}/rotate":                 {role: "party_admin", actor: partyAdmin, post: "pst_admin", act: "webhook.rotate", object: "webhook:whk_"},
	"POST /my/webhooks/{id}/end":                    {role: "party_admin", actor: partyAdmin, post: "pst_admin", act: "webhook.end", object: "webhook:whk_"},
	"POST /my/webhooks/{id}/retry/{delivery}":       {role: "party_admin", actor: partyAdmin, post: "pst_admin", act: "webhook.retry", object: "webhook:whk_"},
}
