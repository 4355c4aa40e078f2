package api

import (
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/fault"
)

// FuzzCursor: what is no cursor is a mistake of a field; what is one reads as it was made.
func FuzzCursor(f *testing.F) {
	f.Add(newCursor("finding", "12"))
	f.Add(newCursor("party", "The bank", "bank"))
	f.Add("")
	f.Add("%%%")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := cursorKeys("party", text, 2)
		if err != nil {
			if fault.Status(err) != 422 {
				t.Fatal(err)
			}
			return
		}
		if keys != nil {
			again, err := cursorKeys("party", newCursor("party", keys...), 2)
			if err != nil || !slices.Equal(again, keys) {
				t.Fatalf("%q %q %v", keys, again, err)
			}
		}
		if n, err := numberCursor("finding", text); err == nil && n < 0 {
			t.Fatal(n)
		}
	})
}

// FuzzBody: whatever comes as a body is read, or refused with a status of the document.
func FuzzBody(f *testing.F) {
	f.Add(`{"name":"x","kind":"company","contacts":[{"role":"security","mail":"a@b.c"}]}`)
	f.Add(`{"resources":[{"from":"2026-11-23T12:00:00Z"}]}`)
	f.Add(`{"rank":1e99}`)
	f.Add(`[`)
	f.Add("null")
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "/", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		var b partyBody
		err := decodeBody(r, reflect.ValueOf(&b).Elem())
		if err == nil && b.Name == "" {
			t.Fatal("a required field is missing")
		}
		if status := fault.Status(err); status != 200 && status != 422 && status != 413 {
			t.Fatal(status, err)
		}
	})
}
