package staff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// What an act on people leaves beside its entry: the whole of its object after the act, as canonical JSON (fields by
// name, instants in microseconds, nothing left out). Names and mail addresses are only there, where they can be erased.
type (
	personRecord struct {
		Assignments []assignmentRecord `json:"assignments"`
		Created     int64              `json:"created"`
		Disabled    int64              `json:"disabled"` // 0: no
		ID          ident.Person       `json:"id"`
		Mail        string             `json:"mail"`
		Name        string             `json:"name"`
		Party       ident.Party        `json:"party"`
	}
	assignmentRecord struct {
		From     int64       `json:"from"`
		Hold     people.Hold `json:"hold"`
		ID       string      `json:"id"`
		Position int         `json:"position"`
		Post     ident.Post  `json:"post"`
		To       int64       `json:"to"` // 0: no end
	}
	postRecord struct {
		Created      int64          `json:"created"`
		Ended        int64          `json:"ended"` // 0: no
		ID           ident.Post     `json:"id"`
		Incompatible []ident.Post   `json:"incompatible"`
		Powers       []people.Power `json:"powers"`
		Title        string         `json:"title"`
		Unit         ident.Unit     `json:"unit"`
	}
	unitRecord struct {
		Created int64       `json:"created"`
		Ended   int64       `json:"ended"`
		ID      ident.Unit  `json:"id"`
		Name    string      `json:"name"`
		Parent  ident.Unit  `json:"parent"`
		Party   ident.Party `json:"party"`
	}
)

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return store.Micros(t)
}

func personJSON(p people.Person, held []people.Assignment) ([]byte, error) {
	r := personRecord{
		Assignments: []assignmentRecord{}, Created: micros(p.Created), Disabled: micros(p.Disabled), ID: p.ID, Mail: p.Mail, Name: p.Name, Party: p.Party,
	}
	for _, a := range held {
		r.Assignments = append(r.Assignments, assignmentRecord{
			From: micros(a.From), Hold: a.Hold, ID: a.ID, Position: a.Position, Post: a.Post, To: micros(a.To),
		})
	}
	slices.SortFunc(r.Assignments, func(a, b assignmentRecord) int { return cmpText(a.ID, b.ID) })
	return json.Marshal(r)
}

func postJSON(p people.Post) ([]byte, error) {
	return json.Marshal(postRecord{
		Created: micros(p.Created), Ended: micros(p.Ended), ID: p.ID, Incompatible: slices.Concat([]ident.Post{}, p.Incompatible),
		Powers: slices.Concat([]people.Power{}, p.Powers), Title: p.Title, Unit: p.Unit,
	})
}

