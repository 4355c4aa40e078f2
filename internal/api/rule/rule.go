// Package rule owns the operations of the interface for programs on the desk's rules: how they are written, read, tried and
// ended. What they mean is tocsin/internal/rule's, and what is done is act/rule's.
package rule

import (
	"errors"
	"slices"
	"time"

	"tocsin/internal/act/loop"
	ruling "tocsin/internal/act/rule"
	"tocsin/internal/api/operation"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/people"
	rules "tocsin/internal/rule"
)

// Desk is the operations.
type Desk struct {
	Rules *ruling.Desk
	Loop  *loop.Loop
}

// Conditions is what a finding must be like: all that is filled in must hold.
type Conditions struct {
	Feed       string `json:"feed,omitempty" max:"64" doc:"That saw it first."`
	Stream     string `json:"stream,omitempty" max:"200" doc:"Of the feed."`
	Type       string `json:"type,omitempty" max:"100" doc:"Of the RSIT taxonomy."`
	Identifier string `json:"identifier,omitempty" max:"200" doc:"classification.identifier"`
	Severity   string `json:"severity,omitempty" enum:"info,low,medium,high,critical" doc:"At least."`
	Asset      string `json:"asset,omitempty" enum:"ip,prefix,domain,url,asn,account" doc:"Kind of asset."`
	Prefix     string `json:"prefix,omitempty" max:"64" doc:"The asset lies in it."`
	Domain     string `json:"domain,omitempty" max:"253" doc:"The asset is it or lies below it."`
	ASN        int64  `json:"asn,omitempty" min:"0" max:"4294967295"`
	Region     string `json:"region,omitempty" max:"200" doc:"It, or one that lies in it."`
	Sector     string `json:"sector,omitempty" max:"200" doc:"Of the party by the register."`
	Party      string `json:"party,omitempty" max:"64" doc:"By the register."`
	PartyKind  string `json:"party_kind,omitempty" max:"50"`
	Nobody     bool   `json:"nobody,omitempty" doc:"The register names no party."`
}

// Effect is what a rule does; what its deed does not use is empty.
type Effect struct {
	Deed       string `json:"deed" required:"true" enum:"assign,mute,hold,at_once,digest,to"`
	Party      string `json:"party,omitempty" max:"64" doc:"Of assign: who answers."`
	Confidence int    `json:"confidence,omitempty" min:"0" max:"100" doc:"Of assign: percent; 100 where absent."`
	From       string `json:"from,omitempty" enum:"info,low,medium,high,critical" doc:"Of at_once: from which severity on."`
	Every      int    `json:"every,omitempty" min:"0" max:"7" doc:"Of digest: days between two, 1 or 7."`
	Role       string `json:"role,omitempty" enum:"security,abuse,technical,management,backup" doc:"Of to: of the contact."`
}

// Rule is one version of a rule of the desk.
type Rule struct {
	Number  int64      `json:"number" doc:"Stays the same over all versions."`
	Version int64      `json:"version"`
	Kind    string     `json:"kind" doc:"route: who answers. tell: how it is told."`
	State   string     `json:"state" doc:"live, coming, over or ended."`
	Order   int        `json:"order" doc:"The lower one is asked first."`
	When    Conditions `json:"when"`
	Do      Effect     `json:"do"`
	From    time.Time  `json:"from"`
	Until   *time.Time `json:"until,omitempty" doc:"Ends before then; stays, where absent."`
	Reason  string     `json:"reason"`
	Author  string     `json:"author" doc:"As the ledger names them."`
	Written time.Time  `json:"written"`
	Ended   *time.Time `json:"ended,omitempty" doc:"Taken back by the desk."`
}

func ruleOf(r rules.Rule, now time.Time) Rule {
	w, d := r.When, r.Do
	return Rule{
		Number: r.Number, Version: r.Version, Kind: string(r.Kind()), State: string(r.StateAt(now)), Order: r.Order, From: r.From, Until: operation.Some(r.Until),
		Reason: r.Reason, Author: r.Author, Written: r.Written, Ended: operation.Some(r.Ended),
		When: Conditions{
			string(w.Feed), w.Stream, w.Type, w.Identifier, w.Severity.String(), string(w.Asset), w.Prefix, w.Domain, int64(w.ASN), w.Region, w.Sector,
			string(w.Party), w.PartyKind, w.Nobody,
		},
		Do: Effect{string(d.Deed), string(d.Party), d.Confidence, d.From.String(), d.Every, string(d.Role)},
	}
}

