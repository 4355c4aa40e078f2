// Package store holds all SQL of Tocsin, a file per concept, on SQLite and PostgreSQL.
//
// It owns transactions, the schema and the mapping of rows to domain types. It decides nothing: rules live in the
// domain packages, operations in act. Methods of Tx are grouped by concept in files of that name.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// Store is an open database. It is safe for use by many goroutines.
type Store struct {
	read    *sql.DB
	write   *sql.DB
	dialect dialect
	dsn     string
	plans   []statistic // what the planner is told; nil: it knows better itself
	floors  *floors
	held    chan struct{} // one for each snapshot that holds a connection
}

// Tx is one transaction. Reads and writes of every concept are its methods; it must not outlive its function.
type Tx struct {
	tx      *sql.Tx
	d       dialect
	floors  *floors
	stamp   int64                // mark of this transaction, known once it has appended to the ledger
	entries int                  // appended to the ledger
	changed bool                 // a row outside the ledger was written
	tally   map[tallyKey]int64   // changes of the rollups that are not written yet
	entry   int64                // newest that this transaction appended; 0: none
	touched map[coverKey]touched // covered rows that were written, and are not covered yet
	said    map[any]any          // what a snapshot has answered; nil: what is asked again is read again
}

// maxRetries bounds how often Update runs its function again after a serialization failure.
const maxRetries = 20

// Open opens the database at dsn and migrates it. A dsn starting with postgres:// or postgresql:// is PostgreSQL;
// anything else is the path of a SQLite file, created when absent.
func Open(ctx context.Context, dsn string) (*Store, error) {
	s, err := openAny(dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate: %w", err), s.Close())
	}
	if err := s.foldNames(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate: %w", err), s.Close())
	}
	if err := s.fixPlans(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openAny(dsn string) (*Store, error) {
	if isPostgres(dsn) {
		return openPostgres(dsn)
	}
	return openSQLite(dsn)
}

func isPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// Close closes all connections.
func (s *Store) Close() error {
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// Update runs f in one write transaction: serializable with retry on PostgreSQL, the single writer on SQLite.
// f may run several times and must have no effect outside the transaction until Update returns nil. An error on
// commit means that the outcome is unknown; idempotency keys make a retry safe.
//
// A transaction that changes something and leaves no entry in the ledger is refused: see Keep.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) error {
	return s.update(ctx, func(tx *Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		if tx.changed && tx.entries == 0 {
			return errNoEntry
		}
		return nil
	})
}

// errNoEntry says that a change would have left no entry in the ledger: a broken program.
var errNoEntry = errors.New("a change without an entry in the ledger")

// Keep is Update for what is no act: bookkeeping of work under way (leases, cursors, counters, schedules) and what
// follows from entries already written. The house holds the list of its callers.
func (s *Store) Keep(ctx context.Context, f func(*Tx) error) error { return s.update(ctx, f) }

func (s *Store) update(ctx context.Context, f func(*Tx) error) error {
	return s.again(ctx, s.dialect.writeOptions(), f)
}

func (s *Store) again(ctx context.Context, o *sql.TxOptions, f func(*Tx) error) error {
	n := s.snapshotOf(ctx)
	n.written() // its connection may be the one that this waits for
	defer n.written()
	for try := 0; ; try++ {
		err := s.once(ctx, s.write, o, f)
		if err == nil || try == maxRetries || !s.dialect.retryable(err) {
			return s.dialect.outage(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(1+try*try) * time.Millisecond):
		}
	}
}

func (s *Store) once(ctx context.Context, db *sql.DB, o *sql.TxOptions, f func(*Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit this is a no-op; after a failure the first error counts
	t := s.newTx(tx)
	if err := f(t); err != nil {
		return err
	}
	if err := errors.Join(t.flushTally(ctx), t.cover(ctx)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *Store) newTx(tx *sql.Tx) *Tx { return &Tx{tx: tx, d: s.dialect, floors: s.floors} }

// exec runs one statement and classifies its error.
func (t *Tx) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	var r sql.Result
	var err error
	if c := changes(query); c != nil {
		r, err = t.execCovered(ctx, c, query, args)
	} else {
		r, err = t.tx.ExecContext(ctx, query, args...)
	}
	if err != nil {
		return r, t.classify(err)
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		t.changed = true
	}
	return r, nil
}

// writing is the transaction for a change that exec cannot make: a prepared statement, or one that returns rows.
func (t *Tx) writing() *sql.Tx {
	t.changed = true
	return t.tx
}

// returning runs a change that returns one row and scans it into dest; fault.NotFound where there is none.
// It is not for covered columns, whose rows exec sees.
func (t *Tx) returning(ctx context.Context, query string, args []any, dest ...any) error {
	if c := changes(query); c != nil {
		return fmt.Errorf("a change of %s that is not covered", c.Table)
	}
	return t.classify(t.writing().QueryRowContext(ctx, query, args...).Scan(dest...))
}

// row scans one row into dest; fault.NotFound where there is none.
func (t *Tx) row(ctx context.Context, query string, args []any, dest ...any) error {
	return t.classify(t.tx.QueryRowContext(ctx, query, args...).Scan(dest...))
}

// each calls scan for every row of the query.
func (t *Tx) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := t.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return t.classify(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return t.classify(rows.Err())
}

func (t *Tx) classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fault.NotFound
	case t.d.duplicate(err):
		return fmt.Errorf("%w: %w", fault.Exists, err)
	}
	return err
}

// Micros is an instant as the database keeps it: microseconds UTC since 1970.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Instant is the inverse of Micros.
func Instant(us int64) time.Time { return time.UnixMicro(us).UTC() }

// optional turns the zero time into null.
func optional(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// instant reads a nullable column written by optional.
func instant(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return Instant(n.Int64)
}
