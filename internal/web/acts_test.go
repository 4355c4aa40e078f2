package web_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/staff"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	letters "tocsin/internal/notice"
)

// A sign-in link shows a button to whoever opens it, a mail scanner too, and works once; the session ends with
// sign-out and with time.
func TestSignIn(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	token := w.link(ident.Authority)
	scanner, ada := w.visitor("en"), w.visitor("en")
	for range 3 {
		if body := scanner.ok("/sign-in/" + token); !strings.Contains(body, "Sign in as Ada") {
			t.Fatalf("no question: %s", body)
		}
	}
	r := ada.post("/sign-in/"+token, nil)
	if r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/desk?done=sign_in" {
		t.Fatalf("sign in: %d to %s", r.Code, r.Header().Get("Location"))
	}
	c := r.Result().Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || strings.Contains(c.Value, token) {
		t.Errorf("cookie %+v", c)
	}
	ada.ok("/desk")
	if r := scanner.post("/sign-in/"+token, nil); r.Code != http.StatusGone {
		t.Errorf("the link works again: %d", r.Code)
	}
	stolen := w.visitor("en")
	stolen.cookies["tocsin"] = ada.cookies["tocsin"]
	ada.post("/sign-out", nil)
	for name, p := range map[string]*person{"signed out": ada, "with the old cookie": stolen} {
		if r := p.get("/desk"); r.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", name, r.Code)
		}
	}
	late := w.signedIn(ident.Authority, "en")
	w.now = w.now.Add(staff.SessionIdle + time.Second)
	if r := late.get("/desk"); r.Code != http.StatusSeeOther {
		t.Errorf("the session never ends: %d", r.Code)
	}
}

// The desk discards with a reason only; the reason stands in the history, and a second try does not fit.
func TestDiscard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	at := ada.first("/desk/findings?state=notified", `href="(/desk/findings/\d+)"`)
	if r := ada.post(at+"/discard", url.Values{"reason": {"  "}}); r.Code != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d", r.Code)
	}
	r := ada.post(at+"/discard", url.Values{"reason": {"a <b>honeypot</b> of ours"}})
	if r.Code != http.StatusSeeOther {
		t.Fatalf("discard: %d\n%s", r.Code, r.Body)
	}
	body := ada.ok(r.Header().Get("Location"))
	for _, want := range []string{"Discarded.", "false positive", "a &lt;b&gt;honeypot&lt;/b&gt; of ours", "Ada"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(body, at+"/discard") {
		t.Error("it offers to discard again")
	}
	if r := ada.post(at+"/discard", url.Values{"reason": {"twice"}}); r.Code != http.StatusConflict || !strings.Contains(r.Body.String(), "Nothing was saved") {
		t.Errorf("twice: %d", r.Code)
	}
}

// A party answers through the link in its mail: bulk, with mistakes shown beside what was typed, and never closing
// anything; the desk sees the dispute, rejects it, and attributes by hand.
func TestAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, party := w.signedIn(ident.Authority, "en"), w.visitor("en")
	notice := ada.first("/desk/notices?state=delivered", `href="/desk/notices/(ntc_[a-z0-9]+)"`)
	ada.look("/desk/notices/" + notice + "/look")
	link := ada.first("/desk/notices/"+notice, `https://tocsin\.example(/n/[\w-]+)`)

	r := party.post(link, url.Values{"scope": {"all"}, "answer": {"accept_risk"}, "until": {"2027-01-31"}, "whose": {"typed"}})
	if body := r.Body.String(); r.Code != http.StatusUnprocessableEntity || !strings.Contains(body, "Please say why") ||
		!strings.Contains(body, `value="2027-01-31"`) || !strings.Contains(body, `value="accept_risk" checked`) {
		t.Errorf("a mistake is not shown beside what was typed: %d", r.Code)
	}
	for name, form := range map[string]url.Values{
		"nothing ticked": {"answer": {"fixed"}}, "nothing said": {"scope": {"all"}},
		"no number": {"answer": {"fixed"}, "finding": {"x"}}, "no date": {"scope": {"all"}, "answer": {"accept_risk"}, "until": {"soon"}, "reason": {"x"}},
		"a day gone by": {"scope": {"all"}, "answer": {"accept_risk"}, "until": {"2020-01-01"}, "reason": {"x"}},
	} {
		if r := party.post(link, form); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), `role="alert"`) {
			t.Errorf("%s: %d", name, r.Code)
		}
	}

	r = party.post(link, url.Values{"scope": {"all"}, "answer": {"fixed"}})
	if r.Code != http.StatusSeeOther {
		t.Fatalf("fixed: %d\n%s", r.Code, r.Body)
	}
	body := party.ok(r.Header().Get("Location"))
	if !strings.Contains(body, "Recorded for") || !strings.Contains(body, "said to be fixed") || strings.Contains(body, "verified closed") {
		t.Error("the claim is not shown as a claim")
	}
	finding := ada.first("/desk/notices/"+notice, `href="/desk/findings/(\d+)"`)
	r = party.post(link, url.Values{"finding": {finding}, "answer": {"start"}})
	if body := party.ok(r.Header().Get("Location")); !strings.Contains(body, "Nothing was changed") || !strings.Contains(body, "did not take your answer") {
		t.Error("an answer that does not fit is not told apart")
	}
	if body := ada.ok("/desk/notices/" + notice); !strings.Contains(body, "1 finding") || !strings.Contains(body, "answered") {
		t.Error("the notice shows no answer")
	}
}

