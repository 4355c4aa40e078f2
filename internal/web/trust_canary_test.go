package web_test

import (
	"html"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/act/loop"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
)

// sight says who may ever see canaries: the first row that fits a canary counts, and one that fits none is nobody's. It
// was written from the rules of the design and asks nothing of the program.
type sight struct {
	canary string // pattern of path.Match
	who    []string
}

var (
	deskReads = []string{"administrator", "handler", "approver"}
	deskToken = []string{"api_token"} // with every scope of a desk person; never in mails, raw rows or the texts of events
	deskStaff = []string{"administrator", "api_token"}
	alphaAll  = []string{"read_only", "answerer", "party_admin"}
	betaAll   = []string{"other_party"}
	everyDesk = []string{"administrator", "handler", "approver", "auditor", "no_post"}
)

// sights is the whole expectation. RED names persons, and nobody was named: nobody sees it, at the desk neither. Raw
// rows are for whoever holds the power and said why. Mail in clear carries GREEN at most.
var sights = []sight{
	{"zq*-red-aside", []string{"handler"}}, // a row that became no finding: marked as its feed, which is never RED
	{"zqalpha-red-*", nil},
	{"zqbeta-red-*", nil},
	{"zq*-*-text", deskReads}, // the event as the program reads it; not for mails and not for members
	{"zq*-*-extra", deskReads},
	{"zq*-*-aside", []string{"handler"}},
	{"zqalpha-clear-*", slices.Concat(deskReads, deskToken, alphaAll, []string{"mail:alpha"})},
	{"zqalpha-green-*", slices.Concat(deskReads, deskToken, alphaAll, []string{"mail:alpha"})},
	{"zqalpha-amber-*", slices.Concat(deskReads, deskToken, alphaAll)},
	{"zqalpha-amberstrict-*", slices.Concat(deskReads, deskToken, alphaAll)},
	{"zqbeta-clear-*", slices.Concat(deskReads, deskToken, betaAll, []string{"mail:beta"})},
	{"zqbeta-green-*", slices.Concat(deskReads, deskToken, betaAll, []string{"mail:beta"})},
	{"zqbeta-amber-*", slices.Concat(deskReads, deskToken, betaAll)},
	{"zqbeta-amberstrict-*", slices.Concat(deskReads, deskToken, betaAll)},
	{"zqnone-own-reportmail", []string{"handler", "api_token", "mail:reporter"}},
	{"zqnone-own-report*", []string{"handler", "api_token"}},                           // whoever decides about reports; no mail repeats what was told
	{"zqnone-green-file", slices.Concat(deskReads, deskToken, []string{"feed_token"})}, // its own receipts
	{"zqnone-*-file", slices.Concat(deskReads, deskToken)},
	{"zqnone-*-title", slices.Concat(deskReads, deskToken)},
	{"zqalpha-own-party", slices.Concat(everyDesk, deskToken, alphaAll, []string{"mail:alpha"})},
	{"zqbeta-own-party", slices.Concat(everyDesk, deskToken, betaAll, []string{"mail:beta"})},
	{"zqalpha-own-contact*", slices.Concat(deskReads, deskToken, alphaAll, []string{"mail:alpha"})},
	{"zqbeta-own-contact*", slices.Concat(deskReads, deskToken, betaAll, []string{"mail:beta"})},
	{"zqalpha-own-system", slices.Concat(deskReads, deskToken, alphaAll)},
	{"zqbeta-own-system", slices.Concat(deskReads, deskToken, betaAll)},
	{"zqbeta-own-queue", slices.Concat(deskReads, deskToken)},
	{"zqalpha-own-unit", []string{"administrator", "party_admin"}},
	{"zqbeta-own-unit", []string{"administrator", "other_party"}},
	{"zqauthority-own-label", append([]string{"administrator"}, deskToken...)}, // its own
	{"zqauthority-own-unit", deskStaff},
	{"zqauthority-own-name-api_token", slices.Concat(everyDesk, deskToken, []string{"weak"})}, // whom it acts for
	{"zqauthority-own-name-*", slices.Concat(everyDesk, deskToken, []string{"weak"})},         // colleagues
	{"zqauthority-own-mail-weak", append([]string{"weak"}, deskStaff...)},
	{"zqauthority-own-mail-handler", append([]string{"handler"}, deskStaff...)},
	{"zqauthority-own-mail-approver", append([]string{"approver"}, deskStaff...)},
	{"zqauthority-own-mail-auditor", append([]string{"auditor"}, deskStaff...)},
	{"zqauthority-own-mail-no_post", append([]string{"no_post"}, deskStaff...)},
	{"zqauthority-own-mail-*", deskStaff},
	{"zqalpha-own-name-*", slices.Concat(alphaAll, everyDesk, deskToken)},
	{"zqalpha-own-mail-read_only", []string{"administrator", "party_admin", "read_only"}},
	{"zqalpha-own-mail-answerer", append([]string{"party_admin", "answerer"}, deskStaff...)},
	{"zqalpha-own-mail-party_admin", []string{"administrator", "party_admin"}},
	{"zqbeta-own-name-*", slices.Concat(betaAll, everyDesk)},
	{"zqbeta-own-mail-*", []string{"administrator", "other_party"}},
	{"zq*-own-device-read_only", []string{"read_only"}},
	{"zq*-own-device-answerer", []string{"answerer"}},
	{"zq*-own-device-party_admin", []string{"party_admin"}},
	{"zq*-own-device-other_party", []string{"other_party"}},
	{"zq*-own-device-administrator", []string{"administrator"}},
	{"zq*-own-device-handler", []string{"handler"}},
	{"zq*-own-device-approver", []string{"approver"}},
	{"zq*-own-device-auditor", []string{"auditor"}},
	{"zq*-own-device-no_post", []string{"no_post"}},
	{"zq*-own-device-weak", []string{"weak"}},
}

