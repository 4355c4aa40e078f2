package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/api"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
	"tocsin/internal/web"
	"tocsin/internal/web/static"
)

// address is one route of the program, whichever door serves it.
type address struct {
	pattern string // "GET /desk"; "* /" answers to every method
	method  string
	path    string
}

// addresses lists every route that the program serves.
func (w *trustWorld) addresses() []address {
	w.t.Helper()
	var out []address
	add := func(pattern string) {
		if !strings.Contains(pattern, " ") {
			pattern = "* " + pattern
		}
		method, path, _ := strings.Cut(pattern, " ")
		out = append(out, address{pattern, strings.ReplaceAll(method, "*", "GET"), path})
	}
	for _, r := range web.Routes(w.config(nil, nil)) {
		add(r.Pattern)
	}
	for _, r := range api.Routes() {
		add(r.Pattern)
	}
	if len(out) < 35 {
		w.t.Fatalf("only %d routes", len(out))
	}
	return out
}

func init() { //nolint:gochecknoinits // calls name what looks them up: a variable would be a cycle
	maps.Copy(calls, programCalls)
	maps.Copy(walk, programWalk)
}

// request is one call that fits a route.
type request struct {
	path string
	form url.Values
}

// a well-formed call of every route that has parameters or a form, about things of party alpha that no call before used
// up. Routes without either need no case.
var calls = map[string]func(w *trustWorld, c *caller) request{
	"GET /static/":          func(*trustWorld, *caller) request { return at(static.Path("tocsin.css")) },
	"GET /{$}":              func(*trustWorld, *caller) request { return at("/") },
	"POST /verify":          func(*trustWorld, *caller) request { return send("/verify", url.Values{"text": {"a text"}}) },
	"* /":                   func(*trustWorld, *caller) request { return at("/nowhere") },
	"* /api/":               func(*trustWorld, *caller) request { return at("/api/nowhere") },
	"GET /sign-in/{token}":  func(w *trustWorld, _ *caller) request { return at("/sign-in/" + w.offer()) },
	"POST /sign-in/{token}": func(w *trustWorld, _ *caller) request { return send("/sign-in/"+w.offer(), nil) },
	"GET /set-up/{token}":   func(*trustWorld, *caller) request { return at("/set-up/none") },
	"POST /set-up/{token}": func(*trustWorld, *caller) request {
		return send("/set-up/none", form("", "name", "X", "mail", "x@mail.example", "language", "en"))
	},
	"POST /desk/people":     func(w *trustWorld, _ *caller) request { return send("/desk/people", w.invitation()) },
	"GET /desk/people/{id}": func(*trustWorld, *caller) request { return at("/desk/people/per_handler") },
	"POST /desk/people/{id}": func(w *trustWorld, _ *caller) request {
		return send("/desk/people/"+string(w.newcomer(alpha)), form("rename", "name", "Newer", "mail", w.newMail()))
	},
	"POST /my/people":     func(w *trustWorld, _ *caller) request { return send("/my/people", w.invitation()) },
	"GET /my/people/{id}": func(*trustWorld, *caller) request { return at("/my/people/per_answerer") },
	"POST /my/people/{id}": func(w *trustWorld, _ *caller) request {
		return send("/my/people/"+string(w.newcomer(alpha)), form("rename", "name", "Newer", "mail", w.newMail()))
	},
	"POST /desk/proposals": func(w *trustWorld, _ *caller) request { return send("/desk/proposals", w.ending()) },
	"POST /desk/proposals/{id}": func(w *trustWorld, _ *caller) request {
		return send("/desk/proposals/"+w.proposed(), form("refuse", "reason", "no"))
	},
	"POST /account/tokens": func(*trustWorld, *caller) request {
		return send("/account/tokens", url.Values{"label": {"x"}, "scope": {"read"}})
	},
	"POST /account/tokens/{id}/end": func(w *trustWorld, c *caller) request { return send("/account/tokens/"+w.ownToken(c)+"/end", nil) },
	"POST /sign-out":                func(*trustWorld, *caller) request { return send("/sign-out", nil) },
	"GET /n/{token}":                func(w *trustWorld, _ *caller) request { return at("/n/" + w.letter(alpha)) },
	"POST /n/{token}":               func(w *trustWorld, _ *caller) request { return send("/n/"+w.letter(alpha), w.answer(alpha)) },
	"POST /desk/queue/act": func(w *trustWorld, _ *caller) request {
		return send("/desk/queue/act", url.Values{"do": {"done|queue:" + w.queue() + "||0"}})
	},
	"GET /desk/queue/preview": func(w *trustWorld, _ *caller) request {
		return at("/desk/queue/preview?do=discard&row=finding:" + w.finding(alpha))
	},
	"POST /desk/queue/bulk": func(w *trustWorld, _ *caller) request {
		return send("/desk/queue/bulk", url.Values{"do": {"discard"}, "row": {"finding:" + w.finding(alpha)}, "reason": {"because of the test"}})
	},
	"POST /desk/queue/undo":        func(w *trustWorld, _ *caller) request { return send("/desk/queue/undo", w.settled()) },
	"GET /desk/search":             func(*trustWorld, *caller) request { return at("/desk/search?q=192.0.2.") },
	"GET /desk/search.json":        func(*trustWorld, *caller) request { return at("/desk/search.json?q=192.0.2.") },
	"GET /desk/situation/{figure}": func(*trustWorld, *caller) request { return at("/desk/situation/funnel.csv") },
	"POST /desk/views": func(*trustWorld, *caller) request {
		return send("/desk/views", url.Values{"name": {"x"}, "query": {"/desk/findings?state=all"}})
	},
	"POST /desk/views/{id}/end": func(w *trustWorld, _ *caller) request { return send("/desk/views/"+w.view()+"/end", nil) },
	"GET /desk/findings/{id}":   func(w *trustWorld, _ *caller) request { return at("/desk/findings/" + w.finding(alpha)) },
	"POST /desk/findings/{id}/discard": func(w *trustWorld, _ *caller) request {
		return send("/desk/findings/"+w.finding(alpha)+"/discard", reason)
	},
	"POST /desk/findings/{id}/reject": func(w *trustWorld, _ *caller) request { return send("/desk/findings/"+w.disputed()+"/reject", reason) },
	"POST /desk/findings/{id}/attribute": func(w *trustWorld, _ *caller) request {
		return send("/desk/findings/"+w.finding(alpha)+"/attribute", handOver)
	},
	"POST /desk/findings/{id}/raw":  func(w *trustWorld, _ *caller) request { return send("/desk/findings/"+w.finding(alpha)+"/raw", reason) },
	"POST /desk/findings/{id}/mark": func(w *trustWorld, _ *caller) request { return send("/desk/findings/"+w.finding(alpha)+"/mark", amber) },
	"POST /desk/findings/{id}/share": func(w *trustWorld, _ *caller) request {
		return send("/desk/findings/"+w.finding(alpha)+"/share", handOver)
	},
	"POST /desk/findings/{id}/unshare": func(w *trustWorld, _ *caller) request { return w.unshare() },
	"POST /desk/notices/{id}/look":     func(w *trustWorld, _ *caller) request { return send("/desk/notices/"+w.notice(alpha)+"/look", reason) },
	"POST /desk/mail/{id}/look":        func(w *trustWorld, _ *caller) request { return send("/desk/mail/"+w.notice(alpha)+"/look", reason) },
	"POST /desk/signals/{id}/look":     func(w *trustWorld, _ *caller) request { return send("/desk/signals/"+w.signal()+"/look", reason) },
	"POST /sign-in":                    func(w *trustWorld, _ *caller) request { return send("/sign-in", w.password()) },
	"POST /sign-in/passkey":            func(*trustWorld, *caller) request { return send("/sign-in/passkey", nil) },
	"POST /sign-in/passkey/done":       func(*trustWorld, *caller) request { return send("/sign-in/passkey/done", nil) },
	"GET /desk/parties/{id}":           func(*trustWorld, *caller) request { return at("/desk/parties/alpha") },
	"GET /desk/notices/{id}":           func(w *trustWorld, _ *caller) request { return at("/desk/notices/" + w.notice(alpha)) },
	"GET /desk/notices/{id}/html":      func(w *trustWorld, _ *caller) request { return at("/desk/notices/" + w.looked(alpha) + "/html") },
	"GET /desk/notices/{id}/mail.eml":  func(w *trustWorld, _ *caller) request { return at("/desk/notices/" + w.looked(alpha) + "/mail.eml") },
	"GET /desk/notices/{id}/attachments/{n}": func(w *trustWorld, _ *caller) request {
		return at("/desk/notices/" + w.looked(alpha) + "/attachments/1")
	},
	"GET /desk/mail/{id}":            func(w *trustWorld, _ *caller) request { return at("/desk/mail/" + w.notice(alpha)) },
	"GET /desk/signals/{id}":         func(w *trustWorld, _ *caller) request { return at("/desk/signals/" + w.signal()) },
	"POST /desk/signals/{id}/replay": func(w *trustWorld, _ *caller) request { return send("/desk/signals/"+w.fresh()+"/replay", nil) },
	"POST /api/v1/signals":           func(w *trustWorld, _ *caller) request { return send("/api/v1/signals?name=x.json", w.body()) },
	"GET /api/v1/signals/{id}":       func(w *trustWorld, _ *caller) request { return at("/api/v1/signals/" + w.signal()) },
	"GET /desk/live":                 func(*trustWorld, *caller) request { return at("/desk/live?once=1") },
}

