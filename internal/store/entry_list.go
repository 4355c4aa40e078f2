package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/ledger"
)

// EntryFilter is what somebody asks of the ledger; the zero value asks for all.
type EntryFilter struct {
	Kind   string    // of actor: "person"
	Actor  string    // as the ledger names it: "person:per_…"
	Group  string    // of acts: "finding" for finding.discard and its like
	Object string    // as the ledger names it
	From   time.Time // inclusive; zero: from the beginning
	Until  time.Time // exclusive; zero: up to now
	Before int64     // only entries with a lower id; 0: from the newest
}

// ListEntries returns at most limit entries that f asks for, the newest first.
func (t *Tx) ListEntries(ctx context.Context, f EntryFilter, limit int) ([]ledger.Entry, error) {
	var where []string
	var args []any
	add := func(cond string, arg any) {
		args = append(args, arg)
		where = append(where, fmt.Sprintf(cond, len(args)))
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	add("e.id < $%d", f.Before)
	if f.Object != "" {
		add("e.object = $%d", f.Object)
	}
	if f.Actor != "" {
		add("e.actor = $%d", f.Actor)
	}
	if f.Kind != "" {
		add("e.actor like $%d", likeStart(f.Kind+":"))
	}
	if f.Group != "" {
		add("e.act like $%d", likeStart(f.Group+"."))
	}
	if !f.From.IsZero() {
		add("e.at >= $%d", Micros(f.From))
	}
	if !f.Until.IsZero() {
		add("e.at < $%d", Micros(f.Until))
	}
	query := "select " + entryColumns + " from entry e left join place p on p.entry_id = e.id where " +
		strings.Join(where, " and ") + " order by e.id desc limit " + strconv.Itoa(limit)
	var out []ledger.Entry
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		out = append(out, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list entries: %w", err)
	}
	return out, nil
}

// likeStart is a pattern for what begins with s, which is a word of ours: letters, "_" (that stands for any letter) and
// marks that mean nothing in a pattern.
func likeStart(s string) string { return strings.ReplaceAll(s, "%", "") + "%" }

// PersonName returns what a person is called; "" where they were erased or never there.
func (t *Tx) PersonName(ctx context.Context, id ident.Person) (string, error) {
	return t.called(ctx, "select name from person where id = $1", string(id))
}

// PostTitle returns what a post is called; "" where it was never there.
func (t *Tx) PostTitle(ctx context.Context, id ident.Post) (string, error) {
	return t.called(ctx, "select title from post where id = $1", string(id))
}

func (t *Tx) called(ctx context.Context, query, id string) (string, error) {
	var name string
	err := t.each(ctx, query, []any{id}, func(r *sql.Rows) error { return r.Scan(&name) })
	if err != nil {
		return "", fmt.Errorf("read what %s is called: %w", id, err)
	}
	return name, nil
}
