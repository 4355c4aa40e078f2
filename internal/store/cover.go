package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/access"
)

// Every change of a covered row is seen where statements run (exec), and when the transaction ends the digests of the
// rows that it left lie beside its entry, whose record holds their sum. Nothing of a row goes into the ledger but that sum.

// coverDomain begins what is hashed here.
const coverDomain = "tocsin cover 1\n"

const coverSalt = 16 // random bytes of each digest

// coverKey names what has one digest: a row, or rows of a group.
type coverKey struct{ table, key string }

// touched is a covered row, or group of rows, that a transaction has written.
type touched struct {
	group []any  // values of the group's columns; of a block its number
	sum   []byte // of the row as the last statement left it; nil: to be read
	gone  bool   // the row was deleted
	fresh bool   // nothing has covered it before
}

// changes returns the table whose covered columns a statement may change; nil where it changes none.
func changes(query string) *covering {
	rest, verb := query, ""
	for _, v := range []string{"insert into ", "update ", "delete from "} {
		if tail, ok := strings.CutPrefix(query, v); ok {
			rest, verb = tail, v
		}
	}
	if verb == "" {
		return nil
	}
	end := strings.IndexAny(rest, " (\n")
	if end < 0 {
		end = len(rest)
	}
	c := coverings[rest[:end]]
	if c == nil || verb != "update " {
		return c
	}
	for _, name := range c.columns[len(c.key):] {
		if assigns(rest[end:], name) {
			return c
		}
	}
	if len(c.As) > 0 && assigns(rest[end:], "state") { // what is covered depends on it
		return c
	}
	return nil
}

// assigns reports whether a statement has a name followed by an equals sign. What it only compares is taken as well: a row
// that did not change may be covered twice.
func assigns(text, name string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], name+" = ")
		if i < 0 {
			return false
		}
		if at += i; at == 0 || strings.ContainsRune(" ,\n\t", rune(text[at-1])) {
			return true
		}
		at++
	}
}

// execCovered runs a change of a covered table and remembers the rows that it wrote.
func (t *Tx) execCovered(ctx context.Context, c *covering, query string, args []any) (sql.Result, error) {
	deleted := strings.HasPrefix(query, "delete from ")
	fresh := strings.HasPrefix(query, "insert into ") && !strings.Contains(query, " on conflict ")
	what := strings.Join(c.group, ", ")
	if c.own && !deleted {
		what = c.values
	}
	rows, err := t.tx.QueryContext(ctx, query+" returning "+what, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var n changedRows
	width := len(c.group)
	if c.own && !deleted {
		width = len(c.columns)
	}
	values, dest := scanInto(width)
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		n++
		x := touched{fresh: fresh && c.own, gone: deleted && c.own}
		if c.own && !deleted {
			x.sum = rowSum(values)
		}
		x.group = slices.Clone(values[:len(c.group)])
		t.touch(c, x)
	}
	return n, rows.Err()
}

// changedRows is how many rows a statement changed.
type changedRows int64

func (changedRows) LastInsertId() (int64, error)   { return 0, nil }
func (n changedRows) RowsAffected() (int64, error) { return int64(n), nil }

func scanInto(width int) (values, dest []any) {
	values, dest = make([]any, width), make([]any, width)
	for i := range values {
		dest[i] = &values[i]
	}
	return values, dest
}

func (t *Tx) touch(c *covering, x touched) {
	if c.Block > 0 {
		x.group[0] = x.group[0].(int64) / c.Block
	}
	k := coverKey{c.Table, groupKey(c, x.group)}
	if t.touched == nil {
		t.touched = map[coverKey]touched{}
	}
	if before, ok := t.touched[k]; ok {
		x.fresh = before.fresh
	}
	t.touched[k] = x
}

