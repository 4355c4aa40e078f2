package triage

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// SavedView is a list of the desk under a name.
type SavedView = store.SavedView

// Bounds of views.
const (
	maxViews     = 100   // of one person
	mostViews    = 1_000 // of everybody, as far as one person sees them
	maxViewName  = 80    // runes
	maxViewQuery = 2000  // bytes
)

// Views returns the views that by kept and those that others share with the desk, by name.
func (d *Desk) Views(ctx context.Context, by access.Actor) ([]SavedView, error) {
	if by.Kind != access.Person || !by.Desk() || by.Weak {
		return nil, nil
	}
	var out []SavedView
	err := d.store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = tx.SavedViews(ctx, by.String(), mostViews)
		return err
	})
	return out, err
}

// SaveView keeps an address of the desk under a name, for by alone or for the whole desk. What it is called is in nobody's
// ledger. fault.Invalid where the name or the address is none, fault.Conflict where there are too many.
func (d *Desk) SaveView(ctx context.Context, now time.Time, by access.Actor, name, address string, shared bool) (SavedView, error) {
	v := SavedView{ID: ident.New("viw"), Owner: by.String(), Shared: shared, Name: strings.TrimSpace(name), Created: now}
	if n := len([]rune(v.Name)); n == 0 || n > maxViewName || strings.ContainsFunc(v.Name, unicode.IsControl) {
		return v, fault.New(fault.Invalid, "name: 1 to %d characters were expected", maxViewName)
	}
	var err error
	if v.Query, err = viewQuery(address); err != nil {
		return v, err
	}
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		have, err := tx.SavedViews(ctx, v.Owner, mostViews)
		if err != nil {
			return err
		}
		have = slices.DeleteFunc(have, func(o SavedView) bool { return o.Owner != v.Owner }) // a colleague's shared ones bar nobody
		if len(have) >= maxViews || len(have) == mostViews {
			return fault.New(fault.Conflict, "there are %d views already: end one first", maxViews)
		}
		_, err = tx.Append(ctx, now, by, "view.save", access.On("view:"+v.ID), "", struct {
			Shared bool `json:"shared,omitempty"`
		}{shared})
		return errors.Join(err, tx.InsertSavedView(ctx, v))
	})
	if err != nil {
		return SavedView{}, fmt.Errorf("save a view: %w", err)
	}
	return v, nil
}

// viewQuery is an address of the desk's lists, without what belongs to one visit.
func viewQuery(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxViewQuery || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/desk") || strings.HasPrefix(address, "//") {
		return "", fault.New(fault.Invalid, "query: an address of the desk was expected")
	}
	q := u.Query()
	for _, name := range []string{"done", "undo", "at", "before", "after", "lang", "theme"} {
		q.Del(name)
	}
	if len(q) == 0 {
		return u.Path, nil
	}
	return u.Path + "?" + q.Encode(), nil
}

// EndView takes a view away: its owner may, and for one that is shared whoever decides at the desk.
func (d *Desk) EndView(ctx context.Context, now time.Time, by access.Actor, id string) error {
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		v, err := tx.SavedViewByID(ctx, id)
		if err != nil {
			return err
		}
		if v.Owner != by.String() && (!v.Shared || !by.Holds(people.Triage, ident.Authority)) {
			return fault.New(fault.NotFound, "there is no view %s", id)
		}
		if _, err := tx.Append(ctx, now, by, "view.end", access.On("view:"+id), "", nil); err != nil {
			return err
		}
		return tx.EndSavedView(ctx, id, now)
	})
	if err != nil {
		return fmt.Errorf("end a view: %w", err)
	}
	return nil
}
