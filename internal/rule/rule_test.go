package rule_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/rule"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func mute(w rule.Condition) rule.Rule {
	return rule.Rule{
		Number: 1, Order: 10, When: w, Do: rule.Effect{Deed: rule.Mute}, From: noon.Add(-time.Hour), Until: noon.Add(time.Hour), Reason: "r",
	}
}

// Each line is one field of a condition: what it holds for, and what not.
func TestConditions(t *testing.T) {
	t.Parallel()
	ip := asset.Asset{Kind: asset.IP, Value: "192.0.2.7"}
	all := rule.Subject{
		Feed: "shadowserver", Stream: "scan_telnet", Type: "vulnerable-system", Identifier: "open-telnet", Severity: event.High, Asset: ip,
		IP: "192.0.2.7", Domain: "a.b.example", ASN: 64496, Region: "XA-01", Party: "hospital", Sector: "health", PartyKind: "institution", Since: noon,
	}
	with := func(f func(*rule.Subject)) rule.Subject { s := all; f(&s); return s }
	at := func(k asset.Kind, v string) rule.Subject {
		return with(func(s *rule.Subject) { s.Asset, s.IP, s.Domain, s.ASN = asset.Asset{Kind: k, Value: v}, "", "", 0 })
	}
	for name, c := range map[string]struct {
		when    rule.Condition
		in, out []rule.Subject
	}{
		"feed":       {rule.Condition{Feed: "shadowserver"}, []rule.Subject{all}, []rule.Subject{with(func(s *rule.Subject) { s.Feed = "ipsum" })}},
		"stream":     {rule.Condition{Feed: "shadowserver", Stream: "scan_telnet"}, []rule.Subject{all}, []rule.Subject{with(func(s *rule.Subject) { s.Stream = "scan_rdp" })}},
		"type":       {rule.Condition{Type: "vulnerable-system"}, []rule.Subject{all}, []rule.Subject{with(func(s *rule.Subject) { s.Type = "spam" })}},
		"identifier": {rule.Condition{Identifier: "Open-Telnet"}, []rule.Subject{all}, []rule.Subject{with(func(s *rule.Subject) { s.Identifier = "open-rdp" })}},
		"severity":   {rule.Condition{Severity: event.High}, []rule.Subject{all, with(func(s *rule.Subject) { s.Severity = event.Critical })}, []rule.Subject{with(func(s *rule.Subject) { s.Severity = event.Medium })}},
		"asset":      {rule.Condition{Asset: asset.IP}, []rule.Subject{all}, []rule.Subject{at(asset.Domain, "b.example")}},
		"prefix": {
			rule.Condition{Prefix: "192.0.2.0/24"},
			[]rule.Subject{all, at(asset.Prefix, "192.0.2.0/25"), at(asset.URL, "https://192.0.2.9/x"), with(func(s *rule.Subject) { s.Asset = asset.Asset{Kind: asset.Domain, Value: "x.example"} })},
			[]rule.Subject{at(asset.IP, "198.51.100.1"), at(asset.Prefix, "192.0.0.0/16"), at(asset.Domain, "b.example"), at(asset.IP, "2001:db8::1")},
		},
		"domain": {
			rule.Condition{Domain: "b.example"},
			[]rule.Subject{all, at(asset.Domain, "b.example"), at(asset.Domain, "x.b.example"), at(asset.URL, "https://www.b.example/p")},
			[]rule.Subject{at(asset.Domain, "ab.example"), at(asset.IP, "192.0.2.7"), at(asset.URL, "https://c.example/b.example")},
		},
		"asn":        {rule.Condition{ASN: 64496}, []rule.Subject{all, at(asset.ASN, "64496")}, []rule.Subject{at(asset.ASN, "64497"), at(asset.IP, "192.0.2.7")}},
		"region":     {rule.Condition{Region: "XA"}, []rule.Subject{all, with(func(s *rule.Subject) { s.Region = "XA" })}, []rule.Subject{with(func(s *rule.Subject) { s.Region = "XB" })}},
		"sector":     {rule.Condition{Sector: "health"}, []rule.Subject{all}, []rule.Subject{with(func(s *rule.Subject) { s.Sector = "energy" })}},
		"party":      {rule.Condition{Party: "hospital"}, []rule.Subject{all}, []rule.Subject{with(func(s *rule.Subject) { s.Party = "" })}},
		"party kind": {rule.Condition{PartyKind: "institution"}, []rule.Subject{all}, []rule.Subject{with(func(s *rule.Subject) { s.PartyKind = "vendor" })}},
		"nobody":     {rule.Condition{Nobody: true}, []rule.Subject{with(func(s *rule.Subject) { s.Party = "" })}, []rule.Subject{all}},
		"all of it":  {rule.Condition{Type: "vulnerable-system", Region: "XA", Prefix: "192.0.2.0/24"}, []rule.Subject{all}, []rule.Subject{at(asset.IP, "198.51.100.1")}},
	} {
		regions := []party.Region{{ID: "XA"}, {ID: "XA-01", Parent: "XA"}, {ID: "XB"}}
		b := rule.NewBook([]rule.Rule{mute(c.when)}, nil, regions, noon)
		for _, s := range c.in {
			if b.Tell(&s) == nil {
				t.Errorf("%s does not hold for %+v", name, s)
			}
		}
		for _, s := range c.out {
			if b.Tell(&s) != nil {
				t.Errorf("%s holds for %+v", name, s)
			}
		}
	}
}

