package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"tocsin/internal/fault"
)

// CopySQLite writes the state of the SQLite database at from, as one transaction sees it, into the new file to, and makes
// the file durable. Whoever has the database open goes on meanwhile. fault.NotFound where there is no database,
// fault.Exists where to is there.
func CopySQLite(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return fault.New(fault.NotFound, "%s: there is no database", from)
	}
	if _, err := os.Stat(to); err == nil {
		return fault.New(fault.Exists, "%s is there already", to)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // VACUUM INTO takes an empty file, and keeps its mode
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+escapePath(from)+"?mode=ro&_pragma=busy_timeout(60000)")
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	_, err = db.ExecContext(ctx, "vacuum into ?", to)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return syncFile(to)
}

// ExportSnapshot returns the name by which another session of a PostgreSQL sees what this transaction sees, as long as it lasts.
func (t *Tx) ExportSnapshot(ctx context.Context) (string, error) {
	var name string
	if err := t.row(ctx, "select pg_export_snapshot()", nil, &name); err != nil {
		return "", fmt.Errorf("export the snapshot: %w", err)
	}
	return name, nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