// A dispute reaches the queue; the desk rejects it or hands the finding on, both with a reason.
func TestDispute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	list, err := w.loop.Findings(t.Context(), w.now, operator, loop.FindingQuery{States: []finding.State{finding.Notified}}, 0, 1)
	w.must(err)
	f := list.Rows[0]
	member := w.signedIn(f.Party, "en")
	id, at := fmt.Sprint(f.ID), fmt.Sprintf("/desk/findings/%d", f.ID)
	if r := member.post("/my/exposure", url.Values{"finding": {id}, "answer": {"not_mine"}, "whose": {"the neighbour"}}); r.Code != http.StatusSeeOther {
		t.Fatalf("dispute: %d\n%s", r.Code, r.Body)
	}
	if body := ada.ok("/desk?kind=dispute"); !strings.Contains(body, "the neighbour") || !strings.Contains(body, `href="`+at+`"`) {
		t.Error("the queue does not have the dispute")
	}
	if body := ada.ok(at); !strings.Contains(body, "Reject the dispute") {
		t.Error("the dispute cannot be rejected")
	}
	ada.post(at+"/reject", url.Values{"reason": {"the register says so"}})
	if body := ada.ok(at); !strings.Contains(body, "reopened") || strings.Contains(body, "Reject the dispute") {
		t.Error("the rejected dispute still stands")
	}
	ada.post(at+"/attribute", url.Values{"reason": {"they asked for it"}, "party": {"aurelianet"}})
	if body := ada.ok(at); !strings.Contains(body, "by hand") || !strings.Contains(body, "they asked for it") {
		t.Error("it was not attributed by hand")
	}
}

// The queue's buttons settle a row each; the toast takes that back, and a bulk shows first what it would do.
func TestTriage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	do := strings.ReplaceAll(ada.first("/desk?kind=orphan", `value="(discard\|finding:\d+\|\|0)"`), "&#34;", "")
	r := ada.post("/desk/queue/act", url.Values{"do": {do}, "back": {"/desk?kind=orphan"}})
	to, err := url.Parse(r.Header().Get("Location"))
	w.must(err)
	if q := to.Query(); r.Code != http.StatusSeeOther || q.Get("kind") != "orphan" || q.Get("undo") == "" || q.Get("at") != "0" {
		t.Fatalf("settled: %d to %s", r.Code, to)
	}
	body := ada.ok(to.String())
	if !strings.Contains(body, "Settled as not a problem.") || !strings.Contains(body, `action="/desk/queue/undo"`) || !strings.Contains(body, " autofocus>") {
		t.Error("no toast, no way back, or the keyboard does not go on")
	}
	if strings.Contains(body, do) {
		t.Error("the row is still there")
	}
	if r := ada.post("/desk/queue/act", url.Values{"do": {do}}); r.Code != http.StatusConflict {
		t.Errorf("twice: %d", r.Code)
	}
	undo := url.Values{"batch": {to.Query().Get("undo")}, "back": {"/desk?kind=orphan"}}
	if r := ada.post("/desk/queue/undo", undo); r.Code != http.StatusSeeOther || !strings.Contains(ada.ok(r.Header().Get("Location")), do) {
		t.Errorf("undo: %d", r.Code)
	}
	if r := ada.post("/desk/queue/undo", undo); r.Code != http.StatusConflict {
		t.Errorf("undo twice: %d", r.Code)
	}
	_, key, _ := strings.Cut(do, "|")
	key, _, _ = strings.Cut(key, "|")
	plan := "/desk/queue/preview?" + url.Values{"do": {"attribute"}, "to": {"aurelianet"}, "row": {key + "|", "queue:que_none|"}}.Encode()
	for _, language := range []string{"en", "zh"} {
		checkPage(t, w.signedIn(ident.Authority, language), plan, language)
	}
	if body := ada.ok(plan); !strings.Contains(body, "1 will change") || !strings.Contains(body, "1 is left alone") {
		t.Error("the preview does not say what changes and what not")
	}
	bulk := url.Values{"do": {"attribute"}, "to": {"aurelianet"}, "row": {key + "|"}, "reason": {"theirs"}, "back": {"/desk"}}
	if r := ada.post("/desk/queue/bulk", bulk); r.Code != http.StatusSeeOther || !strings.Contains(r.Header().Get("Location"), "undo=bat_") {
		t.Errorf("bulk: %d", r.Code)
	}
	for _, query := range []string{"do=discard", "row=finding:1", "do=x&row=finding:1"} {
		if r := ada.get("/desk/queue/preview?" + query); r.Code != http.StatusUnprocessableEntity {
			t.Errorf("preview of %s: %d", query, r.Code)
		}
	}
}

