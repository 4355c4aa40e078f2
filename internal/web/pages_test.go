package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

// Every page renders in both languages, is well-formed, keeps the strict policy and says its language.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, language := range []string{"en", "zh"} {
		ada, hospital, anybody := w.signedIn(ident.Authority, language), w.signedIn("city-hospital", language), w.visitor(language)
		notice := ada.first("/desk/notices", `href="/desk/notices/(ntc_[a-z0-9]+)"`)
		troubled := ada.first("/desk/signals?rejected=1", `href="/desk/signals/(\d+)"`)
		ada.look("/desk/notices/" + notice + "/look")
		ada.look("/desk/signals/" + troubled + "/look")
		link := ada.first("/desk/notices/"+notice, `https://tocsin\.example(/n/[\w-]+)`)
		token := w.link(ident.Authority)
		for _, c := range []struct {
			who  *person
			path string
		}{
			{anybody, "/sign-in"},
			{anybody, "/report"},
			{anybody, "/sign-in/" + token},
			{anybody, link},
			{hospital, "/my"},
			{hospital, "/my/exposure"},
			{hospital, "/my/exposure?by=problem&severity=high&new=7d&state=answerable"},
			{hospital, "/my/exposure/" + hospital.first("/my/exposure", `href="/my/exposure/(\d+)"`)},
			{hospital, "/my/systems"},
			{hospital, "/my/systems/change?what=system"},
			{hospital, "/my/systems/change?what=resource"},
			{hospital, "/my/contacts"},
			{hospital, "/my/contacts/edit"},
			{hospital, "/my/contacts/edit?id=" + hospital.first("/my/contacts", `edit\?id=([^"]+)"`)},
			{hospital, "/my/notices"},
			{hospital, "/my/notices/" + hospital.first("/my/notices", `href="/my/notices/(ntc_[a-z0-9]+)"`)},
			{hospital, "/my/settings"},
			{ada, "/desk/changes"},
			{ada, "/desk/changes?state=refused"},
			{hospital, "/my/observed"},
			{ada, "/desk"},
			{ada, "/desk/findings"},
			{ada, "/desk/findings?asset=198.18.0.0/15&severity=high&state=all&region=XA-01&feed=shadowserver%2Fscan_rdp&class=vulnerable-system&text=rdp"},
			{ada, "/desk/findings?party=none&state=open"},
			{ada, "/desk/findings/" + ada.first("/desk/findings", `href="/desk/findings/(\d+)"`)},
			{ada, "/desk/parties?search=hospital"},
			{ada, "/desk/parties/city-hospital"},
			{ada, "/desk/notices?state=delivered"},
			{ada, "/desk/reports"},
			{ada, "/desk/notices/" + notice},
			{ada, "/desk/feeds"},
			{ada, "/desk/signals?feed=shadowserver"},
			{ada, "/desk/signals/" + troubled},
			{ada, "/desk/ledger?before=40"},
			{ada, "/desk/mail"},
			{ada, "/desk/mail/" + notice},
		} {
			checkPage(t, c.who, c.path, language)
		}
		for _, path := range open {
			checkPage(t, anybody, path, language)
		}
	}
}

// open are the pages that anybody may see, which a browser may keep as long as it asks anew each time.
var open = []string{"/", "/statistics", "/promises", "/duties", "/advisories", "/accessibility", "/privacy", "/verify"}

