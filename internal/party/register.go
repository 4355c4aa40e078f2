package party

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gaissmai/bart"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Locate answers for an address from a table that the operator supplied: its AS number (0 unknown) and ISO 3166-1
// country code ("" unknown). It must be safe for use by many goroutines.
type Locate func(netip.Addr) (asn uint32, country string)

// Register is the compiled rule of who answers for what at one instant. It never changes once made and is safe for
// use by many goroutines.
type Register struct {
	at       time.Time
	next     time.Time
	holders  []holder
	claims   []claim // claims[0] stands for none
	prefixes *bart.Table[uint32]
	domains  map[string]uint32
	asns     map[uint32]uint32
	systems  map[asset.Asset]uint32
	regions  map[string]place
	names    map[placeName]string
	byID     map[ident.Party]uint32
	locate   Locate
	router   Router
}

// holder is what the rule needs of a party.
type holder struct {
	id     ident.Party
	region string
	rank   int
}

// claim is one party's claim to one resource. Claims to the same resource form a list by next, the strongest first.
type claim struct {
	res        *Resource
	holder     uint32
	next       uint32
	confidence uint8
}

type place struct {
	parent   string
	fallback ident.Party
}

type placeName struct{ country, name string }

// NewRegister compiles what parties claim at instant at: resources with From <= at < To. The register keeps
// references into parties, which must not change afterwards. Values must be canonical (see Party.Canonical); one that
// is not is a fault.Invalid error.
func NewRegister(parties []Party, regions []Region, at time.Time) (*Register, error) {
	r := &Register{
		at:       at,
		holders:  make([]holder, len(parties)),
		claims:   make([]claim, 1, 1+countResources(parties)),
		prefixes: new(bart.Table[uint32]),
		domains:  map[string]uint32{},
		asns:     map[uint32]uint32{},
		systems:  map[asset.Asset]uint32{},
		byID:     make(map[ident.Party]uint32, len(parties)),
	}
	for i := range parties {
		p := &parties[i]
		if _, twice := r.byID[p.ID]; twice {
			return nil, fault.New(fault.Invalid, "party %s stands in the register twice", p.ID)
		}
		r.holders[i] = holder{id: p.ID, region: p.Region, rank: p.Rank}
		r.byID[p.ID] = uint32(i)
	}
	for i := range parties {
		if err := r.add(uint32(i), &parties[i]); err != nil {
			return nil, err
		}
	}
	r.place(regions)
	return r, nil
}

func countResources(parties []Party) int {
	n := 0
	for i := range parties {
		n += len(parties[i].Resources) + len(parties[i].Systems)
	}
	return n
}

// Locating returns a register that asks l for the AS number and country of addresses whose events lack them.
func (r *Register) Locating(l Locate) *Register {
	c := *r
	c.locate = l
	return &c
}

// Routing returns a register that asks router before it answers; next is the first instant at which that may answer
// otherwise, zero for never. A nil router changes no answer.
func (r *Register) Routing(router Router, next time.Time) *Register {
	c := *r
	c.router = router
	c.notice(next)
	return &c
}

// At returns the instant that the register was compiled for.
func (r *Register) At() time.Time { return r.at }

// NextChange returns the first instant after At at which a resource begins or ends; zero where none will.
func (r *Register) NextChange() time.Time { return r.next }

// Knows reports whether id is a party of the register.
func (r *Register) Knows(id ident.Party) bool {
	_, ok := r.byID[id]
	return ok
}

// Size returns how many claims to resources and systems are valid at At.
func (r *Register) Size() int { return len(r.claims) - 1 }

func (r *Register) add(h uint32, p *Party) error {
	for j := range p.Resources {
		res := &p.Resources[j]
		r.notice(res.From)
		r.notice(res.To)
		if res.From.After(r.at) || !res.To.IsZero() && !r.at.Before(res.To) {
			continue
		}
		if err := r.addResource(h, res); err != nil {
			return fault.New(fault.Invalid, "party %s: %s %q is not in canonical form", p.ID, res.Kind, res.Value)
		}
	}
	for j := range p.Systems {
		s := &p.Systems[j]
		if s.Asset.Value == "" {
			continue
		}
		stand := &Resource{ID: s.ID, Value: s.Asset.Value, Source: Manual}
		c := r.claim(h, stand, confidenceOf(BySystem))
		r.systems[s.Asset] = r.link(r.systems[s.Asset], c)
	}
	return nil
}

