package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// LinkKind tells what a one-time link is for.
type LinkKind string

// Kinds of link.
const (
	LinkSetup    LinkKind = "setup"    // names the first administrator
	LinkInvite   LinkKind = "invite"   // lets a new person set up their proof of identity
	LinkOperator LinkKind = "operator" // made by whoever owns the data folder: signs a person in
)

// Link opens one thing once. Only the SHA-256 of its token is kept.
type Link struct {
	Hash    []byte
	Kind    LinkKind
	Person  ident.Person // empty for LinkSetup
	Created time.Time
	Expires time.Time
	Used    time.Time // zero = not yet
}

// InsertLink writes a link; fault.Exists where its token is known already.
func (t *Tx) InsertLink(ctx context.Context, l Link) error {
	_, err := t.exec(ctx, `insert into link (token_hash, kind, person_id, created_at, expires_at, used_at)
		values ($1, $2, $3, $4, $5, $6)`, l.Hash, string(l.Kind), string(l.Person), Micros(l.Created), Micros(l.Expires), optional(l.Used))
	if err != nil {
		return fmt.Errorf("write link: %w", err)
	}
	return nil
}

// LinkByHash returns the link of a token's hash; fault.NotFound where there is none.
func (t *Tx) LinkByHash(ctx context.Context, hash []byte) (Link, error) {
	l := Link{Hash: hash}
	var created, expires int64
	var used sql.NullInt64
	err := t.row(ctx, "select kind, person_id, created_at, expires_at, used_at from link where token_hash = $1",
		[]any{hash}, &l.Kind, &l.Person, &created, &expires, &used)
	if err != nil {
		return Link{}, fmt.Errorf("read link: %w", err)
	}
	l.Created, l.Expires, l.Used = Instant(created), Instant(expires), instant(used)
	return l, nil
}

// UseLink marks a link used; fault.Expired where it was before.
func (t *Tx) UseLink(ctx context.Context, hash []byte, at time.Time) error {
	res, err := t.exec(ctx, "update link set used_at = $1 where token_hash = $2 and used_at is null", Micros(at), hash)
	if err != nil {
		return fmt.Errorf("use link: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.Expired, "this link was used before"), err)
	}
	return nil
}

// DropLinks removes links that ended before t: nothing can be done with them any more.
func (t *Tx) DropLinks(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, "delete from link where expires_at < $1", Micros(before))
	if err != nil {
		return fmt.Errorf("drop old links: %w", err)
	}
	return nil
}

// Session is an open sign-in of a person in one browser. Only the SHA-256 of its token is kept.
type Session struct {
	ID      string
	Hash    []byte
	Person  ident.Person
	Method  string // how they proved who they are: "link", "passkey", "password", "oidc"
	Device  string // what the browser called itself, shortened; for the person's own list
	Weak    bool   // may only set up a proof of identity
	Created time.Time
	Seen    time.Time
	Proved  time.Time // when they last proved who they are
	Expires time.Time
	Ended   time.Time // zero = open
}

// InsertSession writes a session.
func (t *Tx) InsertSession(ctx context.Context, s Session) error {
	_, err := t.exec(ctx, `insert into session (id, token_hash, person_id, method, device, weak, created_at, seen_at, proved_at, expires_at, ended_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		s.ID, s.Hash, string(s.Person), s.Method, s.Device, s.Weak, Micros(s.Created), Micros(s.Seen), Micros(s.Proved), Micros(s.Expires), optional(s.Ended))
	if err != nil {
		return fmt.Errorf("write session: %w", err)
	}
	return nil
}

// SessionByHash returns the session of a token's hash; fault.NotFound where there is none.
func (t *Tx) SessionByHash(ctx context.Context, hash []byte) (Session, error) {
	s := Session{Hash: hash}
	var created, seen, proved, expires int64
	var ended sql.NullInt64
	err := t.row(ctx, `select id, person_id, method, device, weak, created_at, seen_at, proved_at, expires_at, ended_at
		from session where token_hash = $1`, []any{hash},
		&s.ID, &s.Person, &s.Method, &s.Device, &s.Weak, &created, &seen, &proved, &expires, &ended)
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	s.Created, s.Seen, s.Proved, s.Expires, s.Ended = Instant(created), Instant(seen), Instant(proved), Instant(expires), instant(ended)
	return s, nil
}

// EndSession closes a session; fault.Expired where it was closed before.
func (t *Tx) EndSession(ctx context.Context, id string, at time.Time) error {
	res, err := t.exec(ctx, "update session set ended_at = $1 where id = $2 and ended_at is null", Micros(at), id)
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.Expired, "this session was closed before"), err)
	}
	return nil
}

// SeeSession writes down that a session was used.
func (t *Tx) SeeSession(ctx context.Context, id string, at time.Time) error {
	_, err := t.exec(ctx, "update session set seen_at = $1 where id = $2 and seen_at < $3", Micros(at), id, Micros(at))
	if err != nil {
		return fmt.Errorf("see session: %w", err)
	}
	return nil
}

// SessionsOf returns the open sessions of a person, the one last seen first.
func (t *Tx) SessionsOf(ctx context.Context, id ident.Person, now, idle time.Time) ([]Session, error) {
	var out []Session
	err := t.each(ctx, `select id, method, device, weak, created_at, seen_at, proved_at, expires_at from session
		where person_id = $1 and ended_at is null and expires_at > $2 and seen_at > $3 order by seen_at desc, id`,
		[]any{string(id), Micros(now), Micros(idle)}, func(r *sql.Rows) error {
			s := Session{Person: id}
			var created, seen, proved, expires int64
			err := r.Scan(&s.ID, &s.Method, &s.Device, &s.Weak, &created, &seen, &proved, &expires)
			s.Created, s.Seen, s.Proved, s.Expires = Instant(created), Instant(seen), Instant(proved), Instant(expires)
			out = append(out, s)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return out, nil
}

// ProveSession writes down that the person of a session proved who they are, which makes the session strong.
func (t *Tx) ProveSession(ctx context.Context, id string, at time.Time) error {
	_, err := t.exec(ctx, "update session set proved_at = $1, weak = $2 where id = $3 and ended_at is null", Micros(at), false, id)
	if err != nil {
		return fmt.Errorf("prove session: %w", err)
	}
	return nil
}
