package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// Neighbour says how many findings a party answers for at an asset or in a block of addresses.
type Neighbour struct {
	Of     string // the asset, or how the block's addresses begin
	Party  ident.Party
	Count  int
	ByHand bool // the desk said so for one of them
}

// neighbourCap bounds the findings that are looked at in one block.
const neighbourCap = 40

// SameAssets returns who answers for other findings at the same assets; at most 1,000 assets.
func (t *Tx) SameAssets(ctx context.Context, assets []string) ([]Neighbour, error) {
	if len(assets) == 0 {
		return nil, nil
	}
	q := &conditions{}
	hand := q.add(string(party.ByHand))
	where := q.in("f.asset", len(assets), func(i int) any { return assets[i] })
	return t.neighbours(ctx, "select f.asset, f.party_id, count(*), max(case when f.basis = "+hand+
		" then 1 else 0 end) from finding f where "+where+" and f.party_id <> '' group by f.asset, f.party_id", q.args)
}

// SameBlocks returns who answers for findings whose asset begins like one of blocks ("198.51.100."), of at most 40
// findings each; at most 200 blocks.
func (t *Tx) SameBlocks(ctx context.Context, blocks []string) ([]Neighbour, error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	q := &conditions{}
	parts := make([]string, len(blocks))
	column := t.d.bytewise("f.asset")
	for i, b := range blocks {
		parts[i] = fmt.Sprintf(`select cast(%s as text) as block, w.party_id as party_id from (select f.party_id from finding f where %s >= %s and %s < %s
			and f.party_id <> '' limit %d) w`, q.add(b), column, q.add(b), column, q.add(b+"\U0010FFFF"), neighbourCap)
	}
	return t.neighbours(ctx, "select block, party_id, count(*), 0 from ("+strings.Join(parts, " union all ")+") n group by block, party_id", q.args)
}

func (t *Tx) neighbours(ctx context.Context, query string, args []any) ([]Neighbour, error) {
	var out []Neighbour
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var n Neighbour
		var hand int64
		err := r.Scan(&n.Of, &n.Party, &n.Count, &hand)
		n.ByHand = hand > 0
		out = append(out, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who answers nearby: %w", err)
	}
	return out, nil
}

// Protections returns the protection levels of the systems at assets, by asset; at most 1,000 assets.
func (t *Tx) Protections(ctx context.Context, assets []string) (map[string]int, error) {
	out := map[string]int{}
	if len(assets) == 0 {
		return out, nil
	}
	q := &conditions{}
	err := t.each(ctx, "select s.asset, max(s.protection) from system s where "+
		q.in("s.asset", len(assets), func(i int) any { return assets[i] })+" group by s.asset", q.args, func(r *sql.Rows) error {
		var a string
		var level int
		err := r.Scan(&a, &level)
		out[a] = level
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read protection levels: %w", err)
	}
	return out, nil
}
