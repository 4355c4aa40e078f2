package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/situation"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// tallyWorld does random things to findings, and counts them without the rollups.
type tallyWorld struct {
	t       *testing.T
	s       *store.Store
	last    ident.Finding
	now     time.Time
	sectors map[ident.Party]string
}

func (w *tallyWorld) pick(r *rapid.T) []ident.Finding {
	if w.last == 0 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(1, int(w.last)), func(i int) ident.Finding { return ident.Finding(i) }),
		0, min(int(w.last), 6), rapid.ID).Draw(r, "findings")
}

func (w *tallyWorld) do(r *rapid.T, f func(ctx context.Context, tx *store.Tx) error) {
	if err := w.s.Keep(w.t.Context(), func(tx *store.Tx) error { return f(w.t.Context(), tx) }); err != nil {
		r.Fatal(err)
	}
}

func (w *tallyWorld) make(r *rapid.T) {
	some := populace(rapid.IntRange(1, 30).Draw(r, "new"))
	for i := range some {
		f := &some[i]
		w.last++
		f.ID, f.Created, f.StateAt, f.State = w.last, w.now, w.now, finding.Open
		f.Key[2], f.Key[3] = byte(w.last), byte(w.last>>8)
		f.Party = rapid.SampledFrom([]ident.Party{"", "hospital", "bank", "clinic"}).Draw(r, "party")
		f.Mark.TLP = marking.TLP(rapid.IntRange(0, 3).Draw(r, "tlp"))
	}
	w.do(r, func(ctx context.Context, tx *store.Tx) error { return tx.InsertFindings(ctx, some) })
}

func (w *tallyWorld) move(r *rapid.T) {
	state := rapid.SampledFrom(finding.States).Draw(r, "state")
	ids := w.pick(r)
	w.do(r, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetStates(ctx, ids, store.Standing{State: state, Since: w.now})
	})
}

func (w *tallyWorld) attribute(r *rapid.T) {
	a := party.Attribution{
		Party: rapid.SampledFrom([]ident.Party{"", "hospital", "bank"}).Draw(r, "to"), Basis: party.ByPrefix,
		Matched: rapid.SampledFrom([]string{"192.0.2.0/24", "198.51.100.0/24"}).Draw(r, "by"), Region: rapid.SampledFrom([]string{"", "XA-01"}).Draw(r, "in"),
	}
	var fs []store.Attributed
	for _, id := range w.pick(r) {
		fs = append(fs, store.Attributed{ID: id, Attribution: a})
	}
	w.do(r, func(ctx context.Context, tx *store.Tx) error { return tx.SetAttributions(ctx, fs) })
}

func (w *tallyWorld) mark(r *rapid.T) {
	tlp := marking.TLP(rapid.IntRange(0, 4).Draw(r, "tlp"))
	embargo := rapid.SampledFrom([]time.Time{{}, w.now.Add(-time.Hour), w.now.Add(time.Hour)}).Draw(r, "embargo")
	ids := w.pick(r)
	w.do(r, func(ctx context.Context, tx *store.Tx) error {
		for _, id := range ids {
			if err := tx.SetMark(ctx, id, marking.Mark{TLP: tlp}, embargo); err != nil {
				return err
			}
		}
		_, err := tx.RaiseMarks(ctx, append(ids, 1), marking.Mark{TLP: marking.Amber}, false)
		return err
	})
}

