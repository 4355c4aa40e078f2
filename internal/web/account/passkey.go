package account

import (
	"net/http"

	"tocsin/internal/act/staff"
	"tocsin/internal/web/page"
)

// Ceremony is a page on which the browser is asked for a passkey. It needs its script: nothing else can ask.
type Ceremony struct {
	Kind    string // "create" or "get"
	Action  string // where the answer goes
	Back    string // where another way is
	ID      string
	Options string // JSON for the browser
	Label   string
	Next    string
}

func (a *account) offerPasskey(v *page.Visit) error {
	c, err := a.staff.OfferPasskey(v.R.Context(), v.Now, v.Who)
	if err != nil {
		return a.again(v, err)
	}
	label := v.R.PostFormValue("label")
	if label == "" {
		label = Browser(v.R.UserAgent())
	}
	return page.Show(v, "account/ceremony", v.T("account.passkeys.enrol"), Ceremony{
		Kind: "create", Action: "/account/passkeys/add", Back: page.Account, ID: c.ID, Options: c.Options, Label: label,
	})
}

func (a *account) addPasskey(v *page.Visit) error {
	f := v.R.PostForm
	err := a.staff.AddPasskey(v.R.Context(), v.Now, v.Who, f.Get("ceremony"), f.Get("label"), []byte(f.Get("response")))
	return a.changed(v, "passkey", err)
}

type proveBody struct {
	staff.Account
	PasskeysHere bool
	Provider     bool
	Next         string
	Again        bool
	Mistake      string
}

func (a *account) prove(v *page.Visit) error { return a.showProve(v, http.StatusOK, "") }

func (a *account) showProve(v *page.Visit, status int, mistake string) error {
	is, err := a.staff.Account(v.R.Context(), v.Now, v.Who)
	if err != nil {
		return err
	}
	return page.ShowAs(v, status, "account/prove", v.T("account.prove.title"), proveBody{
		Account: is, PasskeysHere: a.staff.PasskeysHere(), Provider: a.staff.HasProvider() && len(is.OIDC) > 0,
		Next: next(v), Again: v.R.FormValue("again") != "", Mistake: mistake,
	})
}

// next is where to go after proving who one is.
func next(v *page.Visit) string {
	if to := page.Local(v.R.FormValue("next")); to != "" {
		return to
	}
	return page.Home(v.Who)
}

func (a *account) proved(v *page.Visit, err error) error {
	if err != nil {
		text, ok := Mistake(v, err)
		if !ok {
			return err
		}
		return a.showProve(v, http.StatusUnprocessableEntity, text)
	}
	if v.R.PostFormValue("again") != "" {
		return v.Redirect(next(v), "proved")
	}
	return v.Redirect(next(v), "")
}

func (a *account) proveByPassword(v *page.Visit) error {
	return a.proved(v, a.staff.ProveByPassword(v.R.Context(), v.Now, v.Who, staff.Attempt{
		Password: v.R.PostFormValue("password"), Code: v.R.PostFormValue("code"), Address: v.From(),
	}))
}

func (a *account) askPasskey(v *page.Visit) error {
	c, err := a.staff.AskPasskey(v.R.Context(), v.Now, v.Who)
	if err != nil {
		return a.proved(v, err)
	}
	return page.Show(v, "account/ceremony", v.T("account.prove.title"), Ceremony{
		Kind: "get", Action: "/account/prove/passkey/done", Back: page.Prove, ID: c.ID, Options: c.Options, Next: next(v),
	})
}

func (a *account) proveByPasskey(v *page.Visit) error {
	f := v.R.PostForm
	return a.proved(v, a.staff.ProveByPasskey(v.R.Context(), v.Now, v.Who, f.Get("ceremony"), []byte(f.Get("response"))))
}