// outside returns who saw what is not theirs, "WHO saw CANARY", by a table.
func outside(seen map[string]map[string]string, table []sight) []string {
	var out []string
	for canary, by := range seen {
		var may []string
		for _, s := range table {
			if ok, err := path.Match(s.canary, canary); err == nil && ok {
				may = s.who
				break
			}
		}
		for who, where := range by {
			if !slices.Contains(may, who) {
				out = append(out, who+" saw "+canary+" at "+where)
			}
		}
	}
	slices.Sort(out)
	return out
}

var (
	canaryText = regexp.MustCompile(`zq(?:alpha|beta|none|authority)-[a-z]+-[a-z]+(?:-(?:read_only|answerer|party_admin|other_party|administrator|handler|approver|auditor|no_post|disabled|weak|api_token))?`)
	anchor     = regexp.MustCompile(`(?:href|src|action)="(/[^"#]*)`)
)

// note writes down which canaries a text shows to whom.
func note(seen map[string]map[string]string, who, where, text string) {
	text = strings.NewReplacer("=\r\n", "", "=\n", "").Replace(text) // lines that a mail folds
	for _, c := range canaryText.FindAllString(text, -1) {
		if seen[c] == nil {
			seen[c] = map[string]string{}
		}
		if seen[c][who] == "" {
			seen[c][who] = where
		}
	}
}

// crawl looks at every page that a role finds: every GET route, and every link on what it got.
func (w *trustWorld) crawl(role string, seen map[string]map[string]string) int {
	w.t.Helper()
	var queue []string
	for _, a := range w.addresses() {
		if strings.Contains(a.path, "{token}") || a.method != http.MethodGet {
			continue // whoever has such a link is somebody else than who has not
		}
		if q, ok := w.request(a, w.roles[role]); ok {
			queue = append(queue, q.path)
		}
	}
	known := map[string]bool{}
	for pages := 0; ; {
		if len(queue) == 0 {
			return pages
		}
		at := html.UnescapeString(queue[0])
		queue = queue[1:]
		if known[at] || strings.Contains(at, "lang=") || strings.HasPrefix(at, "/static/") || strings.HasPrefix(at, "/n/") || pages > 600 {
			continue
		}
		known[at] = true
		pages++
		r := w.roles[role].get(at)
		body := r.Body.String()
		note(seen, role, at, body+r.Header().Get("Content-Disposition")+r.Header().Get("Location"))
		for _, m := range anchor.FindAllStringSubmatch(body, -1) {
			queue = append(queue, m[1])
		}
	}
}

// No canary is seen by anybody whom the table does not name: not on a page, in an export, a mail, a log line or an error.
func TestCanaries(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 150)
	w.report()
	_, err := w.work.Acknowledge(t.Context(), w.now)
	w.must(err)
	w.lookAround()
	seen := map[string]map[string]string{}
	for _, role := range roles {
		pages := w.crawl(role, seen)
		if role == "handler" && pages < 80 {
			t.Errorf("the handler found only %d pages", pages)
		}
	}
	for _, m := range w.post.mails {
		raw, err := notice.Open(m.Message)
		w.must(err)
		who := "mail:alpha"
		if strings.Contains(m.To, "zqbeta") {
			who = "mail:beta"
		}
		if strings.Contains(m.To, "zqnone") {
			who = "mail:reporter"
		}
		text := string(m.Message) + raw.Text + raw.HTML
		for _, a := range raw.Attachments {
			text += a.Name + string(a.Body)
		}
		note(seen, who, "a mail to "+m.To, text)
	}
	note(seen, "log", "the log", w.log.String())
	for _, complaint := range outside(seen, sights) {
		t.Error(complaint)
	}
	// What the table allows is really there to be seen, so that silence means something.
	for _, c := range []struct{ canary, who string }{
		{canary("beta", "amber-strict", "malware"), "handler"},
		{canary("beta", "amber-strict", "malware"), "other_party"},
		{canary("alpha", "green", "domain"), "mail:alpha"},
		{canary("beta", "own", "queue"), "handler"},
		{canary("none", "amber", "file"), "approver"},
		{canary("alpha", "own", "mail-answerer"), "party_admin"},
		{canary("beta", "green", "extra"), "handler"},
		{canary("none", "own", "reportwhat"), "handler"},
		{canary("none", "own", "reportmail"), "mail:reporter"},
	} {
		if seen[c.canary][c.who] == "" {
			t.Errorf("%s never saw %s: the test does not look where it is", c.who, c.canary)
		}
	}
	if wrong := outside(seen, []sight{{"zqalpha-*", []string{"handler"}}}); len(wrong) < 50 {
		t.Errorf("a wrong table gets only %d complaints: the test cannot see", len(wrong))
	}
}

// lookAround says for the handler why they look, so that raw rows and mails are open while the test reads.
func (w *trustWorld) lookAround() {
	w.t.Helper()
	by, err := w.staff.ActorOf(w.t.Context(), w.now, "per_handler")
	w.must(err)
	for _, id := range w.column("select cast(id as text) from finding where tlp < 4 order by id") {
		w.roles["handler"].call("POST", "/desk/findings/"+id+"/raw", reason)
	}
	for _, id := range w.column("select cast(id as text) from signal") {
		w.roles["handler"].call("POST", "/desk/signals/"+id+"/look", reason)
	}
	for _, id := range w.column("select id from notice where tlp < 4") {
		w.must(w.loop.LookAtNotice(w.t.Context(), w.now, by, ident.Notice(id), loop.Looks[0]))
	}
}
