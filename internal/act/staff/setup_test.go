package staff_test

import (
	"testing"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// The first start: one link, once; a later start voids it; with people there is none.
func TestSetUp(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		ctx := t.Context()
		o := &office{t: t, db: db, now: noon, Staff: staff.New(db, staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef")})}
		first := people.Person{Name: "Ada", Mail: "ada@csirt.example", Language: "en"}
		old, err := o.OfferSetup(ctx, o.now, operator)
		o.must(err)
		link, err := o.OfferSetup(ctx, o.now, operator)
		o.must(err)
		o.want(fault.Expired, o.PeekSetup(ctx, o.now, old), "the link of an earlier start")
		o.want(fault.NotFound, o.PeekSetup(ctx, o.now, "guess"), "a guess")
		o.want(fault.Expired, o.PeekSetup(ctx, o.now.Add(staff.SetupLife), link), "a day later")
		_, _, err = o.SetUp(ctx, o.now, link, people.Person{Name: "Ada", Mail: "no address", Language: "en"}, "")
		o.want(fault.Invalid, err, "a mistake in the form")
		o.must(o.PeekSetup(ctx, o.now, link))
		_, v, err := o.SetUp(ctx, o.now, link, first, "browser")
		o.must(err)
		if !v.Weak || !v.Desk() || v.Name != "Ada" || len(v.Seats) != len(people.AuthorityPosts("", noon)) {
			t.Errorf("%+v", v)
		}
		if v.Expires.IsZero() || v.Party != ident.Authority {
			t.Errorf("%+v", v)
		}
		_, _, err = o.SetUp(ctx, o.now, link, first, "browser")
		o.want(fault.Expired, err, "the link once more")
		again, err := o.OfferSetup(ctx, o.now, operator)
		o.must(err)
		if again != "" {
			t.Error("a set-up link beside people")
		}
		_, _, err = o.OpenLink(ctx, o.now, link, "")
		o.want(fault.Expired, err, "a set-up link as a sign-in link")
		o.must(o.CheckPeople(ctx))
	})
}