// groupKey is the name of a row or a group in the table of covers.
func groupKey(c *covering, values []any) string {
	if c.Block > 0 {
		return fmt.Sprintf("%016x", values[0].(int64))
	}
	parts := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case int64:
			parts[i] = strconv.FormatInt(v, 10)
		case []byte:
			parts[i] = hex.EncodeToString(v)
		default:
			parts[i] = strings.NewReplacer("%", "%25", "/", "%2f").Replace(fmt.Sprint(v))
		}
	}
	return strings.Join(parts, "/")
}

// appendRow writes a row's values in one form: for each its kind and, where it has no fixed length, its length.
func appendRow(b []byte, values []any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case bool:
			n := int64(0)
			if v {
				n = 1
			}
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(n))
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 's'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(v))), v...)
		default:
			panic(fmt.Sprintf("a covered column holds a %T", v)) // no type of column gives one
		}
	}
	return b
}

func rowSum(values []any) []byte {
	sum := sha256.Sum256(appendRow(nil, values))
	return sum[:]
}

// groupSum sums the rows of a group in the order of their keys.
type groupSum struct {
	h    hash.Hash
	rows int
	buf  []byte
}

func (g *groupSum) add(values []any) {
	if g.h == nil {
		g.h = sha256.New()
	}
	g.buf = appendRow(g.buf[:0], values)
	g.h.Write(g.buf)
	g.rows++
}

// coverDigest is what the entry answers for: a row, or a group of rows, under a salt.
func coverDigest(salt []byte, k coverKey, sum []byte) []byte {
	h := sha256.New()
	h.Write([]byte(coverDomain))
	h.Write(appendRow(nil, []any{salt, k.table, k.key, sum}))
	return h.Sum(nil)
}

// CoverRow is one digest beside an entry.
type CoverRow struct {
	Table, Key   string
	Entry        int64
	Salt, Digest []byte
}

// CoverSum is what an entry says of the digests beside it.
func CoverSum(rows []CoverRow) []byte {
	slices.SortFunc(rows, func(a, b CoverRow) int {
		if n := strings.Compare(a.Table, b.Table); n != 0 {
			return n
		}
		return strings.Compare(a.Key, b.Key)
	})
	h := sha256.New()
	h.Write([]byte(coverDomain))
	for _, r := range rows {
		h.Write(appendRow(nil, []any{r.Table, r.Key, r.Digest}))
	}
	return h.Sum(nil)
}

// cover writes the digests of what the transaction left, with its newest entry. A transaction without one that changed
// covered columns leaves an entry for that.
func (t *Tx) cover(ctx context.Context) error {
	if len(t.touched) == 0 {
		return nil
	}
	rows := make([]CoverRow, 0, len(t.touched))
	for k, x := range t.touched {
		if err := t.readTouched(ctx, coverings[k.table], &x); err != nil {
			return fmt.Errorf("cover %s %s: %w", k.table, k.key, err)
		}
		t.touched[k] = x
		if t.entry == 0 {
			same, err := t.coveredAlready(ctx, k, x)
			if err != nil {
				return err
			}
			if same {
				continue
			}
		}
		r := CoverRow{Table: k.table, Key: k.key, Salt: []byte{}, Digest: []byte{}}
		if !x.gone {
			r.Salt = make([]byte, coverSalt)
			rand.Read(r.Salt)
			r.Digest = coverDigest(r.Salt, k, x.sum)
		}
		rows = append(rows, r)
	}
	was := t.touched
	t.touched = nil
	if len(rows) == 0 {
		return nil
	}
	if t.entry == 0 {
		if err := t.keepEntry(ctx, len(rows)); err != nil {
			return err
		}
	}
	return t.writeCover(ctx, rows, was)
}

// keepEntry writes the entry of covered rows that were changed by no act: they follow from earlier entries. Its instant is
// that of the newest one.
func (t *Tx) keepEntry(ctx context.Context, n int) error {
	at := int64(0)
	if err := t.row(ctx, "select coalesce(max(at), 0) from entry where id = (select max(id) from entry)", nil, &at); err != nil {
		return err
	}
	_, err := t.Append(ctx, Instant(at), access.ForSoftware("store"), "ledger.cover", access.On("ledger"), "kept", map[string]int{"rows": n})
	return err
}

