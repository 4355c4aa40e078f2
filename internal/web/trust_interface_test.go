package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"tocsin/internal/ident"
)

func init() { //nolint:gochecknoinits // calls name what looks them up: a variable would be a cycle
	maps.Copy(calls, interfaceCalls)
	maps.Copy(walk, interfaceWalk)
}

// batch is what the program did and can undo.
func (w *trustWorld) batch() string {
	w.t.Helper()
	q := say("/api/v1/findings/"+w.finding(alpha)+"/discard", because)
	r := w.roles["api_token"].call("POST", q.path, q.form)
	var is struct{ Batch string }
	w.must(json.Unmarshal(r.Body.Bytes(), &is))
	if is.Batch == "" {
		w.t.Fatalf("discard: %d\n%s", r.Code, r.Body)
	}
	return is.Batch
}

// ownProposal is a proposal of the program's person.
func (w *trustWorld) ownProposal() string {
	w.t.Helper()
	f := w.ending()
	by, err := w.staff.ActorOf(w.t.Context(), w.now, "per_api_token")
	w.must(err)
	p, err := w.staff.Propose(w.t.Context(), w.now, by, f.Get("act"), f.Get("object"), "", "no")
	w.must(err)
	return p.ID
}

// does is a call without a body at an address with something in it.
func does(format string, what func(w *trustWorld) string) func(*trustWorld, *caller) request {
	return func(w *trustWorld, _ *caller) request { return send(fmt.Sprintf(format, what(w)), nil) }
}

// sees is a GET at an address with something in it.
func sees(format string, what func(w *trustWorld) string) func(*trustWorld, *caller) request {
	return func(w *trustWorld, _ *caller) request { return at(fmt.Sprintf(format, what(w))) }
}

// says is a call with a JSON body at an address.
func says(path, text string) func(*trustWorld, *caller) request {
	return func(*trustWorld, *caller) request { return say(path, "%s", text) }
}

func (w *trustWorld) ownWish() string { return w.claimed(alpha) }

func (w *trustWorld) ownHook() string { return w.hook(ident.Authority) }

// deadPath is a dead delivery to a webhook of the authority, by its address in the interface.
func (w *trustWorld) deadPath() string {
	return strings.Replace(w.died(ident.Authority), "/retry/", "/deliveries/", 1)
}

const (
	routeBody = `{"when":{"identifier":"no-such-thing"},"do":{"deed":"assign","party":"beta"},"reason":"because of the test"}`
	tellBody  = `{"when":{"identifier":"no-such-thing"},"do":{"deed":"hold"},"reason":"because of the test"}`
)

