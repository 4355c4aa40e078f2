package member

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tocsin/internal/act/register"
	"tocsin/internal/fault"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/web/change"
	"tocsin/internal/web/page"
)

type systemRow struct {
	party.System
	Waits bool // a change of it waits for the desk
	Count int  // live findings
	Link  string
}

type resourceRow struct {
	party.Resource
	Waits bool
	Count int
	Link  string
}

type systemsBody struct {
	Systems   []systemRow
	Resources []resourceRow
	Waiting   []changeRow
	Decided   []changeRow // the newest first
	Pager     page.Pager
	Answers   bool
}

// changeRow is a change with its difference spelled out.
type changeRow struct {
	register.Row
	Diff []page.Change
}

// decidedShown is how many decided changes one page shows.
const decidedShown = 20

const systemsPage = "/my/systems"

func (m *member) systems(v *page.Visit) error {
	ctx, by := v.R.Context(), v.Who.Actor
	b := systemsBody{Answers: v.May(people.Answer)}
	p, err := m.Register.Own(ctx, v.Now, by)
	if err != nil {
		return err
	}
	waiting, err := m.Register.Mine(ctx, v.Now, by, party.Proposed, register.Cursor{}, 200)
	if err != nil {
		return err
	}
	over, err := m.Exposure.Overview(ctx, v.Now, by)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, g := range over.Groups {
		counts[g.Value] += g.Count
	}
	waits := map[string]bool{}
	for _, w := range waiting {
		waits[w.Target] = true
		b.Waiting = append(b.Waiting, changeRow{w, change.Diff(v, w.Request)})
	}
	list := func(value string) string { return exposurePage + "?" + url.Values{"matched": {value}}.Encode() }
	for _, s := range p.Systems {
		b.Systems = append(b.Systems, systemRow{s, waits[s.ID], counts[s.Asset.Value], list(s.Asset.Value)})
	}
	for _, r := range p.Resources {
		b.Resources = append(b.Resources, resourceRow{r, waits[r.ID], counts[r.Value], list(r.Value)})
	}
	if err := m.decided(v, &b); err != nil {
		return err
	}
	return page.Show(v, "member/systems", v.T("member.systems.title"), b)
}

// decided fills the page of changes that are over; those that wait stand apart.
func (m *member) decided(v *page.Visit, b *systemsBody) error {
	after, first := cursorOf(v.R.URL.Query())
	rows, err := m.Register.Mine(v.R.Context(), v.Now, v.Who.Actor, "", after, decidedShown+201)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.State == party.Proposed {
			continue
		}
		if len(b.Decided) == decidedShown {
			last := b.Decided[decidedShown-1]
			b.Pager.Older = systemsPage + "?" + cursorQuery(register.Cursor{At: last.At, ID: last.ID}).Encode()
			break
		}
		b.Decided = append(b.Decided, changeRow{r, change.Diff(v, r.Request)})
	}
	if b.Pager.Shown = len(b.Decided); !first {
		b.Pager.Newest = systemsPage
	}
	return nil
}

type wishBody struct {
	What    string
	Target  string
	End     bool // it is to go
	New     bool
	Fields  []page.Field
	Mistake string
	Ready   bool // checked: Diff says what would change
	AtOnce  bool
	Diff    []page.Change
}

