package staff_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pquerna/otp/totp"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// Whoever opened an invitation and kept the session open changes nothing in the account that its person set up since.
func TestLeftOverSessionTakesNoAccountOver(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		staff.Cheap(o.Staff)
		thief, own := o.enter(o.hui, store.LinkInvite), o.enter(o.hui, store.LinkInvite)
		late, err := o.OfferTOTP(ctx, o.now, thief)
		o.must(err)
		o.must(o.SetPassword(ctx, o.now, own, phrase))
		code := o.app(own)
		before := o.entries()
		o.want(fault.Denied, o.SetPassword(ctx, o.now, thief, "violin glacier moon shoe"), "another password")
		o.want(fault.Denied, o.addApp(thief, late), "another app")
		_, err = o.NewRecovery(ctx, o.now, thief)
		o.want(fault.Denied, err, "recovery codes")
		if o.entries() != before {
			t.Error("a refusal left an entry")
		}
		o.now = o.now.Add(time.Minute)
		_, err = o.signIn("hui@hospital.example", phrase, code(o.now))
		o.must(err)
	})
}

// addApp confirms an authenticator app that was offered before.
func (o *office) addApp(v staff.Visitor, id string) error {
	o.t.Helper()
	offer, err := o.PeekTOTP(o.t.Context(), o.now, v, id)
	o.must(err)
	code, err := totp.GenerateCode(strings.ReplaceAll(offer.Secret, " ", ""), o.now)
	o.must(err)
	return o.AddTOTP(o.t.Context(), o.now, v, id, code)
}

// A second invitation ends all that whoever opened the first one has: the session, and what would wait in the account.
func TestInviteAgainEndsWhatWasThere(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		staff.Cheap(o.Staff)
		p, link, err := o.Invite(ctx, o.now, o.as(o.ada), invitation(ident.Authority, "bo@csirt.example", "handler"))
		o.must(err)
		session, thief, err := o.OpenLink(ctx, o.now, link, "")
		o.must(err)
		o.app(thief)
		codes, err := o.NewRecovery(ctx, o.now, thief)
		o.must(err)
		link, err = o.InviteAgain(ctx, o.now, o.as(o.ada), p.ID)
		o.must(err)
		_, err = o.Session(ctx, o.now, session)
		o.want(fault.Expired, err, "the session of the first invitation")
		_, own, err := o.OpenLink(ctx, o.now, link, "")
		o.must(err)
		o.must(o.SetPassword(ctx, o.now, own, phrase))
		a, err := o.Account(ctx, o.now, own)
		o.must(err)
		if a.Strong() || a.Recovery > 0 || a.TOTP.ID != "" || !a.Here.Weak {
			t.Errorf("something of who was there first is left: %+v", a)
		}
		_, err = o.signIn("bo@csirt.example", phrase, codes[0])
		o.want(staff.ErrSignIn, err, "a recovery code of who was there first")
		o.must(o.CheckPeople(ctx))
	})
}

// Another mail address, by which an account at the provider may be linked, needs a fresh proof; a name does not.
func TestAnotherMailNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	o, ctx := newOffice(t, testkit.SQLite(t)), t.Context()
	ada := o.as(o.ada)
	bo := o.invite(ada, ident.Authority, "bo@csirt.example", "handler")
	ada.Proved = o.now.Add(-access.FreshFor - time.Second)
	o.must(o.Rename(ctx, o.now, ada, bo, "Bo Li", " BO@csirt.example"))
	o.want(access.ErrFresh, o.Rename(ctx, o.now, ada, bo, "Bo Li", "mallory@csirt.example"), "another address with an old proof")
	o.must(o.Rename(ctx, o.now, o.as(o.ada), bo, "Bo Li", "bo.li@csirt.example"))
	if got := o.acts("person.mail"); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// A post that a claim stands for lasts as long as a session can; each sign-in with the claim makes it last longer, and
// one without it ends it, also where the rule is gone.
func TestClaimedPostsEnd(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		p := &provider{says: staff.Claims{Issuer: "https://id.example", Subject: "42", Mail: "bo@csirt.example", MailVerified: true, Values: []string{"csirt"}}}
		bo := o.invite(o.as(o.ada), ident.Authority, "bo@csirt.example")
		set := staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef"), Provider: p, LinkByMail: true, ClaimPosts: []staff.ClaimPost{{"csirt", "handler"}}}
		signIn := func() {
			t.Helper()
			o.Staff = staff.New(db, set)
			_, cookie, err := o.StartOIDC(ctx, o.now, "", false)
			o.must(err)
			_, _, _, err = o.FinishOIDC(ctx, o.now, p.state, cookie, "code", "test")
			o.must(err)
			o.must(o.CheckPeople(ctx))
		}
		handles := func(after time.Duration) bool {
			who, err := o.ActorOf(ctx, o.now.Add(after), bo)
			o.must(err)
			return who.Holds(people.Triage, "")
		}
		signIn()
		if !handles(staff.SessionLife-time.Second) || handles(staff.SessionLife) {
			t.Error("the claim's post does not last as long as a session")
		}
		o.now = o.now.Add(time.Hour)
		signIn()
		if !handles(staff.SessionLife-time.Second) || handles(staff.SessionLife) {
			t.Error("signing in again does not make the post last longer")
		}
		o.now = o.now.Add(time.Hour)
		set.ClaimPosts = nil
		signIn()
		if handles(0) {
			t.Error("a post is still held after its rule was taken away")
		}
		if got := o.acts("staff.sync"); len(got) != 3 {
			t.Errorf("%v", got)
		}
	})
}

// What is no text is cut or is nobody's: it is never a mistake of the database.
func TestInputThatIsNoText(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		staff.Cheap(o.Staff)
		for _, mail := range []string{"ada@csirt.example\x00", "\xff@csirt.example", "\x00"} {
			_, err := o.signIn(mail, phrase, "000000")
			o.want(staff.ErrSignIn, err, mail)
		}
		for _, device := range []string{strings.Repeat("a", 199) + "\u5b89", "bad \xff", "nul \x00"} {
			link, err := o.OfferLink(ctx, o.now, operator, store.LinkOperator, o.ada, time.Hour)
			o.must(err)
			_, v, err := o.OpenLink(ctx, o.now, link, device)
			o.must(err)
			a, err := o.Account(ctx, o.now, v)
			o.must(err)
			if d := a.Here.Device; d == "" || len(d) > 200 || !utf8.ValidString(d) || strings.ContainsRune(d, 0) {
				t.Errorf("%q is kept as %q", device, d)
			}
		}
	})
}
