package party

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"tocsin/internal/ident"
)

// Verb says what a change does.
type Verb string

// Verbs. Ended covers resources that end and contacts and systems that go.
const (
	Added   Verb = "added"
	Changed Verb = "changed"
	Ended   Verb = "ended"
)

// Change is one difference that taking something over makes.
type Change struct {
	Do     Verb
	What   string      // "party", "contact", "resource", "system" or "region"
	Party  ident.Party // empty for a region
	Name   string      // of the member: a mail address, a prefix, a system's name, a region's code
	Fields []string    // that change, for Changed
}

// Plan is what taking over an import comes to.
type Plan struct {
	Parties []Party  // that are new or change, as they will be
	Regions []Region // that are new or change, as they will be
	Changes []Change
}

// Count returns how many changes of one verb to one kind of thing the plan holds.
func (p *Plan) Count(do Verb, what string) int {
	n := 0
	for _, c := range p.Changes {
		if c.Do == do && c.What == what {
			n++
		}
	}
	return n
}

// Merge plans how parties and regions are taken over at instant at into a register that holds have and haveRegions.
// A party or region that the import does not name stays as it is. Of a party that it names
//
//   - a value that the import leaves open stays;
//   - contacts and systems become those of the import, where it has any; what it leaves open of a contact (a name, a
//     key) stays, and so do the contacts that the party's own people entered;
//   - resources of the import are added, or confirm the same ones. A resource it lacks ends at at if its source is one
//     that the import speaks for: the sources of all its resources;
//   - what an import or a registry says never weakens what somebody entered by hand: such a resource keeps its source
//     and dates, and only counts as verified.
//
// A registry's text (every resource from Registry) only fills gaps in a known party and only adds contacts. The
// error, Problems, names what is wrong with the register as it would be.
func Merge(have []Party, haveRegions []Region, in []Party, regions []Region, at time.Time) (Plan, error) {
	var plan Plan
	var bad Problems
	after := make(map[ident.Party]Party, len(have)+len(in))
	for _, p := range have {
		after[p.ID] = p
	}
	speaks, registry := sources(in)
	for _, p := range in {
		old, known := after[p.ID]
		q, err := combine(old, p, speaks, registry && known, at).Canonical()
		bad.addAll(p.ID, err)
		changes := diff(old, q, known, at)
		after[p.ID] = q
		if len(changes) > 0 {
			plan.Changes = append(plan.Changes, changes...)
			plan.Parties = append(plan.Parties, q)
		}
	}
	all := plan.regions(haveRegions, regions)
	whole := make([]Party, 0, len(after))
	for _, p := range after {
		whole = append(whole, p)
	}
	slices.SortFunc(whole, func(a, b Party) int { return cmp.Compare(a.ID, b.ID) })
	if err := CheckWhole(whole, all); err != nil {
		bad.addAll("", err)
	}
	if err := bad.err(); err != nil {
		return Plan{}, err
	}
	return plan, nil
}

// addAll adds the problems of err, if it is Problems, under the party's name.
func (p *Problems) addAll(id ident.Party, err error) {
	var q *Problems
	if !errors.As(err, &q) {
		return
	}
	for _, one := range q.List {
		if id == "" {
			p.add(one.Line, one.Field, "%v", one.Said)
		} else {
			p.add(one.Line, one.Field, "party %s: %v", id, one.Said)
		}
	}
	p.More += q.More
}

// sources returns every source of the parties' resources, and whether Registry is the only one.
func sources(ps []Party) (map[string]bool, bool) {
	out := map[string]bool{}
	for _, p := range ps {
		for _, r := range p.Resources {
			out[r.Source] = true
		}
	}
	return out, len(out) == 1 && out[Registry]
}

// combine returns old as it is once in has been taken over. fill says that in only fills gaps.
func combine(old, in Party, speaks map[string]bool, fill bool, at time.Time) Party {
	q := old
	q.ID = in.ID
	for _, f := range []struct {
		to  *string
		new string
	}{{&q.Name, in.Name}, {&q.Kind, in.Kind}, {&q.Sector, in.Sector}, {&q.Region, in.Region}, {&q.Language, in.Language}} {
		if f.new != "" && (!fill || *f.to == "") {
			*f.to = f.new
		}
	}
	if in.Rank != 0 && (!fill || q.Rank == 0) {
		q.Rank = in.Rank
	}
	q.Contacts = combineContacts(old.Contacts, in.Contacts, fill)
	q.Systems = combineSystems(old.Systems, in.Systems)
	q.Resources = combineResources(old.Resources, in.Resources, speaks, at)
	return q
}

func combineContacts(old, in []Contact, fill bool) []Contact {
	if len(in) == 0 {
		return old
	}
	var out []Contact
	for _, o := range old {
		if fill || o.Own && !slices.ContainsFunc(in, o.Same) {
			out = append(out, o)
		}
	}
	for _, k := range in {
		if fill && slices.ContainsFunc(old, k.sameMailbox) {
			continue
		}
		for _, o := range old {
			if o.Same(k) {
				k.ID = o.ID
				k.Name, k.Language, k.PGPKey = cmp.Or(k.Name, o.Name), cmp.Or(k.Language, o.Language), cmp.Or(k.PGPKey, o.PGPKey)
			}
		}
		out = append(out, k)
	}
	return out
}

