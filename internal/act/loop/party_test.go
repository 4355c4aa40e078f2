package loop

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

const registerYAML = `
regions:
  - {code: ZZ, name_en: Zed, default: csirt}
parties:
  - {id: csirt, name: The CSIRT, kind: csirt, contacts: [{mail: desk@csirt.example}]}
  - {id: isp, name: Provider, kind: operator, resources: [{asn: 64496, verified: 2026-11-01}]}
  - {id: hospital, name: Hospital, contacts: [{mail: it@hospital.example}], resources: [{prefix: 198.51.100.0/29, verified: 2026-11-01}]}
`

// takeOver imports a YAML text.
func takeOver(t *testing.T, l *Loop, now time.Time, text string) party.Plan {
	t.Helper()
	in, err := party.Read(party.YAML, strings.NewReader(text), party.Options{Source: "import:test.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := l.ImportParties(t.Context(), now, testCommand, in.Parties, in.Regions)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// telnet folds one row for each host and returns the findings by host.
func telnet(t *testing.T, l *Loop, hosts ...int) map[int]ident.Finding {
	t.Helper()
	body := telnetHeader
	for _, h := range hosts {
		body += seenOn{h, 23, noon}.line()
	}
	take(t, l, noon, "shadowserver", "2026-11-20-scan_telnet.csv", body)
	foldAll(t, l, noon)
	out := map[int]ident.Finding{}
	err := l.store.View(t.Context(), func(tx *store.Tx) error {
		fs, err := tx.AttributedAfter(t.Context(), 0, 100)
		for _, f := range fs {
			for _, h := range hosts {
				if (seenOn{h, 23, noon}).key() == (finding.Identity{Asset: f.Asset, Port: 23, Transport: "tcp", Type: telnetType, Identifier: "open-telnet"}).Key() {
					out[h] = f.ID
				}
			}
		}
		return err
	})
	if err != nil || len(out) != len(hosts) {
		t.Fatalf("%d findings of %d hosts, %v", len(out), len(hosts), err)
	}
	return out
}

func attributed(t *testing.T, l *Loop, id ident.Finding) store.Attributed {
	t.Helper()
	var out []store.Attributed
	err := l.store.View(t.Context(), func(tx *store.Tx) (err error) {
		out, err = tx.AttributedByID(t.Context(), []ident.Finding{id})
		return err
	})
	if err != nil || len(out) != 1 {
		t.Fatalf("%v, %v", out, err)
	}
	return out[0]
}

func acts(t *testing.T, l *Loop, act string) int {
	t.Helper()
	n := 0
	err := l.store.View(t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(t.Context(), 0, 10_000)
		for _, e := range es {
			if e.Act == act {
				n++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func standTo(t *testing.T, l *Loop, id ident.Finding, trigger finding.Trigger) {
	t.Helper()
	ctx := t.Context()
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		seq, err := tx.Append(ctx, noon, notifier, "notice.send", access.On(""), "", nil)
		if err != nil {
			return err
		}
		_, err = change(ctx, tx, noon, id, trigger, "software:test", "", "", noon.AddDate(0, 1, 0), seq)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportParties(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		ctx := t.Context()
		in, err := party.Read(party.YAML, strings.NewReader(registerYAML), party.Options{})
		if err != nil {
			t.Fatal(err)
		}
		dry, err := l.PlanImport(ctx, noon, in.Parties, in.Regions)
		if err != nil || dry.Count(party.Added, "party") != 3 || dry.Count(party.Added, "region") != 1 || acts(t, l, "party.import") != 0 {
			t.Fatalf("%+v, %v", dry.Changes, err)
		}
		if plan := takeOver(t, l, noon, registerYAML); len(plan.Changes) != 8 {
			t.Errorf("%+v", plan.Changes)
		}
		if plan := takeOver(t, l, noon.Add(time.Hour), registerYAML); len(plan.Changes) != 0 || acts(t, l, "party.import") != 1 {
			t.Errorf("the same once more: %+v", plan.Changes)
		}
		_, err = l.ImportParties(ctx, noon, testCommand, []party.Party{{ID: "x", Name: "X"}, {ID: "y", Name: "Y", Region: "QQ"}}, nil)
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("an unknown region: %v", err)
		}
		if r, err := l.Register(ctx, noon); err != nil || !r.Knows("isp") || r.Knows("x") {
			t.Errorf("a refused import was taken over in part, %v", err)
		}
		var out bytes.Buffer
		if err := l.ExportParties(ctx, noon, &out, party.YAML); err != nil {
			t.Fatal(err)
		}
		if plan := takeOver(t, l, noon, out.String()); len(plan.Changes) != 0 {
			t.Errorf("its own export changes %+v", plan.Changes)
		}
	})
}

func TestPutAndEndParty(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		ctx := t.Context()
		takeOver(t, l, noon, registerYAML)
		p, err := l.PartyByID(ctx, noon, testCommand, "hospital")
		if err != nil {
			t.Fatal(err)
		}
		contact, prefix := p.Contacts[0].ID, p.Resources[0].ID
		if contact == "" || prefix == "" {
			t.Fatalf("%+v", p.Party)
		}
		q := p.Party
		q.Contacts = []party.Contact{{Mail: "it@hospital.example"}, {Role: party.Backup, Mail: "boss@hospital.example"}}
		q.Resources = append(q.Resources, party.Resource{Value: "Hospital.Example"})
		got, err := l.PutParty(ctx, noon, deskPerson("ann"), q)
		if err != nil {
			t.Fatal(err)
		}
		if got.Contacts[0].ID != contact || got.Contacts[1].ID == "" || got.Resources[0].ID != prefix || got.Resources[1].Value != "hospital.example" {
			t.Errorf("%+v", got)
		}
		q.Region = "QQ"
		if _, err := l.PutParty(ctx, noon, deskPerson("ann"), q); !errors.Is(err, fault.Invalid) {
			t.Errorf("an unknown region: %v", err)
		}
		if err := l.EndParty(ctx, noon, deskPerson("ann"), "person:bo", "csirt"); !errors.Is(err, fault.Conflict) {
			t.Errorf("ending the default of a region: %v", err)
		}
		before, err := l.Register(ctx, noon)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.EndParty(ctx, noon, deskPerson("ann"), "person:bo", "hospital"); err != nil {
			t.Fatal(err)
		}
		after, err := l.Register(ctx, noon)
		if err != nil || !before.Knows("hospital") || after.Knows("hospital") || after.Size() != before.Size()-2 {
			t.Errorf("%d claims, then %d, %v", before.Size(), after.Size(), err)
		}
		if n := acts(t, l, "party.put") + acts(t, l, "party.end"); n != 2 {
			t.Errorf("%d entries, want 2", n)
		}
	})
}

// The register is compiled once while nothing changes, and again when a resource begins or the day is over.
func TestRegisterCache(t *testing.T) {
	t.Parallel()
	l := newLoop(t, testkit.SQLite(t), Settings{})
	takeOver(t, l, noon, `parties: [{id: a, name: A, resources: [{asn: 1, from: 2026-11-20T13:00:00Z}]}]`)
	at := func(now time.Time) *party.Register {
		r, err := l.Register(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := at(noon)
	if at(noon.Add(59*time.Minute)) != first || first.Size() != 0 {
		t.Error("compiled again though nothing changed")
	}
	second := at(noon.Add(time.Hour))
	if second == first || second.Size() != 1 || at(noon.Add(11*time.Hour)) != second {
		t.Error("the beginning of a resource went unseen")
	}
	if at(noon.Add(12*time.Hour)) == second || at(noon) == second {
		t.Error("a register of another day was used")
	}
}

// When resources change, open findings go to who answers for them now, and are told again; closed ones stay.
func TestReattribute(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		ctx := t.Context()
		due := func() bool {
			d, err := l.ReattributeDue(ctx, noon)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		if due() {
			t.Error("due on an empty register")
		}
		takeOver(t, l, noon, registerYAML)
		ids := telnet(t, l, 1, 2, 9, 10, 11)
		want := party.Attribution{Party: "hospital", Basis: party.ByPrefix, Matched: "198.51.100.0/29", Confidence: 90, Region: "ZZ"}
		if d := cmp.Diff(want, attributed(t, l, ids[1]).Attribution); d != "" {
			t.Error(d)
		}
		if a := attributed(t, l, ids[9]).Attribution; a.Party != "isp" || a.Basis != party.ByASN {
			t.Errorf("%+v", a)
		}
		run := func(want Reattributed) {
			t.Helper()
			got, err := l.Reattribute(ctx, noon, testCommand)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
		if !due() {
			t.Error("not due after an import")
		}
		run(Reattributed{Seen: 5})
		if due() || acts(t, l, "finding.reattribute") != 0 {
			t.Error("a walk that changes nothing is an act")
		}
		standTo(t, l, ids[9], finding.Notify)
		standTo(t, l, ids[10], finding.Gone)
		if err := l.AttributeByHand(ctx, noon, deskPerson("ann"), ids[11], "csirt", "they asked for it"); err != nil {
			t.Fatal(err)
		}
		takeOver(t, l, noon, `parties: [{id: hospital, resources: [{prefix: 198.51.100.0/24, verified: 2026-11-01}]}]`)
		run(Reattributed{Seen: 3, Moved: 1, Refined: 2})
		run(Reattributed{Seen: 3})
		if f := attributed(t, l, ids[9]); f.Attribution.Party != "hospital" || f.State != finding.Open {
			t.Errorf("%+v", f)
		}
		if f := attributed(t, l, ids[10]); f.Attribution.Party != "isp" || f.State != finding.VerifiedClosed {
			t.Errorf("a closed finding: %+v", f)
		}
		if f := attributed(t, l, ids[11]); f.Attribution.Party != "csirt" || f.Attribution.Basis != party.ByHand {
			t.Errorf("one by hand: %+v", f)
		}
		if acts(t, l, "finding.reattribute") != 1 {
			t.Error("one batch, one act")
		}
		standTo(t, l, ids[10], finding.SeenAgain)
		if got, err := l.ReattributeThese(ctx, noon, testCommand, []ident.Finding{ids[10]}); err != nil || got.Moved != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAttributeByHand(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		ctx := t.Context()
		takeOver(t, l, noon, registerYAML)
		ids := telnet(t, l, 1, 9)
		by := func(id ident.Finding, to ident.Party, reason string) error {
			return l.AttributeByHand(ctx, noon, deskPerson("ann"), id, to, reason)
		}
		if err := by(ids[1], "isp", " "); !errors.Is(err, fault.Invalid) {
			t.Errorf("no reason: %v", err)
		}
		if err := by(ids[1], "nobody", "x"); !errors.Is(err, fault.Invalid) {
			t.Errorf("an unknown party: %v", err)
		}
		if err := by(99, "isp", "x"); !errors.Is(err, fault.NotFound) {
			t.Errorf("an unknown finding: %v", err)
		}
		standTo(t, l, ids[1], finding.Dispute)
		if err := by(ids[1], "isp", "rented to them"); err != nil {
			t.Fatal(err)
		}
		f := attributed(t, l, ids[1])
		if f.State != finding.Open || f.Attribution.Party != "isp" || f.Attribution.Confidence != 100 {
			t.Errorf("%+v", f)
		}
		w, err := l.Why(ctx, noon, testCommand, ids[1])
		if err != nil || !w.ByHand || w.Agrees || len(w.Rule.Claims) != 3 || w.Names["hospital"] != "Hospital" || w.Names["isp"] != "Provider" {
			t.Errorf("%+v, %v", w, err)
		}
		var bases []party.Basis
		for _, c := range w.Rule.Claims {
			bases = append(bases, c.Basis)
		}
		if d := cmp.Diff([]party.Basis{party.ByPrefix, party.ByASN, party.ByRegion}, bases); d != "" {
			t.Error(d)
		}
		standTo(t, l, ids[1], finding.Acknowledge)
		if err := by(ids[1], "isp", "still"); err != nil {
			t.Fatal(err)
		}
		if f := attributed(t, l, ids[1]); f.State != finding.Acknowledged {
			t.Errorf("confirming the party moved the finding to %s", f.State)
		}
		if err := by(ids[1], "", "back to the rule"); err != nil {
			t.Fatal(err)
		}
		if f := attributed(t, l, ids[1]); f.Attribution.Party != "hospital" || f.Attribution.Basis != party.ByPrefix {
			t.Errorf("%+v", f)
		}
		standTo(t, l, ids[9], finding.Gone)
		if err := by(ids[9], "hospital", "x"); !errors.Is(err, fault.Conflict) {
			t.Errorf("a closed finding: %v", err)
		}
	})
}

// A batch that is cut short or meets a change in between loses nothing when it runs again.
func TestReattributeStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	l := newLoop(t, testkit.SQLite(t), Settings{})
	ids := telnet(t, l, 1, 2, 3)
	takeOver(t, l, noon, registerYAML)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Reattribute(ctx, noon, testCommand); err == nil {
		t.Fatal("a cancelled walk ended well")
	}
	if due, err := l.ReattributeDue(t.Context(), noon); !due || err != nil {
		t.Errorf("due %v, %v", due, err)
	}
	got, err := l.Reattribute(t.Context(), noon, testCommand)
	if err != nil || got.Moved != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if f := attributed(t, l, ids[3]); f.Attribution.Party != "hospital" || f.State != finding.Open {
		t.Errorf("%+v", f)
	}
}
