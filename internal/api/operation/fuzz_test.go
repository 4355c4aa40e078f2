package operation_test

import (
	"slices"
	"testing"

	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
)

// FuzzCursor: what is no cursor is a mistake of a field; what is one reads as it was made.
func FuzzCursor(f *testing.F) {
	f.Add(operation.NewCursor("finding", "12"))
	f.Add(operation.NewCursor("party", "The bank", "bank"))
	f.Add("")
	f.Add("%%%")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := operation.CursorKeys("party", text, 2)
		if err != nil {
			if fault.Status(err) != 422 {
				t.Fatal(err)
			}
			return
		}
		if keys != nil {
			again, err := operation.CursorKeys("party", operation.NewCursor("party", keys...), 2)
			if err != nil || !slices.Equal(again, keys) {
				t.Fatalf("%q %q %v", keys, again, err)
			}
		}
		if n, err := operation.NumberCursor("finding", text); err == nil && n < 0 {
			t.Fatal(n)
		}
	})
}