var (
	reason   = url.Values{"reason": {"because of the test"}, "look": {"triage"}, "why": {"triage"}}
	amber    = url.Values{"reason": {"because of the test"}, "tlp": {"amber"}}
	handOver = url.Values{"reason": {"because of the test"}, "party": {"beta"}}
)

func at(path string) request { return request{path: path} }

func send(path string, form url.Values) request {
	if form == nil {
		form = url.Values{}
	}
	return request{path, form}
}

// request returns a call of a route; false where it has parameters and no case.
func (w *trustWorld) request(a address, c *caller) (request, bool) {
	if make, ok := calls[a.pattern]; ok {
		return make(w, c), true
	}
	if make, ok := ruleCalls[a.pattern]; ok {
		return make(w, c), true
	}
	if make, ok := logCalls[a.pattern]; ok {
		return make(w, c), true
	}
	if make, ok := memberCalls[a.pattern]; ok {
		return make(w, c), true
	}
	if make, ok := accountCalls[a.pattern]; ok {
		return make(w, c), true
	}
	if a.method == http.MethodGet && !strings.Contains(a.path, "{") {
		return at(a.path), true
	}
	return request{}, false
}

// one returns the n-th answer to a query of one column; the test fails where there is none.
func (w *trustWorld) one(n int, query string, args ...any) string {
	w.t.Helper()
	all := w.column(query, args...)
	if n >= len(all) {
		w.t.Fatalf("%d rows of %s %v, want more than %d", len(all), query, args, n)
	}
	return all[n]
}

