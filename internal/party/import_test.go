package party_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

func read(t *testing.T, f party.Format, text string) party.Import {
	t.Helper()
	in, err := party.Read(f, strings.NewReader(text), party.Options{Source: "import:test"})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

var hospital = []party.Party{{
	ID: "hospital", Name: "City Hospital", Kind: "institution", Sector: "health", Region: "XA-01",
	Contacts: []party.Contact{
		{Role: party.Security, Name: "Ann", Mail: "Cert@hospital.example", Language: "zh"},
		{Role: party.Backup, Mail: "boss@hospital.example"},
	},
	Resources: []party.Resource{
		{Kind: party.Prefix, Value: "192.0.2.0/24", Source: "manual", From: date(2024, 1, 1), Verified: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)},
		{Kind: party.ASN, Value: "64496", Source: "import:test"},
		{Kind: party.Domain, Value: "xn--krankenhas-ieb.example", Source: "import:test", To: date(2027, 1, 1)},
	},
	Systems: []party.System{{Name: "Portal", Asset: asset.Asset{Kind: asset.URL, Value: "https://portal.example/"}, Protection: 3, Products: []string{"nginx", "vpn"}}},
}}

func date(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

func TestReadCSV(t *testing.T) {
	t.Parallel()
	in := read(t, party.CSV, "\ufeffparty,name,kind,sector,region,contact_role,contact_name,contact_mail,contact_language,resource,source,from,to,verified,system,system_asset,protection,products,region_code,region_name_en\r\n"+
		"Hospital,City Hospital,institution,health,xa-01,,Ann,Cert@Hospital.EXAMPLE,ZH,192.0.2.0/24,manual,2024-01-01,,2026-02-03T05:05:06+01:00,Portal,https://PORTAL.example,3,nginx; vpn\r\n"+
		"hospital,,,,,backup,,boss@hospital.example,,AS64496\r\n"+
		"hospital,City Hospital,,,,,,,,krankenhaüs.example,,,2027-01-01\r\n"+
		",,,,,,,,,,,,,,,,,,XA-01,North\r\n")
	if d := cmp.Diff(hospital, in.Parties); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]party.Region{{ID: "XA-01", NameEN: "North"}}, in.Regions); d != "" {
		t.Error(d)
	}
	semicolons := read(t, party.CSV, "party;name;resource\na;A, Inc;198.51.100.7\n")
	if p := semicolons.Parties[0]; p.Name != "A, Inc" || p.Resources[0].Value != "198.51.100.7/32" {
		t.Errorf("%+v", p)
	}
}

func TestReadYAML(t *testing.T) {
	t.Parallel()
	in := read(t, party.YAML, `
regions:
  - code: XA-01
    name_en: North
parties:
  - id: hospital
    name: City Hospital
    kind: institution
    sector: health
    region: XA-01
    contacts:
      - {role: security, name: Ann, mail: Cert@hospital.example, language: zh}
      - {role: backup, mail: boss@hospital.example}
    resources:
      - prefix: 192.0.2.0/24
        source: manual
        from: 2024-01-01
        verified: 2026-02-03T04:05:06Z
      - asn: 64496
      - domain: KRANKENHAÜS.example.
        to: 2027-01-01
    systems:
      - name: Portal
        asset: https://portal.example/
        protection: 3
        products: [nginx, vpn]
  - id: isp
    name: ISP
    resources: [64500, 2001:db8::/32, isp.example]
`)
	if d := cmp.Diff(hospital, in.Parties[:1]); d != "" {
		t.Error(d)
	}
	var kinds []party.ResourceKind
	for _, r := range in.Parties[1].Resources {
		kinds = append(kinds, r.Kind)
	}
	if d := cmp.Diff([]party.ResourceKind{party.ASN, party.Prefix, party.Domain}, kinds); d != "" {
		t.Error(d)
	}
}

