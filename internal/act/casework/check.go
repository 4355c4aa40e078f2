package casework

import (
	"context"
	"errors"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/report"
	"tocsin/internal/store"
)

// CheckContacts opens the sealed address of every report that has one, and looks that nobody can open one that was
// erased: fault.Conflict names the first report where it is otherwise.
func (c *Casework) CheckContacts(ctx context.Context) error {
	return c.store.View(ctx, func(tx *store.Tx) error {
		after := ident.Report("")
		for {
			list, err := tx.ReportsAfter(ctx, after, 1000)
			if err != nil || len(list) == 0 {
				return err
			}
			for i := range list {
				if err := c.checkContact(ctx, tx, &list[i]); err != nil {
					return err
				}
				after = list[i].ID
			}
		}
	})
}

func (c *Casework) checkContact(ctx context.Context, tx *store.Tx, r *report.Report) error {
	e, err := tx.NewestOf(ctx, object(r.ID))
	if errors.Is(err, fault.NotFound) && !r.Contact {
		return nil
	}
	if err == nil {
		_, err = tx.OpenPayload(ctx, c.set.Key, e.ID)
	}
	switch {
	case r.Contact && err != nil:
		return fault.New(fault.Conflict, "the address of report %s cannot be opened: %v", r.ID, err)
	case !r.Contact && !errors.Is(err, fault.Expired):
		return fault.New(fault.Conflict, "the address of report %s was erased, and is still there", r.ID)
	}
	return nil
}