// column returns the answers to a query of one column.
func (w *trustWorld) column(query string, args ...any) []string {
	w.t.Helper()
	rows, err := w.sql.QueryContext(w.t.Context(), query, args...)
	w.must(err)
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		w.must(rows.Scan(&s))
		out = append(out, s)
	}
	w.must(rows.Err())
	return out
}

// finding takes a finding of a party that it was told about and that no case took before.
func (w *trustWorld) finding(of ident.Party) string {
	w.t.Helper()
	w.used["finding"]++
	return w.one(w.used["finding"]-1, "select id from finding where party_id = $1 and identifier = 'open-plain' order by id", string(of))
}

// settled is a batch that the handler did and can undo.
func (w *trustWorld) settled() url.Values {
	w.t.Helper()
	r := w.roles["handler"].call("POST", "/desk/findings/"+w.finding(alpha)+"/discard", reason)
	to, err := url.Parse(r.Header().Get("Location"))
	w.must(err)
	if r.Code != http.StatusSeeOther || to.Query().Get("undo") == "" {
		w.t.Fatalf("discard: %d\n%s", r.Code, r.Body)
	}
	return url.Values{"batch": {to.Query().Get("undo")}}
}

// view is a view that the handler shares.
func (w *trustWorld) view() string {
	w.t.Helper()
	w.roles["handler"].call("POST", "/desk/views", url.Values{"name": {"shared"}, "query": {"/desk/findings"}, "shared": {"yes"}})
	return w.one(0, "select id from saved_view where shared and ended_at is null order by created_at desc")
}

// disputed is a finding that its party disputes.
func (w *trustWorld) disputed() string {
	w.t.Helper()
	id := w.finding(alpha)
	if r := w.roles["answerer"].call("POST", "/my/exposure", url.Values{"finding": {id}, "answer": {"not_mine"}}); r.Code != http.StatusSeeOther {
		w.t.Fatalf("dispute: %d\n%s", r.Code, r.Body)
	}
	return id
}

