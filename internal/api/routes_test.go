package api_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/testkit"
)

// The list of routes is what the mux serves.
func TestRoutesAreListed(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, r := range api.Routes() {
		listed = append(listed, r.Pattern)
	}
	slices.Sort(listed)
	if d := cmp.Diff(listed, testkit.Patterns(api.Mux(api.Config{}))); d != "" {
		t.Errorf("listed (-) and served (+):\n%s", d)
	}
}
