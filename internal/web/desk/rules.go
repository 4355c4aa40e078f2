package desk

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	ruling "tocsin/internal/act/rule"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/rule"
	"tocsin/internal/web/page"
)

// ruleRoutes are the addresses of the desk's rules.
func (d *desk) ruleRoutes() []page.Route {
	if d.acts.Rules == nil {
		return nil
	}
	return []page.Route{
		route("GET /desk/rules", people.Read, d.rules),
		route("GET /desk/rules/new", people.Read, d.ruleNew),
		route("POST /desk/rules/route", people.Register, d.ruleRoute),
		route("POST /desk/rules/tell", people.Triage, d.ruleTell),
		route("GET /desk/rules/{number}", people.Read, d.rule),
		route("POST /desk/rules/{number}/end", people.Read, d.ruleEnd),
		route("POST /desk/rules/{number}/release", people.Triage, d.ruleRelease),
	}
}

type rulesBody struct {
	Kinds []ruleGroup
	Held  []heldRow
	Past  []ruleRow // over or taken back
	All   bool      // those of the past are shown
	Curl  string
}

// ruleGroup are the rules of one kind that count or will.
type ruleGroup struct {
	Kind rule.Kind
	New  string // address of the form; empty where the visitor may not write one
	Rows []ruleRow
}

// ruleRow is a rule in words.
type ruleRow struct {
	ruling.Rule
	If   []string // the parts of its condition
	Then string
	Mine bool // the visitor may change rules of its kind
}

// LastDay is an instant of the last day on which the rule holds; zero where it has no end.
func (r ruleRow) LastDay() time.Time { return lastDay(r.Until) }

type heldRow struct {
	ruling.Held
	Release string // address of the form; empty where the visitor may not
}

func (d *desk) rules(v *page.Visit) error {
	all, err := d.acts.Rules.All(v.R.Context(), v.Now)
	if err != nil {
		return err
	}
	held, err := d.acts.Rules.Held(v.R.Context(), v.Now)
	if err != nil {
		return err
	}
	b := rulesBody{All: v.R.URL.Query().Get("past") == "1", Curl: v.Curl("/api/v1/rules", nil)}
	for _, k := range rule.Kinds {
		g := ruleGroup{Kind: k}
		if v.May(rulePower(k)) {
			g.New = "/desk/rules/new?kind=" + string(k)
		}
		for _, r := range all {
			if r.Kind() == k && (r.State == rule.Live || r.State == rule.Coming) {
				g.Rows = append(g.Rows, ruleInWords(v, r))
			}
		}
		b.Kinds = append(b.Kinds, g)
	}
	for _, r := range all {
		if r.State == rule.Over || r.State == rule.Ended {
			b.Past = append(b.Past, ruleInWords(v, r))
		}
	}
	for _, h := range held {
		row := heldRow{Held: h}
		if v.May(people.Triage) {
			row.Release = fmt.Sprintf("/desk/rules/%d/release", h.Rule)
		}
		b.Held = append(b.Held, row)
	}
	return page.Show(v, "desk/rules", v.T("rules.title"), b)
}

// rulePower is what writing a rule of a kind needs.
func rulePower(k rule.Kind) people.Power {
	if k == rule.Route {
		return people.Register
	}
	return people.Triage
}

func ruleInWords(v *page.Visit, r ruling.Rule) ruleRow {
	return ruleRow{r, conditionInWords(v, r.When, r.Names), effectInWords(v, r.Do, r.Names), v.May(rulePower(r.Kind()))}
}

// conditionInWords says each part of a condition, such as "type is scanner".
func conditionInWords(v *page.Visit, c rule.Condition, names map[ident.Party]string) []string {
	var out []string
	is := func(field, value string) {
		if value != "" {
			out = append(out, v.Lang.T("rules.is."+field, value))
		}
	}
	from := string(c.Feed)
	if c.Stream != "" {
		from += "/" + c.Stream
	}
	is("feed", from)
	is("type", c.Type)
	is("identifier", c.Identifier)
	if c.Severity != 0 {
		is("severity", v.Lang.Word("severity", c.Severity.String()))
	}
	if c.Asset != "" {
		is("asset", v.Lang.Word("asset_kind", string(c.Asset)))
	}
	is("prefix", c.Prefix)
	is("domain", c.Domain)
	if c.ASN != 0 {
		is("asn", strconv.FormatUint(uint64(c.ASN), 10))
	}
	is("region", c.Region)
	if c.Sector != "" {
		is("sector", v.Lang.Word("sector", c.Sector))
	}
	is("party", partyName(names, c.Party))
	if c.PartyKind != "" {
		is("party_kind", v.Lang.Word("party_kind", c.PartyKind))
	}
	if c.Nobody {
		out = append(out, v.T("rules.is_nobody"))
	}
	return out
}

func partyName(names map[ident.Party]string, id ident.Party) string {
	if name := names[id]; name != "" {
		return name
	}
	return string(id)
}

func effectInWords(v *page.Visit, e rule.Effect, names map[ident.Party]string) string {
	switch e.Deed {
	case rule.Assign:
		return v.T("rules.does_assign", partyName(names, e.Party), e.Sure())
	case rule.Mute:
		return v.T("rules.does_mute")
	case rule.Hold:
		return v.T("rules.does_hold")
	case rule.AtOnce:
		return v.T("rules.does_at_once", v.Lang.Word("severity", e.From.String()))
	case rule.Digest:
		if e.Every == 7 {
			return v.T("rules.does_weekly")
		}
		return v.T("rules.does_daily")
	case rule.To:
		return v.T("rules.does_to", v.Lang.Word("role", string(e.Role)))
	}
	return ""
}

