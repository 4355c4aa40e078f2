package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is where the two engines differ; everything else in this package is one text for both.
type dialect int

const (
	onSQLite dialect = iota
	onPostgres
)

// heldAtOnce is how many snapshots hold a connection at once: as many as a listener makes pages.
func heldAtOnce() int { return max(3, runtime.GOMAXPROCS(0)+1) }

// liteReaders is how many readers SQLite has: more would only wait for the processor. Those that no snapshot can hold are for
// Views that come to their end by themselves, so that whatever a snapshot's holder waits for goes on.
func liteReaders() int { return heldAtOnce() + 2 }

// openSQLite opens one writer and a pool of readers. synchronous=FULL: what is committed survives a power cut.
func openSQLite(path string) (*Store, error) {
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	dsn := "file:" + escapePath(path) + "?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=wal_autocheckpoint(8000)&_pragma=temp_store(MEMORY)"
	writer, err := newKeeping(dsn + "&_txlock=immediate&_pragma=cache_size(-49152)")
	if err != nil {
		return nil, err
	}
	reader, err := newKeeping(dsn + "&_pragma=query_only(1)&_pragma=cache_size(-16384)")
	if err != nil {
		return nil, err
	}
	write, read := sql.OpenDB(writer), sql.OpenDB(reader)
	write.SetMaxOpenConns(1)
	read.SetMaxOpenConns(liteReaders())
	read.SetMaxIdleConns(liteReaders()) // a connection that is opened anew has read nothing of the schema and has an empty cache
	return &Store{read: read, write: write, dialect: onSQLite, dsn: path, plans: statistics, floors: &floors{}, held: make(chan struct{}, heldAtOnce())}, nil
}

// makePrivate makes a file for its owner alone where it is not there. SQLite gives the files beside it the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// escapePath makes a file name safe inside SQLite's file: URI.
func escapePath(path string) string { return strings.ReplaceAll(url.PathEscape(path), "%2F", "/") }

// openPostgres opens a pool. Its statements are planned once each: to plan for the values of every call takes longer than
// most of them run, and a page would have one plan today and another tomorrow. Such a plan takes a limit for a tenth of what
// there is and a span with one end for a third: where that leads astray, as it does with a join, the text says more. A dsn
// may say otherwise.
func openPostgres(dsn string) (*Store, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	if config.RuntimeParams["plan_cache_mode"] == "" {
		config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	}
	db := stdlib.OpenDB(*config)
	most := heldAtOnce() + 16
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return &Store{read: db, write: db, dialect: onPostgres, dsn: dsn, floors: &floors{}, held: make(chan struct{}, heldAtOnce())}, nil
}

func (d dialect) writeOptions() *sql.TxOptions {
	if d == onPostgres {
		return &sql.TxOptions{Isolation: sql.LevelSerializable}
	}
	return nil
}

func (d dialect) readOptions() *sql.TxOptions {
	if d == onPostgres {
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return nil
}

// counted are the keys whose numbers are one more than the highest: two transactions that took the same one at once
// may hear of the double key before they hear of the conflict.
var counted = map[string]bool{
	"signal_pkey": true, "stream_pkey": true, "journal_pkey": true, "finding_pkey": true,
	"place_pkey": true, "rule_pkey": true, "place_entry_id_key": true, "tree_pkey": true,
}

// retryable reports a failure that running the transaction again may mend: PostgreSQL's serialization failure and
// deadlock, SQLite's busy.
func (d dialect) retryable(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "23505" && counted[pg.ConstraintName]
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// duplicate reports a broken unique constraint.
func (d dialect) duplicate(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) &&
		(lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// translate rewrites the column types of one statement of a migration for the engine. SQLite's tables become STRICT,
// and those whose key has several columns and whose rows are small lose the rowid that they have no use for.
func (d dialect) translate(ddl string) string {
	if d == onPostgres {
		return ddl
	}
	if strings.HasPrefix(ddl, "create sequence ") || strings.HasPrefix(ddl, "select setval(") {
		return "" // one writer needs none
	}
	if strings.Contains(ddl, " set (autovacuum_") {
		return "" // a row that is deleted is gone
	}
	if strings.HasSuffix(ddl, ` collate "C"`) {
		return "" // text is compared byte by byte as it is
	}
	end := ") strict"
	if strings.Contains(ddl, "\n  primary key (") && !strings.Contains(ddl, " bytea") {
		end += ", without rowid"
	}
	for _, p := range [][2]string{
		{" bigint", " integer"},
		{" boolean", " integer"},
		{" double precision", " real"},
		{" bytea", " blob"},
		{" jsonb", " text"},
	} {
		ddl = strings.ReplaceAll(ddl, p[0], p[1])
	}
	if body, ok := strings.CutSuffix(ddl, "\n)"); ok {
		ddl = body + "\n" + end
	}
	return ddl
}

// lockMigrations keeps two starting processes from migrating at once; SQLite's single writer does so by itself.
func (t *Tx) lockMigrations(ctx context.Context) error {
	if t.d != onPostgres {
		return nil
	}
	if _, err := t.exec(ctx, "select pg_advisory_xact_lock(7274001)"); err != nil {
		return fmt.Errorf("lock migrations: %w", err)
	}
	return nil
}

// nextEntry returns what stands in an insert for the id of the next ledger entry and for the mark of this transaction. Ids
// of one finding's changes rise in the order of their commits on both engines; on PostgreSQL entries of others may become
// visible out of order, which is what marks and Horizon are for.
func (d dialect) nextEntry() (id, mark string) {
	if d == onPostgres {
		return "nextval('entry_id')", "pg_current_xact_id()::text::bigint"
	}
	const next = "(select coalesce(max(id), 0) + 1 from entry)"
	return next, next
}

func (d dialect) horizon(ctx context.Context, t *Tx) (mark int64, err error) {
	query := "select coalesce(max(id), 0) + 1 from entry"
	if d == onPostgres {
		query = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
	}
	return mark, t.row(ctx, query, nil, &mark)
}

// engineQueries select, for each dialect in its order, the engine's name with version and the bytes of the database.
var engineQueries = [...]string{
	"select 'SQLite ' || sqlite_version(), (select page_count from pragma_page_count) * (select page_size from pragma_page_size)",
	"select 'PostgreSQL ' || current_setting('server_version'), pg_database_size(current_database())",
}
