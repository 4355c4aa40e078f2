package loop

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// Health says how a feed is doing.
type Health struct {
	Feed     store.Feed
	Last     store.LastSignal // its newest signal; zero where none ever came
	Waiting  int64            // signals still to be folded
	Lag      time.Duration    // age of the oldest of them
	Rows     int64            // received this UTC day
	Quota    int              // percent of the feed's quota that Rows is; 0 where it has none
	Rejected int64            // rows in the last 30 days that became no event
	Taken    int64            // rows in the last 30 days, rejected ones included
	Streams  []StreamHealth   // by name
	Silent   bool             // one of its streams is
}

// StreamHealth says how a stream is doing.
type StreamHealth struct {
	ID     int64
	Name   string
	Last   finding.Cycle // newest cycle; zero where there is none
	Every  int           // days of its rhythm; 0 = not known yet
	Median int64         // rows of its last 14 cycles
	Weak   bool          // the newest whole cycle has less than half the rows of those before it
	Silent bool
	Since  time.Time // from when it counts as silent, past or to come; zero while the rhythm is unknown
}

// healthDays is the span over which rejected rows are shown.
const healthDays = 30

// FeedHealth returns how every feed is doing, by ID.
func (l *Loop) FeedHealth(ctx context.Context, now time.Time) ([]Health, error) {
	var out []Health
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = feedHealth(ctx, tx, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the health of the feeds: %w", err)
	}
	return out, nil
}

func feedHealth(ctx context.Context, tx *store.Tx, now time.Time) ([]Health, error) {
	feeds, err := tx.Feeds(ctx)
	if err != nil {
		return nil, err
	}
	today := finding.DayOf(now)
	intake, err := tx.Intake(ctx, today.Start(), (today - healthDays).Start())
	if err != nil {
		return nil, err
	}
	last, err := tx.LastSignals(ctx)
	if err != nil {
		return nil, err
	}
	streams, err := streamHealth(ctx, tx, now)
	if err != nil {
		return nil, err
	}
	out := make([]Health, len(feeds))
	for i, f := range feeds {
		in := intake[f.ID]
		h := Health{Feed: f, Last: last[f.ID], Waiting: in.Waiting, Rows: in.Today, Rejected: in.Rejected, Taken: in.Rows, Streams: streams[f.ID]}
		if in.Waiting > 0 {
			h.Lag = max(0, now.Sub(in.Oldest))
		}
		if f.QuotaRows > 0 {
			h.Quota = int(min(100*in.Today/f.QuotaRows, 1_000_000))
		}
		for _, s := range h.Streams {
			h.Silent = h.Silent || s.Silent
		}
		out[i] = h
	}
	return out, nil
}

// streamHealth returns the streams of every feed, by name.
func streamHealth(ctx context.Context, tx *store.Tx, now time.Time) (map[ident.Feed][]StreamHealth, error) {
	streams, err := tx.Streams(ctx)
	if err != nil {
		return nil, err
	}
	cycles, err := tx.Cycles(ctx, finding.DayOf(now)-cycleMemory)
	if err != nil {
		return nil, err
	}
	out := map[ident.Feed][]StreamHealth{}
	for _, s := range streams {
		r := finding.Learn(cycles[s.ID], now)
		h := StreamHealth{ID: s.ID, Name: s.Name, Every: r.Every, Median: r.Median(), Weak: r.Weak(), Silent: r.Silent(), Since: r.SilentFrom()}
		if n := len(r.Cycles); n > 0 {
			h.Last = r.Cycles[n-1]
		}
		out[s.Feed] = append(out[s.Feed], h)
	}
	return out, nil
}

// WatchFeeds puts every stream that has gone silent into the desk's queue, once per silence, and takes it out when it
// speaks again. A disabled feed is expected to be silent. It tells how many went silent.
func (l *Loop) WatchFeeds(ctx context.Context, now time.Time) (int, error) {
	health, err := l.FeedHealth(ctx, now)
	if err != nil {
		return 0, err
	}
	alarms := 0
	for _, h := range health {
		for _, s := range h.Streams {
			raised, err := l.watchStream(ctx, now, h.Feed, s)
			if err != nil {
				return alarms, fmt.Errorf("watch stream %s of feed %s: %w", s.Name, h.Feed.ID, err)
			}
			if raised {
				alarms++
			}
		}
	}
	return alarms, nil
}

var watcher = access.ForSoftware("watch")

// watchStream raises or settles the alarm of one stream. The setting remembers the silence that was told, by its last
// cycle, so that an item the desk has closed is not raised again for the same one.
func (l *Loop) watchStream(ctx context.Context, now time.Time, f store.Feed, s StreamHealth) (raised bool, err error) {
	silent := s.Silent && f.Disabled.IsZero()
	setting := fmt.Sprintf("silence %d", s.ID)
	mark := ""
	if silent {
		mark = s.Last.Day.String()
	}
	same := false
	look := func(tx *store.Tx) error {
		told, err := tx.Setting(ctx, setting)
		same = told == mark
		return err
	}
	if err := l.store.View(ctx, look); err != nil || same {
		return false, err
	}
	object := fmt.Sprintf("stream:%s/%s", f.ID, s.Name)
	return silent, l.store.Update(ctx, func(tx *store.Tx) error {
		if err := look(tx); err != nil || same {
			return err
		}
		if err := tx.PutSetting(ctx, setting, mark); err != nil {
			return err
		}
		if !silent {
			if _, err := tx.QueueSettle(ctx, "feed.silent", object, watcher.String(), now); err != nil {
				return err
			}
			_, err := tx.Append(ctx, now, watcher, "feed.speak", access.On(object), "the stream is no longer silent", nil)
			return err
		}
		_, err := tx.Enqueue(ctx, store.QueueItem{
			Kind: "feed.silent", Object: object, Code: "feed.silent", Args: []string{string(f.ID), s.Name, mark},
			Severity: event.High, Created: now,
		})
		if err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, watcher, "feed.silent", access.On(object), "nothing since "+mark, nil)
		return err
	})
}