type ruleBody struct {
	ruleRow
	Versions []ruleRow
	Form     *ruleForm // to change it; nil where the visitor may not, or it is over
	Trial    *trialView
	TryURL   string
}

func (d *desk) rule(v *page.Visit) error {
	n, err := number(v, "number")
	if err != nil {
		return err
	}
	ctx := v.R.Context()
	versions, err := d.acts.Rules.Versions(ctx, v.Now, n)
	if err != nil {
		return err
	}
	b := ruleBody{ruleRow: ruleInWords(v, versions[0]), TryURL: fmt.Sprintf("/desk/rules/%d?try=1", n)}
	for _, r := range versions[1:] {
		b.Versions = append(b.Versions, ruleInWords(v, r))
	}
	if b.Mine && b.State != rule.Ended {
		choices, err := d.acts.Rules.Choices(ctx)
		if err != nil {
			return err
		}
		f := formOf(v, versions[0].Rule, choices, nil)
		b.Form = &f
	}
	if v.R.URL.Query().Get("try") == "1" && b.State != rule.Ended {
		draft := versions[0].Rule
		if draft.Until.Before(v.Now) {
			draft.Until = v.Now.AddDate(0, 0, ruling.TrialDays)
		}
		draft.From = time.Time{}
		t, err := d.acts.Rules.Try(ctx, v.Now, v.Who.Actor, draft)
		if err != nil {
			return err
		}
		b.Trial = &trialView{t, versions[0].Kind()}
	}
	return page.Show(v, "desk/rule", v.T("rules.number", n), b)
}

func (d *desk) ruleEnd(v *page.Visit) error {
	n, err := number(v, "number")
	if err != nil {
		return err
	}
	if err := d.acts.Rules.End(v.R.Context(), v.Now, v.Who.Actor, n); err != nil {
		return err
	}
	return v.Redirect("/desk/rules", "rule_end")
}

func (d *desk) ruleRelease(v *page.Visit) error {
	n, err := number(v, "number")
	if err != nil {
		return err
	}
	to := ident.Party(v.R.PostFormValue("party"))
	if err := d.acts.Rules.Release(v.R.Context(), v.Now, v.Who.Actor, n, to); err != nil {
		return err
	}
	return v.Redirect("/desk/rules", "rule_release")
}

type ruleNewBody struct {
	Form  ruleForm
	Trial *trialView
}

// trialView is a trial with the kind of its rule.
type trialView struct {
	ruling.Trial
	Kind rule.Kind
}

// Name is a party's name, or that nobody answers.
func (t trialView) Name(id ident.Party) string { return partyName(t.Names, id) }

// Changed lists the outcomes of notices that would have been otherwise, with how many.
func (t trialView) Changed() []outcomeCount {
	var out []outcomeCount
	for _, o := range ruling.Outcomes {
		if n := t.Counts[o]; n > 0 {
			out = append(out, outcomeCount{o, n})
		}
	}
	return out
}

type outcomeCount struct {
	Outcome ruling.Outcome
	Notices int
}

func (d *desk) ruleNew(v *page.Visit) error {
	choices, err := d.acts.Rules.Choices(v.R.Context())
	if err != nil {
		return err
	}
	q := v.R.URL.Query()
	r, _ := readRule(v, q) // a link may fill some fields; what is wrong is said when the form is sent
	r.Order = choices.Order
	if rule.Kind(q.Get("kind")) == rule.Route {
		r.Do.Deed = rule.Assign
	} else if r.Do.Deed == "" || r.Do.Deed == rule.Assign {
		r.Do.Deed = rule.Mute
	}
	return page.Show(v, "desk/rule-new", v.Lang.Word("rules.new", string(r.Kind())), ruleNewBody{Form: formOf(v, r, choices, nil)})
}

func (d *desk) ruleRoute(v *page.Visit) error { return d.rulePut(v, rule.Route) }
func (d *desk) ruleTell(v *page.Visit) error  { return d.rulePut(v, rule.Tell) }

// rulePut tries or writes the rule of a form. A form with a mistake comes back as it was filled in.
func (d *desk) rulePut(v *page.Visit, k rule.Kind) error {
	ctx := v.R.Context()
	r, wrong := readRule(v, v.R.PostForm)
	if k == rule.Route {
		r.Do.Deed = rule.Assign
	} else if r.Do.Deed == rule.Assign {
		return fault.New(fault.Invalid, "%s", v.Lang.T("rules.problem.unknown", string(r.Do.Deed)))
	}
	r.Do = used(r.Do)
	b := ruleNewBody{}
	try := v.R.PostFormValue("do") == "try"
	var err error
	switch {
	case len(wrong) > 0:
		err = wrong
	case try:
		if r.Reason == "" {
			r.Reason = "-" // a trial needs none
		}
		var t ruling.Trial
		if t, err = d.acts.Rules.Try(ctx, v.Now, v.Who.Actor, r); err == nil {
			b.Trial = &trialView{t, k}
		}
		if r.Reason == "-" {
			r.Reason = ""
		}
	default:
		var kept rule.Rule
		if kept, err = d.acts.Rules.Put(ctx, v.Now, v.Who.Actor, r); err == nil {
			return v.Redirect(fmt.Sprintf("/desk/rules/%d", kept.Number), "rule_put")
		}
	}
	var problems rule.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	choices, err := d.acts.Rules.Choices(ctx)
	if err != nil {
		return err
	}
	b.Form = formOf(v, r, choices, problems)
	status := 200
	if len(problems) > 0 {
		status = 422
	}
	title := v.Lang.Word("rules.new", string(k))
	if r.Number != 0 {
		title = v.T("rules.number", r.Number)
	}
	return page.ShowAs(v, status, "desk/rule-new", title, b)
}
