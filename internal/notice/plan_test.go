package notice_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

// waiting makes n items of one class, one severity and one time of waiting.
func waiting(l *notice.Library, class string, s event.Severity, since time.Time, from, n int) []notice.Item {
	var out []notice.Item
	for i := range n {
		out = append(out, notice.Item{ID: ident.Finding(from + i), Class: l.Named(class), Severity: s, Waiting: since})
	}
	return out
}

// drafted is a draft as tests compare it.
type drafted struct {
	Kind   notice.Kind
	Class  string
	Reason string
	IDs    []ident.Finding
}

type planCase struct {
	name  string
	items []notice.Item
	past  notice.Past
	want  []drafted
	held  int
}

// Before and after the digest's hour.
var night, morning = noon.Add(-6 * time.Hour), noon.Add(-3 * time.Hour)

func planCases(l *notice.Library) []planCase {
	return []planCase{
		{name: "nothing"},
		{
			name:  "urgent goes at once, a notice per class, the worst first",
			items: slices.Concat(waiting(l, "infected-host", event.High, morning, 1, 2), waiting(l, "unclassified", event.Critical, morning, 5, 1)),
			want: []drafted{
				{notice.Urgent, "unclassified", notice.WhySeverity, []ident.Finding{5}},
				{notice.Urgent, "infected-host", notice.WhySeverity, []ident.Finding{1, 2}},
			},
		},
		{
			name:  "what came after the hour waits for tomorrow's digest",
			items: waiting(l, "open-dns-resolver", event.Medium, morning, 1, 2),
		},
		{
			name:  "what waited over the hour goes out with all the rest",
			items: slices.Concat(waiting(l, "open-dns-resolver", event.Medium, night, 1, 1), waiting(l, "unclassified", event.Low, morning, 2, 1)),
			want:  []drafted{{notice.Digest, "", notice.WhyDaily, []ident.Finding{1, 2}}},
		},
		{
			name:  "one digest a day",
			items: waiting(l, "open-dns-resolver", event.Medium, night, 1, 2),
			past:  notice.Past{LastDigest: noon.Add(-time.Hour)},
		},
		{
			name:  "the limit holds urgent ones back for the digest",
			items: waiting(l, "infected-host", event.High, morning, 1, 2),
			past:  notice.Past{Today: 3, LastDigest: noon.Add(-time.Hour)},
			held:  2,
		},
		{
			name:  "and the digest takes them along, limit or not",
			items: waiting(l, "infected-host", event.High, night, 1, 2),
			past:  notice.Past{Today: 3},
			want:  []drafted{{notice.Digest, "", notice.WhyLimit, []ident.Finding{1, 2}}},
		},
		{
			name:  "a long list is cut",
			items: waiting(l, "infected-host", event.High, morning, 1, 9),
			want: []drafted{
				{notice.Urgent, "infected-host", notice.WhySeverity, []ident.Finding{1, 2, 3, 4}},
				{notice.Urgent, "infected-host", notice.WhySeverity, []ident.Finding{5, 6, 7, 8}},
				{notice.Urgent, "infected-host", notice.WhySeverity, []ident.Finding{9}},
			},
		},
		{
			name:  "a digest is cut too, and its parts count against the limit",
			items: waiting(l, "open-dns-resolver", event.Medium, night, 1, 9),
			past:  notice.Past{Today: 1},
			want: []drafted{
				{notice.Digest, "", notice.WhyDaily, []ident.Finding{1, 2, 3, 4}},
				{notice.Digest, "", notice.WhyDaily, []ident.Finding{5, 6, 7, 8}},
			},
		},
		{
			name:  "mild findings of a class are not dragged along",
			items: slices.Concat(waiting(l, "infected-host", event.High, morning, 1, 1), waiting(l, "infected-host", event.Low, morning, 2, 1)),
			want:  []drafted{{notice.Urgent, "infected-host", notice.WhySeverity, []ident.Finding{1}}},
		},
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	l := library(t)
	r := notice.Rulebook(notice.Rules{PerDay: 3, PerNotice: 4, Zone: shanghai})
	for _, c := range planCases(l) {
		drafts, held := notice.Plan(r, noon, c.items, c.past)
		if len(c.items) > 0 {
			oldest := slices.MinFunc(c.items, func(a, b notice.Item) int { return a.Waiting.Compare(b.Waiting) }).Waiting
			if len(drafts) > 0 && notice.Quiet(r, noon, notice.Worst(c.items), oldest, c.past) {
				t.Errorf("%s: taken for quiet", c.name)
			}
		}
		var have []drafted
		for _, d := range drafts {
			x := drafted{Kind: d.Kind, Reason: d.Reason, IDs: ids(d.Items)}
			if d.Class != nil {
				x.Class = d.Class.Class
			}
			have = append(have, x)
		}
		if d := cmp.Diff(c.want, have); d != "" || held != c.held {
			t.Errorf("%s: held %d, want %d\n%s", c.name, held, c.held, d)
		}
	}
}

// No finding is told twice in one plan, none is invented, the limits hold, and by the next day's hour everything is out.
func TestPlanLosesNothing(t *testing.T) {
	t.Parallel()
	l := library(t)
	rapid.Check(t, func(t *rapid.T) {
		r := notice.Rulebook(notice.Rules{
			PerDay: rapid.IntRange(1, 5).Draw(t, "per day"), PerNotice: rapid.IntRange(1, 7).Draw(t, "per notice"), Zone: shanghai,
		})
		n := rapid.IntRange(0, 40).Draw(t, "findings")
		var items []notice.Item
		for i := range n {
			class := rapid.SampledFrom([]string{"infected-host", "open-dns-resolver", "unclassified"}).Draw(t, "class")
			s := event.Severity(rapid.IntRange(int(event.Info), int(event.Critical)).Draw(t, "severity"))
			items = append(items, waiting(l, class, s, noon, i+1, 1)...)
		}
		now, left := noon, items
		var past notice.Past
		for day := 0; len(left) > 0; day++ {
			if day > n+1 {
				t.Fatalf("%d findings still wait after %d days", len(left), day)
			}
			drafts, _ := notice.Plan(r, now, left, past)
			if len(drafts) > r.PerDay+1 {
				t.Fatalf("%d notices in a day of at most %d", len(drafts), r.PerDay)
			}
			told := map[ident.Finding]bool{}
			for _, d := range drafts {
				if len(d.Items) == 0 || len(d.Items) > r.PerNotice {
					t.Fatalf("a notice of %d findings", len(d.Items))
				}
				for _, it := range d.Items {
					if told[it.ID] || d.Severity < it.Severity {
						t.Fatalf("finding %d: told twice or worse than its notice", it.ID)
					}
					told[it.ID] = true
				}
				if d.Kind == notice.Digest {
					past.LastDigest = now
				}
			}
			if day > 0 && len(drafts) == 0 {
				t.Fatal("a day without a notice although findings wait")
			}
			left = slices.DeleteFunc(slices.Clone(left), func(it notice.Item) bool { return told[it.ID] })
			now = now.Add(24 * time.Hour)
		}
	})
}

func TestDigestHour(t *testing.T) {
	t.Parallel()
	r := notice.Rulebook(notice.Rules{Zone: shanghai})
	for now, want := range map[string]string{
		"2026-11-23T08:00:00+08:00": "2026-11-23T08:00:00+08:00",
		"2026-11-23T07:59:59+08:00": "2026-11-22T08:00:00+08:00",
		"2026-11-23T23:00:00Z":      "2026-11-23T08:00:00+08:00",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if have := r.DigestHour(at).Format(time.RFC3339); have != want {
			t.Errorf("%s: %s, want %s", now, have, want)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	p := &party.Party{Contacts: []party.Contact{
		{ID: "backup", Role: party.Backup, Mail: "b@example.org"},
		{ID: "abuse", Role: party.Abuse, Mail: "a@example.org"},
		{ID: "dead", Role: party.Security, Mail: "d@example.org", Bounced: noon},
		{ID: "empty", Role: party.Security},
		{ID: "security", Role: party.Security, Mail: "s@example.org"},
	}}
	spam := []notice.Item{{Identity: finding.Identity{Type: "spam"}}}
	vulnerable := []notice.Item{{Identity: finding.Identity{Type: "vulnerable-system"}}}
	for _, c := range []struct {
		items []notice.Item
		tried []string
		want  string
	}{
		{vulnerable, nil, "security"},
		{spam, nil, "abuse"},
		{spam, []string{"abuse"}, "security"},
		{vulnerable, []string{"abuse", "security"}, "backup"},
		{vulnerable, []string{"abuse", "security", "backup"}, ""},
	} {
		have := ""
		if got := notice.Choose(p, "", notice.Order(c.items), c.tried); got != nil {
			have = got.ID
		}
		if have != c.want {
			t.Errorf("tried %v: %q, want %q", c.tried, have, c.want)
		}
	}
}

func TestChase(t *testing.T) {
	t.Parallel()
	r := notice.Rulebook(notice.Rules{})
	for _, c := range []struct {
		waiting, reminders int
		tried, there       bool
		want               notice.Step
	}{
		{0, 0, false, true, notice.Enough},
		{1, 0, false, true, notice.Remind},
		{1, 1, false, true, notice.Remind},
		{1, 2, false, true, notice.Backup},
		{1, 2, false, false, notice.Escalate},
		{1, 2, true, true, notice.Escalate},
		{1, 0, true, true, notice.Escalate},
	} {
		if have := notice.Chase(r, c.waiting, c.reminders, c.tried, c.there); have != c.want {
			t.Errorf("%+v: %s", c, have)
		}
	}
}

// What may go by a clear mail is not held back by what may not.
func TestPlanByMark(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	class := &notice.Class{Class: "open-rdp"}
	var items []notice.Item
	for i, m := range []marking.TLP{marking.Green, marking.Red, marking.Amber, marking.Clear, marking.AmberStrict} {
		for _, severity := range []event.Severity{event.Critical, event.Low} {
			items = append(items, notice.Item{ID: ident.Finding(10*i + int(severity)), Class: class, Severity: severity, TLP: m, Waiting: now.Add(-48 * time.Hour)})
		}
	}
	drafts, _ := notice.Plan(notice.Rulebook(notice.Rules{PerDay: 4}), now, items, notice.Past{})
	want := map[notice.Kind][]int{notice.Urgent: {2, 2, 1}, notice.Digest: {2, 2, 1}}
	have := map[notice.Kind][]int{}
	for _, d := range drafts {
		have[d.Kind] = append(have[d.Kind], len(d.Items))
		for _, it := range d.Items {
			if (it.TLP <= marking.Green) != (d.Items[0].TLP <= marking.Green) || (it.TLP == marking.Red) != (d.Items[0].TLP == marking.Red) {
				t.Errorf("%s of %s and %s", d.Kind, it.TLP, d.Items[0].TLP)
			}
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}
