package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/promise"
	"tocsin/internal/report"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// toil is one thing that waits, or once did, as the oracle of the count knows it.
type toil struct {
	kind  promise.Kind
	sev   event.Severity
	since time.Time
	due   time.Time
	open  bool
	red   bool
	own   bool // a proposal of the reader's own
}

// oracle counts what waits by looking at each thing.
func oracle(all []toil, at time.Time, counts func(toil) bool) promise.Work {
	w := promise.Work{}
	for _, x := range all {
		if !x.open || !counts(x) {
			continue
		}
		c := promise.Count{N: 1, Oldest: x.since}
		if at.After(x.due) {
			c.Late = 1
		}
		w.Add(x.kind, c)
	}
	return w
}

// The count of what waits agrees with one that looks at every thing, in random worlds, for the whole, for a person who may not
// read RED, for one who approves, and from a severity on.
func TestWork(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := rand.New(rand.NewPCG(7, 11))
		at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		zone := time.FixedZone("UTC+8", 8*3600)
		put(t, s, at, party.Party{ID: "a", Name: "a", Kind: "institution"})
		all := workWorld(t, s, r, at, zone)
		person := func(powers ...people.Power) *access.Reader {
			a := access.Actor{
				Kind: access.Person, ID: "ann", Party: ident.Authority, Seats: []access.Seat{{Post: "p", Party: ident.Authority, Powers: powers}},
			}
			return &access.Reader{Actor: a}
		}
		keepWork(t, s, func(ctx context.Context, tx *store.Tx) error {
			whole, err := tx.WorkWhole(ctx, at, zone)
			if err != nil {
				return err
			}
			agree(t, "the whole", oracle(all, at, func(toil) bool { return true }), whole)
			for _, least := range []event.Severity{event.Unknown, event.Medium, event.Critical} {
				rated := func(x toil) bool {
					return least == 0 || x.sev >= least && x.kind != promise.Report && x.kind != promise.Change && x.kind != promise.Proposal
				}
				for name, c := range map[string]struct {
					r    *access.Reader
					sees func(toil) bool
				}{
					"an analyst":    {person(people.Read, people.Triage), func(x toil) bool { return !x.red && x.kind != promise.Proposal }},
					"an approver":   {person(people.Read, people.Triage, people.Approve), func(x toil) bool { return !x.red && !x.own }},
					"an auditor":    {person(people.Audit), func(toil) bool { return false }},
					"a party's":     {&access.Reader{Actor: access.Actor{Kind: access.Person, ID: "bo", Party: "a", Seats: []access.Seat{{Post: "p", Party: "a", Powers: people.PartyPowers}}}}, func(toil) bool { return false }},
					"nobody at all": {&access.Reader{}, func(toil) bool { return false }},
				} {
					got, err := tx.WorkOf(ctx, c.r, least, at, zone)
					if err != nil {
						return err
					}
					agree(t, fmt.Sprintf("%s from %s on", name, least), oracle(all, at, func(x toil) bool { return rated(x) && c.sees(x) }), got)
				}
			}
			return nil
		})
	})
}

func agree(t *testing.T, what string, want, have promise.Work) {
	t.Helper()
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("%s (-oracle +count):\n%s", what, d)
	}
	sum := promise.Count{}
	for _, c := range want {
		sum.N, sum.Late = sum.N+c.N, sum.Late+c.Late
	}
	if got := have.Sum(); got.N != sum.N || got.Late != sum.Late {
		t.Errorf("%s: the sum is %d and %d late, want %d and %d", what, got.N, got.Late, sum.N, sum.Late)
	}
}