func unitJSON(u people.Unit) ([]byte, error) {
	return json.Marshal(unitRecord{Created: micros(u.Created), Ended: micros(u.Ended), ID: u.ID, Name: u.Name, Parent: u.Parent, Party: u.Party})
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// subjects of payloads, and objects of entries.
func personName(id ident.Person) string { return "person:" + string(id) }
func postName(id ident.Post) string     { return "post:" + string(id) }
func unitName(id ident.Unit) string     { return "unit:" + string(id) }

// recordPerson appends the entry of an act on a person, with the person as they are after it.
func (s *Staff) recordPerson(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, act string, id ident.Person, body any) error {
	p, err := tx.PersonByID(ctx, id)
	if err != nil {
		return err
	}
	return s.sealPerson(ctx, tx, now, by, act, access.Of(p.Party, personName(id)), p, body)
}

// sealPerson is recordPerson for an entry about something else.
func (s *Staff) sealPerson(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, act string, on access.Object, p people.Person, body any) error {
	held, err := tx.Assignments(ctx, p.Party)
	if err != nil {
		return err
	}
	data, err := personJSON(p, people.Organisation{Assignments: held}.Of(p.ID))
	if err != nil {
		return err
	}
	_, err = tx.AppendSealed(ctx, now, by, act, on, "", body, s.set.Key, personName(p.ID), data)
	return err
}

// postBody is what an entry says of a post in the open: codes.
type postBody struct {
	ID           ident.Post     `json:"id"`
	Unit         ident.Unit     `json:"unit"`
	Powers       []people.Power `json:"powers"`
	Incompatible []ident.Post   `json:"incompatible,omitempty"`
}

func bodyOf(p people.Post) postBody { return postBody{p.ID, p.Unit, p.Powers, p.Incompatible} }

// organisation reads all of a party's people, of everybody for the empty party.
func organisation(ctx context.Context, tx *store.Tx, of ident.Party, at time.Time) (people.Organisation, error) {
	o := people.Organisation{Party: of, CanEnter: map[ident.Person]bool{}}
	var errs [5]error
	var in map[ident.Person]store.Entrances
	o.Units, errs[0] = tx.UnitsOf(ctx, of)
	o.Posts, errs[1] = tx.PostsOf(ctx, of)
	o.People, errs[2] = tx.PeopleOf(ctx, of)
	o.Assignments, errs[3] = tx.Assignments(ctx, of)
	in, errs[4] = tx.EntrancesOf(ctx, of, at)
	for id, e := range in {
		o.CanEnter[id] = e.Credentials > 0 || e.Invited.After(at)
	}
	return o, errors.Join(errs[:]...)
}

// change runs one act on a party's people in a transaction, and refuses what would leave it without an administrator.
func (s *Staff) change(ctx context.Context, now time.Time, of ident.Party, f func(*store.Tx, people.Organisation) error) error {
	if of == "" {
		return fault.New(fault.NotFound, "there is no such organisation")
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		before, err := organisation(ctx, tx, of, now)
		if err != nil {
			return err
		}
		if err := f(tx, before); err != nil {
			return err
		}
		after, err := organisation(ctx, tx, of, now)
		if err != nil {
			return err
		}
		return before.Keeps(after, now)
	})
}

// changePerson is change for the organisation of a person who is there and was not erased.
func (s *Staff) changePerson(ctx context.Context, now time.Time, id ident.Person, f func(*store.Tx, people.Organisation, people.Person) error) error {
	var of ident.Party
	err := s.store.View(ctx, func(tx *store.Tx) error {
		p, err := tx.PersonByID(ctx, id)
		of = p.Party
		return err
	})
	if errors.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "there is no such person")
	}
	if err != nil {
		return err
	}
	return s.change(ctx, now, of, func(tx *store.Tx, o people.Organisation) error {
		p, ok := o.Person(id)
		if !ok {
			return fault.New(fault.NotFound, "there is no such person")
		}
		if !p.Erased.IsZero() {
			return fault.New(fault.Expired, "this person was erased")
		}
		return f(tx, o, p)
	})
}

// CheckPeople compares every unit, post, person and assignment with what the newest entry about it left, and names the
// first that differs: a row that no act wrote, or an entry whose row is gone. nil where all agree. Who was erased must
// have nothing left to compare.
func (s *Staff) CheckPeople(ctx context.Context) error {
	return s.store.View(ctx, func(tx *store.Tx) error {
		if id, err := tx.EntryWithoutPayload(ctx); err == nil {
			return fault.New(fault.Conflict, "entry %d has lost its payload", id)
		} else if !errors.Is(err, fault.NotFound) {
			return err
		}
		o, err := organisation(ctx, tx, "", time.Time{})
		if err != nil {
			return err
		}
		c := checking{s: s, tx: tx, o: o, seen: map[string]bool{}}
		if c.founded, err = founded(ctx, tx); err != nil {
			return err
		}
		return c.all(ctx)
	})
}

type checking struct {
	s       *Staff
	tx      *store.Tx
	o       people.Organisation // everybody's
	founded map[string]string   // what founding an organisation made, as it made it: the subject
	seen    map[string]bool     // subjects that have a row
}