// Views are kept and shared, and what was opened last stands in the browser only.
func TestViewsAndRecent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	if r := ada.post("/desk/views", url.Values{"name": {"High ones"}, "query": {"/desk/findings?severity=high&undo=x"}, "shared": {"yes"}}); r.Code != http.StatusSeeOther {
		t.Fatalf("save: %d", r.Code)
	}
	body := ada.ok("/desk/findings?severity=high&state=live")
	if !strings.Contains(body, "High ones") {
		t.Error("the view is not above the list")
	}
	for _, bad := range []url.Values{{"name": {""}, "query": {"/desk/findings"}}, {"name": {"x"}, "query": {"https://evil.example/desk"}}, {"name": {"x"}, "query": {"//evil.example/desk"}}} {
		if r := ada.post("/desk/views", bad); r.Code != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", bad, r.Code)
		}
	}
	at := ada.first("/desk/findings", `href="/desk/findings/(\d+)"`)
	ada.ok("/desk/findings/" + at)
	if body := ada.ok("/desk/search?q=" + at); !strings.Contains(body, "/desk/findings/"+at) || !strings.Contains(body, "Opened last") {
		t.Error("what was opened last is not offered")
	}
	if r := ada.get("/desk/search.json?q=city"); !strings.Contains(r.Body.String(), `"kind":"party"`) {
		t.Errorf("palette: %s", r.Body)
	}
}

// One party can neither see nor answer for what is another's.
func TestOthersFindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list, err := w.loop.Findings(t.Context(), w.now, operator, loop.FindingQuery{States: []finding.State{finding.Notified}}, 0, 1000)
	w.must(err)
	i := slices.IndexFunc(list.Rows, func(f loop.FindingRow) bool { return f.Party != "city-hospital" && f.Party != "" })
	theirs := list.Rows[i]
	hospital := w.signedIn("city-hospital", "en")
	if strings.Contains(hospital.ok("/my/exposure"), fmt.Sprintf(`value="%d"`, theirs.ID)) {
		t.Error("another's finding is on the page")
	}
	r := hospital.post("/my/exposure", url.Values{"finding": {fmt.Sprint(theirs.ID)}, "answer": {"fixed"}})
	if to := r.Header().Get("Location"); !strings.Contains(to, "took=0") {
		t.Errorf("answered for another: %d to %s", r.Code, to)
	}
	is, err := w.loop.FindingByID(t.Context(), w.now, operator, theirs.ID)
	w.must(err)
	if is.State != finding.Notified {
		t.Errorf("another's finding is %s", is.State)
	}
}

// Exports hold what the filter asks for, one line a finding.
func TestExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	want := map[string]bool{}
	_, _, err := w.loop.EachFinding(t.Context(), w.now, operator, loop.FindingQuery{States: loop.LiveStates, Severity: event.Critical}, 1e6, func(r loop.FindingRow) error {
		want[fmt.Sprint(r.ID)] = true
		return nil
	})
	w.must(err)
	r := ada.get("/desk/findings.csv?severity=critical")
	rows, err := csv.NewReader(r.Body).ReadAll()
	w.must(err)
	if len(want) == 0 || len(rows) != len(want)+1 || rows[0][0] != "id" {
		t.Fatalf("%d rows of CSV, want %d and a header", len(rows), len(want))
	}
	for _, row := range rows[1:] {
		if !want[row[0]] || row[8] != "critical" {
			t.Errorf("row %v", row)
		}
	}
	if got := r.Result().Trailer.Get("X-Export-Complete"); got != "yes" {
		t.Errorf("the export is said to be %q", got)
	}
	n := 0
	for line := range strings.Lines(ada.get("/desk/findings.jsonl?severity=critical").Body.String()) {
		n++
		e, err := event.Decode([]byte(strings.TrimSpace(line)))
		if err != nil || e.Text("classification.type") == "" || !want[fmt.Sprint(e.Fields["extra.tocsin_finding"])] {
			t.Fatalf("line %q: %v", line, err)
		}
	}
	if n != len(want) {
		t.Errorf("%d lines of IntelMQ JSON, want %d", n, len(want))
	}
}

