package app

import (
	"errors"
	"testing"

	"tocsin/internal/fault"
)

// One finding has one name in proposals, the one that the act's entry has: by another, what was done could not be found,
// and would be done again.
func TestProposalsNameThingsOneWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		object, particulars string
		ok                  bool
	}{
		{"finding:12", `{"tlp":"TLP:CLEAR"}`, true},
		{"finding:12", `{"lift":true}`, true},
		{"12", `{"lift":true}`, false},
		{"finding:012", `{"lift":true}`, false},
		{"finding:+12", `{"lift":true}`, false},
		{"finding:finding:12", `{"lift":true}`, false},
		{"finding:0", `{"lift":true}`, false},
		{"finding:12", `{"lift":true,"tlp":"TLP:CLEAR"}`, false},
		{"finding:12", `{"LIFT":true}`, false},
		{"finding:12", `{"lift":true,"note":"x"}`, false},
		{"finding:12", `{"tlp":"mauve"}`, false},
		{"finding:12", `{}`, false},
	} {
		if err := checkLower(c.object, c.particulars); (err == nil) != c.ok || err != nil && !errors.Is(err, fault.Invalid) {
			t.Errorf("lower %s %s: %v", c.object, c.particulars, err)
		}
	}
	for _, c := range []struct {
		object, particulars string
		ok                  bool
	}{
		{"party:bank", "{}", true}, {"bank", "{}", false}, {"party:", "{}", false}, {"party:Bank ", "{}", false}, {"party:bank", `{"x":1}`, false},
	} {
		if err := checkEnding(c.object, c.particulars); (err == nil) != c.ok {
			t.Errorf("end %s %s: %v", c.object, c.particulars, err)
		}
	}
	for _, c := range []struct {
		object, particulars string
		ok                  bool
	}{
		{"ledger:key", "{}", true}, {"ledger:keys", "{}", false}, {"", "{}", false}, {"ledger:key", `{"lost":true}`, false},
	} {
		if err := checkRotate(c.object, c.particulars); (err == nil) != c.ok {
			t.Errorf("rotate %s %s: %v", c.object, c.particulars, err)
		}
	}
}
