package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// readWorld is what a random reader meets: facts as the oracle knows them, beside what the database knows.
type readWorld struct {
	who      access.Actor
	at       time.Time
	why      access.Purpose
	findings []store.Finding
	named    []ident.Finding // shared with the person
	ours     []ident.Finding // shared with the party
	clientOf []ident.Party
	rules    []store.ObserverRule
}

var sectors = map[ident.Party]string{"hospital": "health", "bank": "finance", "clinic": "health"}

// reads is the oracle: who may read what, in plain words, written without the tree.
func (w *readWorld) reads(f *store.Finding) bool {
	if w.who.Kind == access.Software {
		return true
	}
	if w.who.Kind != access.Person || w.who.Weak {
		return false
	}
	desk := w.who.Party == ident.Authority
	powers := w.who.Seats[0].Powers
	if w.who.Only != nil {
		powers = slices.DeleteFunc(slices.Clone(powers), func(p people.Power) bool { return !slices.Contains(w.who.Only, p) })
	}
	speaks := !desk && (slices.Contains(powers, people.Read) || slices.Contains(powers, people.Answer))
	scoped := w.who.Only != nil && !slices.Contains(w.who.Only, people.Read) && !slices.Contains(w.who.Only, people.Answer)
	if scoped || w.why == access.Exercise || w.why == access.Audit {
		return false
	}
	named := slices.Contains(w.named, f.ID)
	ours := speaks && slices.Contains(w.ours, f.ID)
	owner := !desk && f.Party == w.who.Party
	granted := named || ours
	if w.why == access.Handle && desk && slices.Contains(powers, people.Read) {
		granted = true
	}
	if w.why == access.Answer && speaks && owner {
		granted = true
	}
	if w.why == access.Oversight && !desk && slices.Contains(powers, people.Read) {
		for _, o := range w.rules {
			region := o.Region == "" || o.Region == f.Region || o.Region == "XA" && (f.Region == "XA-01" || f.Region == "XA-02")
			if (o.Sector == "" || o.Sector == sectors[f.Party]) && region && (o.Class == "" || o.Class == f.Class) {
				granted = true
			}
		}
	}
	if !granted || f.Embargo.After(w.at) && !desk && !owner {
		return false
	}
	switch f.Mark.TLP {
	case marking.Clear, marking.Green:
		return true
	case marking.Amber:
		return desk || owner || ours || named || slices.Contains(w.clientOf, f.Party)
	case marking.AmberStrict:
		return desk || owner || ours || named
	case marking.Red:
	}
	return named
}

// Whoever reads, for whatever purpose: lists, pages, counts and shares hold exactly what Can says of each row, on both
// engines, and an oracle written without the tree agrees.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		all := populace(30)
		keep(t, s, func(ctx context.Context, tx *store.Tx) error {
			for id, sector := range sectors {
				if err := tx.PutParty(ctx, noonOf(0), party.Party{ID: id, Name: string(id), Sector: sector}); err != nil {
					return err
				}
			}
			for id, parent := range map[string]string{"XA": "", "XA-01": "XA", "XA-02": "XA", "XB": ""} {
				if err := tx.PutRegion(ctx, party.Region{ID: id, Parent: parent}); err != nil {
					return err
				}
			}
			return tx.InsertFindings(ctx, all)
		})
		n := 0
		rapid.Check(t, func(r *rapid.T) {
			n++
			w := drawWorld(r, n, all)
			keep(t, s, func(ctx context.Context, tx *store.Tx) error { return w.write(ctx, tx, n) })
			if err := s.View(t.Context(), func(tx *store.Tx) error { return w.check(t.Context(), r, tx) }); err != nil {
				r.Fatal(err)
			}
			keep(t, s, w.clear)
		})
	})
}

