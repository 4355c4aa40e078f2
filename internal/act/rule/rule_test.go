package rule_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/record"
	ruling "tocsin/internal/act/rule"
	"tocsin/internal/archive"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/rule"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var (
	operator = access.ForSoftware("command")
	handler  = person("ada", people.Read, people.Triage, people.Register)
	reader   = person("eve", people.Read)
)

func person(id string, powers ...people.Power) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: id, Party: ident.Authority, Proved: noon,
		Seats: []access.Seat{{Post: "handler", Party: ident.Authority, Powers: powers}},
	}
}

// town is an installation with a hospital, a clinic and a sector's team, and findings of the hospital.
type town struct {
	*ruling.Desk
	t     *testing.T
	db    *store.Store
	loop  *loop.Loop
	blobs *archive.Archive
}

func newTown(t *testing.T, s *store.Store) *town {
	t.Helper()
	known, err := feed.ReadPacks(packs.Feeds())
	library, err2 := notice.LoadLibrary(packs.Classes())
	blobs, err3 := archive.Open(filepath.Join(t.TempDir(), "archive"))
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	testkit.ReleaseMail(t, s)
	w := &town{Desk: ruling.New(ruling.Config{Store: s}), t: t, db: s, blobs: blobs, loop: loop.New(loop.Config{
		Store: s, Archive: blobs, Packs: known, Library: library, Mailer: loop.Mailbox{},
		Settings: loop.Settings{Sender: notice.Sender{Mail: "csirt@x.example"}, BaseURL: "https://x.example", Key: []byte("0123456789abcdef0123456789abcdef")},
	})}
	t.Cleanup(func() { w.must(w.loop.Close(context.WithoutCancel(t.Context()))) })
	w.must(w.loop.PutFeed(t.Context(), noon, operator, loop.FeedSettings{ID: "f", Pack: "intelmq"}))
	parties := []party.Party{
		someone("hospital", "health", "institution", "192.0.2.0/24"), someone("clinic", "health", "institution", "198.51.100.0/24"),
		someone("health-csirt", "", "csirt", ""),
	}
	_, err = w.loop.ImportParties(t.Context(), noon, operator, parties, []party.Region{{ID: "XA", NameEN: "X"}})
	w.must(err)
	return w
}

func someone(id ident.Party, sector, kind, prefix string) party.Party {
	p := party.Party{
		ID: id, Name: string(id), Kind: kind, Sector: sector, Region: "XA", Language: "en", Rank: 100,
		Contacts: []party.Contact{{ID: "c-" + string(id), Role: party.Security, Mail: "s@" + string(id) + ".example"}, {ID: "a-" + string(id), Role: party.Abuse, Mail: "a@" + string(id) + ".example"}},
	}
	if prefix != "" {
		p.Resources = []party.Resource{{ID: "r-" + string(id), Kind: party.Prefix, Value: prefix, Source: party.Manual}}
	}
	return p
}

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// rows takes events in: kind of problem, address and severity, blank-separated.
func (w *town) rows(at time.Time, lines ...string) {
	w.t.Helper()
	var b strings.Builder
	for _, l := range lines {
		p := strings.Fields(l)
		b.WriteString(`{"classification.type":"` + p[0] + `","classification.identifier":"` + p[0] + `-x","source.ip":"` + p[1] + `","severity":"` + p[2] + `","time.source":"2026-11-24T08:00:00+00:00"}` + "\n")
	}
	_, err := w.loop.Accept(w.t.Context(), at, loop.AcceptRequest{Feed: "f", Name: "x.json", Body: strings.NewReader(b.String()), By: operator})
	w.must(err)
	for more := true; more; {
		_, more, err = w.loop.FoldNext(w.t.Context(), at, nil)
		w.must(err)
	}
	w.must(w.loop.WriteBack(w.t.Context()))
}

func (w *town) put(r rule.Rule) rule.Rule {
	w.t.Helper()
	r.Reason = "because"
	if r.Order == 0 {
		r.Order = 10
	}
	r, err := w.Put(w.t.Context(), noon, handler, r)
	w.must(err)
	return r
}

// parties returns who answers for each finding, in order.
func (w *town) parties() []store.Attributed {
	w.t.Helper()
	var out []store.Attributed
	w.must(w.db.View(w.t.Context(), func(tx *store.Tx) (err error) {
		out, err = tx.AttributedAfter(w.t.Context(), 0, 100)
		return err
	}))
	return out
}

func (w *town) plan(at time.Time) int {
	w.t.Helper()
	p, err := w.loop.Plan(w.t.Context(), at)
	w.must(err)
	return p.Findings
}

