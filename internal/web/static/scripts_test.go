package static

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Scripts are a comfort: all of them together stay small.
const mostScript = 40 << 10

var (
	imports = regexp.MustCompile(`(?m)^import .*?"\./([a-z]+\.js)";$`)
	worded  = regexp.MustCompile(`\bword\("([a-zA-Z]+)"`)
	upper   = regexp.MustCompile(`[A-Z]`)
)

// What a script says comes from the page, what it writes is text, and what it loads lies beside it.
func TestScripts(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../templates/part/script.html")
	if err != nil {
		t.Fatal(err)
	}
	page, said := string(raw), map[string]bool{}
	total := 0
	for name, a := range assets() {
		if path.Ext(name) != ".js" {
			continue
		}
		total += len(a.body)
		body := string(a.body)
		for _, banned := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", ".style", "http://", "https://"} {
			if banned == "http://" {
				body = strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "")
			}
			if strings.Contains(body, banned) {
				t.Errorf("%s uses %s", name, banned)
			}
		}
		for _, m := range imports.FindAllStringSubmatch(body, -1) {
			if _, ok := assets()[m[1]]; !ok {
				t.Errorf("%s imports %s, which is not there", name, m[1])
			}
		}
		for _, m := range worded.FindAllStringSubmatch(body, -1) {
			attribute := "data-" + strings.ToLower(upper.ReplaceAllString(m[1], "-$0"))
			said[attribute] = true
			if !strings.Contains(page, attribute+"=") {
				t.Errorf("%s says %s, which the page does not have", name, attribute)
			}
		}
	}
	if total > mostScript {
		t.Errorf("%d bytes of script, at most %d", total, mostScript)
	}
	for _, m := range regexp.MustCompile(`(data-[a-z-]+)=`).FindAllStringSubmatch(page, -1) {
		if !said[m[1]] {
			t.Errorf("the page has %s, which no script says", m[1])
		}
	}
}

// Modules find each other: all assets lie in one folder.
func TestOneFolder(t *testing.T) {
	t.Parallel()
	for name := range assets() {
		if got, want := path.Dir(Path(name)), path.Dir(Path("tocsin.js")); got != want {
			t.Errorf("%s lies in %s, not in %s", name, got, want)
		}
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path.Dir(Path("tocsin.js"))+"/words.js", nil))
	if w.Code != http.StatusOK {
		t.Errorf("words.js beside tocsin.js: %d", w.Code)
	}
}
