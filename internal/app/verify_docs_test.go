package app

import (
	"os"
	"strings"
	"testing"

	"tocsin/internal/store"
)

// TestOutsideInDocs looks that the manual says what verification compares with nothing, in the words of the command, and
// that this fits on a page.
func TestOutsideInDocs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operator/ledger.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(store.OutsideText()), "\n")
	if want := "- " + strings.Join(lines, "\n- ") + "\n\n"; !strings.Contains(string(doc), want) {
		t.Errorf("docs/operator/ledger.md does not have this list of what is outside:\n%s", want)
	}
	if len(lines) > 40 {
		t.Errorf("the list has %d lines: more than a page", len(lines))
	}
}