const ripe = `% This is the RIPE Database query service.

inetnum:        192.0.2.0 - 192.0.2.130
netname:        HOSPITAL-NET
descr:          City Hospital # comment
+               Main Site
descr:          Second line
country:        XA
org:            ORG-CH1-RIPE
abuse-c:        AC1-RIPE
admin-c:        AP1-RIPE
mnt-by:         ISP-MNT
created:        2005-01-02T03:04:05Z
last-modified:  2025-06-07T08:09:10Z
source:         RIPE # Filtered

inetnum:        198.51.100.0 - 198.51.100.255
netname:        SMALL.SHOP
descr:          Small Shop
mnt-by:         ISP-MNT
changed:        hostmaster@isp.example 20010203
changed:        hostmaster@isp.example 20030405

inet6num:       2001:db8:1::/48
netname:        HOSPITAL-NET6
org:            ORG-CH1-RIPE

inetnum:        0.0.0.0 - 255.255.255.255
netname:        IANA-BLK

aut-num:        AS64496
as-name:        ISP-AS
org:            ORG-ISP-RIPE
last-modified:  2025-01-01T00:00:00Z

route:          203.0.113.0/24
origin:         AS64496

route6:         2001:db8:2::/48
origin:         AS64499

organisation:   ORG-CH1-RIPE
org-name:       City Hospital Ltd
org-type:       OTHER
e-mail:         unread@ripe.net
mnt-irt:        IRT-CH

irt:            IRT-CH
e-mail:         cert@hospital.example

organisation:   ORG-ISP-RIPE
org-name:       Internet Provider
org-type:       LIR
e-mail:         noc@isp.example

role:           Abuse Desk
nic-hdl:        ac1-ripe
e-mail:         desk@hospital.example
abuse-mailbox:  abuse@hospital.example

person:         Ann Person
e-mail:         ann@hospital.example
nic-hdl:        AP1-RIPE

mntner:         ISP-MNT
upd-to:         hostmaster@isp.example

key-cert:       PGPKEY-1
certif:         anything
 goes here`

func TestReadRPSL(t *testing.T) {
	t.Parallel()
	in, err := party.Read(party.RPSL, strings.NewReader(ripe), party.Options{Regions: []party.Region{{ID: "XA"}}})
	if err != nil {
		t.Fatal(err)
	}
	from, seen := time.Date(2005, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2025, 6, 7, 8, 9, 10, 0, time.UTC)
	of := func(value string, kind party.ResourceKind, from, verified time.Time) party.Resource {
		return party.Resource{Kind: kind, Value: value, Source: party.Registry, From: from, Verified: verified}
	}
	want := []party.Party{
		{
			ID: "org-ch1-ripe", Name: "City Hospital Ltd", Region: "XA",
			Contacts: []party.Contact{
				{Role: party.Abuse, Name: "Abuse Desk", Mail: "abuse@hospital.example", For: "192.0.2.0/25"},
				{Role: party.Management, Name: "Ann Person", Mail: "ann@hospital.example", For: "192.0.2.0/25"},
				{Role: party.Security, Mail: "cert@hospital.example"}, // of the organisation
				{Role: party.Abuse, Name: "Abuse Desk", Mail: "abuse@hospital.example", For: "192.0.2.128/31"},
				{Role: party.Management, Name: "Ann Person", Mail: "ann@hospital.example", For: "192.0.2.128/31"},
				{Role: party.Abuse, Name: "Abuse Desk", Mail: "abuse@hospital.example", For: "192.0.2.130/32"},
				{Role: party.Management, Name: "Ann Person", Mail: "ann@hospital.example", For: "192.0.2.130/32"},
			},
			Resources: []party.Resource{
				of("192.0.2.0/25", party.Prefix, from, seen), of("192.0.2.128/31", party.Prefix, from, seen),
				of("192.0.2.130/32", party.Prefix, from, seen), of("2001:db8:1::/48", party.Prefix, time.Time{}, time.Time{}),
			},
		},
		{
			ID: "small.shop", Name: "Small Shop", Contacts: []party.Contact{{Role: party.Technical, Mail: "hostmaster@isp.example", For: "198.51.100.0/24"}},
			Resources: []party.Resource{of("198.51.100.0/24", party.Prefix, time.Time{}, date(2003, 4, 5))},
		},
		{
			ID: "org-isp-ripe", Name: "Internet Provider", Kind: "operator",
			Contacts: []party.Contact{{Role: party.Security, Mail: "noc@isp.example"}},
			Resources: []party.Resource{
				of("64496", party.ASN, time.Time{}, date(2025, 1, 1)),
				of("203.0.113.0/24", party.Prefix, time.Time{}, time.Time{}),
			},
		},
	}
	if d := cmp.Diff(want, in.Parties); d != "" {
		t.Error(d)
	}
	var notes []string
	for _, n := range in.Notes {
		notes = append(notes, n.String())
	}
	wantNotes := []string{
		`line 54, organisation: mail "unread@ripe.net" left out: it reaches nobody`,
		"line 34, inetnum: left out: it is the whole internet",
		"line 46, route6: left out: neither its organisation nor its origin AS64499 is in the file",
	}
	for _, n := range wantNotes {
		if !slices.ContainsFunc(notes, func(have string) bool { return strings.HasSuffix(have, n[strings.Index(n, ","):]) }) {
			t.Errorf("no note %q among %q", n, notes)
		}
	}
	alias, err := party.Read(party.RPSL, strings.NewReader(ripe), party.Options{Aliases: map[string]ident.Party{"ORG-CH1-RIPE": "hospital"}})
	if err != nil || alias.Parties[0].ID != "hospital" || alias.Parties[0].Region != "" {
		t.Errorf("%+v, %v", alias.Parties[0], err)
	}
}

