package access_test

import (
	"errors"
	"slices"
	"testing"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// An API token that carries the power over people decides about nobody and changes nothing about its person: what is left
// to it is a closed list.
func TestProgramsDecideAboutNobody(t *testing.T) {
	t.Parallel()
	who := person("ada", ident.Authority, people.Powers...).Actor
	who.Proved = noon
	program := who
	program.Only = people.Powers
	var may []string
	for act, need := range access.Acts {
		if need.Power != people.Staff && !need.Self {
			continue
		}
		if _, err := access.Ask(who, act, access.On(who.String()), noon); err != nil {
			t.Errorf("a person does %s: %v", act, err)
		}
		switch _, err := access.Ask(program, act, access.On(who.String()), noon); {
		case err == nil:
			may = append(may, act)
		case !errors.Is(err, fault.Denied):
			t.Errorf("%s: %v", act, err)
		}
	}
	slices.Sort(may)
	if want := []string{"proposal.withdraw", "webhook.end", "webhook.retry", "webhook.test"}; !slices.Equal(may, want) {
		t.Errorf("a token does %v, want %v", may, want)
	}
}
