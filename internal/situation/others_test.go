package situation_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/ident"
	"tocsin/internal/situation"
)

// The highest share is shown by itself, or among the others together, or no share is: never is it what is missing.
func TestWorstShareIsNotHidden(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		registered := map[string]situation.Registered{}
		var holdings []situation.Holding
		for g := range rapid.IntRange(1, 6).Draw(t, "groups") {
			key := fmt.Sprint("g", g)
			of := rapid.Int64Range(1, 60).Draw(t, "of")
			affected := rapid.Int64Range(0, of).Draw(t, "affected")
			registered[key] = situation.Registered{Affected: affected, Of: of}
			for i := range affected {
				holdings = append(holdings, situation.Holding{Key: key, Party: ident.Party(fmt.Sprint(key, "-", i)), N: 2})
			}
		}
		b := situation.Divide(holdings, registered)
		shown, worst := map[string]bool{}, ""
		for _, f := range b.Figures {
			shown[f.Key] = f.Rate != nil
		}
		share := func(key string) float64 { return float64(registered[key].Affected) / float64(registered[key].Of) }
		some, hidden := false, 0
		for key := range registered {
			some = some || shown[key]
			if !shown[key] {
				hidden++
			}
			if worst == "" || share(key) > share(worst) {
				worst = key
			}
		}
		for key := range registered {
			if shown[key] && share(key) == share(worst) {
				worst = key // one of the highest is shown
			}
		}
		if some && !shown[worst] && b.Others == nil {
			t.Fatalf("%s of %v is the highest and hidden beside %v", worst, registered, shown)
		}
		if b.Others != nil && hidden < 2 {
			t.Fatalf("the share of one alone is published as that of others: %v of %v", shown, registered)
		}
		if r := b.Others; r != nil && (r.Affected > r.Of || r.Low > r.Value || r.Value > r.High) {
			t.Fatalf("others: %+v", r)
		}
		switch {
		case b.Others != nil:
			seen["others"]++
		case some:
			seen["shares"]++
		default:
			seen["none"]++
		}
	})
	if seen["others"] == 0 || seen["none"] == 0 {
		t.Errorf("ways that were seen: %v", seen)
	}
}
