package store

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// Domains of what is hashed and sealed here: nothing made for one purpose is taken for another.
const (
	payloadDomain    = "tocsin payload 1\n"
	payloadKeyDomain = "tocsin payload key 1\n"
)

const (
	payloadSalt = 32 // bytes before the data of a payload, so that its commitment tells nothing about short data
	payloadKey  = 32 // bytes of a subject's key: AES-256
)

// Commitment is what an entry says about its payload: SHA-256 over a domain, the salt and the data.
func Commitment(salt, data []byte) []byte {
	h := sha256.New()
	h.Write([]byte(payloadDomain))
	h.Write(salt)
	h.Write(data)
	return h.Sum(nil)
}

// AppendSealed is Append with a payload beside the entry: personal data that can be erased without touching the ledger.
// The entry holds the payload's commitment; the payload is sealed under the subject's own key, and that under key, the
// installation's. Once the subject was erased nothing can be sealed for it any more: fault.Conflict.
func (t *Tx) AppendSealed(ctx context.Context, at time.Time, by access.Actor, act string, on access.Object, reason string, body any,
	key []byte, subject string, data []byte,
) (int64, error) {
	own, err := t.subjectKey(ctx, key, subject, at)
	if err != nil {
		return 0, err
	}
	salt := make([]byte, payloadSalt)
	rand.Read(salt)
	sealed, err := seal(own, append(bytes.Clone(salt), data...), payloadDomain+subject)
	if err != nil {
		return 0, err
	}
	id, err := t.append(ctx, at, by, act, on, reason, body, Commitment(salt, data))
	if err != nil {
		return 0, err
	}
	if _, err := t.exec(ctx, "insert into payload (entry_id, subject, sealed) values ($1, $2, $3)", id, subject, sealed); err != nil {
		return 0, fmt.Errorf("write payload: %w", err)
	}
	return id, nil
}

// subjectKey returns the key of a subject's payloads, and makes it at the first one.
func (t *Tx) subjectKey(ctx context.Context, key []byte, subject string, at time.Time) ([]byte, error) {
	own, err := t.openSubject(ctx, key, subject)
	switch {
	case err == nil:
		return own, nil
	case errors.Is(err, fault.Expired):
		return nil, fault.New(fault.Conflict, "%s was erased", subject)
	case !errors.Is(err, fault.NotFound):
		return nil, err
	}
	own = make([]byte, payloadKey)
	rand.Read(own)
	sealed, err := seal(key, own, payloadKeyDomain+subject)
	if err != nil {
		return nil, err
	}
	_, err = t.exec(ctx, "insert into payload_key (subject, sealed_key, created_at, erased_at) values ($1, $2, $3, $4)",
		subject, sealed, Micros(at), nil)
	if err != nil {
		return nil, fmt.Errorf("write payload key: %w", err)
	}
	return own, nil
}

// openSubject returns a subject's key: fault.NotFound where it has none, fault.Expired where it was erased.
func (t *Tx) openSubject(ctx context.Context, key []byte, subject string) ([]byte, error) {
	var sealed []byte
	var erased sql.NullInt64
	err := t.row(ctx, "select sealed_key, erased_at from payload_key where subject = $1", []any{subject}, &sealed, &erased)
	if err != nil {
		return nil, fmt.Errorf("read payload key: %w", err)
	}
	if erased.Valid || len(sealed) == 0 {
		return nil, fault.New(fault.Expired, "what was kept about %s was erased", subject)
	}
	return unseal(key, sealed, payloadKeyDomain+subject)
}

// EraseSubject destroys the key of a subject's payloads: from then on nobody can open them, and the entries stay as
// they are. A subject without payloads is none of its business.
func (t *Tx) EraseSubject(ctx context.Context, subject string, at time.Time) error {
	_, err := t.exec(ctx, "update payload_key set sealed_key = $1, erased_at = $2 where subject = $3 and erased_at is null",
		[]byte{}, Micros(at), subject)
	if err != nil {
		return fmt.Errorf("erase payload key: %w", err)
	}
	return nil
}

// OpenPayload returns the data beside an entry, checked against the entry's commitment. fault.NotFound where the entry
// has none, fault.Expired where it was erased, fault.Conflict where it is not what the entry committed to.
func (t *Tx) OpenPayload(ctx context.Context, key []byte, entry int64) ([]byte, error) {
	var subject string
	var sealed, commitment []byte
	err := t.row(ctx, `select p.subject, p.sealed, e.commitment from payload p join entry e on e.id = p.entry_id
		where p.entry_id = $1`, []any{entry}, &subject, &sealed, &commitment)
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	own, err := t.openSubject(ctx, key, subject)
	if err != nil {
		return nil, err
	}
	plain, err := unseal(own, sealed, payloadDomain+subject)
	if err != nil {
		return nil, err
	}
	if len(plain) < payloadSalt || !bytes.Equal(Commitment(plain[:payloadSalt], plain[payloadSalt:]), commitment) {
		return nil, fault.New(fault.Conflict, "the payload of entry %d is not what the entry committed to", entry)
	}
	return plain[payloadSalt:], nil
}

// NewestOf returns the newest entry with a payload of a subject; fault.NotFound where there is none.
func (t *Tx) NewestOf(ctx context.Context, subject string) (ledger.Entry, error) {
	var out []ledger.Entry
	err := t.each(ctx, "select "+entryColumns+` from entry e join payload y on y.entry_id = e.id left join place p on p.entry_id = e.id
		where y.subject = $1 order by e.id desc limit 1`, []any{subject}, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		out = append(out, e)
		return err
	})
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("read the ledger: %w", err)
	}
	if len(out) == 0 {
		return ledger.Entry{}, fault.NotFound
	}
	return out[0], nil
}

// seal encrypts under a 32-byte key with AES-256-GCM; the nonce comes first. context is authenticated with it.
func seal(key, plain []byte, context string) ([]byte, error) {
	aead, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, []byte(context)), nil
}

func unseal(key, sealed []byte, context string) ([]byte, error) {
	aead, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fault.New(fault.Conflict, "a sealed value is too short")
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(context))
	if err != nil {
		return nil, fault.New(fault.Conflict, "a sealed value cannot be opened: it was changed, or sealed under another key")
	}
	return plain, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	if len(key) != payloadKey {
		return nil, fmt.Errorf("seal: a key has %d bytes, not %d", payloadKey, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return cipher.NewGCM(block)
}

// PayloadSubjects returns every subject that payloads were sealed for.
func (t *Tx) PayloadSubjects(ctx context.Context) ([]string, error) {
	return t.texts(ctx, "select subject from payload_key order by subject")
}

// BodiesOf returns the bodies of every entry of an act, oldest first.
func (t *Tx) BodiesOf(ctx context.Context, act string) ([]string, error) {
	return t.texts(ctx, "select body from entry where act = $1 order by id", act)
}

func (t *Tx) texts(ctx context.Context, query string, args ...any) ([]string, error) {
	var out []string
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var s string
		err := r.Scan(&s)
		out = append(out, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}

// EntryWithoutPayload returns the first entry that committed to a payload which is not there; fault.NotFound where all
// are.
func (t *Tx) EntryWithoutPayload(ctx context.Context) (id int64, err error) {
	err = t.row(ctx, `select e.id from entry e left join payload y on y.entry_id = e.id
		where length(e.commitment) > 0 and y.entry_id is null order by e.id limit 1`, nil, &id)
	if err != nil {
		return 0, fmt.Errorf("look for payloads: %w", err)
	}
	return id, nil
}
