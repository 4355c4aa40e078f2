package loop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// registerCache holds the compiled register until a party changes, a resource begins or ends, or the day is over.
type registerCache struct {
	mu       sync.Mutex
	version  int64
	until    time.Time
	compiled *party.Register
}

// Register returns the register of parties as valid at now. It is compiled again after a change to parties or
// regions, when a resource begins or ends, and every day.
func (l *Loop) Register(ctx context.Context, now time.Time) (*party.Register, error) {
	r, _, err := l.registerAt(ctx, now)
	return r, err
}

// registerAt returns the register and the ledger position of the last change in it.
func (l *Loop) registerAt(ctx context.Context, now time.Time) (*party.Register, int64, error) {
	c := &l.register
	var version int64
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		version, err = tx.PartyVersion(ctx)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("compile the register of parties: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.compiled != nil && c.version >= version && !now.Before(c.compiled.At()) && now.Before(c.until) {
		return c.compiled, c.version, nil
	}
	err = l.store.View(ctx, func(tx *store.Tx) error {
		version, err := tx.PartyVersion(ctx)
		if err != nil {
			return err
		}
		compiled, err := l.compile(ctx, tx, now)
		if err != nil {
			return err
		}
		c.version, c.compiled, c.until = version, compiled, now.Truncate(24*time.Hour).Add(24*time.Hour)
		if next := compiled.NextChange(); !next.IsZero() && next.Before(c.until) {
			c.until = next
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("compile the register of parties: %w", err)
	}
	return c.compiled, c.version, nil
}

func (l *Loop) compile(ctx context.Context, tx *store.Tx, now time.Time) (*party.Register, error) {
	parties, regions, err := registered(ctx, tx)
	if err != nil {
		return nil, err
	}
	r, err := party.NewRegister(parties, regions, now)
	if err != nil {
		return nil, err
	}
	book, err := tx.Rulebook(ctx, now)
	if err != nil {
		return nil, err
	}
	return r.Locating(l.locate).Routing(book.Router(parties), book.Next()), nil
}

func registered(ctx context.Context, tx *store.Tx) ([]party.Party, []party.Region, error) {
	parties, err := tx.Parties(ctx)
	if err != nil {
		return nil, nil, err
	}
	regions, err := tx.Regions(ctx)
	return parties, regions, err
}

// PlanImport says what ImportParties would change, and changes nothing.
func (l *Loop) PlanImport(ctx context.Context, now time.Time, parties []party.Party, regions []party.Region) (party.Plan, error) {
	var plan party.Plan
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		_, plan, err = planImport(ctx, tx, now, parties, regions)
		return err
	})
	return plan, err
}

func planImport(ctx context.Context, tx *store.Tx, now time.Time, parties []party.Party, regions []party.Region) ([]party.Party, party.Plan, error) {
	have, places, err := registered(ctx, tx)
	if err != nil {
		return nil, party.Plan{}, err
	}
	plan, err := party.Merge(have, places, parties, regions, now)
	return have, plan, err
}

// ImportParties is the act of taking parties and regions over from an import, by the rules of party.Merge: all of it
// or, with Problems as the error, none. An import that changes nothing is no act. Open findings keep their party
// until Reattribute.
func (l *Loop) ImportParties(ctx context.Context, now time.Time, by access.Actor, parties []party.Party, regions []party.Region) (party.Plan, error) {
	var plan party.Plan
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		have, p, err := planImport(ctx, tx, now, parties, regions)
		if plan = p; err != nil || len(p.Changes) == 0 {
			return err
		}
		old := make(map[ident.Party]party.Party, len(have))
		for _, h := range have {
			old[h.ID] = h
		}
		for i := range p.Parties {
			q := &p.Parties[i]
			q.Adopt(old[q.ID], ident.New)
			if err := tx.PutParty(ctx, now, *q); err != nil {
				return err
			}
		}
		for _, g := range p.Regions {
			if err := tx.PutRegion(ctx, g); err != nil {
				return err
			}
		}
		return recordParties(ctx, tx, now, by, "party.import", access.On("parties"), "", &p)
	})
	if err != nil {
		return party.Plan{}, fmt.Errorf("import parties: %w", err)
	}
	return plan, nil
}

