package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// Token lets a program act for a person within some of their powers. Only the SHA-256 of its secret is kept.
type Token struct {
	ID      string
	Hash    []byte
	Person  ident.Person
	Label   string
	Scopes  []people.Power
	Created time.Time
	Expires time.Time
	Used    time.Time // zero: never
	Ended   time.Time // zero: not revoked
}

// InsertToken writes a token.
func (t *Tx) InsertToken(ctx context.Context, k Token) error {
	_, err := t.exec(ctx, `insert into api_token (id, token_hash, person_id, label, scopes, created_at, expires_at, used_at, ended_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		k.ID, k.Hash, string(k.Person), k.Label, join(k.Scopes), Micros(k.Created), Micros(k.Expires), optional(k.Used), optional(k.Ended))
	if err != nil {
		return fmt.Errorf("write API token: %w", err)
	}
	return nil
}

const tokenColumns = "id, token_hash, person_id, label, scopes, created_at, expires_at, used_at, ended_at"

func scanToken(scan func(...any) error) (Token, error) {
	var k Token
	var scopes string
	var created, expires int64
	var used, ended sql.NullInt64
	err := scan(&k.ID, &k.Hash, &k.Person, &k.Label, &scopes, &created, &expires, &used, &ended)
	k.Scopes = split[people.Power](scopes)
	k.Created, k.Expires, k.Used, k.Ended = Instant(created), Instant(expires), instant(used), instant(ended)
	return k, err
}

// TokenByHash returns the token of a secret's hash; fault.NotFound where there is none.
func (t *Tx) TokenByHash(ctx context.Context, hash []byte) (Token, error) {
	k, err := scanToken(func(dest ...any) error {
		return t.row(ctx, "select "+tokenColumns+" from api_token where token_hash = $1", []any{hash}, dest...)
	})
	if err != nil {
		return Token{}, fmt.Errorf("read API token: %w", err)
	}
	return k, nil
}

// TokenByID returns a token; fault.NotFound where there is none.
func (t *Tx) TokenByID(ctx context.Context, id string) (Token, error) {
	k, err := scanToken(func(dest ...any) error {
		return t.row(ctx, "select "+tokenColumns+" from api_token where id = $1", []any{id}, dest...)
	})
	if err != nil {
		return Token{}, fmt.Errorf("read API token: %w", err)
	}
	return k, nil
}

// TokensOf returns the tokens of a person, the newest first.
func (t *Tx) TokensOf(ctx context.Context, id ident.Person) ([]Token, error) {
	var out []Token
	err := t.each(ctx, "select "+tokenColumns+" from api_token where person_id = $1 order by created_at desc, id",
		[]any{string(id)}, func(r *sql.Rows) error {
			k, err := scanToken(r.Scan)
			out = append(out, k)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read API tokens: %w", err)
	}
	return out, nil
}

// EndToken revokes a token.
func (t *Tx) EndToken(ctx context.Context, id string, at time.Time) error {
	res, err := t.exec(ctx, "update api_token set ended_at = $1 where id = $2 and ended_at is null", Micros(at), id)
	return changedOne(res, err, "API token")
}

// SeeToken writes down that a token was used.
func (t *Tx) SeeToken(ctx context.Context, id string, at time.Time) error {
	if _, err := t.exec(ctx, "update api_token set used_at = $1 where id = $2", Micros(at), id); err != nil {
		return fmt.Errorf("see API token: %w", err)
	}
	return nil
}
