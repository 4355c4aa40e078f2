package desk

import (
	"testing"

	"tocsin/internal/access"
	"tocsin/internal/lang"
)

// Every act has its words, in both languages, and so has every group of them.
func TestActsHaveWords(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		for act, need := range access.Acts {
			if !l.Has("ledger.act." + act) {
				t.Errorf("%s: no words for %s", l, act)
			}
			for _, s := range need.Software {
				if !l.Has("software." + s) {
					t.Errorf("%s: no words for the software %s", l, s)
				}
			}
		}
		for _, g := range groups() {
			if !l.Has("ledger.group_of." + g) {
				t.Errorf("%s: no words for the group %s", l, g)
			}
		}
	}
}