func (t *Tx) writeCover(ctx context.Context, rows []CoverRow, was map[coverKey]touched) error {
	sum := CoverSum(rows)
	if _, err := t.exec(ctx, "update entry set cover = $1 where id = $2", sum, t.entry); err != nil {
		return fmt.Errorf("cover with entry %d: %w", t.entry, err)
	}
	out := make([][]any, 0, len(rows))
	for i := range rows {
		r := &rows[i]
		if !was[coverKey{r.Table, r.Key}].fresh {
			_, err := t.exec(ctx, "update cover set salt = $1 where tbl = $2 and row_key = $3 and entry_id < $4 and salt <> $5", []byte{}, r.Table, r.Key, t.entry, []byte{})
			if err != nil {
				return fmt.Errorf("drop the salts of %s %s: %w", r.Table, r.Key, err)
			}
		}
		out = append(out, []any{r.Table, r.Key, t.entry, r.Salt, r.Digest})
	}
	if err := t.insertRows(ctx, "insert into cover (tbl, row_key, entry_id, salt, digest) values ", "", out); err != nil {
		return fmt.Errorf("cover with entry %d: %w", t.entry, err)
	}
	return nil
}

// readTouched reads the rows of a group, or a row that is not known any more.
func (t *Tx) readTouched(ctx context.Context, c *covering, x *touched) error {
	if x.sum != nil || x.gone {
		return nil
	}
	where, args := "", x.group
	if c.Block > 0 {
		n := x.group[0].(int64)
		where, args = c.key[0]+" >= $1 and "+c.key[0]+" < $2", []any{n * c.Block, (n + 1) * c.Block}
	} else {
		for i, name := range c.group {
			if i > 0 {
				where += " and "
			}
			where += name + " = $" + strconv.Itoa(i+1)
		}
	}
	var g groupSum
	values, dest := scanInto(len(c.columns))
	err := t.each(ctx, "select "+c.values+" from "+c.Table+" where "+where+" order by "+strings.Join(c.key, ", "), args, func(r *sql.Rows) error {
		if err := r.Scan(dest...); err != nil {
			return err
		}
		if c.own {
			x.sum = rowSum(values)
		} else {
			g.add(values)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case g.rows > 0:
		x.sum = g.h.Sum(nil)
	case x.sum == nil:
		x.gone = true
	}
	return nil
}

// coveredAlready reports whether what a transaction touched is as its newest digest says.
func (t *Tx) coveredAlready(ctx context.Context, k coverKey, x touched) (bool, error) {
	newest, err := t.newestCovers(ctx, k.table, []string{k.key})
	if err != nil || len(newest) == 0 {
		return x.gone, err
	}
	r := newest[k.key]
	if x.gone || len(r.Digest) == 0 {
		return x.gone == (len(r.Digest) == 0), nil
	}
	return bytes.Equal(r.Digest, coverDigest(r.Salt, k, x.sum)), nil
}

// newestCovers returns the newest digest of each key that has one.
func (t *Tx) newestCovers(ctx context.Context, table string, keys []string) (map[string]CoverRow, error) {
	out := map[string]CoverRow{}
	for some := range slices.Chunk(keys, 400) {
		args := []any{table}
		for _, k := range some {
			args = append(args, k)
		}
		err := t.each(ctx, "select row_key, entry_id, salt, digest from cover where tbl = $1 and row_key in ("+placeholders(len(some), 2)+
			") order by row_key, entry_id", args, func(r *sql.Rows) error {
			c := CoverRow{Table: table}
			err := r.Scan(&c.Key, &c.Entry, &c.Salt, &c.Digest)
			out[c.Key] = c // a later one takes its place
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read what covers %s: %w", table, err)
		}
	}
	return out, nil
}
