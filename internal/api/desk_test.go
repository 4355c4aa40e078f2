package api_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/ident"
	"tocsin/internal/report"
)

// plan makes the notices that a day's digest holds.
func (w *world) plan() {
	w.t.Helper()
	if _, err := w.loop.Plan(w.t.Context(), noon.AddDate(0, 0, 1)); err != nil {
		w.t.Fatal(err)
	}
}

// Views are kept, shared and taken away; a search finds what somebody may read, and nothing of it leaves that may not.
func TestViewsAndSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan()
	v := into[api.View](w, w.call(w.desk, "POST", "/api/v1/views", `{"name":"mine","query":"/desk/findings?state=all","shared":true}`), 201)
	if list := into[api.Views](w, w.call(w.desk, "GET", "/api/v1/views", ""), 200).Views; len(list) != 1 || !list[0].Mine || list[0].ID != v.ID {
		t.Errorf("%+v", list)
	}
	if got := w.call(w.desk, "POST", "/api/v1/views", `{"name":"x","query":"https://elsewhere.example/"}`); got.Code != 422 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.call(w.desk, "POST", "/api/v1/views/"+v.ID+"/end", ""); got.Code != 204 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	find := func(text string) api.Hits {
		return into[api.Hits](w, w.call(w.desk, "GET", "/api/v1/search?q="+url.QueryEscape(text), ""), 200)
	}
	hits := find("192.0.2.200")
	if len(hits.Findings) != 1 || hits.Answers.Party != "bank" {
		t.Errorf("%+v", hits)
	}
	if hits := find("the hosp"); len(hits.Parties) != 1 || hits.Parties[0].ID != "hospital" {
		t.Errorf("%+v", hits)
	}
	if hits := find("ipsum"); len(hits.Feeds) == 0 {
		t.Errorf("%+v", hits)
	}
	if hits := find("1"); hits.Signal == nil || hits.Signal.Signal != 1 {
		t.Errorf("%+v", hits)
	}
	n := into[api.Notices](w, w.call(w.desk, "GET", "/api/v1/notices", ""), 200).Notices[0]
	if hits := find(n.ID); hits.Notice == nil || hits.Notice.Findings != n.Findings {
		t.Errorf("%+v", hits)
	}
	me := into[api.Me](w, w.call(w.desk, "GET", "/api/v1/me", ""), 200).Person
	id := strconv.FormatInt(find("192.0.2.200").Findings[0].ID, 10)
	into[api.Marked](w, w.call(w.desk, "POST", "/api/v1/findings/"+id+"/mark", `{"tlp":"TLP:RED","reason":"names a person"}`), 200)
	into[api.Shares](w, w.call(w.desk, "POST", "/api/v1/findings/"+id+"/shares", `{"with":"person:`+me+`","reason":"works on it"}`), 200)
	if hits := find("192.0.2.200"); len(hits.Findings) != 0 || hits.Withheld != 1 {
		t.Errorf("a RED finding leaves: %+v", hits)
	}
}

