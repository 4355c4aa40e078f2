package party_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/asset"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func prefix(v, source string) party.Resource {
	return party.Resource{Kind: party.Prefix, Value: v, Source: source, Verified: at.AddDate(0, -1, 0)}
}

func compile(t testing.TB, parties []party.Party, regions ...party.Region) *party.Register {
	t.Helper()
	r, err := party.NewRegister(parties, regions, at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ip(v string) party.Subject {
	return party.Subject{Asset: asset.Asset{Kind: asset.IP, Value: v}}
}

// province is a small register for the written rule.
func province() []party.Party {
	verified := at.AddDate(0, -1, 0)
	return []party.Party{
		{ID: "isp", Region: "XA-01", Rank: 100, Resources: []party.Resource{
			prefix("192.0.2.0/24", party.Registry),
			prefix("2001:db8::/32", party.Registry),
			{Kind: party.ASN, Value: "64496", Source: party.Registry, Verified: verified},
		}},
		{ID: "hospital", Rank: 100, Resources: []party.Resource{
			prefix("192.0.2.64/26", party.Manual),
			{Kind: party.Domain, Value: "hospital.example", Source: party.Manual, Verified: verified},
			{Kind: party.Prefix, Value: "198.51.100.0/24", Source: party.Manual, Verified: at.AddDate(-1, 0, -2)},
			{Kind: party.Prefix, Value: "203.0.113.0/25", Source: party.Manual, To: at},
			{Kind: party.Prefix, Value: "203.0.113.128/25", Source: party.Manual, From: at},
		}, Systems: []party.System{
			{ID: "s1", Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.3"}},
			{ID: "s2", Asset: asset.Asset{Kind: asset.Domain, Value: "portal.example"}},
		}},
		{ID: "lab", Rank: 100, Resources: []party.Resource{
			{Kind: party.Domain, Value: "lab.hospital.example", Source: party.Manual, Verified: verified},
		}},
		{ID: "desk", Rank: 100},
	}
}

// named is a subject of nothing but its asset.
func named(kind asset.Kind, value string) party.Subject {
	return party.Subject{Asset: asset.Asset{Kind: kind, Value: value}}
}

// with is a subject with something around its asset.
func with(s party.Subject, change func(*party.Subject)) party.Subject {
	change(&s)
	return s
}

// sentences are those of the written rule, a case each.
var sentences = []struct {
	name string
	s    party.Subject
	want party.Attribution
}{
	{
		"a registered system beats the prefix", ip("192.0.2.3"),
		party.Attribution{Party: "hospital", Basis: party.BySystem, Matched: "192.0.2.3", Confidence: 95},
	},
	{
		"the host of a URL is a system", named(asset.URL, "https://portal.example:8443/a?b=http://x/"),
		party.Attribution{Party: "hospital", Basis: party.BySystem, Matched: "portal.example", Confidence: 95},
	},
	{
		"the longest prefix", ip("192.0.2.65"),
		party.Attribution{Party: "hospital", Basis: party.ByPrefix, Matched: "192.0.2.64/26", Confidence: 90},
	},
	{
		"the shorter prefix around it", ip("192.0.2.129"),
		party.Attribution{Party: "isp", Basis: party.ByPrefix, Matched: "192.0.2.0/24", Confidence: 90, Region: "XA-01"},
	},
	{
		"IPv6", ip("2001:db8::1"),
		party.Attribution{Party: "isp", Basis: party.ByPrefix, Matched: "2001:db8::/32", Confidence: 90, Region: "XA-01"},
	},
	{
		"a prefix asset needs a claim to all of it", named(asset.Prefix, "192.0.2.0/25"),
		party.Attribution{Party: "isp", Basis: party.ByPrefix, Matched: "192.0.2.0/24", Confidence: 90, Region: "XA-01"},
	},
	{
		"verified too long ago", ip("198.51.100.1"),
		party.Attribution{Party: "hospital", Basis: party.ByPrefix, Matched: "198.51.100.0/24", Confidence: 75},
	},
	{"To is exclusive", ip("203.0.113.1"), party.Attribution{Basis: party.Nobody}},
	{
		"From is inclusive, never verified", ip("203.0.113.129"),
		party.Attribution{Party: "hospital", Basis: party.ByPrefix, Matched: "203.0.113.128/25", Confidence: 75},
	},
	{
		"the most specific domain", named(asset.Domain, "www.lab.hospital.example"),
		party.Attribution{Party: "lab", Basis: party.ByDomain, Matched: "lab.hospital.example", Confidence: 80},
	},
	{"no half labels", named(asset.Domain, "myhospital.example"), party.Attribution{Basis: party.Nobody}},
	{
		"the host of a URL", named(asset.URL, "http://hospital.example/login"),
		party.Attribution{Party: "hospital", Basis: party.ByDomain, Matched: "hospital.example", Confidence: 80},
	},
	{
		"an address in a URL", named(asset.URL, "http://[2001:db8::5]:81/login"),
		party.Attribution{Party: "isp", Basis: party.ByPrefix, Matched: "2001:db8::/32", Confidence: 90, Region: "XA-01"},
	},
	{
		"the prefix of the address before the domain", with(named(asset.Domain, "hospital.example"), func(s *party.Subject) { s.IP = "192.0.2.200" }),
		party.Attribution{Party: "isp", Basis: party.ByPrefix, Matched: "192.0.2.0/24", Confidence: 80, Region: "XA-01"},
	},
	{
		"a domain beside an address nobody claims", with(ip("203.0.113.1"), func(s *party.Subject) { s.Domain = "a.hospital.example"; s.ASN = 64496 }),
		party.Attribution{Party: "hospital", Basis: party.ByDomain, Matched: "hospital.example", Confidence: 55},
	},
	{
		"the AS number", with(ip("203.0.113.1"), func(s *party.Subject) { s.ASN = 64496; s.Country = "XA" }),
		party.Attribution{Party: "isp", Basis: party.ByASN, Matched: "64496", Confidence: 60, Region: "XA-01"},
	},
	{
		"an ASN asset", named(asset.ASN, "64496"),
		party.Attribution{Party: "isp", Basis: party.ByASN, Matched: "64496", Confidence: 60, Region: "XA-01"},
	},
	{
		"the default of the region above", with(ip("203.0.113.1"), func(s *party.Subject) { s.Region = "XA-01" }),
		party.Attribution{Party: "desk", Basis: party.ByRegion, Matched: "XA", Confidence: 30, Region: "XA-01"},
	},
	{
		"a region by its name", with(ip("203.0.113.1"), func(s *party.Subject) { s.Region = "NORTHMARCH"; s.Country = "XA" }),
		party.Attribution{Party: "desk", Basis: party.ByRegion, Matched: "XA", Confidence: 30, Region: "XA-01"},
	},
	{
		"a country that is not ours", with(ip("203.0.113.1"), func(s *party.Subject) { s.Country = "ZZ"; s.Region = "NORTHMARCH" }),
		party.Attribution{Basis: party.Nobody, Region: "ZZ"},
	},
	{
		"an account", with(named(asset.Account, "sealed:x"), func(s *party.Subject) { s.IP = "192.0.2.1" }),
		party.Attribution{Party: "isp", Basis: party.ByPrefix, Matched: "192.0.2.0/24", Confidence: 80, Region: "XA-01"},
	},
	{"nothing at all", party.Subject{}, party.Attribution{Basis: party.Nobody}},
}

func TestAttribute(t *testing.T) {
	t.Parallel()
	r := compile(t, province(), party.Region{ID: "XA", Default: "desk"}, party.Region{ID: "XA-01", Parent: "XA", NameEN: "Northmarch"})
	for _, c := range sentences {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := r.Attribute(c.s)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			full := r.Explain(c.s)
			if got.Party == "" && len(full.Claims) == 0 {
				return
			}
			if first := full.Claims[0]; first.Party != got.Party || first.Matched != got.Matched || first.Confidence != got.Confidence {
				t.Errorf("Explain puts %+v first", first)
			}
		})
	}
}

// Equal claims are decided by one step after the other, and the deciding step is shown.
func TestEqualClaims(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return at.AddDate(0, 0, -n) }
	res := func(source string, verified, from time.Time) party.Resource {
		return party.Resource{Kind: party.Prefix, Value: "192.0.2.0/24", Source: source, Verified: verified, From: from}
	}
	for _, c := range []struct {
		why  string
		a, b party.Party // a wins
	}{
		{
			party.WhySource,
			party.Party{ID: "z", Resources: []party.Resource{res(party.Manual, day(90), day(900))}},
			party.Party{ID: "a", Resources: []party.Resource{res(party.Registry, day(1), day(1))}},
		},
		{
			party.WhySource,
			party.Party{ID: "z", Resources: []party.Resource{res(party.Registry, day(90), day(900))}},
			party.Party{ID: "a", Resources: []party.Resource{res("import:x.csv", day(1), day(1))}},
		},
		{
			party.WhyVerified,
			party.Party{ID: "z", Rank: 9, Resources: []party.Resource{res("import:x.csv", day(1), day(900))}},
			party.Party{ID: "a", Resources: []party.Resource{res("import:y.csv", day(2), day(1))}},
		},
		{
			party.WhyRank,
			party.Party{ID: "z", Rank: 1, Resources: []party.Resource{res(party.Manual, day(1), day(900))}},
			party.Party{ID: "a", Rank: 2, Resources: []party.Resource{res(party.Manual, day(1), day(1))}},
		},
		{
			party.WhyNewest,
			party.Party{ID: "z", Resources: []party.Resource{res(party.Manual, day(1), day(1))}},
			party.Party{ID: "a", Resources: []party.Resource{res(party.Manual, day(1), day(2))}},
		},
		{
			party.WhyName,
			party.Party{ID: "a", Resources: []party.Resource{res(party.Manual, day(1), day(1))}},
			party.Party{ID: "z", Resources: []party.Resource{res(party.Manual, day(1), day(1))}},
		},
	} {
		for _, order := range [][]party.Party{{c.a, c.b}, {c.b, c.a}} {
			r := compile(t, order)
			got := r.Explain(ip("192.0.2.7"))
			if got.Party != c.a.ID || len(got.Claims) != 2 || got.Claims[0].Why != c.why || got.Claims[1].Why != c.why {
				t.Errorf("%s: %s answers, claims %+v", c.why, got.Party, got.Claims)
			}
			if got.Confidence != 70 {
				t.Errorf("%s: confidence %d of a tie, want 70", c.why, got.Confidence)
			}
			over := r.Overlaps()
			if len(over) != 1 || !over[0].Equal || over[0].Over.Party != c.a.ID || over[0].Over.Why != c.why {
				t.Errorf("%s: overlaps %+v", c.why, over)
			}
		}
	}
}

