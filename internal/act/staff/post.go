package staff

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// Organisation returns a party's people as they are at an instant, to who may manage them. fault.Denied to others.
func (s *Staff) Organisation(ctx context.Context, now time.Time, by access.Actor, of ident.Party) (people.Organisation, error) {
	var o people.Organisation
	if by.Weak || !by.Holds(people.Staff, of) {
		return o, fault.New(fault.Denied, "this needs a post with the power over people")
	}
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		o, err = organisation(ctx, tx, of, now)
		return err
	})
	return o, err
}

// PutUnit makes a unit of an organisation, or gives one that is there another name or place.
func (s *Staff) PutUnit(ctx context.Context, now time.Time, by access.Actor, u people.Unit) (people.Unit, error) {
	u.Name = strings.TrimSpace(u.Name)
	if u.Name == "" || len(u.Name) > people.MaxName {
		return u, fault.New(fault.Invalid, "name: 1 to %d bytes were expected", people.MaxName)
	}
	err := s.change(ctx, now, u.Party, func(tx *store.Tx, o people.Organisation) error {
		if parent, ok := o.Unit(u.Parent); u.Parent != "" && (!ok || !parent.Ended.IsZero() || u.Parent == u.ID || o.Under(u.Parent, u.ID)) {
			return fault.New(fault.Invalid, "parent: there is no such unit above this one")
		}
		if u.ID == "" {
			if len(o.Units) >= people.MaxUnits {
				return fault.New(fault.TooLarge, "an organisation has at most %d units", people.MaxUnits)
			}
			u.ID, u.Created = ident.Unit(ident.New("unt")), now
			if err := tx.InsertUnit(ctx, u); err != nil {
				return err
			}
			return s.recordUnit(ctx, tx, now, by, "unit.put", u)
		}
		is, ok := o.Unit(u.ID)
		if !ok || !is.Ended.IsZero() {
			return fault.New(fault.NotFound, "there is no such unit")
		}
		is.Name, is.Parent = u.Name, u.Parent
		u = is
		if err := tx.UpdateUnit(ctx, u); err != nil {
			return err
		}
		return s.recordUnit(ctx, tx, now, by, "unit.put", u)
	})
	return u, wrap(err, "put unit")
}

// EndUnit ends a unit that has no live post or unit in it any more: fault.Conflict where it has.
func (s *Staff) EndUnit(ctx context.Context, now time.Time, by access.Actor, of ident.Party, id ident.Unit) error {
	err := s.change(ctx, now, of, func(tx *store.Tx, o people.Organisation) error {
		u, ok := o.Unit(id)
		if !ok || !u.Ended.IsZero() {
			return fault.New(fault.NotFound, "there is no such unit")
		}
		if slices.ContainsFunc(o.Posts, func(p people.Post) bool { return p.Unit == id && p.Ended.IsZero() }) ||
			slices.ContainsFunc(o.Units, func(below people.Unit) bool { return below.Parent == id && below.Ended.IsZero() }) {
			return fault.New(fault.Conflict, "this unit still has posts or units in it: end those first")
		}
		u.Ended = now
		if err := tx.UpdateUnit(ctx, u); err != nil {
			return err
		}
		return s.recordUnit(ctx, tx, now, by, "unit.end", u)
	})
	return wrap(err, "end unit")
}

func (s *Staff) recordUnit(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, act string, u people.Unit) error {
	u.Created, u.Ended = u.Created.Truncate(time.Microsecond), u.Ended.Truncate(time.Microsecond)
	data, err := unitJSON(u)
	if err != nil {
		return err
	}
	_, err = tx.AppendSealed(ctx, now, by, act, access.Of(u.Party, unitName(u.ID)), "", nil, s.set.Key, unitName(u.ID), data)
	return err
}

// PutPost makes a post in a unit of an organisation, or changes title, powers and incompatible posts of one that is
// there; it stays in its unit. Powers that people.Trusted names need a fresh proof of identity.
func (s *Staff) PutPost(ctx context.Context, now time.Time, by access.Actor, of ident.Party, p people.Post) (people.Post, error) {
	if err := p.Check(of); err != nil {
		return p, err
	}
	p.Powers = people.Ordered(p.Powers)
	err := s.change(ctx, now, of, func(tx *store.Tx, o people.Organisation) error {
		for _, other := range p.Incompatible {
			if _, ok := o.Post(other); !ok {
				return fault.New(fault.Invalid, "incompatible: there is no post %s", other)
			}
		}
		act := "post.put"
		if people.Trusted(p.Powers) {
			act = "post.trust"
		}
		if p.ID == "" {
			u, ok := o.Unit(p.Unit)
			switch {
			case !ok || !u.Ended.IsZero():
				return fault.New(fault.Invalid, "unit: there is no such unit")
			case len(o.Posts) >= people.MaxPosts:
				return fault.New(fault.TooLarge, "an organisation has at most %d posts", people.MaxPosts)
			}
			p.ID, p.Created = ident.Post(ident.New("pst")), now
			if err := tx.InsertPost(ctx, p); err != nil {
				return err
			}
			return s.recordPost(ctx, tx, now, by, act, of, p)
		}
		is, ok := o.Post(p.ID)
		if !ok || !o.Live(is) {
			return fault.New(fault.NotFound, "there is no such post")
		}
		if people.Trusted(is.Powers) {
			act = "post.trust"
		}
		is.Title, is.Powers, is.Incompatible = p.Title, p.Powers, p.Incompatible
		p = is
		if err := tx.UpdatePost(ctx, p); err != nil {
			return err
		}
		return s.recordPost(ctx, tx, now, by, act, of, p)
	})
	return p, wrap(err, "put post")
}

// EndPost ends a post: from now on it gives nobody any power. Who held it stays as history.
func (s *Staff) EndPost(ctx context.Context, now time.Time, by access.Actor, of ident.Party, id ident.Post) error {
	err := s.change(ctx, now, of, func(tx *store.Tx, o people.Organisation) error {
		p, ok := o.Post(id)
		if !ok || !p.Ended.IsZero() {
			return fault.New(fault.NotFound, "there is no such post")
		}
		p.Ended = now
		if err := tx.UpdatePost(ctx, p); err != nil {
			return err
		}
		return s.recordPost(ctx, tx, now, by, "post.end", of, p)
	})
	return wrap(err, "end post")
}

func (s *Staff) recordPost(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, act string, of ident.Party, p people.Post) error {
	p.Created, p.Ended = p.Created.Truncate(time.Microsecond), p.Ended.Truncate(time.Microsecond)
	data, err := postJSON(p)
	if err != nil {
		return err
	}
	_, err = tx.AppendSealed(ctx, now, by, act, access.Of(of, postName(p.ID)), "", bodyOf(p), s.set.Key, postName(p.ID), data)
	return err
}

func wrap(err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
