package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
)

// SignInKind tells a link, which is used once, from the session that it opens.
type SignInKind string

// Kinds of sign-in.
const (
	SignInLink    SignInKind = "link"
	SignInSession SignInKind = "session"
)

// SignIn is a link to sign in by or an open session. Only the SHA-256 of its token is kept.
type SignIn struct {
	Hash    []byte
	Kind    SignInKind
	Subject string // desk: the person's name; member: the party's id
	Role    string // "desk" or "member"
	Created time.Time
	Expires time.Time
	Used    time.Time // a link that was used, a session that was closed; zero = neither
}

// InsertSignIn writes a link or session; fault.Exists where its token is known already.
func (t *Tx) InsertSignIn(ctx context.Context, s SignIn) error {
	_, err := t.exec(ctx, `insert into sign_in (token_hash, kind, subject, role, created_at, expires_at, used_at)
		values ($1, $2, $3, $4, $5, $6, $7)`,
		s.Hash, string(s.Kind), s.Subject, s.Role, Micros(s.Created), Micros(s.Expires), optional(s.Used))
	if err != nil {
		return fmt.Errorf("write sign-in: %w", err)
	}
	return nil
}

// SignInByHash returns the link or session of a token's hash; fault.NotFound where there is none of that kind.
func (t *Tx) SignInByHash(ctx context.Context, kind SignInKind, hash []byte) (SignIn, error) {
	s := SignIn{Hash: hash, Kind: kind}
	var created, expires int64
	var used sql.NullInt64
	err := t.row(ctx, "select subject, role, created_at, expires_at, used_at from sign_in where token_hash = $1 and kind = $2",
		[]any{hash, string(kind)}, &s.Subject, &s.Role, &created, &expires, &used)
	if err != nil {
		return SignIn{}, fmt.Errorf("read sign-in: %w", err)
	}
	s.Created, s.Expires, s.Used = Instant(created), Instant(expires), instant(used)
	return s, nil
}

// UseSignIn marks a link used or a session closed; fault.Expired where it was before.
func (t *Tx) UseSignIn(ctx context.Context, hash []byte, at time.Time) error {
	res, err := t.exec(ctx, "update sign_in set used_at = $1 where token_hash = $2 and used_at is null", Micros(at), hash)
	if err != nil {
		return fmt.Errorf("use sign-in: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.Expired, "this link was used before"), err)
	}
	return nil
}

// DropSignIns removes links and sessions that ended before t; nothing can be done with them any more.
func (t *Tx) DropSignIns(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, "delete from sign_in where expires_at < $1", Micros(before))
	if err != nil {
		return fmt.Errorf("drop old sign-ins: %w", err)
	}
	return nil
}
