package api

import (
	"time"

	"tocsin/internal/people"
)

// Views is the lists of the desk under names.
type Views struct {
	Views []View `json:"views"`
}

// View is a list of the desk under a name.
type View struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Query   string    `json:"query" doc:"An address of the desk: /desk/findings?state=open"`
	Shared  bool      `json:"shared" doc:"With the whole desk."`
	Mine    bool      `json:"mine"`
	Ends    bool      `json:"may_end" doc:"The token's person may take it away."`
	Created time.Time `json:"created"`
}

func (a *api) views(c *call, _ none) (Views, error) {
	if err := c.Desk(); err != nil {
		return Views{}, err
	}
	list, err := a.Triage.Views(c.Ctx, c.By)
	var out Views
	for _, v := range list {
		mine := v.Owner == c.By.String()
		out.Views = append(out.Views, View{
			v.ID, v.Name, v.Query, v.Shared, mine, mine || v.Shared && c.By.Holds(people.Triage, c.By.Party), v.Created,
		})
	}
	return out, err
}

type viewBody struct {
	Name   string `json:"name" required:"true" max:"400" doc:"In at most 80 characters."`
	Query  string `json:"query" required:"true" max:"2000" doc:"An address of the desk: /desk/findings?state=open"`
	Shared bool   `json:"shared,omitempty" doc:"With the whole desk."`
}

type saveViewQuery struct {
	Body viewBody
}

func (a *api) saveView(c *call, q saveViewQuery) (View, error) {
	if err := c.Desk(); err != nil {
		return View{}, err
	}
	v, err := a.Triage.SaveView(c.Ctx, c.Now, c.By, q.Body.Name, q.Body.Query, q.Body.Shared)
	return View{v.ID, v.Name, v.Query, v.Shared, true, true, v.Created}, err
}

type viewQuery struct {
	ID string `path:"id"`
}

func (a *api) endView(c *call, q viewQuery) (none, error) {
	if err := c.Desk(); err != nil {
		return none{}, err
	}
	return none{}, a.Triage.EndView(c.Ctx, c.Now, c.By, q.ID)
}
