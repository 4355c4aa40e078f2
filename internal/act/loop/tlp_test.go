package loop

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// sample reads an input of ../shared/data/cases beside the repository, or skips the test.
func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../../../shared/data/cases/" + name)
	if err != nil {
		testkit.Missing(t, "shared/data/cases/"+name+" is not beside the repository")
	}
	return string(b)
}

// markOf returns the mark of the finding about an asset; false where there is none.
func markOf(t *testing.T, l *Loop, now time.Time, address string) (marking.Mark, bool) {
	t.Helper()
	page, err := l.Findings(t.Context(), now, testCommand, FindingQuery{}, 0, 100)
	must(t, err)
	for _, r := range page.Rows {
		if r.Identity.Asset.Value == address {
			return r.Mark, true
		}
	}
	return marking.Mark{}, false
}

// The mark of an event counts: RED waits for a person, AMBER makes the finding at least AMBER, none means the feed's.
func TestEventMarks(t *testing.T) {
	t.Parallel()
	body := sample(t, "event-tlp.json")
	for feedMark, want := range map[string][2]marking.TLP{
		"": {marking.Amber, marking.Green}, "clear": {marking.Amber, marking.Clear},
		"amber-strict": {marking.AmberStrict, marking.AmberStrict},
	} {
		testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
			l := newLoop(t, s, Settings{})
			must(t, l.PutFeed(t.Context(), noon, testCommand, FeedSettings{ID: "partner", Pack: "intelmq", TLP: feedMark}))
			id := take(t, l, sampled, "partner", "event-tlp.json", body)
			foldAll(t, l, sampled)
			if _, there := markOf(t, l, noon, "192.0.2.1"); there {
				t.Error("a RED event became a finding")
			}
			for i, address := range []string{"192.0.2.2", "192.0.2.3"} {
				if m, _ := markOf(t, l, noon, address); m.TLP != want[i] || m.PAP != marking.PAPGreen {
					t.Errorf("feed %q, %s: %v, want %s", feedMark, address, m, want[i])
				}
			}
			checkHeld(t, l, id)
		})
	}
}

// checkHeld checks that line 1 of the signal waits for a person and that its bytes stand nowhere but in the archive.
func checkHeld(t *testing.T, l *Loop, id ident.Signal) {
	t.Helper()
	ctx, ada := t.Context(), deskPerson("ada")
	must(t, l.LookAtSignal(ctx, noon, ada, id, "triage"))
	d, err := l.SignalByID(ctx, noon, ada, id, RejectCursor{}, 10)
	must(t, err)
	if c := d.Counts; c.Rows != 3 || c.Events != 2 || c.Rejected != 1 || c.Held != 1 {
		t.Errorf("counts %+v", c)
	}
	if len(d.Rejected) != 1 || len(d.Rejected[0].Raw) != 0 || !d.Rejected[0].Held || d.Rejected[0].Line != 1 ||
		d.Rejected[0].Field != "tlp" || !strings.HasPrefix(d.Rejected[0].Reason, "RED") {
		t.Errorf("kept aside: %+v", d.Rejected)
	}
	must(t, l.store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.RejectedOf(ctx, id, -1, 0, 10)
		if err == nil && (len(rows) != 1 || len(rows[0].Raw) != 0) {
			t.Errorf("the table of rows kept aside: %+v", rows)
		}
		return err
	}))
	if got := queued(t, l, "signal.held"); len(got) != 1 || strings.Join(got[0].Args, " ") != "partner event-tlp.json 1" {
		t.Errorf("the desk is told %+v", got)
	}
}

// queued returns the open items of a kind.
func queued(t *testing.T, l *Loop, kind string) (out []store.QueueItem) {
	t.Helper()
	must(t, l.store.View(t.Context(), func(tx *store.Tx) error {
		items, err := tx.QueueOpen(t.Context(), 100)
		for _, q := range items {
			if q.Kind == kind {
				out = append(out, q)
			}
		}
		return err
	}))
	return out
}

func tlpLine(host, marks, at string) string {
	return `{"classification.type":"infected-system","source.ip":"192.0.2.` + host + `"` + marks + `,"time.source":"2026-11-20T` + at + `:00+00:00"}` + "\n"
}

