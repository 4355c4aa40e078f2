package asset

import "testing"

func TestFold(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"Österreichische Muster-Bahn", "österreichische muster-bahn", "ÖSTERREICHISCHE MUSTER-BAHN", "osterreichische muster-bahn", "O\u0308sterreichische Muster-Bahn"},
		{"Straße", "STRASSE", "STRAẞE", "strasse"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος", "σισυφοσ"},
		{"Здравствуйте", "ЗДРАВСТВУЙТЕ"},
		{"ＡＢＣ１２３", "abc123"},
		{"İstanbul", "istanbul"},
		{"北京大学", "北京大学"},
		{"한국", "한국"},
	} {
		for _, text := range same {
			if got, want := Fold(text), Fold(same[0]); got != want {
				t.Errorf("%q is %q, and %q is %q", text, got, same[0], want)
			}
		}
	}
	for _, other := range [][2]string{{"bahn", "bann"}, {"が", "か"}, {"北京", "南京"}} {
		if Fold(other[0]) == Fold(other[1]) {
			t.Errorf("%q and %q are one", other[0], other[1])
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Österreichische Straße")
	f.Add("\xff\u0307İ")
	f.Add("\xff\f\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xf0ї")
	f.Add("\xff\f\xea\x01\xdf\xdf\x00\x00\x00\xff\f\uaba7M\xdb\x05\xdf\xdf\x00")
	f.Fuzz(func(t *testing.T, text string) {
		if once := Fold(text); Fold(once) != once {
			t.Errorf("%q is %q, and that is %q", text, once, Fold(once))
		}
	})
}
