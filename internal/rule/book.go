package rule

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

// Subject is what conditions look at in a finding.
type Subject struct {
	Feed       ident.Feed
	Stream     string
	Type       string
	Identifier string
	Severity   event.Severity
	Asset      asset.Asset
	IP         string // of the event where the asset is something else; may be empty
	Domain     string // of the event or of a URL; may be empty
	ASN        uint32 // of the event or of a table; 0 unknown
	Region     string
	Party      ident.Party // by the register; empty: nobody
	Sector     string      // of the party
	PartyKind  string
	Since      time.Time // since when it waits to be told
}

// Release says that the desk let through what a hold kept of a party: all that waited at that instant.
type Release struct {
	Rule  int64
	Party ident.Party
	At    time.Time
}

// Book is the rules in force at one instant, compiled. It never changes and is safe for use by many goroutines. The nil
// Book has no rules.
type Book struct {
	at       time.Time
	next     time.Time
	routes   []entry
	tells    []entry
	released map[hold]time.Time
}

type entry struct {
	Rule
	prefix  netip.Prefix
	regions map[string]bool // nil: any
}

type hold struct {
	rule  int64
	party ident.Party
}

// NewBook compiles the rules that are in force at an instant. regions is the tree of regions.
func NewBook(rules []Rule, releases []Release, regions []party.Region, at time.Time) *Book {
	b := &Book{at: at, released: map[hold]time.Time{}}
	rules = append([]Rule(nil), rules...)
	Ordered(rules)
	for _, r := range rules {
		if !r.Ended.IsZero() {
			continue
		}
		b.change(r.From)
		b.change(r.Until)
		if !r.In(at) {
			continue
		}
		e := entry{Rule: r}
		e.prefix, _ = netip.ParsePrefix(r.When.Prefix) // canonical, or there is none
		if r.When.Region != "" {
			e.regions = map[string]bool{}
			for _, id := range party.Below(regions, r.When.Region) {
				e.regions[id] = true
			}
		}
		if r.Kind() == Route {
			b.routes = append(b.routes, e)
		} else {
			b.tells = append(b.tells, e)
		}
	}
	for _, x := range releases {
		if k := (hold{x.Rule, x.Party}); x.At.After(b.released[k]) {
			b.released[k] = x.At
		}
	}
	return b
}

// change remembers t as a coming change.
func (b *Book) change(t time.Time) {
	if t.After(b.at) && (b.next.IsZero() || t.Before(b.next)) {
		b.next = t
	}
}

// Next returns the first instant after that of the book at which a rule begins or ends; zero where none will.
func (b *Book) Next() time.Time {
	if b == nil {
		return time.Time{}
	}
	return b.next
}

// Routes reports whether any routing rule is in force.
func (b *Book) Routes() bool { return b != nil && len(b.routes) > 0 }

// Tells reports whether any notice rule is in force.
func (b *Book) Tells() bool { return b != nil && len(b.tells) > 0 }

// Holds reports whether a rule that holds is in force.
func (b *Book) Holds() bool {
	return b != nil && slices.ContainsFunc(b.tells, func(e entry) bool { return e.Do.Deed == Hold })
}

// Route returns the routing rule that decides about s; nil where none fits.
func (b *Book) Route(s *Subject) *Rule {
	if b == nil {
		return nil
	}
	return first(b.routes, s)
}

// Tell returns the notice rule that decides about s; nil where none fits, or where the desk released what it held.
func (b *Book) Tell(s *Subject) *Rule {
	if b == nil {
		return nil
	}
	r := first(b.tells, s)
	if r != nil && r.Do.Deed == Hold {
		if at, ok := b.released[hold{r.Number, s.Party}]; ok && !s.Since.After(at) {
			return nil
		}
	}
	return r
}

func first(list []entry, s *Subject) *Rule {
	for i := range list {
		if list[i].fits(s) {
			return &list[i].Rule
		}
	}
	return nil
}

// Pace returns how s is told, and false where it is not told now.
func (b *Book) Pace(s *Subject) (notice.Pace, bool) {
	r := b.Tell(s)
	if r == nil {
		return notice.Pace{}, true
	}
	switch r.Do.Deed {
	case Mute, Hold:
		return notice.Pace{}, false
	case AtOnce:
		return notice.Pace{UrgentFrom: r.Do.From}, true
	case Digest:
		return notice.Pace{Calm: true, Every: r.Do.Every}, true
	case To:
		return notice.Pace{Role: r.Do.Role}, true
	case Assign:
	}
	return notice.Pace{}, true
}

