package access

import (
	"slices"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

// Field is what a condition looks at in a thing.
type Field string

// Fields of things. A store says for each of its tables where they lie.
const (
	FieldID      Field = "id"
	FieldParty   Field = "party"
	FieldTLP     Field = "tlp"
	FieldEmbargo Field = "embargo"
	FieldSector  Field = "sector"
	FieldRegion  Field = "region"
	FieldClass   Field = "class"
	FieldHeld    Field = "held" // "1" of a notice that waits to be released, else empty
)

// Op is what a condition does.
type Op string

// Operations. All of nothing is true, Any of nothing is false.
const (
	OpAll    Op = "all"
	OpAny    Op = "any"
	OpIn     Op = "in"      // the field is one of Text
	OpAtMost Op = "at most" // the field is at most Number
	OpOver   Op = "over"    // the field is not set, or an instant that is over at Number (microseconds UTC)
)

// Cond is a condition on things, as a tree: the store turns it into SQL, Holds evaluates it.
type Cond struct {
	Op     Op
	Field  Field
	Text   []string
	Number int64
	Of     []Cond
}

// Always and Never hold for everything and for nothing.
var (
	Always = Cond{Op: OpAll}
	Never  = Cond{Op: OpAny}
)

func (c Cond) always() bool { return c.Op == OpAll && len(c.Of) == 0 }
func (c Cond) never() bool  { return c.Op == OpAny && len(c.Of) == 0 }

// all holds where every part does. What is certain is left out, so that SQL stays short.
func all(of ...Cond) Cond {
	of = distinct(slices.DeleteFunc(of, Cond.always))
	switch {
	case slices.ContainsFunc(of, Cond.never):
		return Never
	case len(of) == 1:
		return of[0]
	}
	return Cond{Op: OpAll, Of: of}
}

// anyOf holds where one part does.
func anyOf(of ...Cond) Cond {
	of = distinct(slices.DeleteFunc(of, Cond.never))
	switch {
	case slices.ContainsFunc(of, Cond.always):
		return Always
	case len(of) == 1:
		return of[0]
	}
	return Cond{Op: OpAny, Of: of}
}

// Given is the condition for things of which a field is known: what asks for it is answered, so that the rest is short.
func (c Cond) Given(f Field, value string) Cond {
	switch {
	case c.Op == OpAll || c.Op == OpAny:
		of := make([]Cond, len(c.Of))
		for i, part := range c.Of {
			of[i] = part.Given(f, value)
		}
		if c.Op == OpAll {
			return all(of...)
		}
		return anyOf(of...)
	case c.Op == OpIn && c.Field == f:
		if slices.Contains(c.Text, value) {
			return Always
		}
		return Never
	}
	return c
}

// distinct leaves out parts that stand there twice.
func distinct(of []Cond) []Cond {
	var out []Cond
	for _, c := range of {
		if !slices.ContainsFunc(out, c.equal) {
			out = append(out, c)
		}
	}
	return out
}

func (c Cond) equal(o Cond) bool {
	return c.Op == o.Op && c.Field == o.Field && c.Number == o.Number && slices.Equal(c.Text, o.Text) && slices.EqualFunc(c.Of, o.Of, Cond.equal)
}

// in holds where the field is one of the values; never for none.
func in[T ~string](f Field, values ...T) Cond {
	if len(values) == 0 {
		return Never
	}
	c := Cond{Op: OpIn, Field: f, Text: make([]string, len(values))}
	for i, v := range values {
		c.Text[i] = string(v)
	}
	return c
}

func atMost(t marking.TLP) Cond { return Cond{Op: OpAtMost, Field: FieldTLP, Number: int64(t)} }

func over(f Field, at time.Time) Cond { return Cond{Op: OpOver, Field: f, Number: at.UnixMicro()} }

// Holds reports whether the condition holds for a thing. What it does not know does not hold.
func (c Cond) Holds(t Thing) bool {
	switch c.Op {
	case OpAll:
		return !slices.ContainsFunc(c.Of, func(p Cond) bool { return !p.Holds(t) })
	case OpAny:
		return slices.ContainsFunc(c.Of, func(p Cond) bool { return p.Holds(t) })
	case OpIn:
		v, ok := t.text(c.Field)
		return ok && slices.Contains(c.Text, v)
	case OpAtMost:
		return c.Field == FieldTLP && int64(t.Mark.TLP) <= c.Number
	case OpOver:
		return c.Field == FieldEmbargo && (t.Embargo.IsZero() || t.Embargo.UnixMicro() <= c.Number)
	}
	return false
}

func (t *Thing) text(f Field) (string, bool) {
	switch f {
	case FieldID:
		return t.ID, true
	case FieldParty:
		return string(t.Party), true
	case FieldSector:
		return t.Sector, true
	case FieldRegion:
		return t.Region, true
	case FieldClass:
		return t.Class, true
	case FieldHeld:
		if t.Held {
			return "1", true
		}
		return "", true
	case FieldTLP, FieldEmbargo: // numbers
	}
	return "", false
}

// Thing is what somebody wants to read.
type Thing struct {
	Kind    ThingKind
	ID      string      // without its kind
	Party   ident.Party // whose it is; empty: nobody's
	Mark    marking.Mark
	Embargo time.Time // until then only the authority and the owner; zero: none
	Sector  string    // of the party
	Region  string
	Class   string
	Held    bool // a notice that waits to be released
}

// Fields calls f with every field that the condition looks at, some more than once.
func (c Cond) Fields(f func(Field)) {
	if c.Field != "" {
		f(c.Field)
	}
	for _, p := range c.Of {
		p.Fields(f)
	}
}

// Values calls f with every value that the condition compares a field with, some more than once.
func (c Cond) Values(field Field, f func(string)) {
	if c.Field == field {
		for _, v := range c.Text {
			f(v)
		}
	}
	for _, p := range c.Of {
		p.Values(field, f)
	}
}

// ForAll holds for what numbers that everybody may see may count: marked at most so strictly, and never under an embargo.
func ForAll(t marking.TLP) Cond { return all(atMost(t), over(FieldEmbargo, time.Unix(0, 0))) }
