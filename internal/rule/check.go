package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// Bounds of a rule.
const (
	MaxOrder  = 9999
	MaxReason = 2000                 // characters
	MaxMute   = 366 * 24 * time.Hour // a mute that should last longer is written anew, and thought about anew
)

// Problem is one thing that is wrong with a rule.
type Problem struct {
	Field string // as its form names it: "prefix", "until"
	Code  string // why: "missing", "prefix", …
	Value string // what was there; may be empty
}

// Problems is what is wrong with a rule. It is an error of kind fault.Invalid.
type Problems []Problem

// Codes of problems.
const (
	Missing  = "missing"
	Unknown  = "unknown"  // no such thing
	Prefix   = "prefix"   // no prefix in CIDR notation
	Domain   = "domain"   // no domain name
	Number   = "number"   // no number, or outside its bounds
	Long     = "long"     // too long
	Past     = "past"     // the end lies before the beginning, or is over
	Far      = "far"      // a mute of more than a year
	Both     = "both"     // contradicts another field
	Anything = "anything" // no condition at all
	Stored   = "stored"   // cannot be looked at when notices are planned
	Needless = "needless" // the deed does not use it
)

func (p Problems) Error() string {
	parts := make([]string, len(p))
	for i, x := range p {
		parts[i] = x.Field + ": " + x.Code
		if x.Value != "" {
			parts[i] += fmt.Sprintf(" (%q)", x.Value)
		}
	}
	return "the rule is not complete: " + strings.Join(parts, "; ")
}

func (p Problems) Unwrap() error { return fault.Invalid }

// Of returns the first problem of a field, and whether there is one.
func (p Problems) Of(field string) (Problem, bool) {
	i := slices.IndexFunc(p, func(x Problem) bool { return x.Field == field })
	if i < 0 {
		return Problem{}, false
	}
	return p[i], true
}

type checker struct{ out Problems }

func (c *checker) put(field, code, value string) {
	c.out = append(c.out, Problem{field, code, value})
}

func (c *checker) oneOf(field, value string, known []string) {
	if value != "" && !slices.Contains(known, value) {
		c.put(field, Unknown, value)
	}
}

// Canonical returns r with its values in canonical spelling, as written at an instant; Problems where it cannot stand.
// What only the store knows (parties, feeds, regions) is its caller's to check.
func (r Rule) Canonical(now time.Time) (Rule, error) {
	var c checker
	c.condition(&r.When, r.Kind())
	c.effect(&r.Do)
	if r.Order < 1 || r.Order > MaxOrder {
		c.put("order", Number, strconv.Itoa(r.Order))
	}
	r.Reason = strings.TrimSpace(r.Reason)
	switch {
	case r.Reason == "":
		c.put("reason", Missing, "")
	case utf8.RuneCountInString(r.Reason) > MaxReason || !utf8.ValidString(r.Reason):
		c.put("reason", Long, "")
	}
	if r.From.IsZero() {
		r.From = now
	}
	c.span(&r, now)
	if r.When == (Condition{}) {
		c.put("when", Anything, "")
	}
	if len(c.out) > 0 {
		return r, c.out
	}
	return r, nil
}

func (c *checker) span(r *Rule, now time.Time) {
	switch {
	case r.Until.IsZero():
		if r.Do.Deed == Mute {
			c.put("until", Missing, "")
		}
	case !r.Until.After(r.From) || !r.Until.After(now):
		c.put("until", Past, "")
	case r.Do.Deed == Mute && r.Until.Sub(r.From) > MaxMute:
		c.put("until", Far, "")
	}
}

var kinds = []string{
	string(asset.IP), string(asset.Prefix), string(asset.Domain), string(asset.URL), string(asset.ASN), string(asset.Account),
}

func (c *checker) condition(w *Condition, k Kind) {
	w.Identifier = strings.TrimSpace(w.Identifier)
	w.Stream = strings.TrimSpace(w.Stream)
	for field, value := range map[string]string{"identifier": w.Identifier, "stream": w.Stream, "region": w.Region, "sector": w.Sector} {
		if len(value) > 200 || !utf8.ValidString(value) || event.Clean(value) != value {
			c.put(field, Long, "")
		}
	}
	c.oneOf("type", w.Type, event.Types())
	c.oneOf("asset", string(w.Asset), kinds)
	c.oneOf("party_kind", w.PartyKind, party.Kinds)
	if w.Severity > event.Critical {
		c.put("severity", Unknown, "")
	}
	for field, id := range map[string]string{"feed": string(w.Feed), "party": string(w.Party)} {
		if id != "" && !ident.Slug(id) {
			c.put(field, Unknown, id)
		}
	}
	if w.Stream != "" && w.Feed == "" {
		c.put("feed", Missing, "")
	}
	if w.Prefix != "" {
		if p, err := asset.ParsePrefix(w.Prefix); err != nil {
			c.put("prefix", Prefix, w.Prefix)
		} else {
			w.Prefix = p.String()
		}
	}
	if w.Domain != "" {
		if d, err := asset.ParseDomain(w.Domain); err != nil {
			c.put("domain", Domain, w.Domain)
		} else {
			w.Domain = d
		}
	}
	if w.Nobody && (w.Party != "" || w.Sector != "" || w.PartyKind != "") {
		c.put("nobody", Both, "")
	}
	if k == Tell {
		if w.Nobody {
			c.put("nobody", Stored, "")
		}
		if w.ASN != 0 && w.Asset != asset.ASN {
			c.put("asn", Stored, strconv.FormatUint(uint64(w.ASN), 10))
		}
	}
	slices.SortStableFunc(c.out, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
}

func (c *checker) effect(e *Effect) {
	uses := map[Deed]Effect{
		Assign: {Party: e.Party, Confidence: e.Confidence}, Mute: {}, Hold: {}, AtOnce: {From: e.From}, Digest: {Every: e.Every}, To: {Role: e.Role},
	}
	is, known := uses[e.Deed]
	if !known {
		c.put("deed", Unknown, string(e.Deed))
		return
	}
	is.Deed = e.Deed
	if *e != is {
		c.put("deed", Needless, "")
	}
	switch e.Deed {
	case Assign:
		if !ident.Slug(string(e.Party)) {
			c.put("to", Missing, string(e.Party))
		}
		if e.Confidence < 0 || e.Confidence > 100 {
			c.put("confidence", Number, strconv.Itoa(e.Confidence))
		}
	case AtOnce:
		if e.From < event.Info || e.From > event.Critical {
			c.put("from_severity", Missing, "")
		}
	case Digest:
		if !slices.Contains(Rhythms, e.Every) {
			c.put("every", Number, strconv.Itoa(e.Every))
		}
	case To:
		if !slices.Contains([]party.Role{party.Security, party.Abuse, party.Technical, party.Management, party.Backup}, e.Role) {
			c.put("role", Missing, string(e.Role))
		}
	case Mute, Hold:
	}
}
