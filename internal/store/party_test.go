package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

func hospital() party.Party {
	verified := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	return party.Party{
		ID: "hospital", Name: "City Hospital", Kind: "institution", Sector: "health", Region: "XA-01", Language: "en", Rank: 100,
		Contacts: []party.Contact{
			{ID: "con_1", Role: party.Abuse, Name: "Desk", Mail: "abuse@hospital.example", Language: "zh", PGPKey: "-----"},
			{ID: "con_2", Role: party.Security, Mail: "cert@hospital.example"},
		},
		Resources: []party.Resource{
			{ID: "res_1", Kind: party.ASN, Value: "64496", Source: party.Registry},
			{ID: "res_2", Kind: party.Prefix, Value: "192.0.2.0/24", Source: party.Manual, From: verified, Verified: verified},
		},
		Systems: []party.System{{ID: "sys_1", Name: "Portal", Asset: asset.Asset{Kind: asset.Domain, Value: "portal.example"}, Protection: 3, Products: []string{"nginx", "vpn"}}},
	}
}

func put(t *testing.T, s *store.Store, now time.Time, p party.Party) {
	t.Helper()
	if err := s.Keep(t.Context(), func(tx *store.Tx) error { return tx.PutParty(t.Context(), now, p) }); err != nil {
		t.Fatal(err)
	}
}

func partyByID(t *testing.T, s *store.Store, p party.Party) party.Party {
	t.Helper()
	var got party.Party
	err := s.View(t.Context(), func(tx *store.Tx) error {
		var err error
		got, err = tx.PartyByID(t.Context(), p.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// What was put comes back; what vanished is deleted, but a resource ends and stays.
func TestPutParty(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		p := hospital()
		put(t, s, day, p)
		if d := cmp.Diff(p, partyByID(t, s, p)); d != "" {
			t.Fatal(d)
		}
		put(t, s, day, p)
		later := day.AddDate(0, 1, 0)
		q := hospital()
		q.Name, q.Contacts, q.Systems, q.Resources = "Hospital", q.Contacts[1:], nil, q.Resources[:1]
		q.Resources = append(q.Resources, party.Resource{ID: "res_3", Kind: party.Domain, Value: "hospital.example", Source: party.Manual, From: later.AddDate(1, 0, 0)})
		put(t, s, later, q)
		ended := hospital().Resources[1]
		ended.To = later
		q.Resources = append(q.Resources, ended)
		if d := cmp.Diff(q, partyByID(t, s, p)); d != "" {
			t.Fatal(d)
		}
		q.Resources = nil
		put(t, s, later.AddDate(0, 0, 1), q)
		for _, r := range partyByID(t, s, p).Resources {
			switch {
			case r.ID == "res_2" && !r.To.Equal(later), r.ID == "res_3" && !r.To.Equal(r.From), r.ID == "res_1" && !r.To.Equal(later.AddDate(0, 0, 1)):
				t.Errorf("%s ends at %v", r.ID, r.To)
			}
		}
	})
}

func TestPutPartyWithManyResources(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		p := party.Party{ID: "isp", Name: "ISP", Kind: "operator", Language: "en"}
		for i := range 1001 {
			p.Resources = append(p.Resources, party.Resource{ID: fmt.Sprintf("res_%04d", i), Kind: party.ASN, Value: fmt.Sprintf("%d", 100000+i), Source: party.Registry})
		}
		put(t, s, time.Unix(1, 0), p)
		if d := cmp.Diff(p, partyByID(t, s, p)); d != "" {
			t.Error(d)
		}
	})
}

