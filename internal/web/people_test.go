package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// form is one form of the people's pages.
func form(do string, pairs ...string) url.Values {
	f := url.Values{"do": {do}}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// sent posts a form that must be taken.
func (p *person) sent(path string, f url.Values, want int) string {
	p.t.Helper()
	r := p.post(path, f)
	if r.Code != want {
		p.t.Fatalf("POST %s %v: %d\n%s", path, f, r.Code, r.Body)
	}
	return r.Body.String()
}

func (w *world) party(id ident.Party) {
	w.t.Helper()
	_, err := w.loop.PutParty(w.t.Context(), w.now, operator, party.Party{ID: id, Name: "Bank", Kind: "institution", Language: "en", Rank: 100})
	w.must(err)
}

// The pages on people, in both languages, before and after something is there.
func TestPeoplePages(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	for _, language := range []string{"en", "zh"} {
		ada, hui := w.signedIn(ident.Authority, language), w.signedIn("city-hospital", language)
		for base, who := range map[string]*person{"/desk/people": ada, "/my/people": hui} {
			checkPage(t, who, base, language)
			id := who.first(base, `href="`+base+`/(per_[a-z0-9]+)"`)
			checkPage(t, who, base+"/"+id, language)
			checkPage(t, who, "/account/tokens", language)
		}
		checkPage(t, ada, "/desk/people?party=city-hospital", language)
		checkPage(t, ada, "/desk/proposals", language)
	}
	if r := w.signedIn("city-hospital", "en").get("/desk/people"); r.Code != http.StatusNotFound {
		t.Errorf("a party looks at the authority's people: %d", r.Code)
	}
}

// An administrator invites somebody, who opens the link; gives and ends a post; disables and erases them.
func TestInviteOnPages(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	body := ada.sent("/desk/people", form("invite", "name", "Bo", "mail", "bo@csirt.example", "language", "zh", "post", "handler"), http.StatusOK)
	link := regexp.MustCompile(`https://tocsin\.example(/sign-in/[a-z0-9]+)`).FindStringSubmatch(body)
	if link == nil {
		t.Fatalf("no link on the page\n%s", body)
	}
	bo := w.visitor("en")
	bo.sent(link[1], nil, http.StatusSeeOther)
	if r := bo.get("/desk"); r.Header().Get("Location") != "/account" {
		t.Errorf("an invited person is sent to %q", r.Header().Get("Location"))
	}
	if again := ada.sent("/desk/people", form("invite", "name", "Bo", "mail", "bo@csirt.example", "language", "zh"), http.StatusUnprocessableEntity); !strings.Contains(again, "already") {
		t.Error("a mail address twice")
	}
	who, err := w.staff.PersonByMail(t.Context(), "bo@csirt.example")
	w.must(err)
	page := "/desk/people/" + string(who.ID)
	ada.sent(page, form("assign", "post", "auditor", "hold", "deputy", "to", "2026-12-24"), http.StatusSeeOther)
	assignment := ada.first(page, `name="assignment" value="(asg_[a-z0-9]+)"`)
	ada.sent(page, form("unassign", "assignment", assignment), http.StatusSeeOther)
	ada.sent(page, form("rename", "name", "Bo Li", "mail", "bo@csirt.example"), http.StatusSeeOther)
	ada.sent(page, form("invite"), http.StatusOK)
	ada.sent(page, form("disable"), http.StatusSeeOther)
	if r := bo.get("/account"); r.Code != http.StatusSeeOther {
		t.Errorf("a disabled person's session: %d", r.Code)
	}
	ada.sent(page, form("enable"), http.StatusSeeOther)
	ada.sent(page, form("erase"), http.StatusUnprocessableEntity)
	ada.sent(page, form("erase", "sure", "yes"), http.StatusSeeOther)
	if strings.Contains(ada.ok("/desk/people"), "Bo Li") {
		t.Error("an erased person is on the list")
	}
	checkPage(t, ada, page, "en")
	w.must(w.staff.CheckPeople(t.Context()))
}

// Units and posts are made, changed and ended; the last administrator is kept, and the page says why.
func TestPostsOnPages(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	hui := w.signedIn("city-hospital", "en")
	hui.sent("/my/people", form("unit", "name", "Radiology"), http.StatusSeeOther)
	unit := hui.first("/my/people", `<option value="(unt_[a-z0-9]+)">Radiology`)
	hui.sent("/my/people", form("post", "unit", unit, "title", "Deputy contact", "power", "read", "power", "answer"), http.StatusSeeOther)
	hui.sent("/my/people", form("post", "unit", unit, "title", "Spy", "power", "raw"), http.StatusUnprocessableEntity)
	hui.sent("/my/people", form("end-unit", "unit", unit), http.StatusUnprocessableEntity)
	self := "/my/people/" + hui.first("/my/people", `href="/my/people/(per_[a-z0-9]+)"`)
	if body := hui.sent(self, form("disable"), http.StatusUnprocessableEntity); !strings.Contains(body, "without an administrator") {
		t.Error("the page does not say why")
	}
	hui.ok("/my/people")
	hui.sent("/my/people", form("nonsense"), http.StatusUnprocessableEntity)
	// Naming another organisation in the form changes nothing: a party's own is taken from the session.
	hui.sent("/my/people", form("unit", "name", "Elsewhere", "party", "authority"), http.StatusSeeOther)
	if !strings.Contains(hui.ok("/my/people"), "Elsewhere") {
		t.Error("the unit went to another organisation")
	}
	w.must(w.staff.CheckPeople(t.Context()))
}

func anyParty(object, _ string) error {
	if !strings.HasPrefix(object, "party:") {
		return fault.New(fault.Invalid, "party:ID was expected")
	}
	return nil
}

// Ending a party takes two: one proposes on the party's page, another approves, and the party is gone.
func TestProposalsOnPages(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	w.party("bank")
	w.staff.Execute("party.end", anyParty, func(ctx context.Context, now time.Time, by access.Actor, p people.Proposal) error {
		return w.loop.EndParty(ctx, now, by, p.By, "bank")
	})
	ada := w.signedIn(ident.Authority, "en")
	bo, _, err := w.staff.Invite(t.Context(), w.now, operator, staff.Invitation{
		Person: people.Person{Party: ident.Authority, Name: "Bo", Mail: "bo@csirt.example", Language: "en"}, Posts: []ident.Post{"approver"},
	})
	w.must(err)
	link, err := w.staff.OfferLink(t.Context(), w.now, operator, "operator", bo.ID, time.Hour)
	w.must(err)
	second := w.visitor("en")
	second.sent("/sign-in/"+link, nil, http.StatusSeeOther)

	if !strings.Contains(ada.ok("/desk/parties/bank"), `value="party.end"`) || strings.Contains(second.ok("/desk/parties/bank"), `value="party.end"`) {
		t.Error("the form to propose stands where it should not, or not where it should")
	}
	want := url.Values{"act": {"party.end"}, "object": {"party:bank"}, "reason": {"It merged."}}
	if r := second.post("/desk/proposals", want); r.Code != http.StatusForbidden {
		t.Errorf("proposed without the power: %d", r.Code)
	}
	ada.sent("/desk/proposals", want, http.StatusSeeOther)
	id := ada.first("/desk/proposals", `action="/desk/proposals/(prp_[a-z0-9]+)"`)
	digest := second.first("/desk/proposals", `name="digest" value="([0-9a-f]+)"`)
	for _, language := range []string{"en", "zh"} {
		second.language = language
		checkPage(t, second, "/desk/proposals", language)
	}
	if r := ada.post("/desk/proposals/"+id, form("approve", "digest", digest)); r.Code != http.StatusUnprocessableEntity {
		t.Errorf("approved by the one who proposed: %d", r.Code)
	}
	second.sent("/desk/proposals/"+id, form("approve", "digest", "00"), http.StatusUnprocessableEntity)
	second.sent("/desk/proposals/"+id, form("approve", "digest", digest), http.StatusSeeOther)
	checkPage(t, second, "/desk/proposals", "zh")
	if strings.Contains(ada.ok("/desk/parties"), `href="/desk/parties/bank"`) {
		t.Error("the party is still on the list")
	}
}

// The first start: the form, a mistake in it, and the account page with nothing else open.
func TestSetUpPages(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	token, err := w.staff.OfferSetup(t.Context(), w.now, operator)
	w.must(err)
	path := "/set-up/" + token
	for _, language := range []string{"en", "zh"} {
		checkPage(t, w.visitor(language), path, language)
	}
	ada := w.visitor("en")
	if r := ada.get("/set-up/guess"); r.Code != http.StatusNotFound {
		t.Errorf("a guess: %d", r.Code)
	}
	ada.sent(path, url.Values{"name": {"Ada"}, "mail": {"nothing"}, "language": {"en"}}, http.StatusUnprocessableEntity)
	ada.sent(path, url.Values{"name": {"Ada"}, "mail": {"ada@csirt.example"}, "language": {"en"}}, http.StatusSeeOther)
	ada.ok("/account")
	if r := ada.get("/desk"); r.Header().Get("Location") != "/account" {
		t.Errorf("the desk is open before a proof of identity is set up: %d", r.Code)
	}
	if r := w.visitor("en").get(path); r.Code != http.StatusGone {
		t.Errorf("the link once more: %d", r.Code)
	}
}

// A token is shown once, works for what it may, and ends.
func TestTokensOnPages(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	ada := w.signedIn(ident.Authority, "en")
	ada.sent("/account/tokens", url.Values{"label": {"x"}}, http.StatusUnprocessableEntity)
	body := ada.sent("/account/tokens", url.Values{"label": {"export"}, "scope": {"export"}, "days": {"30"}}, http.StatusOK)
	secret := regexp.MustCompile(`tcp_[a-z0-9]+`).FindString(body)
	a, err := w.staff.ActorByToken(t.Context(), w.now, secret)
	w.must(err)
	if !a.Holds(people.Export, "") || strings.Contains(ada.ok("/account/tokens"), secret) {
		t.Errorf("%+v", a)
	}
	id := ada.first("/account/tokens", `/account/tokens/(tok_[a-z0-9]+)/end`)
	ada.sent("/account/tokens/"+id+"/end", nil, http.StatusSeeOther)
	if _, err := w.staff.ActorByToken(t.Context(), w.now, secret); err == nil {
		t.Error("a revoked token works")
	}
}

// newcomer is a person of an organisation whom no case used up.
func (w *trustWorld) newcomer(of ident.Party) ident.Person {
	w.t.Helper()
	p, _, err := w.staff.Invite(w.t.Context(), w.now, operator, staff.Invitation{
		Person: people.Person{Party: of, Name: "New", Mail: w.newMail(), Language: "en"},
	})
	w.must(err)
	return p.ID
}

func (w *trustWorld) newMail() string {
	w.used["mail"]++
	return fmt.Sprintf("new%d@mail.example", w.used["mail"])
}

func (w *trustWorld) invitation() url.Values {
	return form("invite", "name", "New", "mail", w.newMail(), "language", "en")
}

// ending is the form that proposes to end a party that nobody proposed to end before.
func (w *trustWorld) ending() url.Values {
	w.staff.Execute("party.end", anyParty, func(context.Context, time.Time, access.Actor, people.Proposal) error { return nil })
	w.used["ending"]++
	return url.Values{"act": {"party.end"}, "object": {fmt.Sprintf("party:gone%d", w.used["ending"])}, "reason": {"no"}}
}

// proposed is an open proposal of the handler.
func (w *trustWorld) proposed() string {
	w.t.Helper()
	f := w.ending()
	by, err := w.staff.ActorOf(w.t.Context(), w.now, "per_handler")
	w.must(err)
	p, err := w.staff.Propose(w.t.Context(), w.now, by, f.Get("act"), f.Get("object"), "", "no")
	w.must(err)
	return p.ID
}

// ownToken is an API token of the caller, of the handler where the caller is no person.
func (w *trustWorld) ownToken(c *caller) string {
	w.t.Helper()
	id, who := ident.New("tok"), "per_handler"
	if c.cookie != "" {
		who = "per_" + c.name
	}
	w.must(w.db.Keep(w.t.Context(), func(tx *store.Tx) error {
		return tx.InsertToken(w.t.Context(), store.Token{
			ID: id, Hash: hash(id), Person: ident.Person(who), Label: "x", Created: w.now, Expires: w.now.Add(time.Hour),
		})
	}))
	return id
}
