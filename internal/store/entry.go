package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
)

// maxEntry bounds the bytes of an entry's object and reason.
const maxEntry = 1000

// Append is how anything is done: it asks access whether by may do act to the object at this instant, and writes the
// act's one entry into the ledger, in the transaction that makes the change. body is marshalled to JSON; nil is "{}".
// It returns the entry's id, by which the history of a finding names it. fault.Denied where access says no: the
// transaction must then be given up.
func (t *Tx) Append(ctx context.Context, at time.Time, by access.Actor, act string, on access.Object, reason string, body any) (int64, error) {
	return t.append(ctx, at, by, act, on, reason, body, nil)
}

func (t *Tx) append(ctx context.Context, at time.Time, by access.Actor, act string, on access.Object, reason string, body any, commitment []byte) (int64, error) {
	if len(on.Name) > maxEntry || len(reason) > maxEntry {
		return 0, fault.New(fault.Invalid, "object and reason of an entry have at most %d bytes", maxEntry)
	}
	if by.Incompatible() {
		var err error
		if on.Acted, err = t.actedIn(ctx, by, on.Name); err != nil {
			return 0, err
		}
	}
	post, err := access.Ask(by, act, on, at)
	if err != nil {
		return 0, fmt.Errorf("%s of %s by %s: %w", act, on.Name, by, err)
	}
	e := ledger.Entry{
		At: at.UTC().Truncate(time.Microsecond), Actor: by.String(), Post: post, Act: act, Object: on.Name, Reason: reason,
		Body: "{}", Salt: make([]byte, ledger.SaltSize), Commitment: commitment,
	}
	rand.Read(e.Salt)
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, fmt.Errorf("append %s to the ledger: %w", act, err)
		}
		e.Body = string(b)
	}
	if e.Commitment == nil {
		e.Commitment = []byte{}
	}
	id, mark := t.d.nextEntry()
	err = t.returning(ctx, "insert into entry (id, tx, at, actor, post, act, object, reason, body, salt, commitment) values ("+
		id+", "+mark+", $1, $2, $3, $4, $5, $6, $7, $8, $9) returning id, tx",
		[]any{Micros(e.At), e.Actor, string(e.Post), e.Act, e.Object, e.Reason, e.Body, e.Salt, e.Commitment}, &e.ID, &t.stamp)
	if err != nil {
		return 0, fmt.Errorf("append %s to the ledger: %w", act, err)
	}
	t.entries++
	t.entry = e.ID
	return e.ID, nil
}

// actedIn returns the posts in which an actor acted on an object before.
func (t *Tx) actedIn(ctx context.Context, by access.Actor, object string) ([]ident.Post, error) {
	var out []ident.Post
	err := t.each(ctx, "select distinct post from entry where object = $1 and actor = $2 and post <> ''",
		[]any{object, by.String()}, func(r *sql.Rows) error {
			var p string
			err := r.Scan(&p)
			out = append(out, ident.Post(p))
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read acts on %s: %w", object, err)
	}
	return out, nil
}

const entryColumns = `e.id, e.at, e.actor, e.post, e.act, e.object, e.reason, e.body, e.salt, e.commitment, e.cover,
	coalesce(p.seq, 0), p.hash`

func scanEntry(r *sql.Rows) (ledger.Entry, error) {
	var e ledger.Entry
	var at int64
	err := r.Scan(&e.ID, &at, &e.Actor, &e.Post, &e.Act, &e.Object, &e.Reason, &e.Body, &e.Salt, &e.Commitment, &e.Cover, &e.Seq, &e.Hash)
	e.At = Instant(at)
	return e, err
}

// EntriesBefore returns at most limit entries with an id below before (0 = from the newest), newest first. The newest
// may have no place in the log yet.
func (t *Tx) EntriesBefore(ctx context.Context, before int64, limit int) ([]ledger.Entry, error) {
	if before == 0 {
		before = 1 << 62
	}
	var out []ledger.Entry
	err := t.each(ctx, "select "+entryColumns+` from entry e left join place p on p.entry_id = e.id
		where e.id < $1 order by e.id desc limit `+strconv.Itoa(limit), []any{before}, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		out = append(out, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}

// Entries returns at most limit entries with an id above after, oldest first.
func (t *Tx) Entries(ctx context.Context, after int64, limit int) ([]ledger.Entry, error) {
	var out []ledger.Entry
	err := t.each(ctx, "select "+entryColumns+` from entry e left join place p on p.entry_id = e.id
		where e.id > $1 order by e.id limit `+strconv.Itoa(limit), []any{after}, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		out = append(out, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}

// Horizon returns the mark before which no transaction that this one does not see can still commit: what was written
// with a mark from here on is to be read again next time.
func (t *Tx) Horizon(ctx context.Context) (int64, error) {
	n, err := t.d.horizon(ctx, t)
	if err != nil {
		return 0, fmt.Errorf("read the horizon: %w", err)
	}
	return n, nil
}
