package staff_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

const phrase = "glacier tulip violin shoe"

// A hash at its full cost.
func TestFullCost(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	v := o.enter(o.ada, store.LinkOperator)
	o.must(o.SetPassword(t.Context(), o.now, v, phrase))
	code := o.app(v)
	o.now = o.now.Add(time.Minute)
	_, err := o.signIn("ada@csirt.example", phrase, code(o.now))
	o.must(err)
}

// enter signs somebody in by a link of a kind.
func (o *office) enter(id ident.Person, kind store.LinkKind) staff.Visitor {
	o.t.Helper()
	link, err := o.OfferLink(o.t.Context(), o.now, operator, kind, id, time.Hour)
	o.must(err)
	_, v, err := o.OpenLink(o.t.Context(), o.now, link, "test")
	o.must(err)
	return v
}

// app sets an authenticator app up and returns what makes its codes.
func (o *office) app(v staff.Visitor) func(time.Time) string {
	o.t.Helper()
	id, err := o.OfferTOTP(o.t.Context(), o.now, v)
	o.must(err)
	offer, err := o.PeekTOTP(o.t.Context(), o.now, v, id)
	o.must(err)
	if !strings.HasPrefix(offer.URL, "otpauth://totp/") {
		o.t.Errorf("scan %s", offer.URL)
	}
	secret := strings.ReplaceAll(offer.Secret, " ", "")
	code := func(at time.Time) string {
		c, err := totp.GenerateCode(secret, at)
		o.must(err)
		return c
	}
	o.want(staff.ErrCode, o.AddTOTP(o.t.Context(), o.now, v, id, "000000"), "a wrong code")
	o.must(o.AddTOTP(o.t.Context(), o.now, v, id, code(o.now)))
	o.want(staff.ErrCeremony, o.AddTOTP(o.t.Context(), o.now, v, id, code(o.now)), "the same offer again")
	return code
}

// acts lists the acts in the ledger that have a prefix, the oldest first.
func (o *office) acts(prefix string) []string {
	o.t.Helper()
	var out []string
	o.must(o.db.View(o.t.Context(), func(tx *store.Tx) error {
		all, err := tx.EntriesBefore(o.t.Context(), 0, 1000)
		for _, e := range all {
			if strings.HasPrefix(e.Act, prefix) {
				out = append(out, e.Act+" "+e.Reason)
			}
		}
		return err
	}))
	slices.Reverse(out)
	return out
}

func (o *office) signIn(mail, password, code string) (staff.Visitor, error) {
	_, v, err := o.SignInByPassword(o.t.Context(), o.now, staff.Attempt{Mail: mail, Password: password, Code: code, Address: "192.0.2.7:4711"})
	return v, err
}

