package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// said gets or sends as a role and returns the page; the test fails where the status is another.
func (c *caller) said(method, path string, form url.Values, status int) string {
	c.w.t.Helper()
	r := c.call(method, path, form)
	if r.Code != status {
		c.w.t.Fatalf("%s %s: %d, want %d\n%s", method, path, r.Code, status, r.Body)
	}
	return r.Body.String()
}

func holds(t *testing.T, where, body string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(body, s) {
			t.Errorf("%s does not say %q", where, s)
		}
	}
}

// A sample is read as a feed would be, shown, and kept nowhere: no signal, no finding, no entry, no file.
func TestSampleIsNotKept(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 3)
	count := func() string {
		return strings.Join(w.column(`select (select count(*) from signal) || ' ' || (select count(*) from finding) || ' ' || (select count(*) from feed) ||
			' ' || (select count(*) from stream) || ' ' || (select count(*) from reject) || ' ' || (select count(*) from entry)`), "")
	}
	sample := `{"classification.type":"vulnerable-system","classification.identifier":"open-plain","source.ip":"192.0.2.0","source.port":1000}` + "\r\n" +
		`{"classification.type":"scanner","source.ip":"198.51.100.77","extra.note":"zqsample"}` + "\r\n" + `{"source.ip":"no address"}` + "\r\n"
	before := count()
	body := w.roles["handler"].said("POST", "/desk/feeds/new", url.Values{"pack": {"intelmq"}, "sample": {sample}}, http.StatusOK)
	holds(t, "the rehearsal", body, "zqsample", "no address", "source.ip", canary("alpha", "own", "party"), canary("beta", "own", "party"),
		"findings would be new", "findings are there already", `action="/desk/feeds"`)
	if after := count(); after != before {
		t.Errorf("counts were %s and are %s", before, after)
	}
	if strings.Contains(w.log.String(), "zqsample") {
		t.Error("the log has the sample")
	}
	for name, c := range map[string]struct {
		form   url.Values
		status int
	}{
		"nothing":  {url.Values{"pack": {"intelmq"}, "sample": {"  "}}, http.StatusUnprocessableEntity},
		"no pack":  {url.Values{"pack": {"no-such"}, "sample": {"x"}}, http.StatusUnprocessableEntity},
		"too much": {url.Values{"pack": {"intelmq"}, "sample": {strings.Repeat("x", 300<<10)}}, http.StatusRequestEntityTooLarge},
		"nonsense": {url.Values{"pack": {"shadowserver"}, "sample": {"a,b\n1,2"}}, http.StatusOK},
	} {
		if r := w.roles["handler"].call("POST", "/desk/feeds/new", c.form); r.Code != c.status {
			t.Errorf("%s: %d, want %d", name, r.Code, c.status)
		}
	}
}

// A feed is added once; its token is shown once.
func TestFeedPages(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 1)
	handler := w.roles["handler"]
	add := url.Values{"id": {"town"}, "pack": {"intelmq"}, "tlp": {"amber"}, "title": {"Town"}}
	handler.said("POST", "/desk/feeds", add, http.StatusSeeOther)
	holds(t, "the second try", handler.said("POST", "/desk/feeds", add, http.StatusConflict), "There is a feed called town already")
	page := handler.said("POST", "/desk/feeds/town", url.Values{"do": {"token"}}, http.StatusOK)
	at := strings.Index(page, "tcn_")
	if at < 0 {
		t.Fatal("no token is shown")
	}
	token := page[at : at+36]
	if strings.Contains(handler.get("/desk/feeds/town").Body.String(), token) {
		t.Error("the token is shown again")
	}
	if f, err := w.loop.FeedByToken(t.Context(), token); err != nil || f != "town" {
		t.Errorf("the token opens %q, %v", f, err)
	}
	handler.said("POST", "/desk/feeds/town", url.Values{"do": {"pause"}}, http.StatusSeeOther)
	handler.said("POST", "/desk/feeds/town", url.Values{"do": {"settings"}, "pack": {"intelmq"}, "title": {"New name"}, "tlp": {"green"}}, http.StatusSeeOther)
	holds(t, "the paused feed", handler.get("/desk/feeds/town").Body.String(), "switched off", "New name", "TLP:GREEN")
	handler.said("POST", "/desk/feeds/town", url.Values{"do": {"settings"}, "pack": {"no-such"}}, http.StatusUnprocessableEntity)
	handler.said("GET", "/desk/feeds/nowhere", nil, http.StatusNotFound)
	w.roles["approver"].said("GET", "/desk/feeds/town", nil, http.StatusOK)
}

