package shadowserver

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/feed"
)

// page is docs/operator/shadowserver.md from its table on: what stands before is written by hand.
const (
	page      = "../../../docs/operator/shadowserver.md"
	pageStart = "## Conversions\n"
)

func generated(s *Schema) []byte {
	var b bytes.Buffer
	b.WriteString(pageStart + "\n| name | what it makes of a cell |\n|---|---|\n")
	for _, c := range feed.Conversions()[:18] {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c[0], c[1])
	}
	fmt.Fprintf(&b, "\n## Report types\n\n%d types, schema of %s. \"class\" is the RSIT class and type that events get; \"columns\" counts\n"+
		"those that the schema knows; the fields that each becomes are in `internal/feed/shadowserver/reports.txt`.\n\n", len(s.Reports), s.Version)
	b.WriteString("| file name | name | class | identifier | severity | columns |\n|---|---|---|---|---|---|\n")
	for _, r := range s.Reports {
		class, identifier := "by row", "by row"
		if t := r.Constant["classification.type"]; t != "" {
			taxonomy, typ, err := event.Class(t)
			if err != nil {
				panic(err) // the schema was checked
			}
			class = taxonomy + " / " + typ
		}
		if id := r.Constant["classification.identifier"]; id != "" {
			identifier = "`" + id + "`"
		}
		severity := r.Severity.String()
		if severity == "" {
			severity = "by row"
		}
		name := r.Name
		if r.URL != "" {
			name = "[" + name + "](" + r.URL + ")"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %d |\n", r.File, name, class, identifier, severity, len(r.Columns()))
	}
	return b.Bytes()
}

func TestPageListsEveryReportType(t *testing.T) {
	t.Parallel()
	s, err := ReadSchema(table, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := bytes.Cut(data, []byte(pageStart))
	if !ok {
		t.Fatalf("%s has no line %q", page, strings.TrimSpace(pageStart))
	}
	want := slices.Concat(head, generated(s))
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(data, want) {
		t.Errorf("%s is not what the table of report types gives: run the test with -update", page)
	}
}