func keep(t *testing.T, s *store.Store, f func(context.Context, *store.Tx) error) {
	t.Helper()
	if err := s.Keep(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func drawWorld(r *rapid.T, n int, all []store.Finding) *readWorld {
	w := &readWorld{at: noonOf(30), findings: slices.Clone(all)}
	w.why = rapid.SampledFrom([]access.Purpose{access.Handle, access.Answer, access.Oversight, access.Audit, access.Exercise}).Draw(r, "why")
	instant := rapid.SampledFrom([]time.Time{{}, w.at.Add(-time.Hour), w.at, w.at.Add(time.Hour)})
	for i := range w.findings {
		w.findings[i].Mark.TLP = marking.TLP(rapid.IntRange(0, 4).Draw(r, "tlp"))
		w.findings[i].Embargo = instant.Draw(r, "embargo")
	}
	of := rapid.SampledFrom([]ident.Party{ident.Authority, "hospital", "bank", "clinic"}).Draw(r, "party")
	powers := rapid.SliceOfDistinct(rapid.SampledFrom([]people.Power{people.Read, people.Answer, people.Audit, people.Feeds}), rapid.ID)
	w.who = access.Actor{
		Kind: access.Person, ID: fmt.Sprintf("per_%d", n), Party: of, Weak: rapid.IntRange(0, 9).Draw(r, "weak") == 0,
		Seats: []access.Seat{{Post: "p", Party: of, Powers: powers.Draw(r, "powers")}},
	}
	switch rapid.IntRange(0, 9).Draw(r, "kind") {
	case 0:
		w.who.Only = append([]people.Power{}, powers.Draw(r, "only")...)
	case 1:
		w.who = access.ForSoftware("command")
	case 2:
		w.who = access.Actor{}
	}
	some := rapid.SliceOfNDistinct(rapid.SampledFrom(w.findings), 0, 8, func(f store.Finding) ident.Finding { return f.ID })
	for _, f := range some.Draw(r, "named") {
		w.named = append(w.named, f.ID)
	}
	for _, f := range some.Draw(r, "ours") {
		w.ours = append(w.ours, f.ID)
	}
	w.clientOf = rapid.SliceOfDistinct(rapid.SampledFrom([]ident.Party{"hospital", "bank", "clinic"}), rapid.ID).Draw(r, "client of")
	for i := range rapid.IntRange(0, 2).Draw(r, "rules") {
		w.rules = append(w.rules, store.ObserverRule{
			ID: fmt.Sprintf("obs_%d_%d", n, i), Party: of, Basis: "law", Created: w.at,
			Sector: rapid.SampledFrom([]string{"", "health", "finance"}).Draw(r, "sector"),
			Region: rapid.SampledFrom([]string{"", "XA", "XA-01", "XB"}).Draw(r, "region"),
			Class:  rapid.SampledFrom([]string{"", "botnet"}).Draw(r, "class"),
		})
	}
	return w
}

// write puts the world into the database, with shares that do not count among those that do.
func (w *readWorld) write(ctx context.Context, tx *store.Tx, n int) error {
	for i := range w.findings {
		if err := tx.SetMark(ctx, w.findings[i].ID, w.findings[i].Mark, w.findings[i].Embargo); err != nil {
			return err
		}
	}
	for _, of := range []ident.Party{"hospital", "bank", "clinic"} {
		var clients []ident.Party
		if slices.Contains(w.clientOf, of) {
			clients = append(clients, w.who.Party)
		}
		if err := tx.PutClients(ctx, of, clients); err != nil {
			return err
		}
	}
	for _, o := range w.rules {
		if err := tx.PutObserver(ctx, o); err != nil {
			return err
		}
	}
	grant := func(kind string, id ident.Finding, to string, until time.Time, ended time.Time) error {
		return tx.PutGrant(ctx, store.Grant{
			ID: fmt.Sprintf("shr_%d_%s_%d", n, kind, id), Object: fmt.Sprintf("finding:%d", id), Grantee: to, Created: w.at, Until: until, Ended: ended,
		})
	}
	us := "party:" + string(w.who.Party)
	for _, f := range w.findings {
		err := grant("over", f.ID, w.who.String(), w.at, time.Time{})
		if err == nil {
			err = grant("ended", f.ID, us, time.Time{}, w.at)
		}
		if err == nil && slices.Contains(w.named, f.ID) {
			err = grant("named", f.ID, w.who.String(), w.at.Add(time.Second), time.Time{})
		}
		if err == nil && slices.Contains(w.ours, f.ID) {
			err = grant("ours", f.ID, us, time.Time{}, time.Time{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// clear ends what the world gave, so that the next one finds nothing of it.
func (w *readWorld) clear(ctx context.Context, tx *store.Tx) error {
	for _, o := range w.rules {
		o.Ended = w.at
		if err := tx.PutObserver(ctx, o); err != nil {
			return err
		}
	}
	for _, f := range w.findings {
		grants, err := tx.GrantsOf(ctx, fmt.Sprintf("finding:%d", f.ID))
		if err != nil {
			return err
		}
		for _, g := range grants {
			g.Ended = w.at
			if err := tx.PutGrant(ctx, g); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *readWorld) check(ctx context.Context, r *rapid.T, tx *store.Tx) error {
	reader, err := tx.Reader(ctx, w.who, w.at)
	if err != nil {
		return err
	}
	want := map[ident.Finding]bool{}
	for i := range w.findings {
		f := &w.findings[i]
		is, err := tx.FindingByID(ctx, f.ID)
		if err != nil {
			return err
		}
		thing, err := tx.ThingOf(ctx, &is)
		if err != nil {
			return err
		}
		if can := access.Can(reader, thing, w.at, w.why); can != w.reads(f) {
			r.Errorf("finding %d, %v, embargo %v, of %q: Can says %t", f.ID, f.Mark, f.Embargo, f.Party, can)
		}
		if w.reads(f) {
			want[f.ID] = true
		}
	}
	may := access.Readable(reader, access.Findings, w.at, w.why)
	for _, states := range [][]finding.State{nil, finding.States} {
		got := map[ident.Finding]bool{}
		for before := ident.Finding(0); ; {
			p, err := tx.ListFindings(ctx, store.FindingFilter{States: states, May: may}, before, 7)
			if err != nil {
				return err
			}
			for _, f := range p.Findings {
				if got[f.ID] {
					r.Errorf("finding %d twice", f.ID)
				}
				got[f.ID] = true
			}
			if before = p.Next; before == 0 {
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			r.Errorf("listed %v\nwant   %v", got, want)
		}
		count, err := tx.CountFindings(ctx, store.FindingFilter{States: states, May: may}, 1000)
		if err != nil || count != len(want) {
			r.Errorf("counted %d, want %d: %v", count, len(want), err)
		}
	}
	for _, p := range []ident.Party{"hospital", "bank", ""} {
		shares, err := tx.PartyShares(ctx, p, may)
		sum := 0
		for _, s := range shares {
			sum += int(s.Count)
		}
		for i := range w.findings {
			if f := &w.findings[i]; f.Party == p && want[f.ID] {
				sum--
			}
		}
		if err != nil || sum != 0 {
			r.Errorf("shares of %q are off by %d: %v", p, sum, err)
		}
	}
	return nil
}

// A zero condition, which nobody asked access for, lets nothing through.
func TestNothingWithoutAReader(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		keep(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.InsertFindings(ctx, populace(5)) })
		err := s.View(t.Context(), func(tx *store.Tx) error {
			p, err := tx.ListFindings(t.Context(), store.FindingFilter{}, 0, 10)
			if err != nil || len(p.Findings) != 0 {
				return fault.New(fault.Conflict, "%d findings, %v", len(p.Findings), err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