func TestPasswordAndCode(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		staff.Cheap(o.Staff)
		v := o.enter(o.hui, store.LinkInvite)
		if !v.Weak {
			t.Fatal("an invitation opens a strong session")
		}
		var weak *staff.ErrWeak
		if err := o.SetPassword(ctx, o.now, v, "Password2026!"); !errors.As(err, &weak) || weak.Why != staff.Common {
			t.Errorf("a common password: %v", err)
		}
		o.must(o.SetPassword(ctx, o.now, v, phrase))
		if a, err := o.Account(ctx, o.now, v); err != nil || a.Strong() || a.Here.Weak != true {
			t.Errorf("a password alone: %+v, %v", a, err)
		}
		code := o.app(v)
		a, err := o.Account(ctx, o.now, v)
		o.must(err)
		if !a.Strong() || a.Here.Weak {
			t.Error("with both, the session is still a weak one")
		}

		_, err = o.signIn("hui@hospital.example", phrase, code(o.now))
		o.want(staff.ErrSignIn, err, "the code that confirmed the app")
		o.now = o.now.Add(time.Minute)
		in, err := o.signIn(" HUI@hospital.example ", phrase, code(o.now.Add(-30*time.Second)))
		o.must(err)
		if in.Weak || in.ID != string(o.hui) || !in.Proved.Equal(o.now) || in.Session == v.Session {
			t.Errorf("%+v", in)
		}
		_, err = o.signIn("hui@hospital.example", phrase, code(o.now.Add(-30*time.Second)))
		o.want(staff.ErrSignIn, err, "the same code again")
		_, err = o.signIn("hui@hospital.example", phrase, code(o.now.Add(2*time.Minute)))
		o.want(staff.ErrSignIn, err, "a code of the future")
		_, err = o.signIn("hui@hospital.example", phrase, code(o.now.Add(30*time.Second)))
		o.must(err)
		_, err = o.signIn("hui@hospital.example", phrase+"s", code(o.now.Add(time.Minute)))
		o.want(staff.ErrSignIn, err, "a wrong password")
		_, err = o.signIn("hui@hospital.example", phrase, "")
		o.want(staff.ErrSignIn, err, "no code")
		o.want(staff.ErrLast, o.EndCredential(ctx, o.now, in, a.TOTP.ID), "the last way to sign in")
		o.now = o.now.Add(16 * time.Minute)
		o.want(access.ErrFresh, o.SetPassword(ctx, o.now, in, phrase+" two"), "an open session")
		o.must(o.ProveByPassword(ctx, o.now, in, staff.Attempt{Password: phrase, Code: code(o.now)}))
		if acts := o.acts("session.prove"); len(acts) != 1 {
			t.Errorf("%v", acts)
		}
		if got, want := fmt.Sprint(o.acts("credential.")), "[credential.add password credential.add totp]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		staff.Cheap(o.Staff)
		v := o.enter(o.ada, store.LinkOperator)
		o.must(o.SetPassword(ctx, o.now, v, phrase))
		o.app(v)
		old, err := o.NewRecovery(ctx, o.now, v)
		o.must(err)
		codes, err := o.NewRecovery(ctx, o.now, v)
		o.must(err)
		if len(codes) != 10 || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != 10 {
			t.Fatalf("%v", codes)
		}
		_, err = o.signIn("ada@csirt.example", phrase, old[0])
		o.want(staff.ErrSignIn, err, "a code from before")
		in, err := o.signIn("ada@csirt.example", phrase, strings.ToUpper(codes[3]))
		o.must(err)
		if !in.Recovered || in.Weak {
			t.Errorf("%+v", in)
		}
		_, err = o.signIn("ada@csirt.example", phrase, codes[3])
		o.want(staff.ErrSignIn, err, "a code twice")
		if a, err := o.Account(ctx, o.now, in); err != nil || a.Recovery != 9 || a.Here.Method != "recovery" {
			t.Errorf("%d codes left, %v", a.Recovery, err)
		}
	})
}

