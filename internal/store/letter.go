package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
)

// Letter is a mail to a contact beside notices, waiting or done.
type Letter struct {
	ID       string
	Party    ident.Party
	Contact  string
	Kind     notice.ContactKind
	Language string
	State    LetterState
	Created  time.Time
	Next     time.Time // when it is tried
	Leased   time.Time // until when a worker holds it
	Tries    int
	Done     time.Time // when it was taken, refused or dropped
	Server   string    // the mail server that we handed it to
	Detail   string    // what that server said
}

// LetterState is where a letter stands.
type LetterState string

// States of a letter.
const (
	LetterWaiting LetterState = "waiting"
	LetterSending LetterState = "sending"
	LetterTaken   LetterState = "taken"   // the mail server took it
	LetterRefused LetterState = "refused" // for good
	LetterDropped LetterState = "dropped" // its contact is gone or proved already
)

const letterColumns = "id, party_id, contact_id, kind, language, state, created_at, next_at, leased_until, tries, done_at, server, detail"

func scanLetter(r scanner) (Letter, error) {
	var l Letter
	var created, next int64
	var leased, done sql.NullInt64
	err := r.Scan(&l.ID, &l.Party, &l.Contact, &l.Kind, &l.Language, &l.State, &created, &next, &leased, &l.Tries, &done, &l.Server, &l.Detail)
	l.Created, l.Next, l.Leased, l.Done = Instant(created), Instant(next), instant(leased), instant(done)
	return l, err
}

// InsertLetter writes a new letter.
func (t *Tx) InsertLetter(ctx context.Context, l Letter) error {
	_, err := t.exec(ctx, "insert into letter ("+letterColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		l.ID, l.Party, l.Contact, string(l.Kind), l.Language, string(l.State), Micros(l.Created), Micros(l.Next), optional(l.Leased),
		l.Tries, optional(l.Done), l.Server, l.Detail)
	if err != nil {
		return fmt.Errorf("write letter: %w", err)
	}
	return nil
}

// PutLetter writes what became of a letter.
func (t *Tx) PutLetter(ctx context.Context, l Letter) error {
	_, err := t.exec(ctx, `update letter set state = $1, next_at = $2, leased_until = $3, tries = $4, done_at = $5, server = $6,
		detail = $7 where id = $8`, string(l.State), Micros(l.Next), optional(l.Leased), l.Tries, optional(l.Done), l.Server, l.Detail, l.ID)
	if err != nil {
		return fmt.Errorf("write letter %s: %w", l.ID, err)
	}
	return nil
}

// LetterByID returns a letter; fault.NotFound where there is none.
func (t *Tx) LetterByID(ctx context.Context, id string) (Letter, error) {
	l, err := scanLetter(t.tx.QueryRowContext(ctx, "select "+letterColumns+" from letter where id = $1", id))
	if err != nil {
		return Letter{}, fmt.Errorf("read letter %s: %w", id, t.classify(err))
	}
	return l, nil
}

// ClaimLetter takes the oldest letter that is due, or whose sender's lease has run out, until an instant; false where
// none is due.
func (t *Tx) ClaimLetter(ctx context.Context, now, until time.Time) (Letter, bool, error) {
	l, err := scanLetter(t.writing().QueryRowContext(ctx, `update letter set state = 'sending', leased_until = $1 where id = (
		select id from letter where (state = 'waiting' and next_at <= $2) or (state = 'sending' and leased_until <= $3)
		order by next_at, id limit 1) returning `+letterColumns, Micros(until), Micros(now), Micros(now)))
	if err = t.classify(err); errors.Is(err, fault.NotFound) {
		return Letter{}, false, nil
	}
	if err != nil {
		return Letter{}, false, fmt.Errorf("claim a letter: %w", err)
	}
	return l, true, nil
}

// LettersOf returns at most limit letters of a party, the newest first.
func (t *Tx) LettersOf(ctx context.Context, p ident.Party, limit int) ([]Letter, error) {
	var out []Letter
	err := t.each(ctx, "select "+letterColumns+" from letter where contact_id in (select c.id from contact c where c.party_id = $1)"+
		" order by created_at desc, id desc limit $2", []any{p, limit}, func(r *sql.Rows) error {
		l, err := scanLetter(r)
		out = append(out, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read letters to %s: %w", p, err)
	}
	return out, nil
}

// CountLetters counts the letters to a contact since an instant.
func (t *Tx) CountLetters(ctx context.Context, contact string, since time.Time) (int, error) {
	n := 0
	err := t.row(ctx, "select count(*) from letter where contact_id = $1 and created_at >= $2", []any{contact, Micros(since)}, &n)
	if err != nil {
		return 0, fmt.Errorf("count letters to %s: %w", contact, err)
	}
	return n, nil
}

// CountPartyLetters counts the letters to a party's contacts since an instant, those that went meanwhile too.
func (t *Tx) CountPartyLetters(ctx context.Context, p ident.Party, since time.Time) (int, error) {
	n := 0
	err := t.row(ctx, "select count(*) from letter where party_id = $1 and created_at >= $2", []any{p, Micros(since)}, &n)
	if err != nil {
		return 0, fmt.Errorf("count letters to %s: %w", p, err)
	}
	return n, nil
}
