package public

import (
	"errors"
	"net/http"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/web/page"
)

type signInBody struct{}

func (p *public) signIn(v *page.Visit) error {
	if to := home(v.Who); to != "/" {
		http.Redirect(v.W, v.R, to, http.StatusSeeOther)
		return nil
	}
	return page.Show(v, "public/sign-in", v.T("public.sign_in.title"), signInBody{})
}

func home(who page.Visitor) string {
	switch {
	case who.Desk():
		return "/desk"
	case who.Member():
		return "/my"
	}
	return "/"
}

type confirmBody struct {
	Who    page.Visitor
	Action string
}

// confirm shows a button and uses nothing up: mail scanners open every link that they see.
func (p *public) confirm(v *page.Visit) error {
	token := v.R.PathValue("token")
	who, err := p.staff.PeekLink(v.R.Context(), v.Now, token)
	if err != nil {
		return badLink(v, err)
	}
	return page.Show(v, "public/confirm", v.T("public.sign_in.title"), confirmBody{who, "/sign-in/" + token})
}

func (p *public) open(v *page.Visit) error {
	token, who, err := p.staff.OpenLink(v.R.Context(), v.Now, v.R.PathValue("token"), v.R.UserAgent())
	if err != nil {
		return badLink(v, err)
	}
	v.SetToken(token, int(staff.SessionLife/time.Second))
	return v.Redirect(home(who), "sign_in")
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
		if err := p.staff.SignOut(v.R.Context(), v.Now, token); err != nil {
			return err
		}
	}
	v.SetToken("", 0)
	return v.Redirect("/", "sign_out")
}
