package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// InsertPerson writes a new person; fault.Exists where the mail address is somebody's.
func (t *Tx) InsertPerson(ctx context.Context, p people.Person) error {
	_, err := t.exec(ctx, `insert into person (id, party_id, name, mail, language, created_at, disabled_at, erased_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		string(p.ID), string(p.Party), p.Name, p.Mail, p.Language, Micros(p.Created), optional(p.Disabled), optional(p.Erased))
	if err != nil {
		return fmt.Errorf("write person: %w", err)
	}
	return nil
}

const personColumns = "id, party_id, name, mail, language, created_at, disabled_at, erased_at"

func scanPerson(scan func(...any) error) (people.Person, error) {
	var p people.Person
	var created int64
	var disabled, erased sql.NullInt64
	err := scan(&p.ID, &p.Party, &p.Name, &p.Mail, &p.Language, &created, &disabled, &erased)
	p.Created, p.Disabled, p.Erased = Instant(created), instant(disabled), instant(erased)
	if !p.Erased.IsZero() {
		p.Mail = "" // its place is taken by the id: see ErasePerson
	}
	return p, err
}

// PersonByID returns one person; fault.NotFound where there is none.
func (t *Tx) PersonByID(ctx context.Context, id ident.Person) (people.Person, error) {
	return t.person(ctx, "id = $1", string(id))
}

// PersonByMail returns the person with a mail address; fault.NotFound where there is none.
func (t *Tx) PersonByMail(ctx context.Context, mail string) (people.Person, error) {
	return t.person(ctx, "mail = $1", mail)
}

func (t *Tx) person(ctx context.Context, where string, arg any) (people.Person, error) {
	p, err := scanPerson(func(dest ...any) error {
		return t.row(ctx, "select "+personColumns+" from person where "+where, []any{arg}, dest...)
	})
	if err != nil {
		return people.Person{}, fmt.Errorf("read person: %w", err)
	}
	return p, nil
}

// PeopleOf returns the persons of a party, those of everybody for the empty one, by name.
func (t *Tx) PeopleOf(ctx context.Context, of ident.Party) ([]people.Person, error) {
	var out []people.Person
	err := t.each(ctx, "select "+personColumns+" from person where party_id = $1 or $2 = '' order by name, id",
		[]any{string(of), string(of)}, func(r *sql.Rows) error {
			p, err := scanPerson(r.Scan)
			out = append(out, p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read persons: %w", err)
	}
	return out, nil
}

// InsertUnit writes a new unit.
func (t *Tx) InsertUnit(ctx context.Context, u people.Unit) error {
	_, err := t.exec(ctx, "insert into unit (id, party_id, parent, name, created_at, ended_at) values ($1, $2, $3, $4, $5, $6)",
		string(u.ID), string(u.Party), string(u.Parent), u.Name, Micros(u.Created), optional(u.Ended))
	if err != nil {
		return fmt.Errorf("write unit: %w", err)
	}
	return nil
}

// InsertPost writes a new post.
func (t *Tx) InsertPost(ctx context.Context, p people.Post) error {
	_, err := t.exec(ctx, `insert into post (id, unit_id, title, powers, incompatible, created_at, ended_at)
		values ($1, $2, $3, $4, $5, $6, $7)`,
		string(p.ID), string(p.Unit), p.Title, join(p.Powers), join(p.Incompatible), Micros(p.Created), optional(p.Ended))
	if err != nil {
		return fmt.Errorf("write post: %w", err)
	}
	return nil
}

// InsertAssignment gives a post to a person.
func (t *Tx) InsertAssignment(ctx context.Context, a people.Assignment) error {
	_, err := t.exec(ctx, `insert into assignment (id, person_id, post_id, kind, from_at, to_at, position)
		values ($1, $2, $3, $4, $5, $6, $7)`,
		a.ID, string(a.Person), string(a.Post), string(a.Hold), Micros(a.From), optional(a.To), a.Position)
	if err != nil {
		return fmt.Errorf("write assignment: %w", err)
	}
	return nil
}

// SeatsOf returns the posts that a person holds at an instant.
func (t *Tx) SeatsOf(ctx context.Context, id ident.Person, at time.Time) ([]access.Seat, error) {
	var out []access.Seat
	err := t.each(ctx, `select p.id, p.title, u.party_id, p.powers, p.incompatible
		from assignment a join post p on p.id = a.post_id join unit u on u.id = p.unit_id
		where a.person_id = $1 and a.from_at <= $2 and (a.to_at is null or a.to_at > $3) and p.ended_at is null and u.ended_at is null
		order by a.position, a.id`,
		[]any{string(id), Micros(at), Micros(at)}, func(r *sql.Rows) error {
			var s access.Seat
			var powers, incompatible string
			err := r.Scan(&s.Post, &s.Title, &s.Party, &powers, &incompatible)
			s.Powers, s.Incompatible = split[people.Power](powers), split[ident.Post](incompatible)
			out = append(out, s)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read posts of %s: %w", id, err)
	}
	return out, nil
}

// join writes a short list of slugs into one column; split reads it.
func join[S ~string](list []S) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, " ")
}

func split[S ~string](text string) []S {
	words := strings.Fields(text)
	out := make([]S, len(words))
	for i, w := range words {
		out[i] = S(w)
	}
	return out
}
