package store

import (
	"context"
	"database/sql"

	"tocsin/internal/party"
)

// namesFolded is the setting that says by which rules the names of parties are folded for searches. No database folds
// letters beyond ASCII as another does, so that this is no migration in SQL.
const (
	namesFolded = "names_folded"
	foldRules   = "1"
)

// foldNames folds the names of the parties that an older version folded otherwise.
func (s *Store) foldNames(ctx context.Context) error {
	var done string
	err := s.View(ctx, func(tx *Tx) (err error) {
		done, err = tx.Setting(ctx, namesFolded)
		return err
	})
	if err != nil || done == foldRules {
		return err
	}
	return s.Keep(ctx, func(tx *Tx) error {
		var all []party.Party
		err := tx.each(ctx, "select id, name, sector, region from party", nil, func(r *sql.Rows) error {
			var p party.Party
			err := r.Scan(&p.ID, &p.Name, &p.Sector, &p.Region)
			all = append(all, p)
			return err
		})
		if err != nil {
			return err
		}
		for i := range all {
			if _, err := tx.exec(ctx, "update party set words = $1 where id = $2", all[i].Words(), all[i].ID); err != nil {
				return err
			}
		}
		return tx.PutSetting(ctx, namesFolded, foldRules)
	})
}
