package triage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/access"
	"tocsin/internal/act/triage"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/promise"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// analyst is a person of the desk who may read and triage.
func analyst(id string) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: id, Party: ident.Authority, Proved: noon,
		Seats: []access.Seat{{Post: "handler", Party: ident.Authority, Powers: []people.Power{people.Read, people.Triage}}},
	}
}

// registry is a register of three parties.
type registry struct{ r *party.Register }

func (r registry) Register(context.Context, time.Time) (*party.Register, error) { return r.r, nil }

type room struct {
	t     *testing.T
	s     *store.Store
	desk  *triage.Desk
	count ident.Finding
}

func newRoom(t *testing.T, s *store.Store) *room {
	t.Helper()
	r := &room{t: t, s: s}
	parties := []party.Party{{ID: "alpha", Name: "Alpha", Region: "XA"}, {ID: "beta", Name: "Beta", Region: "XA"}, {ID: "gamma", Name: "Gamma"}}
	regions := []party.Region{{ID: "XA", NameEN: "Anhe", NameZH: "安河"}}
	register, err := party.NewRegister(parties, regions, noon)
	r.must(err)
	r.keep(func(ctx context.Context, tx *store.Tx) error {
		err := tx.PutRegion(ctx, regions[0])
		for _, p := range parties {
			err = errors.Join(err, tx.PutParty(ctx, noon, p))
		}
		return err
	})
	r.desk = triage.New(s, registry{register}, time.UTC)
	return r
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) keep(f func(context.Context, *store.Tx) error) {
	r.t.Helper()
	ctx := r.t.Context()
	r.must(r.s.Keep(ctx, func(tx *store.Tx) error { return f(ctx, tx) }))
}

// finding makes one at an address.
func (r *room) finding(of ident.Party, state finding.State, sev event.Severity, ip string, change ...func(*store.Finding)) ident.Finding {
	r.t.Helper()
	r.count++
	f := store.Finding{
		ID: r.count, Identity: finding.Identity{Asset: asset.Asset{Kind: asset.IP, Value: ip}, Type: "open", Port: 23, Transport: "tcp"},
		Class: "open-telnet", Severity: sev, Stream: 1, First: noon.AddDate(0, 0, -2), Created: noon.AddDate(0, 0, -2), Party: of,
		Basis: party.ByPrefix, Matched: "198.51.100.0/24", Confidence: 70, Region: "XA", State: state, StateAt: noon.AddDate(0, 0, -1),
		Mark: marking.Mark{TLP: marking.Green, PAP: 1},
	}
	if of == "" {
		f.Basis, f.Matched, f.Confidence = party.Nobody, "", 0
	}
	if state == finding.RiskAccepted {
		f.Until = noon.AddDate(0, 1, 0)
	}
	for _, c := range change {
		c(&f)
	}
	f.Key[0], f.Key[1] = byte(r.count), byte(r.count>>8)
	r.keep(func(ctx context.Context, tx *store.Tx) error { return tx.InsertFindings(ctx, []store.Finding{f}) })
	return f.ID
}

func (r *room) item(kind, object string, sev event.Severity) string {
	r.t.Helper()
	r.keep(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Enqueue(ctx, store.QueueItem{Kind: kind, Object: object, Code: kind, Args: []string{"x", "y", "z"}, Severity: sev, Created: noon.Add(-time.Hour)})
		return err
	})
	var id string
	r.must(r.s.View(r.t.Context(), func(tx *store.Tx) error {
		items, err := tx.QueueOpen(r.t.Context(), 100)
		for _, i := range items {
			if i.Object == object {
				id = i.ID
			}
		}
		return err
	}))
	return id
}

// seen is all that anybody sees of the findings and of the queue.
type seen struct {
	Findings []store.Finding
	Whole    []store.Whole
	Open     []store.QueueItem
	Tally    []store.TallyRow
}

func (r *room) look() seen {
	r.t.Helper()
	var s seen
	ctx := r.t.Context()
	r.must(r.s.View(ctx, func(tx *store.Tx) error {
		for id := ident.Finding(1); id <= r.count; id++ {
			f, err := tx.FindingByID(ctx, id)
			w, err2 := tx.WholeOf(ctx, id)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			s.Findings, s.Whole = append(s.Findings, f), append(s.Whole, w)
		}
		var err error
		s.Open, err = tx.QueueOpen(ctx, 1000)
		return err
	}))
	r.keep(func(ctx context.Context, tx *store.Tx) (err error) {
		s.Tally, err = tx.Tally(ctx, store.FindingFilter{May: access.Always}, "party_id", "sector", "region", "state")
		return err
	})
	return s
}

func (r *room) entries() []string {
	r.t.Helper()
	var out []string
	r.must(r.s.View(r.t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(r.t.Context(), 0, 10_000)
		for _, e := range es {
			if e.Act != "ledger.cover" { // of rows that the test put there
				out = append(out, e.Act+" "+e.Object)
			}
		}
		return err
	}))
	return out
}

func key(id ident.Finding) string { return fmt.Sprintf("finding:%d", id) }

