package triage

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/store"
)

// Exported writes down that a list of the desk left the program as a file with so many rows, before the first byte goes.
// fault.Denied where by may not export.
func (d *Desk) Exported(ctx context.Context, now time.Time, by access.Actor, list string, rows, withheld int) error {
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Append(ctx, now, by, "list.export", access.On(list), "desk", struct {
			Rows     int `json:"rows"`
			Withheld int `json:"withheld,omitempty"`
		}{rows, withheld})
		return err
	})
	if err != nil {
		return fmt.Errorf("export %s: %w", list, err)
	}
	return nil
}