func (w *tallyWorld) worsen(r *rapid.T) {
	ids := w.pick(r)
	s := event.Severity(rapid.IntRange(1, 5).Draw(r, "severity"))
	w.do(r, func(ctx context.Context, tx *store.Tx) error {
		for _, id := range ids {
			if err := tx.RaiseSeverity(ctx, id, s); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *tallyWorld) resector(r *rapid.T) {
	id := rapid.SampledFrom([]ident.Party{"hospital", "bank", "clinic"}).Draw(r, "whose")
	w.sectors[id] = rapid.SampledFrom([]string{"", "health", "finance"}).Draw(r, "sector")
	w.do(r, func(ctx context.Context, tx *store.Tx) error {
		return tx.PutParty(ctx, w.now, party.Party{ID: id, Name: string(id), Sector: w.sectors[id]})
	})
}

// all reads every finding one by one, past the rollups.
func (w *tallyWorld) all(ctx context.Context, tx *store.Tx) ([]store.Finding, error) {
	ids := make([]ident.Finding, w.last)
	for i := range ids {
		ids[i] = ident.Finding(i + 1)
	}
	return tx.FindingsByID(ctx, ids)
}

// The rollups equal a recount after whatever was done, for whoever reads, before and after they were compacted.
func TestTallyEqualsRecount(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := &tallyWorld{t: t, s: s, now: noonOf(0), sectors: map[ident.Party]string{}}
		run := 0
		rapid.Check(t, func(r *rapid.T) {
			if run++; run > 12 {
				return // the world goes on from one run to the next: what counts is how much happens in it
			}
			r.Repeat(map[string]func(*rapid.T){
				"make": w.make, "move": w.move, "attribute": w.attribute, "mark": w.mark, "worsen": w.worsen, "resector": w.resector,
				"wait": func(r *rapid.T) { w.now = w.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(r, "hours")) * time.Hour) },
				"compact": func(r *rapid.T) {
					if _, err := s.CompactTally(t.Context()); err != nil {
						r.Fatal(err)
					}
				},
				"sweep": func(r *rapid.T) {
					if err := s.SweepTally(t.Context()); err != nil {
						r.Fatal(err)
					}
				},
				"": func(r *rapid.T) {
					if err := s.View(t.Context(), func(tx *store.Tx) error { return w.check(t.Context(), r, tx) }); err != nil {
						r.Fatal(err)
					}
				},
			})
		})
	})
}

func (w *tallyWorld) check(ctx context.Context, r *rapid.T, tx *store.Tx) error {
	all, err := w.all(ctx, tx)
	if err != nil {
		return err
	}
	reader := access.Reader{Actor: deskActor(), Shares: []access.Share{{Object: "finding:2", Named: true}, {Object: "finding:3", Named: true}}}
	may := access.Readable(&reader, access.Findings, w.now, access.Handle)
	filter := store.FindingFilter{May: may}
	if rapid.Bool().Draw(r, "narrow") {
		filter.Party = rapid.SampledFrom([]ident.Party{"", "hospital"}).Draw(r, "of")
		filter.Severity = event.Severity(rapid.IntRange(0, 4).Draw(r, "least"))
		filter.Class = rapid.SampledFrom([]string{"", "botnet", "infected-system"}).Draw(r, "class")
		filter.Region = rapid.SampledFrom([]string{"", "XA-01", situation.None}).Draw(r, "region")
		filter.Sector = rapid.SampledFrom([]string{"", "health", situation.None}).Draw(r, "sector")
	}
	want, total := map[string]int64{}, 0
	for i := range all {
		f := &all[i]
		if may.Holds(f.Thing(w.sectors[f.Party])) && matches(plainly(filter), *f, nil) && within(filter, f, w.sectors[f.Party]) {
			want[fmt.Sprint(w.sectors[f.Party], f.Region, f.Class, f.Severity, f.State, f.Party)]++
			total++
		}
	}
	rows, err := tx.Tally(ctx, filter, "sector", "region", "class", "severity", "state", "party_id")
	if err != nil {
		return err
	}
	got := map[string]int64{}
	for _, x := range rows {
		got[fmt.Sprint(x.Sector, x.Region, x.Class, x.Severity, x.State, x.Party)] += x.N
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.Errorf("tally of %+v\n%v\nrecount\n%v", filter, got, want)
	}
	if n, err := tx.CountFindings(ctx, filter, 1<<40); err != nil || n != total {
		r.Errorf("counted %d, want %d: %v", n, total, err)
	}
	return w.checkDays(ctx, r, tx, all, may)
}

