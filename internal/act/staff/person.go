package staff

import (
	"context"
	"errors"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// PersonByMail returns the person who signs in by a mail address; fault.NotFound where there is none.
func (s *Staff) PersonByMail(ctx context.Context, mail string) (people.Person, error) {
	var p people.Person
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.PersonByMail(ctx, mail)
		return err
	})
	return p, err
}

// ActorOf returns a person as an actor with the posts that they hold at an instant.
func (s *Staff) ActorOf(ctx context.Context, at time.Time, id ident.Person) (access.Actor, error) {
	var v Visitor
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		v, err = visitor(ctx, tx, at, id)
		return err
	})
	return v.Actor, err
}

// InviteLife is how long an invitation can be used.
const InviteLife = 7 * 24 * time.Hour

// Invitation is a new person and the posts that they are to hold.
type Invitation struct {
	Person people.Person // id and instants are given here
	Posts  []ident.Post
	Hold   people.Hold // Holder where empty
	To     time.Time   // when they hold them no more; zero: no end
}

// Invite makes a person with their posts and the token of a link by which they set up how they sign in. The link is
// shown once. A post that people.Trusted names needs a fresh proof of identity of whoever invites.
func (s *Staff) Invite(ctx context.Context, now time.Time, by access.Actor, i Invitation) (people.Person, string, error) {
	p, token := i.Person, ident.Secret()
	if err := p.Check(); err != nil {
		return p, "", err
	}
	err := s.change(ctx, now, p.Party, func(tx *store.Tx, o people.Organisation) error {
		p.ID, p.Created, p.Disabled, p.Erased = ident.Person(ident.New("per")), now, time.Time{}, time.Time{}
		if err := tx.InsertPerson(ctx, p); errors.Is(err, fault.Exists) {
			return fault.New(fault.Exists, "mail: somebody signs in by this address already")
		} else if err != nil {
			return err
		}
		o.People = append(o.People, p)
		act := "person.invite"
		for _, post := range slices.Compact(slices.Sorted(slices.Values(i.Posts))) {
			a := people.Assignment{Person: p.ID, Post: post, Hold: i.Hold, To: i.To}
			trusted, err := assign(ctx, tx, now, o, &a)
			if err != nil {
				return err
			}
			if trusted {
				act = "person.trust"
			}
			o.Assignments = append(o.Assignments, a)
		}
		err := tx.InsertLink(ctx, store.Link{
			Hash: tokenHash(token), Kind: store.LinkInvite, Person: p.ID, Created: now, Expires: now.Add(InviteLife),
		})
		if err != nil {
			return err
		}
		return s.recordPerson(ctx, tx, now, by, act, p.ID, nil)
	})
	return p, token, wrap(err, "invite")
}

// InviteAgain makes a new invitation of somebody who has no way to sign in yet, and ends whatever came of the one before,
// which somebody else may have opened: links, sessions, API tokens and proofs of identity that were half made.
// fault.Conflict where they have one: whoever invites must not be able to take an account over.
func (s *Staff) InviteAgain(ctx context.Context, now time.Time, by access.Actor, id ident.Person) (string, error) {
	token := ident.Secret()
	err := s.changePerson(ctx, now, id, func(tx *store.Tx, o people.Organisation, p people.Person) error {
		in, err := tx.EntrancesOf(ctx, p.Party, now)
		switch {
		case err != nil:
			return err
		case !p.Disabled.IsZero():
			return fault.New(fault.Conflict, "this person is disabled: enable them first")
		case in[id].Credentials > 0:
			return fault.New(fault.Conflict, "this person has set up how they sign in; an invitation would let whoever holds it take their place")
		}
		if err := endTraces(ctx, tx, now, id); err != nil {
			return err
		}
		err = tx.InsertLink(ctx, store.Link{Hash: tokenHash(token), Kind: store.LinkInvite, Person: id, Created: now, Expires: now.Add(InviteLife)})
		if err != nil {
			return err
		}
		act := "person.invite"
		if trustedNow(o, id, now) {
			act = "person.trust"
		}
		return s.recordPerson(ctx, tx, now, by, act, id, nil)
	})
	return token, wrap(err, "invite again")
}

// endTraces ends all that whoever was there first has left in an account without a way to sign in.
func endTraces(ctx context.Context, tx *store.Tx, now time.Time, id ident.Person) error {
	if err := tx.EndAccess(ctx, id, now); err != nil {
		return err
	}
	have, err := tx.CredentialsOf(ctx, id)
	for _, c := range have {
		err = errors.Join(err, tx.EndCredential(ctx, id, c.ID, now))
	}
	return err
}

// trustedNow reports whether a person holds a post that people.Trusted names.
func trustedNow(o people.Organisation, id ident.Person, now time.Time) bool {
	return slices.ContainsFunc(o.Of(id), func(a people.Assignment) bool {
		p, ok := o.Post(a.Post)
		return ok && (a.To.IsZero() || a.To.After(now)) && o.Live(p) && people.Trusted(p.Powers)
	})
}