func combineSystems(old, in []System) []System {
	if len(in) == 0 {
		return old
	}
	out := slices.Clone(in)
	for i := range out {
		for _, o := range old {
			if sameSystem(o, out[i]) {
				out[i].ID = o.ID
				if out[i].Protection == 0 {
					out[i].Protection = o.Protection
				}
				if len(out[i].Products) == 0 {
					out[i].Products = o.Products
				}
			}
		}
	}
	return out
}

// sameSystem reports whether a and b are one system: by asset, by name where it has none.
func sameSystem(a, b System) bool {
	return a.Asset == b.Asset && (a.Asset.Value != "" || a.Name == b.Name)
}

func live(r Resource, at time.Time) bool { return r.To.IsZero() || r.To.After(at) }

func combineResources(old, in []Resource, speaks map[string]bool, at time.Time) []Resource {
	out := slices.Clone(old)
	named := map[int]bool{}
	spans := make(map[string][]int, len(out))
	for i, o := range out {
		key := string(o.Kind) + o.Value
		spans[key] = append(spans[key], i)
	}
	for _, r := range in {
		i := match(out, spans[string(r.Kind)+r.Value], r, at)
		if i < 0 {
			for _, j := range spans[string(r.Kind)+r.Value] {
				if overlap(out[j], r) && r.From.Before(at) {
					r.From = at // it had ended here, and begins again
				}
			}
			out = append(out, r)
			named[len(out)-1] = true
			continue
		}
		named[i] = true
		o := &out[i]
		if r.Verified.After(o.Verified) {
			o.Verified = r.Verified
		}
		if SourceRank(o.Source) < SourceRank(r.Source) {
			continue
		}
		o.Source, o.To = r.Source, r.To
		if !r.From.IsZero() {
			o.From = r.From
		}
	}
	kept := out[:0]
	for i, o := range out {
		if named[i] || !live(o, at) || !speaks[o.Source] {
			kept = append(kept, o)
		}
	}
	return kept
}

// match returns which of the candidates among rs is the same claim as r: the one of the same beginning, else the one
// that still holds; -1 where none is.
func match(rs []Resource, candidates []int, r Resource, at time.Time) int {
	for _, i := range candidates {
		if rs[i].From.Equal(r.From) && (live(rs[i], at) || rs[i].To.Equal(r.To)) {
			return i
		}
	}
	for _, i := range candidates {
		if live(rs[i], at) && live(r, at) {
			return i
		}
	}
	return -1
}

// Adopt gives members of p that have no ID the ID of the same member of old, so that what refers to them stays right:
// contacts by role, mail and what they are for, resources by value and beginning, systems by asset. What is new gets an ID from fresh,
// which is handed "con", "res" or "sys".
func (p *Party) Adopt(old Party, fresh func(prefix string) string) {
	p.Contacts, p.Resources, p.Systems = slices.Clone(p.Contacts), slices.Clone(p.Resources), slices.Clone(p.Systems)
	for i := range p.Contacts {
		k := &p.Contacts[i]
		for _, o := range old.Contacts {
			if k.ID == "" && o.Same(*k) {
				k.ID = o.ID
			}
		}
		if k.ID == "" {
			k.ID = fresh("con")
		}
	}
	ids := map[string]string{}
	for _, o := range old.Resources {
		ids[string(o.Kind)+o.Value+writeInstant(o.From)] = o.ID
	}
	for i := range p.Resources {
		r := &p.Resources[i]
		if r.ID == "" {
			r.ID = cmp.Or(ids[string(r.Kind)+r.Value+writeInstant(r.From)], fresh("res"))
		}
	}
	for i := range p.Systems {
		s := &p.Systems[i]
		for _, o := range old.Systems {
			if s.ID == "" && sameSystem(o, *s) {
				s.ID = o.ID
			}
		}
		if s.ID == "" {
			s.ID = fresh("sys")
		}
	}
}

// regions plans the regions and returns the whole tree as it will be.
func (p *Plan) regions(have, in []Region) []Region {
	all := slices.Clone(have)
	for _, g := range in {
		i := slices.IndexFunc(all, func(o Region) bool { return o.ID == g.ID })
		if i < 0 {
			all = append(all, g)
			p.Regions = append(p.Regions, g)
			p.Changes = append(p.Changes, Change{Do: Added, What: "region", Name: g.ID})
			continue
		}
		old := all[i]
		g.Parent, g.NameEN, g.NameZH = cmp.Or(g.Parent, old.Parent), cmp.Or(g.NameEN, old.NameEN), cmp.Or(g.NameZH, old.NameZH)
		g.Default, g.Tile = cmp.Or(g.Default, old.Default), cmp.Or(g.Tile, old.Tile)
		if fields := regionFields(old, g); len(fields) > 0 {
			all[i] = g
			p.Regions = append(p.Regions, g)
			p.Changes = append(p.Changes, Change{Do: Changed, What: "region", Name: g.ID, Fields: fields})
		}
	}
	return all
}