// interfaceCalls are well-formed calls of what the interface does as the pages do.
var interfaceCalls = map[string]func(w *trustWorld, c *caller) request{
	"GET /api/v1/findings/{id}/why":    func(w *trustWorld, _ *caller) request { return at("/api/v1/findings/" + w.finding(alpha) + "/why") },
	"GET /api/v1/parties/{id}/picture": func(*trustWorld, *caller) request { return at("/api/v1/parties/alpha/picture") },
	"GET /api/v1/search":               func(*trustWorld, *caller) request { return at("/api/v1/search?q=192.0.2.") },
	"POST /api/v1/queue/preview": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/queue/preview", `{"items":[{"key":"finding:%s","act":"discard"}]}`, w.finding(alpha))
	},
	"POST /api/v1/queue/bulk": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/queue/bulk", `{"items":[{"key":"finding:%s","act":"discard"}],"reason":"because of the test"}`, w.finding(alpha))
	},
	"POST /api/v1/batches/{id}/undo":       does("/api/v1/batches/%s/undo", (*trustWorld).batch),
	"POST /api/v1/views":                   says("/api/v1/views", `{"name":"x","query":"/desk/findings?state=all"}`),
	"POST /api/v1/views/{id}/end":          does("/api/v1/views/%s/end", (*trustWorld).view),
	"GET /api/v1/proposals/{id}":           sees("/api/v1/proposals/%s", (*trustWorld).proposed),
	"POST /api/v1/proposals/{id}/withdraw": does("/api/v1/proposals/%s/withdraw", (*trustWorld).ownProposal),

	"POST /api/v1/parties/{id}/preview": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/parties/alpha/preview", `{"findings":[%s]}`, w.finding(alpha))
	},
	"GET /api/v1/notices/{id}/preview":   sees("/api/v1/notices/%s/preview", (*trustWorld).planned),
	"GET /api/v1/changes/{id}":           sees("/api/v1/changes/%s", (*trustWorld).ownWish),
	"POST /api/v1/changes":               says("/api/v1/changes", `{"what":"system","entry":{"name":"x"}}`),
	"POST /api/v1/changes/draft":         says("/api/v1/changes/draft", `{"what":"system","entry":{"name":"x"}}`),
	"POST /api/v1/changes/{id}/confirm":  does("/api/v1/changes/%s/confirm", (*trustWorld).ownWish),
	"POST /api/v1/changes/{id}/refuse":   func(w *trustWorld, _ *caller) request { return say("/api/v1/changes/"+w.ownWish()+"/refuse", because) },
	"POST /api/v1/changes/{id}/withdraw": does("/api/v1/changes/%s/withdraw", (*trustWorld).ownWish),

	"GET /api/v1/rules/{number}":       sees("/api/v1/rules/%s", (*trustWorld).rule),
	"GET /api/v1/rules/{number}/trial": sees("/api/v1/rules/%s/trial", (*trustWorld).rule),
	"POST /api/v1/rules/route":         says("/api/v1/rules/route", routeBody),
	"POST /api/v1/rules/tell":          says("/api/v1/rules/tell", tellBody),
	"POST /api/v1/rules/try":           says("/api/v1/rules/try", tellBody),
	"POST /api/v1/rules/{number}/end":  does("/api/v1/rules/%s/end", (*trustWorld).rule),
	"POST /api/v1/rules/{number}/release": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/rules/"+w.rule()+"/release", `{"party":"alpha"}`)
	},

	"GET /api/v1/feeds/{id}":         func(*trustWorld, *caller) request { return at("/api/v1/feeds/green") },
	"POST /api/v1/packs/{name}/try":  says("/api/v1/packs/ipsum/try", `{"sample":"192.0.2.1\t5\n"}`),
	"GET /api/v1/reports/{id}":       sees("/api/v1/reports/%s", (*trustWorld).report),
	"POST /api/v1/reports/{id}/take": does("/api/v1/reports/%s/take", (*trustWorld).report),
	"POST /api/v1/reports/{id}/close": func(w *trustWorld, _ *caller) request {
		return say("/api/v1/reports/"+w.report()+"/close", `{"outcome":"handled"}`)
	},
	"POST /api/v1/reports/{id}/forget": does("/api/v1/reports/%s/forget", (*trustWorld).report),

	"POST /api/v1/contacts":           says("/api/v1/contacts", `{"role":"backup","mail":"x@mail.example"}`),
	"PUT /api/v1/contacts/{id}":       says("/api/v1/contacts/c-alpha", `{"role":"security","mail":"x@mail.example"}`),
	"POST /api/v1/contacts/{id}/end":  func(*trustWorld, *caller) request { return send("/api/v1/contacts/c-alpha/end", nil) },
	"POST /api/v1/contacts/{id}/ask":  func(*trustWorld, *caller) request { return send("/api/v1/contacts/c-alpha/ask", nil) },
	"POST /api/v1/contacts/{id}/test": func(*trustWorld, *caller) request { return send("/api/v1/contacts/c-alpha/test", nil) },
	"PUT /api/v1/contacts/{id}/key":   says("/api/v1/contacts/c-alpha/key", `{"key":""}`),
	"PUT /api/v1/rhythm":              says("/api/v1/rhythm", `{"language":"en"}`),

	"GET /api/v1/people/{id}":                                func(*trustWorld, *caller) request { return at("/api/v1/people/per_answerer") },
	"POST /api/v1/webhooks/{id}/test":                        does("/api/v1/webhooks/%s/test", (*trustWorld).ownHook),
	"POST /api/v1/webhooks/{id}/end":                         does("/api/v1/webhooks/%s/end", (*trustWorld).ownHook),
	"POST /api/v1/webhooks/{id}/deliveries/{delivery}/retry": does("/api/v1/webhooks/%s/retry", (*trustWorld).deadPath),
}

