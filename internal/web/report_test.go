package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"tocsin/internal/ident"
)

var (
	hiddenKey = regexp.MustCompile(`name="key" value="([0-9a-z]{32})"`)
	shownCode = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){5}`)
	shownNote = regexp.MustCompile(`(?s)<pre class="raw" id="signed" tabindex="0">(.*?)</pre>`)
)

// filled is the form as somebody fills it in.
func (p *person) filled() url.Values {
	p.t.Helper()
	return url.Values{
		"key": {p.first("/report", hiddenKey.String())}, "kind": {"phishing"}, "what": {"A mail wanted my <password>."},
		"where": {"https://evil.example/x"}, "contact": {"me@mail.example"},
	}
}

// Somebody reports and gets code and receipt in the answer itself; sending the form again gives the same, once more.
func TestReportForm(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	for _, language := range []string{"en", "zh"} {
		citizen := w.visitor(language)
		form := citizen.filled()
		first := citizen.post("/report", form)
		body := first.Body.String()
		if first.Code != http.StatusOK || first.Header().Get("Cache-Control") != "no-store" || len(first.Result().Cookies()) != 0 {
			t.Fatalf("%d %v\n%s", first.Code, first.Header(), body)
		}
		code, signed := shownCode.FindString(body), shownNote.FindStringSubmatch(body)
		if code == "" || signed == nil || !strings.Contains(signed[1], "tocsin.example/log/report-receipt\n") || strings.Contains(signed[1], code) {
			t.Fatalf("no code or receipt:\n%s", body)
		}
		if !strings.Contains(body, `<svg class="qr"`) || strings.Contains(body, "password") || strings.Contains(body, "evil") || strings.Contains(body, "me@mail") {
			t.Errorf("the answer lacks the picture, or repeats what was told:\n%s", body)
		}
		for _, problem := range malformed(body) {
			t.Errorf("the answer: %s", problem)
		}
		note := html.UnescapeString(signed[1])
		if again := citizen.post("/report", form).Body.String(); shownCode.FindString(again) != code || shownNote.FindStringSubmatch(again)[1] != signed[1] {
			t.Errorf("sent twice it is another report")
		}
		form.Set("what", "And it wanted my money.")
		if changed := citizen.post("/report", form).Body.String(); shownCode.FindString(changed) == code {
			t.Error("a form that was changed is the same report")
		}
		for _, pasted := range []string{strings.ToLower(code), strings.ReplaceAll(note, "\n", "\r\n")} {
			r := citizen.post("/verify", url.Values{"text": {pasted}})
			said := r.Body.String()
			if r.Code != http.StatusOK || !strings.Contains(said, `id="standing"`) || !strings.Contains(said, "report-received") || strings.Contains(said, strings.ToLower(code)) {
				t.Errorf("%q: %d\n%s", pasted, r.Code, said)
			}
		}
	}
	ada := w.signedIn(ident.Authority, "en")
	if page := ada.ok("/desk/reports?state=waiting&kind=phishing"); strings.Contains(page, "password") || strings.Count(page, `href="/desk/reports/rep_`) != 4 {
		t.Errorf("the list lacks a report, or tells what it says:\n%s", page)
	}
	one := ada.first("/desk/reports", `href="(/desk/reports/rep_[a-z0-9]+)"`)
	if page := ada.ok(one); strings.Contains(page, `href="https://evil`) || !strings.Contains(page, "hxxps://evil[.]example/x") {
		t.Errorf("what was called suspicious is a link:\n%s", page)
	}
	checkPage(t, ada, one, "en")
}

// What is wrong with a form is said beside each field, nothing that was written is lost, and nothing was kept.
func TestReportMistakes(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	citizen := w.visitor("en")
	form := citizen.filled()
	form.Set("kind", "opinion")
	form.Set("when", "soon")
	form.Set("contact", "nobody")
	r := citizen.post("/report", form)
	body := r.Body.String()
	for _, want := range []string{"Choose what it is about.", "That is no date.", "That is no mail address", "A mail wanted my &lt;password&gt;.", form.Get("key"), "not sent yet"} {
		if !strings.Contains(body, want) {
			t.Errorf("the form lacks %q", want)
		}
	}
	if r.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d", r.Code)
	}
	for _, problem := range malformed(body) {
		t.Errorf("the form: %s", problem)
	}
	form.Set("key", "mine")
	form.Set("kind", "malware")
	form.Set("when", "")
	form.Set("contact", "")
	if r := citizen.post("/report", form); r.Code != http.StatusUnprocessableEntity || shownCode.MatchString(r.Body.String()) {
		t.Errorf("a key of one's own: %d", r.Code)
	}
	form.Set("what", strings.Repeat("x", 2<<20))
	if r := citizen.post("/report", form); r.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("two megabytes: %d", r.Code)
	}
	if page := w.signedIn(ident.Authority, "en").ok("/desk/reports"); strings.Contains(page, "/desk/reports/rep_") {
		t.Error("a form with mistakes was kept")
	}
}

// On the addresses of the form nobody is recognised and no cookie is set, whoever comes and whatever they ask for; the
// language stays with the form all the same.
func TestReportKnowsNobody(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	for _, path := range []string{"/report", "/report?lang=zh", "/report?theme=dark"} {
		r := ada.get(path)
		if r.Code != http.StatusOK || len(r.Result().Cookies()) != 0 || strings.Contains(r.Body.String(), "/sign-out") || strings.Contains(r.Body.String(), ">Ada<") {
			t.Errorf("%s: %d %v", path, r.Code, r.Header())
		}
	}
	if page := ada.ok("/report?lang=zh"); !strings.Contains(page, `action="/report?lang=zh"`) {
		t.Error("the form forgets the language that was chosen")
	}
	form := ada.filled()
	r := ada.post("/report?lang=zh", form)
	if r.Code != http.StatusOK || r.Header().Get("Content-Language") != "zh" || len(r.Result().Cookies()) != 0 {
		t.Errorf("%d %v", r.Code, r.Header())
	}
}
