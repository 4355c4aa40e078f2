package staff_test

import (
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// What a provider says is as fresh as it says, and proves nothing anew where it does not.
func TestProviderFresh(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		p := &provider{says: staff.Claims{Issuer: "https://id.example", Subject: "42", Mail: "bo@csirt.example", MailVerified: true}}
		o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "approver")
		o.Staff = staff.New(db, staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef"), Provider: p, LinkByMail: true})
		staff.Cheap(o.Staff)
		for name, c := range map[string]struct {
			prove bool
			says  time.Time
			want  time.Time // zero: not fresh
			err   error
		}{
			"sign-in, not said":       {},
			"sign-in, long ago":       {says: o.now.Add(-time.Hour), want: o.now.Add(-time.Hour)},
			"sign-in, now":            {says: o.now, want: o.now},
			"sign-in, a clock ahead":  {says: o.now.Add(time.Hour), want: o.now},
			"step-up, not said":       {prove: true, err: staff.ErrStale},
			"step-up, long ago":       {prove: true, says: o.now.Add(-3 * time.Minute), err: staff.ErrStale},
			"step-up, a clock ahead":  {prove: true, says: o.now.Add(time.Hour), err: staff.ErrStale},
			"step-up, now":            {prove: true, says: o.now.Add(-time.Minute), want: o.now.Add(-time.Minute)},
			"step-up, a little ahead": {prove: true, says: o.now.Add(time.Second), want: o.now},
		} {
			p.says.Proved = c.says
			_, cookie, err := o.StartOIDC(ctx, o.now, "", c.prove)
			o.must(err)
			if p.fresh != c.prove {
				t.Errorf("%s: asked to prove it anew: %v", name, p.fresh)
			}
			token, v, _, err := o.FinishOIDC(ctx, o.now, p.state, cookie, "code", "test")
			o.want(c.err, err, name)
			if c.err != nil {
				continue
			}
			kept, err := o.Session(ctx, o.now, token)
			o.must(err)
			if !v.Proved.Equal(c.want) || !kept.Proved.Equal(c.want) {
				t.Errorf("%s: proved at %s, kept as %s, want %s", name, v.Proved, kept.Proved, c.want)
			}
			if old := o.now.Sub(c.want) > access.FreshFor; old {
				o.want(access.ErrFresh, o.SetPassword(ctx, o.now, kept, phrase), name)
			}
		}
	})
}

// Links lead people of the authority to the desk's own address, and nobody else.
func TestAddresses(t *testing.T) {
	t.Parallel()
	one := staff.New(nil, staff.Settings{BaseURL: "https://a.example"})
	two := staff.New(nil, staff.Settings{BaseURL: "https://a.example", DeskURL: "https://a.example:8443"})
	for got, want := range map[string]string{
		one.SignInURL(ident.Authority, "x"): "https://a.example/sign-in/x", one.SetupURL("x"): "https://a.example/set-up/x",
		two.SignInURL(ident.Authority, "y"): "https://a.example:8443/sign-in/y", two.SetupURL("y"): "https://a.example:8443/set-up/y",
		two.SignInURL("hospital", "z"): "https://a.example/sign-in/z",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
