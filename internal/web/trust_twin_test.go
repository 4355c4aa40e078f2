package web_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// harvest reads every id of the database: what a curious party could come to know, or guess.
func (w *trustWorld) harvest() []string {
	w.t.Helper()
	tables := w.column("select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name")
	ids := map[string]bool{}
	for _, table := range tables {
		for _, c := range w.column("select name from pragma_table_info($1)", table) {
			if c != "id" && !strings.HasSuffix(c, "_id") && c != "seq" && c != "size" && c != "entry_id" {
				continue
			}
			for _, id := range w.column(fmt.Sprintf("select distinct cast(%s as text) from %s where %s is not null limit 12", c, table, c)) {
				if id != "" && id != "0" {
					ids[id] = true
				}
			}
		}
	}
	var out []string
	for id := range ids {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// own are the ids of what a member of party alpha may see; whose those are is written down here and not asked.
func (w *trustWorld) own() map[string]bool {
	w.t.Helper()
	out := map[string]bool{"alpha": true, "ses_answerer": true, "per_answerer": true}
	for _, q := range []string{
		"select cast(id as text) from finding where party_id = 'alpha' and tlp < 4",
		"select id from notice where party_id = 'alpha' and tlp < 4",
		"select id from contact where party_id = 'alpha'",
		"select id from resource where party_id = 'alpha'",
		"select id from system where party_id = 'alpha'",
		"select id from change_request where party_id = 'alpha'",
		"select id from letter where party_id = 'alpha'",
		"select id from person where party_id = 'alpha'",
		"select id from unit where party_id = 'alpha'",
		"select p.id from post p join unit u on u.id = p.unit_id where u.party_id = 'alpha'",
		"select a.id from assignment a join person p on p.id = a.person_id where p.party_id = 'alpha'",
		"select id from session where person_id = 'per_answerer'",
		"select id from credential where person_id = 'per_answerer'",
	} {
		for _, id := range w.column(q) {
			out[id] = true
		}
	}
	return out
}

var anyDigit, anyLetter = regexp.MustCompile(`[0-9]`), regexp.MustCompile(`[a-z]`)

// twin is an id of the same shape that nothing has.
func twin(id string) string {
	r := rand.New(rand.NewPCG(7, uint64(len(id))))
	if strings.Trim(id, "0123456789") == "" {
		return "9" + anyDigit.ReplaceAllStringFunc(id, func(string) string { return fmt.Sprint(r.IntN(10)) })
	}
	prefix, rest, found := strings.Cut(id, "_")
	if !found {
		prefix, rest = "", id
	}
	rest = anyLetter.ReplaceAllStringFunc(rest, func(string) string { return string("bcdfghjkmnpqrstvwxz"[r.IntN(19)]) })
	if found {
		prefix += "_"
	}
	return prefix + anyDigit.ReplaceAllStringFunc(rest, func(string) string { return fmt.Sprint(r.IntN(10)) })
}

// face is what an answer shows, with what the caller put into the address taken out again.
func face(r *httptest.ResponseRecorder, path, id string) string {
	to := strings.ReplaceAll(r.Header().Get("Location")+"&", "="+id+"&", "=·&")
	text := fmt.Sprintf("%d %s\n%s", r.Code, to, r.Body)
	for _, out := range []string{r.Header().Get("X-Request-Id"), path, url.PathEscape(path), url.QueryEscape(path)} {
		if out != "" {
			text = strings.ReplaceAll(text, out, "·")
		}
	}
	// "there is no finding 12": the id that was asked for, behind a word.
	text = strings.ReplaceAll(text, "&#34;"+id+"&#34;", "·")
	return regexp.MustCompile(`(there is no [a-z]+) `+regexp.QuoteMeta(id)+`\b`).ReplaceAllString(text, "$1 ·")
}

// blind are forms that name things by their ids, for routes that have no id in the address.
var blind = map[string]func(id string) url.Values{
	"POST /my/exposure": func(id string) url.Values { return url.Values{"finding": {id}, "answer": {"fixed"}} },
	"POST /my/systems/change": func(id string) url.Values {
		return url.Values{"what": {"resource"}, "id": {id}, "end": {"1"}}
	},
	"POST /my/systems/withdraw": func(id string) url.Values { return url.Values{"id": {id}} },
	"POST /my/contacts":         func(id string) url.Values { return url.Values{"do": {"test"}, "id": {id}} },
	"POST /n/{token}":           func(id string) url.Values { return url.Values{"finding": {id}, "answer": {"fixed"}} },
}

// What is another's and what is not there are told apart by nothing: status, address and page are the same, for every
// route that takes an id, for a member of another party, for the desk without a post, and for nobody.
func TestOthersAreLikeNothing(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 5)
	w.used["finding"] = 0
	own, ids := w.own(), w.harvest()
	letter := w.letter(alpha)
	var theirs []string
	for _, id := range ids {
		if !own[id] {
			theirs = append(theirs, id)
		}
	}
	if len(theirs) < 60 {
		t.Fatalf("only %d ids that are not party alpha's", len(theirs))
	}
	tried := 0
	for _, a := range w.addresses() {
		form := blind[a.pattern]
		if !strings.Contains(a.path, "{id}") && !strings.Contains(a.path, "{n}") && form == nil || strings.HasPrefix(a.path, "/ledger/") {
			continue // the public log is everybody's
		}
		for _, role := range []string{"answerer", "anonymous", "no_post"} {
			for _, id := range theirs {
				if strings.HasSuffix(id, "_"+role) {
					continue // the role's own
				}
				one, other := w.ask(a, role, id, letter), w.ask(a, role, twin(id), letter)
				if tried++; one != other {
					t.Errorf("%s as %s tells %s from nothing: %s", a.pattern, role, id, firstDifference(one, other))
					break
				}
			}
		}
	}
	if tried < 5000 {
		t.Errorf("only %d questions were asked", tried)
	}
	t.Logf("%d ids, %d questions", len(theirs), tried)
	w.twinsDiffer(t, letter)
}

func firstDifference(one, other string) string {
	i := 0
	for i < min(len(one), len(other)) && one[i] == other[i] {
		i++
	}
	return fmt.Sprintf("%q or %q", one[max(0, i-40):min(len(one), i+80)], other[max(0, i-40):min(len(other), i+80)])
}

func (w *trustWorld) ask(a address, role, id, letter string) string {
	path := strings.NewReplacer("{id}", id, "{n}", "1", "{delivery}", "whd_1", "{token}", letter).Replace(a.path)
	var form url.Values
	if a.method != http.MethodGet {
		form = url.Values{"reason": {"to see"}, "why": {"triage"}, "party": {"alpha"}, "tlp": {"amber"}, "code": {"123456"}}
	}
	if f := blind[a.pattern]; f != nil {
		form = f(id)
	}
	return face(w.roles[role].call(a.method, path, form), path, id)
}

// twinsDiffer makes sure that the comparison can see: for the own things, and for the handler, there is a difference.
func (w *trustWorld) twinsDiffer(t *testing.T, letter string) {
	t.Helper()
	id := w.finding(beta)
	get := address{"GET /desk/findings/{id}", "GET", "/desk/findings/{id}"}
	if w.ask(get, "handler", id, letter) == w.ask(get, "handler", twin(id), letter) {
		t.Error("the comparison does not see a finding that is there")
	}
	mine, post := w.finding(alpha), address{"POST /my/exposure", "POST", "/my/exposure"}
	if w.ask(post, "answerer", mine, letter) == w.ask(post, "answerer", twin(mine), letter) {
		t.Error("the comparison does not see an own finding")
	}
}