// Assign gives a post to a person of the same organisation, at once or from later on. A post that people.Trusted names
// needs a fresh proof of identity.
func (s *Staff) Assign(ctx context.Context, now time.Time, by access.Actor, a people.Assignment) (people.Assignment, error) {
	err := s.changePerson(ctx, now, a.Person, func(tx *store.Tx, o people.Organisation, _ people.Person) error {
		trusted, err := assign(ctx, tx, now, o, &a)
		if err != nil {
			return err
		}
		act := "person.assign"
		if trusted {
			act = "person.entrust"
		}
		return s.recordPerson(ctx, tx, now, by, act, a.Person, postOnly{a.Post, a.Hold})
	})
	return a, wrap(err, "assign")
}

// postOnly is the body of an entry about a person and a post.
type postOnly struct {
	Post ident.Post  `json:"post"`
	Hold people.Hold `json:"hold"`
}

func assign(ctx context.Context, tx *store.Tx, now time.Time, o people.Organisation, a *people.Assignment) (trusted bool, err error) {
	p, _ := o.Person(a.Person)
	post, ok := o.Post(a.Post)
	if a.Hold == "" {
		a.Hold = people.Holder
	}
	if a.From.Before(now) {
		a.From = now // nobody held a post yesterday because of what is written today
	}
	overlaps := func(b people.Assignment) bool {
		return b.Post == a.Post && (b.To.IsZero() || b.To.After(a.From)) && (a.To.IsZero() || b.From.Before(a.To)) && (b.To.IsZero() || b.To.After(b.From))
	}
	switch {
	case !ok || !o.Live(post):
		return false, fault.New(fault.Invalid, "post: there is no such post in this person's organisation")
	case !p.Disabled.IsZero():
		return false, fault.New(fault.Conflict, "this person is disabled: enable them first")
	case !slices.Contains(people.Holds, a.Hold):
		return false, fault.New(fault.Invalid, "hold: %q is not holder, deputy or acting", a.Hold)
	case !a.To.IsZero() && !a.To.After(a.From):
		return false, fault.New(fault.Invalid, "to: it must end after it begins")
	case slices.ContainsFunc(o.Of(a.Person), overlaps):
		return false, fault.New(fault.Conflict, "this person holds the post at that time already")
	case a.Hold == people.Acting && slices.ContainsFunc(o.Assignments, func(b people.Assignment) bool { return b.Hold == people.Holder && overlaps(b) }):
		return false, fault.New(fault.Conflict, "the post has a holder at that time; somebody acts only while it has none. Make them a deputy instead")
	}
	a.ID, a.Position = ident.New("asg"), len(o.Of(a.Person))
	return people.Trusted(post.Powers), tx.InsertAssignment(ctx, *a)
}

// Unassign ends an assignment now; one that has not begun never does. It stays as history.
func (s *Staff) Unassign(ctx context.Context, now time.Time, by access.Actor, person ident.Person, assignment string) error {
	err := s.changePerson(ctx, now, person, func(tx *store.Tx, o people.Organisation, _ people.Person) error {
		held := o.Of(person)
		i := slices.IndexFunc(held, func(a people.Assignment) bool { return a.ID == assignment })
		if i < 0 {
			return fault.New(fault.NotFound, "this person has no such post")
		}
		if a := held[i]; !a.To.IsZero() && !a.To.After(now) || !a.To.IsZero() && !a.To.After(a.From) {
			return fault.New(fault.Conflict, "this has ended already")
		}
		end := now
		if held[i].From.After(now) {
			end = held[i].From
		}
		if err := tx.EndAssignment(ctx, assignment, end); err != nil {
			return err
		}
		return s.recordPerson(ctx, tx, now, by, "person.unassign", person, postOnly{held[i].Post, held[i].Hold})
	})
	return wrap(err, "unassign")
}

// Disable shuts a person out from their next request on: sessions, API tokens and open links end.
func (s *Staff) Disable(ctx context.Context, now time.Time, by access.Actor, id ident.Person) error {
	err := s.changePerson(ctx, now, id, func(tx *store.Tx, _ people.Organisation, p people.Person) error {
		if !p.Disabled.IsZero() {
			return fault.New(fault.Conflict, "this person is disabled already")
		}
		p.Disabled = now
		if err := errors.Join(tx.UpdatePerson(ctx, p), tx.EndAccess(ctx, id, now)); err != nil {
			return err
		}
		return s.recordPerson(ctx, tx, now, by, "person.disable", id, nil)
	})
	return wrap(err, "disable")
}

// Enable lets a person in again, with the posts that they still hold.
func (s *Staff) Enable(ctx context.Context, now time.Time, by access.Actor, id ident.Person) error {
	err := s.changePerson(ctx, now, id, func(tx *store.Tx, o people.Organisation, p people.Person) error {
		if p.Disabled.IsZero() {
			return fault.New(fault.Conflict, "this person is not disabled")
		}
		p.Disabled = time.Time{}
		if err := tx.UpdatePerson(ctx, p); err != nil {
			return err
		}
		act := "person.enable"
		if trustedNow(o, id, now) {
			act = "person.entrust"
		}
		return s.recordPerson(ctx, tx, now, by, act, id, nil)
	})
	return wrap(err, "enable")
}

