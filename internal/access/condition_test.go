package access

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

// drawn is any condition, at most so deep.
func drawn(r *rapid.T, depth int) Cond {
	kinds := []Op{OpIn, OpAtMost, OpOver, OpAll, OpAny}
	if depth == 0 {
		kinds = kinds[:3]
	}
	switch op := rapid.SampledFrom(kinds).Draw(r, "op"); op {
	case OpIn:
		return in(rapid.SampledFrom([]Field{FieldParty, FieldRegion, FieldID}).Draw(r, "field"),
			rapid.SliceOfN(rapid.SampledFrom([]string{"", "bank", "hospital"}), 0, 3).Draw(r, "values")...)
	case OpAtMost:
		return atMost(marking.TLP(rapid.IntRange(0, 4).Draw(r, "tlp")))
	case OpOver:
		return over(FieldEmbargo, time.UnixMicro(rapid.Int64Range(0, 3).Draw(r, "at")))
	default:
		parts := make([]Cond, rapid.IntRange(0, 3).Draw(r, "parts"))
		for i := range parts {
			parts[i] = drawn(r, depth-1)
		}
		if op == OpAll {
			return all(parts...)
		}
		return anyOf(parts...)
	}
}

// A condition of which a field is given holds for just what the whole holds for, and does not ask for the field any more.
func TestGiven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		c := drawn(r, 3)
		party := rapid.SampledFrom([]string{"", "bank", "hospital"}).Draw(r, "party")
		given := c.Given(FieldParty, party)
		thing := Thing{
			Kind: Findings, ID: "bank", Party: ident.Party(party), Region: rapid.SampledFrom([]string{"", "bank"}).Draw(r, "region"),
			Mark: marking.Mark{TLP: marking.TLP(rapid.IntRange(0, 4).Draw(r, "mark"))}, Embargo: time.UnixMicro(rapid.Int64Range(0, 3).Draw(r, "embargo")),
		}
		if given.Holds(thing) != c.Holds(thing) {
			r.Fatalf("%+v given %q is %+v: %t for %+v", c, party, given, given.Holds(thing), thing)
		}
		given.Fields(func(f Field) {
			if f == FieldParty {
				r.Fatalf("%+v given %q still asks for the party: %+v", c, party, given)
			}
		})
	})
}
