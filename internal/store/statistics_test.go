package store

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The planner is told of every index of the tables that it is told of, with a number for each column, and of nothing that is
// not there.
func TestStatistics(t *testing.T) {
	t.Parallel()
	at := filepath.Join(t.TempDir(), "tocsin.db")
	s, err := Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // the folder goes with the test
	told := map[string]string{}
	tables := map[string]bool{}
	for _, x := range statistics {
		told[x.index], tables[x.table] = x.stat, true
	}
	err = s.View(t.Context(), func(tx *Tx) error {
		have, err := tx.statistics(t.Context())
		if !slices.Equal(have, statistics) {
			t.Errorf("the planner has %v", have)
		}
		if err != nil {
			return err
		}
		return tx.each(t.Context(), `select m.name, m.tbl_name, (select count(*) from pragma_index_info(m.name)) from sqlite_schema m where m.type = 'index'
			union all select m.name, m.name, (select sum(pk > 0) from pragma_table_info(m.name)) from sqlite_schema m
			where m.type = 'table' and m.sql like '%without rowid%'`, nil, func(r *sql.Rows) error {
			var index, table string
			var columns int
			if err := r.Scan(&index, &table, &columns); err != nil {
				return err
			}
			stat, known := told[index]
			delete(told, index)
			if known != tables[table] {
				t.Errorf("index %s of %s: told of it: %t, of its table: %t", index, table, known, tables[table])
			}
			numbers := strings.Fields(stat)
			if known && len(numbers) != columns+1 {
				t.Errorf("%s has %d columns: %s", index, columns, stat)
			}
			last := 1 << 62
			for _, n := range numbers {
				v, err := strconv.Atoi(n)
				if err != nil || v < 1 || v > last {
					t.Errorf("%s: %s", index, stat)
				}
				last = v
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for index := range told {
		t.Errorf("there is no index %s", index)
	}
}