// A rule counts from its beginning to before its end, and no more once it was taken back.
func TestStates(t *testing.T) {
	t.Parallel()
	r := mute(rule.Condition{Type: "spam"})
	taken := r
	taken.Ended = noon
	for _, c := range []struct {
		r    rule.Rule
		at   time.Time
		want rule.State
	}{
		{r, r.From.Add(-1), rule.Coming},
		{r, r.From, rule.Live},
		{r, r.Until.Add(-1), rule.Live},
		{r, r.Until, rule.Over},
		{taken, r.From, rule.Ended},
		{taken, r.Until, rule.Ended},
	} {
		if got := c.r.StateAt(c.at); got != c.want || (got == rule.Live) != c.r.In(c.at) {
			t.Errorf("at %s it is %s, want %s", c.at, got, c.want)
		}
	}
	s := rule.Subject{Type: "spam"}
	if b := rule.NewBook([]rule.Rule{r}, nil, nil, r.From.Add(-time.Minute)); b.Tell(&s) != nil || !b.Next().Equal(r.From) {
		t.Errorf("before its time it counts, or nobody knows when it will: %s", b.Next())
	}
	if b := rule.NewBook([]rule.Rule{r}, nil, nil, noon); b.Tell(&s) == nil || !b.Next().Equal(r.Until) {
		t.Errorf("in its time it does not count, or nobody knows when it ends: %s", b.Next())
	}
	if b := rule.NewBook([]rule.Rule{taken}, nil, nil, noon); b.Tell(&s) != nil || !b.Next().IsZero() {
		t.Error("what was taken back counts")
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	s := rule.Subject{Type: "spam", Party: "p", Since: noon}
	for name, c := range map[string]struct {
		do   rule.Effect
		pace notice.Pace
		told bool
	}{
		"mute":    {rule.Effect{Deed: rule.Mute}, notice.Pace{}, false},
		"hold":    {rule.Effect{Deed: rule.Hold}, notice.Pace{}, false},
		"at once": {rule.Effect{Deed: rule.AtOnce, From: event.Low}, notice.Pace{UrgentFrom: event.Low}, true},
		"digest":  {rule.Effect{Deed: rule.Digest, Every: 7}, notice.Pace{Calm: true, Every: 7}, true},
		"to":      {rule.Effect{Deed: rule.To, Role: party.Abuse}, notice.Pace{Role: party.Abuse}, true},
	} {
		r := mute(rule.Condition{Type: "spam"})
		r.Do = c.do
		pace, told := rule.NewBook([]rule.Rule{r}, nil, nil, noon).Pace(&s)
		if pace != c.pace || told != c.told {
			t.Errorf("%s: %+v, told %t", name, pace, told)
		}
	}
	hold := mute(rule.Condition{Type: "spam"})
	hold.Do = rule.Effect{Deed: rule.Hold}
	b := rule.NewBook([]rule.Rule{hold}, []rule.Release{{Rule: 1, Party: "p", At: noon}, {Rule: 1, Party: "p", At: noon.Add(-time.Hour)}}, nil, noon)
	later := s
	later.Since = noon.Add(1)
	if _, told := b.Pace(&s); !told {
		t.Error("what was released is held")
	}
	if _, told := b.Pace(&later); told {
		t.Error("what came after the release is told")
	}
	if least := b.Least(event.High); least != event.High {
		t.Errorf("the least severity told at once is %s", least)
	}
	if !b.Holds() || !b.Tells() || b.Routes() {
		t.Error("the book does not know what it has")
	}
}

// A routing rule answers instead of the register, with its number and how sure it is.
func TestRouter(t *testing.T) {
	t.Parallel()
	parties := []party.Party{
		{ID: "hospital", Sector: "health", Region: "XA", Resources: []party.Resource{{ID: "r", Kind: party.Prefix, Value: "192.0.2.0/24", Source: party.Manual}}},
		{ID: "health-csirt", Region: "XB", Kind: "csirt"},
	}
	register, err := party.NewRegister(parties, []party.Region{{ID: "XA"}, {ID: "XB"}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	r := rule.Rule{Number: 12, Order: 1, When: rule.Condition{Type: "scanner", Sector: "health"}, Do: rule.Effect{Deed: rule.Assign, Party: "health-csirt", Confidence: 70}, From: noon.Add(-time.Hour)}
	gone := r
	gone.Number, gone.Do.Party, gone.Order = 11, "no-more", 0
	s := party.Subject{Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.7"}, Type: "scanner"}
	was := register.Attribute(s)
	with := register.Routing(rule.NewBook([]rule.Rule{r}, nil, nil, noon).Router(parties), time.Time{})
	want := party.Attribution{Party: "health-csirt", Basis: party.ByRule, Matched: "12", Confidence: 70, Region: "XB"}
	if d := cmp.Diff(want, with.Attribute(s)); d != "" {
		t.Error(d)
	}
	why := with.Explain(s)
	if len(why.Claims) < 2 || why.Claims[0].Basis != party.ByRule || why.Claims[0].Why != party.WhyRule || why.Claims[1].Party != "hospital" {
		t.Errorf("why here: %+v", why.Claims)
	}
	s.Type = "spam"
	if d := cmp.Diff(was, with.Attribute(s)); d != "" {
		t.Error(d)
	}
	s.Type = "scanner"
	broken := register.Routing(rule.NewBook([]rule.Rule{gone}, nil, nil, noon).Router(parties), time.Time{})
	if d := cmp.Diff(was, broken.Attribute(s)); d != "" {
		t.Errorf("a rule for a party that is no more: %s", d)
	}
	if rule.NewBook(nil, nil, nil, noon).Router(parties) != nil {
		t.Error("no rules, and the register asks them")
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	good := rule.Rule{Order: 10, When: rule.Condition{Prefix: "192.0.2.9/24", Domain: "B.Example."}, Do: rule.Effect{Deed: rule.Hold}, Reason: " why "}
	got, err := good.Canonical(noon)
	if err != nil || got.When.Prefix != "192.0.2.0/24" || got.When.Domain != "b.example" || got.Reason != "why" || !got.From.Equal(noon) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		change func(*rule.Rule)
		want   string // field:code
	}{
		"no reason":               {func(r *rule.Rule) { r.Reason = " " }, "reason:missing"},
		"long reason":             {func(r *rule.Rule) { r.Reason = strings.Repeat("x", 2001) }, "reason:long"},
		"no condition":            {func(r *rule.Rule) { r.When = rule.Condition{} }, "when:anything"},
		"a mute without end":      {func(r *rule.Rule) { r.Do.Deed = rule.Mute }, "until:missing"},
		"a mute for ever":         {func(r *rule.Rule) { r.Do.Deed, r.Until = rule.Mute, noon.AddDate(2, 0, 0) }, "until:far"},
		"an end in the past":      {func(r *rule.Rule) { r.Until = noon.Add(-1) }, "until:past"},
		"an end before the start": {func(r *rule.Rule) { r.From, r.Until = noon.Add(3), noon.Add(2) }, "until:past"},
		"order":                   {func(r *rule.Rule) { r.Order = 10_000 }, "order:number"},
		"prefix":                  {func(r *rule.Rule) { r.When.Prefix = "nonsense" }, "prefix:prefix"},
		"domain":                  {func(r *rule.Rule) { r.When.Domain = "no name" }, "domain:domain"},
		"type":                    {func(r *rule.Rule) { r.When.Type = "violence" }, "type:unknown"},
		"stream without feed":     {func(r *rule.Rule) { r.When.Stream = "x" }, "feed:missing"},
		"nobody and somebody":     {func(r *rule.Rule) { r.Do, r.When.Nobody, r.When.Party = assign, true, "p" }, "nobody:both"},
		"nobody to be told":       {func(r *rule.Rule) { r.When.Nobody = true }, "nobody:stored"},
		"number of a stored one":  {func(r *rule.Rule) { r.When.ASN = 1 }, "asn:stored"},
		"nobody to assign to":     {func(r *rule.Rule) { r.Do = rule.Effect{Deed: rule.Assign} }, "to:missing"},
		"too sure":                {func(r *rule.Rule) { r.Do = assign; r.Do.Confidence = 101 }, "confidence:number"},
		"at once from nothing":    {func(r *rule.Rule) { r.Do = rule.Effect{Deed: rule.AtOnce} }, "from_severity:missing"},
		"every other day":         {func(r *rule.Rule) { r.Do = rule.Effect{Deed: rule.Digest, Every: 2} }, "every:number"},
		"to whom":                 {func(r *rule.Rule) { r.Do = rule.Effect{Deed: rule.To} }, "role:missing"},
		"what":                    {func(r *rule.Rule) { r.Do = rule.Effect{Deed: "shout"} }, "deed:unknown"},
		"more than it can":        {func(r *rule.Rule) { r.Do = rule.Effect{Deed: rule.Hold, Every: 1} }, "deed:needless"},
	} {
		r := good
		c.change(&r)
		_, err := r.Canonical(noon)
		var p rule.Problems
		if !errors.As(err, &p) || !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		field, code, _ := strings.Cut(c.want, ":")
		if got, ok := p.Of(field); !ok || got.Code != code || p.Error() == "" {
			t.Errorf("%s: %v, want %s", name, p, c.want)
		}
	}
}

var assign = rule.Effect{Deed: rule.Assign, Party: "p"}

// Whatever the rules are: the one with the lowest order that fits decides, rules that do not fit change nothing, and
// the order in which they are given does not matter.
func TestOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		types := []string{"spam", "scanner", "phishing"}
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rule.Rule {
			r := mute(rule.Condition{Type: rapid.SampledFrom(types).Draw(t, "type")})
			r.Order = rapid.IntRange(1, 5).Draw(t, "order")
			r.Do = rapid.SampledFrom([]rule.Effect{{Deed: rule.Mute}, {Deed: rule.Hold}, {Deed: rule.AtOnce, From: event.Low}}).Draw(t, "do")
			if rapid.Bool().Draw(t, "over") {
				r.Until = noon.Add(-time.Minute)
			}
			return r
		}), 0, 8).Draw(t, "rules")
		for i := range list {
			list[i].Number = int64(i + 1)
		}
		s := rule.Subject{Type: rapid.SampledFrom(append(types, "other")).Draw(t, "subject"), Severity: event.Low, Party: "p"}
		var want *rule.Rule
		for i := range list {
			r := &list[i]
			if !r.In(noon) || r.When.Type != s.Type {
				continue
			}
			if want == nil || r.Order < want.Order || r.Order == want.Order && r.Number < want.Number {
				want = r
			}
		}
		given := rapid.Permutation(list).Draw(t, "given")
		got := rule.NewBook(given, nil, nil, noon).Tell(&s)
		switch {
		case want == nil && got != nil:
			t.Fatalf("rule %d decides about what fits none", got.Number)
		case want != nil && (got == nil || got.Number != want.Number):
			t.Fatalf("%+v decides, want rule %d", got, want.Number)
		}
		var none *rule.Book
		if pace, told := none.Pace(&s); none.Tell(&s) != nil || !told || pace != (notice.Pace{}) {
			t.Fatal("no rules change something")
		}
		other := slices.DeleteFunc(slices.Clone(list), func(r rule.Rule) bool { return r.When.Type != "other" })
		if rule.NewBook(other, nil, nil, noon).Tell(&s) != nil && s.Type != "other" {
			t.Fatal("rules that do not fit decide")
		}
	})
}