// Every error names line and field and what was expected, and nothing is taken over.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format party.Format
		text   string
		want   []string
	}{
		{party.CSV, "", []string{"the file is empty"}},
		{party.CSV, "party,nmae\n", []string{`line 1, nmae: is not a column of this form; did you mean "name"?`}},
		{party.CSV, "party,name,party\n", []string{"line 1, party: is named twice"}},
		{party.CSV, "name\nx\n", []string{"line 1, party: is missing"}},
		{party.CSV, "party,name\n", []string{"no party"}},
		{party.CSV, "party,name,resource,resource_kind,from\na,A,192.0.2.0/33,prefix,\na,A,192.0.2.1/24,prefix,2024-13-01\n\na,B,example,,\n", []string{
			`line 2, resource: "192.0.2.0/33" is not a prefix`, `line 3, from: "2024-13-01" is not a date such as`,
			`line 3, resource: "192.0.2.1/24" has bits set behind its length; did you mean "192.0.2.0/24"?`,
			`line 5, name: "B", but line 2 says "A" of party a`, `line 5, resource: "example" is not a domain name`,
		}},
		{party.CSV, "party,name,kind\nA b,x,compny\n", []string{`line 2, party: "a b" is not an id`, `line 2, kind: "compny" is not one of`, `did you mean "company"?`}},
		{party.CSV, "party,name,contact_mail,contact_role\na,A,me,abuse\na,A,,backup\n", []string{`line 2, contact_mail: "me" is not a mail address`, `line 3, contact_mail: "" is not`}},
		{party.CSV, "party,name\na,A,x\n", []string{"line 2: 3 cells, but the first line names 2 columns"}},
		{party.CSV, "party,name\na,\"A\n", []string{"line 2, column 6", "quote"}},
		{party.CSV, "party,name\na,\"A\" b\n", []string{"line 2", "quote"}},
		{party.CSV, "\xff\xfep\x00", []string{"UTF-16"}},
		{party.CSV, "party\n\xe9\n", []string{"line 2 is not UTF-8"}},
		{party.CSV, "party,region_code,name\n,XA,North\n", []string{"line 2, party: is empty, but the row has more"}},
		{party.CSV, "party,name,rank,protection,system\na,A,x,9,S\n", []string{`rank: "x" is not a whole number`, "system_protection: 9 is not a level from 0"}},
		{party.CSV, "party,name,resource\na,A,0.0.0.0/0\n", []string{"the whole internet"}},
		{party.CSV, "party,name,resource,from\na,A,AS1,\na,A,AS1,2024-01-01\n", []string{"asn 1 stands there twice for the same time"}},
		{party.YAML, "", []string{"the file is empty"}},
		{party.YAML, "parties:\n  - id: a\n    nmae: A\n", []string{`line 3, nmae: is not a key here; did you mean "name"?`}},
		{party.YAML, "partys: []\n", []string{`line 1, partys: is not a key here; did you mean "parties"?`}},
		{party.YAML, "- a\n", []string{"line 1: is a list; expected the keys parties, regions"}},
		{party.YAML, "parties: {a: 1}\n", []string{"line 1, parties: is a mapping; expected a list"}},
		{party.YAML, "parties:\n  - &x {id: a, name: A}\n  - *x\n", []string{"line 3, parties: is an alias"}},
		{party.YAML, "parties:\n  - {id: a, name: A}\n  - {id: A, name: A}\n", []string{"line 3, id: party a stands on line 2 already"}},
		{party.YAML, "parties:\n  - id: a\n    name: A\n    resources:\n      - {asn: 1, domain: a.example}\n      - {from: x}\n", []string{
			"line 5, resources.domain: is one more than the one of", `line 6, resources.from: "x" is not a date`, "line 6, resources.: has none of prefix, asn, domain",
		}},
		{party.YAML, "parties: [\n", []string{"line 1"}},
		{party.YAML, "a: 1\n---\nb: 1\n", []string{"more than one YAML document"}},
		{party.RPSL, "inetnum: 192.0.2.9 - 192.0.2.1\nnetname: X\n", []string{`line 1, inetnum: "192.0.2.9 - 192.0.2.1" is not a range`}},
		{party.RPSL, "inetnum: 192.0.2.0/24\n\nhello\n\n more\n", []string{`line 3: "hello" is not an attribute`, "line 5: continues an attribute", "line 1, inetnum: 192.0.2.0/24 has neither org nor netname"}},
		{party.RPSL, "aut-num: ASX\nas-name: X\n", []string{`line 1, aut-num resource: "ASX" is not an AS number`}},
		{party.RPSL, "inetnum: 192.0.2.0/24\nnetname: X\ncreated: never\n", []string{`line 3, created: "never" is not a date`}},
		{party.RPSL, strings.Repeat("x", 70000), []string{"line 1: is longer than 65536 bytes"}},
		{party.RPSL, "% nothing\n", []string{"no party"}},
		{"xml", "", []string{"is not one of csv, yaml, rpsl"}},
	} {
		in, err := party.Read(c.format, strings.NewReader(c.text), party.Options{})
		if err == nil {
			t.Errorf("%s %q is taken: %+v", c.format, c.text, in)
			continue
		}
		message, ok := fault.Message(err)
		if !ok || !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.TooLarge) {
			t.Errorf("%s %q: %v is of no kind", c.format, c.text, err)
		}
		for _, w := range c.want {
			if !strings.Contains(message, w) {
				t.Errorf("%s %q:\n%s\nlacks %q", c.format, c.text, message, w)
			}
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	_, err := party.Read(party.CSV, strings.NewReader("party,name,resource\n"+strings.Repeat("a,A,x\n", 5000)), party.Options{})
	var p *party.Problems
	if !errors.As(err, &p) || len(p.List) != 100 {
		t.Fatalf("%v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	e, err := openpgp.NewEntity("Ann", "", "ann@hospital.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	armoured := func(kind string, serialize func(b *bytes.Buffer) error) string {
		var plain, out bytes.Buffer
		if err := serialize(&plain); err != nil {
			t.Fatal(err)
		}
		w, err := armor.Encode(&out, kind, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(plain.Bytes())
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	public := armoured(openpgp.PublicKeyType, func(b *bytes.Buffer) error { return e.Serialize(b) })
	private := armoured(openpgp.PrivateKeyType, func(b *bytes.Buffer) error { return e.SerializePrivate(b, nil) })
	p := party.Party{ID: "a", Name: "A", Contacts: []party.Contact{{Mail: "a@a.example", PGPKey: public}}}
	good, err := p.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []party.Format{party.CSV, party.YAML} {
		var b bytes.Buffer
		if err := party.Write(&b, f, []party.Party{good}, nil, at); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]party.Party{good}, read(t, f, b.String()).Parties); d != "" {
			t.Errorf("%s: %s", f, d)
		}
	}
	for key, want := range map[string]string{private: "private key", "hello": "not an ASCII-armoured", strings.Repeat("x", 70<<10): "longer than"} {
		p.Contacts[0].PGPKey = key
		if _, err := p.Canonical(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestRangePrefixes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lo, hi := rapid.Uint32().Draw(t, "lo"), rapid.Uint32().Draw(t, "hi")
		if hi < lo {
			lo, hi = hi, lo
		}
		at := uint64(lo)
		out := party.RangePrefixes(v4(lo), v4(hi))
		for _, p := range out {
			if p.Addr() != v4(uint32(at)) || p.Masked() != p {
				t.Fatalf("%s after %d in %v", p, at, out)
			}
			at += 1 << (32 - p.Bits())
		}
		if at != uint64(hi)+1 || len(out) > 62 {
			t.Fatalf("%d to %d: %v", lo, hi, out)
		}
	})
	all := party.RangePrefixes(netip.MustParseAddr("::"), netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
	if len(all) != 1 || all[0].Bits() != 0 {
		t.Errorf("%v", all)
	}
}

func v4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// A place on the grid of tiles is two numbers within the grid, and no two regions have one.
func TestTiles(t *testing.T) {
	t.Parallel()
	yaml := func(tile string) string {
		return "regions:\n  - {code: XA, name_en: A, tile: [1, 2]}\n  - code: XB\n    name_en: B\n    tile: " + tile + "\n"
	}
	csv := func(cells string) string {
		return "region_code,region_name_en,region_column,region_row\nXA,A,1,2\nXB,B," + cells + "\n"
	}
	for _, c := range []struct {
		format party.Format
		text   string
		want   string // of the error; empty for none
	}{
		{party.YAML, yaml("[30, 1]"), ""},
		{party.YAML, yaml(""), ""},
		{party.YAML, yaml("[31, 1]"), "line 3, tile: [31, 1] is not a column and a row from 1 to 30"},
		{party.YAML, yaml("[2, -1]"), "line 3, tile: [2, -1] is not a column and a row from 1 to 30"},
		{party.YAML, yaml("[0, 0]"), "line 5, tile: [0, 0] is not a column and a row from 1 to 30"},
		{party.YAML, yaml("[3]"), "line 5, tile: has 1 members; expected [column, row]"},
		{party.YAML, yaml("3"), "line 5, tile: is a single value; expected a list"},
		{party.YAML, yaml("[1, 2]"), "line 3, tile: [1, 2] is that of region XA on line 2 already"},
		{party.CSV, csv("2,2"), ""},
		{party.CSV, csv(","), ""},
		{party.CSV, csv("2,"), "line 3, tile: [2, 0] is not a column and a row from 1 to 30"},
		{party.CSV, csv("0,0"), "line 3, tile: [0, 0] is not a column and a row from 1 to 30"},
		{party.CSV, csv("1,2"), "line 3, tile: [1, 2] is that of region XA on line 2 already"},
		{party.CSV, csv("two,1"), `line 3, region_column: "two" is not a whole number` + "\nline 3, tile: [0, 1] is not a column and a row from 1 to 30"},
	} {
		got := ""
		if _, err := party.Read(c.format, strings.NewReader(c.text), party.Options{}); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %q:\n%q, want\n%q", c.format, c.text, got, c.want)
		}
	}
}

func TestCheckWhole(t *testing.T) {
	t.Parallel()
	err := party.CheckWhole([]party.Party{{ID: "a", Region: "XA-1"}, {ID: "a"}},
		[]party.Region{{ID: "XA-01", Parent: "XB"}, {ID: "Y", Parent: "Z", Default: "nobody"}, {ID: "Z", Parent: "Y"}, {ID: "Z"}})
	for _, want := range []string{
		`there is no region XA-1; did you mean "XA-01"?`, "party: a stands there twice", "there is no region XB",
		"there is no party nobody", "region: Z stands there twice",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	tiles := party.CheckWhole(nil, []party.Region{{ID: "XA"}, {ID: "XB", Tile: party.Tile{Column: 2, Row: 1}}, {ID: "XC", Tile: party.Tile{Column: 2, Row: 1}}, {ID: "XD"}})
	if tiles == nil || tiles.Error() != "tile: region XC: tile [2, 1] is that of region XB" {
		t.Error(tiles)
	}
	circle := party.CheckWhole(nil, []party.Region{{ID: "Y", Parent: "Z"}, {ID: "Z", Parent: "Y"}})
	if circle == nil || !strings.Contains(circle.Error(), "circle") {
		t.Error(circle)
	}
	if err := party.CheckWhole([]party.Party{{ID: "a", Region: "XA"}}, []party.Region{{ID: "XA", Default: "a"}, {ID: "XA-01", Parent: "XA"}}); err != nil {
		t.Error(err)
	}
}
