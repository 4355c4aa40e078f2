package loop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// ward is a small installation: feed "scan" with stream 1, which has cycles and has seen findings.
type ward struct {
	*Loop
	t *testing.T
}

const firstDay finding.Day = 20_500

// at returns the instant hour hours into day n of the ward.
func at(n, hour int) time.Time {
	return (firstDay + finding.Day(n)).Start().Add(time.Duration(hour) * time.Hour)
}

func newWard(t *testing.T, s *store.Store) ward {
	t.Helper()
	w := ward{New(Config{Store: s}), t}
	w.update(func(ctx context.Context, tx *store.Tx) error {
		err := tx.PutFeed(ctx, store.Feed{ID: "scan", Pack: "shadowserver", Title: "Scans", Created: at(0, 0)})
		if err == nil {
			_, err = tx.StreamOf(ctx, store.Stream{Feed: "scan", Name: "scan_http", Report: "scan_http"}, at(0, 0))
		}
		return err
	})
	return w
}

func (w ward) update(f func(ctx context.Context, tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Keep(w.t.Context(), func(tx *store.Tx) error { return f(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// cycles delivers 100 rows for each of the days from a up to, but without, b. Ten findings in ten networks, numbered from
// 9,001, are among them on each day.
func (w ward) cycles(a, b int) {
	w.t.Helper()
	w.update(func(ctx context.Context, tx *store.Tx) error {
		if err := w.neighbours(ctx, tx, b-1); err != nil {
			return err
		}
		for n := a; n < b; n++ {
			if err := tx.AddCycle(ctx, 1, store.Delivered{Day: firstDay + finding.Day(n), Rows: 100, At: at(n+1, 3), File: int64(n + 1)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// neighbours are seen daily from day 0 to a day.
func (w ward) neighbours(ctx context.Context, tx *store.Tx, last int) error {
	var ss []store.Sighting
	for i := range ident.Finding(10) {
		id := 9001 + i
		if _, err := tx.StandingOf(ctx, id); errors.Is(err, fault.NotFound) {
			what := finding.Identity{Asset: asset.Asset{Kind: asset.IP, Value: fmt.Sprintf("10.%d.0.1", i)}, Type: "vulnerable-system"}
			err := tx.InsertFindings(ctx, []store.Finding{{
				ID: id, Key: what.Key(), Identity: what, Stream: 1, First: at(0, 1), Created: at(1, 3), State: finding.Open, StateAt: at(1, 3),
			}})
			if err != nil {
				return err
			}
		}
		ss = append(ss, store.Sighting{
			Finding: id, Stream: 1, First: store.Micros(at(0, 1)), Last: store.Micros(at(last, 1)), Count: int64(last + 1),
			Days: 1<<(last+1) - 1, LastDay: int64(firstDay) + int64(last), Signal: 1, Line: 2,
		})
	}
	return tx.PutSightings(ctx, ss)
}

// find adds findings seen daily from day 0 to day last, in the given state.
func (w ward) find(last int, state finding.State, ids ...ident.Finding) {
	w.t.Helper()
	w.update(func(ctx context.Context, tx *store.Tx) error {
		var fs []store.Finding
		var ss []store.Sighting
		for _, id := range ids {
			what := finding.Identity{Asset: asset.Asset{Kind: asset.IP, Value: fmt.Sprintf("198.51.%d.1", id)}, Type: "vulnerable-system"}
			fs = append(fs, store.Finding{
				ID: id, Key: what.Key(), Identity: what, Stream: 1, First: at(0, 1), Created: at(1, 3), State: state, StateAt: at(last, 5),
			})
			ss = append(ss, store.Sighting{
				Finding: id, Stream: 1, First: store.Micros(at(0, 1)), Last: store.Micros(at(last, 1)), Count: int64(last + 1),
				Days: 1<<(last+1) - 1, LastDay: int64(firstDay) + int64(last), Signal: 1, Line: 2,
			})
		}
		return errors.Join(tx.InsertFindings(ctx, fs), tx.PutSightings(ctx, ss))
	})
}

func (w ward) verify(now time.Time) Verified {
	w.t.Helper()
	v, err := w.Verify(w.t.Context(), now)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w ward) state(id ident.Finding) (s finding.State) {
	w.t.Helper()
	w.update(func(ctx context.Context, tx *store.Tx) error {
		is, err := tx.StandingOf(ctx, id)
		s = is.State
		return err
	})
	return s
}

func (w ward) history(id ident.Finding) (h []store.Change) {
	w.t.Helper()
	w.update(func(ctx context.Context, tx *store.Tx) (err error) {
		h, err = tx.HistoryOf(ctx, id)
		return err
	})
	return h
}

// acts counts the ledger's entries by act, without those for rows that a test put there.
func (w ward) acts() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	w.update(func(ctx context.Context, tx *store.Tx) error {
		es, err := tx.Entries(ctx, 0, 10_000)
		for _, e := range es {
			if e.Act != "ledger.cover" {
				out[e.Act]++
			}
		}
		return err
	})
	return out
}

// A finding closes when its stream went on without it for three whole cycles, and not a cycle sooner.
func TestVerifyCloses(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.find(4, finding.ClaimedFixed, 1, 2)
		w.find(6, finding.Open, 3)
		w.cycles(0, 7) // two without findings 1 and 2
		if v := w.verify(at(7, 8)); v != (Verified{}) {
			t.Errorf("two cycles of three: %+v", v)
		}
		w.cycles(7, 8)
		if v := w.verify(at(7, 20)); v != (Verified{}) {
			t.Errorf("the third has not ended: %+v", v)
		}
		if v := w.verify(at(8, 1)); v != (Verified{Closed: 2}) {
			t.Errorf("three cycles: %+v", v)
		}
		if v := w.verify(at(8, 2)); v != (Verified{}) {
			t.Errorf("again: %+v", v)
		}
		if got := [3]finding.State{w.state(1), w.state(2), w.state(3)}; got != [3]finding.State{finding.VerifiedClosed, finding.VerifiedClosed, finding.Open} {
			t.Errorf("states %v", got)
		}
		h := w.history(2)
		if len(h) != 1 || h[0].Trigger != finding.Gone || h[0].From != finding.ClaimedFixed || h[0].Actor != verifier.String() {
			t.Fatalf("history %+v", h)
		}
		e, err := finding.ReadEvidence(h[0].Evidence)
		want := finding.Evidence{Kind: finding.ByAbsence, Horizon: at(5, 0), Streams: []finding.Absent{{
			Stream: "scan/scan_http", Last: firstDay + 4, Cycles: []finding.Day{firstDay + 5, firstDay + 6, firstDay + 7},
		}}}
		if diff := cmp.Diff(want, e); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if diff := cmp.Diff(map[string]int{"finding.verify": 1}, w.acts()); diff != "" {
			t.Error(diff)
		}
	})
}

// A stream that fell silent closes nothing; when it is silent long enough its findings fade.
func TestVerifySilence(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.find(4, finding.Notified, 1)
		w.find(4, finding.RiskAccepted, 2)
		w.cycles(0, 5)
		for day := 5; day < 95; day++ {
			if v := w.verify(at(day, 8)); v != (Verified{}) {
				t.Fatalf("day %d: %+v", day, v)
			}
		}
		if v := w.verify(at(95, 8)); v != (Verified{Faded: 11}) {
			t.Errorf("day 95: %+v", v)
		}
		if w.state(1) != finding.Stale || w.state(2) != finding.RiskAccepted {
			t.Errorf("states %s, %s", w.state(1), w.state(2))
		}
	})
}

// Nothing is shown absent while its feed has signals that nobody has read yet.
func TestVerifyWaitsForSignals(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.find(4, finding.Open, 1)
		w.cycles(0, 8)
		var id ident.Signal
		w.update(func(ctx context.Context, tx *store.Tx) (err error) {
			id, err = tx.InsertSignal(ctx, store.Signal{Feed: "scan", Blob: "x", Received: at(8, 1)})
			return err
		})
		if v := w.verify(at(8, 2)); v != (Verified{}) {
			t.Errorf("with a signal unread: %+v", v)
		}
		w.update(func(ctx context.Context, tx *store.Tx) error { return tx.FinishSignal(ctx, id, "folded", "", at(8, 3)) })
		if v := w.verify(at(8, 3)); v != (Verified{Closed: 1}) {
			t.Errorf("with all read: %+v", v)
		}
	})
}

// A sighting that is only in the journal yet keeps its finding open.
func TestVerifyReadsTheJournal(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.find(4, finding.Open, 1, 2)
		w.cycles(0, 8)
		w.update(func(ctx context.Context, tx *store.Tx) error {
			return tx.InsertJournal(ctx, 1, 1, 2, 2, packSights(nil, 0, []sight{{finding: 2, line: 1, at: store.Micros(at(7, 1))}}))
		})
		if v := w.verify(at(8, 2)); v != (Verified{Closed: 1}) {
			t.Errorf("%+v", v)
		}
		if w.state(2) != finding.Open {
			t.Errorf("finding 2 is %s", w.state(2))
		}
	})
}

// What dies on the way is done by the next run, and what was done is not done again.
func TestVerifyAfterCrash(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.find(4, finding.Open, 1, 2, 3)
		w.cycles(0, 8)
		c, _, err := w.coverage(t.Context(), at(8, 1))
		if err != nil {
			t.Fatal(err)
		}
		all := []ruling{{id: 1}, {id: 2}, {id: 3}}
		crash := errors.New("crash")
		err = s.Keep(t.Context(), func(tx *store.Tx) error {
			if done, err := c.carryOut(t.Context(), tx, at(8, 1), all); err != nil || len(done) != 3 {
				t.Errorf("%v %v", done, err)
			}
			return crash
		})
		if !errors.Is(err, crash) || w.state(1) != finding.Open {
			t.Fatalf("%v, finding 1 is %s", err, w.state(1))
		}
		w.update(func(ctx context.Context, tx *store.Tx) error { // a batch committed, the pass not finished
			_, err := c.carryOut(ctx, tx, at(8, 1), all[:2])
			return err
		})
		w.Loop = New(Config{Store: s})
		if v := w.verify(at(8, 2)); v != (Verified{Closed: 1}) {
			t.Errorf("the next run: %+v", v)
		}
		for id := range ident.Finding(3) {
			if h := w.history(id + 1); len(h) != 1 {
				t.Errorf("finding %d: %d steps", id+1, len(h))
			}
		}
	})
}

