package upkeep

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// Limits of what is removed.
const (
	RejectedDays = 90   // how long rejected rows are kept after their signal came
	pruneRows    = 5000 // removed in one transaction
)

// PruneRejected removes rejected rows of the oldest signal whose time is over, at most 5,000 a call, and returns their
// number. The signal itself stays in the archive.
func (u *Upkeep) PruneRejected(ctx context.Context, now time.Time) (int, error) {
	var id ident.Signal
	var rows int64
	err := u.store.Update(ctx, func(tx *store.Tx) (err error) {
		id, rows, err = tx.PruneRejected(ctx, now.AddDate(0, 0, -RejectedDays), pruneRows)
		if err != nil || rows == 0 {
			return err
		}
		_, err = tx.Append(ctx, now, access.ForSoftware("upkeep"), "signal.prune", access.On(fmt.Sprintf("signal:%d", id)), "",
			struct {
				Rows int64 `json:"rows"`
			}{rows})
		return err
	})
	return int(rows), err
}
