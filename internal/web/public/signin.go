package public

import (
	"errors"
	"net/http"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/web/account"
	"tocsin/internal/web/page"
)

type signInBody struct {
	PasskeysHere bool
	Provider     bool
	Mail         string
	Mistake      string
}

func (p *public) signIn(v *page.Visit) error {
	if to := page.Home(v.Who); to != "/" {
		http.Redirect(v.W, v.R, to, http.StatusSeeOther)
		return nil
	}
	return p.showSignIn(v, nil)
}

// showSignIn shows the ways to sign in, with what was wrong before.
func (p *public) showSignIn(v *page.Visit, before error) error {
	status := http.StatusOK
	mistake, ok := account.Mistake(v, before)
	switch {
	case ok:
		status = http.StatusForbidden
	case before != nil:
		return before
	}
	return page.ShowAs(v, status, "public/sign-in", v.T("public.sign_in.title"), signInBody{
		PasskeysHere: p.Staff.PasskeysHere(), Provider: p.Staff.HasProvider(), Mail: v.R.PostFormValue("mail"), Mistake: mistake,
	})
}

// byPassword signs in by mail, password and code.
func (p *public) byPassword(v *page.Visit) error {
	f := v.R.PostForm
	token, who, err := p.Staff.SignInByPassword(v.R.Context(), v.Now, staff.Attempt{
		Mail: f.Get("mail"), Password: f.Get("password"), Code: f.Get("code"), Address: v.From(), Device: v.R.UserAgent(),
		Known: v.Cookie(deviceCookie),
	})
	if err != nil {
		return p.showSignIn(v, err)
	}
	return p.opened(v, token, who, "")
}

// deviceCookie is the name under which a browser keeps that it is known.
const deviceCookie = "device"

// opened gives the browser its session, and makes it known to the account. Whoever used a recovery code sees first how many are left.
func (p *public) opened(v *page.Visit, token string, who page.Visitor, next string) error {
	v.SetToken(token, account.SignedIn)
	known, err := p.Staff.KnowDevice(v.R.Context(), v.Now, who)
	if err != nil {
		return err
	}
	v.SetCookie(deviceCookie, known, int(staff.DeviceLife/time.Second))
	switch {
	case who.Recovered:
		return v.Redirect(page.Account, "")
	case next != "" && !who.Weak:
		return v.Redirect(next, "")
	}
	return v.Redirect(page.Home(who), "sign_in")
}

// askPasskey asks the browser for a passkey.
func (p *public) askPasskey(v *page.Visit) error {
	c, err := p.Staff.AskPasskey(v.R.Context(), v.Now, page.Visitor{})
	if err != nil {
		return p.showSignIn(v, err)
	}
	return page.Show(v, "public/passkey", v.T("public.sign_in.title"), account.Ceremony{
		Kind: "get", Action: "/sign-in/passkey/done", Back: "/sign-in", ID: c.ID, Options: c.Options,
	})
}

func (p *public) byPasskey(v *page.Visit) error {
	f := v.R.PostForm
	token, who, err := p.Staff.SignInByPasskey(v.R.Context(), v.Now, f.Get("ceremony"), v.R.UserAgent(), []byte(f.Get("response")))
	if err != nil {
		return p.showSignIn(v, err)
	}
	return p.opened(v, token, who, "")
}

// backToSignIn answers whoever reloads a page that is only an answer to a form.
func (p *public) backToSignIn(v *page.Visit) error { return v.Redirect("/sign-in", "") }

// toProvider sends the browser to the OpenID provider. It is a link, not a form: the policy of our pages lets forms lead
// nowhere else.
func (p *public) toProvider(v *page.Visit) error {
	q := v.R.URL.Query()
	to, cookie, err := p.Staff.StartOIDC(v.R.Context(), v.Now, page.Local(q.Get("next")), q.Get("prove") != "")
	if err != nil {
		return providerFailed(v, err)
	}
	v.SetCookie("oidc", cookie, int(5*time.Minute/time.Second))
	http.Redirect(v.W, v.R, to, http.StatusSeeOther)
	return nil
}

// fromProvider is where the provider sends the browser back to.
func (p *public) fromProvider(v *page.Visit) error {
	q := v.R.URL.Query()
	cookie := v.Cookie("oidc")
	v.SetCookie("oidc", "", 0)
	if q.Get("error") != "" || q.Get("code") == "" {
		return fault.New(fault.Denied, "%s", v.T("public.sign_in.provider_refused"))
	}
	token, who, next, err := p.Staff.FinishOIDC(v.R.Context(), v.Now, q.Get("state"), cookie, q.Get("code"), v.R.UserAgent())
	if err != nil {
		return providerFailed(v, err)
	}
	return p.opened(v, token, who, next)
}

// providerFailed says in the visitor's language what became of a sign-in at the provider.
func providerFailed(v *page.Visit, err error) error {
	text, ok := account.Mistake(v, err)
	switch {
	case ok:
	case errors.Is(err, fault.Unavailable):
		text = v.T("public.sign_in.provider_down")
	case errors.Is(err, fault.Denied), errors.Is(err, fault.Expired):
		text = v.T("public.sign_in.provider_refused")
	default:
		return err
	}
	v.Kit.Log.WarnContext(v.R.Context(), "sign-in at the provider failed", "error", err, "request", v.ID)
	kind := fault.Denied
	if errors.Is(err, fault.Unavailable) {
		kind = fault.Unavailable
	}
	return fault.New(kind, "%s", text)
}

type confirmBody struct {
	Who    page.Visitor
	Action string
}

// confirm shows a button and uses nothing up: mail scanners open every link that they see.
func (p *public) confirm(v *page.Visit) error {
	token := v.R.PathValue("token")
	who, err := p.Staff.PeekLink(v.R.Context(), v.Now, token)
	if err != nil {
		return badLink(v, err)
	}
	return page.Show(v, "public/confirm", v.T("public.sign_in.title"), confirmBody{who, "/sign-in/" + token})
}

func (p *public) open(v *page.Visit) error {
	token, who, err := p.Staff.OpenLink(v.R.Context(), v.Now, v.R.PathValue("token"), v.R.UserAgent())
	if err != nil {
		return badLink(v, err)
	}
	v.SetToken(token, int(staff.SessionLife/time.Second))
	return v.Redirect(page.Home(who), "sign_in")
}

// badLink says in the visitor's language what is wrong with a link.
func badLink(v *page.Visit, err error) error {
	switch {
	case errors.Is(err, fault.Expired):
		return fault.New(fault.Expired, "%s", v.T("error.link_used"))
	case errors.Is(err, fault.NotFound):
		return fault.New(fault.NotFound, "%s", v.T("error.link_unknown"))
	}
	return err
}

func (p *public) signOut(v *page.Visit) error {
	if token := v.Token(); token != "" {
		if err := p.Staff.SignOut(v.R.Context(), v.Now, token); err != nil {
			return err
		}
	}
	v.SetToken("", 0)
	return v.Redirect("/", "sign_out")
}
