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
	_, err := t.exec(ctx, query, args...)
	return err
}
