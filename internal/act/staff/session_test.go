package staff_test

import (
	"testing"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// A session lasts as long as it is used, which is written down once in five minutes and by nobody who only asks.
func TestSessionLastsWhileItIsUsed(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		bo := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "handler")
		link, err := o.InviteAgain(ctx, o.now, o.as(o.ada), bo)
		o.must(err)
		token, v, err := o.OpenLink(ctx, o.now, link, "browser")
		o.must(err)
		if v.Unseen {
			t.Error("a new session is to be written down")
		}
		used := func(after time.Duration, due bool) {
			t.Helper()
			o.now = o.now.Add(after)
			v, err := o.Session(ctx, o.now, token)
			o.must(err)
			if v.Unseen != due {
				t.Errorf("after %s it is due to be written down: %v", after, v.Unseen)
			}
			o.must(o.Seen(ctx, o.now, v))
		}
		used(4*time.Minute, false)
		used(time.Minute, true)
		used(time.Minute, false)
		used(staff.SessionIdle-time.Minute, true)
		used(staff.SessionIdle-time.Minute, true)
		o.now = o.now.Add(staff.SessionIdle - time.Minute)
		if _, err = o.Session(ctx, o.now, token); err != nil {
			t.Fatal(err)
		}
		_, err = o.Session(ctx, o.now.Add(2*time.Minute), token)
		o.want(fault.Expired, err, "a session that was asked for and not seen")
	})
}
