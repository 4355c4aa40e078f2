package access_test

import (
	"errors"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// Ask says yes to whom an act is for and to nobody else.
func TestAsk(t *testing.T) {
	t.Parallel()
	post := func(p ident.Party, powers ...people.Power) access.Actor {
		return access.Actor{
			Kind: access.Person, ID: "ada", Party: p, Proved: noon,
			Seats: []access.Seat{{Post: "post", Party: p, Powers: powers, Incompatible: []ident.Post{"other"}}},
		}
	}
	weak := post(ident.Authority, people.Powers...)
	weak.Weak = true
	stale := post(ident.Authority, people.Powers...)
	stale.Proved = noon.Add(-access.FreshFor - time.Second)
	edge := post(ident.Authority, people.Powers...)
	edge.Proved = noon.Add(-access.FreshFor)
	never := post(ident.Authority, people.Powers...)
	never.Proved = time.Time{}
	read := post(ident.Authority, people.Powers...)
	read.Only = []people.Power{people.Read}
	proposed := func(by string) access.Object {
		return access.Object{Name: "finding:1", Party: "hospital", Proposed: by}
	}
	for _, c := range []struct {
		name string
		who  access.Actor
		act  string
		on   access.Object
		want error // nil: may
	}{
		{"an act that is not known, by software", access.ForSoftware("command"), "finding.erase", access.On("x"), fault.Denied},
		{"an act that is not known, by a person", post(ident.Authority, people.Powers...), "finding.erase", access.On("x"), fault.Denied},
		{"the duty of another", access.ForSoftware("fold"), "finding.verify", access.On("findings"), fault.Denied},
		{"a duty", access.ForSoftware("verify"), "finding.verify", access.On("findings"), nil},
		{"a person does a duty", post(ident.Authority, people.Powers...), "finding.verify", access.On("findings"), fault.Denied},
		{"a link of the object's party", access.ForParty("hospital"), "notice.answer", access.Of("hospital", "notice:1"), nil},
		{"a link of another party", access.ForParty("bank"), "notice.answer", access.Of("hospital", "notice:1"), fault.Denied},
		{"a link of no party", access.ForParty(""), "notice.answer", access.Of("", "notice:1"), fault.Denied},
		{"a link discards", access.ForParty("hospital"), "finding.discard", access.Of("hospital", "finding:1"), fault.Denied},
		{"a feed brings a signal", access.ForFeed("f"), "signal.accept", access.On("signal:1"), nil},
		{"a feed answers", access.ForFeed("f"), "notice.answer", access.Of("hospital", "notice:1"), fault.Denied},
		{"nobody reports", access.Actor{}, "report.receive", access.On("report:1"), nil},
		{"nobody brings a signal", access.Actor{}, "signal.accept", access.On("signal:1"), fault.Denied},
		{"a person reports", post("hospital"), "report.receive", access.On("report:1"), nil},
		{"the power", post(ident.Authority, people.Triage), "finding.discard", access.Of("hospital", "finding:1"), nil},
		{"another power", post(ident.Authority, people.Mark), "finding.discard", access.Of("hospital", "finding:1"), fault.Denied},
		{"the power, for its own party", post("hospital", people.Answer), "notice.answer", access.Of("hospital", "notice:1"), nil},
		{"the power, for another party", post("bank", people.Answer), "notice.answer", access.Of("hospital", "notice:1"), fault.Denied},
		{"without a second factor", weak, "finding.discard", access.Of("hospital", "finding:1"), fault.Denied},
		{"by a token of another scope", read, "finding.discard", access.Of("hospital", "finding:1"), fault.Denied},
		{"after acting in an incompatible post", post(ident.Authority, people.Triage), "finding.discard", access.Object{Name: "finding:1", Acted: []ident.Post{"other"}}, fault.Denied},
		{"alone, what needs two", post(ident.Authority, people.Powers...), "finding.lower", proposed(""), access.ErrTwo},
		{"approving what they proposed", post(ident.Authority, people.Powers...), "finding.lower", proposed("person:ada"), access.ErrTwo},
		{"approving what another proposed", post(ident.Authority, people.Approve), "finding.lower", proposed("person:bo"), nil},
		{"approving with the power to propose only", post(ident.Authority, people.Mark), "finding.lower", proposed("person:bo"), fault.Denied},
	} {
		_, err := access.Ask(c.who, c.act, c.on, noon)
		if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	fresh := ""
	for act, need := range access.Acts {
		if need.Fresh && !need.Two && need.Power != "" {
			fresh = act
			break
		}
	}
	for name, c := range map[string]struct {
		who  access.Actor
		want error
	}{"just in time": {edge, nil}, "a second too late": {stale, access.ErrFresh}, "never": {never, access.ErrFresh}} {
		if _, err := access.Ask(c.who, fresh, access.On("x"), noon); !errors.Is(err, c.want) {
			t.Errorf("%s, proved %s: %v, want %v", fresh, name, err, c.want)
		}
	}
}

// What an actor is follows from its kind and its party, and what it holds from its posts.
func TestActor(t *testing.T) {
	t.Parallel()
	seat := access.Seat{Post: "p", Party: "hospital", Powers: []people.Power{people.Answer}}
	wide := access.Seat{Post: "w", Party: ident.Authority, Powers: []people.Power{people.Answer}, Incompatible: []ident.Post{"x"}}
	nowhere := access.Seat{Post: "n", Powers: []people.Power{people.Answer}}
	for _, c := range []struct {
		a                             access.Actor
		name                          string
		desk, member, blocked         bool
		forHospital, forBank, forNone bool // holds people.Answer
	}{
		{a: access.Actor{}, name: "nobody"},
		{a: access.Actor{ID: "x", Party: "hospital"}, name: "nobody"},
		{a: access.ForSoftware("fold"), name: "software:fold"},
		{a: access.ForFeed("f"), name: "feed:f"},
		{a: access.ForParty("hospital"), name: "party:hospital"},
		{a: access.Actor{Kind: access.Software, ID: "s", Party: ident.Authority}, name: "software:s"},
		{a: access.Actor{Kind: access.Person, ID: "ada", Party: ident.Authority, Seats: []access.Seat{wide}}, name: "person:ada", desk: true, blocked: true, forHospital: true, forBank: true, forNone: true},
		{a: access.Actor{Kind: access.Person, ID: "wang", Party: "hospital", Seats: []access.Seat{seat}}, name: "person:wang", member: true, forHospital: true},
		{a: access.Actor{Kind: access.Person, ID: "lost", Seats: []access.Seat{nowhere}}, name: "person:lost"},
		{a: access.Actor{Kind: access.Person, ID: "none", Party: "hospital"}, name: "person:none", member: true},
	} {
		if c.a.String() != c.name || c.a.Desk() != c.desk || c.a.Member() != c.member || c.a.Incompatible() != c.blocked {
			t.Errorf("%+v: %s, desk %t, member %t, incompatible %t", c.a, c.a, c.a.Desk(), c.a.Member(), c.a.Incompatible())
		}
		for of, want := range map[ident.Party]bool{"hospital": c.forHospital, "bank": c.forBank, "": c.forNone} {
			if c.a.Holds(people.Answer, of) != want {
				t.Errorf("%s answers for %q: %t", c.name, of, !want)
			}
			if c.a.Holds(people.Read, of) {
				t.Errorf("%s reads %q without the power", c.name, of)
			}
		}
	}
}
