package party_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/party"
)

var midday = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func clinic() party.Party {
	return party.Party{
		ID: "clinic", Name: "Clinic", Kind: "institution", Language: "en", Rank: 100,
		Contacts:  []party.Contact{{ID: "con_1", Role: party.Security, Mail: "cert@clinic.example"}},
		Resources: []party.Resource{{ID: "res_1", Kind: party.Prefix, Value: "192.0.2.0/24", Source: party.Manual}},
		Systems: []party.System{
			{ID: "sys_1", Name: "Portal", Asset: asset.Asset{Kind: asset.Domain, Value: "portal.example"}, Protection: 3, Products: []string{"nginx"}},
			{ID: "sys_2", Name: "Archive"},
		},
	}
}

// Every state with every step: one row of the table decides each.
func TestRequestSteps(t *testing.T) {
	t.Parallel()
	want := map[party.RequestStep]party.RequestState{
		party.Confirm: party.Confirmed, party.Refuse: party.Refused, party.Withdraw: party.Withdrawn,
	}
	for _, s := range party.RequestStates {
		for _, step := range party.RequestSteps {
			r := party.Request{State: s, By: "person:a", What: party.OfResource}
			got, err := r.Next(step, "person:b", midday, "because")
			to, ok := want[step]
			if ok = ok && s == party.Proposed; !ok {
				if err == nil || got.State != s {
					t.Errorf("%s takes %s: %s, %v", s, step, got.State, err)
				}
				continue
			}
			if err != nil || got.State != to || got.DecidedBy != "person:b" || !got.Decided.Equal(midday) {
				t.Errorf("%s after %s: %+v, %v", s, step, got, err)
			}
		}
	}
	open := party.Request{State: party.Proposed, By: "person:a", What: party.OfSystem, After: party.Entry{Name: "X"}}
	for name, c := range map[string]struct {
		step   party.RequestStep
		by     string
		reason string
		want   error
	}{
		"confirms what they proposed": {party.Confirm, "person:a", "", fault.Denied},
		"refuses what they proposed":  {party.Refuse, "person:a", "no", fault.Denied},
		"refuses without a reason":    {party.Refuse, "person:b", "  ", fault.Invalid},
		"applies another's":           {party.Apply, "person:b", "", fault.Denied},
		"an unknown step":             {"x", "person:b", "", fault.Invalid},
		"a long reason":               {party.Refuse, "person:b", string(make([]byte, party.MaxReason)) + "xx", fault.Invalid},
		"applies their own":           {party.Apply, "person:a", "", nil},
		"withdraws a colleague's":     {party.Withdraw, "person:b", "", nil},
	} {
		if _, err := open.Next(c.step, c.by, midday, c.reason); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What takes effect without the desk lowers nothing and changes nobody's answer.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	plain, level := party.Entry{Name: "A"}, party.Entry{Name: "A", Protection: 3}
	placed := party.Entry{Name: "A", Kind: "domain", Value: "a.example", Protection: 3}
	for name, c := range map[string]struct {
		what          party.RequestWhat
		before, after party.Entry
		want          bool
	}{
		"a new system":                 {party.OfSystem, party.Entry{}, plain, true},
		"a new system with an asset":   {party.OfSystem, party.Entry{}, placed, false},
		"another name":                 {party.OfSystem, placed, party.Entry{Name: "B", Kind: "domain", Value: "a.example", Protection: 3}, true},
		"a higher level":               {party.OfSystem, level, party.Entry{Name: "A", Protection: 4}, true},
		"a lower level":                {party.OfSystem, level, plain, false},
		"another asset":                {party.OfSystem, placed, party.Entry{Name: "A", Kind: "domain", Value: "b.example", Protection: 3}, false},
		"the end of a system":          {party.OfSystem, plain, party.Entry{}, true},
		"the end of a protected one":   {party.OfSystem, level, party.Entry{}, false},
		"the end of one with an asset": {party.OfSystem, party.Entry{Name: "A", Kind: "domain", Value: "a.example"}, party.Entry{}, false},
		"a resource":                   {party.OfResource, party.Entry{}, party.Entry{Kind: "asn", Value: "1"}, false},
		"the end of a resource":        {party.OfResource, party.Entry{Kind: "asn", Value: "1"}, party.Entry{}, false},
	} {
		if got := (party.Request{What: c.what, Before: c.before, After: c.after}).AtOnce(); got != c.want {
			t.Errorf("%s at once: %t", name, got)
		}
	}
}

func TestRequestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		r    party.Request
		want party.Entry
		fail bool
	}{
		"a prefix":           {r: party.Request{What: party.OfResource, After: party.Entry{Kind: "prefix", Value: " 192.0.2.0/24 "}}, want: party.Entry{Kind: "prefix", Value: "192.0.2.0/24"}},
		"an AS number":       {r: party.Request{What: party.OfResource, After: party.Entry{Kind: "asn", Value: "AS64496"}}, want: party.Entry{Kind: "asn", Value: "64496"}},
		"bits behind it":     {r: party.Request{What: party.OfResource, After: party.Entry{Kind: "prefix", Value: "192.0.2.1/24"}}, fail: true},
		"the whole internet": {r: party.Request{What: party.OfResource, After: party.Entry{Kind: "prefix", Value: "0.0.0.0/0"}}, fail: true},
		"no name":            {r: party.Request{What: party.OfSystem, After: party.Entry{Protection: 1}}, fail: true},
		"a level of six":     {r: party.Request{What: party.OfSystem, After: party.Entry{Name: "A", Protection: 6}}, fail: true},
		"a web address":      {r: party.Request{What: party.OfSystem, After: party.Entry{Name: "A", Value: "HTTPS://A.Example/x"}}, want: party.Entry{Name: "A", Kind: "url", Value: "https://a.example/x"}},
		"nothing":            {r: party.Request{What: party.OfSystem}, fail: true},
		"something unknown":  {r: party.Request{What: "x", After: party.Entry{Name: "A"}}, fail: true},
		"nothing new":        {r: party.Request{What: party.OfSystem, Target: "s", Before: party.Entry{Name: "A"}, After: party.Entry{Name: "A"}}, fail: true},
	} {
		err := c.r.Check()
		if (err != nil) != c.fail || err != nil && !errors.Is(err, fault.Invalid) || err == nil && !c.r.After.Same(c.want) {
			t.Errorf("%s: %+v, %v", name, c.r.After, err)
		}
	}
}