// verified runs the check of the whole database against its ledger.
func (w *town) verified() {
	w.t.Helper()
	_, err := record.Verify(w.t.Context(), w.db, w.blobs, record.Evidence{})
	w.must(err)
}

// A routing rule answers for new findings and takes over those that are there; taken back, they return. The trial says
// so beforehand.
func TestRoute(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newTown(t, s)
		ctx := t.Context()
		w.rows(noon, "scanner 192.0.2.1 high", "spam 192.0.2.2 low", "scanner 203.0.113.9 high")
		draft := rule.Rule{Order: 10, When: rule.Condition{Type: "scanner", Sector: "health"}, Do: rule.Effect{Deed: rule.Assign, Party: "health-csirt", Confidence: 80}, Reason: "r"}
		trial, err := w.Try(ctx, noon, handler, draft)
		w.must(err)
		if trial.Looked != 3 || trial.Fits != 1 || trial.Moved != 1 || len(trial.Flows) != 1 || trial.Flows[0] != (ruling.Flow{From: "hospital", To: "health-csirt", Findings: 1}) ||
			len(trial.Sample) != 1 || trial.Sample[0].Finding != 1 {
			t.Errorf("the trial says %+v", trial)
		}
		if got := w.parties(); got[0].Attribution.Party != "hospital" {
			t.Fatalf("a trial changed who answers: %+v", got[0])
		}
		r := w.put(draft)
		due, err := w.loop.ReattributeDue(ctx, noon)
		if err != nil || !due {
			t.Errorf("nobody asks again: %t, %v", due, err)
		}
		_, err = w.loop.Reattribute(ctx, noon, access.ForSoftware("attribute"))
		w.must(err)
		w.rows(noon.Add(time.Minute), "scanner 198.51.100.3 high")
		got := w.parties()
		for i, want := range []ident.Party{"health-csirt", "hospital", "", "health-csirt"} {
			if got[i].Attribution.Party != want {
				t.Errorf("finding %d is %s's, want %s", i+1, got[i].Attribution.Party, want)
			}
		}
		if a := got[0].Attribution; a.Basis != party.ByRule || a.Matched != "1" || a.Confidence != 80 {
			t.Errorf("it rests on %+v", a)
		}
		why, err := w.loop.Why(ctx, noon, handler, 1)
		if err != nil || !why.Agrees || why.Rule.Claims[0].Why != party.WhyRule || why.Rule.Claims[1].Party != "hospital" {
			t.Errorf("why here: %+v, %v", why.Rule, err)
		}
		w.must(w.End(ctx, noon.Add(time.Hour), handler, r.Number))
		_, err = w.loop.Reattribute(ctx, noon.Add(time.Hour), access.ForSoftware("attribute"))
		w.must(err)
		if got := w.parties(); got[0].Attribution.Party != "hospital" || got[3].Attribution.Party != "clinic" {
			t.Errorf("taken back, and %+v", got)
		}
		w.verified()
	})
}

// What a rule mutes or holds is not told; what the desk releases is, and what comes later is held again.
func TestTell(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newTown(t, s)
		ctx := t.Context()
		mute := w.put(rule.Rule{When: rule.Condition{Type: "spam"}, Do: rule.Effect{Deed: rule.Mute}, Until: noon.Add(24 * time.Hour)})
		hold := w.put(rule.Rule{When: rule.Condition{Prefix: "192.0.2.0/24"}, Do: rule.Effect{Deed: rule.Hold}, Order: 20})
		w.put(rule.Rule{When: rule.Condition{Type: "brute-force"}, Do: rule.Effect{Deed: rule.AtOnce, From: event.Low}, Order: 5})
		w.put(rule.Rule{When: rule.Condition{Type: "phishing"}, Do: rule.Effect{Deed: rule.Digest, Every: 7}, Order: 6})
		w.rows(noon, "spam 198.51.100.1 high", "scanner 192.0.2.1 high", "brute-force 198.51.100.2 low", "phishing 198.51.100.4 critical", "scanner 198.51.100.5 low")
		if n := w.plan(noon); n != 1 { // brute-force at once; spam muted, scanner held, phishing and the low scanner wait for a digest
			t.Errorf("%d findings told at once, want 1", n)
		}
		raised, err := w.Review(ctx, noon)
		held, err2 := w.Held(ctx, noon)
		if w.must(errors.Join(err, err2)); raised != 1 || len(held) != 1 || held[0].Findings != 1 || held[0].Party != "hospital" || held[0].Rule != hold.Number {
			t.Errorf("%d items, held %+v", raised, held)
		}
		if again, err := w.Review(ctx, noon); again != 0 || err != nil {
			t.Errorf("again %d items, %v", again, err)
		}
		w.must(w.Release(ctx, noon.Add(time.Minute), handler, hold.Number, "hospital"))
		if n := w.plan(noon.Add(2 * time.Minute)); n != 1 {
			t.Errorf("%d findings told after the release, want 1", n)
		}
		w.rows(noon.Add(3*time.Minute), "scanner 192.0.2.9 high")
		if n := w.plan(noon.Add(4 * time.Minute)); n != 0 {
			t.Errorf("%d findings told of what came later, want none", n)
		}
		tuesday := noon.Add(21 * time.Hour) // 9 o'clock the next day, a Wednesday: the daily digest, without the weekly finding
		if n := w.plan(tuesday); n != 1 {
			t.Errorf("%d findings in the daily digest, want 1", n)
		}
		w.must(w.End(ctx, tuesday, handler, hold.Number))
		if _, err := w.Review(ctx, tuesday); err != nil {
			t.Error(err)
		}
		var open []store.QueueItem
		w.must(s.View(ctx, func(tx *store.Tx) (err error) {
			open, err = tx.QueueOfKind(ctx, "rule.held")
			return err
		}))
		if len(open) != 0 {
			t.Errorf("nothing is held, and the queue says %+v", open)
		}
		if n := w.plan(noon.Add(25 * time.Hour)); n != 2 { // the mute is over, the hold was taken back
			t.Errorf("%d findings told once the mute is over, want 2 (rule %d)", n, mute.Number)
		}
		monday := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
		if n := w.plan(monday); n != 1 {
			t.Errorf("%d findings in Monday's digest, want 1", n)
		}
		w.verified()
	})
}

