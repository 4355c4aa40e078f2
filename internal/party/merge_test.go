package party_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/asset"
	"tocsin/internal/party"
)

func told(changes []party.Change) []string {
	var out []string
	for _, c := range changes {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", c.Do, c.What, c.Name, strings.Join(c.Fields, ","))))
	}
	return out
}

func merge(t *testing.T, have, in []party.Party) party.Plan {
	t.Helper()
	p, err := party.Merge(have, nil, in, nil, at)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMerge(t *testing.T) {
	t.Parallel()
	old, now := at.AddDate(-1, 0, 0), at.AddDate(0, 0, -1)
	have := []party.Party{{
		ID: "a", Name: "A", Kind: "operator", Language: "zh", Rank: 7,
		Contacts: []party.Contact{
			{ID: "con_1", Role: party.Abuse, Mail: "x@a.example", Name: "X", PGPKey: ""},
			{ID: "con_2", Role: party.Security, Mail: "y@a.example"},
		},
		Resources: []party.Resource{
			{ID: "r1", Kind: party.Prefix, Value: "192.0.2.0/24", Source: party.Manual, From: old},
			{ID: "r2", Kind: party.Prefix, Value: "198.51.100.0/24", Source: "import:f.csv", From: old, Verified: old},
			{ID: "r3", Kind: party.ASN, Value: "64496", Source: "import:f.csv"},
			{ID: "r4", Kind: party.ASN, Value: "64497", Source: party.Registry},
			{ID: "r5", Kind: party.ASN, Value: "64498", Source: "import:f.csv", To: old},
		},
		Systems: []party.System{{ID: "s1", Name: "Portal", Asset: asset.Asset{Kind: asset.Domain, Value: "p.example"}, Protection: 3}},
	}}
	in := []party.Party{{
		ID: "a", Sector: "health",
		Contacts: []party.Contact{{Role: party.Abuse, Mail: "x@a.example", Language: "en"}},
		Resources: []party.Resource{
			{Kind: party.Prefix, Value: "192.0.2.0/24", Source: "import:f.csv", Verified: now},
			{Kind: party.Prefix, Value: "198.51.100.0/24", Source: "import:f.csv"},
			{Kind: party.ASN, Value: "64498", Source: "import:f.csv"},
			{Kind: party.Domain, Value: "a.example", Source: "import:f.csv"},
		},
	}, {ID: "b", Name: "B"}}
	plan := merge(t, have, in)
	want := []string{
		"changed party A sector", "changed contact x@a.example language", "ended contact y@a.example",
		"changed resource 192.0.2.0/24 verified", "added resource 64498", "added resource a.example", "ended resource 64496",
		"added party B",
	}
	if d := cmp.Diff(want, told(plan.Changes)); d != "" {
		t.Error(d)
	}
	got := plan.Parties[0]
	if got.Name != "A" || got.Kind != "operator" || got.Rank != 7 || got.Systems[0].ID != "s1" || got.Contacts[0].ID != "con_1" ||
		got.Contacts[0].Name != "X" {
		t.Errorf("%+v", got)
	}
	for _, r := range got.Resources {
		switch {
		case r.ID == "r1" && (r.Source != party.Manual || !r.Verified.Equal(now)), r.Value == "64498" && r.ID == "" && !r.From.Equal(at):
			t.Errorf("%+v", r)
		}
	}
	if b := plan.Parties[1]; b.Kind != "company" || b.Language != "en" || b.Rank != 100 {
		t.Errorf("%+v", b)
	}
}

// A registry's text fills gaps of a known party, adds contacts and speaks for its own resources only.
func TestMergeRegistry(t *testing.T) {
	t.Parallel()
	have := []party.Party{{
		ID: "a", Name: "A", Kind: "company", Language: "en", Rank: 100,
		Contacts: []party.Contact{{ID: "c", Role: party.Security, Mail: "y@a.example"}},
		Resources: []party.Resource{
			{ID: "r1", Kind: party.ASN, Value: "64496", Source: party.Manual},
			{ID: "r2", Kind: party.ASN, Value: "64497", Source: party.Registry},
		},
	}}
	in := []party.Party{{
		ID: "a", Name: "Registry Name", Sector: "energy",
		Contacts:  []party.Contact{{Role: party.Abuse, Mail: "y@a.example"}, {Role: party.Abuse, Mail: "z@a.example"}},
		Resources: []party.Resource{{Kind: party.ASN, Value: "64499", Source: party.Registry}},
	}}
	want := []string{"changed party A sector", "added contact z@a.example", "added resource 64499", "ended resource 64497"}
	if d := cmp.Diff(want, told(merge(t, have, in).Changes)); d != "" {
		t.Error(d)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	_, err := party.Merge(nil, []party.Region{{ID: "XA", NameEN: "X"}}, []party.Party{{ID: "a", Name: "A", Region: "XB"}, {ID: "b"}},
		[]party.Region{{ID: "XA", Default: "c"}}, at)
	for _, want := range []string{"party a: there is no region XB", "party b: is empty", "region XA: there is no party c"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
}

func TestMergeRegions(t *testing.T) {
	t.Parallel()
	plan, err := party.Merge([]party.Party{{ID: "d", Name: "D"}}, []party.Region{{ID: "XA", NameEN: "X", NameZH: "某"}}, nil,
		[]party.Region{{ID: "XA", NameEN: "X", Default: "d"}, {ID: "XA-01", Parent: "XA", NameEN: "N"}}, at)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"changed region XA default", "added region XA-01"}, told(plan.Changes)); d != "" {
		t.Error(d)
	}
	if plan.Regions[0].NameZH != "某" {
		t.Errorf("%+v", plan.Regions)
	}
	have := []party.Region{{ID: "XA", NameEN: "X", Tile: party.Tile{Column: 1, Row: 1}}, {ID: "XB", NameEN: "Y", Tile: party.Tile{Column: 2, Row: 1}}}
	plan, err = party.Merge(nil, have, nil, []party.Region{{ID: "XA", Tile: party.Tile{Column: 2, Row: 1}}, {ID: "XB", NameEN: "Z", Tile: party.Tile{Column: 1, Row: 1}}}, at)
	if err != nil {
		t.Fatal(err)
	}
	want := []party.Change{{Do: party.Changed, What: "region", Name: "XA", Fields: []string{"tile"}}, {Do: party.Changed, What: "region", Name: "XB", Fields: []string{"name_en", "tile"}}}
	if d := cmp.Diff(want, plan.Changes); d != "" {
		t.Error(d)
	}
	if plan, err = party.Merge(nil, have, nil, []party.Region{{ID: "XB", NameEN: "Y"}}, at); err != nil || len(plan.Changes) > 0 {
		t.Errorf("a tile that the import leaves open: %+v, %v", plan.Changes, err)
	}
}

// Taking the same thing over twice changes nothing the second time.
func TestMergeIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) []party.Party {
			var out []party.Party
			for i := range rapid.IntRange(0, 3).Draw(t, label) {
				p := drawParty(t, i, false)
				p.Region = ""
				p.ID = "p" + p.ID[1:2]
				out = append(out, p)
			}
			return out
		}
		now := time.UnixMicro(25e14).UTC()
		var have []party.Party
		n := 0
		fresh := func(prefix string) string { n++; return fmt.Sprint(prefix, n) }
		take := func(in []party.Party) party.Plan {
			plan, err := party.Merge(have, nil, in, nil, now)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range plan.Parties {
				var old party.Party
				keep := have[:0:0]
				for _, h := range have {
					if h.ID == p.ID {
						old = h
					} else {
						keep = append(keep, h)
					}
				}
				p.Adopt(old, fresh)
				have = append(keep, p)
			}
			return plan
		}
		take(draw("first"))
		second := draw("second")
		take(second)
		if again := take(second); len(again.Changes) > 0 {
			t.Fatalf("%q", told(again.Changes))
		}
	})
}
