package access_test

import (
	"slices"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/people"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func person(id string, of ident.Party, powers ...people.Power) access.Reader {
	return access.Reader{Actor: access.Actor{
		Kind: access.Person, ID: id, Party: of, Seats: []access.Seat{{Post: "p", Party: of, Powers: powers}},
	}}
}

// Each line is one rule of who may read.
func TestCan(t *testing.T) {
	t.Parallel()
	read := people.Read
	desk := person("ada", ident.Authority, read)
	owner := person("wang", "hospital", read)
	client := person("li", "clinic", read)
	client.Providers = []ident.Party{"hospital"}
	shared := func(r access.Reader, named bool, until time.Time) access.Reader {
		r.Shares = []access.Share{{Object: "finding:1", Named: named, Until: until}}
		return r
	}
	other := person("zhao", "bank", read)
	observer := other
	observer.Observes = []access.ObserverRule{{Sector: "health", Regions: []string{"XA", "XA-01"}}}
	nowhere := other
	nowhere.Observes = []access.ObserverRule{{Sector: "health", Class: "other"}}
	weak, scoped, auditor := desk, desk, person("qi", ident.Authority, people.Audit)
	weak.Weak, scoped.Only = true, []people.Power{people.Feeds}
	embargoed := noon.Add(time.Hour)
	all := marking.TLPs
	for name, c := range map[string]struct {
		r       access.Reader
		why     access.Purpose
		marks   []marking.TLP // that may be read
		embargo time.Time
	}{
		"nobody":                        {r: access.Reader{}, why: access.Handle},
		"software":                      {r: access.Reader{Actor: access.ForSoftware("command")}, why: access.Handle, marks: all},
		"a feed":                        {r: access.Reader{Actor: access.ForFeed("f")}, why: access.Handle},
		"the desk":                      {r: desk, why: access.Handle, marks: all[:4]},
		"the desk under embargo":        {r: desk, why: access.Handle, marks: all[:4], embargo: embargoed},
		"the desk for a party":          {r: desk, why: access.Answer},
		"the desk in an exercise":       {r: desk, why: access.Exercise},
		"the desk, named":               {r: shared(desk, true, time.Time{}), why: access.Handle, marks: all},
		"without a second factor":       {r: shared(weak, true, time.Time{}), why: access.Handle},
		"a token for feeds":             {r: shared(scoped, true, time.Time{}), why: access.Handle},
		"an auditor":                    {r: auditor, why: access.Handle},
		"an auditor, auditing":          {r: auditor, why: access.Audit},
		"the owner":                     {r: owner, why: access.Answer, marks: all[:4], embargo: embargoed},
		"the owner as an observer":      {r: owner, why: access.Oversight},
		"the owner without power":       {r: person("wang", "hospital", people.Staff), why: access.Answer},
		"the holder of a link":          {r: access.Reader{Actor: access.ForParty("hospital")}, why: access.Answer, marks: all[:4]},
		"the holder of another's link":  {r: access.Reader{Actor: access.ForParty("bank")}, why: access.Answer},
		"a client without a grant":      {r: client, why: access.Answer},
		"a client, by its party":        {r: shared(client, false, time.Time{}), why: access.Answer, marks: all[:4]},
		"another party":                 {r: other, why: access.Answer},
		"another party, shared":         {r: shared(other, false, embargoed), why: access.Answer, marks: all[:4]},
		"another party, share over":     {r: shared(other, false, noon), why: access.Answer},
		"another party, named":          {r: shared(other, true, embargoed), why: access.Oversight, marks: all},
		"another party, under embargo":  {r: shared(other, true, embargoed), why: access.Oversight, embargo: embargoed},
		"another party, embargo over":   {r: shared(other, true, embargoed), why: access.Oversight, marks: all, embargo: noon},
		"a share for an exercise":       {r: shared(other, true, embargoed), why: access.Exercise},
		"an observer":                   {r: observer, why: access.Oversight, marks: all[:2]},
		"an observer at answering":      {r: observer, why: access.Answer},
		"an observer of something else": {r: nowhere, why: access.Oversight},
	} {
		for _, m := range all {
			thing := access.Thing{
				Kind: access.Findings, ID: "1", Party: "hospital", Mark: marking.Mark{TLP: m}, Embargo: c.embargo,
				Sector: "health", Region: "XA-01", Class: "open-rdp",
			}
			if got := access.Can(&c.r, thing, noon, c.why); got != slices.Contains(c.marks, m) {
				t.Errorf("%s reads %s: %t", name, m, got)
			}
			thing.ID, thing.Party, thing.Region = "2", "", "XB"
			desk := slices.Contains([]string{"software", "the desk", "the desk under embargo", "the desk, named"}, name)
			if access.Can(&c.r, thing, noon, c.why) && !desk {
				t.Errorf("%s reads another's %s", name, m)
			}
		}
	}
}

