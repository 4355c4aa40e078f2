package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The links to other languages and themes stay here, whatever the address that was asked for holds.
func TestChoicesStayHere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/desk", "/%2fevil.example", "/%2f%2fevil.example/x", "/%5cevil.example"} {
		v := &Visit{R: httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"?done=x", nil)}
		if got := v.with("lang", "zh"); got != path+"?lang=zh" || strings.HasPrefix(got, "//") || Local(got) == "" && path == "/desk" {
			t.Errorf("%s leads to %s", path, got)
		}
	}
}
