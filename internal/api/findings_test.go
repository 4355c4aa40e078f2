package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// Findings are for people's tokens: a feed's opens nothing there, and neither does one that nobody has.
func TestFindingsNeedAPerson(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for header, want := range map[string]int{"": http.StatusUnauthorized, "Bearer " + d.token: http.StatusForbidden, "Bearer tcp_made-up": http.StatusForbidden} {
		w := d.do(http.MethodGet, "/api/v1/findings", nil, "Authorization", header)
		if w.Code != want || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
			t.Errorf("%q: %d, %s", header, w.Code, w.Body)
		}
	}
}
