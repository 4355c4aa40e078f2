package loop

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Region is a node in the tree of regions.
type Region = party.Region

// PartyRow is a party as the list shows it.
type PartyRow struct {
	party.Party
	Live int // findings, at most CountCap
}

// CountCap is where counts on lists end: one more than the number that they show with a plus.
const CountCap = 10_001

// PartyPage is the beginning of the list of parties.
type PartyPage struct {
	Rows []PartyRow
	More int // further ones
}

// PartyList returns at most limit parties that by may read by name, with the number of their live findings; search narrows it to those
// whose id, name, sector or region holds it.
func (l *Loop) PartyList(ctx context.Context, now time.Time, by access.Actor, search string, limit int) (PartyPage, error) {
	var out PartyPage
	err := l.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		parties, err := tx.Parties(ctx)
		if err != nil {
			return err
		}
		search = asset.Fold(search)
		parties = slices.DeleteFunc(parties, func(p party.Party) bool {
			return !r.can(partyThing(p.ID)) || !strings.Contains(p.Words(), search)
		})
		slices.SortFunc(parties, func(a, b party.Party) int { return strings.Compare(a.Name, b.Name) })
		if len(parties) > limit {
			out.More = len(parties) - limit
			parties = parties[:limit]
		}
		ids := make([]ident.Party, len(parties))
		for i := range parties {
			ids[i] = parties[i].ID
		}
		live, err := tx.LiveByParty(ctx, ids, CountCap, r.may(access.Findings))
		if err != nil {
			return err
		}
		for _, p := range parties {
			out.Rows = append(out.Rows, PartyRow{p, live[p.ID]})
		}
		return nil
	})
	return out, err
}

func partyThing(id ident.Party) access.Thing {
	return access.Thing{Kind: access.Parties, ID: string(id), Party: id, Mark: marking.Mark{TLP: marking.Green}}
}

// PartyNames returns what parties are called; what is no party is left out. At most 1,000 ids.
func (l *Loop) PartyNames(ctx context.Context, ids []ident.Party) (names map[ident.Party]string, err error) {
	err = l.store.View(ctx, func(tx *store.Tx) (err error) {
		names, err = tx.PartyNamesOf(ctx, ids)
		return err
	})
	return names, err
}

// PartyDetail is one party with its record.
type PartyDetail struct {
	party.Party
	Shares  []Share     // of its findings
	Notices []NoticeRow // the newest first
}

// noticesShown is how many notices a party's page lists.
const noticesShown = 50

// PartyByID returns one party with counts of its findings and its newest notices.
func (l *Loop) PartyByID(ctx context.Context, now time.Time, by access.Actor, id ident.Party) (PartyDetail, error) {
	var d PartyDetail
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		if d.Party, err = tx.PartyByID(ctx, id); errors.Is(err, fault.NotFound) || !r.can(partyThing(id)) {
			return access.Missing(access.Parties, string(id))
		}
		if err != nil {
			return err
		}
		if d.Shares, err = tx.PartyShares(ctx, id, r.may(access.Findings)); err != nil {
			return err
		}
		list, err := tx.ListNotices(ctx, store.NoticeFilter{Party: id, May: r.may(access.Notices)}, store.NoticeCursor{}, noticesShown)
		if err != nil {
			return err
		}
		names := &names{parties: map[ident.Party]string{id: d.Name}}
		d.Notices, err = names.notices(ctx, tx, list)
		return err
	})
	return d, err
}

// Regions returns the tree of regions.
func (l *Loop) Regions(ctx context.Context) ([]Region, error) {
	var out []party.Region
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = tx.Regions(ctx)
		return err
	})
	return out, err
}

// Streams returns every stream, by feed and name.
func (l *Loop) Streams(ctx context.Context) ([]store.Stream, error) {
	var out []store.Stream
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = tx.Streams(ctx)
		return err
	})
	slices.SortFunc(out, func(a, b store.Stream) int {
		return strings.Compare(string(a.Feed)+"/"+a.Name, string(b.Feed)+"/"+b.Name)
	})
	return out, err
}
