package rule

import (
	"testing"

	"tocsin/internal/finding"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// A rule moves what is live or faded, whoever answers for it by whatever but a person's hand.
func TestMovable(t *testing.T) {
	t.Parallel()
	for _, state := range finding.States {
		for _, basis := range []party.Basis{party.ByPrefix, party.ByRule, party.Nobody, party.ByHand} {
			f := store.Attributed{State: state, Attribution: party.Attribution{Basis: basis}}
			want := basis != party.ByHand && state != finding.VerifiedClosed && state != finding.FalsePositive
			if got := movable(&f); got != want {
				t.Errorf("%s, %s: %t", state, basis, got)
			}
		}
	}
}
