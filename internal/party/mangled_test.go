package party_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/party"
	"tocsin/internal/testkit"
)

// tookOver says which parties an import has, or why it was refused.
func tookOver(in party.Import, err error) string {
	if err != nil {
		return "! " + err.Error()
	}
	var names []string
	for _, p := range in.Parties {
		names = append(names, p.Name)
	}
	return strings.Join(names, "|")
}

// What spreadsheets do to a file of parties is read where it says the same, and refused with line, column and value where it does
// not: never read as something else.
func TestMangledFiles(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{ // names of the parties, or what the refusal says
		"mangled-party-csv/excel.csv":      "Stadtwerke Müller; Wasser",
		"mangled-party-csv/idn.csv":        "Works",
		"mangled-party-csv/formula.csv":    "=1+1|+quoted",
		"mangled-party-csv/excel-date.csv": `! line 2, verified: "01.11.2026" is not a date`,
		"mangled-party-csv/latin1.csv":     "! line 2 is not UTF-8; save the file as UTF-8",
		"mangled-party-csv/utf16.csv":      "! the file is UTF-16; save it as UTF-8",
		"mangled-party-csv/two-mails.csv":  `! line 2, contact_mail: "a@works.example; b@works.example" is not a mail address`,
		"excel-sep-line/party.csv":         "Works",
	} {
		f, err := os.Open(filepath.Join("../../../shared/data/cases", file))
		if os.IsNotExist(err) {
			testkit.Missing(t, "shared/data/cases is not beside the checkout")
		}
		if err != nil {
			t.Fatal(err)
		}
		in, err := party.Read(party.CSV, f, party.Options{Source: "test"})
		_ = f.Close()
		got := tookOver(in, err)
		if got != want && !(strings.HasPrefix(want, "!") && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

// A line that says the separator counts whatever else the first lines hold, and lines keep their numbers; a row without one
// filled cell is none, however many cells it has.
func TestSeparatorAndEmptyRows(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"sep=|\r\nparty|name\r\na|A, B; C\r\n":  "A, B; C",
		"party;name\na;A\n;\n;;;;;\n ; \nb;B\n": "A|B",
		"sep=;\nparty;name\na;A\n;;;\nb;B;c\n":  "! line 5: 3 cells, but the first line names 2 columns",
		"sep=;\n":                               "! the file is empty",
		"sep=;;\nparty;name\n":                  "!",
	} {
		in, err := party.Read(party.CSV, strings.NewReader(text), party.Options{Source: "test"})
		got := tookOver(in, err)
		if got != want && !(strings.HasPrefix(want, "!") && strings.HasPrefix(got, want)) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