// When a rule's time is over, what it held is held no more, and the ledger says so once.
func TestHoldLapses(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newTown(t, s)
		ctx := t.Context()
		w.put(rule.Rule{When: rule.Condition{Prefix: "192.0.2.0/24"}, Do: rule.Effect{Deed: rule.Hold}, Until: noon.Add(time.Hour)})
		w.rows(noon, "scanner 192.0.2.1 high", "scanner 192.0.2.2 high")
		for _, c := range []struct {
			after             time.Duration
			raised, held, say int
		}{{0, 1, 2, 1}, {time.Minute, 0, 2, 1}, {2 * time.Hour, 0, 0, 2}, {3 * time.Hour, 0, 0, 2}} {
			n, err := w.Review(ctx, noon.Add(c.after))
			held, err2 := w.Held(ctx, noon.Add(c.after))
			w.must(errors.Join(err, err2))
			findings := 0
			for _, h := range held {
				findings += h.Findings
			}
			said := 0
			w.must(s.View(ctx, func(tx *store.Tx) error {
				es, err := tx.EntriesOn(ctx, "party:hospital")
				for _, e := range es {
					if e.Act == "rule.hold" {
						said++
					}
				}
				return err
			}))
			if n != c.raised || findings != c.held || said != c.say {
				t.Errorf("after %s: %d items raised, %d findings held, %d entries; want %+v", c.after, n, findings, said, c)
			}
		}
	})
}