func (c *checking) all(ctx context.Context) error {
	for _, u := range c.o.Units {
		data, err := unitJSON(u)
		if err := errors.Join(err, c.one(ctx, unitName(u.ID), data, foundedUnit(u))); err != nil {
			return err
		}
	}
	for _, p := range c.o.Posts {
		data, err := postJSON(p)
		if err := errors.Join(err, c.one(ctx, postName(p.ID), data, foundedPost(bodyOf(p)))); err != nil {
			return err
		}
	}
	for _, p := range c.o.People {
		if err := c.person(ctx, p); err != nil {
			return err
		}
	}
	subjects, err := c.tx.PayloadSubjects(ctx)
	if err != nil {
		return err
	}
	for _, subject := range slices.AppendSeq(subjects, maps.Values(c.founded)) {
		if !c.seen[subject] && staffed(subject) {
			return fault.New(fault.Conflict, "%s is in the ledger and not in the database", subject)
		}
	}
	return nil
}

// staffed reports whether a subject of payloads is one of ours: reports and others seal theirs too.
func staffed(subject string) bool {
	kind, _, _ := strings.Cut(subject, ":")
	return kind == "unit" || kind == "post" || kind == "person"
}

// one compares a row with the newest payload of its subject, or with what founding said of it.
func (c *checking) one(ctx context.Context, subject string, row []byte, asFounded string) error {
	c.seen[subject] = true
	e, err := c.tx.NewestOf(ctx, subject)
	if errors.Is(err, fault.NotFound) {
		if asFounded != "" && c.founded[asFounded] != "" {
			return nil
		}
		return fault.New(fault.Conflict, "%s is in the database, and no entry of the ledger made it so", subject)
	}
	if err != nil {
		return err
	}
	data, err := c.tx.OpenPayload(ctx, c.s.set.Key, e.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	if string(data) != string(row) {
		return fault.New(fault.Conflict, "%s differs in the database from what entry %d says", subject, e.ID)
	}
	return nil
}

func (c *checking) person(ctx context.Context, p people.Person) error {
	held := c.o.Of(p.ID)
	if p.Erased.IsZero() {
		data, err := personJSON(p, held)
		return errors.Join(err, c.one(ctx, personName(p.ID), data, ""))
	}
	c.seen[personName(p.ID)] = true
	e, err := c.tx.NewestOf(ctx, personName(p.ID))
	if err != nil {
		return fmt.Errorf("%s: %w", personName(p.ID), err)
	}
	_, err = c.tx.OpenPayload(ctx, c.s.set.Key, e.ID)
	live := slices.ContainsFunc(held, func(a people.Assignment) bool { return a.To.IsZero() || a.To.After(p.Erased) && a.To.After(a.From) })
	if !errors.Is(err, fault.Expired) || p.Name != "" || p.Mail != "" || live {
		return fault.New(fault.Conflict, "%s was erased, and something of them is still there", personName(p.ID))
	}
	return nil
}

func foundedUnit(u people.Unit) string {
	if !u.Ended.IsZero() || u.Parent != "" {
		return ""
	}
	return "unit " + string(u.ID) + " " + string(u.Party)
}

func foundedPost(p postBody) string { return fmt.Sprint("post ", p) }

// founded reads what the founding of each organisation said about its unit and posts.
func founded(ctx context.Context, tx *store.Tx) (map[string]string, error) {
	out := map[string]string{}
	bodies, err := tx.BodiesOf(ctx, "staff.found")
	if err != nil {
		return nil, err
	}
	for _, b := range bodies {
		var f foundBody
		if err := json.Unmarshal([]byte(b), &f); err != nil {
			return nil, fmt.Errorf("read a founding: %w", err)
		}
		out["unit "+string(f.Unit)+" "+string(f.Party)] = unitName(f.Unit)
		for _, p := range f.Posts {
			if p.Incompatible == nil {
				p.Incompatible = []ident.Post{}
			}
			out[foundedPost(p)] = postName(p.ID)
		}
	}
	return out, nil
}