// An observer who is a registered client of the owner reads up to AMBER.
func TestClientObserves(t *testing.T) {
	t.Parallel()
	r := person("li", "clinic", people.Read)
	r.Providers, r.Observes = []ident.Party{"hospital"}, []access.ObserverRule{{}}
	for _, m := range marking.TLPs {
		thing := access.Thing{Kind: access.Findings, ID: "1", Party: "hospital", Mark: marking.Mark{TLP: m}}
		if got := access.Can(&r, thing, noon, access.Oversight); got != (m <= marking.Amber) {
			t.Errorf("%s: %t", m, got)
		}
	}
}

// What the tree does not know does not hold.
func TestUnknownConditions(t *testing.T) {
	t.Parallel()
	for _, c := range []access.Cond{{}, {Op: "x"}, {Op: access.OpIn, Field: "x", Text: []string{""}}, {Op: access.OpAtMost, Field: "x"}, {Op: access.OpOver, Field: "x"}} {
		if c.Holds(access.Thing{}) {
			t.Errorf("%+v holds", c)
		}
	}
}

// Each field of a condition is that of the thing, a value that is not among those asked for does not hold, and marks and
// instants have no text.
func TestFields(t *testing.T) {
	t.Parallel()
	thing := access.Thing{
		ID: "7", Party: "bank", Sector: "finance", Region: "CC-A", Class: "open-dns", Mark: marking.Mark{TLP: marking.Green}, Embargo: noon,
	}
	for _, c := range []struct {
		cond access.Cond
		want bool
	}{
		{access.Cond{Op: access.OpIn, Field: access.FieldID, Text: []string{"7"}}, true},
		{access.Cond{Op: access.OpIn, Field: access.FieldParty, Text: []string{"hospital", "bank"}}, true},
		{access.Cond{Op: access.OpIn, Field: access.FieldSector, Text: []string{"finance"}}, true},
		{access.Cond{Op: access.OpIn, Field: access.FieldRegion, Text: []string{"CC-A"}}, true},
		{access.Cond{Op: access.OpIn, Field: access.FieldClass, Text: []string{"open-dns"}}, true},
		{access.Cond{Op: access.OpIn, Field: access.FieldClass, Text: []string{"bank", "7", ""}}, false},
		{access.Cond{Op: access.OpIn, Field: access.FieldParty}, false},
		{access.Cond{Op: access.OpIn, Field: access.FieldTLP, Text: []string{""}}, false},
		{access.Cond{Op: access.OpIn, Field: access.FieldEmbargo, Text: []string{""}}, false},
		{access.Cond{Op: access.OpAtMost, Field: access.FieldTLP, Number: int64(marking.Green)}, true},
		{access.Cond{Op: access.OpAtMost, Field: access.FieldTLP, Number: int64(marking.Clear)}, false},
		{access.Cond{Op: access.OpAtMost, Field: access.FieldEmbargo, Number: 9}, false},
		{access.Cond{Op: access.OpOver, Field: access.FieldEmbargo, Number: noon.UnixMicro()}, true},
		{access.Cond{Op: access.OpOver, Field: access.FieldEmbargo, Number: noon.UnixMicro() - 1}, false},
		{access.Cond{Op: access.OpOver, Field: access.FieldTLP, Number: noon.UnixMicro()}, false},
	} {
		if got := c.cond.Holds(thing); got != c.want {
			t.Errorf("%+v: %t", c.cond, got)
		}
	}
	if !(access.Cond{Op: access.OpOver, Field: access.FieldEmbargo}).Holds(access.Thing{}) {
		t.Error("what has no embargo waits for one")
	}
}
