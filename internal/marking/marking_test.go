package marking

import (
	"errors"
	"testing"

	"tocsin/internal/fault"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for _, m := range TLPs {
		for _, s := range []string{m.String(), m.Word()} {
			if got, err := ParseTLP(s); err != nil || got != m {
				t.Errorf("%q is read as %v, %v", s, got, err)
			}
		}
	}
	for i := range papNames {
		if got, err := ParsePAP(papNames[i]); err != nil || got != PAP(i) || got.String() != papNames[i] {
			t.Errorf("%q is read as %v, %v", papNames[i], got, err)
		}
	}
	if m, err := ParseTLP("TLP:WHITE"); err != nil || m != Clear {
		t.Errorf("TLP 1's WHITE: %v, %v", m, err)
	}
	for _, s := range []string{"", "tlp:green", "GREEN", "TLP:AMBER STRICT", " TLP:RED", "TLP:EX:CHR"} {
		if m, err := ParseTLP(s); !errors.Is(err, fault.Invalid) || m != Red {
			t.Errorf("%q is read as %v, %v", s, m, err)
		}
	}
	if TLP(9).String() != "TLP:RED" || TLP(-1).String() != "TLP:RED" || PAP(7).String() != "PAP:RED" {
		t.Error("what is no mark is not RED")
	}
}

func TestEffective(t *testing.T) {
	t.Parallel()
	got := Effective(Mark{Green, PAPAmber}, Mark{Amber, PAPClear}, Mark{Clear, PAPGreen})
	if want := (Mark{Amber, PAPAmber}); got != want {
		t.Errorf("have %v, want %v", got, want)
	}
}

func TestLeave(t *testing.T) {
	t.Parallel()
	most := map[Channel]TLP{PublicPage: Clear, MailClear: Green, MailPGP: AmberStrict, ExportFile: AmberStrict, Portal: Red, "fax": -1}
	for c, top := range most {
		for _, m := range TLPs {
			if err := Leave(c, Mark{TLP: m}, true); (err == nil) != (m <= top) || err != nil && !errors.Is(err, fault.Denied) {
				t.Errorf("%s by %s: %v", m, c, err)
			}
			if err := Leave(c, Mark{TLP: m}, false); (err == nil) != (m == Clear && top >= Clear) {
				t.Errorf("%s by %s without the mark: %v", m, c, err)
			}
		}
	}
	if err := Leave(ExportFile, Mark{TLP: 17}, true); err == nil {
		t.Error("what is no mark leaves")
	}
}

func FuzzParseTLP(f *testing.F) {
	f.Add("TLP:AMBER+STRICT")
	f.Add("green")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseTLP(s)
		if err == nil && s != m.String() && s != m.Word() && s != "TLP:WHITE" {
			t.Errorf("%q is read as %s", s, m)
		}
	})
}
