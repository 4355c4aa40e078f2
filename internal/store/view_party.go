package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// PartyName returns a party's name; fault.NotFound where there is no such party.
func (t *Tx) PartyName(ctx context.Context, id ident.Party) (string, error) {
	var name string
	err := t.row(ctx, "select name from party where id = $1", []any{id}, &name)
	if errors.Is(err, fault.NotFound) {
		return "", fault.New(fault.NotFound, "no party is called %q", id)
	}
	if err != nil {
		return "", fmt.Errorf("read party %s: %w", id, err)
	}
	return name, nil
}

// PartyNamesOf returns the names of parties by their ids, those that have ended too; what is no party is left out. At most
// 1,000 different ids a call.
func (t *Tx) PartyNamesOf(ctx context.Context, ids []ident.Party) (map[ident.Party]string, error) {
	names := map[ident.Party]string{}
	ask := slices.Compact(slices.Sorted(slices.Values(ids)))
	if ask = slices.DeleteFunc(ask, func(id ident.Party) bool { return id == "" }); len(ask) == 0 {
		return names, nil
	}
	q := &conditions{}
	where := q.in("id", len(ask), func(i int) any { return ask[i] })
	return names, t.eachName(ctx, "select id, name from party where "+where, q.args, func(p PartyName) { names[p.ID] = p.Name })
}

// PartyName is a party's id with its name.
type PartyName struct {
	ID   ident.Party
	Name string
}

// FirstParties returns at most limit parties that have not ended, by name.
func (t *Tx) FirstParties(ctx context.Context, limit int) ([]PartyName, error) {
	var out []PartyName
	err := t.eachName(ctx, "select id, name from party where ended_at is null order by name, id limit $1", []any{limit},
		func(p PartyName) { out = append(out, p) })
	return out, err
}

// PartiesCalled returns the party with an id, else at most limit parties with exactly that name, those that have ended too.
func (t *Tx) PartiesCalled(ctx context.Context, text string, limit int) ([]PartyName, error) {
	var out []PartyName
	take := func(p PartyName) { out = append(out, p) }
	err := t.eachName(ctx, "select id, name from party where id = $1", []any{text}, take)
	if err == nil && len(out) == 0 {
		err = t.eachName(ctx, "select id, name from party where name = $1 order by id limit $2", []any{text, limit}, take)
	}
	return out, err
}

func (t *Tx) eachName(ctx context.Context, query string, args []any, take func(PartyName)) error {
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var p PartyName
		err := r.Scan(&p.ID, &p.Name)
		take(p)
		return err
	})
	if err != nil {
		return fmt.Errorf("read names of parties: %w", err)
	}
	return nil
}

// LiveByParty counts the live findings of every party that the reader may read, at most limit each; at
// most 1,000 parties a call.
func (t *Tx) LiveByParty(ctx context.Context, ids []ident.Party, limit int, may access.Cond) (map[ident.Party]int, error) {
	counts := map[ident.Party]int{}
	var live []finding.State
	for _, s := range finding.States {
		if s.Live() {
			live = append(live, s)
		}
	}
	if len(ids) == 0 {
		return counts, nil
	}
	rows, err := t.Tally(ctx, FindingFilter{parties: ids, States: live, May: may}, "party_id")
	for _, r := range rows {
		counts[r.Party] = int(min(r.N, int64(limit)))
	}
	return counts, err
}
