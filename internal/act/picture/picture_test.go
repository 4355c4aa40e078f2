package picture_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/picture"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func person(of ident.Party, powers ...people.Power) access.Actor {
	return access.Actor{Kind: access.Person, ID: "ada", Party: of, Seats: []access.Seat{{Post: "p", Party: of, Powers: powers}}}
}

// town is twelve parties in two sectors and two regions with findings of the last weeks: of party i, i findings made i days
// ago, the first of which is gone since.
func town(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	err := s.Keep(ctx, func(tx *store.Tx) error {
		var fs []store.Finding
		for i := 1; i <= 12; i++ {
			p := party.Party{ID: ident.Party(fmt.Sprintf("p%d", i)), Name: "P", Sector: []string{"health", "bank"}[i%2], Region: []string{"XA", "XB"}[i/11]}
			if err := tx.PutParty(ctx, noon, p); err != nil {
				return err
			}
			for j := range i {
				f := store.Finding{
					ID: ident.Finding(len(fs) + 1), Class: "open-telnet", Severity: event.High, Stream: 1, Party: p.ID, Region: p.Region,
					State: finding.Open, Created: noon.AddDate(0, 0, -i), StateAt: noon.AddDate(0, 0, -i), Mark: marking.Mark{TLP: marking.Green},
				}
				f.Identity.Asset = asset.Asset{Kind: asset.IP, Value: "192.0.2.1"}
				f.Identity.Type, f.Key[0], f.Key[1] = "vulnerable-system", byte(i), byte(j)
				fs = append(fs, f)
			}
		}
		if err := tx.InsertFindings(ctx, fs); err != nil {
			return err
		}
		var gone ident.Finding = 1
		for i := 1; i <= 12; i++ {
			err := tx.SetState(ctx, gone, store.Standing{State: finding.VerifiedClosed, Since: noon.AddDate(0, 0, -1)})
			if err != nil {
				return err
			}
			gone += ident.Finding(i)
		}
		if err := tx.SetMark(ctx, 78, marking.Mark{TLP: marking.Green}, noon.Add(time.Hour)); err != nil {
			return err
		}
		return tx.SetMark(ctx, 77, marking.Mark{TLP: marking.Amber}, time.Time{})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDesk(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		town(t, s)
		p := picture.New(s)
		if _, err := p.Desk(t.Context(), noon, person("p1", people.Read, people.Answer), picture.Window{}); !errors.Is(err, fault.Denied) {
			t.Errorf("a member sees the situation: %v", err)
		}
		if _, err := p.Desk(t.Context(), noon, person(ident.Authority, people.Feeds), picture.Window{}); !errors.Is(err, fault.Denied) {
			t.Errorf("whoever may not read sees the situation: %v", err)
		}
		check := func() {
			got, err := p.Desk(t.Context(), noon, person(ident.Authority, people.Read), picture.Window{})
			if err != nil {
				t.Fatal(err)
			}
			n := len(got.Series.Days)
			if got.Total != 66 || got.Live[0].N != 66 || got.Classes[0].N != 66 || got.Orphans.N != 0 || got.Series.Live[n-1] != 66 || got.Series.Live[n-2] != 66 ||
				got.Series.Live[n-3] != 77 || got.Series.Verified[n-2] != 12 || got.Series.Opened[n-4] != 3 {
				t.Errorf("%+v", got)
			}
			if fmt.Sprint(got.Heat.Sectors, got.Heat.Regions, got.Heat.N) != "[health bank] [XA XB] [[25 11] [20 10]]" {
				t.Errorf("heat %v %v %v", got.Heat.Sectors, got.Heat.Regions, got.Heat.N)
			}
			if f := got.Funnel; f[1].N != 78 || f[2].N != 78 || f[3].N != 0 || f[5].N != 12 || f[6].N != 12 {
				t.Errorf("funnel %+v", f)
			}
			if c := got.Changes; c[0].Now != 66 || c[0].Before != 7+8+9+10+11+12 || c[1].Now != 21 || c[1].Before != 57 || c[2].Now != 12 {
				t.Errorf("changes %+v", c)
			}
			if c := got.Closing[0]; c.N != 78 || c.Verified != 12 || c.Median.Known {
				t.Errorf("closing %+v", c)
			}
		}
		check()
		if n, err := p.Compact(t.Context(), noon); err != nil || n == 0 {
			t.Fatal(n, err)
		}
		check()
		if n, err := p.Compact(t.Context(), noon); err != nil || n != 0 {
			t.Fatal(n, err)
		}
	})
}

func TestParty(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		town(t, s)
		p := picture.New(s)
		member := person("p12", people.Read, people.Answer)
		if _, err := p.Party(t.Context(), noon, member, "p11"); !errors.Is(err, fault.NotFound) {
			t.Errorf("a member sees another party: %v", err)
		}
		for _, who := range []access.Actor{member, person(ident.Authority, people.Read)} {
			got, err := p.Party(t.Context(), noon, who, "p12")
			if err != nil {
				t.Fatal(err)
			}
			if got.Total != 11 || got.Sector != "health" || got.Closing.N != 12 || got.Closing.Verified != 1 || got.Series.Opened[89-12] != 12 || got.Band.Known {
				t.Errorf("%+v", got)
			}
		}
	})
}

func TestPublicAndPromises(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		town(t, s)
		p := picture.New(s)
		got, err := p.Public(t.Context(), noon)
		if err != nil {
			t.Fatal(err)
		}
		// 66 live, less one under an embargo and one AMBER: 64.
		if !got.Live.Shown || got.Live.N != 65 || got.Parties.N != 10 || got.Through != finding.DayOf(noon)-1 || len(got.Weeks) == 0 {
			t.Errorf("%+v", got)
		}
		for _, f := range got.Regions.Figures {
			if f.Shown {
				t.Errorf("two parties of XB can be had from %+v", f) // XB is p11 and p12 alone, so XA is withheld with it
			}
		}
		if len(got.Sectors.Figures) != 2 || !got.Sectors.Figures[0].Shown || got.Sectors.Hidden {
			t.Errorf("sectors %+v", got.Sectors)
		}
		if n, err := p.Publish(t.Context(), noon); err != nil || n != 3 {
			t.Fatal(n, err)
		}
		if n, err := p.Publish(t.Context(), noon); err != nil || n != 0 {
			t.Fatal(n, err)
		}
		// What was published of a day stays, whatever is done to findings of that day later, in every process.
		err = s.Keep(context.WithoutCancel(t.Context()), func(tx *store.Tx) error {
			return tx.SetMark(t.Context(), 70, marking.Mark{TLP: marking.Red}, time.Time{})
		})
		if err != nil {
			t.Fatal(err)
		}
		again, err := picture.New(s).Public(t.Context(), noon.Add(time.Hour))
		if err != nil || fmt.Sprint(again.Live, again.Sectors.Figures[0].N) != fmt.Sprint(got.Live, got.Sectors.Figures[0].N) {
			t.Errorf("%+v, %v", again, err)
		}
		kept, err := p.Promises(t.Context(), noon)
		if err != nil || kept.Days != 90 || len(kept.Months) != 6 || kept.Months[5].To != kept.Through || kept.Whole.Urgent.Of.N != 75 {
			t.Errorf("%+v, %v", kept, err)
		}
	})
}
