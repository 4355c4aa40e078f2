package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tocsin/internal/fault"
)

// outage gives an error of the engine its kind where the database is full or away: those are nobody's mistake, and pass.
func (d dialect) outage(err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, fault.Full) || errors.Is(err, fault.Unavailable):
		return err
	case d.full(err):
		return fmt.Errorf("%w: %w", fault.New(fault.Full, "the storage of this installation is full; nothing was kept, try again later"), err)
	case d.away(err):
		return fmt.Errorf("%w: %w", fault.New(fault.Unavailable, "the database does not answer; whether this was kept is unknown, try again later"), err)
	}
	return err
}

// full reports that there is no space for a change: SQLITE_FULL, and PostgreSQL's disk_full.
func (d dialect) full(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "53100"
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code()&0xff == sqlite3.SQLITE_FULL
}

// away reports that the database cannot be reached or read just now. Of PostgreSQL those are the classes 08 (connection), 57P
// (shut down or starting) and 53300 (too many connections); of SQLite a file that is gone, locked for too long, or cannot be
// read.
func (d dialect) away(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P") || pg.Code == "53300"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB:
			return true
		}
		return false
	}
	if errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true // what pgx says of a connection that ended before, and of one that ends now; nothing else is read in a transaction
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded)
}
