package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

func plainFinding(id ident.Finding) store.Finding {
	what := finding.Identity{Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.1"}, Port: uint16(id), Transport: "tcp", Type: "vulnerable-system"}
	return store.Finding{
		ID: id, Key: what.Key(), Identity: what, Class: "open-http", Stream: 1, First: noon, Created: noon, State: finding.Open, StateAt: noon,
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		later := noon.Add(time.Hour)
		first := store.Change{Finding: 1, Seq: 5, At: noon, From: finding.Open, To: finding.Notified, Trigger: finding.Notify, Actor: "software:notify"}
		other := store.Change{Finding: 2, Seq: 5, At: noon, From: finding.Open, To: finding.Notified, Trigger: finding.Notify, Actor: "software:notify"}
		second := store.Change{
			Finding: 1, Seq: 6, At: later, From: finding.Notified, To: finding.VerifiedClosed, Trigger: finding.Gone,
			Actor: "software:verify", Reason: "absent", Evidence: `{"kind":"absence"}`,
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(
				tx.InsertFindings(ctx, []store.Finding{plainFinding(1), plainFinding(2)}),
				tx.InsertHistory(ctx, other), tx.InsertHistory(ctx, first), tx.InsertHistory(ctx, second),
				tx.SetState(ctx, 1, store.Standing{State: finding.RiskAccepted, Since: later, Until: later.Add(time.Hour)}))
		})
		err := s.Keep(t.Context(), func(tx *store.Tx) error { return tx.InsertHistory(t.Context(), second) })
		if !errors.Is(err, fault.Exists) {
			t.Errorf("the same step twice: %v", err)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.HistoryOf(ctx, 1)
			if diff := cmp.Diff([]store.Change{first, second}, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			for after, want := range map[int64][]store.Change{0: {first, other, second}, 1: nil} {
				var got []store.Change
				err := tx.HistorySince(ctx, after, func(c store.Change) error {
					got = append(got, c)
					return nil
				})
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("after %d: %v\n%s", after, err, diff)
				}
			}
			is, err := tx.StandingOf(ctx, 1)
			if diff := cmp.Diff(store.Standing{State: finding.RiskAccepted, Since: later, Until: later.Add(time.Hour)}, is); diff != "" {
				t.Error(diff)
			}
			if _, err := tx.StandingOf(ctx, 99); !errors.Is(err, fault.NotFound) {
				t.Errorf("a finding that is not there: %v", err)
			}
			return err
		})
	})
}

func TestUnseen(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		day := finding.DayOf(noon)
		seen := func(id ident.Finding, stream int64, last finding.Day) store.Sighting {
			at := store.Micros(last.Start())
			return store.Sighting{Finding: id, Stream: stream, First: at, Last: at, Count: 1, Days: 1, LastDay: int64(last), Signal: 1}
		}
		closed := plainFinding(3)
		closed.State = finding.VerifiedClosed
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(
				tx.InsertFindings(ctx, []store.Finding{plainFinding(1), plainFinding(2), closed, plainFinding(4)}),
				tx.PutSightings(ctx, []store.Sighting{
					seen(1, 1, day-9), seen(1, 2, day-8), seen(2, 1, day-9), seen(2, 2, day-1), seen(3, 1, day-9), seen(4, 1, day-9),
				}))
		})
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.Unseen(ctx, 0, 3, day-1)
			want := []store.Covered{
				{Finding: 1, Class: "open-http", State: finding.Open, Address: "192.0.2.1", Stream: 1, First: day - 9, Last: day - 9, Days: 1},
				{Finding: 1, Class: "open-http", State: finding.Open, Address: "192.0.2.1", Stream: 2, First: day - 8, Last: day - 8, Days: 1},
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			some, err := tx.CoverageOf(ctx, []ident.Finding{3, 4})
			if len(some) != 2 || some[0].State != finding.VerifiedClosed {
				t.Errorf("coverage of two: %v", some)
			}
			return err
		})
	})
}