// A report is read with its words, taken, closed, and its sender forgotten.
func TestReportByDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := report.NewFormKey()
	got := w.do("POST", "/api/v1/reports", strings.NewReader(`{"kind":"phishing","what":"a page that asks for passwords","where":"bad.example","contact":"citizen@mail.example"}`),
		"Content-Type", "application/json", "Idempotency-Key", key)
	into[api.ReportReceipt](w, got, 201)
	id := into[api.Reports](w, w.call(w.desk, "GET", "/api/v1/reports?waiting=true", ""), 200).Reports[0].ID
	at := "/api/v1/reports/" + id
	r := into[api.ReportDetail](w, w.call(w.desk, "GET", at, ""), 200)
	if r.What != "a page that asks for passwords" || r.Contact != "citizen@mail.example" || r.TLP != "TLP:AMBER+STRICT" || r.Mail.State != "waiting" {
		t.Errorf("%+v", r)
	}
	if r = into[api.ReportDetail](w, w.call(w.desk, "POST", at+"/take", ""), 200); r.Report.State != "taken" || r.TakenBy == "" {
		t.Errorf("%+v", r)
	}
	if r = into[api.ReportDetail](w, w.call(w.desk, "POST", at+"/close", `{"outcome":"handled"}`), 200); r.Report.State != "closed" || r.Report.Outcome != "handled" {
		t.Errorf("%+v", r)
	}
	if r = into[api.ReportDetail](w, w.call(w.desk, "POST", at+"/forget", ""), 200); r.Contact != "" {
		t.Errorf("%+v", r)
	}
	for token, want := range map[string]int{w.person(ident.Authority, "read"): 403, w.hospital: 403} {
		if got := w.call(token, "GET", at, ""); got.Code != want {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
	if got := w.call(w.desk, "POST", "/api/v1/reports/rep_none/take", ""); got.Code != 404 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// What a receiver would get can be looked at before, and what would become of a sample, and nothing is kept.
func TestPreviewsAndSamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan()
	n := into[api.Notices](w, w.call(w.desk, "GET", "/api/v1/notices?party=hospital&state=planned", ""), 200).Notices[0]
	p := into[api.NoticePreview](w, w.call(w.desk, "GET", "/api/v1/notices/"+n.ID+"/preview?language=zh", ""), 200)
	if p.Findings != 3 || p.To != "soc@hospital.example" || p.Language != "zh" || !strings.Contains(p.Text, "192.0.2.1") || p.Notice.Party != "hospital" {
		t.Errorf("%+v", p)
	}
	id := into[api.Findings](w, w.call(w.desk, "GET", "/api/v1/findings?party=bank", ""), 200).Findings[0].ID
	all := into[api.NoticePreviews](w, w.call(w.desk, "POST", "/api/v1/parties/bank/preview", fmt.Sprintf(`{"findings":[%d]}`, id)), 200)
	if len(all.Notices) != 1 || !strings.Contains(all.Notices[0].Text, "192.0.2.200") {
		t.Errorf("%+v", all)
	}
	if got := w.call(w.desk, "POST", "/api/v1/parties/nobody/preview", `{}`); got.Code != 404 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if packs := into[api.Packs](w, w.call(w.desk, "GET", "/api/v1/packs", ""), 200).Packs; len(packs) < 5 || packs[0].Name == "" {
		t.Errorf("%+v", packs)
	}
	before := into[api.Signals](w, w.call(w.desk, "GET", "/api/v1/signals", ""), 200)
	try := into[api.Rehearsal](w, w.call(w.desk, "POST", "/api/v1/packs/ipsum/try", `{"sample":"192.0.2.1\t5\n192.0.2.77\t4\nnonsense\n"}`), 200)
	if len(try.Rows) != 2 || !try.Rows[0].Known || try.Rows[0].Party != "hospital" || try.Counts.New != 1 || len(try.Rejected) != 1 || len(try.Mapping) == 0 {
		t.Errorf("%+v", try)
	}
	if after := into[api.Signals](w, w.call(w.desk, "GET", "/api/v1/signals", ""), 200); len(after.Signals) != len(before.Signals) {
		t.Error("a sample is kept")
	}
	if got := w.call(w.desk, "POST", "/api/v1/packs/none/try", `{"sample":"x"}`); got.Code != 404 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if f := into[api.Feed](w, w.call(w.desk, "GET", "/api/v1/feeds/ipsum", ""), 200); f.ID != "ipsum" || f.Pack != "ipsum" {
		t.Errorf("%+v", f)
	}
	if got := w.call(w.desk, "GET", "/api/v1/feeds/none", ""); got.Code != 404 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	into[api.FeedPut](w, w.call(w.desk, "PUT", "/api/v1/feeds/ipsum", `{"pack":"ipsum","no_token":true}`), 200)
	if got := w.call(w.token, "GET", "/api/v1/signals/1", ""); got.Code != 403 {
		t.Errorf("a token that was taken away: %d", got.Code)
	}
	into[api.Promises](w, w.call("", "GET", "/api/v1/promises", ""), 200)
	if j := into[api.Jurisdiction](w, w.call(w.desk, "GET", "/api/v1/jurisdiction", ""), 200); len(j.Streams) == 0 {
		t.Errorf("%+v", j)
	}
}

// A member's token opens nothing of the desk's.
func TestDeskOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"rules", "queue", "views", "search?q=xx", "jurisdiction", "packs"} {
		if got := w.call(w.hospital, "GET", "/api/v1/"+path, ""); got.Code != 403 {
			t.Errorf("a member reads the desk's %s: %d", path, got.Code)
		}
	}
}
