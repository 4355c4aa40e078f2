package party

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/ident"
)

// Sources of a resource that have a rank of their own; any other text ("import:FILE") ranks behind both.
const (
	Manual   = "manual"
	Registry = "registry"
)

// Codes of the steps of the rule, as they stand in Claim.Why. docs/operator/parties.md explains each.
const (
	WhyOnly     = "only"     // nobody else claims it
	WhyHand     = "hand"     // the desk said so for this finding
	WhyRule     = "rule"     // a routing rule of the desk
	WhyBasis    = "basis"    // a stronger basis: system, prefix, domain, asn, region
	WhyLongest  = "longest"  // the same basis, the more specific resource
	WhySource   = "source"   // the same resource: manual before registry before import
	WhyVerified = "verified" // the same resource: verified more recently
	WhyRank     = "rank"     // the same resource: the party with the lower rank
	WhyNewest   = "newest"   // the same resource: the claim that began later
	WhyName     = "name"     // the same resource: the party whose id sorts first
)

// Percent taken off a basis's confidence, and the least that is left.
const (
	unverifiedCost  = 15 // never verified, or longer ago than verifiedFor
	tieCost         = 20 // another party claims the same resource
	nearCost        = 10 // a prefix that holds the event's address, where the asset is not that address
	nearDomainCost  = 25 // a domain that the event names beside an address
	leastConfidence = 5
	verifiedFor     = 365 * 24 * time.Hour
)

// ConfidenceByHand is the percent of an attribution that the desk made.
const ConfidenceByHand = 100

// MaxClaims is how many claims Explain lists.
const MaxClaims = 8

// SourceRank orders sources: 0 manual, 1 registry, 2 anything else. Lower goes first.
func SourceRank(source string) int {
	switch source {
	case Manual:
		return 0
	case Registry:
		return 1
	}
	return 2
}

// confidenceOf returns the percent that a basis starts from.
func confidenceOf(b Basis) int {
	switch b {
	case ByHand, ByRule:
		return ConfidenceByHand
	case BySystem:
		return 95
	case ByPrefix:
		return 90
	case ByDomain:
		return 80
	case ByASN:
		return 60
	case ByRegion:
		return 30
	case Nobody:
	}
	return 0
}

func (r *Register) confidence(b Basis, res *Resource) int {
	c := confidenceOf(b)
	if res.Verified.IsZero() || r.at.Sub(res.Verified) > verifiedFor {
		c -= unverifiedCost
	}
	return c
}

// lead is where a subject leads to in one step of the rule: the head of a list of claims to one resource.
type lead struct {
	basis Basis
	head  uint32
	cost  int // percent off for a resource that fits what is around the asset, not the asset
}

// facts is a subject with its texts read.
type facts struct {
	addr   netip.Addr
	prefix netip.Prefix // of a prefix asset
	name   string
	asn    uint32
	far    bool // addr is not the asset itself
	aside  bool // name is not the asset's own
	host   asset.Asset
}

// Attribute answers who is responsible for s by the written rule: a registered system, the longest prefix, the most
// specific domain, the AS number, the default contact of the region and of the regions above it, nobody. A routing rule
// of the desk goes before all of them. Without one it does not allocate; it leaves Claims empty: Explain fills them.
func (r *Register) Attribute(s Subject) Attribution {
	f := read(&s)
	a := r.registered(&s, &f)
	if r.router == nil {
		return a
	}
	s.ASN = r.asn(&f)
	if to, ok := r.router(&s, a); ok {
		return to
	}
	return a
}

// registered is the answer of the register alone.
func (r *Register) registered(s *Subject, f *facts) Attribution {
	if l, ok := r.first(s, f); ok {
		return r.answer(l, r.home(s, f))
	}
	return r.byRegion(r.home(s, f))
}

// read takes the address, the name and the AS number out of s.
func read(s *Subject) facts {
	f := facts{name: s.Domain, asn: s.ASN, far: true, aside: true}
	ip := s.IP
	switch s.Asset.Kind {
	case asset.IP:
		ip, f.far = s.Asset.Value, false
	case asset.Prefix:
		f.prefix, _ = netip.ParsePrefix(s.Asset.Value)
		f.far = false
	case asset.Domain:
		f.name, f.aside = s.Asset.Value, false
	case asset.URL:
		host := urlHost(s.Asset.Value)
		f.aside = false
		if a, err := netip.ParseAddr(host); err == nil {
			ip, f.far, f.name = host, false, ""
			f.host = asset.Asset{Kind: asset.IP, Value: a.String()}
			break
		}
		f.name, f.host = host, asset.Asset{Kind: asset.Domain, Value: host}
	case asset.ASN:
		n, _ := strconv.ParseUint(s.Asset.Value, 10, 32)
		f.asn = uint32(n)
		ip, f.name = "", ""
	case asset.Account:
	}
	if ip != "" {
		f.addr, _ = netip.ParseAddr(ip)
		f.addr = f.addr.Unmap()
	}
	return f
}