// unshare takes back a share that the handler gave.
func (w *trustWorld) unshare() request {
	w.t.Helper()
	id := w.finding(alpha)
	if r := w.roles["handler"].call("POST", "/desk/findings/"+id+"/share", handOver); r.Code != http.StatusSeeOther {
		w.t.Fatalf("share: %d\n%s", r.Code, r.Body)
	}
	share := w.one(0, "select id from share where object = $1", "finding:"+id)
	return send("/desk/findings/"+id+"/unshare", url.Values{"share": {share}, "reason": {"because of the test"}})
}

func (w *trustWorld) answer(of ident.Party) url.Values {
	return url.Values{"finding": {w.finding(of)}, "answer": {"fixed"}}
}

// notice is a notice of a party about its plain findings, sent.
func (w *trustWorld) notice(of ident.Party) string {
	w.t.Helper()
	return w.one(0, `select n.id from notice n where n.party_id = $1 and n.sent_at is not null and exists (select 1 from notice_finding b
		join finding f on f.id = b.finding_id where b.notice_id = n.id and f.identifier = 'open-plain') order by n.id`, string(of))
}

// looked is a notice of a party, at which the handler has said why they look.
func (w *trustWorld) looked(of ident.Party) string {
	w.t.Helper()
	id := w.notice(of)
	by, err := w.staff.ActorOf(w.t.Context(), w.now, "per_handler")
	w.must(err)
	w.must(w.loop.LookAtNotice(w.t.Context(), w.now, by, ident.Notice(id), loop.Looks[0]))
	return id
}

func (w *trustWorld) letter(of ident.Party) string {
	return notice.Link(trustKey, ident.Notice(w.notice(of)), w.now.Add(time.Hour))
}

// offer is a link that signs the handler in.
func (w *trustWorld) offer() string {
	w.t.Helper()
	token, err := w.staff.OfferLink(w.t.Context(), w.now, operator, store.LinkOperator, "per_handler", time.Hour)
	w.must(err)
	return token
}

func (w *trustWorld) signal() string {
	w.t.Helper()
	return w.one(0, "select id from signal where feed_id = 'green' order by id")
}

// fresh is a signal with a row kept aside that nobody has replayed.
func (w *trustWorld) fresh() string {
	w.t.Helper()
	w.used["signal"]++
	id := w.accept("green", fmt.Sprintf("fresh-%d.json", w.used["signal"]), fmt.Sprintf(`{"source.ip":"no address %d"}`+"\n", w.used["signal"]))
	w.settle()
	// What was kept aside can be read now, as with a pack that was mended.
	_, err := w.sql.ExecContext(w.t.Context(), "update reject set raw = $1 where signal_id = $2",
		[]byte(fmt.Sprintf(`{"classification.type":"other","source.ip":"192.0.2.10","extra.m":%d}`, w.used["signal"])), int64(id))
	w.must(err)
	return fmt.Sprint(int64(id))
}

// body is a signal that no feed has sent before.
func (w *trustWorld) body() url.Values {
	w.used["body"]++
	return url.Values{rawBody: {fmt.Sprintf(`{"classification.type":"other","source.ip":"192.0.2.9","extra.n":%d}`+"\n", w.used["body"])}}
}

// entries returns the ledger from an entry on, the oldest first.
func (w *trustWorld) entries(after int64) []loop.Entry {
	w.t.Helper()
	var out []loop.Entry
	w.must(w.db.View(w.t.Context(), func(tx *store.Tx) (err error) {
		out, err = tx.Entries(w.t.Context(), after, 10_000)
		return err
	}))
	return out
}

// newest returns the id of the newest entry.
func (w *trustWorld) newest() int64 {
	w.t.Helper()
	var out int64
	w.must(w.db.View(w.t.Context(), func(tx *store.Tx) error {
		es, err := tx.EntriesBefore(w.t.Context(), 0, 1)
		if len(es) > 0 {
			out = es[0].ID
		}
		return err
	}))
	return out
}

// again signs a role in anew where a call has signed it out.
func (w *trustWorld) again(role string) {
	w.t.Helper()
	if c := w.roles[role]; c.cookie != "" {
		_, err := w.sql.ExecContext(w.t.Context(), "update session set ended_at = null where id = $1", "ses_"+role)
		w.must(err)
	}
	if role == "weak" { // a weak session changes nothing in an account that is set up
		_, err := w.sql.ExecContext(w.t.Context(), "delete from credential where person_id = 'per_weak'")
		w.must(err)
	}
}