// notice remembers t as a coming change.
func (r *Register) notice(t time.Time) {
	if t.After(r.at) && (r.next.IsZero() || t.Before(r.next)) {
		r.next = t
	}
}

func (r *Register) addResource(h uint32, res *Resource) error {
	switch res.Kind {
	case Prefix:
		p, err := netip.ParsePrefix(res.Value)
		if err != nil {
			return err
		}
		if p != p.Masked() || p.Addr().Is4In6() {
			return fault.Invalid
		}
		c := r.claim(h, res, r.confidence(ByPrefix, res))
		r.prefixes.Modify(p, func(head uint32, _ bool) (uint32, bool) { return r.link(head, c), false })
	case Domain:
		if res.Value == "" {
			return fault.Invalid
		}
		c := r.claim(h, res, r.confidence(ByDomain, res))
		r.domains[res.Value] = r.link(r.domains[res.Value], c)
	case ASN:
		n, err := strconv.ParseUint(res.Value, 10, 32)
		if err != nil {
			return err
		}
		c := r.claim(h, res, r.confidence(ByASN, res))
		r.asns[uint32(n)] = r.link(r.asns[uint32(n)], c)
	default:
		return fault.Invalid
	}
	return nil
}

func (r *Register) claim(h uint32, res *Resource, confidence int) uint32 {
	r.claims = append(r.claims, claim{res: res, holder: h, confidence: uint8(confidence)})
	return uint32(len(r.claims) - 1)
}

// link puts claim c into the list at head by the rule for equal claims and returns the new head. Of two claims by the
// same party only the stronger stays.
func (r *Register) link(head, c uint32) uint32 {
	var before uint32
	at := head
	for at != 0 {
		if _, stronger := r.stronger(at, c); !stronger {
			break
		}
		if r.claims[at].holder == r.claims[c].holder {
			return head
		}
		before, at = at, r.claims[at].next
	}
	r.claims[c].next = at
	for prev := c; r.claims[prev].next != 0; prev = r.claims[prev].next {
		if n := r.claims[prev].next; r.claims[n].holder == r.claims[c].holder {
			r.claims[prev].next = r.claims[n].next
			break
		}
	}
	if before == 0 {
		return c
	}
	r.claims[before].next = c
	return head
}

// stronger reports whether claim a goes before claim b to the same resource, and the code of the step that says so.
func (r *Register) stronger(a, b uint32) (string, bool) {
	x, y := &r.claims[a], &r.claims[b]
	if i, j := SourceRank(x.res.Source), SourceRank(y.res.Source); i != j {
		return WhySource, i < j
	}
	if !x.res.Verified.Equal(y.res.Verified) {
		return WhyVerified, x.res.Verified.After(y.res.Verified)
	}
	p, q := &r.holders[x.holder], &r.holders[y.holder]
	if p.rank != q.rank {
		return WhyRank, p.rank < q.rank
	}
	if !x.res.From.Equal(y.res.From) {
		return WhyNewest, x.res.From.After(y.res.From)
	}
	return WhyName, p.id < q.id
}

func (r *Register) place(regions []Region) {
	r.regions = make(map[string]place, len(regions))
	r.names = make(map[placeName]string, 2*len(regions))
	for _, g := range regions {
		r.regions[g.ID] = place{parent: g.Parent, fallback: g.Default}
		for _, name := range []string{g.NameEN, g.NameZH} {
			if name != "" {
				r.names[placeName{country(g.ID), strings.ToUpper(name)}] = g.ID
			}
		}
	}
}

// country returns the country part of a region's code, or "" for a national code that has none.
func country(region string) string {
	if len(region) == 2 || len(region) > 2 && region[2] == '-' {
		return region[:2]
	}
	return ""
}
