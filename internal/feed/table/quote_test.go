package table_test

import (
	"os"
	"testing"

	"tocsin/internal/feed"
	"tocsin/internal/feed/format"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

// A quote that never closes takes its own row with it and no other: events and rejected rows are all four.
func TestUnbalancedQuote(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../../../../shared/data/cases/unbalanced-quote/2026-11-23-scan_telnet-example.csv")
	if os.IsNotExist(err) {
		testkit.Missing(t, "shared/data/cases is not beside the checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := feed.ReadPacks(packs.Feeds())
	if err != nil {
		t.Fatal(err)
	}
	pack, _ := all.Pack("shadowserver")
	part, err := format.Open(pack, "2026-11-23-scan_telnet-example.csv", f, feed.Options{Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := part.Next(100)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if len(b.Records) != 3 || len(b.Bad) != 1 || b.Bad[0].Line != 2 {
		t.Errorf("%d rows were read and %d refused, want 3 and 1", len(b.Records), len(b.Bad))
	}
}
