package marking

import (
	"errors"
	"testing"

	"tocsin/internal/fault"
)

// What sources write, and what it means here.
func TestSource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tlp, pap string
		want     Mark
		unclear  bool
	}{
		{"", "", Mark{}, false},
		{"RED", "RED", Mark{Red, PAPRed}, false},
		{"tlp:red", "pap:red", Mark{Red, PAPRed}, false},
		{" TLP: Amber ", "", Mark{Amber, PAPClear}, false},
		{"amber+strict", "", Mark{AmberStrict, PAPClear}, false},
		{"TLP:AMBER-STRICT", "", Mark{AmberStrict, PAPClear}, false},
		{"WHITE", "white", Mark{Clear, PAPClear}, false},
		{"TLP:WHITE", "PAP:WHITE", Mark{Clear, PAPClear}, false},
		{"clear", "CLEAR", Mark{}, false},
		{"green", "Green", Mark{Green, PAPGreen}, false},
		{"AMBER STRICT", "", Mark{Amber, PAPClear}, true},
		{"orange", "", Mark{Amber, PAPClear}, true},
		{"TLP:", "", Mark{Amber, PAPClear}, true},
		{"", "PAP:", Mark{Clear, PAPAmber}, true},
		{"", "AMBER+STRICT", Mark{Clear, PAPAmber}, true},
		{"PAP:RED", "", Mark{Amber, PAPClear}, true},
		{"5", "x", Mark{Amber, PAPAmber}, true},
	} {
		got, err := Source(c.tlp, c.pap)
		if got != c.want || (err != nil) != c.unclear || err != nil && !errors.Is(err, fault.Invalid) {
			t.Errorf("%q, %q: %v, %v; want %v", c.tlp, c.pap, got, err, c.want)
		}
	}
}

func TestHeld(t *testing.T) {
	t.Parallel()
	for _, m := range append(TLPs, 9, -1) {
		if held := (Mark{TLP: m}).Held() != nil; held != (m.known() == Red) {
			t.Errorf("%d is held: %v", m, held)
		}
	}
}

func FuzzSource(f *testing.F) {
	f.Add("tlp:red", "PAP:AMBER")
	f.Add("TLP:", "\xff")
	f.Fuzz(func(t *testing.T, tlp, pap string) {
		m, err := Source(tlp, pap)
		if err != nil && m.TLP < Amber && m.PAP < PAPAmber {
			t.Errorf("%q, %q: %v, although %v", tlp, pap, m, err)
		}
		if again, err := Source(m.TLP.Name(), m.PAP.Name()); err != nil || again != m {
			t.Errorf("%v is read as %v, %v", m, again, err)
		}
	})
}