func rulesOf(list []ruling.Rule, now time.Time) []Rule {
	out := make([]Rule, len(list))
	for i := range list {
		out[i] = ruleOf(list[i].Rule, now)
	}
	return out
}

// Rules is every rule in the order in which they are asked, and what they hold back.
type Rules struct {
	Rules []Rule `json:"rules"`
	Held  []Held `json:"held"`
}

// Held is what one rule keeps from one party.
type Held struct {
	Rule     int64     `json:"rule"`
	Party    string    `json:"party"`
	Name     string    `json:"name"`
	Findings int       `json:"findings" doc:"At most 5,000."`
	Worst    string    `json:"worst"`
	Oldest   time.Time `json:"oldest" doc:"Since when the first of them waits."`
}

type rulesQuery struct {
	State string `query:"state" enum:"live,coming,over,ended" doc:"All of them where absent."`
}

// List answers every rule, and what they hold.
func (d *Desk) List(c *operation.Call, q rulesQuery) (Rules, error) {
	if err := c.Desk(); err != nil {
		return Rules{}, err
	}
	all, err := d.Rules.All(c.Ctx, c.Now)
	if err != nil {
		return Rules{}, err
	}
	held, err := d.Rules.Held(c.Ctx, c.Now)
	if err != nil {
		return Rules{}, err
	}
	all = slices.DeleteFunc(all, func(r ruling.Rule) bool { return q.State != "" && string(r.State) != q.State })
	out := Rules{Rules: rulesOf(all, c.Now)}
	for _, h := range held {
		out.Held = append(out.Held, Held{h.Rule, string(h.Party), h.Name, h.Findings, h.Worst.String(), h.Oldest})
	}
	return out, nil
}

type ruleQuery struct {
	Number int64 `path:"number" min:"1"`
}

// Versions is a rule as it stands with the versions before, the newest first.
type Versions struct {
	Rule   Rule   `json:"rule"`
	Before []Rule `json:"before"`
}

// One answers a rule with its versions.
func (d *Desk) One(c *operation.Call, q ruleQuery) (Versions, error) {
	if err := c.Desk(); err != nil {
		return Versions{}, err
	}
	list, err := d.Rules.Versions(c.Ctx, c.Now, q.Number)
	if err != nil {
		return Versions{}, err
	}
	all := rulesOf(list, c.Now)
	return Versions{all[0], all[1:]}, nil
}

// Text is what the document says of writing a rule.
const Text = "Without `number` a new rule, with it a new version of that one: as a whole, what the body lacks is empty."

type ruleBody struct {
	Number int64      `json:"number,omitempty" min:"0" doc:"Of the rule that this is a version of."`
	Order  int        `json:"order,omitempty" min:"0" max:"9999" doc:"The lower one is asked first; behind all that are there, where absent."`
	When   Conditions `json:"when"`
	Do     Effect     `json:"do" required:"true"`
	From   *time.Time `json:"from,omitempty" doc:"At once, where absent."`
	Until  *time.Time `json:"until,omitempty" doc:"Ends before then. A mute needs an end."`
	Reason string     `json:"reason,omitempty" max:"8000" doc:"In at most 2,000 characters; a trial needs none."`
}

type putRuleQuery struct {
	Body ruleBody
}

// rule is what the body asks for.
func (b *ruleBody) rule() rules.Rule {
	severity := func(s string) event.Severity {
		out, _ := event.ParseSeverity(s) // the enum was checked
		return out
	}
	w, d := b.When, b.Do
	return rules.Rule{
		Number: b.Number, Order: b.Order, From: operation.OrZero(b.From), Until: operation.OrZero(b.Until), Reason: b.Reason,
		When: rules.Condition{
			Feed: ident.Feed(w.Feed), Stream: w.Stream, Type: w.Type, Identifier: w.Identifier, Severity: severity(w.Severity), Asset: asset.Kind(w.Asset),
			Prefix: w.Prefix, Domain: w.Domain, ASN: uint32(w.ASN), Region: w.Region, Sector: w.Sector, Party: ident.Party(w.Party),
			PartyKind: w.PartyKind, Nobody: w.Nobody,
		},
		Do: rules.Effect{
			Deed: rules.Deed(d.Deed), Party: ident.Party(d.Party), Confidence: d.Confidence, From: severity(d.From), Every: d.Every, Role: party.Role(d.Role),
		},
	}
}