func TestLockOut(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		staff.Cheap(o.Staff)
		v := o.enter(o.ada, store.LinkOperator)
		o.must(o.SetPassword(ctx, o.now, v, phrase))
		code := o.app(v)
		try := func(mail, password, from string) error {
			_, _, err := o.SignInByPassword(ctx, o.now, staff.Attempt{Mail: mail, Password: password, Code: code(o.now), Address: from})
			return err
		}
		var wait *staff.ErrWait
		// Somebody who is there and somebody who is not are told the same, and locked out the same.
		for i, mail := range []string{"ada@csirt.example", "nobody@csirt.example"} {
			o.now = noon.Add(time.Hour)
			for n := range 5 {
				o.want(staff.ErrSignIn, try(mail, "wrong", fmt.Sprintf("203.0.113.%d:9", 10*i+n)), "a guess")
			}
			if err := try(mail, phrase, "203.0.113.9:9"); !errors.As(err, &wait) || wait.For != 30*time.Second {
				t.Errorf("%s, the right password during the wait: %v", mail, err)
			}
		}
		if got := o.acts("sign_in.fail"); len(got) != 2 {
			t.Errorf("%d entries of failures, want one for each lock-out", len(got))
		}

		// A restart forgets nothing.
		o.Staff = staff.New(db, staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef")})
		staff.Cheap(o.Staff)
		o.now = noon.Add(time.Hour + 29*time.Second)
		if err := try("ada@csirt.example", phrase, "203.0.113.9:9"); !errors.As(err, &wait) || wait.For != time.Second {
			t.Errorf("after a restart: %v", err)
		}
		o.now = o.now.Add(time.Second)
		o.want(staff.ErrSignIn, try("ada@csirt.example", "wrong", "203.0.113.9:9"), "the sixth guess")
		if err := try("ada@csirt.example", phrase, "203.0.113.9:9"); !errors.As(err, &wait) || wait.For != time.Minute {
			t.Errorf("the wait does not double: %v", err)
		}
		if got := o.acts("sign_in.fail"); len(got) != 2 {
			t.Errorf("%d entries: guesses flood the ledger", len(got))
		}
		o.now = o.now.Add(time.Minute)
		o.must(try("ada@csirt.example", phrase, "203.0.113.9:9"))
		for range 4 {
			o.want(staff.ErrSignIn, try("ada@csirt.example", "wrong", "203.0.113.9:9"), "a guess after success")
		}
		o.now = o.now.Add(time.Minute)
		o.must(try("ada@csirt.example", phrase, "203.0.113.9:9"))

		// One network that tries many accounts is slowed down; others are not.
		// Signing in to an account of one's own in between does not buy further guesses at others.
		for n := range 50 {
			if n%10 == 9 {
				o.now = o.now.Add(time.Minute)
				o.must(try("ada@csirt.example", phrase, "192.0.2.201:1"))
			}
			o.want(staff.ErrSignIn, try(fmt.Sprintf("a%d@b.example", n), "wrong", fmt.Sprintf("192.0.2.%d:1", n)), "spraying")
		}
		if err := try("ada@csirt.example", phrase, "192.0.2.200:1"); !errors.As(err, &wait) {
			t.Errorf("the network goes on: %v", err)
		}
		o.now = o.now.Add(30 * time.Second)
		o.must(try("ada@csirt.example", phrase, "203.0.113.9:9"))
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		staff.Cheap(o.Staff)
		var in []staff.Visitor
		for range 3 {
			o.now = o.now.Add(time.Minute)
			in = append(in, o.enter(o.ada, store.LinkOperator))
		}
		other := o.enter(o.hui, store.LinkOperator)
		a, err := o.Account(ctx, o.now, in[2])
		o.must(err)
		if len(a.Sessions) != 3 || a.Here.ID != in[2].Session || a.Sessions[0].ID != in[2].Session {
			t.Fatalf("%+v", a.Sessions)
		}
		o.want(fault.NotFound, o.EndSession(ctx, o.now, other, in[0].Session), "another's session")
		o.must(o.EndSession(ctx, o.now, in[2], in[0].Session))
		o.want(fault.NotFound, o.EndSession(ctx, o.now, in[2], in[0].Session), "an ended session")
		o.must(o.EndOthers(ctx, o.now, in[2]))
		o.must(o.EndOthers(ctx, o.now, in[2]))
		a, err = o.Account(ctx, o.now, in[2])
		o.must(err)
		if len(a.Sessions) != 1 || len(o.acts("session.end")) != 2 {
			t.Errorf("%+v", a.Sessions)
		}
		o.must(o.SetLanguage(ctx, o.now, in[2], "zh"))
		o.want(fault.Invalid, o.SetLanguage(ctx, o.now, in[2], "xx"), "no language")
	})
}

// provider says of whoever asks what it was told to say.
type provider struct {
	says        staff.Claims
	err         error
	state, what string // of the last sign-in: state; nonce and verifier
	fresh       bool
}