func TestOverlapsNested(t *testing.T) {
	t.Parallel()
	r := compile(t, []party.Party{
		{ID: "a", Resources: []party.Resource{
			prefix("192.0.2.0/24", party.Manual), prefix("192.0.2.0/28", party.Manual),
			{Kind: party.Domain, Value: "example.org", Source: party.Manual},
		}},
		{ID: "b", Resources: []party.Resource{
			prefix("192.0.2.0/26", party.Manual),
			{Kind: party.Domain, Value: "x.y.example.org", Source: party.Manual},
		}},
	})
	var got []string
	for _, o := range r.Overlaps() {
		got = append(got, fmt.Sprintf("%s %s in %s %s", o.Over.Party, o.Over.Matched, o.Under.Party, o.Under.Matched))
	}
	want := []string{"b x.y.example.org in a example.org", "b 192.0.2.0/26 in a 192.0.2.0/24", "a 192.0.2.0/28 in b 192.0.2.0/26"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLocating(t *testing.T) {
	t.Parallel()
	r := compile(t, []party.Party{{ID: "isp", Resources: []party.Resource{{Kind: party.ASN, Value: "64500", Source: party.Manual}}}}).
		Locating(func(a netip.Addr) (uint32, string) { return 64500, "XB" })
	got := r.Attribute(ip("203.0.113.9"))
	if got.Party != "isp" || got.Region != "XB" || got.Confidence != 45 {
		t.Errorf("%+v", got)
	}
}

func TestNextChange(t *testing.T) {
	t.Parallel()
	soon := at.Add(time.Hour)
	r := compile(t, []party.Party{{ID: "a", Resources: []party.Resource{
		{Kind: party.ASN, Value: "64500", From: at.Add(-time.Hour), To: at.AddDate(1, 0, 0)},
		{Kind: party.ASN, Value: "64501", From: soon},
	}}})
	if !r.NextChange().Equal(soon) {
		t.Errorf("next change %v, want %v", r.NextChange(), soon)
	}
}

func TestNewRegisterRefuses(t *testing.T) {
	t.Parallel()
	for _, v := range []party.Resource{
		{Kind: party.Prefix, Value: "192.0.2.1/24"},
		{Kind: party.Prefix, Value: "x"},
		{Kind: party.ASN, Value: "AS1"},
		{Kind: "mac", Value: "1"},
		{Kind: party.Prefix, Value: "::ffff:192.0.2.0/120"},
	} {
		if _, err := party.NewRegister([]party.Party{{ID: "a", Resources: []party.Resource{v}}}, nil, at); err == nil {
			t.Errorf("%v is taken", v)
		}
	}
	if _, err := party.NewRegister([]party.Party{{ID: "a"}, {ID: "a"}}, nil, at); err == nil {
		t.Error("a party that stands there twice is taken")
	}
}

// slow is the rule once more, as loops over everything: the oracle of the compiled one.
func slow(parties []party.Party, s party.Subject) (ident.Party, string) {
	type hit struct {
		p    party.Party
		r    party.Resource
		bits int
	}
	addr, _ := netip.ParseAddr(s.Asset.Value)
	try := func(fits func(r party.Resource) (int, bool)) (ident.Party, string) {
		var hits []hit
		for _, p := range parties {
			for _, r := range p.Resources {
				if r.From.After(at) || !r.To.IsZero() && !r.To.After(at) {
					continue
				}
				if n, ok := fits(r); ok {
					hits = append(hits, hit{p, r, n})
				}
			}
		}
		if len(hits) == 0 {
			return "", ""
		}
		slices.SortFunc(hits, func(a, b hit) int {
			for _, n := range []int{
				b.bits - a.bits, party.SourceRank(a.r.Source) - party.SourceRank(b.r.Source), b.r.Verified.Compare(a.r.Verified),
				a.p.Rank - b.p.Rank, b.r.From.Compare(a.r.From), strings.Compare(string(a.p.ID), string(b.p.ID)),
			} {
				if n != 0 {
					return n
				}
			}
			return 0
		})
		return hits[0].p.ID, hits[0].r.Value
	}
	if addr.IsValid() {
		if id, v := try(func(r party.Resource) (int, bool) {
			p, err := netip.ParsePrefix(r.Value)
			return p.Bits(), err == nil && r.Kind == party.Prefix && p.Contains(addr)
		}); id != "" {
			return id, v
		}
	}
	name := s.Domain
	if s.Asset.Kind == asset.Domain {
		name = s.Asset.Value
	}
	if id, v := try(func(r party.Resource) (int, bool) {
		return len(r.Value), r.Kind == party.Domain && strings.HasSuffix("."+name, "."+r.Value)
	}); id != "" {
		return id, v
	}
	return try(func(r party.Resource) (int, bool) {
		return 0, r.Kind == party.ASN && r.Value == strconv.Itoa(int(s.ASN))
	})
}

func TestAttributeAgainstOracle(t *testing.T) {
	t.Parallel()
	source := rapid.SampledFrom([]string{party.Manual, party.Registry, "import:a.csv"})
	instant := rapid.SampledFrom([]time.Time{{}, at.Add(-time.Hour), at, at.Add(time.Hour)})
	resource := rapid.Custom(func(t *rapid.T) party.Resource {
		r := party.Resource{Source: source.Draw(t, "source"), From: instant.Draw(t, "from"), To: instant.Draw(t, "to"), Verified: instant.Draw(t, "verified")}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			r.Kind, r.Value = party.Domain, rapid.StringMatching(`([ab]\.){0,2}example`).Draw(t, "domain")
		case 1:
			r.Kind, r.Value = party.ASN, strconv.Itoa(rapid.IntRange(64496, 64498).Draw(t, "asn"))
		default:
			bits := rapid.IntRange(20, 32).Draw(t, "bits")
			a := netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 15).Draw(t, "host"))})
			r.Kind, r.Value = party.Prefix, netip.PrefixFrom(a, bits).Masked().String()
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		parties := make([]party.Party, rapid.IntRange(1, 5).Draw(t, "parties"))
		for i := range parties {
			parties[i] = party.Party{
				ID: ident.Party(fmt.Sprintf("p%d", i)), Rank: rapid.IntRange(0, 1).Draw(t, "rank"),
				Resources: rapid.SliceOfN(resource, 0, 8).Draw(t, "resources"),
			}
		}
		s := ip(fmt.Sprintf("192.0.2.%d", rapid.IntRange(0, 18).Draw(t, "address")))
		if rapid.Bool().Draw(t, "name") {
			s.Asset = asset.Asset{Kind: asset.Domain, Value: "x.a.b.example"}
		}
		s.Domain = rapid.StringMatching(`([ab]\.){0,3}(example|test)`).Draw(t, "fqdn")
		s.ASN = uint32(rapid.IntRange(64495, 64499).Draw(t, "asn"))
		r, err := party.NewRegister(parties, nil, at)
		if err != nil {
			t.Fatal(err)
		}
		id, matched := slow(parties, s)
		got, full := r.Attribute(s), r.Explain(s)
		if got.Party != id || got.Matched != matched {
			t.Fatalf("%s by %q, want %s by %q", got.Party, got.Matched, id, matched)
		}
		if len(full.Claims) > party.MaxClaims || id != "" && (full.Claims[0].Party != id || full.Claims[0].Matched != matched) {
			t.Fatalf("Explain: %+v", full.Claims)
		}
	})
}

