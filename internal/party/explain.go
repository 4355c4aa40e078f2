package party

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
)

// Explain answers as Attribute does and lists who else could answer, at most MaxClaims, in the order of the rule.
// Claims[0] is the one that decided; Why of each later claim is the step by which it stands behind the one before,
// Why of the first the step that put it before the second, or WhyOnly.
func (r *Register) Explain(s Subject) Attribution {
	a := r.Attribute(s)
	f := read(&s)
	var out []Claim
	last := lead{}
	for l := range r.leads(&s, &f) {
		for c := l.head; c != 0 && len(out) < MaxClaims; c = r.claims[c].next {
			claim := r.claimed(l, c)
			switch {
			case c != l.head:
				claim.Why, _ = r.stronger(r.before(l.head, c), c)
			case last.basis == l.basis:
				claim.Why = WhyLongest
			case last.head != 0:
				claim.Why = WhyBasis
			}
			out = append(out, claim)
		}
		if len(out) >= MaxClaims {
			break
		}
		last = l
	}
	out = r.regionClaims(out, r.home(&s, &f))
	if a.Basis == ByRule {
		out = slices.Insert(out, 0, Claim{Party: a.Party, Basis: ByRule, Matched: a.Matched, Source: Manual, Confidence: a.Confidence})
		out = out[:min(len(out), MaxClaims)]
		for i := range out {
			if i < 2 {
				out[i].Why = WhyRule
			}
		}
		a.Claims = out
		return a
	}
	if len(out) > 0 {
		out[0].Why = WhyOnly
		if len(out) > 1 {
			out[0].Why = out[1].Why
		}
	}
	a.Claims = out
	return a
}

// leads yields every lead of s, the strongest first. A domain beside an address counts only where no prefix holds
// the address: it says who is talked about, not who runs the address.
func (r *Register) leads(s *Subject, f *facts) func(yield func(lead) bool) {
	return func(yield func(lead) bool) {
		if c := r.systems[s.Asset]; c != 0 && !yield(lead{BySystem, c, 0}) {
			return
		}
		if f.host.Value != "" {
			if c := r.systems[f.host]; c != 0 && !yield(lead{BySystem, c, 0}) {
				return
			}
		}
		prefixes := 0
		for _, c := range r.prefixes.Supernets(f.reach()) {
			prefixes++
			if !yield(lead{ByPrefix, c, f.prefixCost()}) {
				return
			}
		}
		if prefixes == 0 || !f.aside {
			for d := f.name; d != ""; d = parentDomain(d) {
				if c := r.domains[d]; c != 0 && !yield(lead{ByDomain, c, f.domainCost()}) {
					return
				}
			}
		}
		if c := r.asns[r.asn(f)]; c != 0 {
			yield(lead{ByASN, c, 0})
		}
	}
}

// reach returns the prefix that the subject fills; the zero prefix, which nothing covers, where it has no address.
func (f *facts) reach() netip.Prefix {
	if f.prefix.IsValid() {
		return f.prefix
	}
	if !f.addr.IsValid() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(f.addr, f.addr.BitLen())
}

func (r *Register) claimed(l lead, c uint32) Claim {
	k := &r.claims[c]
	return Claim{
		Party: r.holders[k.holder].id, Basis: l.basis, Matched: k.res.Value, Source: k.res.Source, Resource: k.res.ID,
		From: k.res.From, Verified: k.res.Verified, Confidence: r.weigh(c, l.head, l.cost),
	}
}

// before returns the claim in front of c, which is not the head, in the list at head.
func (r *Register) before(head, c uint32) uint32 {
	for at := head; at != 0; at = r.claims[at].next {
		if r.claims[at].next == c {
			return at
		}
	}
	return 0
}

// regionClaims appends the default parties of the region and of those above it.
func (r *Register) regionClaims(out []Claim, home string) []Claim {
	for range maxRegions {
		id, at, ok := r.fallback(home)
		if !ok || len(out) >= MaxClaims {
			return out
		}
		why := WhyBasis
		if len(out) > 0 && out[len(out)-1].Basis == ByRegion {
			why = WhyLongest
		}
		out = append(out, Claim{Party: id, Basis: ByRegion, Matched: at, Source: Manual, Confidence: confidenceOf(ByRegion), Why: why})
		home = r.regions[at].parent
	}
	return out
}

// Overlap is a pair of claims by different parties that meet. Equal says that both claim the same resource; else Over
// is the more specific resource and Under the nearest one around it. Over answers.
type Overlap struct {
	Equal bool
	Over  Claim
	Under Claim
}

// Overlaps lists the claims by different parties that meet: equal ones first, then nested ones, each by resource. The
// default contacts of regions are left out, for giving way is their purpose. Over.Why says why it goes first.
func (r *Register) Overlaps() []Overlap {
	var out []Overlap
	for p, c := range r.prefixes.All() {
		out = r.equal(out, ByPrefix, c)
		if p.Bits() == 0 {
			continue
		}
		around := netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked()
		if u, ok := r.prefixes.LookupPrefix(around); ok {
			out = r.nested(out, ByPrefix, c, u)
		}
	}
	for d, c := range r.domains {
		out = r.equal(out, ByDomain, c)
		for u := parentDomain(d); u != ""; u = parentDomain(u) {
			if k := r.domains[u]; k != 0 {
				out = r.nested(out, ByDomain, c, k)
				break
			}
		}
	}
	for _, c := range r.asns {
		out = r.equal(out, ByASN, c)
	}
	for _, c := range r.systems {
		out = r.equal(out, BySystem, c)
	}
	slices.SortFunc(out, func(a, b Overlap) int {
		if a.Equal != b.Equal {
			if a.Equal {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Over.Basis, b.Over.Basis), compareValues(a.Over.Matched, b.Over.Matched),
			cmp.Compare(a.Over.Party, b.Over.Party), cmp.Compare(a.Under.Party, b.Under.Party))
	})
	return out
}

// compareValues orders prefixes by address, numbers by size and everything else by text.
func compareValues(a, b string) int {
	p, err := netip.ParsePrefix(a)
	q, err2 := netip.ParsePrefix(b)
	if err == nil && err2 == nil {
		return cmp.Or(p.Addr().Compare(q.Addr()), cmp.Compare(p.Bits(), q.Bits()))
	}
	n, err := strconv.ParseUint(a, 10, 32)
	m, err2 := strconv.ParseUint(b, 10, 32)
	if err == nil && err2 == nil {
		return cmp.Compare(n, m)
	}
	return cmp.Compare(a, b)
}

func (r *Register) equal(out []Overlap, b Basis, head uint32) []Overlap {
	for c := r.claims[head].next; c != 0; c = r.claims[c].next {
		o := Overlap{Equal: true, Over: r.claimed(lead{b, head, 0}, head), Under: r.claimed(lead{b, head, 0}, c)}
		o.Over.Why, _ = r.stronger(head, c)
		o.Under.Why = o.Over.Why
		out = append(out, o)
	}
	return out
}

func (r *Register) nested(out []Overlap, b Basis, inner, outer uint32) []Overlap {
	if r.claims[inner].holder == r.claims[outer].holder {
		return out
	}
	o := Overlap{Over: r.claimed(lead{b, inner, 0}, inner), Under: r.claimed(lead{b, outer, 0}, outer)}
	o.Over.Why, o.Under.Why = WhyLongest, WhyLongest
	return append(out, o)
}
