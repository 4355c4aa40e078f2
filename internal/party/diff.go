package party

import (
	"slices"
	"strings"
	"time"
)

// Diff lists what differs between a party as it was and as it will be at instant at. Members are compared by what
// they are about, not by ID.
func Diff(was, is Party, at time.Time) []Change { return diff(was, is, was.ID != "", at) }

func diff(was, is Party, known bool, at time.Time) []Change {
	d := difference{party: is}
	if !known {
		d.note(Added, "party", is.Name)
	} else if fields := partyFields(was, is); len(fields) > 0 {
		d.note(Changed, "party", is.Name, fields...)
	}
	members(&d, "contact", was.Contacts, is.Contacts, func(c Contact) string { return string(c.Role) + " " + strings.ToLower(c.Mail) + " " + c.For },
		func(c Contact) string { return c.Mail }, contactFields)
	members(&d, "system", was.Systems, is.Systems, func(s System) string {
		if s.Asset.Value == "" {
			return "name:" + s.Name
		}
		return s.Asset.String()
	}, func(s System) string { return s.Name }, systemFields)
	key := spanKey(was.Resources, is.Resources)
	stays := make(map[string]bool, len(is.Resources))
	for _, r := range is.Resources {
		stays[key(r)] = true
	}
	over := func(r Resource) bool { return !live(r, at) && !stays[key(r)] }
	members(&d, "resource", slices.DeleteFunc(slices.Clone(was.Resources), over), is.Resources, key,
		func(r Resource) string { return r.Value }, resourceFields)
	return d.changes
}

// spanKey returns what tells resources apart: kind and value, and the beginning where a list has several spans of one.
func spanKey(lists ...[]Resource) func(Resource) string {
	plain := func(r Resource) string { return string(r.Kind) + r.Value }
	several := map[string]bool{}
	for _, rs := range lists {
		seen := make(map[string]bool, len(rs))
		for _, r := range rs {
			k := plain(r)
			if seen[k] {
				several[k] = true
			}
			seen[k] = true
		}
	}
	return func(r Resource) string {
		k := plain(r)
		if several[k] {
			return k + " " + writeInstant(r.From)
		}
		return k
	}
}

type difference struct {
	party   Party
	changes []Change
}

func (d *difference) note(do Verb, what, name string, fields ...string) {
	d.changes = append(d.changes, Change{Do: do, What: what, Party: d.party.ID, Name: name, Fields: fields})
}

// members compares two lists whose members are the same when their keys are.
func members[T any](d *difference, what string, was, is []T, key, name func(T) string, fields func(a, b T) []string) {
	old := make(map[string]T, len(was))
	for _, m := range was {
		old[key(m)] = m
	}
	for _, m := range is {
		k := key(m)
		o, ok := old[k]
		delete(old, k)
		if !ok {
			d.note(Added, what, name(m))
		} else if f := fields(o, m); len(f) > 0 {
			d.note(Changed, what, name(m), f...)
		}
	}
	for _, m := range was {
		if _, gone := old[key(m)]; gone {
			d.note(Ended, what, name(m))
		}
	}
}

// changedFields returns the words of names whose flag is set.
func changedFields(names string, differs ...bool) []string {
	var out []string
	for i, n := range strings.Fields(names) {
		if differs[i] {
			out = append(out, n)
		}
	}
	return out
}

func partyFields(a, b Party) []string {
	return changedFields("name kind sector region language rank", a.Name != b.Name, a.Kind != b.Kind, a.Sector != b.Sector,
		a.Region != b.Region, a.Language != b.Language, a.Rank != b.Rank)
}

func contactFields(a, b Contact) []string {
	return changedFields("name language pgp_key", a.Name != b.Name, a.Language != b.Language, a.PGPKey != b.PGPKey)
}

func systemFields(a, b System) []string {
	return changedFields("name protection products", a.Name != b.Name, a.Protection != b.Protection, !slices.Equal(a.Products, b.Products))
}

func resourceFields(a, b Resource) []string {
	return changedFields("source from to verified", a.Source != b.Source, !a.From.Equal(b.From), !a.To.Equal(b.To), !a.Verified.Equal(b.Verified))
}

func regionFields(a, b Region) []string {
	return changedFields("parent name_en name_zh default tile", a.Parent != b.Parent, a.NameEN != b.NameEN, a.NameZH != b.NameZH,
		a.Default != b.Default, a.Tile != b.Tile)
}