func TestVerifyEndsAcceptedRisks(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.find(4, finding.Notified, 1, 2)
		accept := func(id ident.Finding, until time.Time) error {
			return s.Update(t.Context(), func(tx *store.Tx) error {
				seq, err := tx.Append(t.Context(), at(5, 0), access.ForParty("x"), "notice.answer", access.Of("x", "party:x"), "", nil)
				if err != nil {
					return err
				}
				_, err = change(t.Context(), tx, at(5, 0), id, finding.AcceptRisk, "party:x", "", "", until, seq)
				return err
			})
		}
		if err := accept(1, at(5, 0)); !errors.Is(err, fault.Invalid) {
			t.Errorf("until now: %v", err)
		}
		if err := errors.Join(accept(1, at(6, 0)), accept(2, at(7, 0))); err != nil {
			t.Fatal(err)
		}
		if err := accept(1, at(9, 0)); !errors.Is(err, fault.Conflict) {
			t.Errorf("accepted twice: %v", err)
		}
		if v := w.verify(at(6, 0).Add(-time.Microsecond)); v.Expired != 0 {
			t.Errorf("before its date: %+v", v)
		}
		if v := w.verify(at(6, 0)); v.Expired != 1 || w.state(1) != finding.Reopened || w.state(2) != finding.RiskAccepted {
			t.Errorf("at its date: %+v, %s, %s", v, w.state(1), w.state(2))
		}
		if v := w.verify(at(6, 1)); v.Expired != 0 {
			t.Errorf("again: %+v", v)
		}
		w.update(func(ctx context.Context, tx *store.Tx) error {
			is, err := tx.StandingOf(ctx, 1)
			if !is.Until.IsZero() {
				t.Errorf("reopened until %s", is.Until)
			}
			return err
		})
	})
}