// Rename gives a person another name or mail address; the language stays theirs. Another address needs a fresh proof of
// identity: an account at the OpenID provider may be linked by it.
func (s *Staff) Rename(ctx context.Context, now time.Time, by access.Actor, id ident.Person, name, mail string) error {
	err := s.changePerson(ctx, now, id, func(tx *store.Tx, _ people.Organisation, p people.Person) error {
		before := p.Mail
		p.Name, p.Mail = name, mail
		if err := p.Check(); err != nil {
			return err
		}
		if err := tx.UpdatePerson(ctx, p); errors.Is(err, fault.Exists) {
			return fault.New(fault.Exists, "mail: somebody signs in by this address already")
		} else if err != nil {
			return err
		}
		act := "person.put"
		if p.Mail != before {
			act = "person.mail"
		}
		return s.recordPerson(ctx, tx, now, by, act, id, nil)
	})
	return wrap(err, "rename")
}

// Erase takes a person's name and mail address away for good, here and beside the ledger, and ends everything that
// they hold. The entries stay as they are and name the person by an id that leads to nobody.
func (s *Staff) Erase(ctx context.Context, now time.Time, by access.Actor, id ident.Person) error {
	err := s.changePerson(ctx, now, id, func(tx *store.Tx, o people.Organisation, p people.Person) error {
		for _, a := range o.Of(id) {
			if !a.To.IsZero() && !a.To.After(now) {
				continue
			}
			end := now
			if a.From.After(now) {
				end = a.From
			}
			if err := tx.EndAssignment(ctx, a.ID, end); err != nil {
				return err
			}
		}
		if err := tx.ErasePerson(ctx, id, now); err != nil {
			return err
		}
		if err := tx.EraseSubject(ctx, personName(id), now); err != nil {
			return err
		}
		_, err := tx.Append(ctx, now, by, "person.erase", access.Of(p.Party, personName(id)), "", nil)
		return err
	})
	return wrap(err, "erase")
}

// Member is a person with what who manages people sees of them.
type Member struct {
	Person       people.Person
	Organisation people.Organisation // theirs
	Entrances    store.Entrances
	Tokens       []Token
}

// Member returns a person to who may manage their organisation's people; fault.NotFound to others.
func (s *Staff) Member(ctx context.Context, now time.Time, by access.Actor, id ident.Person) (Member, error) {
	var m Member
	err := s.store.View(ctx, func(tx *store.Tx) error {
		var err error
		if m.Person, err = tx.PersonByID(ctx, id); err != nil {
			return err
		}
		if by.Weak || !by.Holds(people.Staff, m.Person.Party) {
			return fault.NotFound
		}
		if m.Organisation, err = organisation(ctx, tx, m.Person.Party, now); err != nil {
			return err
		}
		in, err := tx.EntrancesOf(ctx, m.Person.Party, now)
		if err != nil {
			return err
		}
		m.Entrances = in[id]
		m.Tokens, err = tx.TokensOf(ctx, id)
		return err
	})
	return m, err
}

// SignInURL is the address by which somebody of a party uses the token of a link.
func (s *Staff) SignInURL(of ident.Party, token string) string {
	return s.set.baseOf(of) + "/sign-in/" + token
}

// SetupURL is the address by which the token of a set-up link is used.
func (s *Staff) SetupURL(token string) string {
	return s.set.baseOf(ident.Authority) + "/set-up/" + token
}

// Listed is a person on a list for whoever owns the data folder.
type Listed struct {
	Person people.Person
	State  string   // "active", "waiting" for a way to sign in, "disabled" or "erased"
	Posts  []string // titles of those held now
}

// Roll lists the persons of a party, or everybody for the empty party.
func (s *Staff) Roll(ctx context.Context, now time.Time, by access.Actor, of ident.Party) ([]Listed, error) {
	if by.Kind != access.Software {
		return nil, fault.New(fault.Denied, "only whoever owns the data folder sees everybody")
	}
	var o people.Organisation
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		o, err = organisation(ctx, tx, "", now)
		return err
	})
	var out []Listed
	for _, p := range o.People {
		if of != "" && p.Party != of {
			continue
		}
		l := Listed{Person: p, State: "waiting"}
		switch {
		case !p.Erased.IsZero():
			l.State = "erased"
		case !p.Disabled.IsZero():
			l.State = "disabled"
		case o.CanEnter[p.ID]:
			l.State = "active"
		}
		for _, a := range o.Of(p.ID) {
			if post, ok := o.Post(a.Post); ok && a.At(now) && o.Live(post) {
				l.Posts = append(l.Posts, post.Title)
			}
		}
		out = append(out, l)
	}
	return out, err
}