// plainly is the filter without what matches does not know.
func plainly(f store.FindingFilter) store.FindingFilter {
	if f.Region == situation.None {
		f.Region = ""
	}
	return f
}

// within is the part of the filter that matches does not know.
func within(f store.FindingFilter, x *store.Finding, sector string) bool {
	return (f.Region != situation.None || x.Region == "") && (f.Sector == "" || f.Sector == sector || f.Sector == situation.None && sector == "")
}

func (w *tallyWorld) checkDays(ctx context.Context, r *rapid.T, tx *store.Tx, all []store.Finding, may access.Cond) error {
	since := finding.DayOf(w.now) - finding.Day(rapid.IntRange(0, 30).Draw(r, "days"))
	monday := situation.Monday(since)
	born, ended, lives, spans := map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}
	stops := []finding.State{finding.VerifiedClosed, finding.FalsePositive, finding.Stale, finding.RiskAccepted}
	for i := range all {
		f := &all[i]
		if !may.Holds(f.Thing("")) {
			continue
		}
		made, end := finding.DayOf(f.Created), finding.DayOf(f.StateAt)
		if made >= since {
			born[fmt.Sprint(made, f.Party != "", f.Severity, f.State)]++
		}
		if !slices.Contains(stops, f.State) {
			end = 0
		} else {
			if end >= since {
				ended[fmt.Sprint(end, f.Severity, f.State)]++
			}
			if made >= monday && f.State != finding.FalsePositive {
				lives[fmt.Sprint(int(end-made), f.Severity, f.State)]++
			}
		}
		if made >= since || end == 0 || end >= since || f.State == finding.RiskAccepted {
			spans[fmt.Sprint(f.Party, made, end, f.Severity, f.State)]++
		}
	}
	bs, err := tx.Born(ctx, since, may)
	if err != nil {
		return err
	}
	es, err := tx.Ended(ctx, since, may)
	if err != nil {
		return err
	}
	ls, err := tx.Lives(ctx, monday, may)
	if err != nil {
		return err
	}
	got := [4]map[string]int64{{}, {}, {}, {}}
	for _, b := range bs {
		got[0][fmt.Sprint(b.Day, b.Owned, b.Severity, b.State)] += b.N
	}
	for _, e := range es {
		got[1][fmt.Sprint(e.Day, e.Severity, e.State)] += e.N
	}
	for _, l := range ls {
		got[2][fmt.Sprint(l.Days, l.Severity, l.State)] += l.N
	}
	err = tx.Spans(ctx, "", since, may, func(s store.Span) error {
		got[3][fmt.Sprint(s.Party, s.Born, s.Ended, s.Severity, s.State)] += s.N
		return nil
	})
	for i, want := range []map[string]int64{born, ended, lives, spans} {
		if fmt.Sprint(got[i]) != fmt.Sprint(want) {
			r.Errorf("days %d\n%v\nrecount\n%v", i, got[i], want)
		}
	}
	if err != nil {
		return err
	}
	over := rapid.SampledFrom(stops[:3]).Draw(r, "over")
	var want int64
	for _, e := range es {
		if e.State == over && e.Severity >= event.Low {
			want += e.N
		}
	}
	listed, n, err := lengths(ctx, tx, store.FindingFilter{States: []finding.State{over}, Severity: event.Low, Ended: since.Start(), May: may})
	if err != nil || listed != want || n != want {
		r.Errorf("%s since %s: rollup %d, list %d, count %d: %v", over, since, want, listed, n, err)
	}
	if err := w.checkParty(ctx, r, tx, all, since, may); err != nil {
		return err
	}
	return w.checkStages(ctx, r, tx, bs, since, may)
}

func liveStates() []finding.State {
	return slices.DeleteFunc(slices.Clone(finding.States), func(s finding.State) bool { return !s.Live() })
}

