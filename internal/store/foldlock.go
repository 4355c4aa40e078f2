package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// foldLockNumber is the advisory lock of the process that folds.
const foldLockNumber = 7274002

// foldTerm names the setting that counts how often the fold changed hands.
const foldTerm = "fold_term"

// LockFold makes this process the one that folds until unlock is called or the process ends, however it ends.
// fault.Conflict where another process is. term is for CheckFold: on PostgreSQL a lost connection gives the lock away
// unseen.
func (s *Store) LockFold(ctx context.Context) (unlock func() error, term string, err error) {
	db, taken, err := s.dialect.tryFoldLock(ctx, s)
	if err != nil {
		return nil, "", fmt.Errorf("lock the fold: %w", err)
	}
	if !taken {
		return nil, "", fault.New(fault.Conflict, "another process folds for this database")
	}
	term = ident.New("term")
	err = s.Keep(ctx, func(tx *Tx) error { return tx.PutSetting(ctx, foldTerm, term) })
	if err != nil {
		return nil, "", fmt.Errorf("lock the fold: %w", errors.Join(err, db.Close()))
	}
	return func() error { return s.dialect.freeFoldLock(db) }, term, nil //nolint:contextcheck // the lock outlives the call that took it
}

// CheckFold makes sure, in the transaction of a fold, that the fold has not changed hands since LockFold returned
// term; fault.Conflict where it has.
func (t *Tx) CheckFold(ctx context.Context, term string) error {
	now, err := t.Setting(ctx, foldTerm)
	if err == nil && now != term {
		err = fmt.Errorf("the fold has changed hands: %w", fault.Conflict)
	}
	return err
}

// freeFoldLock gives the lock away before it closes the connection, which the server may notice later.
func (d dialect) freeFoldLock(db *sql.DB) error {
	query, args := "rollback", []any(nil)
	if d == onPostgres {
		query, args = "select pg_advisory_unlock($1, hashtext(current_schema()))", []any{foldLockNumber}
	}
	_, err := db.ExecContext(context.Background(), query, args...)
	return errors.Join(err, db.Close())
}

// tryFoldLock holds the lock on a connection of its own: an exclusive transaction on a small file beside a SQLite
// database, an advisory lock on PostgreSQL. Both end with the process.
func (d dialect) tryFoldLock(ctx context.Context, s *Store) (db *sql.DB, taken bool, err error) {
	driver, dsn, query := "sqlite", "file:"+escapePath(s.dsn+"-fold")+"?_pragma=busy_timeout(0)", "begin exclusive"
	if d == onPostgres {
		driver, dsn, query = "pgx", s.dsn, "select 1 where pg_try_advisory_lock($1, hashtext(current_schema()))"
	} else if err := makePrivate(s.dsn + "-fold"); err != nil {
		return nil, false, err
	}
	db, err = sql.Open(driver, dsn)
	if err != nil {
		return nil, false, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	defer func() {
		if !taken {
			err = errors.Join(err, db.Close())
		}
	}()
	if d == onPostgres {
		var one int
		err = db.QueryRowContext(ctx, query, foldLockNumber).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return db, false, nil
		}
		return db, err == nil, err
	}
	if _, err = db.ExecContext(ctx, query); d.retryable(err) {
		return db, false, nil
	}
	return db, err == nil, err
}
