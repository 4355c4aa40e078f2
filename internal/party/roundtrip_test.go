package party_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/asset"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// drawParty draws a canonical party. narrow keeps to what RPSL can say.
func drawParty(t *rapid.T, n int, narrow bool) party.Party {
	name := rapid.StringMatching(`['=+@-]?[\p{L}"';:,#\\ &|%\-]{1,20}[a-z]`)
	roles := party.Roles
	if narrow {
		name, roles = rapid.StringMatching(`[\p{Lu}][\p{L}';:,&-]{0,20}( [a-z]{1,9}){0,2}`), roles[:4]
	}
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		if narrow {
			return time.Unix(rapid.Int64Range(1, 2e9).Draw(t, "s"), 0).UTC()
		}
		return time.UnixMicro(rapid.Int64Range(1, 2e15).Draw(t, "us")).UTC()
	})
	p := party.Party{
		ID: ident.Party(fmt.Sprintf("p%d.%s", n, rapid.StringMatching(`[a-z_-]{1,9}`).Draw(t, "id"))), Name: name.Draw(t, "name"),
		Kind: rapid.SampledFrom(party.Kinds).Draw(t, "kind"), Sector: rapid.StringMatching(`([a-z]{3})?`).Draw(t, "sector"),
		Region: rapid.StringMatching(`(XA-[0-9]{2})?`).Draw(t, "region"), Language: rapid.SampledFrom(party.Languages).Draw(t, "language"),
		Rank: rapid.IntRange(1, 1000).Draw(t, "rank"),
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "contacts") {
		c := party.Contact{
			Role: rapid.SampledFrom(roles).Draw(t, "role"), Name: name.Draw(t, "who"), Mail: fmt.Sprintf("u+%d@m.example", i),
			Language: rapid.SampledFrom([]string{"", "zh"}).Draw(t, "language"),
		}
		p.Contacts = append(p.Contacts, c)
	}
	from := 0
	if narrow {
		from = 1
	}
	for i := range rapid.IntRange(from, 4).Draw(t, "resources") {
		r := party.Resource{Source: rapid.SampledFrom([]string{"manual", "registry", "import:=x.csv"}).Draw(t, "source"), Verified: instant.Draw(t, "verified"), From: instant.Draw(t, "from")}
		if !narrow && rapid.Bool().Draw(t, "ends") {
			r.To = time.UnixMicro(3e15).UTC()
		}
		switch rapid.SampledFrom([]string{"4", "6", "a", "d"}).Draw(t, "kind") {
		case "4":
			r.Kind, r.Value = party.Prefix, fmt.Sprintf("10.%d.%d.0/24", n, i)
		case "6":
			r.Kind, r.Value = party.Prefix, fmt.Sprintf("2001:db8:%x::/48", n*10+i+1)
		case "d":
			if !narrow {
				r.Kind, r.Value = party.Domain, fmt.Sprintf("d%d.example", i)
				break
			}
			fallthrough
		default:
			r.Kind, r.Value = party.ASN, fmt.Sprint(1000*n+i+1)
		}
		p.Resources = append(p.Resources, r)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "systems") {
		p.Systems = append(p.Systems, party.System{
			Name: name.Draw(t, "system"), Asset: asset.Asset{Kind: asset.Domain, Value: fmt.Sprintf("s%d.example", i)},
			Protection: rapid.IntRange(0, 5).Draw(t, "protection"), Products: []string{"nginx", "=1+1"}[:rapid.IntRange(0, 2).Draw(t, "products")],
		})
	}
	objects := []string{""}
	for _, r := range p.Resources {
		switch {
		case r.Kind == party.ASN:
			objects = append(objects, "AS"+r.Value)
		default:
			objects = append(objects, r.Value)
		}
	}
	if !narrow {
		objects = append(objects, "system:"+strings.TrimSpace(p.Name), "203.0.113.0/24", "AS4200000000", "elsewhere.example")
	}
	for i := range p.Contacts {
		p.Contacts[i].For = rapid.SampledFrom(objects).Draw(t, "for")
	}
	return p
}

// What is written is read back the same.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, f := range party.Formats {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				var want []party.Party
				for i := range rapid.IntRange(1, 4).Draw(t, "parties") {
					p, err := drawParty(t, i, f == party.RPSL).Canonical()
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, p)
				}
				var b bytes.Buffer
				regions := []party.Region{{ID: "XA", NameEN: "=North", NameZH: "北", Default: want[0].ID}, {ID: "XA-01", Parent: "XA", NameEN: "y", Tile: party.Tile{Column: 30, Row: 1}}}
				if err := party.Write(&b, f, want, regions, time.UnixMicro(2e15)); err != nil {
					t.Fatal(err)
				}
				got, err := party.Read(f, bytes.NewReader(b.Bytes()), party.Options{})
				if err != nil {
					t.Fatalf("%v\n%s", err, b.String())
				}
				if f == party.RPSL {
					want, regions = narrowed(want), nil
					got.Parties = narrowed(got.Parties)
				}
				if d := cmp.Diff(want, got.Parties); d != "" {
					t.Fatalf("%s\n%s", d, b.String())
				}
				if d := cmp.Diff(regions, got.Regions); d != "" {
					t.Fatal(d)
				}
			})
		})
	}
}

// narrowed leaves of parties what RPSL can say.
func narrowed(ps []party.Party) []party.Party {
	var out []party.Party
	for _, p := range ps {
		q := party.Party{ID: p.ID, Name: p.Name}
		for _, c := range p.Contacts {
			if c.Role == party.Security {
				c.Name = ""
			}
			q.Contacts = append(q.Contacts, party.Contact{Role: c.Role, Name: c.Name, Mail: c.Mail, For: c.For})
		}
		slices.SortFunc(q.Contacts, func(a, b party.Contact) int { return strings.Compare(a.Mail+string(a.Role), b.Mail+string(b.Role)) })
		for _, r := range p.Resources {
			r.Source = party.Registry
			q.Resources = append(q.Resources, r)
		}
		out = append(out, q)
	}
	return out
}

// A spreadsheet must not compute what a stranger wrote into a cell.
func TestCSVCellsAreGuarded(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"=1+1", "+1", "-1", "@x", "'=1"} {
		var b bytes.Buffer
		if err := party.Write(&b, party.CSV, []party.Party{{ID: "a", Name: name}}, nil, at); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "\na,'"+name+",") {
			t.Errorf("%q is not guarded: %s", name, b.String())
		}
	}
}
