package store_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// column is one that a row must fill.
type column struct{ name, kind, rest string }

// tables reads the migrations: every table that is there after them, in the order of making, with the columns that a
// row must fill.
func tables(t *testing.T) (names []string, columns map[string][]column) {
	t.Helper()
	create := regexp.MustCompile(`(?s)create table (\w+) \((.*?)\n\);|drop table (\w+);|alter table (\w+) rename to (\w+);`)
	line := regexp.MustCompile(`(?m)^  (\w+) (text|bigint|boolean|bytea|double precision|jsonb)\b([^\n]*(?:\n    [^\n]*)*)`)
	columns = map[string][]column{}
	files, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile("migrations/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range create.FindAllStringSubmatch(string(raw), -1) {
			if m[3] != "" {
				delete(columns, m[3])
				continue
			}
			names, columns[m[1]] = append(names, m[1]), nil
			for _, c := range line.FindAllStringSubmatch(m[2], -1) {
				if strings.Contains(c[3], "not null") || strings.Contains(c[3], "primary key") || strings.Contains(m[2], "primary key ("+c[1]) {
					columns[m[1]] = append(columns[m[1]], column{c[1], c[2], c[3]})
				}
			}
		}
	}
	return names, columns
}

// insert is a statement that puts one row into a table. A text is the name of its column, or the first word that a check
// allows; what refers to another table refers to its only row.
func insert(table string, columns []column) (stmt string, args []any) {
	allowed := regexp.MustCompile(`in \('(\w*)'`)
	var names, values []string
	for _, c := range columns {
		value := map[string]string{"bigint": "900", "boolean": "true", "double precision": "1", "jsonb": "'{}'", "text": "'" + c.name + "'"}[c.kind]
		switch m := allowed.FindStringSubmatch(c.rest); {
		case m != nil:
			value = "'" + m[1] + "'"
		case strings.Contains(c.rest, "references") && c.kind == "text":
			value = "'id'"
		case c.kind == "bytea":
			args = append(args, []byte{1})
			value = fmt.Sprintf("$%d", len(args))
		}
		names, values = append(names, c.name), append(values, value)
	}
	return fmt.Sprintf("insert into %s (%s) values (%s)", table, strings.Join(names, ", "), strings.Join(values, ", ")), args
}

// A change that leaves no entry in the ledger is refused, whichever table it is in, and nothing of it stays; with an entry
// it goes through.
func TestNoChangeWithoutAnEntry(t *testing.T) {
	t.Parallel()
	names, columns := tables(t)
	if len(columns) < 40 {
		t.Fatalf("only %d tables: the migrations were not understood", len(columns))
	}
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, acted := t.Context(), 0
		for _, name := range names {
			if columns[name] == nil {
				continue
			}
			stmt, args := insert(name, columns[name])
			write := func(tx *store.Tx) error { return tx.Exec(ctx, stmt, args...) }
			if err := s.Update(ctx, write); err == nil || err.Error() != "a change without an entry in the ledger" {
				t.Errorf("%s: a row without an entry: %v", name, err)
			}
			err := s.Update(ctx, func(tx *store.Tx) error {
				if err := write(tx); err != nil {
					return err
				}
				acted++
				return entry(ctx, tx)
			})
			if err != nil {
				t.Errorf("%s: a row with an entry: %v", name, err)
			}
			change := fmt.Sprintf("update %s set %s = %s", name, columns[name][0].name, columns[name][0].name)
			if err := s.Update(ctx, func(tx *store.Tx) error { return tx.Exec(ctx, change) }); err == nil {
				t.Errorf("%s: a changed row without an entry", name)
			}
			if err := s.Update(ctx, func(tx *store.Tx) error { return tx.Exec(ctx, change+" where 1 = 0") }); err != nil {
				t.Errorf("%s: nothing changed, and still: %v", name, err)
			}
		}
		if acted < 40 {
			t.Errorf("%d tables were written", acted)
		}
	})
}

func entry(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Append(ctx, time.Unix(1, 0), access.ForSoftware("command"), "feed.put", access.On("feed:1"), "", nil)
	return err
}
