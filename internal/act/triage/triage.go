// Package triage owns what the authority's people do at their desk all day: the queue of what waits, the acts that settle
// its items one by one or many at once, taking such an act back, searching, and views that are kept.
//
// Every act on an item leaves one entry in the ledger and, beside it, what it takes to undo it. Acts done together share a
// batch. What other operations have waiting (reports, changes of the register) pages add with Row and Sort.
package triage

import (
	"context"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Registry is what triage asks about parties.
type Registry interface {
	// Register returns the register of parties as valid at an instant.
	Register(ctx context.Context, now time.Time) (*party.Register, error)
}

// Desk carries out the operations. It is safe for use by many goroutines.
type Desk struct {
	store    *store.Store
	registry Registry
	zone     *time.Location
}

// New makes the desk of an installation in a time zone.
func New(s *store.Store, r Registry, zone *time.Location) *Desk {
	if zone == nil {
		zone = time.UTC
	}
	return &Desk{s, r, zone}
}

// reading is one look into the store.
type reading struct {
	*access.Reader
	at  time.Time
	why access.Purpose
}

func reads(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor) (reading, error) {
	r, err := tx.Reader(ctx, by, now)
	return reading{r, now, by.Why()}, err
}

func (r reading) may(kind access.ThingKind) access.Cond {
	return access.Readable(r.Reader, kind, r.at, r.why)
}

// works reports whether the reader sees what waits for the desk.
func (r reading) works() bool {
	return access.Can(r.Reader, access.Thing{Kind: access.Work}, r.at, r.why)
}

// sees is nil where the reader may read a finding, else what is told of one that is not there.
func (r reading) sees(ctx context.Context, tx *store.Tx, f *store.Finding) (bool, error) {
	t, err := tx.ThingOf(ctx, f)
	return err == nil && access.Can(r.Reader, t, r.at, r.why), err
}

// maxReason bounds the bytes of a reason that a person writes.
const maxReason = 2000

func checkReason(text string) error {
	if text == "" || len(text) > maxReason {
		return fault.New(fault.Invalid, "reason: 1 to %d bytes were expected", maxReason)
	}
	return nil
}

// names returns what parties are called.
func names(ctx context.Context, tx *store.Tx, ids ...ident.Party) (map[ident.Party]string, error) {
	return tx.PartyNamesOf(ctx, ids)
}