func million(b *testing.B, n int) *party.Register {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	parties := make([]party.Party, 2000)
	for i := range parties {
		parties[i].ID = ident.Party(fmt.Sprintf("p%d", i))
	}
	for i := range n {
		a := netip.AddrFrom4([4]byte{byte(1 + rng.IntN(220)), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())})
		p := &parties[i%len(parties)]
		p.Resources = append(p.Resources, prefix(netip.PrefixFrom(a, 16+rng.IntN(13)).Masked().String(), party.Registry))
	}
	start := time.Now()
	r := compile(b, parties)
	b.ReportMetric(time.Since(start).Seconds(), "s-compile")
	return r
}

func BenchmarkAttribute(b *testing.B) {
	r := million(b, 1_000_000)
	rng := rand.New(rand.NewPCG(3, 4))
	subjects := make([]party.Subject, 1<<16)
	for i := range subjects {
		subjects[i] = ip(netip.AddrFrom4([4]byte{byte(1 + rng.IntN(220)), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())}).String())
		subjects[i].ASN, subjects[i].Country, subjects[i].Region = 64496, "XA", "NORTHMARCH"
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Attribute(subjects[i&(1<<16-1)])
	}
}

// The operator's page names every code and every column.
func TestPageIsComplete(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/operator/parties.md")
	if err != nil {
		t.Fatal(err)
	}
	words := []string{
		party.WhyOnly, party.WhyHand, party.WhyBasis, party.WhyLongest, party.WhySource, party.WhyVerified, party.WhyRank,
		party.WhyNewest, party.WhyName,
	}
	for _, basis := range []party.Basis{party.ByHand, party.BySystem, party.ByPrefix, party.ByDomain, party.ByASN, party.ByRegion, party.Nobody} {
		words = append(words, string(basis))
	}
	var head strings.Builder
	if err := party.Write(&head, party.CSV, nil, nil, at); err != nil {
		t.Fatal(err)
	}
	words = append(words, strings.Split(strings.TrimSpace(head.String()), ",")...)
	for _, w := range words {
		if !strings.Contains(string(b), "`"+w+"`") {
			t.Errorf("`%s` is missing", w)
		}
	}
}
