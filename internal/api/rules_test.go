package api_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/internal/api/rule"
	"tocsin/internal/ident"
)

// Rules are written, read with their versions, tried without being kept, and taken back; mistakes name the field.
func TestRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	route := `{"when":{"prefix":"192.0.2.0/30"},"do":{"deed":"assign","party":"bank"},"reason":"hosted there"}`
	trial := into[rule.Trial](w, w.call(w.desk, "POST", "/api/v1/rules/try", route), 200)
	if trial.Moved != 3 || len(trial.Sample) != 3 || trial.Sample[0].To != "bank" || len(trial.Flows) != 1 {
		t.Errorf("%+v", trial)
	}
	if all := into[rule.Rules](w, w.call(w.desk, "GET", "/api/v1/rules", ""), 200); len(all.Rules) != 0 {
		t.Fatalf("a trial keeps a rule: %+v", all)
	}
	made := into[rule.Rule](w, w.call(w.desk, "POST", "/api/v1/rules/route", route), 200)
	if made.Number != 1 || made.Version != 1 || made.Order != 10 || made.Kind != "route" || made.State != "live" || made.When.Prefix != "192.0.2.0/30" {
		t.Fatalf("%+v", made)
	}
	again := into[rule.Rule](w, w.call(w.desk, "POST", "/api/v1/rules/route", strings.Replace(route, "{", `{"number":1,"order":20,`, 1)), 200)
	one := into[rule.Versions](w, w.call(w.desk, "GET", "/api/v1/rules/1", ""), 200)
	if again.Version != 2 || one.Rule.Version != 2 || len(one.Before) != 1 || one.Before[0].Order != 10 {
		t.Errorf("%+v", one)
	}
	hold := into[rule.Rule](w, w.call(w.desk, "POST", "/api/v1/rules/tell", `{"when":{"party":"hospital"},"do":{"deed":"hold"},"reason":"a visit is planned"}`), 200)
	at := "/api/v1/rules/" + strconv.FormatInt(hold.Number, 10)
	if kept := into[rule.Trial](w, w.call(w.desk, "GET", at+"/trial", ""), 200); kept.Waiting != 3 {
		t.Errorf("%+v", kept)
	}
	if got := w.call(w.desk, "POST", at+"/release", `{"party":"hospital"}`); got.Code != 204 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if over := into[rule.Rule](w, w.call(w.desk, "POST", at+"/end", ""), 200); over.State != "ended" {
		t.Errorf("%+v", over)
	}
	if got := w.call(w.desk, "POST", at+"/end", ""); got.Code != 409 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if list := into[rule.Rules](w, w.call(w.desk, "GET", "/api/v1/rules?state=live", ""), 200); len(list.Rules) != 1 || list.Rules[0].Number != 1 {
		t.Errorf("%+v", list)
	}
	for body, fields := range map[string][]string{
		`{"when":{},"do":{"deed":"assign","party":"bank"},"reason":"x"}`:                                             {"when"},
		`{"when":{"prefix":"x"},"do":{"deed":"assign","party":"nobody-here"}}`:                                       {"when.prefix", "reason"},
		`{"when":{"party":"nobody-here"},"do":{"deed":"assign","party":"none-either"},"reason":"x"}`:                 {"do.party", "when.party"},
		`{"when":{"party":"bank"},"do":{"deed":"mute"},"reason":"x","until":"2026-12-01T00:00:00Z"}`:                 {"do.deed"},
		`{"when":{"party":"bank"},"reason":"x"}`:                                                                     {"do"},
		`{"when":{"region":"XX"},"do":{"deed":"assign","party":"bank"},"reason":"x","until":"2020-01-01T00:00:00Z"}`: {"until"},
	} {
		w.mistakes("POST", "/api/v1/rules/route", body, fields...)
	}
	reads := w.person(ident.Authority, "read")
	for _, c := range [][2]string{{"/api/v1/rules/try", route}, {"/api/v1/rules/route", route}, {"/api/v1/rules/1/end", ""}} {
		if got := w.call(reads, "POST", c[0], c[1]); got.Code != 403 {
			t.Errorf("%s by who only reads: %d %s", c[0], got.Code, got.Body)
		}
	}
}

// mistakes checks that a body is refused by the names of its fields, in any order.
func (w *world) mistakes(method, path, body string, fields ...string) {
	w.t.Helper()
	got := w.call(w.desk, method, path, body)
	p := into[struct {
		Errors []struct{ Field, Detail string }
	}](w, got, 422)
	var have []string
	for _, e := range p.Errors {
		if have = append(have, e.Field); e.Detail == "" {
			w.t.Errorf("%s says nothing of %s", body, e.Field)
		}
	}
	slices.Sort(have)
	slices.Sort(fields)
	if !slices.Equal(have, fields) {
		w.t.Errorf("%s: %v, want %v", body, have, fields)
	}
}