// What is written as text is read as the same, and what is no rule is refused without harm.
func FuzzText(f *testing.F) {
	f.Add(`{"type":"spam","severity":3}`)
	f.Add(rule.Text(rule.Condition{Feed: "f", Stream: "s", Prefix: "192.0.2.0/24", ASN: 1, Nobody: true}))
	f.Add(rule.Text(rule.Effect{Deed: rule.Assign, Party: "p", Confidence: 5}))
	f.Add(`{"type":"spam"} {}`)
	f.Add(`{"Type":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := rule.ParseCondition([]byte(text)); err == nil {
			again, err := rule.ParseCondition([]byte(rule.Text(c)))
			if err != nil || again != c {
				t.Fatalf("%+v reads again as %+v, %v", c, again, err)
			}
			r := rule.Rule{Order: 1, When: c, Do: rule.Effect{Deed: rule.Hold}, Reason: "r"}
			if canonical, err := r.Canonical(noon); err == nil {
				twice, err := canonical.Canonical(noon)
				if err != nil || twice.When != canonical.When {
					t.Fatalf("%+v is not canonical: %+v, %v", canonical.When, twice.When, err)
				}
				rule.NewBook([]rule.Rule{canonical}, nil, nil, noon).Tell(&rule.Subject{Asset: asset.Asset{Kind: asset.URL, Value: text}, IP: text, Party: ident.Party(text)})
			}
		}
		if e, err := rule.ParseEffect([]byte(text)); err == nil {
			if again, err := rule.ParseEffect([]byte(rule.Text(e))); err != nil || again != e {
				t.Fatalf("%+v reads again as %+v, %v", e, again, err)
			}
		}
	})
}
