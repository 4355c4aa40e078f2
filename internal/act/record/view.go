package record

import (
	"context"
	"errors"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// Query is what somebody asks of the ledger; the zero value asks for all.
type Query = store.EntryFilter

// Entry is one act in the ledger.
type Entry = ledger.Entry

// View is a part of the ledger as a page shows it. Entries name persons and posts by their ids; what those are called is
// looked up now, so that whoever was erased is an id only.
type View struct {
	Entries    []ledger.Entry // the newest first
	Names      map[string]string
	Titles     map[ident.Post]string
	People     []people.Person // of the authority, to choose from
	Checkpoint *store.Checkpoint
}

// View returns at most limit entries that q asks for, with the names in them and the newest checkpoint.
func (l *Log) View(ctx context.Context, q Query, limit int) (View, error) {
	v := View{Titles: map[ident.Post]string{}}
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		if v.Entries, err = tx.ListEntries(ctx, q, limit); err != nil {
			return err
		}
		if v.Names, err = personNames(ctx, tx, v.Entries); err != nil {
			return err
		}
		for _, e := range v.Entries {
			if _, known := v.Titles[e.Post]; e.Post == "" || known {
				continue
			}
			if v.Titles[e.Post], err = tx.PostTitle(ctx, e.Post); err != nil {
				return err
			}
		}
		if v.People, err = tx.PeopleOf(ctx, ident.Authority); err != nil {
			return err
		}
		c, err := tx.NewestCheckpoint(ctx)
		switch {
		case err == nil:
			v.Checkpoint = &c
		case errors.Is(err, fault.NotFound):
			err = nil
		}
		return err
	})
	return v, err
}

// personNames returns what the persons that entries name as actor or object are called, by "person:ID".
func personNames(ctx context.Context, tx *store.Tx, es []ledger.Entry) (map[string]string, error) {
	names := map[string]string{}
	for _, e := range es {
		for _, who := range []string{e.Actor, e.Object} {
			id, ok := strings.CutPrefix(who, "person:")
			if _, known := names[who]; !ok || known {
				continue
			}
			var err error
			if names[who], err = tx.PersonName(ctx, ident.Person(id)); err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}
