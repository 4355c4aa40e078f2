package staff_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// API tokens: what they carry, how long, and what ends them.
func TestTokens(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		bo := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "handler")
		who := o.as(bo)
		secret, k, err := o.MakeToken(ctx, o.now, who, "nightly export", []people.Power{people.Export, people.Read}, 0)
		o.must(err)
		if !strings.HasPrefix(secret, "tcp_") || !k.Expires.Equal(o.now.Add(90*24*time.Hour)) {
			t.Errorf("%s… until %s", secret[:4], k.Expires)
		}
		a, err := o.ActorByToken(ctx, o.now, secret)
		o.must(err)
		if !a.Holds(people.Read, "") || a.Holds(people.Triage, "") || !a.Proved.IsZero() || a.String() != who.String() {
			t.Errorf("the token is %+v", a)
		}
		if _, err := access.Ask(a, "token.make", access.On(a.String()), o.now); !errors.Is(err, fault.Denied) {
			t.Errorf("a token makes another: %v", err)
		}
		_, _, err = o.MakeToken(ctx, o.now, a, "x", []people.Power{people.Read}, 0)
		o.want(fault.Denied, err, "a token makes a token")
		_, err = o.ActorByToken(ctx, k.Expires, secret)
		o.want(fault.Expired, err, "after its end")
		_, err = o.ActorByToken(ctx, o.now, "tcp_guess")
		o.want(fault.NotFound, err, "a guess")
		_, err = o.Tokens(ctx, o.as(o.hui), bo)
		o.want(fault.Denied, err, "another organisation looks")
		o.want(fault.NotFound, o.RevokeToken(ctx, o.now, o.as(o.hui), k.ID), "another organisation revokes")
		list, err := o.Tokens(ctx, who, bo)
		o.must(err)
		if len(list) != 1 || !list[0].Used.Equal(o.now) {
			t.Errorf("%+v", list)
		}

		// The token follows its person: the post goes, the power goes.
		org := o.organisation(ident.Authority)
		o.must(o.Unassign(ctx, o.now, o.as(o.ada), bo, org.Of(bo)[0].ID))
		a, err = o.ActorByToken(ctx, o.now, secret)
		o.must(err)
		if a.Holds(people.Read, "") {
			t.Error("a token keeps a power that its person lost")
		}
		o.must(o.RevokeToken(ctx, o.now, o.as(o.ada), k.ID))
		_, err = o.ActorByToken(ctx, o.now, secret)
		o.want(fault.Expired, err, "a revoked token")
		o.must(o.CheckPeople(ctx))
	})
}

// What a token may not be, and that a disabled person's opens nothing.
func TestTokenLimits(t *testing.T) {
	t.Parallel()
	o, ctx := newOffice(t, testkit.SQLite(t)), t.Context()
	ada, old, weak := o.as(o.ada), o.stale(o.ada), o.as(o.ada)
	weak.Weak = true
	read := []people.Power{people.Read}
	for _, c := range []struct {
		what   string
		by     access.Actor
		label  string
		scopes []people.Power
		life   time.Duration
		want   error
	}{
		{"too long", ada, "x", read, 366 * 24 * time.Hour, fault.Invalid},
		{"in the past", ada, "x", read, -time.Hour, fault.Invalid},
		{"without a label", ada, " ", read, 0, fault.Invalid},
		{"without a scope", ada, "x", nil, 0, fault.Invalid},
		{"over keys", ada, "x", []people.Power{people.Keys}, 0, fault.Denied},
		{"to approve", ada, "x", []people.Power{people.Approve}, 0, fault.Denied},
		{"with a power that nobody gave", o.as(o.hui), "x", []people.Power{people.Triage}, 0, fault.Denied},
		{"with an old proof", old, "x", read, 0, access.ErrFresh},
		{"by a weak session", weak, "x", read, 0, fault.Denied},
		{"by the operator", operator, "x", read, 0, fault.Denied},
	} {
		_, _, err := o.MakeToken(ctx, o.now, c.by, c.label, c.scopes, c.life)
		o.want(c.want, err, c.what)
	}
	secret, _, err := o.MakeToken(ctx, o.now, o.as(o.hui), "x", read, time.Hour)
	o.must(err)
	o.invite(operator, "hospital", "jo@hospital.example", o.ruling("hospital"))
	o.must(o.Disable(ctx, o.now, ada, o.hui))
	_, err = o.ActorByToken(ctx, o.now, secret)
	o.want(fault.Expired, err, "a disabled person's token")
}
