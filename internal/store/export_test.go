package store

import "context"

// OpenAt opens a database and migrates it only up to a migration.
func OpenAt(ctx context.Context, dsn, last string) (*Store, error) {
	s, err := openAny(dsn)
	if err != nil {
		return nil, err
	}
	return s, s.migrateTo(ctx, last)
}

// Exec runs one statement, as a migration or another program would.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) error {
	r, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return t.classify(err)
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		t.changed = true
	}
	return nil
}

// SchemaOf returns the parts of a database's schema.
func SchemaOf(ctx context.Context, s *Store) (out []Part, err error) {
	err = s.View(ctx, func(tx *Tx) (err error) {
		out, err = tx.schema(ctx)
		return err
	})
	return out, err
}
