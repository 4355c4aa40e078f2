package record

import (
	"strings"
	"time"

	"tocsin/internal/store"
)

// schema compares the schema with the one that this program makes: a table, a column, an index, a trigger or a view too
// many, one that is missing, and one with another text.
func (v *verifier) schema() error {
	extra, missing, changed, err := v.tx.SchemaChanges(v.ctx)
	if err != nil {
		return err
	}
	for _, l := range []struct {
		parts []store.Part
		what  string
	}{{extra, "is there, and this program does not make it"}, {missing, "is missing"}, {changed, "was changed"}} {
		if len(l.parts) > 0 {
			p := l.parts[0]
			return wrong("schema: %s of %s %s (%d such)", p.What, p.Table, l.what, len(l.parts))
		}
	}
	return nil
}

// strays looks for files of the archive that no signal names. One that arrives meanwhile is no stray: its signal may be
// there by now, which a look at the database as it is now tells.
func (v *verifier) strays() error {
	return v.archive.Walk(func(path, hash string, at time.Time) error {
		if strings.HasPrefix(path, "tmp_") && v.evidence.Now.Sub(at) < time.Hour {
			return nil
		}
		if hash != "" {
			if ok, err := v.tx.NamesBlob(v.ctx, hash); err != nil || ok {
				return err
			}
			ok := false
			err := v.store.View(v.ctx, func(tx *store.Tx) (err error) {
				ok, err = tx.NamesBlob(v.ctx, hash)
				return err
			})
			if err != nil || ok {
				return err
			}
		}
		return wrong("archive: no signal names the file %s", path)
	})
}
