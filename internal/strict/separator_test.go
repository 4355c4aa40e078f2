package strict_test

import (
	"testing"

	"tocsin/internal/strict"
)

func TestSeparator(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]byte{
		"sep=;": ';', "SEP=,\r\n": ',', "sep=\t\n": '\t', "sep=|": '|',
		"": 0, "sep=": 0, "sep=;;": 0, "sep=x": 0, "set=;": 0, "sep=;,a": 0, "sep=\n": 0,
	} {
		if got, is := strict.Separator([]byte(line)); got != want || is != (want != 0) {
			t.Errorf("%q: %q, %v", line, got, is)
		}
	}
}