// The queue has everything that waits, the first to be due first, with who should answer and why.
func TestQueue(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := newRoom(t, s)
		low := r.finding("", finding.Open, event.Low, "203.0.113.9")
		critical := r.finding("", finding.Open, event.Critical, "198.51.100.7")
		disputed := r.finding("alpha", finding.Disputed, event.High, "198.51.100.8")
		r.finding("beta", finding.Notified, event.High, "198.51.100.9")
		r.finding("beta", finding.Notified, event.High, "198.51.100.10")
		r.finding("", finding.FalsePositive, event.Critical, "198.51.100.11")
		r.item("notice.silent", "notice:ntc_1", event.High)
		r.item("notice.disputed", "notice:ntc_2", event.High)
		q, err := r.desk.Queue(t.Context(), noon, analyst("ann"), triage.Query{}, 50)
		r.must(err)
		var got []string
		for _, row := range q.Rows {
			got = append(got, string(row.Kind)+" "+row.Object)
		}
		want := []string{"orphan " + key(critical), "notice notice:ntc_1", "dispute " + key(disputed), "orphan " + key(low)}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if !q.Rows[0].Overdue(noon) || q.Work[promise.Orphan].N != 2 || q.Work[promise.Dispute].N != 1 || q.Work[promise.Notice].N != 1 {
			t.Errorf("%+v %+v", q.Rows[0], q.Work)
		}
		p := q.Rows[0].Propose
		if p == nil || p.Party != "beta" || p.Name != "Beta" || p.Why != "block" || p.Share != 2 || p.All != 3 {
			t.Errorf("proposal %+v", p)
		}
		if !slices.Equal(q.Rows[0].Acts, []triage.Act{triage.Attribute, triage.Discard}) || q.Rows[2].Acts[0] != triage.Reject {
			t.Errorf("acts %v, %v", q.Rows[0].Acts, q.Rows[2].Acts)
		}
		one, err := r.desk.Queue(t.Context(), noon, analyst("ann"), triage.Query{Kind: promise.Orphan, Severity: event.High}, 50)
		if err != nil || len(one.Rows) != 1 {
			t.Errorf("narrowed: %d rows, %v", len(one.Rows), err)
		}
		for name, by := range map[string]access.Actor{"nobody": {}, "a party": access.ForParty("alpha")} {
			if q, err := r.desk.Queue(t.Context(), noon, by, triage.Query{}, 50); err != nil || len(q.Rows)+len(q.Work) != 0 {
				t.Errorf("%s sees %d rows, %v", name, len(q.Rows), err)
			}
		}
	})
}

// Each act leaves one entry, and undoing it another; after both everything stands as it did.
func TestUndo(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := newRoom(t, s)
		ctx, ann := t.Context(), analyst("ann")
		orphan := r.finding("", finding.Open, event.High, "198.51.100.7")
		disputed := r.finding("alpha", finding.Disputed, event.High, "198.51.100.8")
		risk := r.finding("beta", finding.RiskAccepted, event.High, "198.51.100.9")
		item := r.item("notice.silent", "notice:ntc_1", event.High)
		before := r.look()
		all := []triage.On{
			{Key: key(orphan), Act: triage.Attribute, To: "beta"},
			{Key: key(disputed), Act: triage.Reject},
			{Key: key(risk), Act: triage.Discard},
			{Key: "queue:" + item, Act: triage.Done},
			{Key: "finding:99", Act: triage.Discard},
			{Key: key(orphan), Act: triage.Discard},
		}
		plan, err := r.desk.Preview(ctx, noon, ann, all)
		r.must(err)
		if plan.Changed != 4 || len(plan.Outcomes) != 5 || plan.Outcomes[0].TellName != "Beta" || plan.Outcomes[2].Tells != "" ||
			!errors.Is(plan.Outcomes[4].Problem, fault.NotFound) {
			t.Errorf("preview: %+v", plan)
		}
		if d := cmp.Diff(before, r.look()); d != "" || len(r.entries()) != 0 {
			t.Errorf("a preview changes: %s", d)
		}
		b, err := r.desk.Do(ctx, noon, ann, all, "because")
		r.must(err)
		if b.Changed != 4 || len(r.entries()) != 4 || cmp.Equal(before, r.look()) {
			t.Errorf("done: %d, %v", b.Changed, r.entries())
		}
		u, err := r.desk.Undo(ctx, noon.Add(time.Minute), analyst("bo"), b.ID)
		if err != nil || u.Changed != 4 || len(u.Kept) != 0 {
			t.Fatalf("undo: %+v, %v", u, err)
		}
		if d := cmp.Diff(before, r.look()); d != "" {
			t.Errorf("after the undo: %s", d)
		}
		want := []string{
			"finding.attribute " + key(orphan), "finding.reject " + key(disputed), "finding.discard " + key(risk), "queue.done notice:ntc_1",
			"triage.undo notice:ntc_1", "triage.undo " + key(risk), "triage.undo " + key(disputed), "triage.undo " + key(orphan),
		}
		if d := cmp.Diff(want, r.entries()); d != "" {
			t.Error(d)
		}
		if u, err := r.desk.Undo(ctx, noon.Add(time.Hour), ann, b.ID); err != nil || u.Changed != 0 || len(u.Kept) != 4 {
			t.Errorf("twice: %+v, %v", u, err)
		}
	})
}

