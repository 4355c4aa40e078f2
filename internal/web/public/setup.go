package public

import (
	"errors"
	"net/http"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type setupBody struct {
	Action               string
	Name, Mail, Language string
	Mistake              string
}

// setUp shows the form of the first start and uses nothing up.
func (p *public) setUp(v *page.Visit) error {
	if err := p.Staff.PeekSetup(v.R.Context(), v.Now, v.R.PathValue("token")); err != nil {
		return badLink(v, err)
	}
	return showSetUp(v, http.StatusOK, setupBody{Language: string(v.Lang)})
}

func showSetUp(v *page.Visit, status int, b setupBody) error {
	b.Action = "/set-up/" + v.R.PathValue("token")
	return page.ShowAs(v, status, "public/set-up", v.T("set_up.title"), b)
}

// found makes the first administrator, who then sets up how they sign in.
func (p *public) found(v *page.Visit) error {
	f := v.R.PostFormValue
	who := people.Person{Name: f("name"), Mail: f("mail"), Language: f("language")}
	token, _, err := p.Staff.SetUp(v.R.Context(), v.Now, v.R.PathValue("token"), who, v.R.UserAgent())
	if errors.Is(err, fault.Invalid) {
		text, _ := v.Refusal(err)
		return showSetUp(v, http.StatusUnprocessableEntity, setupBody{Name: f("name"), Mail: f("mail"), Language: f("language"), Mistake: text})
	}
	if err != nil {
		return badLink(v, err)
	}
	v.SetToken(token, int(staff.SessionLife/time.Second))
	return v.Redirect(page.Account, "set_up")
}