// Least returns the lowest severity from which anything may be told at once, where from is that of the installation.
func (b *Book) Least(from event.Severity) event.Severity {
	if b == nil {
		return from
	}
	for i := range b.tells {
		if d := b.tells[i].Do; d.Deed == AtOnce {
			from = min(from, d.From)
		}
	}
	return from
}

// fits reports whether every part of the condition holds for s.
func (e *entry) fits(s *Subject) bool {
	w := &e.When
	switch {
	case w.Feed != "" && w.Feed != s.Feed,
		w.Stream != "" && w.Stream != s.Stream,
		w.Type != "" && w.Type != s.Type,
		w.Identifier != "" && !strings.EqualFold(w.Identifier, s.Identifier),
		w.Severity != event.Unknown && s.Severity < w.Severity,
		w.Asset != "" && w.Asset != s.Asset.Kind,
		e.regions != nil && !e.regions[s.Region],
		w.Sector != "" && w.Sector != s.Sector,
		w.Party != "" && w.Party != s.Party,
		w.PartyKind != "" && w.PartyKind != s.PartyKind,
		w.Nobody && s.Party != "":
		return false
	}
	return (w.Prefix == "" || within(e.prefix, s)) && (w.Domain == "" || below(w.Domain, s)) && (w.ASN == 0 || w.ASN == s.number())
}

// within reports whether the asset, or the address that the event names beside it, lies in p.
func within(p netip.Prefix, s *Subject) bool {
	if s.Asset.Kind == asset.Prefix {
		q, err := netip.ParsePrefix(s.Asset.Value)
		return err == nil && q.Bits() >= p.Bits() && p.Contains(q.Addr())
	}
	text := s.IP
	switch s.Asset.Kind {
	case asset.IP:
		text = s.Asset.Value
	case asset.URL:
		if host := asset.Host(s.Asset.Value); host != "" && text == "" {
			text = host
		}
	case asset.Domain, asset.ASN, asset.Account, asset.Prefix:
	}
	a, err := netip.ParseAddr(text)
	return err == nil && p.Contains(a.Unmap())
}

// below reports whether the asset's name, or the one that the event names beside it, is d or lies below it.
func below(d string, s *Subject) bool {
	name := s.Domain
	switch s.Asset.Kind {
	case asset.Domain:
		name = s.Asset.Value
	case asset.URL:
		name = asset.Host(s.Asset.Value)
	case asset.IP, asset.Prefix, asset.ASN, asset.Account:
	}
	return name == d || strings.HasSuffix(name, "."+d)
}

func (s *Subject) number() uint32 {
	if s.Asset.Kind == asset.ASN {
		n, err := strconv.ParseUint(strings.TrimPrefix(s.Asset.Value, "AS"), 10, 32)
		if err != nil {
			return 0
		}
		return uint32(n)
	}
	return s.ASN
}

// Router returns the question that a party.Register asks before it answers: what the rules say of a subject that the
// register answers for. parties are those of the register.
func (b *Book) Router(parties []party.Party) party.Router {
	if !b.Routes() {
		return nil
	}
	type about struct{ sector, kind, region string }
	known := make(map[ident.Party]about, len(parties))
	for i := range parties {
		p := &parties[i]
		known[p.ID] = about{p.Sector, p.Kind, p.Region}
	}
	return func(s *party.Subject, is party.Attribution) (party.Attribution, bool) {
		of := known[is.Party]
		r := b.Route(&Subject{
			Feed: s.Feed, Stream: s.Stream, Type: s.Type, Identifier: s.Identifier, Severity: s.Severity, Asset: s.Asset,
			IP: s.IP, Domain: s.Domain, ASN: s.ASN, Region: is.Region, Party: is.Party, Sector: of.sector, PartyKind: of.kind,
		})
		if r == nil {
			return is, false
		}
		to, exists := known[r.Do.Party]
		if !exists {
			return is, false // the party has ended: the register decides until the desk mends the rule
		}
		out := party.Attribution{
			Party: r.Do.Party, Basis: party.ByRule, Matched: strconv.FormatInt(r.Number, 10), Confidence: r.Do.Sure(), Region: is.Region,
		}
		if to.region != "" {
			out.Region = to.region
		}
		return out, true
	}
}
