package people

import (
	"slices"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Organisation is one party's units, posts and persons, and who holds what: also what has ended.
type Organisation struct {
	Party       ident.Party
	Units       []Unit
	Posts       []Post
	People      []Person
	Assignments []Assignment
	CanEnter    map[ident.Person]bool // has a way to sign in, or an invitation that is open
}

// Unit returns a unit; false where it is none of this organisation's.
func (o Organisation) Unit(id ident.Unit) (Unit, bool) {
	i := slices.IndexFunc(o.Units, func(u Unit) bool { return u.ID == id })
	if i < 0 {
		return Unit{}, false
	}
	return o.Units[i], true
}

// Post returns a post; false where it is none of this organisation's.
func (o Organisation) Post(id ident.Post) (Post, bool) {
	i := slices.IndexFunc(o.Posts, func(p Post) bool { return p.ID == id })
	if i < 0 {
		return Post{}, false
	}
	return o.Posts[i], true
}

// Person returns a person; false where they are none of this organisation's.
func (o Organisation) Person(id ident.Person) (Person, bool) {
	i := slices.IndexFunc(o.People, func(p Person) bool { return p.ID == id })
	if i < 0 {
		return Person{}, false
	}
	return o.People[i], true
}

// Live reports whether a post can be held: neither it nor its unit has ended.
func (o Organisation) Live(p Post) bool {
	u, ok := o.Unit(p.Unit)
	return ok && p.Ended.IsZero() && u.Ended.IsZero()
}

// Of returns the assignments of a person.
func (o Organisation) Of(id ident.Person) []Assignment {
	var out []Assignment
	for _, a := range o.Assignments {
		if a.Person == id {
			out = append(out, a)
		}
	}
	return out
}

// administrators counts who can manage the organisation's people at an instant and from then on: persons who were not
// disabled and hold, without an end, a post with the power. able counts those of them who can sign in.
func (o Organisation) administrators(at time.Time) (all, able int) {
	for _, p := range o.People {
		if !p.Disabled.IsZero() || !p.Erased.IsZero() {
			continue
		}
		holds := slices.ContainsFunc(o.Of(p.ID), func(a Assignment) bool {
			post, ok := o.Post(a.Post)
			return ok && a.At(at) && a.To.IsZero() && o.Live(post) && slices.Contains(post.Powers, Staff)
		})
		if !holds {
			continue
		}
		all++
		if o.CanEnter[p.ID] {
			able++
		}
	}
	return all, able
}

// ErrLast says that an act would leave an organisation without anybody who can manage its people.
var ErrLast = fault.New(fault.Conflict,
	"this would leave the organisation without an administrator who can sign in: give somebody else a post with the power over people first, without an end, and let them sign in")

// Keeps checks that what comes after an act still has an administrator, if there was one before it. ErrLast where not.
func (o Organisation) Keeps(after Organisation, at time.Time) error {
	all, able := o.administrators(at)
	allAfter, ableAfter := after.administrators(at)
	if all > 0 && allAfter == 0 || able > 0 && ableAfter == 0 {
		return ErrLast
	}
	return nil
}

// Trusted reports whether whoever holds the powers could give themselves any other: they are only given by somebody who
// has just proved who they are.
func Trusted(powers []Power) bool {
	return slices.ContainsFunc(powers, func(p Power) bool { return p == Staff || p == Keys || p == Approve })
}

// Under reports whether a unit lies somewhere below another.
func (o Organisation) Under(id, above ident.Unit) bool {
	for range o.Units { // no chain is longer, even if it were a ring
		u, ok := o.Unit(id)
		if !ok || u.Parent == "" {
			return false
		}
		if id = u.Parent; id == above {
			return true
		}
	}
	return false
}

// Ordered returns powers in the order of the list, each once.
func Ordered(powers []Power) []Power {
	out := []Power{}
	for _, p := range Powers {
		if slices.Contains(powers, p) {
			out = append(out, p)
		}
	}
	return out
}