// A party's own numbers equal a recount of its findings.
func (w *tallyWorld) checkParty(ctx context.Context, r *rapid.T, tx *store.Tx, all []store.Finding, since finding.Day, may access.Cond) error {
	const of = "bank"
	spans, matched, fresh := map[string]int64{}, map[string]int64{}, map[event.Severity]int{}
	for i := range all {
		f := &all[i]
		if f.Party != of || !may.Holds(f.Thing(w.sectors[of])) {
			continue
		}
		born, end := finding.DayOf(f.Created), finding.DayOf(f.StateAt)
		if f.State.Live() && f.State != finding.RiskAccepted {
			end = 0
		}
		if born >= since || end == 0 || end >= since || f.State == finding.RiskAccepted {
			spans[fmt.Sprint(born, end, f.Severity, f.State)]++
		}
		if f.State.Live() {
			matched[fmt.Sprint(f.Basis, f.Matched)]++
			if born >= since {
				fresh[f.Severity]++
			}
		}
	}
	got := [2]map[string]int64{{}, {}}
	err := tx.Spans(ctx, of, since, may, func(s store.Span) error {
		got[0][fmt.Sprint(s.Born, s.Ended, s.Severity, s.State)] += s.N
		return nil
	})
	groups, err2 := tx.MatchedOf(ctx, of, liveStates(), may, 100)
	for _, g := range groups {
		got[1][fmt.Sprint(g.Basis, g.Value)] += int64(g.Count)
		n, err := tx.CountFindings(ctx, store.FindingFilter{Party: of, Matched: g.Value, States: liveStates(), May: may}, 1<<40)
		if want := matched[fmt.Sprint(party.ByPrefix, g.Value)]; err != nil || int64(n) != want {
			r.Errorf("%d findings led there by %q, want %d: %v", n, g.Value, want, err)
		}
	}
	for i, want := range []map[string]int64{spans, matched} {
		if fmt.Sprint(got[i]) != fmt.Sprint(want) {
			r.Errorf("the bank's numbers %d\n%v\nrecount\n%v", i, got[i], want)
		}
	}
	late, err3 := tx.FreshOf(ctx, of, liveStates(), since.Start(), may)
	if fmt.Sprint(late) != fmt.Sprint(fresh) {
		r.Errorf("new %v, recount %v", late, fresh)
	}
	return errors.Join(err, err2, err3)
}

// Each step of the funnel is the length of the list that it names.
func (w *tallyWorld) checkStages(ctx context.Context, r *rapid.T, tx *store.Tx, born []store.DayCount, since finding.Day, may access.Cond) error {
	stage := rapid.SampledFrom(situation.Stages[1:]).Draw(r, "stage")
	var want int64
	for _, b := range born {
		if stage == situation.Folded || stage == situation.Attributed && b.Owned || b.Reached&stage.Mark() != 0 {
			want += b.N
		}
	}
	filter := store.FindingFilter{Stage: stage, Since: since.Start(), May: may}
	listed, n, err := lengths(ctx, tx, filter)
	if err != nil || listed != want || n != want {
		r.Errorf("stage %s: rollup %d, list %d, count %d: %v", stage, want, listed, n, err)
	}
	return nil
}

// lengths are how many findings a list has, page by page, and how many it is said to have.
func lengths(ctx context.Context, tx *store.Tx, filter store.FindingFilter) (listed, counted int64, err error) {
	for before := ident.Finding(0); ; {
		p, err := tx.ListFindings(ctx, filter, before, 500)
		if err != nil {
			return 0, 0, err
		}
		listed += int64(len(p.Findings))
		if before = p.Next; before == 0 {
			break
		}
	}
	n, err := tx.CountFindings(ctx, filter, 1<<40)
	return listed, int64(n), err
}

// deskActor reads all that the authority reads.
func deskActor() access.Actor {
	return access.Actor{
		Kind: access.Person, ID: "ada", Party: ident.Authority,
		Seats: []access.Seat{{Post: "handler", Party: ident.Authority, Powers: []people.Power{people.Read}}},
	}
}