func keepWork(t *testing.T, s *store.Store, f func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := s.Keep(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// workWorld fills a database with things that wait since up to a month, and things that no longer do.
func workWorld(t *testing.T, s *store.Store, r *rand.Rand, at time.Time, zone *time.Location) []toil {
	t.Helper()
	var all []toil
	ago := func() time.Time {
		return at.Add(-time.Duration(r.Int64N(int64(30 * 24 * time.Hour)))).Truncate(time.Microsecond)
	}
	keepWork(t, s, func(ctx context.Context, tx *store.Tx) error {
		all = nil
		fs, more := someFindings(r, 300, ago, zone)
		all = append(all, more...)
		if err := tx.InsertFindings(ctx, fs); err != nil {
			return err
		}
		for n := range 120 {
			x := toil{sev: event.Severity(r.IntN(6)), since: ago(), open: r.IntN(4) > 0}
			kind := []string{"notice.silent", "feed.silent", "signal.unread", "rule.held", "notice.disputed"}[r.IntN(5)]
			x.kind = store.WorkKind(kind)
			x.due = promise.Due(x.kind, x.sev, x.since, zone)
			q := store.QueueItem{Kind: kind, Object: fmt.Sprintf("party:%d", n), Code: kind, Severity: x.sev, Created: x.since}
			if _, err := tx.Enqueue(ctx, q); err != nil {
				return err
			}
			if !x.open {
				if _, err := tx.QueueSettle(ctx, kind, q.Object, "x", at); err != nil {
					return err
				}
			}
			if kind != "notice.disputed" { // its finding waits itself
				all = append(all, x)
			}
		}
		for n := range 40 {
			x := toil{since: ago(), open: r.IntN(3) > 0}
			state := map[bool]report.State{true: report.Received, false: report.Closed}[x.open]
			rep := someReport(n)
			rep.State, rep.Received = state, x.since
			if err := tx.InsertReport(ctx, rep, []byte{byte(n), 1}); err != nil {
				return err
			}
			x.kind, x.due = promise.Report, promise.Due(promise.Report, 0, x.since, zone)
			all = append(all, x)
			x = toil{kind: promise.Change, since: ago(), open: r.IntN(3) > 0}
			x.due = promise.Due(promise.Change, 0, x.since, zone)
			q := party.Request{ID: fmt.Sprintf("chg_%d", n), Party: "a", What: party.OfSystem, By: "person:x", At: x.since, State: party.Proposed}
			if !x.open {
				q.State = party.Refused
			}
			if err := tx.InsertRequest(ctx, q); err != nil {
				return err
			}
			all = append(all, x)
			x = toil{kind: promise.Proposal, since: ago(), own: r.IntN(3) == 0}
			x.due = x.since.AddDate(0, 0, 20)
			x.open = at.Before(x.due)
			p := people.Proposal{ID: fmt.Sprintf("prp_%d", n), Act: "party.end", Object: "party:a", Reason: "x", By: "person:bo", At: x.since, Expires: x.due, State: people.Pending, Digest: []byte{1}}
			if x.own {
				p.By = "person:ann"
			}
			if err := tx.InsertProposal(ctx, p); err != nil {
				return err
			}
			all = append(all, x)
		}
		return nil
	})
	return all
}

// someFindings makes findings of parties and of nobody, in every state.
func someFindings(r *rand.Rand, n int, ago func() time.Time, zone *time.Location) ([]store.Finding, []toil) {
	var out []store.Finding
	var all []toil
	for i := range n {
		id := finding.Identity{Asset: asset.Asset{Kind: asset.IP, Value: fmt.Sprintf("198.18.%d.%d", i/250, i%250+1)}, Type: "vulnerable-system", Identifier: "x"}
		f := store.Finding{
			ID: ident.Finding(i + 1), Key: id.Key(), Identity: id, Class: "x", Severity: event.Severity(r.IntN(6)), Stream: 1,
			Created: ago(), State: finding.States[r.IntN(len(finding.States))],
		}
		f.First, f.StateAt = f.Created, f.Created
		if r.IntN(2) == 0 {
			f.StateAt = ago()
		}
		if r.IntN(3) == 0 {
			f.Party, f.Basis = "a", party.ByPrefix
		}
		x := toil{sev: f.Severity, red: r.IntN(6) == 0}
		if x.red {
			f.Mark = marking.Mark{TLP: marking.Red}
		}
		out = append(out, f)
		if f.Party == "" && f.State.Live() {
			y := x
			y.kind, y.open, y.since = promise.Orphan, true, f.Created
			if f.StateAt.After(f.Created) {
				y.since = f.StateAt
			}
			y.due = promise.Due(y.kind, y.sev, y.since, zone)
			all = append(all, y)
		}
		if f.State == finding.Disputed {
			x.kind, x.open, x.since = promise.Dispute, true, f.StateAt
			x.due = promise.Due(x.kind, x.sev, x.since, zone)
			all = append(all, x)
		}
	}
	return out, all
}
