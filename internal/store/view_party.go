package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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

// PartyNames returns the names of all parties, those that have ended too.
func (t *Tx) PartyNames(ctx context.Context) (map[ident.Party]string, error) {
	names := map[ident.Party]string{}
	err := t.each(ctx, "select id, name from party", nil, func(r *sql.Rows) error {
		var id ident.Party
		var name string
		if err := r.Scan(&id, &name); err != nil {
			return err
		}
		names[id] = name
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read names of parties: %w", err)
	}
	return names, nil
}

// LiveByParty counts the live findings of every party that the reader may read, at most limit each.
func (t *Tx) LiveByParty(ctx context.Context, ids []ident.Party, limit int, may access.Cond) (map[ident.Party]int, error) {
	counts := map[ident.Party]int{}
	var live []finding.State
	for _, s := range finding.States {
		if s.Live() {
			live = append(live, s)
		}
	}
	for _, id := range ids {
		n, err := t.CountFindings(ctx, FindingFilter{Party: id, States: live, May: may}, limit)
		if err != nil {
			return nil, err
		}
		counts[id] = n
	}
	return counts, nil
}