// A form with mistakes comes back with what was filled in and what is wrong; a trial writes nothing.
func TestRuleForm(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 3)
	handler := w.roles["handler"]
	wrong := handler.said("POST", "/desk/rules/tell", url.Values{"do": {"save"}, "deed": {"mute"}, "prefix": {"nonsense"}, "order": {"10"}}, http.StatusUnprocessableEntity)
	holds(t, "the form", wrong, "“nonsense” is no address range", "This is needed.", `value="nonsense"`)
	tried := handler.said("POST", "/desk/rules/route", url.Values{"do": {"try"}, "to": {"beta"}, "identifier": {"open-plain"}, "order": {"10"}}, http.StatusOK)
	holds(t, "the trial", tried, "Nothing was changed.", canary("alpha", "own", "party"), canary("beta", "own", "party"), `href="/desk/findings/`)
	if n := w.column("select count(*) from rule"); n[0] != "0" {
		t.Errorf("%s rules after a trial", n[0])
	}
	handler.said("POST", "/desk/rules/tell", url.Values{"do": {"save"}, "deed": {"assign"}, "to": {"beta"}, "type": {"spam"}, "order": {"1"}, "reason": {"x"}}, http.StatusUnprocessableEntity)
	handler.said("POST", "/desk/rules/tell", url.Values{"do": {"save"}, "deed": {"digest"}, "every": {"7"}, "role": {"abuse"}, "type": {"spam"}, "order": {"1"}, "reason": {"x"}}, http.StatusSeeOther)
	for _, path := range []string{"/desk/rules", "/desk/rules?past=1", "/desk/rules/1", "/desk/rules/1?try=1", "/desk/rules/new?kind=route", "/desk/rules/new?kind=tell&type=spam", "/desk/feeds/green", "/desk/feeds/new?pack=shodan", "/desk/system", "/desk/notices/preview?party=alpha"} {
		handler.renders(path)
	}
	handler.said("POST", "/desk/rules/1/end", url.Values{}, http.StatusSeeOther)
	w.roles["administrator"].said("POST", "/desk/rules/1/end", url.Values{}, http.StatusConflict)
}

// renders looks at a page in both languages.
func (c *caller) renders(path string) {
	c.w.t.Helper()
	for _, language := range []string{"en", "zh"} {
		body := c.said("GET", path+map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]+"lang="+language, nil, http.StatusOK)
		for _, bad := range []string{"⟦", "%!", "<no value>", "ZgotmplZ"} {
			if strings.Contains(body, bad) {
				c.w.t.Errorf("%s in %s holds %q", path, language, bad)
			}
		}
		for _, problem := range malformed(body) {
			c.w.t.Errorf("%s in %s: %s", path, language, problem)
		}
	}
}