// Lists as files have what their pages list.
func TestListFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, member := w.signedIn(ident.Authority, "en"), w.signedIn("city-hospital", "en")
	for path, least := range map[string]int{"/desk/parties.csv": 2, "/desk/notices.csv": 1, "/desk/signals.csv": 1, "/desk/feeds.csv": 1} {
		rows, err := csv.NewReader(ada.get(path).Body).ReadAll()
		w.must(err)
		if len(rows) <= least {
			t.Errorf("%s has %d rows", path, len(rows))
		}
	}
	rows, err := csv.NewReader(ada.get("/desk/parties.csv?search=hospital").Body).ReadAll()
	w.must(err)
	for _, row := range rows[1:] {
		if !strings.Contains(strings.ToLower(strings.Join(row, " ")), "hospital") {
			t.Errorf("a search for hospitals has %v", row)
		}
	}
	r := member.get("/my/exposure.csv?state=all")
	if rows, err = csv.NewReader(r.Body).ReadAll(); err != nil || len(rows) < 2 || rows[0][0] != "id" || r.Header().Get("X-Export-Complete") != "yes" {
		t.Errorf("%d rows of own findings: %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		id, err := strconv.ParseInt(row[0], 10, 64)
		w.must(err)
		if f, err := w.loop.FindingByID(t.Context(), w.now, operator, ident.Finding(id)); err != nil || f.Party != "city-hospital" {
			t.Errorf("finding %d of %s is in the file: %v", id, f.Party, err)
		}
	}
}

// The mail on a notice's page is the mail that went out, byte for byte, and its HTML cannot act on the page.
func TestLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	notice := ada.first("/desk/notices?state=delivered", `href="/desk/notices/(ntc_[a-z0-9]+)"`)
	raw, err := w.loop.NoticeMail(t.Context(), w.now, operator, ident.Notice(notice))
	w.must(err)
	for _, part := range []string{"/mail.eml", "/html", "/attachments/1"} {
		if r := ada.get("/desk/notices/" + notice + part); r.Code != http.StatusForbidden {
			t.Errorf("%s opens without a reason: %d", part, r.Code)
		}
	}
	if r := ada.post("/desk/notices/"+notice+"/look", url.Values{"why": {"because"}}); r.Code != http.StatusUnprocessableEntity {
		t.Errorf("a reason that is not on the list: %d", r.Code)
	}
	ada.look("/desk/notices/" + notice + "/look")
	if got := ada.ok("/desk/notices/" + notice + "/mail.eml"); got != string(raw) || got == "" {
		t.Error("the download is not the mail")
	}
	m, err := letters.Open(raw)
	w.must(err)
	r := ada.get("/desk/notices/" + notice + "/html")
	if csp := r.Header().Get("Content-Security-Policy"); r.Body.String() != m.HTML || !strings.HasPrefix(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("the HTML part is not alone: %q", csp)
	}
	if len(m.Attachments) < 3 {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	for i, a := range m.Attachments {
		r := ada.get(fmt.Sprintf("/desk/notices/%s/attachments/%d", notice, i+1))
		if r.Body.String() != string(a.Body) || r.Header().Get("Content-Type") != "application/octet-stream" ||
			!strings.HasPrefix(r.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("attachment %s: %v", a.Name, r.Header())
		}
	}
	if r := ada.get("/desk/notices/" + notice + "/attachments/99"); r.Code != http.StatusNotFound {
		t.Errorf("no such attachment: %d", r.Code)
	}
}

// The address holds the whole filter: older pages go on with it, without gaps and without repeats.
func TestPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	row, next := regexp.MustCompile(`href="/desk/findings/(\d+)"`), regexp.MustCompile(`href="([^"]+)" rel="next"`)
	seen := map[string]bool{}
	for path, pages := "/desk/findings?state=all", 0; path != ""; pages++ {
		body := ada.ok(path)
		for _, m := range row.FindAllStringSubmatch(body, -1) {
			if seen[m[1]] {
				t.Fatalf("finding %s stands on two pages", m[1])
			}
			seen[m[1]] = true
		}
		path = ""
		if m := next.FindStringSubmatch(body); m != nil {
			path = strings.ReplaceAll(m[1], "&amp;", "&")
		}
		if pages > 100 {
			t.Fatal("it never ends")
		}
	}
	all, _, err := w.loop.EachFinding(t.Context(), w.now, operator, loop.FindingQuery{}, 1e6, func(loop.FindingRow) error { return nil })
	w.must(err)
	if len(seen) != all || all < 60 {
		t.Errorf("%d findings on the pages, %d in all", len(seen), all)
	}
}
