package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/act/record"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// edit is one change of a data folder behind the program's back.
type edit struct {
	table, what string
	do, undo    func() error
}

// editRig makes edits of a database that has rows in every table, and takes them back.
type editRig struct {
	t      *testing.T
	w      *evidenceWorld
	lite   bool
	r      *rand.Rand
	verify func() error
	choice map[string][]string // words that a check allows, by table.column
}

// row is one row of a table with its columns.
type editRow struct {
	columns []string
	values  []any
}

func (r editRow) at(column string) any { return r.values[slices.Index(r.columns, column)] }

func (g *editRig) rows(table, where string, limit int) []editRow {
	g.t.Helper()
	rows, err := g.w.db.QueryContext(g.t.Context(), fmt.Sprintf("select * from %s %s limit %d", table, where, limit)) //nolint:unqueryvet // whatever columns a table has are edited
	g.w.must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	g.w.must(err)
	var out []editRow
	for rows.Next() {
		x := editRow{columns: columns, values: make([]any, len(columns))}
		dest := make([]any, len(columns))
		for i := range dest {
			dest[i] = &x.values[i]
		}
		g.w.must(rows.Scan(dest...))
		for i, v := range x.values {
			if b, ok := v.([]byte); ok && b == nil { // no bytes, which is not null
				x.values[i] = []byte{}
			}
		}
		out = append(out, x)
	}
	g.w.must(rows.Err())
	return out
}

func (g *editRig) exec(query string, args ...any) error {
	_, err := g.w.db.ExecContext(context.WithoutCancel(g.t.Context()), query, args...)
	return err
}

// here is the condition that names a row by its key.
func here(key []string, r editRow, from int) (string, []any) {
	var parts []string
	var args []any
	for i, k := range key {
		parts = append(parts, fmt.Sprintf("%s = $%d", k, from+i))
		args = append(args, r.at(k))
	}
	return strings.Join(parts, " and "), args
}

func (g *editRig) set(table, column string, key []string, r editRow, to any) error {
	where, args := here(key, r, 2)
	return g.exec("update "+table+" set "+column+" = $1 where "+where, append([]any{to}, args...)...)
}

func (g *editRig) insert(table string, r editRow) error {
	marks := make([]string, len(r.columns))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	return g.exec("insert into "+table+" ("+strings.Join(r.columns, ", ")+") values ("+strings.Join(marks, ", ")+")", r.values...)
}

func (g *editRig) remove(table string, key []string, r editRow) error {
	where, args := here(key, r, 1)
	return g.exec("delete from "+table+" where "+where, args...)
}

// another is another value than v that the column can hold.
func (g *editRig) another(at string, v any) any {
	for _, word := range g.choice[at] {
		if word != v && word != "sending" { // a worker takes what waits, and leaves no entry
			return word
		}
	}
	switch v := v.(type) {
	case nil:
		return int64(77)
	case bool:
		return !v
	case int64:
		return v ^ 1
	case string:
		return v + "x"
	case []byte:
		return append(slices.Clone(v), 7)
	}
	g.t.Fatalf("%s holds a %T", at, v)
	return nil
}

// uniqueToo are columns beside the key that no two rows share.
var uniqueToo = []string{"mail", "token_hash", "handle", "number", "code_hash", "name", "blob", "level", "entry_id", "created_at"}

// edits lists what can be done to the rows of a table that verification answers for: a value of each column, a row more, a
// row less, and two rows that change places.
func (g *editRig) edits(c *store.TableCover) []edit {
	g.t.Helper()
	key := strings.Fields(c.Key)
	if len(key) == 0 {
		key = keysOf[c.Table]
	}
	if key == nil {
		return nil
	}
	rows := g.rows(c.Table, alsoWhere[c.Table], 40)
	if len(rows) == 0 {
		g.t.Errorf("no row of %s to edit", c.Table)
		return nil
	}
	var out []edit
	first := rows[0]
	for _, column := range slices.Concat(strings.Fields(c.Columns), strings.Fields(c.Derived)) {
		at := c.Table + "." + column
		if slices.Contains(key, column) {
			continue
		}
		row := rows[len(rows)/2]
		out = append(out, edit{
			c.Table, "another " + column,
			func() error { return g.set(c.Table, column, key, row, g.another(at, row.at(column))) },
			func() error { return g.set(c.Table, column, key, row, row.at(column)) },
		})
		for _, other := range rows { // a value of another row
			if fmt.Sprint(other.at(column)) != fmt.Sprint(row.at(column)) {
				out = append(out, edit{
					c.Table, "a neighbour's " + column,
					func() error { return g.set(c.Table, column, key, row, other.at(column)) },
					func() error { return g.set(c.Table, column, key, row, row.at(column)) },
				})
				break
			}
		}
	}
	out = append(out, edit{c.Table, "a row less", func() error { return g.remove(c.Table, key, first) }, func() error { return g.insert(c.Table, first) }})
	more := editRow{first.columns, slices.Clone(first.values)}
	for i, name := range more.columns {
		if name == key[len(key)-1] || slices.Contains(uniqueToo, name) {
			if n, ok := more.values[i].(int64); ok {
				more.values[i] = n + 1_000_003
			} else if more.values[i] != nil {
				more.values[i] = g.another("", more.values[i])
			}
		}
	}
	out = append(out, edit{c.Table, "a row more", func() error { return g.insert(c.Table, more) }, func() error { return g.remove(c.Table, key, more) }})
	return slices.DeleteFunc(out, func(e edit) bool { return leftAlone[e.table+" "+e.what] })
}

