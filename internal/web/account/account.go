// Package account owns the pages on which people look after themselves: how they prove who they are, where they are
// signed in, and the language that they are spoken to in.
//
// It parses requests, calls operations of act/staff and fills page bodies; it decides nothing.
package account

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/web/page"
)

type account struct {
	staff *staff.Staff
}

// Routes lists the addresses of the account. A person without a second factor may see them: here they set one up.
func Routes(s *staff.Staff) []page.Route {
	a := &account{s}
	return []page.Route{
		{Pattern: "GET /account", Door: page.ForPerson, Handle: a.show},
		{Pattern: "POST /account/language", Door: page.ForPerson, Handle: a.language},
		{Pattern: "POST /account/passkeys", Door: page.ForPerson, Handle: a.offerPasskey},
		{Pattern: "POST /account/passkeys/add", Door: page.ForPerson, Handle: a.addPasskey},
		{Pattern: "POST /account/credentials/{id}/end", Door: page.ForPerson, Handle: a.endCredential},
		{Pattern: "POST /account/password", Door: page.ForPerson, Handle: a.password},
		{Pattern: "POST /account/totp", Door: page.ForPerson, Handle: a.offerTOTP},
		{Pattern: "GET /account/totp/{id}", Door: page.ForPerson, Handle: a.showTOTP},
		{Pattern: "GET /account/totp/{id}/code.png", Door: page.ForPerson, Handle: a.drawTOTP},
		{Pattern: "POST /account/totp/{id}", Door: page.ForPerson, Handle: a.addTOTP},
		{Pattern: "POST /account/recovery", Door: page.ForPerson, Handle: a.recovery},
		{Pattern: "POST /account/sessions/{id}/end", Door: page.ForPerson, Handle: a.endSession},
		{Pattern: "POST /account/sessions/end-others", Door: page.ForPerson, Handle: a.endOthers},
		{Pattern: "GET /account/prove", Door: page.ForPerson, Handle: a.prove},
		{Pattern: "POST /account/prove", Door: page.ForPerson, Handle: a.proveByPassword},
		{Pattern: "POST /account/prove/passkey", Door: page.ForPerson, Handle: a.askPasskey},
		{Pattern: "POST /account/prove/passkey/done", Door: page.ForPerson, Handle: a.proveByPasskey},
	}
}

// Pages are the templates of the account with the types that fill them.
var Pages = []page.Spec{
	{Name: "account/account", View: page.View[accountBody]{}},
	{Name: "account/ceremony", View: page.View[Ceremony]{}},
	{Name: "account/totp", View: page.View[totpBody]{}},
	{Name: "account/recovery", View: page.View[recoveryBody]{}},
	{Name: "account/prove", View: page.View[proveBody]{}},
}

type accountBody struct {
	staff.Account
	PasskeysHere bool
	Mistake      string
	Sessions     []session
	Others       bool // there are sessions beside this one
	Weak         bool
	Recovered    bool // signed in by a recovery code
	Least        int  // characters of a password
	Advised      int
}

// session is an open sign-in as its person sees it.
type session struct {
	staff.OpenSession
	Browser string
	Here    bool
}

func (a *account) show(v *page.Visit) error { return a.showWith(v, http.StatusOK, "") }

func (a *account) showWith(v *page.Visit, status int, mistake string) error {
	is, err := a.staff.Account(v.R.Context(), v.Now, v.Who)
	if err != nil {
		return err
	}
	b := accountBody{
		Account: is, PasskeysHere: a.staff.PasskeysHere(), Mistake: mistake, Weak: v.Who.Weak, Least: staff.MinPassword,
		Advised: staff.AdvisedPassword, Recovered: is.Here.Method == "recovery",
	}
	for _, s := range is.Sessions {
		here := s.ID == v.Who.Session
		b.Sessions = append(b.Sessions, session{s, Browser(s.Device), here})
		b.Others = b.Others || !here
	}
	return page.ShowAs(v, status, "account/account", v.T("account.title"), b)
}

// again shows the page once more with what was wrong, where that is the person's to mend.
func (a *account) again(v *page.Visit, err error) error {
	text, ok := Mistake(v, err)
	if !ok {
		return err
	}
	return a.showWith(v, http.StatusUnprocessableEntity, text)
}

// changed goes back to the account after an act that may have failed.
func (a *account) changed(v *page.Visit, done string, err error) error {
	if err != nil {
		return a.again(v, err)
	}
	return v.Redirect(page.Account, done)
}

func (a *account) language(v *page.Visit) error {
	language := v.R.PostFormValue("language")
	if err := a.staff.SetLanguage(v.R.Context(), v.Now, v.Who, language); err != nil {
		return err
	}
	return v.Redirect(page.Account+"?lang="+language, "language")
}

func (a *account) password(v *page.Visit) error {
	err := a.staff.SetPassword(v.R.Context(), v.Now, v.Who, v.R.PostFormValue("password"))
	return a.changed(v, "password", err)
}

func (a *account) endCredential(v *page.Visit) error {
	err := a.staff.EndCredential(v.R.Context(), v.Now, v.Who, v.R.PathValue("id"))
	return a.changed(v, "credential_ended", err)
}

type recoveryBody struct{ Codes []string }

func (a *account) recovery(v *page.Visit) error {
	codes, err := a.staff.NewRecovery(v.R.Context(), v.Now, v.Who)
	if err != nil {
		return a.again(v, err)
	}
	return page.Show(v, "account/recovery", v.T("account.recovery.title"), recoveryBody{codes})
}

func (a *account) endSession(v *page.Visit) error {
	return a.changed(v, "session_ended", a.staff.EndSession(v.R.Context(), v.Now, v.Who, v.R.PathValue("id")))
}

func (a *account) endOthers(v *page.Visit) error {
	return a.changed(v, "session_ended", a.staff.EndOthers(v.R.Context(), v.Now, v.Who))
}

// browsers and systems are looked for in this order: each calls itself by the names of those after it too.
var (
	browsers = [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems  = [][2]string{{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}}
)

// Browser shortens what a browser calls itself to its name and system.
func Browser(agent string) string {
	find := func(among [][2]string) string {
		i := slices.IndexFunc(among, func(n [2]string) bool { return strings.Contains(agent, n[0]) })
		if i < 0 {
			return ""
		}
		return among[i][1]
	}
	name, system := find(browsers), find(systems)
	switch {
	case name != "" && system != "":
		return name + " · " + system
	case name+system != "":
		return name + system
	case len(agent) > 60:
		return strings.ToValidUTF8(agent[:60], "") + "…"
	case agent == "":
		return "–"
	}
	return agent
}

// SignedIn is how long a browser keeps the cookie of a session, in seconds.
const SignedIn = int(staff.SessionLife / time.Second)
