package web_test

import (
	"maps"
	"net/url"

	"tocsin/internal/act/casework"
	"tocsin/internal/act/record"
	"tocsin/internal/notice"
	"tocsin/internal/report"
	"tocsin/internal/store"
)

// newCasework makes the operations on reports of a world.
func newCasework(db *store.Store, log *record.Log, post casework.Mailer) *casework.Casework {
	return casework.New(casework.Config{Store: db, Notary: log, Mailer: post, Settings: casework.Settings{
		Key: trustKey, Sender: notice.Sender{Name: "CSIRT Anhe", NameZH: "安河应急中心", Mail: "csirt@anhe.example", URL: "https://tocsin.example"},
		MailDomain: "anhe.example",
	}})
}

// told is a form that nobody sent before.
func told() url.Values {
	return url.Values{
		"key": {report.NewFormKey()}, "kind": {"phishing"}, "what": {canary("none", "own", "reportwhat")},
		"where": {canary("none", "own", "reportwhere")}, "when": {"2026-11-22"}, "contact": {canary("none", "own", "reportmail") + "@mail.example"},
	}
}

// report sends a report as anybody would and returns its id.
func (w *trustWorld) report() string {
	w.t.Helper()
	before := w.column("select id from report")
	if r := w.roles["anonymous"].call("POST", "/report", told()); r.Code != 200 {
		w.t.Fatalf("report: %d\n%s", r.Code, r.Body)
	}
	known := map[string]bool{}
	for _, id := range before {
		known[id] = true
	}
	for _, id := range w.column("select id from report") {
		if !known[id] {
			return id
		}
	}
	w.t.Fatal("no report came")
	return ""
}

func init() { //nolint:gochecknoinits // calls name what looks them up: a variable would be a cycle
	maps.Copy(calls, map[string]func(w *trustWorld, c *caller) request{
		"POST /report":                 func(*trustWorld, *caller) request { return send("/report", told()) },
		"GET /desk/reports/{id}":       func(w *trustWorld, _ *caller) request { return at("/desk/reports/" + w.report()) },
		"POST /desk/reports/{id}/take": func(w *trustWorld, _ *caller) request { return send("/desk/reports/"+w.report()+"/take", nil) },
		"POST /desk/reports/{id}/close": func(w *trustWorld, _ *caller) request {
			return send("/desk/reports/"+w.report()+"/close", url.Values{"outcome": {"handled"}})
		},
		"POST /desk/reports/{id}/forget": func(w *trustWorld, _ *caller) request {
			return send("/desk/reports/"+w.report()+"/forget", url.Values{"sure": {"yes"}})
		},
	})
	maps.Copy(walk, map[string]step{
		"POST /report":                   {role: "anonymous", actor: "nobody", act: "report.receive", object: "report:rep_"},
		"POST /desk/reports/{id}/take":   {role: "handler", actor: handler, post: "handler", act: "report.take", object: "report:rep_"},
		"POST /desk/reports/{id}/close":  {role: "handler", actor: handler, post: "handler", act: "report.close", object: "report:rep_"},
		"POST /desk/reports/{id}/forget": {role: "handler", actor: handler, post: "handler", act: "report.forget", object: "report:rep_"},
	})
}
