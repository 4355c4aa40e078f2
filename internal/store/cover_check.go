package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// CoversOf returns the digests beside an entry.
func (t *Tx) CoversOf(ctx context.Context, entry int64) ([]CoverRow, error) {
	return t.covers(ctx, "where entry_id = $1", entry)
}

func (t *Tx) covers(ctx context.Context, where string, args ...any) ([]CoverRow, error) {
	var out []CoverRow
	err := t.each(ctx, "select tbl, row_key, entry_id, salt, digest from cover "+where, args, func(r *sql.Rows) error {
		var c CoverRow
		err := r.Scan(&c.Table, &c.Key, &c.Entry, &c.Salt, &c.Digest)
		out = append(out, c)
		return err
	})
	return out, err
}

// CountCovers returns how many digests there are, of all entries.
func (t *Tx) CountCovers(ctx context.Context) (n int64, err error) {
	return n, t.row(ctx, "select count(*) from cover", nil, &n)
}

// Uncovered is a row, or a group of rows, that is not what the newest entry that covers it says.
type Uncovered struct {
	Table, Key string
	How        string // "changed", "extra" or "missing"
}

// String names the row.
func (u Uncovered) String() string {
	if c := coverings[u.Table]; c != nil && c.Block > 0 {
		if n, err := strconv.ParseInt(u.Key, 16, 64); err == nil {
			return fmt.Sprintf("%s: a row from %d to %d is %s", u.Table, max(1, n*c.Block), (n+1)*c.Block-1, u.How)
		}
	}
	return fmt.Sprintf("%s: row %s is %s", u.Table, u.Key, u.How)
}

// coverPage is how many rows are compared at a time.
const coverPage = 1000

// CompareCovered compares every row of a table with its newest digest and calls found for each that differs. It needs the
// same memory for a small table and a large one, and returns how many rows and groups of rows it compared.
func (t *Tx) CompareCovered(ctx context.Context, table string, found func(Uncovered) error) (int64, error) {
	c := coverings[table]
	if c == nil {
		return 0, nil
	}
	seen := int64(0)
	err := t.eachGroup(ctx, c, func(page []CoverRow) error {
		seen += int64(len(page))
		keys := make([]string, len(page))
		for i := range page {
			keys[i] = page[i].Key
		}
		newest, err := t.newestCovers(ctx, table, keys)
		if err != nil {
			return err
		}
		for i := range page {
			k := coverKey{table, page[i].Key}
			switch r, ok := newest[k.key]; {
			case !ok || len(r.Digest) == 0:
				err = found(Uncovered{table, k.key, "extra"})
				seen--
			case !bytes.Equal(r.Digest, coverDigest(r.Salt, k, page[i].Digest)):
				err = found(Uncovered{table, k.key, "changed"})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return seen, fmt.Errorf("compare %s: %w", table, err)
	}
	return seen, t.missing(ctx, c, seen, found)
}

// standing is a digest that no later one has taken the place of, of a row that was not deleted.
const standing = ` tbl = $1 and length(digest) > 0 and not exists (select 1 from cover l where l.tbl = cover.tbl and l.row_key = cover.row_key
	and l.entry_id > cover.entry_id)`

// missing looks for rows that are gone, where fewer were seen than entries speak of.
func (t *Tx) missing(ctx context.Context, c *covering, seen int64, found func(Uncovered) error) error {
	var want int64
	if err := t.row(ctx, "select count(*) from cover where"+standing, []any{c.Table}, &want); err != nil || want == seen {
		return err
	}
	for after := ""; ; {
		some, err := t.covers(ctx, "where"+standing+" and row_key > $2 order by row_key limit "+strconv.Itoa(coverPage), c.Table, after)
		if err != nil || len(some) == 0 {
			return err
		}
		for i := range some {
			x := touched{group: parseKey(c, some[i].Key)}
			if err := t.readTouched(ctx, c, &x); err != nil {
				return err
			}
			if x.gone {
				if err := found(Uncovered{c.Table, some[i].Key, "missing"}); err != nil {
					return err
				}
			}
			after = some[i].Key
		}
	}
}

// eachGroup calls f with pages of what has a digest of its own: rows, or groups of rows. Digest is the sum of the rows,
// without a salt.
func (t *Tx) eachGroup(ctx context.Context, c *covering, f func(page []CoverRow) error) error {
	order := strings.Join(c.key, ", ")
	values, dest := scanInto(len(c.columns))
	var after []any
	var page []CoverRow
	var g groupSum
	key := ""
	flush := func() {
		if g.rows > 0 {
			page = append(page, CoverRow{Table: c.Table, Key: key, Digest: g.h.Sum(nil)})
			g = groupSum{}
		}
	}
	for {
		where := ""
		if after != nil {
			where = " where (" + order + ") > (" + placeholders(len(after), 1) + ")"
		}
		n := 0
		err := t.each(ctx, "select "+c.values+" from "+c.Table+where+" order by "+order+" limit "+strconv.Itoa(coverPage), after, func(r *sql.Rows) error {
			if err := r.Scan(dest...); err != nil {
				return err
			}
			n++
			group := slices.Clone(values[:len(c.group)])
			if c.Block > 0 {
				group[0] = group[0].(int64) / c.Block
			}
			k := groupKey(c, group)
			if c.own {
				page = append(page, CoverRow{Table: c.Table, Key: k, Digest: rowSum(values)})
				return nil
			}
			if k != key {
				flush()
				key = k
			}
			g.add(values)
			return nil
		})
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		after = slices.Clone(values[:len(c.key)])
		if err := f(page); err != nil {
			return err
		}
		page = page[:0]
	}
	flush()
	return f(page)
}

// parseKey is the inverse of groupKey, as far as a condition needs it: both engines compare a number with its text.
func parseKey(c *covering, key string) []any {
	if c.Block > 0 {
		n, _ := strconv.ParseInt(key, 16, 64) // groupKey wrote it; where somebody else did, no such row is there
		return []any{n}
	}
	parts := strings.Split(key, "/")
	out := make([]any, len(c.group))
	for i := range out {
		if i >= len(parts) {
			break // nor here
		}
		out[i] = strings.NewReplacer("%2f", "/", "%25", "%").Replace(parts[i])
		if c.group[i] == "token_hash" {
			raw, _ := hex.DecodeString(parts[i])
			out[i] = raw
		}
	}
	return out
}

// WrongRollup returns the first rollup that, with the journal, does not count what the findings are; empty where all do.
func (t *Tx) WrongRollup(ctx context.Context) (string, error) {
	for i := range faces {
		f := &faces[i]
		over, columns := strings.Join(f.over(), ", "), strings.Join(f.columns, ", ")
		as := make([]string, len(f.columns))
		for i, value := range f.over() {
			as[i] = value + " as " + f.columns[i]
		}
		q := "select count(*) from (select " + columns + " from (select " + columns + ", n from " + f.table +
			" union all select " + strings.Join(as, ", ") + ", n from tally_delta where 1 = 1" + f.also() +
			" union all select " + strings.Join(as, ", ") + ", -count(*) from (" + tallySource + ") q where 1 = 1" + f.also() + " group by " + over +
			") a group by " + columns + " having sum(n) <> 0) b"
		var n int64
		if err := t.row(ctx, q, nil, &n); err != nil {
			return "", fmt.Errorf("work out %s: %w", f.table, err)
		}
		if n > 0 {
			return f.table, nil
		}
	}
	return "", nil
}
