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

// CredentialKind tells by what a person proves who they are.
type CredentialKind string

// Kinds of credential.
const (
	Passkey  CredentialKind = "passkey"
	Password CredentialKind = "password"
	TOTP     CredentialKind = "totp"
	Recovery CredentialKind = "recovery"
	OIDC     CredentialKind = "oidc"
)

// Credential is one proof of identity of a person. Handle is unique in its kind: the credential id of a passkey, issuer
// and subject of an account at a provider, else the id.
type Credential struct {
	ID      string
	Person  ident.Person
	Kind    CredentialKind
	Label   string
	Handle  string
	Secret  []byte // a public key, a hash, or a sealed secret; empty once ended
	Counter int64  // signatures of a passkey, last time step of a one-time code
	Created time.Time
	Used    time.Time // zero = never
	Ended   time.Time // zero = in force
}

// InsertCredential writes a credential; fault.Exists where its handle is known already.
func (t *Tx) InsertCredential(ctx context.Context, c Credential) error {
	_, err := t.exec(ctx, `insert into credential (id, person_id, kind, label, handle, secret, counter, created_at, used_at, ended_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		c.ID, string(c.Person), string(c.Kind), c.Label, c.Handle, append([]byte{}, c.Secret...), c.Counter, Micros(c.Created), optional(c.Used), optional(c.Ended))
	if err != nil {
		return fmt.Errorf("write credential: %w", err)
	}
	return nil
}

const credentialColumns = "id, person_id, kind, label, handle, secret, counter, created_at, used_at, ended_at"

func scanCredential(scan func(...any) error) (Credential, error) {
	var c Credential
	var created int64
	var used, ended sql.NullInt64
	err := scan(&c.ID, &c.Person, &c.Kind, &c.Label, &c.Handle, &c.Secret, &c.Counter, &created, &used, &ended)
	c.Created, c.Used, c.Ended = Instant(created), instant(used), instant(ended)
	return c, err
}

// CredentialsOf returns the credentials of a person that are in force, the oldest first.
func (t *Tx) CredentialsOf(ctx context.Context, id ident.Person) ([]Credential, error) {
	var out []Credential
	err := t.each(ctx, "select "+credentialColumns+" from credential where person_id = $1 and ended_at is null order by created_at, id",
		[]any{string(id)}, func(r *sql.Rows) error {
			c, err := scanCredential(r.Scan)
			out = append(out, c)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	return out, nil
}

// CredentialByHandle returns a credential that is in force; fault.NotFound where there is none.
func (t *Tx) CredentialByHandle(ctx context.Context, kind CredentialKind, handle string) (Credential, error) {
	c, err := scanCredential(func(dest ...any) error {
		return t.row(ctx, "select "+credentialColumns+" from credential where kind = $1 and handle = $2 and ended_at is null",
			[]any{string(kind), handle}, dest...)
	})
	if err != nil {
		return Credential{}, fmt.Errorf("read credential: %w", err)
	}
	return c, nil
}

// UseCredential writes down that a credential was used, with its state and counter after that. fault.Conflict where the
// counter was moved by somebody else meanwhile: each value proves something once.
func (t *Tx) UseCredential(ctx context.Context, c Credential, before int64, at time.Time) error {
	res, err := t.exec(ctx, `update credential set secret = $1, counter = $2, used_at = $3
		where id = $4 and counter = $5 and ended_at is null`, append([]byte{}, c.Secret...), c.Counter, Micros(at), c.ID, before)
	if err != nil {
		return fmt.Errorf("use credential: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.Conflict, "this proof was used before"), err)
	}
	return nil
}

// EndCredential takes a credential out of force and forgets its secret and handle. fault.NotFound where it is not one of
// the person's in force.
func (t *Tx) EndCredential(ctx context.Context, person ident.Person, id string, at time.Time) error {
	res, err := t.exec(ctx, `update credential set ended_at = $1, secret = $2, handle = id
		where id = $3 and person_id = $4 and ended_at is null`, Micros(at), []byte{}, id, string(person))
	if err != nil {
		return fmt.Errorf("end credential: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.NotFound, "no such credential"), err)
	}
	return nil
}

// Ceremony is a proof of identity, or the setting up of one, that is under way. It can be finished once.
type Ceremony struct {
	ID      string
	Kind    string
	Person  ident.Person // empty where it is to turn out who it is
	Data    []byte
	Expires time.Time
}

// InsertCeremony writes a ceremony and forgets those that are over.
func (t *Tx) InsertCeremony(ctx context.Context, c Ceremony, now time.Time) error {
	_, err := t.exec(ctx, "delete from ceremony where expires_at < $1", Micros(now))
	if err == nil {
		_, err = t.exec(ctx, "insert into ceremony (id, kind, person_id, data, expires_at) values ($1, $2, $3, $4, $5)",
			c.ID, c.Kind, string(c.Person), c.Data, Micros(c.Expires))
	}
	if err != nil {
		return fmt.Errorf("write ceremony: %w", err)
	}
	return nil
}

// CeremonyByID returns a ceremony of a kind; fault.NotFound where there is none.
func (t *Tx) CeremonyByID(ctx context.Context, kind, id string) (Ceremony, error) {
	c := Ceremony{ID: id, Kind: kind}
	var expires int64
	err := t.row(ctx, "select person_id, data, expires_at from ceremony where id = $1 and kind = $2", []any{id, kind}, &c.Person, &c.Data, &expires)
	if err != nil {
		return Ceremony{}, fmt.Errorf("read ceremony: %w", err)
	}
	c.Expires = Instant(expires)
	return c, nil
}

// TakeCeremony returns a ceremony and removes it; fault.NotFound where it was taken before.
func (t *Tx) TakeCeremony(ctx context.Context, kind, id string) (Ceremony, error) {
	c, err := t.CeremonyByID(ctx, kind, id)
	if err != nil {
		return c, err
	}
	res, err := t.exec(ctx, "delete from ceremony where id = $1", id)
	if err != nil {
		return c, fmt.Errorf("take ceremony: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return c, errors.Join(fault.NotFound, err)
	}
	return c, nil
}

// PostsGiven returns the posts that a person holds at an instant by assignments whose id begins with prefix: assignment
// id by post.
func (t *Tx) PostsGiven(ctx context.Context, id ident.Person, prefix string, at time.Time) (map[ident.Post]string, error) {
	out := map[ident.Post]string{}
	err := t.each(ctx, `select post_id, id from assignment
		where person_id = $1 and substr(id, 1, $2) = $3 and (to_at is null or to_at > $4)`,
		[]any{string(id), len(prefix), prefix, Micros(at)}, func(r *sql.Rows) error {
			var post ident.Post
			var assignment string
			err := r.Scan(&post, &assignment)
			out[post] = assignment
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read posts given to %s: %w", id, err)
	}
	return out, nil
}

// TakePost ends an assignment at an instant.
func (t *Tx) TakePost(ctx context.Context, assignment string, at time.Time) error {
	_, err := t.exec(ctx, "update assignment set to_at = $1 where id = $2", Micros(at), assignment)
	if err != nil {
		return fmt.Errorf("end assignment: %w", err)
	}
	return nil
}

// PostParty returns whose post it is; fault.NotFound where there is no such post, or it has ended.
func (t *Tx) PostParty(ctx context.Context, id ident.Post) (ident.Party, error) {
	var p ident.Party
	err := t.row(ctx, `select u.party_id from post p join unit u on u.id = p.unit_id
		where p.id = $1 and p.ended_at is null and u.ended_at is null`, []any{string(id)}, &p)
	if err != nil {
		return "", fmt.Errorf("read post: %w", err)
	}
	return p, nil
}

// SetLanguage changes the language that a person chose.
func (t *Tx) SetLanguage(ctx context.Context, id ident.Person, language string) error {
	_, err := t.exec(ctx, "update person set language = $1 where id = $2", language, string(id))
	if err != nil {
		return fmt.Errorf("set language: %w", err)
	}
	return nil
}
