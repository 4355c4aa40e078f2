package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/coverage"
	"tocsin/internal/event"
	"tocsin/internal/fault"
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
	Last   finding.Cycle  // newest cycle; zero where there is none
	Every  int            // days of its rhythm; 0 = not known yet
	Median int64          // rows of its last 14 healthy cycles
	Weak   finding.Health // why its newest whole cycle proves nothing; empty where it does
	From   finding.Day    // from which day on none has
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
	cycles, err := tx.Cycles(ctx, finding.DayOf(now)-coverage.Memory)
	if err != nil {
		return nil, err
	}
	out := map[ident.Feed][]StreamHealth{}
	for _, s := range streams {
		r := finding.Learn(cycles[s.ID], s.Anew, now)
		h := StreamHealth{ID: s.ID, Name: s.Name, Every: r.Every, Median: r.Median(), Silent: r.Silent(), Since: r.SilentFrom()}
		if why, from := r.Weak(); why != finding.Healthy {
			h.Weak, h.From = why, from
		}
		if n := len(r.Cycles); n > 0 {
			h.Last = r.Cycles[n-1]
		}
		out[s.Feed] = append(out[s.Feed], h)
	}
	return out, nil
}

// WatchFeeds puts every stream that has gone silent, or whose cycles prove nothing any more, into the desk's queue, once
// per occurrence, and takes it out when that ends. A disabled feed is expected to be silent. It tells how many it put in.
func (l *Loop) WatchFeeds(ctx context.Context, now time.Time) (int, error) {
	health, err := l.FeedHealth(ctx, now)
	if err != nil {
		return 0, err
	}
	alarms := 0
	for _, h := range health {
		for _, s := range h.Streams {
			for _, a := range []alarm{silence(h.Feed, s), weakness(h.Feed, s, finding.DayOf(now))} {
				raised, err := l.watch(ctx, now, s.ID, a)
				if err != nil {
					return alarms, fmt.Errorf("watch stream %s of feed %s: %w", s.Name, h.Feed.ID, err)
				}
				if raised {
					alarms++
				}
			}
		}
	}
	return alarms, nil
}

var watcher = access.ForSoftware("watch")

// alarm is what the desk is told of a stream. An empty mark: there is nothing to tell.
type alarm struct {
	mark             string // what tells one occurrence from another
	setting          string // begins the name of the setting that keeps the mark that was told
	item             store.QueueItem
	act, end         string // of the ledger: when it begins and when it is over
	reason, endsWith string
}

func silence(f store.Feed, s StreamHealth) alarm {
	a := alarm{setting: "silence", act: "feed.silent", end: "feed.speak", endsWith: "the stream is no longer silent"}
	a.item = store.QueueItem{Kind: "feed.silent", Object: fmt.Sprintf("stream:%s/%s", f.ID, s.Name), Code: "feed.silent", Severity: event.High}
	if s.Silent && f.Disabled.IsZero() {
		a.mark = s.Last.Day.String()
		a.reason = "nothing since " + a.mark
		a.item.Args = []string{string(f.ID), s.Name, a.mark}
	}
	return a
}

// weakness waits a day longer than the cycle's: what comes late, or runs over midnight, is no reason to call anybody.
func weakness(f store.Feed, s StreamHealth, today finding.Day) alarm {
	a := alarm{setting: "weak", act: "feed.weak", end: "feed.strong", endsWith: "its cycles prove something again"}
	a.item = store.QueueItem{Kind: "feed.weak", Object: fmt.Sprintf("stream:%s/%s", f.ID, s.Name), Severity: event.Medium}
	if s.Weak != "" && s.From < today-1 && !s.Silent && f.Disabled.IsZero() {
		a.mark = s.From.String()
		a.reason = string(s.Weak) + " since " + a.mark
		a.item.Code = "feed.weak_" + string(s.Weak)
		a.item.Args = []string{string(f.ID), s.Name, a.mark}
	}
	return a
}

// watch raises or settles an alarm. The setting remembers what was told, so that an item the desk has closed is not
// raised again for the same occurrence.
func (l *Loop) watch(ctx context.Context, now time.Time, stream int64, a alarm) (raised bool, err error) {
	setting := fmt.Sprintf("%s %d", a.setting, stream)
	same := false
	look := func(tx *store.Tx) error {
		told, err := tx.Setting(ctx, setting)
		same = told == a.mark
		return err
	}
	if err := l.store.View(ctx, look); err != nil || same {
		return false, err
	}
	return a.mark != "", l.store.Update(ctx, func(tx *store.Tx) error {
		if err := look(tx); err != nil || same {
			return err
		}
		if err := tx.PutSetting(ctx, setting, a.mark); err != nil {
			return err
		}
		if a.mark == "" {
			if _, err := tx.QueueSettle(ctx, a.item.Kind, a.item.Object, watcher.String(), now); err != nil {
				return err
			}
			_, err := tx.Append(ctx, now, watcher, a.end, access.On(a.item.Object), a.endsWith, nil)
			return err
		}
		a.item.Created = now
		if _, err := tx.Enqueue(ctx, a.item); err != nil {
			return err
		}
		_, err := tx.Append(ctx, now, watcher, a.act, access.On(a.item.Object), a.reason, nil)
		return err
	})
}

// maxLevelReason bounds the reason of ConfirmLevel, in bytes.
const maxLevelReason = 500

// ConfirmLevel says that what a stream brings since its cycles prove nothing is its new level: they are compared among
// themselves from then on. What the stream saw last before is not closed by it, because it may look elsewhere now. Only
// a person can tell a report that was cut from a world that got better.
func (l *Loop) ConfirmLevel(ctx context.Context, now time.Time, by access.Actor, of ident.Feed, stream int64, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > maxLevelReason {
		return fault.New(fault.Invalid, "reason: say in at most %d bytes why this is the new level", maxLevelReason)
	}
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		health, err := streamHealth(ctx, tx, now)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(health[of], func(s StreamHealth) bool { return s.ID == stream })
		if at < 0 {
			return fault.New(fault.NotFound, "stream: the feed %s has no stream %d", of, stream)
		}
		s := health[of][at]
		if s.Weak == "" || s.Weak == finding.SetAside {
			return fault.New(fault.Conflict, "stream: %s has no new level to confirm", s.Name)
		}
		if err := tx.StartAnew(ctx, s.ID, s.From); err != nil {
			return err
		}
		object := fmt.Sprintf("stream:%s/%s", of, s.Name)
		if _, err := tx.QueueSettle(ctx, "feed.weak", object, by.String(), now); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "feed.level", access.On(object), reason, struct {
			From finding.Day    `json:"from"`
			Was  finding.Health `json:"was"`
		}{s.From, s.Weak})
		return err
	})
	if err != nil {
		return fmt.Errorf("confirm the level of stream %d: %w", stream, err)
	}
	return nil
}