func (p *provider) Start(_ context.Context, _ time.Time, state, nonce, verifier string, fresh bool) (string, error) {
	p.state, p.what, p.fresh = state, nonce+verifier, fresh
	return "https://id.example/?state=" + state, p.err
}

func (p *provider) Finish(_ context.Context, _ time.Time, code, nonce, verifier string) (staff.Claims, error) {
	if code != "code" || nonce+verifier != p.what {
		return staff.Claims{}, fault.Denied
	}
	return p.says, p.err
}

func TestProvider(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		staff.Cheap(o.Staff)
		p := &provider{says: staff.Claims{Issuer: "https://id.example", Subject: "42", Mail: "Bo@csirt.example", MailVerified: true, Values: []string{"csirt", "audit"}}}
		set := staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef"), Provider: p, ClaimPosts: []staff.ClaimPost{{"csirt", "handler"}, {"audit", "auditor"}, {"x", "no-such-post"}}}
		bo := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example", "approver")
		try := func() (staff.Visitor, error) {
			_, cookie, err := o.StartOIDC(ctx, o.now, "/desk", false)
			if err != nil {
				return staff.Visitor{}, err
			}
			_, v, next, err := o.FinishOIDC(ctx, o.now, p.state, cookie, "code", "test")
			if err == nil && next != "/desk" {
				t.Errorf("goes to %q", next)
			}
			return v, err
		}
		o.Staff = staff.New(db, set)
		_, err := try()
		o.want(staff.ErrStranger, err, "linking by mail is off")
		set.LinkByMail = true
		o.Staff = staff.New(db, set)
		p.says.MailVerified = false
		_, err = try()
		o.want(staff.ErrStranger, err, "a mail that is not verified")
		p.says.MailVerified = true
		v, err := try()
		o.must(err)
		if v.ID != string(bo) || v.Weak || !v.Holds(people.Triage, "") || !v.Holds(people.Audit, "") || !v.Holds(people.Approve, "") {
			t.Errorf("%+v", v)
		}
		p.says.Mail, p.says.Values = "ada@csirt.example", []string{"audit", "x"}
		o.now = o.now.Add(time.Minute)
		v, err = try()
		o.must(err)
		if v.ID != string(bo) || v.Holds(people.Triage, "") || !v.Holds(people.Audit, "") || !v.Holds(people.Approve, "") {
			t.Errorf("after a group was lost: %+v", v)
		}
		if got := o.acts("staff.sync"); len(got) != 2 {
			t.Errorf("%v", got)
		}
		p.says.Subject, p.says.Mail = "43", "stranger@csirt.example"
		_, err = try()
		o.want(staff.ErrStranger, err, "a stranger")
		p.says.Mail = "bo@csirt.example"
		_, err = try()
		o.want(staff.ErrStranger, err, "another account with the mail address of somebody who can sign in")
		p.says.Subject = "42"

		_, cookie, err := o.StartOIDC(ctx, o.now, "", false)
		o.must(err)
		_, _, _, err = o.FinishOIDC(ctx, o.now, p.state, "another", "code", "test")
		o.want(staff.ErrCeremony, err, "another browser")
		_, _, _, err = o.FinishOIDC(ctx, o.now, p.state, cookie, "code", "test")
		o.want(staff.ErrCeremony, err, "the second try of a state")
		_, cookie, err = o.StartOIDC(ctx, o.now, "", false)
		o.must(err)
		_, _, _, err = o.FinishOIDC(ctx, o.now.Add(5*time.Minute), p.state, cookie, "code", "test")
		o.want(staff.ErrCeremony, err, "too late")
		o.must(o.Disable(ctx, o.now, o.as(o.ada), bo))
		if _, err = try(); err == nil {
			t.Error("somebody who was disabled signs in")
		}
		p.err = fault.Unavailable
		_, err = try()
		o.want(fault.Unavailable, err, "the provider is down")
	})
}