// What waits is shown with whom it goes to and why it waits. Refused, it is withdrawn with the reason on its page; the hold goes
// on until somebody releases it. The queue names it, and "seen to" does not settle it.
func TestHeldPage(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 3)
	handler, approver := w.roles["handler"], w.roles["approver"]
	handler.renders("/desk/notices/held")
	holds(t, "nothing", handler.said("GET", "/desk/notices/held", nil, http.StatusOK), "Nothing waits to be released.")
	id := w.held()
	notice := w.one(0, "select id from notice where state = 'held'")
	handler.renders("/desk/notices/held")
	holds(t, "what waits", handler.said("GET", "/desk/notices/held", nil, http.StatusOK),
		"ten times as many", canary("alpha", "own", "party"), "/desk/notices/"+notice+"/preview", "Release 1")
	if body := approver.said("GET", "/desk/notices/held", nil, http.StatusOK); strings.Contains(body, "Release 1") {
		t.Error("who may not release has the button")
	}
	holds(t, "the notice", handler.said("GET", "/desk/notices/"+notice, nil, http.StatusOK), "It waits to be released.", "/preview")
	approver.said("GET", "/desk/notices/"+notice+"/preview", nil, http.StatusOK)
	holds(t, "the queue", handler.said("GET", "/desk", nil, http.StatusOK), "there are far more than usual", `href="/desk/notices/held"`)
	item := w.one(0, "select id from queue_item where kind = 'notice.held' and done_at is null")
	handler.said("POST", "/desk/queue/act", url.Values{"do": {"done|queue:" + item + "||0"}}, http.StatusConflict)
	handler.said("POST", "/desk/notices/held/refuse", url.Values{"hold": {id}, "reason": {" "}}, http.StatusUnprocessableEntity)
	handler.said("POST", "/desk/notices/held/release", url.Values{}, http.StatusUnprocessableEntity)
	handler.said("POST", "/desk/notices/held/refuse", url.Values{"hold": {id}, "reason": {"the feed repeats last year"}}, http.StatusSeeOther)
	holds(t, "the refused notice", handler.said("GET", "/desk/notices/"+notice, nil, http.StatusOK), "the feed repeats last year")
	handler.renders("/desk/notices/held")
	holds(t, "after", handler.said("GET", "/desk/notices/held", nil, http.StatusOK), "Hold nothing more")
	handler.said("POST", "/desk/notices/held/release", url.Values{"hold": {id}}, http.StatusSeeOther)
	handler.said("POST", "/desk/notices/held/release", url.Values{"hold": {id}}, http.StatusConflict)
}

// A preview says what the mail will, with a link that opens nothing; a notice that may not be read has none.
func TestPreview(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 3)
	handler := w.roles["handler"]
	id := w.planned()
	body := handler.said("GET", "/desk/notices/"+id+"/preview", nil, http.StatusOK)
	holds(t, "the preview", body, "TLP:GREEN", canary("alpha", "own", "contact"), "findings.csv", "https://tocsin.example/n/preview", "192.0.2.9", "/preview/html")
	letter := handler.call("GET", "/desk/notices/"+id+"/preview/html?as=zh", nil)
	if csp := letter.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox") || !strings.Contains(letter.Body.String(), "192.0.2.9") {
		t.Errorf("the letter: policy %q\n%s", csp, letter.Body)
	}
	if r := w.roles["anonymous"].get("/n/preview"); r.Code == http.StatusOK && strings.Contains(r.Body.String(), canary("alpha", "own", "party")) {
		t.Error("the link of a preview opens something")
	}
	_, err := w.sql.ExecContext(t.Context(), "update notice set tlp = 4 where id = $1", id)
	w.must(err)
	handler.said("GET", "/desk/notices/"+id+"/preview", nil, http.StatusNotFound)
	handler.said("GET", "/desk/notices/"+w.notice(alpha)+"/preview", nil, http.StatusConflict)
	handler.said("GET", "/desk/notices/preview?party=nobody", nil, http.StatusNotFound)
}

// Settings and the words of errors are for whoever administers; everybody at the desk sees what to do.
func TestSystemPage(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 1)
	admin, handler := w.roles["administrator"].get("/desk/system").Body.String(), w.roles["handler"].get("/desk/system").Body.String()
	holds(t, "the administrator's page", admin, "no route", "Comes from", "The disk is nearly full", "SQLite", "failed 3 times in a row", "Last backup", "2 days ago")
	holds(t, "the handler's page", handler, "The disk is nearly full", "failed 3 times in a row")
	if strings.Contains(handler, "no route") || strings.Contains(handler, "Comes from") {
		t.Error("the handler sees settings or the words of errors")
	}
}