// written is the rule that a body asks for, of a kind, in its place.
func (d *Desk) written(c *operation.Call, b *ruleBody, kinds ...rules.Kind) (rules.Rule, error) {
	if err := c.Desk(); err != nil {
		return rules.Rule{}, err
	}
	r := b.rule()
	if !slices.Contains(kinds, r.Kind()) {
		return r, operation.Wrong("do.deed", "rules of another kind do this: a routing rule assigns, a notice rule does the rest")
	}
	if r.Order == 0 {
		choices, err := d.Rules.Choices(c.Ctx)
		if err != nil {
			return r, err
		}
		r.Order = choices.Order
	}
	return r, nil
}

// ruleProblems names what is wrong with a rule by the fields of the body.
func ruleProblems(err error) error {
	var all rules.Problems
	if !errors.As(err, &all) {
		return err
	}
	places := map[string]string{
		"to": "do.party", "confidence": "do.confidence", "deed": "do.deed", "from_severity": "do.from", "every": "do.every", "role": "do.role",
		"order": "order", "reason": "reason", "until": "until", "when": "when",
	}
	var out operation.Mistakes
	for _, p := range all {
		field, own := places[p.Field]
		if !own {
			field = "when." + p.Field
		}
		out = append(out, operation.Mistake{Field: field, Text: ruleTexts[p.Code]})
	}
	return out
}

var ruleTexts = map[string]string{
	rules.Missing: "this is needed", rules.Unknown: "there is no such thing", rules.Prefix: "a prefix such as 192.0.2.0/24 was expected",
	rules.Domain: "a domain name was expected", rules.Number: "this is no number, or outside its bounds", rules.Long: "this is too long, or no plain text",
	rules.Past: "the end lies before the beginning, or is over", rules.Far: "a mute ends within a year", rules.Both: "this contradicts another field",
	rules.Anything: "at least one condition is needed", rules.Stored: "notice rules cannot look at this", rules.Needless: "a field is filled in that this deed does not use",
}

// Route writes a rule that says who answers.
func (d *Desk) Route(c *operation.Call, q putRuleQuery) (Rule, error) {
	return d.putRule(c, &q.Body, rules.Route)
}

// Tell writes a rule that says how findings are told.
func (d *Desk) Tell(c *operation.Call, q putRuleQuery) (Rule, error) {
	return d.putRule(c, &q.Body, rules.Tell)
}

func (d *Desk) putRule(c *operation.Call, b *ruleBody, k rules.Kind) (Rule, error) {
	r, err := d.written(c, b, k)
	if err != nil {
		return Rule{}, err
	}
	if r, err = d.Rules.Put(c.Ctx, c.Now, c.By, r); err != nil {
		return Rule{}, ruleProblems(err)
	}
	return ruleOf(r, c.Now), nil
}

// End takes a rule back.
func (d *Desk) End(c *operation.Call, q ruleQuery) (Rule, error) {
	if err := c.Desk(); err != nil {
		return Rule{}, err
	}
	if err := d.Rules.End(c.Ctx, c.Now, c.By, q.Number); err != nil {
		return Rule{}, err
	}
	is, err := d.One(c, q)
	return is.Rule, err
}

type releaseBody struct {
	Party string `json:"party" required:"true" max:"64"`
}

type releaseQuery struct {
	Number int64 `path:"number" min:"1"`
	Body   releaseBody
}

// Release lets through what a rule holds of a party.
func (d *Desk) Release(c *operation.Call, q releaseQuery) (operation.None, error) {
	if err := c.Desk(); err != nil {
		return operation.None{}, err
	}
	return operation.None{}, d.Rules.Release(c.Ctx, c.Now, c.By, q.Number, ident.Party(q.Body.Party))
}

// TrialText is what the document says of a trial.
const TrialText = "Runs the rule over the last 7 days and keeps nothing: findings seen in them, or notices made in them, as far as the token's person " +
	"may read them."