const memberCall = "a party's own people call it: package api counts what every call leaves"

// byProgram is a step of the program's token.
func byProgram(post, act, object string) step {
	return step{role: "api_token", actor: programToken, post: post, act: act, object: object}
}

// interfaceWalk is what good calls of them leave in the ledger.
var interfaceWalk = map[string]step{
	"POST /api/v1/queue/preview":                             {exempt: "says what acts would do and does nothing"},
	"POST /api/v1/queue/bulk":                                byProgram("handler", "finding.discard", "finding:"),
	"POST /api/v1/batches/{id}/undo":                         byProgram("handler", "triage.undo", "finding:"),
	"POST /api/v1/views":                                     byProgram("administrator", "view.save", "view:viw_"),
	"POST /api/v1/views/{id}/end":                            byProgram("administrator", "view.end", "view:viw_"),
	"POST /api/v1/proposals/{id}/withdraw":                   {role: "api_token", actor: programToken, act: "proposal.withdraw", object: programToken},
	"POST /api/v1/parties/{id}/preview":                      {exempt: "composes mails and keeps none"},
	"POST /api/v1/changes":                                   {exempt: memberCall},
	"POST /api/v1/changes/draft":                             {exempt: "says what a change would be and keeps nothing"},
	"POST /api/v1/changes/{id}/confirm":                      byProgram("administrator", "change.confirm", "change:chg_"),
	"POST /api/v1/changes/{id}/refuse":                       byProgram("administrator", "change.refuse", "change:chg_"),
	"POST /api/v1/changes/{id}/withdraw":                     {exempt: memberCall},
	"POST /api/v1/rules/route":                               byProgram("administrator", "rule.route", "rule:"),
	"POST /api/v1/rules/tell":                                byProgram("handler", "rule.tell", "rule:"),
	"POST /api/v1/rules/try":                                 {exempt: "tries a rule and keeps nothing"},
	"POST /api/v1/rules/{number}/end":                        byProgram("handler", "rule.end_tell", "rule:"),
	"POST /api/v1/rules/{number}/release":                    byProgram("handler", "rule.release", "rule:"),
	"POST /api/v1/packs/{name}/try":                          {exempt: "reads a sample as a feed would be read: nothing of it is kept"},
	"POST /api/v1/reports/{id}/take":                         byProgram("handler", "report.take", "report:rep_"),
	"POST /api/v1/reports/{id}/close":                        byProgram("handler", "report.close", "report:rep_"),
	"POST /api/v1/reports/{id}/forget":                       byProgram("handler", "report.forget", "report:rep_"),
	"POST /api/v1/contacts":                                  {exempt: memberCall},
	"PUT /api/v1/contacts/{id}":                              {exempt: memberCall},
	"POST /api/v1/contacts/{id}/end":                         {exempt: memberCall},
	"POST /api/v1/contacts/{id}/ask":                         {exempt: memberCall},
	"POST /api/v1/contacts/{id}/test":                        {exempt: memberCall},
	"PUT /api/v1/contacts/{id}/key":                          {exempt: memberCall},
	"PUT /api/v1/rhythm":                                     {exempt: memberCall},
	"POST /api/v1/webhooks/{id}/test":                        byProgram("administrator", "webhook.test", "webhook:whk_"),
	"POST /api/v1/webhooks/{id}/end":                         byProgram("administrator", "webhook.end", "webhook:whk_"),
	"POST /api/v1/webhooks/{id}/deliveries/{delivery}/retry": byProgram("administrator", "webhook.retry", "webhook:whk_"),
}