// wish shows the form of a change: for something new, or for what is there.
func (m *member) wish(v *page.Visit) error {
	q := v.R.URL.Query()
	w := register.Wish{What: party.RequestWhat(q.Get("what")), Target: q.Get("id")}
	if w.What != party.OfSystem && w.What != party.OfResource {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	if w.Target != "" {
		p, err := m.Register.Own(v.R.Context(), v.Now, v.Who.Actor)
		if err != nil {
			return err
		}
		if w.After = p.Holds(w.What, w.Target, v.Now); w.After.None() {
			return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
		}
	}
	return m.showWish(v, http.StatusOK, w, q.Get("end") != "", wishBody{})
}

func (m *member) showWish(v *page.Visit, status int, w register.Wish, end bool, b wishBody) error {
	b.What, b.Target, b.End, b.New = string(w.What), w.Target, end, w.Target == ""
	b.Fields = wishFields(v, w, end)
	title := "member.change.put_"
	switch {
	case b.New:
		title = "member.change.add_"
	case end:
		title = "member.change.end_"
	}
	return page.ShowAs(v, status, "member/change", v.Lang.Word(strings.TrimSuffix(title, "_"), b.What), b)
}

func wishFields(v *page.Visit, w register.Wish, end bool) []page.Field {
	reason := page.Field{Name: "reason", Label: v.T("member.change.reason"), Type: "textarea", Value: w.Reason, Max: party.MaxReason, Hint: v.T("member.change.reason_hint")}
	if end {
		return []page.Field{reason}
	}
	if w.What == party.OfResource {
		kind := page.Field{Name: "kind", Label: v.T("field.kind"), Type: "select"}
		for _, k := range []party.ResourceKind{party.Prefix, party.ASN, party.Domain} {
			kind.Options = append(kind.Options, page.Option{Value: string(k), Label: v.Lang.Word("resource_kind", string(k)), Selected: w.After.Kind == string(k)})
		}
		return []page.Field{kind, {
			Name: "value", Label: v.T("field.resource"), Value: w.After.Value, Required: true, Max: 300, Autocomplete: "off", Hint: v.T("member.change.resource_hint"),
		}, reason}
	}
	level := page.Field{Name: "protection", Label: v.T("field.protection"), Type: "select", Hint: v.T("member.change.protection_hint")}
	for n := range 6 {
		label := v.T("member.change.no_level")
		if n > 0 {
			label = v.T("member.change.level", n)
		}
		level.Options = append(level.Options, page.Option{Value: strconv.Itoa(n), Label: label, Selected: w.After.Protection == n})
	}
	return []page.Field{
		{Name: "name", Label: v.T("field.name"), Value: w.After.Name, Required: true, Max: 300, Autocomplete: "off"},
		{Name: "value", Label: v.T("member.change.asset"), Value: w.After.Value, Max: 300, Autocomplete: "off", Hint: v.T("member.change.asset_hint")},
		level,
		{Name: "products", Label: v.T("field.products"), Type: "textarea", Value: strings.Join(w.After.Products, "\n"), Max: 3000, Hint: v.T("member.change.products_hint")},
		reason,
	}
}

// propose takes the form of a change: shows what it would do, or does it.
func (m *member) propose(v *page.Visit) error {
	ctx, post := v.R.Context(), v.R.PostForm
	end := post.Get("end") != ""
	w := register.Wish{What: party.RequestWhat(post.Get("what")), Target: post.Get("id"), Reason: post.Get("reason")}
	if !end {
		w.After = party.Entry{Kind: post.Get("kind"), Value: strings.TrimSpace(post.Get("value")), Name: post.Get("name")}
		w.After.Protection, _ = strconv.Atoi(post.Get("protection"))
		for line := range strings.Lines(post.Get("products")) {
			if line = strings.TrimSpace(line); line != "" {
				w.After.Products = append(w.After.Products, line)
			}
		}
	}
	if end && w.Target == "" {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	if post.Get("do") == "preview" {
		q, err := m.Register.Draft(ctx, v.Now, v.Who.Actor, w)
		if err == nil {
			return m.showWish(v, http.StatusOK, w, end, wishBody{Ready: true, AtOnce: q.AtOnce(), Diff: change.Diff(v, q)})
		}
		return m.wishMistake(v, w, end, err)
	}
	q, err := m.Register.Propose(ctx, v.Now, v.Who.Actor, w)
	if err != nil {
		return m.wishMistake(v, w, end, err)
	}
	if q.State == party.Confirmed {
		return v.Redirect(systemsPage, "change_applied")
	}
	return v.Redirect(systemsPage, "change_proposed")
}

// wishMistake shows the form again with what is wrong in it.
func (m *member) wishMistake(v *page.Visit, w register.Wish, end bool, err error) error {
	text, ok := mistakeIn(v, err)
	if !ok {
		return err
	}
	return m.showWish(v, http.StatusUnprocessableEntity, w, end, wishBody{Mistake: text})
}

func (m *member) withdraw(v *page.Visit) error {
	if _, err := m.Register.Withdraw(v.R.Context(), v.Now, v.Who.Actor, v.R.PostFormValue("id")); err != nil {
		return err
	}
	return v.Redirect(systemsPage, "change_withdrawn")
}
