package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"tocsin/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies every migration that the database has not seen, in order of name, one transaction each. A
// migration that was applied with another text is an error: migrations go forward and are never edited once released.
func (s *Store) migrate(ctx context.Context) error { return s.migrateTo(ctx, "\xff") }

// migrateTo stops before the first migration whose name is behind last.
func (s *Store) migrateTo(ctx context.Context, last string) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	err = s.Keep(ctx, func(tx *Tx) error {
		if err := tx.lockMigrations(ctx); err != nil {
			return err
		}
		_, err := tx.exec(ctx, tx.d.translate("create table if not exists migration (\n  name text primary key,\n  checksum text not null\n)"))
		return err
	})
	if err != nil {
		return err
	}
	if err := s.Keep(ctx, func(tx *Tx) error { return tx.noNewer(ctx) }); err != nil {
		return err
	}
	for _, name := range names {
		if strings.TrimPrefix(name, "migrations/") > last {
			break
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if err := s.apply(ctx, strings.TrimPrefix(name, "migrations/"), string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// noNewer refuses a database that a newer program has migrated: this one does not know what its tables mean.
func (t *Tx) noNewer(ctx context.Context) error {
	known, err := releases()
	if err != nil {
		return err
	}
	return t.each(ctx, "select name from migration order by name", nil, func(r *sql.Rows) error {
		var name string
		if err := r.Scan(&name); err != nil {
			return err
		}
		if known[name] == "" {
			return fault.New(fault.Conflict, "the database has a newer schema (%s) than this program: start the newer program, or restore a backup from before", name)
		}
		return nil
	})
}

func (s *Store) apply(ctx context.Context, name, text string) error {
	digest := sha256.Sum256([]byte(text))
	sum := hex.EncodeToString(digest[:])
	return s.Keep(ctx, func(tx *Tx) error {
		if err := tx.lockMigrations(ctx); err != nil {
			return err
		}
		var have string
		err := tx.row(ctx, "select checksum from migration where name = $1", []any{name}, &have)
		switch {
		case err == nil && have == sum:
			return nil
		case err == nil:
			return fault.New(fault.Conflict, "migration %s was applied with another text: this database belongs to another release", name)
		case !errors.Is(err, fault.NotFound):
			return err
		}
		for stmt := range strings.SplitSeq(text, ";\n") {
			ddl := tx.d.translate(strings.TrimSpace(stmt))
			if ddl == "" {
				continue
			}
			if _, err := tx.writing().ExecContext(ctx, ddl); err != nil { // not exec: a table may not have its covered columns yet
				return err
			}
		}
		_, err = tx.exec(ctx, "insert into migration (name, checksum) values ($1, $2)", name, sum)
		return err
	})
}
