package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	ruling "tocsin/internal/act/rule"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/lang"
	"tocsin/internal/party"
	"tocsin/internal/rule"
	"tocsin/internal/web/page"
)

// ruleForm is the form of a rule, new or changed.
type ruleForm struct {
	Kind   rule.Kind
	Number int64
	Action string
	Then   []page.Field // what it does
	If     []page.Field // what must hold
	When   []page.Field // from when to when, in which order
	Why    page.Field
	Wrong  []string // what is wrong and stands at no field
}

// readRule reads a rule from a form or an address. Problems are of fields that cannot be read at all; the rest is
// package rule's to judge.
func readRule(v *page.Visit, q url.Values) (rule.Rule, rule.Problems) {
	var wrong rule.Problems
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	whole := func(name string) int {
		text := strings.TrimPrefix(strings.ToUpper(get(name)), "AS")
		if text == "" {
			return 0
		}
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			wrong = append(wrong, rule.Problem{Field: name, Code: rule.Number, Value: text})
		}
		return int(n)
	}
	date := func(name string) time.Time {
		at, err := day(v, get(name))
		if err != nil {
			wrong = append(wrong, rule.Problem{Field: name, Code: rule.Past, Value: get(name)})
		}
		return at
	}
	severity := func(name string) event.Severity {
		s, _ := event.ParseSeverity(get(name))
		return s
	}
	r := rule.Rule{
		Number: int64(whole("number")), Order: whole("order"), From: date("from"), Until: date("until"), Reason: q.Get("reason"),
		When: rule.Condition{
			Type: get("type"), Identifier: get("identifier"), Severity: severity("severity"), Asset: asset.Kind(get("asset")),
			Prefix: get("prefix"), Domain: get("domain"), ASN: uint32(whole("asn")), Region: get("region"), Sector: get("sector"),
			Party: ident.Party(get("party")), PartyKind: get("party_kind"), Nobody: get("nobody") == "yes",
		},
		Do: rule.Effect{
			Deed: rule.Deed(get("deed")), Party: ident.Party(get("to")), Confidence: whole("confidence"), From: severity("from_severity"),
			Every: whole("every"), Role: party.Role(get("role")),
		},
	}
	feed, stream, _ := strings.Cut(get("feed"), "/")
	r.When.Feed, r.When.Stream = ident.Feed(feed), stream
	if !r.Until.IsZero() { // the day that the form names is the last one
		r.Until = r.Until.AddDate(0, 0, 1)
	}
	return r, wrong
}

// used leaves what a deed uses: the form has the fields of all deeds, and a browser without scripts sends them all.
func used(e rule.Effect) rule.Effect {
	switch e.Deed {
	case rule.Assign:
		return rule.Effect{Deed: e.Deed, Party: e.Party, Confidence: e.Confidence}
	case rule.AtOnce:
		return rule.Effect{Deed: e.Deed, From: e.From}
	case rule.Digest:
		return rule.Effect{Deed: e.Deed, Every: max(e.Every, 1)}
	case rule.To:
		return rule.Effect{Deed: e.Deed, Role: e.Role}
	case rule.Mute, rule.Hold:
	}
	return rule.Effect{Deed: e.Deed}
}

// option lists choices; the first is the empty one.
func options(value, none string, codes []string, label func(string) string) []page.Option {
	out := []page.Option{{Value: "", Label: none, Selected: value == ""}}
	for _, c := range codes {
		out = append(out, page.Option{Value: c, Label: label(c), Selected: c == value})
	}
	if value != "" && !slices.Contains(codes, value) {
		out = append(out, page.Option{Value: value, Label: value, Selected: true})
	}
	return out
}

// formOf is the form filled with a rule and what is wrong with it.
func formOf(v *page.Visit, r rule.Rule, c ruling.Choices, wrong rule.Problems) ruleForm {
	f := ruleForm{Kind: r.Kind(), Number: r.Number, Action: "/desk/rules/" + string(r.Kind())}
	shown := map[string]bool{}
	field := func(x page.Field) page.Field {
		x.ID = "rule-" + x.Name
		x.Label = v.Lang.T("rules.field." + x.Name)
		if hint := "rules.hint." + x.Name; v.Lang.Has(hint) {
			x.Hint = v.Lang.T(hint)
		}
		if p, ok := wrong.Of(x.Name); ok {
			x.Error = v.Lang.T("rules.problem."+p.Code, p.Value)
		}
		shown[x.Name] = true
		return x
	}
	for _, x := range thenFields(v, r, c) {
		f.Then = append(f.Then, field(x))
	}
	for _, x := range ifFields(v, r, c) {
		f.If = append(f.If, field(x))
	}
	for _, x := range []page.Field{
		{Name: "from", Type: "date", Value: civil(v, r.From)},
		{Name: "until", Type: "date", Value: civil(v, lastDay(r.Until))},
		{Name: "order", Type: "number", Value: strconv.Itoa(r.Order), Required: true},
	} {
		f.When = append(f.When, field(x))
	}
	f.Why = field(page.Field{Name: "reason", Type: "textarea", Value: r.Reason, Max: rule.MaxReason, Rows: 3})
	for _, p := range wrong {
		if !shown[p.Field] {
			f.Wrong = append(f.Wrong, v.Lang.T("rules.problem."+p.Code, p.Value))
		}
	}
	return f
}

