package desk

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/register"
	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/web/change"
	"tocsin/internal/web/page"
)

// changes are the desk's pages of what parties want changed in the register.
type changes struct {
	loop     *loop.Loop
	register *register.Register
}

// ChangeRoutes lists the addresses of the desk's confirmation of changes.
func ChangeRoutes(l *loop.Loop, r *register.Register) []page.Route {
	c := &changes{l, r}
	return []page.Route{
		route("GET /desk/changes", people.Read, c.list),
		route("GET /desk/changes/{id}", people.Read, c.show),
		route("POST /desk/changes/{id}", people.Register, c.decide),
	}
}

// ChangePages are their templates.
var ChangePages = []page.Spec{
	{Name: "desk/changes", View: page.View[changesBody]{}},
	{Name: "desk/change", View: page.View[changeBody]{}},
}

type changesBody struct {
	State  party.RequestState
	States []changeTab
	Rows   []register.Row
	Pager  page.Pager
	Count  int // of those that wait
	Curl   string
}

type changeTab struct {
	State   party.RequestState
	Link    string
	Current bool
}

const changesPage = "/desk/changes"

func (c *changes) list(v *page.Visit) error {
	ctx, q := v.R.Context(), v.R.URL.Query()
	b := changesBody{State: party.Proposed}
	for _, s := range party.RequestStates {
		if string(s) == q.Get("state") {
			b.State = s
		}
	}
	for _, s := range party.RequestStates {
		b.States = append(b.States, changeTab{s, changesAt(s, register.Cursor{}), s == b.State})
	}
	var after register.Cursor
	if us, err := strconv.ParseInt(q.Get("at"), 10, 64); err == nil && us > 0 {
		after = register.Cursor{At: time.UnixMicro(us).UTC(), ID: q.Get("id")}
	}
	rows, err := c.register.Changes(ctx, v.Now, v.Who.Actor, b.State, after, pageSize+1)
	if err != nil {
		return err
	}
	if b.Count, err = c.register.WaitingCount(ctx, v.Now, v.Who.Actor, loop.CountCap); err != nil {
		return err
	}
	if len(rows) > pageSize {
		rows = rows[:pageSize]
		last := rows[pageSize-1]
		b.Pager.Older = changesAt(b.State, register.Cursor{At: last.At, ID: last.ID})
	}
	if !after.At.IsZero() {
		b.Pager.Newest = changesAt(b.State, register.Cursor{})
	}
	b.Rows, b.Pager.Shown = rows, len(rows)
	b.Curl = v.Curl("/api/v1/changes", url.Values{"state": {string(b.State)}})
	return page.Show(v, "desk/changes", v.T("changes.title"), b)
}

func changesAt(s party.RequestState, after register.Cursor) string {
	q := url.Values{"state": {string(s)}}
	if !after.At.IsZero() {
		q.Set("at", strconv.FormatInt(after.At.UnixMicro(), 10))
		q.Set("id", after.ID)
	}
	return changesPage + "?" + q.Encode()
}

type changeBody struct {
	register.Row
	Diff    []page.Change
	Claims  []party.Claim // who answers for it as the register stands now; the first does
	Names   map[ident.Party]string
	Taken   bool // another party answers for it now
	Waits   bool
	May     bool // the visitor may decide
	Mistake string
	Reason  page.Field
}

func (c *changes) show(v *page.Visit) error { return c.showChange(v, http.StatusOK, "", "") }

func (c *changes) showChange(v *page.Visit, status int, mistake, reason string) error {
	row, err := c.register.ByID(v.R.Context(), v.Now, v.Who.Actor, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	b := changeBody{
		Row: row, Diff: change.Diff(v, row.Request), Waits: row.State == party.Proposed, May: v.May(people.Register), Mistake: mistake,
		Reason: page.Field{Name: "reason", Label: v.T("field.reason"), Type: "textarea", Value: reason, Max: party.MaxReason, Hint: v.T("changes.refuse_hint")},
	}
	if b.Waits {
		if err := c.claims(v, &b); err != nil {
			return err
		}
	}
	return page.ShowAs(v, status, "desk/change", v.T("changes.single"), b)
}

// claims fills in who answers for the thing as the register stands: a change that takes it from somebody shows whom.
func (c *changes) claims(v *page.Visit, b *changeBody) error {
	subject, ok := subjectOf(b.Request)
	if !ok {
		return nil
	}
	reg, err := c.loop.Register(v.R.Context(), v.Now)
	if err != nil {
		return err
	}
	b.Claims = reg.Attribute(subject).Claims
	ids := make([]ident.Party, len(b.Claims))
	for i, c := range b.Claims {
		ids[i] = c.Party
	}
	if b.Names, err = c.loop.PartyNames(v.R.Context(), ids); err != nil {
		return err
	}
	b.Taken = len(b.Claims) > 0 && b.Claims[0].Party != b.Party && !b.After.None()
	return nil
}

// subjectOf is what the rule is asked about: of a prefix its first address.
func subjectOf(q party.Request) (party.Subject, bool) {
	e := q.After
	if e.None() {
		e = q.Before
	}
	switch {
	case e.Value == "":
		return party.Subject{}, false
	case q.What == party.OfSystem:
		return party.Subject{Asset: asset.Asset{Kind: asset.Kind(e.Kind), Value: e.Value}}, true
	case e.Kind == string(party.Prefix):
		p, err := netip.ParsePrefix(e.Value)
		return party.Subject{Asset: asset.Asset{Kind: asset.IP, Value: p.Addr().String()}}, err == nil
	case e.Kind == string(party.Domain):
		return party.Subject{Asset: asset.Asset{Kind: asset.Domain, Value: e.Value}}, true
	case e.Kind == string(party.ASN):
		n, err := strconv.ParseUint(e.Value, 10, 32)
		return party.Subject{Asset: asset.Asset{Kind: asset.ASN, Value: e.Value}, ASN: uint32(n)}, err == nil
	}
	return party.Subject{}, false
}

// decide carries a change out or refuses it.
func (c *changes) decide(v *page.Visit) error {
	ctx, id, post := v.R.Context(), v.R.PathValue("id"), v.R.PostForm
	switch post.Get("do") {
	case "confirm":
		if _, err := c.register.Confirm(ctx, v.Now, v.Who.Actor, id); err != nil {
			return err
		}
		return v.Redirect(changesPage, "change_confirmed")
	case "refuse":
		_, err := c.register.Refuse(ctx, v.Now, v.Who.Actor, id, post.Get("reason"))
		if fault.Status(err) == http.StatusUnprocessableEntity {
			return c.showChange(v, http.StatusUnprocessableEntity, v.T("changes.need_reason"), post.Get("reason"))
		}
		if err != nil {
			return err
		}
		return v.Redirect(changesPage, "change_refused")
	}
	return fault.New(fault.Invalid, "do: confirm or refuse was expected")
}