func TestEndParty(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, now := t.Context(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		p := hospital()
		put(t, s, now, p)
		other := party.Party{ID: "other", Name: "Other", Kind: "company", Language: "en", Resources: []party.Resource{{ID: "res_9", Kind: party.ASN, Value: "64500"}}}
		put(t, s, now, other)
		end := now.Add(time.Hour)
		err := s.Keep(ctx, func(tx *store.Tx) error { return tx.EndParty(ctx, end, p.ID) })
		if err != nil {
			t.Fatal(err)
		}
		err = s.Keep(ctx, func(tx *store.Tx) error { return tx.EndParty(ctx, end, p.ID) })
		if !errors.Is(err, fault.NotFound) {
			t.Errorf("ending twice: %v", err)
		}
		err = s.View(ctx, func(tx *store.Tx) error {
			got, err := tx.Parties(ctx)
			if d := cmp.Diff([]party.Party{other}, got); d != "" {
				t.Error(d)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range partyByID(t, s, p).Resources {
			if !r.To.Equal(end) {
				t.Errorf("%s ends at %v", r.Value, r.To)
			}
		}
		put(t, s, end, p)
		err = s.View(ctx, func(tx *store.Tx) error {
			got, err := tx.Parties(ctx)
			if len(got) != 2 {
				t.Errorf("%d parties after one began again", len(got))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestBounceRegionAndVersion(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, now := t.Context(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		put(t, s, now, hospital())
		want := []party.Region{{ID: "XA", NameEN: "Xanadu", NameZH: "上都", Default: "hospital"}, {ID: "XA-01", Parent: "XA", NameEN: "North", Tile: party.Tile{Column: 3, Row: 12}}}
		err := s.Keep(ctx, func(tx *store.Tx) error {
			return errors.Join(tx.MarkBounce(ctx, "con_1", now, "550 no such user"), tx.PutRegion(ctx, want[1]),
				tx.PutRegion(ctx, party.Region{ID: "XA"}), tx.PutRegion(ctx, want[0]), tx.SetPartyVersion(ctx, 4), tx.SetPartyVersion(ctx, 7))
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Keep(ctx, func(tx *store.Tx) error { return tx.MarkBounce(ctx, "con_9", now, "") })
		if !errors.Is(err, fault.NotFound) {
			t.Errorf("a contact that is not there: %v", err)
		}
		err = s.View(ctx, func(tx *store.Tx) error {
			c, p, err := tx.ContactByID(ctx, "con_1")
			if err != nil || p != "hospital" || c.Bounce != "550 no such user" || !c.Bounced.Equal(now) {
				t.Errorf("%+v of %s, %v", c, p, err)
			}
			got, err := tx.Regions(ctx)
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Error(d, err)
			}
			v, err := tx.PartyVersion(ctx)
			if v != 7 {
				t.Errorf("version %d, want 7", v)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestSpokenWithMany: a thousand parties are asked about at once; the one that something was sent to is there.
func TestSpokenWithMany(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ids := make([]ident.Party, 1000)
		for i := range ids {
			ids[i] = ident.Party(fmt.Sprintf("party-%d", i))
		}
		ids[500] = "p"
		err := s.Keep(ctx, func(tx *store.Tx) error {
			n := notice.Notice{ID: "ntc_1", Party: "p", Language: "en", Kind: notice.Urgent, State: notice.Sent, Created: noticeDay, Sent: noticeDay}
			return errors.Join(tx.PutParty(ctx, noticeDay, party.Party{ID: "p", Name: "P", Kind: "company", Language: "en"}), tx.InsertNotice(ctx, &n, nil))
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[ident.Party]store.Spoken{"p": {Sent: 1, LastSent: noticeDay, Silent: noticeDay}}
		err = s.View(ctx, func(tx *store.Tx) error {
			spoken, err := tx.SpokenWith(ctx, ids, access.Always)
			if d := cmp.Diff(want, spoken); d != "" {
				t.Error(d)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A refusal belongs to the address: whoever is named there later, at whatever party and in whatever letters, is refused too, and
// who shows that mail arrives shows it for all of them.
func TestRefusedAddress(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, now := t.Context(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		named := func(id ident.Party, mails ...string) party.Party {
			p := party.Party{ID: id, Name: string(id), Kind: "institution"}
			for i, m := range mails {
				p.Contacts = append(p.Contacts, party.Contact{ID: fmt.Sprintf("%s-%d", id, i), Role: party.Roles[i], Mail: m})
			}
			return p
		}
		refused := func() string {
			var out []string
			err := s.View(ctx, func(tx *store.Tx) error {
				for _, id := range []ident.Party{"a", "b"} {
					p, err := tx.PartyByID(ctx, id)
					if err != nil {
						return err
					}
					for _, c := range p.Contacts {
						if !c.Bounced.IsZero() {
							out = append(out, c.ID+" "+c.Bounce)
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(out)
			return strings.Join(out, ", ")
		}
		put(t, s, now, named("a", "noc@x.example", "NOC@x.example", "soc@x.example"))
		put(t, s, now, named("b", "b@x.example"))
		if err := s.Keep(ctx, func(tx *store.Tx) error { return tx.MarkBounce(ctx, "a-0", now, "550") }); err != nil {
			t.Fatal(err)
		}
		put(t, s, now, named("b", "b@x.example", "Noc@X.example"))
		if got := refused(); got != "a-0 550, a-1 550, b-1 550" {
			t.Errorf("refused are %q", got)
		}
		put(t, s, now, named("b", "noc@x.example", "c@x.example")) // one moves to the address, the other away from it
		if got := refused(); got != "a-0 550, a-1 550, b-0 550" {
			t.Errorf("after a change of addresses refused are %q", got)
		}
		if err := s.Keep(ctx, func(tx *store.Tx) error { return tx.MarkBounce(ctx, "b-0", time.Time{}, "") }); err != nil {
			t.Fatal(err)
		}
		if got := refused(); got != "" {
			t.Errorf("after a proof refused are %q", got)
		}
		put(t, s, now, named("a", "noc@x.example", "NOC@x.example", "soc@x.example"))
		if got := refused(); got != "" {
			t.Errorf("refused again are %q", got)
		}
	})
}
