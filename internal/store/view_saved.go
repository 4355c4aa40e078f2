package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
)

// SavedView is a list as somebody narrowed it, kept under a name.
type SavedView struct {
	ID      string
	Owner   string // as the ledger names them
	Shared  bool   // with the whole desk
	Name    string
	Query   string // an address of the desk: "/desk/findings?state=open"
	Created time.Time
}

// InsertSavedView keeps a view.
func (t *Tx) InsertSavedView(ctx context.Context, v SavedView) error {
	_, err := t.exec(ctx, "insert into saved_view (id, owner, shared, name, query, created_at, ended_at) values ($1, $2, $3, $4, $5, $6, null)",
		v.ID, v.Owner, v.Shared, v.Name, v.Query, Micros(v.Created))
	if err != nil {
		return fmt.Errorf("keep a view: %w", err)
	}
	return nil
}

const savedColumns = "id, owner, shared, name, query, created_at"

func scanSaved(r scanner) (SavedView, error) {
	var v SavedView
	var created int64
	err := r.Scan(&v.ID, &v.Owner, &v.Shared, &v.Name, &v.Query, &created)
	v.Created = Instant(created)
	return v, err
}

// SavedViews returns at most limit views of an owner and those that are shared, by name.
func (t *Tx) SavedViews(ctx context.Context, owner string, limit int) ([]SavedView, error) {
	var out []SavedView
	err := t.each(ctx, "select "+savedColumns+` from saved_view where ended_at is null and (owner = $1 or shared)
		order by name, id limit $2`, []any{owner, limit}, func(r *sql.Rows) error {
		v, err := scanSaved(r)
		out = append(out, v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read views: %w", err)
	}
	return out, nil
}

// SavedViewByID returns a view that has not ended; fault.NotFound where there is none.
func (t *Tx) SavedViewByID(ctx context.Context, id string) (SavedView, error) {
	v, err := scanSaved(t.tx.QueryRowContext(ctx, "select "+savedColumns+" from saved_view where id = $1 and ended_at is null", id))
	if err != nil {
		return SavedView{}, fmt.Errorf("read view %s: %w", id, t.classify(err))
	}
	return v, nil
}

// EndSavedView takes a view away; fault.NotFound where there is none.
func (t *Tx) EndSavedView(ctx context.Context, id string, at time.Time) error {
	r, err := t.exec(ctx, "update saved_view set ended_at = $1 where id = $2 and ended_at is null", Micros(at), id)
	if err != nil {
		return fmt.Errorf("end view %s: %w", id, err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.NotFound, "there is no view %s", id), err)
	}
	return nil
}