// A change that was decided is carried out as it was stated, or refused because the register has moved on.
func TestWith(t *testing.T) {
	t.Parallel()
	fresh := func(prefix string) string { return prefix + "_new" }
	p := clinic()
	moved := party.Request{What: party.OfSystem, Target: "sys_1", Before: p.Systems[0].EntryOf(), After: party.Entry{Name: "Portal", Kind: "domain", Value: "new.example", Protection: 3}}
	got, err := p.With(moved, midday, fresh)
	if err != nil || got.Systems[0].Asset.Value != "new.example" || p.Systems[0].Asset.Value != "portal.example" {
		t.Errorf("a system that moves: %+v, %v", got.Systems, err)
	}
	if _, err := got.With(moved, midday, fresh); !errors.Is(err, fault.Conflict) {
		t.Errorf("the same once more: %v", err)
	}
	ended, err := p.With(party.Request{What: party.OfResource, Target: "res_1", Before: p.Resources[0].EntryOf()}, midday, fresh)
	if err != nil || len(ended.Resources) != 1 || !ended.Resources[0].To.Equal(midday) {
		t.Errorf("a resource that ends: %+v, %v", ended.Resources, err)
	}
	if !ended.Holds(party.OfResource, "res_1", midday).None() {
		t.Error("it is still held")
	}
	again, err := ended.With(party.Request{What: party.OfResource, After: party.Entry{Kind: "prefix", Value: "192.0.2.0/24"}}, midday.Add(time.Hour), fresh)
	if err != nil || len(again.Resources) != 2 || again.Resources[1].ID != "res_new" || again.Resources[1].Source != party.Manual {
		t.Errorf("a resource that begins again: %+v, %v", again.Resources, err)
	}
	if _, err := p.With(party.Request{What: party.OfResource, After: party.Entry{Kind: "prefix", Value: "192.0.2.0/24"}}, midday, fresh); !errors.Is(err, fault.Conflict) {
		t.Errorf("what is there already: %v", err)
	}
}

