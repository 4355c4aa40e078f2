package operation

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/strict"
)

// Mistake is what is wrong with one field of a request, by its name there.
type Mistake struct{ Field, Text string }

// Mistakes is what is wrong with a request. It is an error of kind fault.Invalid.
type Mistakes []Mistake

// Wrong says what is wrong with one field.
func Wrong(field, text string) error { return Mistakes{{field, text}} }

func (m Mistakes) Error() string {
	parts := make([]string, len(m))
	for i, x := range m {
		parts[i] = x.Field + ": " + x.Text
	}
	return strings.Join(parts, "; ")
}

// Unwrap makes it a fault.Invalid.
func (m Mistakes) Unwrap() error { return fault.New(fault.Invalid, "%s", m.Error()) }

// oneOf checks a word against a closed list; the empty word passes.
func oneOf[T ~string](field string, is T, known []T) error {
	if is == "" || slices.Contains(known, is) {
		return nil
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	return Wrong(field, strconv.Quote(string(is))+" is not known"+strict.DidYouMean(string(is), words))
}