// A trial of a notice rule says what it would have made of the notices of the last days.
func TestTryTell(t *testing.T) {
	t.Parallel()
	w := newTown(t, testkit.SQLite(t))
	ctx := t.Context()
	w.rows(noon, "scanner 192.0.2.1 high", "scanner 198.51.100.1 high", "scanner 198.51.100.2 high", "spam 192.0.2.2 low")
	w.plan(noon)
	w.plan(noon.Add(21 * time.Hour))
	now := noon.Add(22 * time.Hour)
	for name, c := range map[string]struct {
		r    rule.Rule
		want map[ruling.Outcome]int
	}{
		"mute all":   {rule.Rule{When: rule.Condition{Type: "scanner"}, Do: rule.Effect{Deed: rule.Mute}, Until: now.Add(time.Hour)}, map[ruling.Outcome]int{ruling.Unsent: 2, ruling.Same: 1}},
		"mute one":   {rule.Rule{When: rule.Condition{Prefix: "198.51.100.2/32"}, Do: rule.Effect{Deed: rule.Mute}, Until: now.Add(time.Hour)}, map[ruling.Outcome]int{ruling.Smaller: 1, ruling.Same: 2}},
		"hold":       {rule.Rule{When: rule.Condition{Party: "clinic"}, Do: rule.Effect{Deed: rule.Hold}}, map[ruling.Outcome]int{ruling.Withheld: 1, ruling.Same: 2}},
		"at once":    {rule.Rule{When: rule.Condition{Type: "spam"}, Do: rule.Effect{Deed: rule.AtOnce, From: event.Low}}, map[ruling.Outcome]int{ruling.Sooner: 1, ruling.Same: 2}},
		"digest":     {rule.Rule{When: rule.Condition{Type: "scanner"}, Do: rule.Effect{Deed: rule.Digest, Every: 1}}, map[ruling.Outcome]int{ruling.Later: 2, ruling.Same: 1}},
		"to another": {rule.Rule{When: rule.Condition{Party: "hospital", Type: "scanner"}, Do: rule.Effect{Deed: rule.To, Role: party.Security}}, map[ruling.Outcome]int{ruling.Redirected: 1, ruling.Same: 2}},
		"nothing":    {rule.Rule{When: rule.Condition{Type: "phishing"}, Do: rule.Effect{Deed: rule.Hold}}, map[ruling.Outcome]int{ruling.Same: 3}},
	} {
		c.r.Order, c.r.Reason = 10, "r"
		trial, err := w.Try(ctx, now, handler, c.r)
		w.must(err)
		for _, o := range append(ruling.Outcomes, ruling.Same) {
			if trial.Counts[o] != c.want[o] {
				t.Errorf("%s: %d notices %s, want %d (%+v)", name, trial.Counts[o], o, c.want[o], trial.Letters)
			}
		}
		if trial.Notices != 3 || trial.Bounded {
			t.Errorf("%s: looked at %d notices, bounded %t", name, trial.Notices, trial.Bounded)
		}
		if changed := trial.Notices - trial.Counts[ruling.Same]; len(trial.Letters) != changed {
			t.Errorf("%s: %d notices are shown of %d that change: %+v", name, len(trial.Letters), changed, trial.Letters)
		}
	}
	blind, err := w.Try(ctx, now, access.Actor{Kind: access.Person, ID: "x", Party: ident.Authority}, rule.Rule{Order: 1, Reason: "r", When: rule.Condition{Type: "scanner"}, Do: rule.Effect{Deed: rule.Hold}})
	if err != nil || blind.Notices != 0 {
		t.Errorf("who may read nothing sees %d notices, %v", blind.Notices, err)
	}
}

// Who may write, what a new version keeps, and what cannot be done.
func TestPut(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newTown(t, s)
		ctx := t.Context()
		r := w.put(rule.Rule{When: rule.Condition{Type: "spam"}, Do: rule.Effect{Deed: rule.Hold}})
		second := r
		second.Do, second.Reason = rule.Effect{Deed: rule.Digest, Every: 1}, "otherwise"
		second, err := w.Put(ctx, noon.Add(time.Hour), handler, second)
		w.must(err)
		versions, err := w.Versions(ctx, noon, r.Number)
		w.must(err)
		if second.Number != r.Number || second.Version != 2 || len(versions) != 2 || versions[0].Do.Deed != rule.Digest || versions[1].Do.Deed != rule.Hold || versions[1].Reason != "because" {
			t.Errorf("%+v", versions)
		}
		other := second
		other.Do = rule.Effect{Deed: rule.Assign, Party: "clinic"}
		unknown := rule.Rule{Order: 1, Reason: "r", When: rule.Condition{Feed: "nofeed", Region: "ZZ", Party: "nobody"}, Do: rule.Effect{Deed: rule.Assign, Party: "noone"}}
		for name, c := range map[string]struct {
			by   access.Actor
			r    rule.Rule
			want error
		}{
			"another kind": {handler, other, fault.Conflict}, "a reader": {reader, second, fault.Denied}, "no such things": {handler, unknown, fault.Invalid},
			"a feed": {access.ForFeed("f"), second, fault.Denied}, "no such rule": {handler, rule.Rule{Number: 99, Order: 1, Reason: "r", When: r.When, Do: r.Do}, fault.NotFound},
		} {
			if _, err := w.Put(ctx, noon, c.by, c.r); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		_, err = w.Put(ctx, noon, handler, unknown)
		var p rule.Problems
		if errors.As(err, &p); len(p) != 4 {
			t.Errorf("four things are not there: %v", err)
		}
		w.must(w.End(ctx, noon, handler, r.Number))
		for _, err := range []error{w.End(ctx, noon, handler, r.Number), w.Release(ctx, noon, handler, r.Number, "clinic")} {
			if !errors.Is(err, fault.Conflict) {
				t.Errorf("after its end: %v", err)
			}
		}
		if _, err := w.Put(ctx, noon, handler, second); !errors.Is(err, fault.Conflict) {
			t.Errorf("a new version after its end: %v", err)
		}
		if all, err := w.All(ctx, noon); err != nil || len(all) != 1 || all[0].State != rule.Ended {
			t.Errorf("%+v, %v", all, err)
		}
		if c, err := w.Choices(ctx); err != nil || len(c.Parties) != 3 || len(c.Sectors) != 1 || c.Order != 10 {
			t.Errorf("choices: %+v, %v", c, err)
		}
		w.verified()
	})
}
