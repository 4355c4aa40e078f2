package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// The ledger's page says in words who did what in which post, finds it again by person, kind of act, object and day, and
// offers the proof once the entry has its place under a checkpoint.
func TestLedgerPage(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 5)
	id := w.finding(alpha)
	if r := w.roles["handler"].call("POST", "/desk/findings/"+id+"/discard", reason); r.Code != http.StatusSeeOther {
		t.Fatalf("discard: %d", r.Code)
	}
	auditor := w.roles["auditor"]
	words := canary("authority", "own", "name-handler") + " (Handler) discarded finding " + id
	fresh := auditor.get("/desk/ledger").Body.String()
	if !strings.Contains(fresh, words) || !strings.Contains(fresh, "waiting for its place") || !strings.Contains(fresh, "tocsin verify") {
		t.Errorf("the newest entry is not told, or not as waiting:\n%s", fresh)
	}
	for path, want := range map[string]bool{
		"?who=person:per_handler": true, "?who=person:per_auditor": false, "?who=person": true, "?who=software": false, "?group=finding": true,
		"?group=notice": false, "?object=finding:" + id: true, "?object=finding:1": false, "?from=2026-11-23&until=2026-11-23": true,
		"?until=2026-11-22": false, "?from=2026-11-24": false,
	} {
		r := auditor.get("/desk/ledger" + path)
		if got := strings.Contains(r.Body.String(), words); got != want || r.Code != http.StatusOK {
			t.Errorf("%s: %d, shows the entry: %v", path, r.Code, got)
		}
	}
	if r := auditor.get("/desk/ledger?from=yesterday"); r.Code != http.StatusUnprocessableEntity {
		t.Errorf("a day that is none: %d", r.Code)
	}
	w.must(w.record.Complete(t.Context(), w.now))
	placed := auditor.get("/desk/ledger?object=finding:" + id).Body.String()
	if strings.Contains(placed, "waiting for its place") {
		t.Error("the entry still waits")
	}
	seq := w.one(0, "select cast(p.seq as text) from place p join entry e on e.id = p.entry_id where e.act = 'finding.discard'")
	if !strings.Contains(placed, `href="/ledger/proof?seq=`+seq+`"`) || auditor.get("/ledger/proof?seq="+seq).Code != http.StatusOK {
		t.Error("the proof is not there")
	}
	if body := auditor.get("/desk/ledger?lang=zh&object=finding:" + id).Body.String(); !strings.Contains(body, "弃置了发现 "+id) {
		t.Error("no Chinese words")
	}
	history := w.roles["handler"].get("/desk/findings/" + id).Body.String()
	if !strings.Contains(history, canary("authority", "own", "name-handler")) || strings.Contains(history, "per_handler</") {
		t.Error("the history of the finding does not say who it was")
	}
	_, err := w.sql.ExecContext(t.Context(), "update person set name = '', mail = 'x', erased_at = 1 where id = 'per_handler'")
	w.must(err)
	if body := auditor.get("/desk/ledger?object=finding:" + id).Body.String(); !strings.Contains(body, "per_handler (Handler) discarded") {
		t.Error("whoever was erased is not an id")
	}
}