// Whatever is asked and decided in whatever order: a decided request never moves again, nobody decides about their own,
// and the party changes exactly where a request is carried out.
func TestRequestsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, n, at := clinic(), 0, midday
		fresh := func(prefix string) string { n++; return prefix + "_" + strconv.Itoa(n+100) }
		var all []party.Request
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			at = at.Add(time.Hour)
			if r := drawRequest(t, p, at); r.Check() == nil {
				all = append(all, r)
			}
			if len(all) == 0 {
				continue
			}
			i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
			step, by := rapid.SampledFrom(party.RequestSteps).Draw(t, "step"), rapid.SampledFrom([]string{"person:a", "person:b"}).Draw(t, "by")
			was, before := all[i], p
			next, err := was.Next(step, by, at, "reason")
			if err != nil {
				if next.State != was.State {
					t.Fatalf("a step that failed moved it from %s to %s", was.State, next.State)
				}
				continue
			}
			if was.State != party.Proposed || (step == party.Confirm || step == party.Refuse) && by == was.By || step == party.Apply && !was.AtOnce() {
				t.Fatalf("%s of %+v by %s went through", step, was, by)
			}
			if next.State == party.Confirmed {
				after, err := p.With(next, at, fresh)
				if err != nil {
					continue
				}
				p = after
				if next.Target != "" && next.What == party.OfSystem && !p.Holds(next.What, next.Target, at).Same(next.After) {
					t.Fatalf("the register does not hold what was confirmed: %+v", next)
				}
			}
			all[i] = next
			if next.State != party.Confirmed && (!slices.EqualFunc(before.Systems, p.Systems, func(a, b party.System) bool { return a.EntryOf().Same(b.EntryOf()) }) || len(before.Resources) != len(p.Resources)) {
				t.Fatalf("%s changed the register", step)
			}
		}
	})
}

func drawRequest(t *rapid.T, p party.Party, at time.Time) party.Request {
	r := party.Request{State: party.Proposed, By: rapid.SampledFrom([]string{"person:a", "person:b"}).Draw(t, "proposer"), At: at}
	r.What = rapid.SampledFrom([]party.RequestWhat{party.OfSystem, party.OfResource}).Draw(t, "what")
	var ids []string
	for _, s := range p.Systems {
		ids = append(ids, s.ID)
	}
	if r.What == party.OfResource {
		ids = nil
		for _, s := range p.Resources {
			ids = append(ids, s.ID)
		}
	}
	if r.Target = rapid.SampledFrom(append(ids, "")).Draw(t, "target"); r.Target != "" {
		r.Before = p.Holds(r.What, r.Target, at)
	}
	if rapid.Bool().Draw(t, "ends") {
		return r
	}
	octet := strconv.Itoa(rapid.IntRange(0, 5).Draw(t, "octet"))
	r.After = party.Entry{Kind: "prefix", Value: "198.51." + octet + ".0/24"}
	if r.What == party.OfSystem {
		r.After = party.Entry{Name: "S" + octet, Protection: rapid.IntRange(0, 5).Draw(t, "level"), Value: rapid.SampledFrom([]string{"", "s" + octet + ".example"}).Draw(t, "asset")}
	}
	return r
}
