package exposure

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/marking"
	"tocsin/internal/store"
)

// File is a list of a party's findings on its way out of the program.
type File struct {
	Rows     []Row
	Withheld int  // marked too strictly for a file
	Cut      bool // the limit cut it short
}

// exportStep is how many findings one transaction of a file reads.
const exportStep = 500

// Export returns at most limit findings of by's party for a file, the newest first, with the entry of the ledger that says
// so. Numbers that nobody may take along are counted, not named.
func (e *Exposure) Export(ctx context.Context, now time.Time, by access.Actor, q Query, limit int) (File, error) {
	var f File
	ids, err := e.IDs(ctx, now, by, q, limit+1)
	if err != nil {
		return f, err
	}
	if f.Cut = len(ids) > limit; f.Cut {
		ids = ids[:limit]
	}
	for some := range slices.Chunk(ids, exportStep) {
		rows, err := e.Some(ctx, now, by, some)
		if err != nil {
			return f, err
		}
		slices.Reverse(rows) // they come by number
		for i := range rows {
			if marking.Leave(marking.ExportFile, rows[i].Mark, true) != nil {
				f.Withheld++
				continue
			}
			f.Rows = append(f.Rows, rows[i])
		}
	}
	err = e.store.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Append(ctx, now, by, "exposure.export", access.Of(by.Party, "party:"+string(by.Party)), "", struct {
			Rows     int `json:"rows"`
			Withheld int `json:"withheld,omitempty"`
		}{len(f.Rows), f.Withheld})
		return err
	})
	if err != nil {
		return File{}, fmt.Errorf("export the findings of %s: %w", by.Party, err)
	}
	return f, nil
}
