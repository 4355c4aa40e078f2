package store_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// TestEveryColumnIsListed reads the schema and looks that each column of each table is in one list of store.Coverage, and
// that the lists name nothing else. Whoever adds a column says there whether an entry covers it.
func TestEveryColumnIsListed(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		parts, err := store.SchemaOf(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, p := range parts {
			if name, ok := strings.CutPrefix(p.What, "column "); ok {
				have[p.Table+"."+name] = true
			}
		}
		listed := map[string]bool{}
		for i := range store.Coverage {
			c := &store.Coverage[i]
			for _, list := range []string{c.Key, c.Columns, c.Derived, c.Outside} {
				for name := range strings.FieldsSeq(list) {
					if at := c.Table + "." + name; listed[at] {
						t.Errorf("%s is in two lists", at)
					} else if listed[at] = true; !have[at] {
						t.Errorf("%s is in a list, and the schema does not have it", at)
					}
				}
			}
			if c.Outside != "" && c.Why == "" {
				t.Errorf("%s: why are %s outside?", c.Table, c.Outside)
			}
			for name := range c.As {
				if !slices.Contains(strings.Fields(c.Columns), name) {
					t.Errorf("%s.%s is not covered", c.Table, name)
				}
			}
		}
		for at := range have {
			if !listed[at] {
				t.Errorf("%s is in no list of store.Coverage (internal/store/covered.go): is it covered, derived or outside?", at)
			}
		}
	})
}
