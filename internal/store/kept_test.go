package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
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
