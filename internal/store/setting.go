package store

import (
	"context"
	"errors"
	"fmt"

	"tocsin/internal/fault"
)

// Setting returns what is kept under a name; empty where nothing is.
func (t *Tx) Setting(ctx context.Context, name string) (string, error) {
	var value string
	err := t.row(ctx, "select value from setting where name = $1", []any{name}, &value)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return "", fmt.Errorf("read setting %s: %w", name, err)
	}
	return value, nil
}

// PutSetting keeps a value under a name.
func (t *Tx) PutSetting(ctx context.Context, name, value string) error {
	_, err := t.exec(ctx, `insert into setting (name, value) values ($1, $2)
		on conflict (name) do update set value = excluded.value`, name, value)
	if err != nil {
		return fmt.Errorf("put setting %s: %w", name, err)
	}
	return nil
}
