package store

import (
	"strings"
	"sync"
)

// tuples returns the values of n rows of width columns: "($1, …), (…)". SQLite looks up the name of every numbered
// parameter from the front of its list, which makes a statement of a thousand quadratic, so there they are nameless.
func (d dialect) tuples(n, width int) string {
	key := tupleKey{d, n, width}
	if s, ok := tupleTexts.Load(key); ok {
		return s.(string)
	}
	nameless := "(" + strings.Repeat("?, ", width-1) + "?)"
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		if d == onSQLite {
			b.WriteString(nameless)
		} else {
			b.WriteString("(" + placeholders(width, 1+i*width) + ")")
		}
	}
	tupleTexts.Store(key, b.String())
	return b.String()
}

type tupleKey struct {
	dialect  dialect
	n, width int
}

var tupleTexts sync.Map // tupleKey -> string
