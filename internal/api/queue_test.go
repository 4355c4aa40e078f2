package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/store"
)

// enqueue puts n items that wait for the desk.
func (w *world) enqueue(n int) {
	w.t.Helper()
	err := w.store.Keep(w.t.Context(), func(tx *store.Tx) error {
		for i := range n {
			_, err := tx.Enqueue(w.t.Context(), store.QueueItem{
				Kind: "notice.no_contact", Object: fmt.Sprintf("party:p%d", i), Code: "notice.no_contact", Args: []string{"x", "1"},
				Severity: event.Severities[i%3], Created: noon.Add(-time.Duration(i) * time.Hour),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// The queue has what the page has: disputes with who should answer, items, reports; page by page in one order, each once.
func TestQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue(7)
	mine := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/findings", ""), 200).Findings
	into[api.Answered](w, w.call(w.hospital, "POST", "/api/v1/findings/answer",
		fmt.Sprintf(`{"findings":[%d],"answer":"not_mine","whose":"bank","reason":"sold"}`, mine[0].ID)), 200)
	into[api.ReportReceipt](w, w.call("", "POST", "/api/v1/reports", `{"kind":"phishing","what":"a page that asks for passwords"}`), 201)
	whole := into[api.Queue](w, w.call(w.desk, "GET", "/api/v1/queue", ""), 200)
	kinds := map[string]int{}
	for _, item := range whole.Items {
		kinds[item.Kind]++
		if item.Due.IsZero() || item.Since.IsZero() || item.Overdue != noon.After(item.Due) || item.Kind == "report" && item.Key != "" {
			t.Errorf("%+v", item)
		}
	}
	if kinds["dispute"] != 1 || kinds["report"] != 1 || kinds["notice"] < 7 || whole.Counts["dispute"] != 1 || whole.Counts["report"] != 1 {
		t.Fatalf("%v of %v", kinds, whole.Counts)
	}
	i := slices.IndexFunc(whole.Items, func(x api.QueueItem) bool { return x.Kind == "dispute" })
	if d := whole.Items[i]; d.Finding.ID != mine[0].ID || d.Proposed.Party != "bank" || d.Proposed.Why != "named" || !slices.Contains(d.Acts, "attribute") {
		t.Errorf("%+v %+v", d, d.Proposed)
	}
	var paged []string
	for next := ""; ; {
		page := into[api.Queue](w, w.call(w.desk, "GET", "/api/v1/queue?limit=2&cursor="+next, ""), 200)
		for _, item := range page.Items {
			paged = append(paged, item.Key+item.Object)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	for i, item := range whole.Items {
		if len(paged) != len(whole.Items) || paged[i] != item.Key+item.Object {
			t.Fatalf("pages: %v\nwhole: %+v", paged, whole.Items)
		}
	}
	for _, item := range into[api.Queue](w, w.call(w.desk, "GET", "/api/v1/queue?kind=notice&severity=high", ""), 200).Items {
		if item.Kind != "notice" || item.Severity != "high" && item.Severity != "critical" {
			t.Errorf("%+v", item)
		}
	}
}

// What is settled, one by one or together, can be taken back by the batch that the answer names.
func TestSettleAndUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueue(1)
	mine := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/findings", ""), 200).Findings
	state := func(i int) string {
		return into[api.FindingDetail](w, w.call(w.desk, "GET", fmt.Sprintf("/api/v1/findings/%d", mine[i].ID), ""), 200).Finding.State
	}
	before := state(0)
	acts := fmt.Sprintf(`"items":[{"key":"finding:%d","act":"discard"},{"key":"finding:%d","act":"attribute","party":"bank"},{"key":"finding:9999","act":"discard"}]`, mine[0].ID, mine[1].ID)
	would := into[api.Batch](w, w.call(w.desk, "POST", "/api/v1/queue/preview", "{"+acts+"}"), 200)
	if would.Changed != 2 || would.Batch != "" || would.Results[0].To != "false_positive" || would.Results[1].Tells != "bank" || would.Results[2].Problem == "" || state(0) != before {
		t.Fatalf("%+v", would)
	}
	did := into[api.Batch](w, w.call(w.desk, "POST", "/api/v1/queue/bulk", "{"+acts+`,"reason":"seen"}`), 200)
	if did.Changed != 2 || did.Batch == "" || did.Until == nil || state(0) != "false_positive" {
		t.Fatalf("%+v", did)
	}
	undone := into[api.Undone](w, w.call(w.desk, "POST", "/api/v1/batches/"+did.Batch+"/undo", ""), 200)
	if undone.Changed != 2 || len(undone.Kept) != 0 || state(0) != before {
		t.Errorf("%+v, %s", undone, state(0))
	}
	if again := w.call(w.desk, "POST", "/api/v1/batches/"+did.Batch+"/undo", ""); again.Code != 409 {
		t.Errorf("undone twice: %d %s", again.Code, again.Body)
	}
	if none := w.call(w.desk, "POST", "/api/v1/batches/bat_none/undo", ""); none.Code != 404 {
		t.Errorf("%d %s", none.Code, none.Body)
	}
	if nothing := into[api.Batch](w, w.call(w.desk, "POST", "/api/v1/queue/bulk", `{"items":[{"key":"finding:9999","act":"discard"}],"reason":"x"}`), 200); nothing.Batch != "" {
		t.Errorf("nothing was done, and can be undone: %+v", nothing)
	}
	for _, act := range []string{"discard", "attribute"} {
		one := into[api.Settled](w, w.call(w.desk, "POST", fmt.Sprintf("/api/v1/findings/%d/%s", mine[2].ID, act), map[string]string{
			"discard": `{"reason":"x"}`, "attribute": `{"party":"bank","reason":"x"}`,
		}[act]), 200)
		was := mine[2].State
		if back := into[api.Undone](w, w.call(w.desk, "POST", "/api/v1/batches/"+one.Batch+"/undo", ""), 200); back.Changed != 1 || state(2) != was {
			t.Errorf("%s: %+v, %s", act, back, state(2))
		}
	}
	item := into[api.Queue](w, w.call(w.desk, "GET", "/api/v1/queue?kind=notice", ""), 200).Items[0]
	seen := into[api.Settled](w, w.call(w.desk, "POST", "/api/v1/queue/"+strings.TrimPrefix(item.Key, "queue:")+"/done", ""), 200)
	if back := into[api.Undone](w, w.call(w.desk, "POST", "/api/v1/batches/"+seen.Batch+"/undo", ""), 200); back.Changed != 1 {
		t.Errorf("%+v", back)
	}
	into[api.Settled](w, w.call(w.desk, "POST", fmt.Sprintf("/api/v1/findings/%d/attribute", mine[2].ID), `{"party":"bank","reason":"x"}`), 200)
	given := into[api.Settled](w, w.call(w.desk, "POST", fmt.Sprintf("/api/v1/findings/%d/attribute", mine[2].ID), `{"reason":"the rule knows"}`), 200)
	if given.Batch != "" || given.Finding.Party != "hospital" {
		t.Errorf("%+v", given)
	}
}

// What is done to a finding that may not leave is done, and the answer shows nothing of it; neither does a preview.
func TestSettleRed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/findings", ""), 200).Findings[0].ID
	at := func(rest string) string { return fmt.Sprintf("/api/v1/findings/%d%s", id, rest) }
	into[api.Marked](w, w.call(w.desk, "POST", at("/mark"), `{"tlp":"TLP:RED","reason":"names a person"}`), 200)
	me := into[api.Me](w, w.call(w.desk, "GET", "/api/v1/me", ""), 200).Person
	into[api.Shares](w, w.call(w.desk, "POST", at("/shares"), `{"with":"person:`+me+`","reason":"works on it"}`), 200)
	acts := fmt.Sprintf(`{"items":[{"key":"finding:%d","act":"discard"}]}`, id)
	if would := into[api.Batch](w, w.call(w.desk, "POST", "/api/v1/queue/preview", acts), 200); !would.Results[0].Withheld || would.Results[0].Party != "" || would.Changed != 1 {
		t.Errorf("%+v", would)
	}
	if did := into[api.Settled](w, w.call(w.desk, "POST", at("/discard"), `{"reason":"wrong"}`), 200); did.Batch == "" || did.Finding != nil {
		t.Errorf("%+v", did)
	}
}
