package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
)

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
		var q putPartyQuery
		err := operation.Decode(r, &q)
		if err == nil && q.Body.Name == "" {
			t.Fatal("a required field is missing")
		}
		if status := fault.Status(err); status != 200 && status != 422 && status != 413 {
			t.Fatal(status, err)
		}
	})
}
