package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// UnitsOf returns the units of a party, those of everybody for the empty one, also ended ones, by name.
func (t *Tx) UnitsOf(ctx context.Context, of ident.Party) ([]people.Unit, error) {
	var out []people.Unit
	err := t.each(ctx, `select id, party_id, parent, name, created_at, ended_at from unit
		where party_id = $1 or $2 = '' order by name, id`, []any{string(of), string(of)}, func(r *sql.Rows) error {
		var u people.Unit
		var created int64
		var ended sql.NullInt64
		err := r.Scan(&u.ID, &u.Party, &u.Parent, &u.Name, &created, &ended)
		u.Created, u.Ended = Instant(created), instant(ended)
		out = append(out, u)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read units: %w", err)
	}
	return out, nil
}

// UpdateUnit writes a unit's name, parent and end; fault.NotFound where there is none.
func (t *Tx) UpdateUnit(ctx context.Context, u people.Unit) error {
	res, err := t.exec(ctx, "update unit set name = $1, parent = $2, ended_at = $3 where id = $4",
		u.Name, string(u.Parent), optional(u.Ended), string(u.ID))
	return changedOne(res, err, "unit")
}

// PostsOf returns the posts of a party's units, those of everybody for the empty one, also ended ones, by title.
func (t *Tx) PostsOf(ctx context.Context, of ident.Party) ([]people.Post, error) {
	var out []people.Post
	err := t.each(ctx, `select p.id, p.unit_id, p.title, p.powers, p.incompatible, p.created_at, p.ended_at
		from post p join unit u on u.id = p.unit_id
		where u.party_id = $1 or $2 = '' order by p.title, p.id`, []any{string(of), string(of)}, func(r *sql.Rows) error {
		var p people.Post
		var powers, incompatible string
		var created int64
		var ended sql.NullInt64
		err := r.Scan(&p.ID, &p.Unit, &p.Title, &powers, &incompatible, &created, &ended)
		p.Powers, p.Incompatible = split[people.Power](powers), split[ident.Post](incompatible)
		p.Created, p.Ended = Instant(created), instant(ended)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read posts: %w", err)
	}
	return out, nil
}

// UpdatePost writes a post's title, powers, incompatible posts and end; fault.NotFound where there is none.
func (t *Tx) UpdatePost(ctx context.Context, p people.Post) error {
	res, err := t.exec(ctx, "update post set title = $1, powers = $2, incompatible = $3, ended_at = $4 where id = $5",
		p.Title, join(p.Powers), join(p.Incompatible), optional(p.Ended), string(p.ID))
	return changedOne(res, err, "post")
}

// Assignments returns who held, holds and will hold which post, of a party's persons or of everybody's for the empty
// party, in the order of pages.
func (t *Tx) Assignments(ctx context.Context, of ident.Party) ([]people.Assignment, error) {
	var out []people.Assignment
	err := t.each(ctx, `select a.id, a.person_id, a.post_id, a.kind, a.from_at, a.to_at, a.position
		from assignment a join person p on p.id = a.person_id
		where p.party_id = $1 or $2 = '' order by a.position, a.id`, []any{string(of), string(of)}, func(r *sql.Rows) error {
		var a people.Assignment
		var from int64
		var to sql.NullInt64
		err := r.Scan(&a.ID, &a.Person, &a.Post, &a.Hold, &from, &to, &a.Position)
		a.From, a.To = Instant(from), instant(to)
		out = append(out, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read assignments: %w", err)
	}
	return out, nil
}

// EndAssignment ends one; fault.NotFound where there is none.
func (t *Tx) EndAssignment(ctx context.Context, id string, at time.Time) error {
	res, err := t.exec(ctx, "update assignment set to_at = $1 where id = $2", Micros(at), id)
	return changedOne(res, err, "assignment")
}

// UpdatePerson writes a person's name, mail, language, and since when they are disabled; fault.NotFound where there is
// none, fault.Exists where the mail address is somebody else's.
func (t *Tx) UpdatePerson(ctx context.Context, p people.Person) error {
	res, err := t.exec(ctx, "update person set name = $1, mail = $2, language = $3, disabled_at = $4 where id = $5 and erased_at is null",
		p.Name, p.Mail, p.Language, optional(p.Disabled), string(p.ID))
	return changedOne(res, err, "person")
}

// ErasePerson takes a person's name and mail away, and every way to sign in. The mail's place is taken by the id, which
// is no mail address, because the column is unique.
func (t *Tx) ErasePerson(ctx context.Context, id ident.Person, at time.Time) error {
	res, err := t.exec(ctx, `update person set name = '', mail = $1, disabled_at = coalesce(disabled_at, $2), erased_at = $3
		where id = $4 and erased_at is null`, string(id), Micros(at), Micros(at), string(id))
	if err := changedOne(res, err, "person"); err != nil {
		return err
	}
	for _, query := range []string{
		"delete from credential where person_id = $1",
		"delete from link where person_id = $1",
		"delete from ceremony where person_id = $1",
	} {
		if _, err := t.exec(ctx, query, string(id)); err != nil {
			return fmt.Errorf("erase person: %w", err)
		}
	}
	if _, err := t.exec(ctx, "update session set device = '' where person_id = $1", string(id)); err != nil {
		return fmt.Errorf("erase person: %w", err)
	}
	if _, err := t.exec(ctx, "update api_token set label = '' where person_id = $1", string(id)); err != nil {
		return fmt.Errorf("erase person: %w", err)
	}
	return t.EndAccess(ctx, id, at)
}

// EndAccess ends every open session and API token of a person.
func (t *Tx) EndAccess(ctx context.Context, id ident.Person, at time.Time) error {
	for _, query := range []string{
		"update session set ended_at = $1 where person_id = $2 and ended_at is null",
		"update api_token set ended_at = $1 where person_id = $2 and ended_at is null",
		"update link set used_at = $1 where person_id = $2 and used_at is null",
	} {
		if _, err := t.exec(ctx, query, Micros(at), string(id)); err != nil {
			return fmt.Errorf("end access of a person: %w", err)
		}
	}
	return nil
}

// Entrances tells by which ways persons can come in at an instant.
type Entrances struct {
	Credentials int       // passkeys, passwords and outside accounts that were not ended
	Sessions    int       // open
	Invited     time.Time // until when an invitation can be used; zero: none is open
}

// EntrancesOf returns the ways of a party's persons, of everybody's for the empty party.
func (t *Tx) EntrancesOf(ctx context.Context, of ident.Party, at time.Time) (map[ident.Person]Entrances, error) {
	out := map[ident.Person]Entrances{}
	count := func(query string, args []any, add func(*Entrances, int64)) error {
		return t.each(ctx, query, append(args, string(of), string(of)), func(r *sql.Rows) error {
			var id ident.Person
			var n int64
			err := r.Scan(&id, &n)
			e := out[id]
			add(&e, n)
			out[id] = e
			return err
		})
	}
	err := errors.Join(
		count(`select c.person_id, count(*) from credential c join person p on p.id = c.person_id
			where c.ended_at is null and c.kind in ('passkey', 'password', 'oidc') and (p.party_id = $1 or $2 = '')
			group by c.person_id`, nil, func(e *Entrances, n int64) { e.Credentials = int(n) }),
		count(`select s.person_id, count(*) from session s join person p on p.id = s.person_id
			where s.ended_at is null and s.expires_at > $1 and (p.party_id = $2 or $3 = '')
			group by s.person_id`, []any{Micros(at)}, func(e *Entrances, n int64) { e.Sessions = int(n) }),
		count(`select l.person_id, max(l.expires_at) from link l join person p on p.id = l.person_id
			where l.used_at is null and l.kind = 'invite' and l.expires_at > $1 and (p.party_id = $2 or $3 = '')
			group by l.person_id`, []any{Micros(at)}, func(e *Entrances, n int64) { e.Invited = Instant(n) }),
	)
	if err != nil {
		return nil, fmt.Errorf("read ways in: %w", err)
	}
	return out, nil
}

// VoidLinks makes every unused link of a kind to a person useless.
func (t *Tx) VoidLinks(ctx context.Context, kind LinkKind, id ident.Person, at time.Time) error {
	_, err := t.exec(ctx, "update link set used_at = $1 where kind = $2 and person_id = $3 and used_at is null",
		Micros(at), string(kind), string(id))
	if err != nil {
		return fmt.Errorf("void links: %w", err)
	}
	return nil
}

// changedOne turns the outcome of a statement on one row into an error that names what it was about.
func changedOne(res sql.Result, err error, what string) error {
	if err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	if n == 0 {
		return fault.New(fault.NotFound, "there is no such %s", what)
	}
	return nil
}
