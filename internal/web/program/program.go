// Package program owns the pages for those who connect programs: webhooks of the authority and of a party, the reference
// of the API, and the live counts that pages show.
//
// It parses requests, calls operations and fills page bodies; it decides nothing.
package program

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"tocsin/internal/act/casework"
	"tocsin/internal/act/program"
	"tocsin/internal/act/register"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
	"tocsin/internal/webhook"
)

// Acts are the operations behind these pages.
type Acts struct {
	Programs *program.Programs
	Staff    *staff.Staff
	Casework *casework.Casework
	Register *register.Register // nil: no changes of the register wait
	Document []byte             // the OpenAPI document of the API; empty: there is no reference
	Streams  *gate.Streams      // nil: live counts are not bounded
}

type pages struct {
	Acts
	reference referenceBody
}

// Routes lists the addresses.
func Routes(a Acts) []page.Route {
	p := &pages{Acts: a, reference: readDocument(a.Document)}
	routes := []page.Route{
		{Pattern: "GET /api-docs", Door: page.ForAll, Handle: p.showReference},
		{Pattern: "GET /desk/live", Door: page.ForDesk, Power: people.Read, Handle: p.live},
	}
	for base, door := range map[string]page.Door{"/desk/webhooks": page.ForDesk, "/my/webhooks": page.ForMember} {
		routes = append(routes,
			page.Route{Pattern: "GET " + base, Door: door, Power: people.Staff, Handle: p.list(base)},
			page.Route{Pattern: "POST " + base, Door: door, Power: people.Staff, Handle: p.make(base)},
			page.Route{Pattern: "POST " + base + "/{id}/test", Door: door, Power: people.Staff, Handle: p.test(base)},
			page.Route{Pattern: "POST " + base + "/{id}/rotate", Door: door, Power: people.Staff, Handle: p.rotate(base)},
			page.Route{Pattern: "POST " + base + "/{id}/end", Door: door, Power: people.Staff, Handle: p.end(base)},
			page.Route{Pattern: "POST " + base + "/{id}/retry/{delivery}", Door: door, Power: people.Staff, Handle: p.retry(base)},
		)
	}
	slices.SortFunc(routes, func(a, b page.Route) int { return strings.Compare(a.Pattern, b.Pattern) })
	return routes
}

type webhooksBody struct {
	Base    string // address of the page
	Rows    []webhookRow
	Secret  string // of the webhook that was just made or rotated; shown once
	Header  string // that carries the signature
	Label   page.Field
	URL     page.Field
	Acts    []actChoice
	Mistake string // about the acts
}

type webhookRow struct {
	program.Webhook
	Host string // of its address: the rest may be a key
	Dead bool   // the newest delivery failed for good
}

type actChoice struct {
	Act    string
	Ticked bool
}

// deliveriesShown is how many deliveries the page lists of a webhook.
const deliveriesShown = 10

func (p *pages) list(base string) page.Handler {
	return func(v *page.Visit) error { return p.show(v, http.StatusOK, webhooksBody{Base: base}) }
}

func (p *pages) show(v *page.Visit, status int, b webhooksBody) error {
	list, err := p.Programs.Webhooks(v.R.Context(), v.Who.Actor, deliveriesShown)
	if err != nil {
		return err
	}
	for _, w := range list {
		row := webhookRow{Webhook: w, Host: webhook.Host(w.URL)}
		row.Dead = len(w.Deliveries) > 0 && w.Deliveries[0].State == webhook.Dead
		b.Rows = append(b.Rows, row)
	}
	b.Header = webhook.Header
	b.Label.Name, b.Label.Label, b.Label.Required, b.Label.Max, b.Label.Autocomplete = "label", v.T("webhook.label"), true, 100, "off"
	b.Label.Hint = v.T("webhook.label_hint")
	b.URL.Name, b.URL.Label, b.URL.Type, b.URL.Required, b.URL.Max, b.URL.Autocomplete = "url", v.T("webhook.url"), "url", true, 2000, "off"
	b.URL.Hint = v.T("webhook.url_hint")
	if b.Acts == nil {
		for _, a := range webhook.ActsFor(v.Who.Party) {
			b.Acts = append(b.Acts, actChoice{Act: a})
		}
	}
	name := "desk/webhooks"
	if strings.HasPrefix(b.Base, "/my") {
		name = "member/webhooks"
	}
	return page.ShowAs(v, status, name, v.T("webhook.title"), b)
}

func (p *pages) make(base string) page.Handler {
	return func(v *page.Visit) error {
		f := v.R.PostForm
		o := program.Order{Label: f.Get("label"), URL: f.Get("url"), Acts: f["act"]}
		_, secret, err := p.Programs.MakeWebhook(v.R.Context(), v.Now, v.Who.Actor, o)
		if err == nil {
			return p.show(v, http.StatusOK, webhooksBody{Base: base, Secret: secret})
		}
		text, ok := fault.Message(err)
		if !ok || !errors.Is(err, fault.Invalid) {
			return err
		}
		b := webhooksBody{Base: base}
		b.Label.Value, b.URL.Value = o.Label, o.URL
		for _, a := range webhook.ActsFor(v.Who.Party) {
			b.Acts = append(b.Acts, actChoice{a, slices.Contains(o.Acts, a)})
		}
		switch field, _, _ := strings.Cut(text, ":"); field {
		case "label":
			b.Label.Error = v.T("webhook.mistake.label")
		case "url":
			b.URL.Error = v.T("webhook.mistake.url")
		default:
			b.Mistake = v.T("webhook.mistake.acts")
		}
		return p.show(v, http.StatusUnprocessableEntity, b)
	}
}

func (p *pages) rotate(base string) page.Handler {
	return func(v *page.Visit) error {
		secret, err := p.Programs.RotateWebhook(v.R.Context(), v.Now, v.Who.Actor, v.R.PathValue("id"))
		if err != nil {
			return err
		}
		return p.show(v, http.StatusOK, webhooksBody{Base: base, Secret: secret})
	}
}

func (p *pages) test(base string) page.Handler {
	return func(v *page.Visit) error {
		if err := p.Programs.TestWebhook(v.R.Context(), v.Now, v.Who.Actor, v.R.PathValue("id")); err != nil {
			return err
		}
		return v.Redirect(base, "webhook_test")
	}
}

func (p *pages) end(base string) page.Handler {
	return func(v *page.Visit) error {
		if err := p.Programs.EndWebhook(v.R.Context(), v.Now, v.Who.Actor, v.R.PathValue("id")); err != nil {
			return err
		}
		return v.Redirect(base, "webhook_end")
	}
}

func (p *pages) retry(base string) page.Handler {
	return func(v *page.Visit) error {
		err := p.Programs.RetryDelivery(v.R.Context(), v.Now, v.Who.Actor, v.R.PathValue("id"), v.R.PathValue("delivery"))
		if err != nil {
			return err
		}
		return v.Redirect(base, "webhook_retry")
	}
}

// Pages are the templates with the types that fill them.
var Pages = []page.Spec{
	{Name: "desk/webhooks", View: page.View[webhooksBody]{}},
	{Name: "member/webhooks", View: page.View[webhooksBody]{}},
	{Name: "public/api", View: page.View[referenceBody]{}},
}
