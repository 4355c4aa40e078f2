package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// mostKept is how many statements a connection to SQLite keeps; the program has some hundreds of different ones. At one more
// all that are not in use are closed, so that texts of chance lengths (lists of ids) cannot pile up.
const mostKept = 400

// longestKept bounds the text of a statement that is kept, in bytes: what is longer is a migration or a bulk insert.
const longestKept = 16 << 10

// keeping opens connections to SQLite that keep their statements. Without it each query is parsed and planned anew, which
// takes longer than running it for most queries of a page: the driver keeps none by itself, as that of PostgreSQL does.
type keeping struct{ driver.Connector }

// Each connection takes its small allocations out of slots of its own, where they cost nothing; SQLite gives it 40 to 100,
// which kept statements hold for good, so that every row of every query would go to the allocator.
const (
	slotBytes = 1200
	slots     = 2000
)

// makeRoom tells SQLite so, once and before the first connection of the process; where one was opened before, it is told too
// late, and only slower.
var makeRoom = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.NewVaList(int32(slotBytes), int32(slots))
	defer libc.Xfree(tls, args)
	_ = sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_LOOKASIDE, args)
})

// newKeeping returns what opens connections to dsn.
func newKeeping(dsn string) (keeping, error) {
	makeRoom()
	c, err := sqlite.NewConnector(dsn)
	return keeping{c}, err
}

// Connect opens a connection.
func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := c.(liteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's connection %T lacks methods", c), c.Close())
	}
	return &keptConn{liteConn: whole, kept: map[string]*keptStmt{}}, nil
}

// liteConn is everything that database/sql asks of a connection of the driver.
type liteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	direct
	alive
}

// direct runs a text without a statement of the caller's.
type direct interface {
	driver.ExecerContext
	driver.QueryerContext
}

// alive says whether a connection can still be used.
type alive interface {
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keptConn is a connection with its statements. Like every driver's connection it is used by one goroutine at a time.
type keptConn struct {
	liteConn
	kept map[string]*keptStmt
}

// liteStmt is a statement of the driver.
type liteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type keptStmt struct {
	liteStmt
	busy bool // its rows are being read: it can be neither run again nor closed
}

// statement returns the kept statement of a text, or nil where the text is to be run without one.
func (c *keptConn) statement(ctx context.Context, query string) (*keptStmt, error) {
	if len(query) > longestKept {
		return nil, nil
	}
	if s := c.kept[query]; s != nil {
		if s.busy {
			return nil, nil
		}
		return s, nil
	}
	if len(c.kept) >= mostKept {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	whole, ok := made.(liteStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's statement %T lacks methods", made), made.Close())
	}
	s := &keptStmt{liteStmt: whole}
	c.kept[query] = s
	return s, nil
}

// forget closes the statements that are not in use.
func (c *keptConn) forget() error {
	var errs []error
	for query, s := range c.kept {
		if !s.busy {
			delete(c.kept, query)
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// ExecContext runs a statement.
func (c *keptConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.liteConn.ExecContext(ctx, query, args)
	}
	return s.ExecContext(ctx, args)
}

// QueryContext runs a statement that returns rows.
func (c *keptConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.liteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &keptRows{Rows: rows, of: s}, nil
}

// Close closes the connection with its statements.
func (c *keptConn) Close() error { return errors.Join(c.forget(), c.liteConn.Close()) }

// Unwrap returns the driver's own connection, as the driver asks of who wraps one.
func (c *keptConn) Unwrap() driver.Conn { return c.liteConn }

// keptRows are the rows of a kept statement, which is free again once they are closed.
type keptRows struct {
	driver.Rows
	of *keptStmt
}

// Close ends the reading.
func (r *keptRows) Close() error {
	r.of.busy = false
	return r.Rows.Close()
}