// Trial is what a rule would have done in the last days.
type Trial struct {
	Since    time.Time      `json:"since"`
	Looked   int            `json:"looked" doc:"Findings of these days that were looked at."`
	Bounded  bool           `json:"bounded" doc:"There may be more than were looked at."`
	Fits     int            `json:"fits" doc:"Findings for which the rule decides."`
	Moved    int            `json:"moved" doc:"Of a routing rule: findings that would have another party."`
	Flows    []Flow         `json:"flows" doc:"From whom to whom, the largest first."`
	Sample   []MovedFinding `json:"sample" doc:"Some of the findings that would move."`
	Withheld int            `json:"withheld,omitempty" doc:"Of the sample: marked too strictly to leave the pages."`
	Notices  int            `json:"notices" doc:"Of a notice rule: notices of these days."`
	Outcomes map[string]int `json:"outcomes" doc:"Of these: unsent, held, smaller, sooner, later, redirected."`
	Waiting  int            `json:"waiting" doc:"Findings that wait to be told now and for which the rule decides."`
}

// Flow counts findings that would go from one party to another.
type Flow struct {
	From     string `json:"from,omitempty" doc:"Absent: nobody."`
	To       string `json:"to,omitempty"`
	Findings int    `json:"findings"`
}

// MovedFinding is a finding that would have another party.
type MovedFinding struct {
	Finding int64  `json:"finding"`
	Asset   string `json:"asset"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
}

// Try tries what a body asks for. Whoever may write the rule may try it.
func (d *Desk) Try(c *operation.Call, q putRuleQuery) (Trial, error) {
	r, err := d.written(c, &q.Body, rules.Kinds...)
	if err != nil {
		return Trial{}, err
	}
	power := map[rules.Kind]people.Power{rules.Route: people.Register, rules.Tell: people.Triage}[r.Kind()]
	if !c.By.Holds(power, c.By.Party) {
		return Trial{}, fault.New(fault.Denied, "trying such a rule needs the scope %s, and a post that holds it", power)
	}
	if r.Reason == "" {
		r.Reason = "-" // nothing of it is kept
	}
	return d.trial(c, r)
}

// Kept tries a rule as it stands.
func (d *Desk) Kept(c *operation.Call, q ruleQuery) (Trial, error) {
	if err := c.Desk(); err != nil {
		return Trial{}, err
	}
	versions, err := d.Rules.Versions(c.Ctx, c.Now, q.Number)
	if err != nil {
		return Trial{}, err
	}
	r := versions[0].Rule
	if !r.Ended.IsZero() {
		return Trial{}, fault.New(fault.Conflict, "rule %d was taken back", q.Number)
	}
	if r.From = (time.Time{}); r.Until.Before(c.Now) {
		r.Until = c.Now.AddDate(0, 0, ruling.TrialDays)
	}
	return d.trial(c, r)
}

func (d *Desk) trial(c *operation.Call, r rules.Rule) (Trial, error) {
	t, err := d.Rules.Try(c.Ctx, c.Now, c.By, r)
	if err != nil {
		return Trial{}, ruleProblems(err)
	}
	out := Trial{
		Since: t.Since, Looked: t.Looked, Bounded: t.Bounded, Fits: t.Fits, Moved: t.Moved, Notices: t.Notices, Waiting: t.Waiting, Outcomes: map[string]int{},
	}
	for _, f := range t.Flows {
		out.Flows = append(out.Flows, Flow{string(f.From), string(f.To), f.Findings})
	}
	for _, o := range ruling.Outcomes {
		if n := t.Counts[o]; n > 0 {
			out.Outcomes[string(o)] = n
		}
	}
	for _, m := range t.Sample { // a short one
		d, err := d.Loop.FindingByID(c.Ctx, c.Now, c.By, m.Finding)
		if errors.Is(err, fault.NotFound) || err == nil && operation.Leave(d.Mark) != nil {
			out.Withheld++
			continue
		}
		if err != nil {
			return Trial{}, err
		}
		out.Sample = append(out.Sample, MovedFinding{int64(m.Finding), m.Asset, string(m.From), string(m.To)})
	}
	return out, nil
}
