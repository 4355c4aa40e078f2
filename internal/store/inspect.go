package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"tocsin/internal/fault"
)

// Inspect opens the database at dsn to read it and nothing else: it makes no file, migrates nothing and changes nothing,
// also where the folder cannot be written to and beside a running server. A database of another release is
// fault.Conflict, and the error says which of the two is the older one.
func Inspect(ctx context.Context, dsn string) (*Store, error) {
	s, err := inspectAny(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := s.View(ctx, func(tx *Tx) error { return tx.sameRelease(ctx) }); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func inspectAny(ctx context.Context, dsn string) (*Store, error) {
	if isPostgres(dsn) {
		return openPostgres(dsn) // a View is a read-only transaction there
	}
	if _, err := os.Stat(dsn); err != nil {
		return nil, fault.New(fault.NotFound, "%s: there is no database", dsn)
	}
	s, err := inspectSQLite(dsn, "")
	if err != nil {
		return nil, err
	}
	err = s.View(ctx, func(tx *Tx) error { var n int; return tx.row(ctx, "select count(*) from sqlite_master", nil, &n) })
	if err == nil {
		return s, nil
	}
	// Without its side files, and in a folder where none can be made, it is read as a file that nobody changes.
	if info, lost := os.Stat(dsn + "-wal"); lost == nil && info.Size() > 0 {
		return nil, errors.Join(fault.New(fault.Conflict, "%s cannot be read where its folder cannot be written to: it was not closed, and %s-wal holds changes", dsn, filepath.Base(dsn)), err, s.Close())
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return inspectSQLite(dsn, "&immutable=1")
}

func inspectSQLite(path, more string) (*Store, error) {
	reader, err := newKeeping("file:" + escapePath(path) + "?mode=ro" + more + "&_pragma=busy_timeout(60000)&_pragma=query_only(1)" +
		"&_pragma=temp_store(MEMORY)&_pragma=cache_size(-16384)")
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(reader)
	db.SetMaxOpenConns(liteReaders())
	return &Store{read: db, write: db, dialect: onSQLite, dsn: path, floors: &floors{}, held: make(chan struct{}, heldAtOnce())}, nil
}

// sameRelease compares the migrations that the database has seen with those of this program.
func (t *Tx) sameRelease(ctx context.Context) error {
	want, err := releases()
	if err != nil {
		return err
	}
	var have []string
	err = t.each(ctx, "select name, checksum from migration order by name", nil, func(r *sql.Rows) error {
		var name, sum string
		err := r.Scan(&name, &sum)
		switch known := want[name]; {
		case err != nil:
			return err
		case known == "":
			return fault.New(fault.Conflict, "the database has a newer schema (%s) than this program: verify it with the newer program", name)
		case known != sum:
			return fault.New(fault.Conflict, "migration: %s was applied with another text: this database belongs to another release, or was changed", name)
		}
		have = append(have, name)
		return nil
	})
	if err != nil {
		if _, ours := fault.Message(err); ours {
			return err
		}
		return fault.New(fault.Conflict, "migration: this is no database of Tocsin, or it was changed: %v", err)
	}
	for name := range want {
		if !slices.Contains(have, name) {
			return fault.New(fault.Conflict, "the database has an older schema (without %s) than this program: start this program on it once, or verify it with the older one", name)
		}
	}
	return nil
}

// releases are the migrations of this program by name, with their checksums.
func releases() (map[string]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		out[strings.TrimPrefix(name, "migrations/")] = hex.EncodeToString(sum[:])
	}
	return out, nil
}

// Part is one part of a schema: a table, a column, an index, a trigger or a view.
type Part struct {
	Table string
	What  string // "table", "column NAME", "index NAME", "trigger NAME", "view NAME"
	Text  string // what makes it, as far as the engine keeps that; empty where it does not
}

// freshSchema is the schema that this program makes on SQLite.
var freshSchema = sync.OnceValues(func() ([]Part, error) {
	ctx := context.Background()
	c, err := newKeeping("file:schema?mode=memory")
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	s := &Store{read: db, write: db, dialect: onSQLite, floors: &floors{}, held: make(chan struct{}, 1)}
	err = s.migrate(ctx)
	var out []Part
	if err == nil {
		err = s.View(ctx, func(tx *Tx) (err error) {
			out, err = tx.schema(ctx)
			return err
		})
	}
	return out, errors.Join(err, s.Close())
})

const liteSchema = `select tbl_name, case type when 'table' then 'table' else type || ' ' || name end, coalesce(sql, '') from sqlite_master
		where name not like 'sqlite\_%' escape '\'
	union all
	select m.name, 'column ' || c.name, '' from sqlite_master m, pragma_table_info(m.name) c
		where m.type = 'table' and m.name not like 'sqlite\_%' escape '\'`

// Indexes that stand for a constraint belong to the table's own text, which PostgreSQL does not keep.
const postgresSchema = `select table_name, case table_type when 'BASE TABLE' then 'table' else 'view ' || table_name end, ''
		from information_schema.tables where table_schema = current_schema()
	union all
	select table_name, 'column ' || column_name, '' from information_schema.columns where table_schema = current_schema()
	union all
	select t.relname, 'index ' || i.relname, '' from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
		join pg_namespace n on n.oid = t.relnamespace where n.nspname = current_schema()
		and not exists (select 1 from pg_constraint c where c.conindid = x.indexrelid and c.contype in ('p', 'u', 'x'))
	union all
	select c.relname, 'trigger ' || g.tgname, '' from pg_trigger g join pg_class c on c.oid = g.tgrelid
		join pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema() and not g.tgisinternal
	union all
	select c.relname, 'rule ' || r.rulename, '' from pg_rewrite r join pg_class c on c.oid = r.ev_class
		join pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema() and r.rulename <> '_RETURN'
	union all
	select p.proname, 'function ' || p.proname, '' from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = current_schema()`

func (t *Tx) schema(ctx context.Context) ([]Part, error) {
	var out []Part
	err := t.each(ctx, [...]string{onSQLite: liteSchema, onPostgres: postgresSchema}[t.d], nil, func(r *sql.Rows) error {
		var p Part
		err := r.Scan(&p.Table, &p.What, &p.Text)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return out, nil
}

// SchemaChanges returns how the schema differs from the one that this program makes: parts that are too many, that are
// missing, and that have another text. PostgreSQL keeps no texts, and only names are compared there.
func (t *Tx) SchemaChanges(ctx context.Context) (extra, missing, changed []Part, err error) {
	fresh, err := freshSchema()
	if err != nil {
		return nil, nil, nil, err
	}
	have, err := t.schema(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	type name struct{ table, what string }
	want := map[name]Part{}
	for _, p := range fresh {
		want[name{p.Table, p.What}] = p
	}
	for _, p := range have {
		w, ok := want[name{p.Table, p.What}]
		delete(want, name{p.Table, p.What})
		switch {
		case !ok:
			extra = append(extra, p)
		case p.Text != "" && p.Text != w.Text:
			changed = append(changed, p)
		}
	}
	for _, p := range fresh {
		if _, lost := want[name{p.Table, p.What}]; lost {
			missing = append(missing, p)
		}
	}
	return extra, missing, changed, nil
}