// A later event raises the mark of a finding that is there, in the chunk and after it, and never lowers one; what two people
// lowered comes back only where the source asks for more than they took off.
func TestEventMarksRaise(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		ctx, now := t.Context(), noon
		must(t, l.PutFeed(ctx, now, testCommand, FeedSettings{ID: "partner", Pack: "intelmq"}))
		send := func(lines ...string) {
			now = now.Add(time.Hour)
			take(t, l, now, "partner", now.Format("15")+".json", strings.Join(lines, ""))
			foldAll(t, l, now)
		}
		has := func(what, host string, tlp marking.TLP, pap marking.PAP) {
			t.Helper()
			if m, ok := markOf(t, l, now, "192.0.2."+host); !ok || m != (marking.Mark{TLP: tlp, PAP: pap}) {
				t.Errorf("%s: %v %v", what, m, ok)
			}
		}
		send(tlpLine("1", "", "08:00"), tlpLine("2", "", "08:00"), tlpLine("2", `,"tlp":"tlp:amber"`, "08:01"), tlpLine("2", "", "08:02"))
		has("no mark", "1", marking.Green, marking.PAPGreen)
		has("in one chunk", "2", marking.Amber, marking.PAPGreen)
		send(tlpLine("1", `,"tlp":"AMBER"`, "09:00"), tlpLine("2", `,"tlp":"WHITE"`, "09:00"))
		has("raised by a repeat", "1", marking.Amber, marking.PAPGreen)
		has("never lowered", "2", marking.Amber, marking.PAPGreen)
		send(tlpLine("1", `,"extra.pap":"PAP:RED"`, "09:30"), tlpLine("3", `,"tlp":"ORANGE"`, "09:00"), tlpLine("4", `,"extra.pap":"BLUE"`, "09:00"))
		has("its PAP", "1", marking.Amber, marking.PAPRed)
		has("no mark of TLP", "3", marking.Amber, marking.PAPGreen)
		has("no mark of PAP", "4", marking.Green, marking.PAPAmber)
		must(t, l.Lower(ctx, now, deskPerson("bo"), deskPerson("ada").String(), 1, marking.Green, "the partner agreed"))
		send(tlpLine("1", `,"tlp":"AMBER"`, "10:00"))
		has("lowered by people", "1", marking.Green, marking.PAPRed)
		send(tlpLine("1", `,"tlp":"AMBER+STRICT"`, "11:00"))
		has("stricter than what people took off", "1", marking.AmberStrict, marking.PAPRed)
		send(tlpLine("1", `,"tlp":"RED"`, "11:00"))
		has("a RED row raises nothing", "1", marking.AmberStrict, marking.PAPRed)
	})
}

// A RED row about a finding that is there shows that it is: the day is no evidence that it is gone. One about nothing known
// is one row kept aside among many.
func TestHeldRowsAreNoAbsence(t *testing.T) {
	t.Parallel()
	for host, spoiled := range map[string]bool{"1": true, "250": false} {
		l := newLoop(t, testkit.SQLite(t), Settings{})
		ctx := t.Context()
		must(t, l.PutFeed(ctx, noon, testCommand, FeedSettings{ID: "partner", Pack: "intelmq"}))
		take(t, l, noon, "partner", "a.json", tlpLine("1", "", "08:00"))
		foldAll(t, l, noon)
		var b strings.Builder
		for i := range 100 {
			b.WriteString(tlpLine(strconv.Itoa(2+i), "", "09:00"))
		}
		take(t, l, noon, "partner", "b.json", b.String()+tlpLine(host, `,"tlp":"RED"`, "09:00"))
		foldAll(t, l, noon)
		must(t, l.store.View(ctx, func(tx *store.Tx) error {
			all, err := tx.Cycles(ctx, 0)
			for _, cycles := range all {
				for _, c := range cycles {
					if (c.Aside*20 > c.Rows) != spoiled {
						t.Errorf("%s is RED: %d of %d aside on %s", host, c.Aside, c.Rows, c.Day)
					}
				}
			}
			if len(all) != 1 {
				t.Errorf("%d streams", len(all))
			}
			return err
		}))
	}
}

// Rows that waited are read from the archive once their mark is no longer RED, and not before.
func TestHeldRowsAreReadAgain(t *testing.T) {
	t.Parallel()
	l := newLoop(t, testkit.SQLite(t), Settings{})
	ctx := t.Context()
	must(t, l.PutFeed(ctx, noon, testCommand, FeedSettings{ID: "site", Pack: "n6-json"}))
	id := take(t, l, noon, "site", "n6.json", `[{"category":"bots","time":"2026-11-20T08:00:00Z","restriction":"internal","address":[{"ip":"192.0.2.9"}]}]`)
	foldAll(t, l, noon)
	done, err := l.Replay(ctx, noon, testCommand, id)
	must(t, err)
	same(t, "still RED", Replayed{Tried: 1, Still: 1}, done)
	pack, _ := l.packs.Pack("n6-json")
	mended := *pack
	table := *pack.Table
	table.Columns = append(table.Columns[:0:0], table.Columns...)
	for i := range table.Columns {
		if table.Columns[i].Path == "restriction" {
			table.Columns[i].Map = map[string]string{"internal": "AMBER"}
		}
	}
	mended.Table = &table
	*pack = mended
	done, err = l.Replay(ctx, noon, testCommand, id)
	must(t, err)
	same(t, "read after all", Replayed{Tried: 1, Events: 1}, done)
	if m, _ := markOf(t, l, noon, "192.0.2.9"); m.TLP != marking.Amber {
		t.Errorf("%v", m)
	}
	s, err := l.Signal(context.Background(), id)
	must(t, err)
	if c := s.Counts; c.Rows != 1 || c.Events != 1 || c.Rejected != 0 || c.Held != 0 {
		t.Errorf("%+v", c)
	}
}