func checkPage(t *testing.T, who *person, path, language string) {
	t.Helper()
	r := who.get(path)
	if r.Code != http.StatusOK {
		t.Errorf("GET %s: %d\n%s", path, r.Code, r.Body)
		return
	}
	if got := r.Header().Get("Content-Language"); got != language {
		t.Errorf("GET %s: language %q, want %q", path, got, language)
	}
	if csp := r.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, page.Policy) {
		t.Errorf("GET %s: policy %q", path, csp)
	}
	if !slices.Contains(open, path) && !strings.Contains(r.Header().Get("Cache-Control"), "no-store") {
		t.Errorf("GET %s may be kept: %q", path, r.Header().Get("Cache-Control"))
	}
	body := r.Body.String()
	for _, bad := range []string{"⟦", "%!", "<no value>", "ZgotmplZ"} {
		if i := strings.Index(body, bad); i >= 0 {
			t.Errorf("GET %s holds %q: …%s…", path, bad, body[max(0, i-80):min(len(body), i+80)])
		}
	}
	for _, problem := range malformed(body) {
		t.Errorf("GET %s: %s", path, problem)
	}
}

// malformed reports tags that are not closed in order, ids that stand twice, labels that point nowhere, and fields
// without a name to read out.
func malformed(body string) []string {
	void := map[string]bool{"meta": true, "link": true, "input": true, "br": true, "hr": true, "img": true}
	var out, open []string
	ids, labels := map[string]int{}, []string{}
	for z := html.NewTokenizer(strings.NewReader(body)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		tag := z.Token()
		for _, a := range tag.Attr {
			switch a.Key {
			case "id":
				if ids[a.Val]++; ids[a.Val] == 2 {
					out = append(out, "id "+a.Val+" stands twice")
				}
			case "for":
				labels = append(labels, a.Val)
			}
		}
		switch {
		case kind == html.StartTagToken && !void[tag.Data]:
			open = append(open, tag.Data)
		case kind == html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tag.Data {
				return append(out, "</"+tag.Data+"> closes "+strings.Join(open, " "))
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		out = append(out, "never closed: "+strings.Join(open, " "))
	}
	for _, l := range labels {
		if ids[l] == 0 {
			out = append(out, "label for "+l+" points nowhere")
		}
	}
	return out
}

// A new installation has pages too: they say what will appear and why nothing is there yet.
func TestEmptyPages(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	for _, language := range []string{"en", "zh"} {
		ada := w.signedIn(ident.Authority, language)
		for _, path := range open {
			checkPage(t, w.visitor(language), path, language)
		}
		for _, path := range []string{
			"/desk", "/desk/findings", "/desk/parties", "/desk/notices", "/desk/feeds", "/desk/signals", "/desk/ledger", "/desk/mail", "/report", "/desk/reports",
		} {
			checkPage(t, ada, path, language)
		}
	}
}

// Every answer, errors and assets too, carries the strict headers.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	css := w.visitor("en").first("/", `href="(/static/[^"]+\.css)"`)
	for _, path := range []string{"/", css, "/nothing", "/desk", "/desk/findings?state=odd", "/desk/findings.csv", "/desk/findings/999", "/n/nonsense", "/static/0/tocsin.css"} {
		h := ada.get(path).Header()
		policy := page.Policy
		if strings.HasSuffix(path, ".csv") { // a download: nothing in it may run or load anything
			policy = "default-src 'none'; sandbox; frame-ancestors 'none'"
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("GET %s: %s is %q", path, name, got)
			}
		}
		if h.Get("X-Request-Id") == "" {
			t.Errorf("GET %s has no request id", path)
		}
	}
	if got := ada.get(css).Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("assets are kept as %q", got)
	}
}

// A form that another site's page sends changes nothing.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	for _, header := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "", "Origin": "https://evil.example"}} {
		r := ada.do(http.MethodPost, "/sign-out", strings.NewReader(""), header)
		if r.Code != http.StatusForbidden || !strings.Contains(r.Body.String(), "Nothing was changed") {
			t.Errorf("%v: %d", header, r.Code)
		}
	}
	ada.ok("/desk")
}

// What is in no table is not served.
func TestNotServed(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	for _, path := range []string{"/desk/", "/desk/findings/0", "/desk/findings/x", "/desk/findings/1/discard", "/my/x", "/n/", "/index.html"} {
		if r := ada.get(path); r.Code != http.StatusNotFound && r.Code != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, r.Code)
		}
	}
}
