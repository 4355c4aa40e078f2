package office

import (
	"net/http"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type personBody struct {
	side
	staff.Member
	Address string // of this page's forms
	State   string
	Held    []held
	Posts   []people.Post // that can be given
	Holds   []people.Hold
	Mistake string
	Link    string // of an invitation that was just made: shown once
	Until   time.Time
	Self    bool
}

type held struct {
	people.Assignment
	Title string
	Live  bool // holds it, or will
}

func (o *office) person(v *page.Visit) error { return o.showPerson(v, http.StatusOK, personBody{}) }

func (o *office) showPerson(v *page.Visit, status int, b personBody) error {
	b.side = sideOf(v)
	var err error
	if b.Member, err = o.staff.Member(v.R.Context(), v.Now, v.Who.Actor, ident.Person(v.R.PathValue("id"))); err != nil {
		return err
	}
	b.Party, b.Address, b.Holds = b.Person.Party, b.Base+"/"+string(b.Person.ID), people.Holds
	b.State, b.Self = state(b.Organisation, b.Person), v.Who.ID == string(b.Person.ID)
	for _, a := range b.Organisation.Of(b.Person.ID) {
		p, _ := b.Organisation.Post(a.Post)
		b.Held = append(b.Held, held{a, p.Title, (a.To.IsZero() || a.To.After(v.Now) && a.To.After(a.From)) && b.Organisation.Live(p)})
	}
	for _, p := range b.Organisation.Posts {
		if b.Organisation.Live(p) {
			b.Posts = append(b.Posts, p)
		}
	}
	title := b.Person.Name
	if title == "" {
		title = v.T("people.erased")
	}
	return page.ShowAs(v, status, b.area+"/person", title, b)
}

// changePerson does what a form of the person's page says.
func (o *office) changePerson(v *page.Visit) error {
	ctx, f, by, id := v.R.Context(), v.R.PostFormValue, v.Who.Actor, ident.Person(v.R.PathValue("id"))
	m, err := o.staff.Member(ctx, v.Now, by, id)
	if err != nil {
		return err // somebody else's people are not there
	}
	switch f("do") {
	case "assign":
		err = o.assign(v, id)
	case "unassign":
		err = o.staff.Unassign(ctx, v.Now, by, id, f("assignment"))
	case "disable":
		err = o.staff.Disable(ctx, v.Now, by, id)
	case "enable":
		err = o.staff.Enable(ctx, v.Now, by, id)
	case "rename":
		err = o.staff.Rename(ctx, v.Now, by, id, f("name"), f("mail"))
	case "erase":
		if f("sure") == "" {
			err = fault.New(fault.Invalid, "%s", v.T("people.sure"))
		} else {
			err = o.staff.Erase(ctx, v.Now, by, id)
		}
	case "revoke":
		err = o.staff.RevokeToken(ctx, v.Now, by, f("token"))
	case "invite":
		var token string
		if token, err = o.staff.InviteAgain(ctx, v.Now, by, id); err == nil {
			return o.showPerson(v, http.StatusOK, personBody{Link: o.staff.SignInURL(m.Person.Party, token), Until: v.Now.Add(staff.InviteLife)})
		}
	default:
		return fault.New(fault.Invalid, "do: nothing like this can be done here")
	}
	if text, ok := mistake(v, err); ok {
		return o.showPerson(v, http.StatusUnprocessableEntity, personBody{Mistake: text})
	}
	if err != nil {
		return err
	}
	return v.Redirect(v.R.URL.Path, "people")
}

func (o *office) assign(v *page.Visit, id ident.Person) error {
	from, err := dayOf(v, "from")
	if err != nil {
		return err
	}
	to, err := dayOf(v, "to")
	if err != nil {
		return err
	}
	_, err = o.staff.Assign(v.R.Context(), v.Now, v.Who.Actor, people.Assignment{
		Person: id, Post: ident.Post(v.R.PostFormValue("post")), Hold: people.Hold(v.R.PostFormValue("hold")), From: from, To: to,
	})
	return err
}

type tokensBody struct {
	Tokens  []token
	May     []people.Power
	Secret  string // of the token that was just made: shown once
	Mistake string
}

type token struct {
	staff.Token
	Live bool
}

func (o *office) tokens(v *page.Visit) error { return o.showTokens(v, http.StatusOK, tokensBody{}) }

func (o *office) showTokens(v *page.Visit, status int, b tokensBody) error {
	list, err := o.staff.Tokens(v.R.Context(), v.Who.Actor, ident.Person(v.Who.ID))
	if err != nil {
		return err
	}
	for _, k := range list {
		b.Tokens = append(b.Tokens, token{k, k.Ended.IsZero() && v.Now.Before(k.Expires)})
	}
	if !v.Who.Weak {
		b.May = staff.PersonPowers(v.Who.Actor)
	}
	return page.ShowAs(v, status, "account/tokens", v.T("tokens.title"), b)
}

func (o *office) makeToken(v *page.Visit) error {
	life := map[string]time.Duration{"30": 30 * 24 * time.Hour, "365": staff.MaxTokenLife}[v.R.PostFormValue("days")] // else the default
	secret, _, err := o.staff.MakeToken(v.R.Context(), v.Now, v.Who.Actor, v.R.PostFormValue("label"), list[people.Power](v.R, "scope"), life)
	if text, ok := mistake(v, err); ok {
		return o.showTokens(v, http.StatusUnprocessableEntity, tokensBody{Mistake: text})
	}
	if err != nil {
		return err
	}
	return o.showTokens(v, http.StatusOK, tokensBody{Secret: secret})
}

func (o *office) endToken(v *page.Visit) error {
	if err := o.staff.RevokeToken(v.R.Context(), v.Now, v.Who.Actor, v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Redirect("/account/tokens", "people")
}