// keysOf name rows of tables whose columns are derived.
var keysOf = map[string][]string{
	"entry": {"id"}, "place": {"seq"}, "tree": {"id"}, "checkpoint": {"size"}, "cover": {"tbl", "row_key", "entry_id"}, "setting": {"name"}, "migration": {"name"},
	"tally_state": {"owned", "severity", "tlp", "state"}, "tally_area": {"sector", "region", "severity", "tlp", "state"},
	"tally_class": {"region", "class", "type", "severity", "tlp", "state"}, "tally_place": {"sector", "region", "class", "type", "severity", "tlp", "state"},
	"tally_party": {"party_id", "sector", "region", "class", "type", "severity", "tlp", "state"}, "tally_born": {"born", "owned", "reached", "severity", "tlp", "state"},
	"tally_ended": {"ended", "severity", "tlp", "state"}, "tally_life": {"week", "days", "severity", "tlp", "state"},
	"tally_matched": {"party_id", "basis", "matched", "severity", "tlp", "state"},
}

// alsoWhere picks the rows to edit.
var alsoWhere = map[string]string{
	"setting": "where name = 'ledger.key'",
}

// leftAlone are edits that change nothing that is said: the program thins out older checkpoints, and settings beside those
// that are compared are marks of work under way.
var leftAlone = map[string]bool{"checkpoint a row less": true, "setting a row more": true}

func newEditRig(t *testing.T, dsn string) *editRig {
	t.Helper()
	w := newEvidenceWorld(t, filepath.Join(t.TempDir(), "data"), dsn)
	g := &editRig{t: t, w: w, lite: dsn == "", r: rand.New(rand.NewPCG(1, 1)), choice: map[string][]string{}}
	t.Cleanup(w.close)
	w.furnish()
	keys, err := os.ReadFile(filepath.Join(w.dir, record.KeysFile))
	w.must(err)
	var e record.Evidence
	e.Keys, err = ledger.ReadKeys(string(keys))
	w.must(err)
	g.verify = func() error {
		again, err := store.Inspect(context.WithoutCancel(t.Context()), w.dsn)
		if err != nil {
			return err
		}
		w.must(again.Close())
		_, err = verifyStore(context.WithoutCancel(t.Context()), w.store, w.blobs, e, w.dir)
		return err
	}
	w.must(g.verify())
	check := regexp.MustCompile(`(?s)(\w+) (?:text|bigint|integer) not null check \((\w+) in \(([^)]*)\)`)
	files, err := filepath.Glob("../store/migrations/*.sql")
	w.must(err)
	table := regexp.MustCompile(`(?s)create table (\w+) \((.*?)\n\);`)
	for _, f := range files {
		text, err := os.ReadFile(f)
		w.must(err)
		for _, m := range table.FindAllStringSubmatch(string(text), -1) {
			for _, c := range check.FindAllStringSubmatch(m[2], -1) {
				for word := range strings.SplitSeq(c[3], ",") {
					g.choice[m[1]+"."+c[1]] = append(g.choice[m[1]+"."+c[1]], strings.Trim(strings.TrimSpace(word), "'"))
				}
			}
		}
	}
	return g
}

// TestEdits makes every kind of edit that the table of columns leads to, one after the other, and looks that verification
// finds each and says in which table.
func TestEdits(t *testing.T) {
	g := newEditRig(t, "")
	if kinds := g.makeAll(1); kinds < 500 {
		t.Errorf("%d kinds of edit, want 500", kinds)
	}
}

// TestEditsPostgres makes a sample of them on the other engine.
func TestEditsPostgres(t *testing.T) {
	g := newEditRig(t, testkit.PostgresDSN(t))
	if kinds := g.makeAll(23); kinds < 20 {
		t.Errorf("%d kinds of edit, want 20", kinds)
	}
}

// makeAll makes every so manieth edit, looks that it is found, takes it back, and returns how many were made.
func (g *editRig) makeAll(every int) int {
	g.t.Helper()
	n, kinds, kept := 0, 0, 0
	for i := range store.Coverage {
		for _, e := range g.edits(&store.Coverage[i]) {
			if n++; n%every != 0 {
				continue
			}
			if err := e.do(); err != nil {
				kept++ // a constraint keeps it out
				continue
			}
			kinds++
			err := g.verify()
			switch {
			case err == nil:
				g.t.Errorf("%s, %s: not found", e.table, e.what)
			case !says(err.Error(), e.table):
				g.t.Errorf("%s, %s: the table is not named: %v", e.table, e.what, err)
			case os.Getenv("TOCSIN_TEST_TAMPER") != "":
				g.t.Logf("%s, %s: %v", e.table, e.what, err)
			}
			if err := e.undo(); err != nil {
				g.t.Fatalf("%s, %s: take it back: %v", e.table, e.what, err)
			}
		}
	}
	g.w.must(g.verify())
	g.t.Logf("%d kinds of edit were found, %d more are kept out by constraints", kinds, kept)
	return kinds
}

// says reports whether an error names a table, or what the field calls its rows.
func says(text, table string) bool {
	for _, word := range append([]string{table}, calledToo[table]...) {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// calledToo is what verification calls the rows of a table.
var calledToo = map[string][]string{
	"notice_finding": {"tells"}, "delivery": {"deliveries"}, "place": {"entry", "log"}, "entry": {"log"}, "setting": {"database says", "database does not say"},
	"cover": {"rows are not as the ledger left them"}, "migration": {"schema"},
}
