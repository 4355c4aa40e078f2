package shadowserver

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"tocsin/internal/testkit"
)

var update = flag.Bool("update", false, "write the compact table and the page of report types anew")

// shared returns one of the published files.
func shared(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../../shared/data/shadowserver", name))
	if err != nil {
		testkit.Missing(t, err.Error())
	}
	return data
}

func publishedSchema(t testing.TB) *Schema {
	t.Helper()
	s, err := ReadSchema(shared(t, "intelmq.json"), shared(t, "severity.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTableHoldsThePublishedSchema(t *testing.T) {
	want := publishedSchema(t).WriteTable()
	const file = "reports.txt"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the published schema gives: run the test with -update", file)
	}
	s, err := ReadSchema(got, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again := s.WriteTable(); !bytes.Equal(again, want) {
		t.Error("the table read and written again differs")
	}
}
