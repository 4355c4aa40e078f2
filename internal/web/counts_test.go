package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/triage"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/promise"
	"tocsin/internal/store"
)

// The same thing has the same number wherever it is shown at one instant: in the menu, on tab and headline, on the system's page,
// in the API, in an export, among the metrics and in public. There is more of it than any page shows. What the numbers ought to be
// is held against single things in the store's TestWork.
func TestCountsAgree(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 3)
	w.toil(130, 70)
	for _, role := range []string{"handler", "approver", "administrator"} {
		t.Run(role, func(t *testing.T) { w.walkCounts(t, w.roles[role]) })
	}
	t.Run("public", w.walkPublic)
}

// toil brings n findings that nobody answers for, some of them overdue, and more items of the queue.
func (w *trustWorld) toil(n, items int) {
	w.t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"classification.type":"vulnerable-system","classification.identifier":"open-orphan","source.ip":"203.0.113.%d","source.port":%d,"severity":%q,"time.source":"2026-11-23T08:00:00+00:00"}`+"\n",
			i%200+1, 3000+i, []string{"critical", "high", "medium", "low", "info"}[i%5])
	}
	w.accept("green", "orphans.json", b.String())
	w.fold()
	long := w.now.Add(-30 * time.Hour).UnixMicro()
	_, err := w.sql.ExecContext(w.t.Context(), "update finding set created_at = $1, state_at = $2 where identifier = 'open-orphan'", long, long)
	w.must(err)
	w.must(w.db.RebuildTally(w.t.Context()))
	for i := range items {
		w.must(w.db.Keep(w.t.Context(), func(tx *store.Tx) error {
			_, err := tx.Enqueue(w.t.Context(), store.QueueItem{
				Kind: []string{"notice.silent", "feed.silent", "signal.unread"}[i%3], Object: fmt.Sprintf("party:toil%d", i), Code: "notice.silent",
				Args: []string{"x", "1"}, Severity: event.Severity(i % 6), Created: w.now.Add(-time.Duration(i) * time.Hour),
			})
			return err
		}))
	}
	w.disputed()
	w.proposed()
}

var tab = regexp.MustCompile(`<a href="(/desk[^"]*)"(?: aria-current="page")?>([^<]*) <span class="soft">([0-9,]+\+?)</span></a>`)

func (w *trustWorld) walkCounts(t *testing.T, c *caller) {
	number := func(text string) int {
		n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
		if err != nil {
			t.Fatalf("%q is no number", text)
		}
		return n
	}
	page := c.said("GET", "/desk", nil, http.StatusOK)
	tabs, sum := map[string]int{}, 0
	for _, m := range tab.FindAllStringSubmatch(page, -1) {
		tabs[strings.TrimPrefix(m[1], "/desk?kind=")] = number(m[3])
	}
	all := tabs["/desk"]
	for _, k := range promise.Kinds {
		sum += tabs[string(k)]
		if tabs[string(k)] == 0 {
			continue
		}
		narrow := c.said("GET", "/desk?kind="+string(k), nil, http.StatusOK)
		if !strings.Contains(narrow, fmt.Sprintf("%d", tabs[string(k)])) {
			t.Errorf("the page of %s does not say %d", k, tabs[string(k)])
		}
	}
	if all < 200 || all != sum {
		t.Errorf("everything is %d, and the kinds are %d: %v", all, sum, tabs)
	}
	late := regexp.MustCompile(`<strong class="late">([0-9,]+) `).FindStringSubmatch(page)
	var live struct {
		Counts struct{ Queue, Findings int }
	}
	body := c.said("GET", "/desk/live?once=1", nil, http.StatusOK)
	if err := json.Unmarshal([]byte(body[strings.Index(body, "{"):strings.LastIndex(body, "}")+1]), &live); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if live.Counts.Queue != all {
		t.Errorf("the menu says %d, the page %d", live.Counts.Queue, all)
	}
	system := c.said("GET", "/desk/system", nil, http.StatusOK)
	if !strings.Contains(system, fmt.Sprintf(`<a href="/desk"><b>%d</b>`, all)) {
		t.Errorf("the system's page does not say %d", all)
	}
	work, err := triage.New(w.db, w.loop, time.UTC).Waiting(t.Context(), w.now, w.actor(c.name))
	w.must(err)
	if of := work.Sum(); len(late) != 2 || number(late[1]) != of.Late || of.N != all || of.Late <= 50 {
		t.Errorf("the page says that %v of %d are late, the count %d of %d", late, all, of.Late, of.N)
	}
	list := c.said("GET", "/desk/findings", nil, http.StatusOK)
	if !strings.Contains(strings.ReplaceAll(list, ",", ""), strconv.Itoa(live.Counts.Findings)) {
		t.Errorf("the list of findings does not say %d", live.Counts.Findings)
	}
	if c.name == "handler" {
		csv := c.said("GET", "/desk/findings.csv", nil, http.StatusOK)
		if n := strings.Count(strings.TrimSpace(csv), "\n"); n != live.Counts.Findings {
			t.Errorf("the export has %d findings, the menu says %d", n, live.Counts.Findings)
		}
	}
}

// walkPublic looks at the API, the metrics' count and what is published.
func (w *trustWorld) walkPublic(t *testing.T) {
	desk := triage.New(w.db, w.loop, time.UTC)
	token := w.roles["api_token"]
	var queue struct{ Counts, Late map[string]int }
	w.must(json.Unmarshal([]byte(token.said("GET", "/api/v1/queue?limit=1", nil, http.StatusOK)), &queue))
	seen, err := desk.Waiting(t.Context(), w.now, w.actor("api_token"))
	w.must(err)
	for _, k := range promise.Kinds {
		if queue.Counts[string(k)] != seen[k].N || queue.Late[string(k)] != seen[k].Late {
			t.Errorf("the API has %d and %d late of %s, the count %+v", queue.Counts[string(k)], queue.Late[string(k)], k, seen[k])
		}
	}
	whole, err := desk.Whole(t.Context(), w.now)
	w.must(err)
	red := w.one(0, "select count(*) from finding where party_id = '' and tlp = 4 and state not in ('verified_closed', 'false_positive', 'stale')")
	handler, err := desk.Waiting(t.Context(), w.now, w.actor("handler"))
	w.must(err)
	if got := fmt.Sprint(whole[promise.Orphan].N - handler[promise.Orphan].N); got != red {
		t.Errorf("the whole has %s findings of nobody more than the desk, and %s are RED", got, red)
	}
	_, err = picture.New(w.db).Publish(t.Context(), w.now)
	w.must(err)
	public := w.roles["anonymous"].said("GET", "/promises", nil, http.StatusOK)
	if want := fmt.Sprintf(`<p class="big">%d</p>`, whole.Sum().N); !strings.Contains(strings.ReplaceAll(public, ",", ""), want) {
		t.Errorf("the public page does not say %s: %s", want, regexp.MustCompile(`<p class="big">.*?</p>`).FindAllString(public, -1))
	}
	var promises struct{ Waiting struct{ N int } }
	body := token.said("GET", "/api/v1/promises", nil, http.StatusOK)
	w.must(json.Unmarshal([]byte(body), &promises))
	if promises.Waiting.N != whole.Sum().N {
		t.Errorf("the API publishes %d, the whole is %d: %s", promises.Waiting.N, whole.Sum().N, body)
	}
}

// actor is who a role acts as.
func (w *trustWorld) actor(role string) access.Actor {
	w.t.Helper()
	by, err := w.staff.ActorOf(w.t.Context(), w.now, ident.Person("per_"+role))
	w.must(err)
	return by
}