// PutParty is the desk's act of writing one party as a whole. What it lacks of contacts and systems goes; resources
// that it lacks end at now. Members without an ID that match what is there take over its ID.
func (l *Loop) PutParty(ctx context.Context, now time.Time, by access.Actor, p party.Party) (party.Party, error) {
	p, err := p.Canonical()
	if err != nil {
		return party.Party{}, err
	}
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		old, err := tx.PartyByID(ctx, p.ID)
		if err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		if err := knownRegion(ctx, tx, p.Region); err != nil {
			return err
		}
		p.Adopt(old, ident.New)
		plan := party.Plan{Parties: []party.Party{p}, Changes: party.Diff(old, p, now)}
		if err := tx.PutParty(ctx, now, p); err != nil {
			return err
		}
		return recordParties(ctx, tx, now, by, "party.put", access.On("party:"+string(p.ID)), "desk", &plan)
	})
	if err != nil {
		return party.Party{}, fmt.Errorf("put party %s: %w", p.ID, err)
	}
	return p, nil
}

func knownRegion(ctx context.Context, tx *store.Tx, id string) error {
	if id == "" {
		return nil
	}
	regions, err := tx.Regions(ctx)
	if err != nil {
		return err
	}
	for _, g := range regions {
		if g.ID == id {
			return nil
		}
	}
	return fault.New(fault.Invalid, "region: there is no region %s", id)
}

// EndParty is the desk's act, approving what proposed wanted, that a party is no more: its resources end at now. Its findings are re-attributed by
// Reattribute. fault.Conflict where it is the default contact of a region.
func (l *Loop) EndParty(ctx context.Context, now time.Time, by access.Actor, proposed string, id ident.Party) error {
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		regions, err := tx.Regions(ctx)
		if err != nil {
			return err
		}
		for _, g := range regions {
			if g.Default == id {
				return fault.New(fault.Conflict, "%s is the default contact of region %s; name another one first", id, g.ID)
			}
		}
		if err := tx.EndParty(ctx, now, id); err != nil {
			return err
		}
		return recordParties(ctx, tx, now, by, "party.end", access.Object{Name: "party:" + string(id), Proposed: proposed}, "desk", &party.Plan{})
	})
	if err != nil {
		return fmt.Errorf("end party %s: %w", id, err)
	}
	return nil
}

// partyEntry is the body of an entry about parties: counts, and a digest of what was written without the contacts,
// which are personal data.
type partyEntry struct {
	Changes map[string]int `json:"changes"` // "added resource": 3
	Digest  string         `json:"sha256"`  // of the CSV export without contacts
}

// recordParties appends the act's entry and makes it the version of the register.
func recordParties(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, act string, on access.Object, reason string, p *party.Plan) error {
	bare := make([]party.Party, len(p.Parties))
	for i, q := range p.Parties {
		q.Contacts = nil
		bare[i] = q
	}
	var text bytes.Buffer
	if err := party.Write(&text, party.CSV, bare, p.Regions, now); err != nil {
		return err
	}
	sum := sha256.Sum256(text.Bytes())
	e := partyEntry{Changes: map[string]int{}, Digest: hex.EncodeToString(sum[:])}
	for _, c := range p.Changes {
		e.Changes[string(c.Do)+" "+c.What]++
	}
	seq, err := tx.Append(ctx, now, by, act, on, reason, e)
	if err != nil {
		return err
	}
	return tx.SetPartyVersion(ctx, seq)
}

// ExportParties writes every party and region in format f.
func (l *Loop) ExportParties(ctx context.Context, now time.Time, w io.Writer, f party.Format) error {
	var parties []party.Party
	var regions []party.Region
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		parties, regions, err = registered(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	return party.Write(w, f, parties, regions, now)
}
