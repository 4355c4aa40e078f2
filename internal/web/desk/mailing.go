package desk

import (
	"tocsin/internal/act/mailing"
	"tocsin/internal/fault"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

// mails are the desk's pages of mail as a whole: what waits to be released, and the test of the way out.
type mails struct{ mailing *mailing.Desk }

// MailRoutes lists their addresses.
func MailRoutes(m *mailing.Desk) []page.Route {
	d := &mails{m}
	return []page.Route{
		route("GET /desk/notices/held", people.Read, d.held),
		route("POST /desk/notices/held/release", people.Register, d.release),
		route("POST /desk/notices/held/refuse", people.Register, d.refuse),
		route("POST /desk/system/mail", people.Staff, d.test),
	}
}

// MailPages are their templates.
var MailPages = []page.Spec{{Name: "desk/held", View: page.View[heldBody]{}}}

// heldShown is how many of the notices that wait the page lists; the list of all notices has the rest.
const heldShown = 100

const heldPage = "/desk/notices/held"

type heldBody struct {
	mailing.Waiting
	Rest   int // that are not shown
	May    bool
	Refuse page.Field // why
}

func (d *mails) held(v *page.Visit) error {
	w, err := d.mailing.Waiting(v.R.Context(), v.Now, v.Who.Actor, heldShown)
	if err != nil {
		return err
	}
	b := heldBody{
		Waiting: w, Rest: w.Notices - len(w.Rows), May: v.May(people.Register),
		Refuse: page.Field{Name: "reason", Label: v.T("field.reason"), Type: "textarea", Max: mailing.MaxReason, Required: true, Hint: v.T("held.refuse_hint")},
	}
	return page.Show(v, "desk/held", v.T("held.title"), b)
}

func (d *mails) release(v *page.Visit) error {
	id := v.R.PostForm.Get("hold")
	if id == "" {
		return fault.New(fault.Invalid, "hold: the number of what is released was expected")
	}
	if _, err := d.mailing.Release(v.R.Context(), v.Now, v.Who.Actor, id); err != nil {
		return err
	}
	return v.Redirect(heldPage, "held_release")
}

func (d *mails) refuse(v *page.Visit) error {
	_, err := d.mailing.Refuse(v.R.Context(), v.Now, v.Who.Actor, v.R.PostForm.Get("hold"), v.R.PostForm.Get("reason"))
	if err != nil {
		return err
	}
	return v.Redirect(heldPage, "held_refuse")
}

// test sends a mail that shows whether the way out works.
func (d *mails) test(v *page.Visit) error {
	if err := d.mailing.Test(v.R.Context(), v.Now, v.Who.Actor, v.R.PostForm.Get("to")); err != nil {
		return err
	}
	return v.Redirect("/desk/system#mail", "mail_test")
}
