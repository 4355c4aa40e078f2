package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"
)

// TestKept: a statement whose rows are being read is left alone, also when there are more texts than are kept, and
// none is open any more once the connection is closed.
func TestKept(t *testing.T) {
	ctx := context.Background()
	c, err := newKeeping("file:" + filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"create table a (n integer)", "insert into a values (1), (2), (3)"} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	const query = "select n from a order by n"
	read := func(each func()) (sum int) {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var n int
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			sum += n
			each()
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	texts := 0
	outer := read(func() {
		if got := read(func() {}); got != 6 {
			t.Errorf("the same query within its own rows gave %d", got)
		}
		for range mostKept {
			texts++
			var n int
			if err := tx.QueryRowContext(ctx, fmt.Sprintf("select %d + $1", texts), 1).Scan(&n); err != nil || n != texts+1 {
				t.Fatalf("%d: %v", n, err)
			}
		}
	})
	if outer != 6 {
		t.Errorf("a query whose rows were being read gave %d after others", outer)
	}
	if _, err := tx.ExecContext(ctx, "alter table a add column m integer"); err != nil {
		t.Fatal(err)
	}
	if got := read(func() {}); got != 6 {
		t.Errorf("after a change of the table: %d", got)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("closing with kept statements: %v", err)
	}
}

// Kept statements leave room for the rows of others: of the small allocations of a query none finds the slots taken.
func TestKeptRoom(t *testing.T) {
	ctx := context.Background()
	c, err := newKeeping("file:" + filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := c.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	conn := opened.(*keptConn)
	if _, err := conn.ExecContext(ctx, "create table a (n integer, t text)", nil); err != nil {
		t.Fatal(err)
	}
	for i := range mostKept {
		_, err := conn.ExecContext(ctx, fmt.Sprintf("insert into a select %d, lower(t || 'x') from a where n = %d and t like '%%y%%' order by t", i, i), nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	status, ok := conn.Unwrap().(sqlite.DBStatus)
	if !ok {
		t.Fatalf("%T does not tell its memory", conn.Unwrap())
	}
	if _, missed, err := status.Status(sqlite.DBStatusLookasideMissFull, false); err != nil || missed > 0 {
		t.Errorf("%d allocations found no room, %v", missed, err)
	}
	if _, used, err := status.Status(sqlite.DBStatusLookasideUsed, false); err != nil || used <= 100 {
		t.Errorf("%d slots in use at most, %v: kept statements take more than SQLite gives by itself", used, err)
	}
}
