package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/staff"
	"tocsin/internal/api"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

var operator = access.ForSoftware("command")

// person makes the first person of a party and returns an API token of theirs with scopes; none: all that a token may have.
func (d *door) person(of ident.Party, scopes ...people.Power) string {
	d.t.Helper()
	must := func(err error) {
		d.t.Helper()
		if err != nil {
			d.t.Fatal(err)
		}
	}
	ctx := d.t.Context()
	mail := "first@" + string(of) + ".example"
	who, err := d.config.Staff.PersonByMail(ctx, mail)
	if err != nil {
		who, err = d.config.Staff.Found(ctx, noon, operator, people.Person{Party: of, Name: "Ada", Mail: mail, Language: "en"})
	}
	must(err)
	by, err := d.config.Staff.ActorOf(ctx, noon, who.ID)
	must(err)
	by.Proved = noon
	if len(scopes) == 0 {
		scopes = staff.PersonPowers(by)
	}
	token, _, err := d.config.Staff.MakeToken(ctx, noon, by, "test", scopes, 0)
	must(err)
	return token
}

// world is a door with two parties, their findings, and people with tokens.
type world struct {
	*door
	desk, hospital, bank string // tokens
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := newDoor(t)
	for id, prefix := range map[ident.Party]string{"hospital": "192.0.2.0/25", "bank": "192.0.2.128/25"} {
		_, err := d.loop.PutParty(t.Context(), noon, operator, party.Party{
			ID: id, Name: "The " + string(id), Kind: "institution", Rank: 100,
			Contacts:  []party.Contact{{Role: party.Security, Mail: "soc@" + string(id) + ".example"}},
			Resources: []party.Resource{{Kind: party.Prefix, Value: prefix, Source: "manual", From: noon.AddDate(0, -1, 0)}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if w, _ := d.push("192.0.2.1\t5\n192.0.2.2\t5\n192.0.2.3\t5\n192.0.2.200\t5\n"); w.Code != http.StatusCreated {
		t.Fatal(w.Body)
	}
	for more := true; more; {
		var err error
		if _, more, err = d.loop.FoldNext(t.Context(), noon, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.loop.WriteBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.loop.Plan(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	d.config.Staff.Execute("finding.lower", func(object, particulars string) error {
		_, _, _, err := loop.ParseLowering(object, particulars)
		return err
	}, nil)
	w := &world{door: d, desk: d.person(ident.Authority), hospital: d.person("hospital"), bank: d.person("bank")}
	if _, err := d.config.Record.Sequence(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if _, err := d.config.Record.Checkpoint(t.Context(), noon, 0); err != nil {
		t.Fatal(err)
	}
	return w
}

// call asks with a token; a body is JSON. The status must be one that the document says, and a refusal a problem document.
func (w *world) call(token, method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	var in io.Reader
	header := []string{"Authorization", "Bearer " + token}
	if body != "" {
		in, header = strings.NewReader(body), append(header, "Content-Type", "application/json")
	}
	before := w.newest()
	got := w.do(method, path, in, header...)
	r := w.route(method, path)
	w.left(r, got.Code, before)
	if !slices.Contains(r.Statuses(), got.Code) {
		w.t.Errorf("%s %s: %d is not in the document, which has %v: %s", method, path, got.Code, r.Statuses(), got.Body)
	}
	if kind := got.Header().Get("Content-Type"); got.Code >= 400 && kind != "application/problem+json" {
		w.t.Errorf("%s %s: a refusal as %s", method, path, kind)
	}
	return got
}

// reading are the routes that change nothing though they take a body; many leave an entry for each thing.
var (
	reading = []string{
		"POST /api/v1/queue/preview", "POST /api/v1/parties/{id}/preview", "POST /api/v1/changes/draft", "POST /api/v1/rules/try", "POST /api/v1/packs/{name}/try",
	}
	many = []string{"POST /api/v1/findings/answer", "POST /api/v1/queue/bulk", "POST /api/v1/batches/{id}/undo", "POST /api/v1/signals/{id}/replay"}
)

// newest returns the id of the newest entry.
func (w *world) newest() int64 {
	w.t.Helper()
	var out int64
	err := w.store.View(w.t.Context(), func(tx *store.Tx) error {
		es, err := tx.EntriesBefore(w.t.Context(), 0, 1)
		if len(es) > 0 {
			out = es[0].ID
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// left checks that a call that was good and changes something left one entry, and any other none.
func (w *world) left(r api.Route, status int, before int64) {
	w.t.Helper()
	want := 1
	if strings.HasPrefix(r.Pattern, "GET ") || status >= 400 || slices.Contains(reading, r.Pattern) {
		want = 0
	} else if slices.Contains(many, r.Pattern) {
		return
	}
	err := w.store.View(w.t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(w.t.Context(), before, 100)
		if len(es) != want {
			w.t.Errorf("%s leaves %d entries, want %d: %+v", r.Pattern, len(es), want, es)
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
}

// route finds the route of an address as the mux does.
func (w *world) route(method, path string) api.Route {
	w.t.Helper()
	q := httptest.NewRequestWithContext(w.t.Context(), method, path, nil)
	_, pattern := api.Mux(w.config).Handler(q)
	all := api.Routes()
	i := slices.IndexFunc(all, func(r api.Route) bool { return r.Pattern == pattern })
	return all[i]
}

// into decodes a good answer.
func into[T any](w *world, got *httptest.ResponseRecorder, want int) T {
	w.t.Helper()
	var out T
	if got.Code != want {
		w.t.Fatalf("%d, want %d: %s", got.Code, want, got.Body)
	}
	if err := json.Unmarshal(got.Body.Bytes(), &out); err != nil {
		w.t.Fatal(err, got.Body)
	}
	return out
}

// Lists are paged by key, with the same rows as one long page, and every page says where the next one is.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	whole := into[api.Findings](w, w.call(w.desk, "GET", "/api/v1/findings", ""), 200)
	var ids []int64
	next := ""
	for range 10 {
		got := w.call(w.desk, "GET", "/api/v1/findings?limit=1&cursor="+next, "")
		page := into[api.Findings](w, got, 200)
		for _, f := range page.Findings {
			ids = append(ids, f.ID)
		}
		if next = page.Next; next == "" {
			break
		}
		if link := got.Header().Get("Link"); !strings.Contains(link, "cursor="+next) || !strings.Contains(link, `rel="next"`) {
			t.Errorf("Link %q", link)
		}
	}
	if len(whole.Findings) != 4 || len(ids) != 4 {
		t.Fatalf("%d and %v", len(whole.Findings), ids)
	}
	for i, f := range whole.Findings {
		if f.ID != ids[i] {
			t.Errorf("page %d: %d, want %d", i, ids[i], f.ID)
		}
	}
	for _, list := range []string{"parties", "notices", "signals", "ledger", "queue"} {
		first := w.call(w.desk, "GET", "/api/v1/"+list+"?limit=1", "")
		page := into[struct{ Next string }](w, first, 200)
		if page.Next == "" {
			continue
		}
		second := w.call(w.desk, "GET", "/api/v1/"+list+"?limit=1&cursor="+page.Next, "")
		if second.Code != 200 || second.Body.String() == first.Body.String() {
			t.Errorf("%s: %d, the second page is %s", list, second.Code, second.Body)
		}
		if other := w.call(w.desk, "GET", "/api/v1/findings?cursor="+page.Next, ""); other.Code != 422 {
			t.Errorf("%s: its cursor opens findings: %d", list, other.Code)
		}
	}
}

// A member's token sees its own party and nothing else, and does nothing of the desk's; a token without the scope does not
// do what its person may.
func TestAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/findings", ""), 200)
	others := into[api.Findings](w, w.call(w.bank, "GET", "/api/v1/findings", ""), 200)
	if len(mine.Findings) != 3 || len(others.Findings) != 1 {
		t.Fatalf("%d and %d", len(mine.Findings), len(others.Findings))
	}
	theirs := strconv.FormatInt(others.Findings[0].ID, 10)
	for _, path := range []string{"/api/v1/findings/" + theirs, "/api/v1/findings/" + theirs + "/history", "/api/v1/parties/bank", "/api/v1/signals/1"} {
		if got := w.call(w.hospital, "GET", path, ""); got.Code != 404 {
			t.Errorf("GET %s: %d", path, got.Code)
		}
	}
	if list := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/findings?party=bank", ""), 200); len(list.Findings) > 0 {
		t.Error("a filter shows another's findings")
	}
	if list := into[api.Parties](w, w.call(w.hospital, "GET", "/api/v1/parties", ""), 200); len(list.Parties) != 1 || list.Parties[0].ID != "hospital" {
		t.Errorf("%+v", list)
	}
	for _, n := range into[api.Notices](w, w.call(w.hospital, "GET", "/api/v1/notices", ""), 200).Notices {
		if n.Party != "hospital" {
			t.Errorf("notice of %s", n.Party)
		}
	}
	narrow := w.person("hospital", people.Read)
	reads := w.person(ident.Authority, people.Read)
	id := strconv.FormatInt(mine.Findings[0].ID, 10)
	for _, c := range []struct{ token, method, path, body string }{
		{w.hospital, "GET", "/api/v1/feeds", ""},
		{w.hospital, "GET", "/api/v1/queue", ""},
		{w.hospital, "GET", "/api/v1/ledger", ""},
		{w.hospital, "GET", "/api/v1/proposals", ""},
		{w.hospital, "POST", "/api/v1/findings/" + id + "/discard", `{"reason":"x"}`},
		{w.hospital, "PUT", "/api/v1/parties/hospital", `{"name":"x","kind":"company"}`},
		{w.hospital, "PUT", "/api/v1/feeds/x", `{"pack":"ipsum"}`},
		{w.hospital, "POST", "/api/v1/signals/1/replay", ""},
		{narrow, "POST", "/api/v1/findings/answer", `{"findings":[1],"answer":"start"}`},
		{reads, "POST", "/api/v1/findings/" + id + "/discard", `{"reason":"x"}`},
		{reads, "GET", "/api/v1/ledger", ""},
		{w.desk, "POST", "/api/v1/findings/answer", `{"findings":[1],"answer":"start"}`},
		{w.token, "GET", "/api/v1/findings", ""},
		{w.token, "GET", "/api/v1/events", ""},
		{w.desk, "POST", "/api/v1/signals", ""},
	} {
		if got := w.call(c.token, c.method, c.path, c.body); got.Code != 403 {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.Code, got.Body)
		}
	}
}

// A feed's token reads its own receipts, a person's those that they may read.
func TestReceiptByPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if s := into[api.Status](w, w.call(w.desk, "GET", "/api/v1/signals/1", ""), 200); s.State != "folded" || s.Events != 4 {
		t.Errorf("%+v", s)
	}
	if s := into[api.Status](w, w.call(w.token, "GET", "/api/v1/signals/1", ""), 200); s.Feed != "ipsum" {
		t.Errorf("%+v", s)
	}
}

// What programs do is what the acts do: history and state follow.
func TestActs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/findings", ""), 200).Findings
	said := into[api.Answered](w, w.call(w.hospital, "POST", "/api/v1/findings/answer",
		fmt.Sprintf(`{"findings":[%d,%d,9999],"answer":"wrong","reason":"a sinkhole of ours"}`, mine[0].ID, mine[1].ID)), 200)
	if said.Changed != 2 || len(said.Results) != 3 || said.Results[2].Problem == "" {
		t.Fatalf("%+v", said)
	}
	at := func(i int, rest string) string { return fmt.Sprintf("/api/v1/findings/%d%s", mine[i].ID, rest) }
	if s := into[api.Settled](w, w.call(w.desk, "POST", at(0, "/reject"), `{"reason":"seen again"}`), 200); s.Finding.State != "reopened" || s.Batch == "" {
		t.Errorf("%+v", s)
	}
	if s := into[api.Settled](w, w.call(w.desk, "POST", at(1, "/discard"), `{"reason":"true"}`), 200); s.Finding.State != "false_positive" || s.Batch == "" {
		t.Errorf("%+v", s)
	}
	if got := w.call(w.desk, "POST", at(1, "/discard"), `{"reason":"again"}`); got.Code != 409 {
		t.Errorf("%d", got.Code)
	}
	moved := into[api.Settled](w, w.call(w.desk, "POST", at(2, "/attribute"), `{"party":"bank","reason":"moved"}`), 200)
	if f := moved.Finding; f.Party != "bank" || f.Basis != "hand" || moved.Batch == "" {
		t.Errorf("%+v", moved)
	}
	steps := into[api.History](w, w.call(w.hospital, "GET", at(0, "/history"), ""), 200).Steps
	if len(steps) < 2 || steps[len(steps)-1].Reason != "" || strings.Contains(steps[len(steps)-1].Actor, ":") {
		t.Errorf("a member reads who at the desk wrote what: %+v", steps)
	}
	into[api.Marked](w, w.call(w.desk, "POST", at(0, "/mark"), `{"tlp":"TLP:AMBER","reason":"asked for"}`), 200)
	shares := into[api.Shares](w, w.call(w.desk, "POST", at(0, "/shares"), `{"with":"party:bank","reason":"concerns both"}`), 200)
	if len(shares.Shares) != 1 {
		t.Fatalf("%+v", shares)
	}
	if left := into[api.Shares](w, w.call(w.desk, "POST", at(0, "/shares/"+shares.Shares[0].ID+"/end"), `{"reason":"done"}`), 200); len(left.Shares) != 0 {
		t.Errorf("%+v", left)
	}
	p := into[api.Proposal](w, w.call(w.desk, "POST", "/api/v1/proposals",
		fmt.Sprintf(`{"act":"finding.lower","object":"finding:%d","particulars":"{\"tlp\":\"TLP:GREEN\"}","reason":"over"}`, mine[0].ID)), 201)
	if list := into[api.Proposals](w, w.call(w.desk, "GET", "/api/v1/proposals", ""), 200); len(list.Proposals) != 1 || list.Proposals[0].ID != p.ID {
		t.Errorf("%+v", list)
	}
	into[api.Marked](w, w.call(w.desk, "POST", at(0, "/mark"), `{"tlp":"TLP:RED","reason":"names a person"}`), 200)
	if got := w.call(w.desk, "GET", at(0, ""), ""); got.Code != 403 {
		t.Errorf("a RED finding leaves: %d %s", got.Code, got.Body)
	}
}

// Parties and feeds are put as a whole, and read as they were put.
func TestPut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := `{"name":"City works","kind":"operator","sector":"water","contacts":[{"role":"security","mail":"soc@works.example"}],
		"resources":[{"kind":"prefix","value":"198.51.100.0/24"}],"systems":[{"name":"SCADA","asset_kind":"domain","asset":"scada.works.example","products":["X"]}]}`
	put := into[api.Party](w, w.call(w.desk, "PUT", "/api/v1/parties/works", body), 200)
	got := into[api.Party](w, w.call(w.desk, "GET", "/api/v1/parties/works", ""), 200)
	if put.Name != "City works" || len(got.Contacts) != 1 || len(got.Resources) != 1 || got.Resources[0].Source != "manual" || len(got.Systems) != 1 {
		t.Errorf("%+v\n%+v", put, got)
	}
	feed := into[api.FeedPut](w, w.call(w.desk, "PUT", "/api/v1/feeds/mine", `{"pack":"ipsum","tlp":"TLP:AMBER","new_token":true}`), 200)
	if feed.Token == "" || feed.Feed.TLP != "TLP:AMBER" {
		t.Errorf("%+v", feed)
	}
	if list := into[api.Feeds](w, w.call(w.desk, "GET", "/api/v1/feeds", ""), 200); len(list.Feeds) != 4 {
		t.Errorf("%+v", list)
	}
	into[api.Replayed](w, w.call(w.desk, "POST", "/api/v1/signals/1/replay", ""), 200)
	me := into[api.Me](w, w.call(w.hospital, "GET", "/api/v1/me", ""), 200)
	if me.Party != "hospital" || me.Desk || !slices.Equal(me.Scopes, []string{"read", "staff", "answer"}) {
		t.Errorf("%+v", me)
	}
	if k := into[api.Tokens](w, w.call(w.hospital, "GET", "/api/v1/tokens", ""), 200); len(k.Tokens) != 1 {
		t.Errorf("%+v", k)
	}
	if c := into[api.Checkpoint](w, w.call("", "GET", "/api/v1/ledger/checkpoint", ""), 200); c.Size == 0 || c.Note == "" {
		t.Errorf("%+v", c)
	}
	if e := into[api.Entries](w, w.call(w.desk, "GET", "/api/v1/ledger?group=party&limit=1", ""), 200); len(e.Entries) != 1 || e.Entries[0].Act != "party.put" {
		t.Errorf("%+v", e)
	}
}

// What is wrong with a request is told by the name of the field.
func TestMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		field              string
	}{
		{"GET", "/api/v1/findings?state=opne", "", 422, "state"},
		{"GET", "/api/v1/findings?stat=open", "", 422, "stat"},
		{"GET", "/api/v1/findings?state=open&state=stale", "", 422, "state"},
		{"GET", "/api/v1/findings?limit=0x", "", 422, "limit"},
		{"GET", "/api/v1/findings?limit=501", "", 422, "limit"},
		{"GET", "/api/v1/findings?limit=-1", "", 422, "limit"},
		{"GET", "/api/v1/findings?cursor=%00", "", 422, "cursor"},
		{"GET", "/api/v1/ledger?from=yesterday", "", 422, "from"},
		{"GET", "/api/v1/findings/x", "", 404, ""},
		{"GET", "/api/v1/findings/99999", "", 404, ""},
		{"POST", "/api/v1/findings/1/discard", `{"reason":""}`, 422, "reason"},
		{"POST", "/api/v1/findings/1/discard", `{"reason":"  "}`, 422, "reason"},
		{"POST", "/api/v1/findings/1/discard", `{"reson":"x"}`, 422, "reson"},
		{"POST", "/api/v1/findings/1/discard", `{"reason":7}`, 422, "reason"},
		{"POST", "/api/v1/findings/1/discard", `null`, 422, "body"},
		{"POST", "/api/v1/findings/1/discard", `[]`, 422, "body"},
		{"POST", "/api/v1/findings/1/discard", `{"reason":"x"}{}`, 400, ""},
		{"POST", "/api/v1/findings/1/discard", `{"reason":`, 400, ""},
		{"POST", "/api/v1/findings/1/discard", "{\"reason\":\"\xff\"}", 400, ""},
		{"POST", "/api/v1/findings/1/discard", `{"reason":"` + strings.Repeat("x", 2<<20) + `"}`, 413, ""},
		{"POST", "/api/v1/findings/1/mark", `{"reason":"x"}`, 422, "tlp"},
		{"POST", "/api/v1/findings/1/mark", `{"reason":"x","embargo":"soon"}`, 422, "body"},
		{"POST", "/api/v1/findings/1/shares", `{"reason":"x","with":"party:nobody"}`, 422, "with"},
		{"PUT", "/api/v1/parties/x", `{"name":"x","kind":"club"}`, 422, "kind"},
		{"PUT", "/api/v1/parties/x", `{"name":"x","kind":"company","contacts":[{"role":"x","mail":"y@example.org"}]}`, 422, "contacts[0].role"},
		{"PUT", "/api/v1/feeds/x", `{"pack":"none"}`, 422, "pack"},
		{"POST", "/api/v1/proposals", `{"act":"finding.lower","object":"finding:1","particulars":"{","reason":"x"}`, 422, "particulars"},
		{"POST", "/api/v1/queue/none/done", "", 404, ""},
	} {
		got := w.call(w.desk, c.method, c.path, c.body)
		var p struct {
			Errors []struct{ Field string }
		}
		if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil || got.Code != c.status || (c.field != "") != (len(p.Errors) == 1) || c.field != "" && p.Errors[0].Field != c.field {
			t.Errorf("%s %s %.60s: %d %s", c.method, c.path, c.body, got.Code, got.Body)
		}
	}
	if got := w.do("POST", "/api/v1/findings/1/discard", strings.NewReader("reason=x"), "Authorization", "Bearer "+w.desk, "Content-Type", "application/x-www-form-urlencoded"); got.Code != 415 {
		t.Errorf("a form: %d", got.Code)
	}
}
