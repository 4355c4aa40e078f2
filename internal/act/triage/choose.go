package triage

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// PartyName is a party's id with its name.
type PartyName = store.PartyName

// maxChoices is how many parties a list offers to choose from; where there are more, people name one.
const maxChoices = 100

// sameNames is how many parties of one name a mistake tells apart.
const sameNames = 5

// Choices returns the parties by name where there are few enough to choose from a list; none where there are more, and to
// whoever may not see the register.
func (d *Desk) Choices(ctx context.Context, now time.Time, by access.Actor) ([]PartyName, error) {
	var out []PartyName
	err := d.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by)
		if err != nil || !r.parties() {
			return err
		}
		out, err = tx.FirstParties(ctx, maxChoices+1)
		return err
	})
	if err != nil || len(out) > maxChoices {
		return nil, err
	}
	return out, nil
}

// Ambiguous says that several parties have the name that was asked for.
type Ambiguous struct {
	Name string
	IDs  []ident.Party // at most sameNames
}

func (a *Ambiguous) Error() string {
	return fmt.Sprintf("%d or more parties are called %q: %v", len(a.IDs), a.Name, a.IDs)
}

// Unwrap makes it a fault.Invalid.
func (a *Ambiguous) Unwrap() error { return fault.Invalid }

// Called returns the party that a person named by its id or exactly by its name; fault.NotFound where there is none that by
// may see, an *Ambiguous where there are several.
func (d *Desk) Called(ctx context.Context, now time.Time, by access.Actor, text string) (PartyName, error) {
	var found []PartyName
	err := d.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by)
		if err != nil || !r.parties() {
			return err
		}
		found, err = tx.PartiesCalled(ctx, text, sameNames)
		return err
	})
	switch {
	case err != nil:
		return PartyName{}, err
	case len(found) == 0:
		return PartyName{}, fault.New(fault.NotFound, "no party is called %q", text)
	case len(found) > 1:
		a := &Ambiguous{Name: text}
		for _, p := range found {
			a.IDs = append(a.IDs, p.ID)
		}
		return PartyName{}, a
	}
	return found[0], nil
}
