package register

import (
	"context"
	"errors"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// Cursor stands for a place in a list of changes; the zero value is the start.
type Cursor = store.RequestCursor

// Row is a change as lists show it.
type Row struct {
	party.Request
	PartyName string
	Who       string // what the person who proposed it is called now; empty where they were erased
	Decider   string // the same for who decided
}

// Do says what the change does: "added", "changed" or "ended".
func (r Row) Do() party.Verb { return verbOf(r.Request) }

// Waiting returns at most limit changes that wait for the desk, the oldest first; nothing for whoever is not of the desk
// and reads there.
func (r *Register) Waiting(ctx context.Context, now time.Time, by access.Actor, limit int) ([]Row, error) {
	return r.Changes(ctx, now, by, party.Proposed, Cursor{}, limit)
}

// WaitingCount counts the changes that Waiting lists, up to limit.
func (r *Register) WaitingCount(ctx context.Context, now time.Time, by access.Actor, limit int) (int, error) {
	n := 0
	if !deskReads(by) {
		return 0, nil
	}
	err := r.store.View(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.CountRequests(ctx, store.RequestFilter{State: party.Proposed}, limit)
		return err
	})
	return n, err
}

func deskReads(by access.Actor) bool {
	return by.Kind == access.Software || by.Desk() && !by.Weak && by.Holds(people.Read, ident.Authority)
}

// Changes returns at most limit changes of all parties in a state behind the cursor, to the desk: those that wait the
// oldest first, the others the newest first.
func (r *Register) Changes(ctx context.Context, now time.Time, by access.Actor, s party.RequestState, after Cursor, limit int) ([]Row, error) {
	if !deskReads(by) {
		return nil, nil
	}
	return r.rows(ctx, store.RequestFilter{State: s, Oldest: s == party.Proposed}, after, limit)
}

// Mine returns at most limit changes of by's own party behind the cursor, the newest first.
func (r *Register) Mine(ctx context.Context, now time.Time, by access.Actor, s party.RequestState, after Cursor, limit int) ([]Row, error) {
	err := r.store.View(ctx, func(tx *store.Tx) error {
		_, err := own(ctx, tx, now, by)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.rows(ctx, store.RequestFilter{Party: by.Party, State: s}, after, limit)
}

func (r *Register) rows(ctx context.Context, f store.RequestFilter, after Cursor, limit int) ([]Row, error) {
	var out []Row
	err := r.store.View(ctx, func(tx *store.Tx) error {
		list, err := tx.Requests(ctx, f, after, limit)
		if err != nil {
			return err
		}
		ids := make([]ident.Party, len(list))
		for i := range list {
			ids[i] = list[i].Party
		}
		parties, err := tx.PartyNamesOf(ctx, ids)
		if err != nil {
			return err
		}
		for _, q := range list {
			row, err := rowOf(ctx, tx, q, parties[q.Party])
			if err != nil {
				return err
			}
			out = append(out, row)
		}
		return nil
	})
	return out, err
}

func rowOf(ctx context.Context, tx *store.Tx, q party.Request, name string) (Row, error) {
	row := Row{Request: q, PartyName: name}
	for actor, to := range map[string]*string{q.By: &row.Who, q.DecidedBy: &row.Decider} {
		id, ok := strings.CutPrefix(actor, "person:")
		if !ok {
			continue
		}
		var err error
		if *to, err = tx.PersonName(ctx, ident.Person(id)); err != nil {
			return row, err
		}
	}
	return row, nil
}

// ByID returns one change to the desk or to the party that it is of; fault.NotFound for everybody else.
func (r *Register) ByID(ctx context.Context, now time.Time, by access.Actor, id string) (Row, error) {
	var out Row
	err := r.store.View(ctx, func(tx *store.Tx) error {
		q, err := tx.RequestByID(ctx, id)
		if errors.Is(err, fault.NotFound) {
			return errNoChange
		}
		if err != nil {
			return err
		}
		p, err := readable(ctx, tx, now, by, q.Party)
		if errors.Is(err, fault.NotFound) {
			return errNoChange
		}
		if err != nil {
			return err
		}
		out, err = rowOf(ctx, tx, q, p.Name)
		return err
	})
	return out, err
}

// Own returns by's own party as the register has it, with resources that have ended left out.
func (r *Register) Own(ctx context.Context, now time.Time, by access.Actor) (party.Party, error) {
	var p party.Party
	err := r.store.View(ctx, func(tx *store.Tx) (err error) {
		p, err = own(ctx, tx, now, by)
		return err
	})
	live := p.Resources[:0:0]
	for _, res := range p.Resources {
		if res.To.IsZero() || res.To.After(now) {
			live = append(live, res)
		}
	}
	p.Resources = live
	return p, err
}