// urlHost cuts the host out of a canonical URL, without port and brackets.
func urlHost(u string) string {
	_, rest, ok := strings.Cut(u, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if strings.HasPrefix(rest, "[") {
		if i := strings.IndexByte(rest, ']'); i > 0 {
			return rest[1:i]
		}
		return ""
	}
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// first returns the lead of the strongest basis that has one.
func (r *Register) first(s *Subject, f *facts) (lead, bool) {
	if c := r.systems[s.Asset]; c != 0 {
		return lead{BySystem, c, 0}, true
	}
	if f.host.Value != "" {
		if c := r.systems[f.host]; c != 0 {
			return lead{BySystem, c, 0}, true
		}
	}
	if c, ok := r.longest(f); ok {
		return lead{ByPrefix, c, f.prefixCost()}, true
	}
	for d := f.name; d != ""; d = parentDomain(d) {
		if c := r.domains[d]; c != 0 {
			return lead{ByDomain, c, f.domainCost()}, true
		}
	}
	if c := r.asns[r.asn(f)]; c != 0 {
		return lead{ByASN, c, 0}, true
	}
	return lead{}, false
}

func (r *Register) longest(f *facts) (uint32, bool) {
	if f.prefix.IsValid() {
		return r.prefixes.LookupPrefix(f.prefix)
	}
	if f.addr.IsValid() {
		return r.prefixes.Lookup(f.addr)
	}
	return 0, false
}

func (f *facts) prefixCost() int {
	if f.far {
		return nearCost
	}
	return 0
}

func (f *facts) domainCost() int {
	if f.aside {
		return nearDomainCost
	}
	return 0
}

func parentDomain(d string) string {
	_, rest, _ := strings.Cut(d, ".")
	return rest
}

// asn returns the AS number of the event, else that of the operator's table.
func (r *Register) asn(f *facts) uint32 {
	if f.asn == 0 && r.locate != nil && f.addr.IsValid() {
		f.asn, _ = r.locate(f.addr)
	}
	return f.asn
}

// home returns the code of the region that the subject lies in: the event's region by code or by name, else its
// country, else the country of the operator's table. A country that is no region here is returned as it stands.
func (r *Register) home(s *Subject, f *facts) string {
	if _, ok := r.regions[s.Region]; ok {
		return s.Region
	}
	cc := s.Country
	if cc == "" && r.locate != nil && f.addr.IsValid() {
		_, cc = r.locate(f.addr)
	}
	if s.Region != "" {
		name := strings.ToUpper(s.Region)
		if id, ok := r.names[placeName{cc, name}]; ok {
			return id
		}
		if id, ok := r.names[placeName{"", name}]; ok {
			return id
		}
	}
	return cc
}

func (r *Register) answer(l lead, home string) Attribution {
	c := &r.claims[l.head]
	h := &r.holders[c.holder]
	a := Attribution{Party: h.id, Basis: l.basis, Matched: c.res.Value, Confidence: r.weigh(l.head, l.head, l.cost), Region: h.region}
	if a.Region == "" {
		a.Region = home
	}
	return a
}

// weigh returns the confidence of claim c in the list at head.
func (r *Register) weigh(c, head uint32, cost int) int {
	n := int(r.claims[c].confidence) - cost
	if r.claims[head].next != 0 {
		n -= tieCost
	}
	return max(n, leastConfidence)
}

// maxRegions bounds the climb up the tree, which Canonical keeps free of circles.
const maxRegions = 32

func (r *Register) byRegion(home string) Attribution {
	if id, at, ok := r.fallback(home); ok {
		return Attribution{Party: id, Basis: ByRegion, Matched: at, Confidence: confidenceOf(ByRegion), Region: home}
	}
	return Attribution{Basis: Nobody, Region: home}
}

// fallback climbs from region home to the first that has a default party which exists.
func (r *Register) fallback(home string) (id ident.Party, at string, ok bool) {
	at = home
	for range maxRegions {
		p, known := r.regions[at]
		if !known {
			return "", "", false
		}
		if _, exists := r.byID[p.fallback]; exists {
			return p.fallback, at, true
		}
		at = p.parent
	}
	return "", "", false
}
