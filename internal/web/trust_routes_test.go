package web_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/people"
	"tocsin/internal/testkit"
	"tocsin/internal/web"
	"tocsin/internal/web/page"
)

// The list of routes is what the mux serves: nothing is mounted beside it, nothing is listed that is not there.
func TestRoutesAreListed(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	c := web.Config{Loop: w.loop, Staff: w.staff, Mailbox: true}
	mux, err := web.Mux(c)
	w.must(err)
	var listed []string
	for _, r := range web.Routes(c) {
		listed = append(listed, r.Pattern)
	}
	slices.Sort(listed)
	if d := cmp.Diff(listed, testkit.Patterns(mux)); d != "" || len(listed) < 30 {
		t.Errorf("listed (-) and served (+):\n%s", d)
	}
	mux.Handle("GET /back/door", web.Routes(c)[0].Raw)
	if got := testkit.Patterns(mux); len(got) != len(listed)+1 {
		t.Error("the test does not see what is mounted beside the list")
	}
}

// Whoever adds a route says whom it lets in and which power it needs.
func TestRoutesSayWhatTheyNeed(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	doors := []page.Door{page.ForAll, page.ForHolder, page.ForPerson, page.ForMember, page.ForDesk}
	for _, r := range web.Routes(web.Config{Loop: w.loop, Staff: w.staff, Mailbox: true}) {
		_, path, named := strings.Cut(r.Pattern, " ")
		closed := r.Door == page.ForDesk || r.Door == page.ForMember
		switch {
		case !named && r.Pattern != "/":
			t.Errorf("%s answers to every method", r.Pattern)
		case !slices.Contains(doors, r.Door):
			t.Errorf("%s does not say whom it lets in", r.Pattern)
		case closed && !r.Power.Known(), !closed && r.Power != "":
			t.Errorf("%s for %s needs the power %q", r.Pattern, r.Door, r.Power)
		case r.Door == page.ForMember && !slices.Contains(people.PartyPowers, r.Power):
			t.Errorf("%s needs %s, which no member can hold", r.Pattern, r.Power)
		case strings.HasPrefix(path, "/desk") != (r.Door == page.ForDesk):
			t.Errorf("%s is for %s", r.Pattern, r.Door)
		}
	}
}
