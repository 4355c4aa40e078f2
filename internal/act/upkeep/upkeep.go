// Package upkeep reads what whoever keeps the installation running looks at: what waits, how much there is, and how
// feeds came in day by day. It shows nothing of anybody. It removes what is kept for a time only.
package upkeep

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// Upkeep reads and removes. It is safe for use by many goroutines.
type Upkeep struct{ store *store.Store }

// New makes an Upkeep.
func New(s *store.Store) *Upkeep { return &Upkeep{s} }

// Backlog is what waits.
type Backlog = store.Backlog

// Engine is which database this is.
type Engine = store.Engine

// Most bounds what is counted one by one.
const Most = store.MostMeasured

// Backlog reads what waits at now; signals refused in the last week count.
func (u *Upkeep) Backlog(ctx context.Context, now time.Time) (Backlog, error) {
	var b Backlog
	err := u.store.View(ctx, func(tx *store.Tx) (err error) {
		b, err = tx.Backlog(ctx, now, now.AddDate(0, 0, -7), string(notice.Planned), string(notice.Held), string(notice.Sending), string(notice.Failed))
		return err
	})
	return b, err
}

// Engine reads which database this is.
func (u *Upkeep) Engine(ctx context.Context) (Engine, error) {
	var e Engine
	err := u.store.View(ctx, func(tx *store.Tx) (err error) {
		e, err = tx.Engine(ctx)
		return err
	})
	return e, err
}

// Stream is the days of one stream of a feed.
type Stream struct {
	Name string
	Rows []int64 // of each day, the oldest first
}

// Days returns the rows that every stream of every feed delivered in each of the last n UTC days; the last is today.
func (u *Upkeep) Days(ctx context.Context, now time.Time, n int) (map[ident.Feed][]Stream, error) {
	first := finding.DayOf(now) - finding.Day(n-1)
	out := map[ident.Feed][]Stream{}
	err := u.store.View(ctx, func(tx *store.Tx) error {
		streams, err := tx.Streams(ctx)
		if err != nil {
			return err
		}
		cycles, err := tx.Cycles(ctx, first)
		if err != nil {
			return err
		}
		for _, s := range streams {
			days := Stream{s.Name, make([]int64, n)}
			for _, c := range cycles[s.ID] {
				if i := int(c.Day - first); i >= 0 && i < n {
					days.Rows[i] += c.Rows
				}
			}
			out[s.Feed] = append(out[s.Feed], days)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the days of the feeds: %w", err)
	}
	return out, nil
}
