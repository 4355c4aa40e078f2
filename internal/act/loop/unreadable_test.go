package loop

import (
	"strings"
	"testing"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// A row whose time cannot be read is no observation of now: after the answer "fixed" the finding neither reopens nor is
// anybody told again, and it was last seen when it was last seen. The signal says which cell it was.
func TestUnreadableTime(t *testing.T) {
	t.Parallel()
	first, second := sample(t, "unreadable-time/1-first.csv"), sample(t, "unreadable-time/2-same-row-excel-date.csv")
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		ctx, now := t.Context(), november(1, 6)
		must(t, l.PutFeed(ctx, now, testCommand, FeedSettings{ID: "table", Pack: "generic-csv"}))
		must(t, s.Keep(ctx, func(tx *store.Tx) error {
			return tx.PutParty(ctx, now, party.Party{ID: "works", Name: "Works", Kind: "company", Language: "en", Rank: 100})
		}))
		take(t, l, now, "table", "1-first.csv", first)
		foldAll(t, l, now)
		id := onlyFinding(t, l).ID
		must(t, l.AttributeByHand(ctx, now, deskPerson("ada"), id, "works", "theirs"))
		now = november(2, 6)
		_, err := l.AnswerAs(ctx, now, memberOf("works"), []ident.Finding{id}, AnswerFixed, Particulars{Reason: "patched"})
		must(t, err)
		before := onlyFinding(t, l)
		if before.State != finding.ClaimedFixed {
			t.Fatalf("state %s after the answer", before.State)
		}
		now = november(20, 6)
		signal := take(t, l, now, "table", "2-same-row-excel-date.csv", second)
		foldAll(t, l, now)
		after := onlyFinding(t, l)
		if after.State != before.State || !after.Last.Equal(before.Last) || after.Count != before.Count || !after.StateAt.Equal(before.StateAt) {
			t.Errorf("the finding moved: %s, last seen %s, %d sightings", after.State, after.Last, after.Count)
		}
		ada := deskPerson("ada")
		must(t, l.LookAtSignal(ctx, now, ada, signal, "triage"))
		d, err := l.SignalByID(ctx, now, ada, signal, RejectCursor{}, 10)
		must(t, err)
		if c := d.Counts; c.Rows != 1 || c.Events != 0 || c.Rejected != 1 {
			t.Errorf("counts %+v", c)
		}
		if len(d.Rejected) != 1 || d.Rejected[0].Field != "time.source" || !strings.Contains(d.Rejected[0].Reason, `"01.11.2026 05:12"`) {
			t.Errorf("kept aside: %+v", d.Rejected)
		}
	})
}

// onlyFinding returns the one finding of an installation as lists show it.
func onlyFinding(t *testing.T, l *Loop) store.Finding {
	t.Helper()
	page, err := l.Findings(t.Context(), november(20, 6), testCommand, FindingQuery{}, 0, 10)
	must(t, err)
	if len(page.Rows) != 1 {
		t.Fatalf("%d findings", len(page.Rows))
	}
	return page.Rows[0].Finding
}
