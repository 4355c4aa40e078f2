// Package program owns what programs ask for and are told beside what people do: the stream of events of the ledger,
// webhooks with their deliveries, and pages of lists by key.
//
// It knows no HTTP: who posts a delivery is behind a small interface.
package program

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/webhook"
)

// Settings are what an operator decides.
type Settings struct {
	Key   []byte         // 32 bytes: seals the secrets of webhooks
	Rules webhook.URLs   // where webhooks may go
	Post  webhook.Poster // nil: webhooks are kept and not sent
}

// Programs is what programs are told by one installation. It is safe for use by many goroutines.
type Programs struct {
	store *store.Store
	set   Settings
}

// New returns what programs are told from s.
func New(s *store.Store, set Settings) *Programs { return &Programs{s, set} }

// PartyRow is a party in a list.
type PartyRow struct {
	party.Party
	Live int // findings, at most liveCap
}

// liveCap is where counts on lists end.
const liveCap = 10_001

// Parties returns at most limit parties that by may read behind the one with a name and id, by name, with the number of
// their live findings, and whether there are more. search narrows it to those whose id, name, sector or region holds it.
func (p *Programs) Parties(ctx context.Context, now time.Time, by access.Actor, search, name string, id ident.Party, limit int) ([]PartyRow, bool, error) {
	var out []PartyRow
	more := false
	err := p.store.View(ctx, func(tx *store.Tx) error {
		r, err := tx.Reader(ctx, by, now)
		if err != nil {
			return err
		}
		all, err := tx.Parties(ctx)
		if err != nil {
			return err
		}
		search = asset.Fold(search)
		all = slices.DeleteFunc(all, func(p party.Party) bool {
			t := access.Thing{Kind: access.Parties, ID: string(p.ID), Party: p.ID, Mark: marking.Mark{TLP: marking.Green}}
			return order(p.Name, p.ID, name, id) <= 0 || !access.Can(r, t, now, by.Why()) ||
				!strings.Contains(p.Words(), search)
		})
		slices.SortFunc(all, func(a, b party.Party) int { return order(a.Name, a.ID, b.Name, b.ID) })
		if more = len(all) > limit; more {
			all = all[:limit]
		}
		ids := make([]ident.Party, len(all))
		for i := range all {
			ids[i] = all[i].ID
		}
		live, err := tx.LiveByParty(ctx, ids, liveCap, access.Readable(r, access.Findings, now, by.Why()))
		for i := range all {
			out = append(out, PartyRow{all[i], live[all[i].ID]})
		}
		return err
	})
	return out, more, err
}

// order compares two places in the list of parties.
func order(name string, id ident.Party, otherName string, other ident.Party) int {
	if c := strings.Compare(name, otherName); c != 0 {
		return c
	}
	return strings.Compare(string(id), string(other))
}

// Counts returns how much waits for the desk, and how many live findings by may read; both up to 10,001.
func (p *Programs) Counts(ctx context.Context, now time.Time, by access.Actor) (queue, findings int, err error) {
	err = p.store.View(ctx, func(tx *store.Tx) error {
		r, err := tx.Reader(ctx, by, now)
		if err != nil {
			return err
		}
		work, err := tx.WorkOf(ctx, r, 0, now, time.UTC)
		if err != nil {
			return err
		}
		queue = min(work.Sum().N, liveCap)
		var live []finding.State
		for _, s := range finding.States {
			if s.Live() {
				live = append(live, s)
			}
		}
		may := access.Readable(r, access.Findings, now, by.Why())
		findings, err = tx.CountFindings(ctx, store.FindingFilter{States: live, May: may}, liveCap)
		return err
	})
	return queue, findings, err
}

// FeedMarks returns what the signals of each feed are marked with.
func (p *Programs) FeedMarks(ctx context.Context) (map[ident.Feed]marking.Mark, error) {
	out := map[ident.Feed]marking.Mark{}
	err := p.store.View(ctx, func(tx *store.Tx) error {
		feeds, err := tx.Feeds(ctx)
		for _, f := range feeds {
			out[f.ID] = marking.Mark{TLP: f.TLP}
		}
		return err
	})
	return out, err
}