func thenFields(v *page.Visit, r rule.Rule, c ruling.Choices) []page.Field {
	parties := make([]string, len(c.Parties))
	for i := range c.Parties {
		parties[i] = string(c.Parties[i].ID)
	}
	name := partyLabel(c)
	if r.Kind() == rule.Route {
		sure := ""
		if r.Do.Confidence != 0 {
			sure = strconv.Itoa(r.Do.Confidence)
		}
		return []page.Field{
			{Name: "to", Type: "select", Required: true, Options: options(string(r.Do.Party), v.T("rules.choose"), parties, name)},
			{Name: "confidence", Type: "number", Value: sure, Pattern: "100"},
		}
	}
	deeds := []page.Option{}
	for _, d := range rule.Deeds {
		if d.Kind() == rule.Tell {
			deeds = append(deeds, page.Option{Value: string(d), Label: v.Lang.Word("rules.deed", string(d)), Selected: d == r.Do.Deed})
		}
	}
	every := []page.Option{
		{Value: "1", Label: v.T("rules.every_day"), Selected: r.Do.Every != 7}, {Value: "7", Label: v.T("rules.every_week"), Selected: r.Do.Every == 7},
	}
	roles := []string{string(party.Security), string(party.Abuse), string(party.Technical), string(party.Management), string(party.Backup)}
	return []page.Field{
		{Name: "deed", Type: "select", Options: deeds},
		{Name: "from_severity", Type: "select", Options: severityOptions(v, r.Do.From, v.T("rules.only_at_once"))},
		{Name: "every", Type: "select", Options: every},
		{Name: "role", Type: "select", Options: options(string(r.Do.Role), v.T("rules.only_to"), roles, func(c string) string { return v.Lang.Word("role", c) })},
	}
}

func partyLabel(c ruling.Choices) func(string) string {
	return func(id string) string {
		for i := range c.Parties {
			if string(c.Parties[i].ID) == id {
				return c.Parties[i].Name
			}
		}
		return id
	}
}

var severityWords = []string{"info", "low", "medium", "high", "critical"}

func severityOptions(v *page.Visit, s event.Severity, none string) []page.Option {
	value := ""
	if s != event.Unknown {
		value = s.String()
	}
	return options(value, none, severityWords, func(c string) string { return v.Lang.Word("severity", c) })
}

func ifFields(v *page.Visit, r rule.Rule, c ruling.Choices) []page.Field {
	w := r.When
	anything := v.T("rules.any")
	feeds := make([]string, 0, len(c.Feeds)+len(c.Streams))
	for _, f := range c.Feeds {
		feeds = append(feeds, string(f))
	}
	feeds = append(feeds, c.Streams...)
	slices.Sort(feeds)
	from := string(w.Feed)
	if w.Stream != "" {
		from += "/" + w.Stream
	}
	regions := make([]string, len(c.Regions))
	for i, g := range c.Regions {
		regions[i] = g.ID
	}
	parties := make([]string, len(c.Parties))
	for i := range c.Parties {
		parties[i] = string(c.Parties[i].ID)
	}
	same := func(s string) string { return s }
	word := func(prefix string) func(string) string {
		return func(s string) string { return v.Lang.Word(prefix, s) }
	}
	number := ""
	if w.ASN != 0 {
		number = strconv.FormatUint(uint64(w.ASN), 10)
	}
	out := []page.Field{
		{Name: "type", Type: "select", Options: options(w.Type, anything, event.Types(), same)},
		{Name: "identifier", Value: w.Identifier, Max: 200, Pattern: "open-telnet"},
		{Name: "severity", Type: "select", Options: severityOptions(v, w.Severity, anything)},
		{Name: "feed", Type: "select", Options: options(from, anything, feeds, same)},
		{Name: "asset", Type: "select", Options: options(string(w.Asset), anything, []string{"ip", "prefix", "domain", "url", "asn", "account"}, word("asset_kind"))},
		{Name: "prefix", Value: w.Prefix, Max: 64, Pattern: "192.0.2.0/24"},
		{Name: "domain", Value: w.Domain, Max: 253, Pattern: "example.org"},
		{Name: "asn", Value: number, Max: 12, Pattern: "64496"},
		{Name: "region", Type: "select", Options: options(w.Region, anything, regions, regionLabel(v, c))},
		{Name: "party", Type: "select", Options: options(string(w.Party), anything, parties, partyLabel(c))},
		{Name: "sector", Type: "select", Options: options(w.Sector, anything, c.Sectors, word("sector"))},
		{Name: "party_kind", Type: "select", Options: options(w.PartyKind, anything, party.Kinds, word("party_kind"))},
	}
	if r.Kind() == rule.Route {
		checked := ""
		if w.Nobody {
			checked = "yes"
		}
		return append(out, page.Field{Name: "nobody", Type: "checkbox", Value: checked})
	}
	return slices.DeleteFunc(out, func(f page.Field) bool { return f.Name == "asn" && w.ASN == 0 })
}

func regionLabel(v *page.Visit, c ruling.Choices) func(string) string {
	return func(id string) string {
		for _, g := range c.Regions {
			if g.ID != id {
				continue
			}
			if v.Lang == lang.Chinese && g.NameZH != "" {
				return g.NameZH + " (" + id + ")"
			}
			return g.NameEN + " (" + id + ")"
		}
		return id
	}
}

// civil is the day of an instant where the installation is, as a date field has it.
func civil(v *page.Visit, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(v.Kit.Zone).Format(time.DateOnly)
}

// lastDay is an instant of the last day before an end.
func lastDay(end time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	return end.Add(-time.Second)
}