// What has moved on since is not taken back, nor what is too old; and only who may triage does any of it.
func TestUndoKeeps(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := newRoom(t, s)
		ctx, ann := t.Context(), analyst("ann")
		a, b := r.finding("", finding.Open, event.High, "198.51.100.7"), r.finding("", finding.Open, event.High, "198.51.100.8")
		first, err := r.desk.Do(ctx, noon, ann, []triage.On{{Key: key(a), Act: triage.Attribute, To: "beta"}, {Key: key(b), Act: triage.Attribute, To: "beta"}}, "x")
		r.must(err)
		_, err = r.desk.Do(ctx, noon.Add(time.Minute), ann, []triage.On{{Key: key(a), Act: triage.Attribute, To: "gamma"}}, "x")
		r.must(err)
		u, err := r.desk.Undo(ctx, noon.Add(time.Hour), ann, first.ID)
		if err != nil || u.Changed != 1 || len(u.Kept) != 1 || u.Kept[0].Key != key(a) {
			t.Errorf("%+v, %v", u, err)
		}
		late, err := r.desk.Do(ctx, noon.Add(2*time.Hour), ann, []triage.On{{Key: key(b), Act: triage.Discard}}, "x")
		r.must(err)
		if u, err := r.desk.Undo(ctx, noon.Add(48*time.Hour), ann, late.ID); err != nil || len(u.Kept) != 1 || !errors.Is(u.Kept[0].Problem, fault.Expired) {
			t.Errorf("too late: %+v, %v", u, err)
		}
		if _, err := r.desk.Undo(ctx, noon, ann, "bat_none"); !errors.Is(err, fault.NotFound) {
			t.Errorf("no batch: %v", err)
		}
		item := r.item("feed.drift", "feed:scan", event.High)
		done, err := r.desk.Do(ctx, noon.Add(2*time.Hour), ann, []triage.On{{Key: "queue:" + item, Act: triage.Done}}, "x")
		r.must(err)
		blind := analyst("ivy")
		blind.Seats[0].Powers = []people.Power{people.Triage}
		if u, err := r.desk.Undo(ctx, noon.Add(3*time.Hour), blind, done.ID); err != nil || u.Changed != 0 || len(u.Kept) != 1 || !errors.Is(u.Kept[0].Problem, fault.NotFound) {
			t.Errorf("by one who reads no queue: %+v, %v", u, err)
		}
		reader := analyst("eve")
		reader.Seats[0].Powers = []people.Power{people.Read}
		_, err = r.desk.Do(ctx, noon, reader, []triage.On{{Key: key(a), Act: triage.Discard}}, "x")
		_, err2 := r.desk.Undo(ctx, noon.Add(3*time.Hour), reader, late.ID)
		if !errors.Is(err, fault.Denied) || !errors.Is(err2, fault.Denied) {
			t.Errorf("without the power: %v, %v", err, err2)
		}
		for name, c := range map[string]struct {
			on     []triage.On
			reason string
		}{
			"nothing": {nil, "x"}, "no reason": {[]triage.On{{Key: key(a), Act: triage.Discard}}, " "},
		} {
			if _, err := r.desk.Do(ctx, noon, ann, c.on, c.reason); !errors.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Whatever is done to whatever finding, undoing it puts everything back, by one entry for the act and one for the undo.
func TestUndoProperty(t *testing.T) {
	t.Parallel()
	r := newRoom(t, testkit.SQLite(t))
	states := finding.States
	rapid.Check(t, func(q *rapid.T) {
		of := rapid.SampledFrom([]ident.Party{"", "alpha", "beta"}).Draw(q, "party")
		id := r.finding(of, rapid.SampledFrom(states).Draw(q, "state"), event.High, "198.51.100.7")
		act := rapid.SampledFrom([]triage.Act{triage.Attribute, triage.Reject, triage.Discard}).Draw(q, "act")
		to := rapid.SampledFrom([]ident.Party{"alpha", "beta", "gamma"}).Draw(q, "to")
		before, entries := r.look(), len(r.entries())
		b, err := r.desk.Do(t.Context(), noon, analyst("ann"), []triage.On{{Key: key(id), Act: act, To: to}}, "because")
		if err != nil {
			q.Fatal(err)
		}
		if b.Changed == 0 {
			if d := cmp.Diff(before, r.look()); d != "" || len(r.entries()) != entries {
				q.Fatalf("what was refused changed something: %s", d)
			}
			return
		}
		if u, err := r.desk.Undo(t.Context(), noon.Add(time.Minute), analyst("ann"), b.ID); err != nil || u.Changed != 1 {
			q.Fatalf("%+v, %v", u, err)
		}
		if d := cmp.Diff(before, r.look()); d != "" {
			q.Fatal(d)
		}
		if got := len(r.entries()); got != entries+2 {
			q.Fatalf("%d entries, want 2", got-entries)
		}
	})
}
