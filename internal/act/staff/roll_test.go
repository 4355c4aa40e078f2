package staff_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// The roll says of everybody, or of one party's, how they stand and what they hold; it is for whoever owns the data folder.
func TestRoll(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	ctx := t.Context()
	waits := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "handler")
	off := o.invite(o.as(o.ada), ident.Authority, "cy@csirt.example", "handler")
	gone := o.invite(o.as(o.ada), ident.Authority, "di@csirt.example", "handler", "approver")
	o.must(o.Disable(ctx, o.now, o.as(o.ada), off))
	o.must(o.Erase(ctx, o.now, o.as(o.ada), gone))
	states := func(of ident.Party, after time.Duration) map[ident.Person]staff.Listed {
		list, err := o.Roll(ctx, o.now.Add(after), operator, of)
		o.must(err)
		out := map[ident.Person]staff.Listed{}
		for _, l := range list {
			out[l.Person.ID] = l
		}
		return out
	}
	all, own := states("", 0), states(ident.Authority, 0)
	if len(all) != 5 || len(own) != 4 || len(states("bank", 0)) != 0 {
		t.Errorf("%d in all, %d of the authority, %d of a bank", len(all), len(own), len(states("bank", 0)))
	}
	for id, want := range map[ident.Person]string{waits: "active", off: "disabled", gone: "erased"} {
		if all[id].State != want || own[id].State != want {
			t.Errorf("%s is %s, want %s", id, all[id].State, want)
		}
	}
	if is := states("", 400*24*time.Hour)[waits].State; is != "waiting" { // the invitation is over
		t.Errorf("who was invited long ago is %s", is)
	}
	if posts := all[waits].Posts; len(posts) != 1 || posts[0] == "" {
		t.Errorf("who is invited as a handler holds %v", posts)
	}
	if posts := all[gone].Posts; slices.Contains(posts, "approver") {
		t.Errorf("who was erased holds %v", posts)
	}
	for _, by := range []access.Actor{o.as(o.ada), o.as(o.hui), {}} {
		if list, err := o.Roll(ctx, o.now, by, ""); !errors.Is(err, fault.Denied) || len(list) != 0 {
			t.Errorf("%s sees the roll: %d, %v", by, len(list), err)
		}
	}
}

// A link to sign in lasts for longer than nothing and at most for as long as it may, and for a person who is there.
func TestOfferLink(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	ctx := t.Context()
	for _, c := range []struct {
		name string
		by   access.Actor
		kind store.LinkKind
		of   ident.Person
		ttl  time.Duration
		want error // nil: offered
	}{
		{"an hour", operator, store.LinkOperator, o.ada, time.Hour, nil},
		{"a second", operator, store.LinkOperator, o.ada, time.Second, nil},
		{"no time", operator, store.LinkOperator, o.ada, 0, fault.Invalid},
		{"less than nothing", operator, store.LinkOperator, o.ada, -time.Hour, fault.Invalid},
		{"for ever", operator, store.LinkOperator, o.ada, 10 * 365 * 24 * time.Hour, fault.Invalid},
		{"nobody", operator, store.LinkOperator, "per_none", time.Hour, fault.NotFound},
		{"by an administrator", o.as(o.ada), store.LinkOperator, o.hui, time.Hour, fault.Denied},
	} {
		link, err := o.OfferLink(ctx, o.now, c.by, c.kind, c.of, c.ttl)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || (link != "") != (c.want == nil) {
			t.Errorf("%s: %q, %v, want %v", c.name, link, err, c.want)
		}
	}
	link, err := o.OfferLink(ctx, o.now, operator, store.LinkOperator, o.ada, time.Hour)
	o.must(err)
	if _, _, err := o.OpenLink(ctx, o.now.Add(time.Hour), link, "browser"); !errors.Is(err, fault.Expired) && !errors.Is(err, fault.Denied) {
		t.Errorf("opened at its end: %v", err)
	}
	link, err = o.OfferLink(ctx, o.now, operator, store.LinkOperator, o.ada, time.Hour)
	o.must(err)
	if _, _, err := o.OpenLink(ctx, o.now.Add(time.Hour-time.Second), link, "browser"); err != nil {
		t.Errorf("not opened a second before its end: %v", err)
	}
	if strings.Contains(link, string(o.ada)) {
		t.Error("the link names its person")
	}
}
