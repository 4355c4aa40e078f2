package loop

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/feed"
	"tocsin/internal/store"
)

// mixture ends the name of the stream that takes what no stream of its own can: rows that do not name their source, and
// those of sources or parts beyond the limit. Absence from it proves nothing, because one of its sources may be silent
// while the others go on.
const mixture = " (mixed)"

// open records the part's stream and what its header changed.
func (x *run) open(ctx context.Context) error {
	o := &x.opened.Opened
	return x.l.store.Keep(ctx, func(tx *store.Tx) (err error) {
		defer func() { x.signal.Stream = x.stream }()
		if x.sources, err = x.streamsOf(ctx, tx); err != nil {
			return err
		}
		name := o.Stream
		if o.Part != "" {
			name += " " + o.Part
		}
		if o.Sourced {
			name += mixture
		}
		if x.stream, err = x.streamFor(ctx, tx, name, x.sources); err != nil || len(o.Columns) == 0 {
			return err
		}
		before, err := tx.StreamColumns(ctx, x.stream)
		if err == nil {
			err = tx.SetStreamColumns(ctx, x.stream, o.Columns)
		}
		drift := changed(before, o.Columns)
		if err != nil || len(before) == 0 || len(drift.New)+len(drift.Lost) == 0 {
			return err // the first of a stream has nothing before it that it could differ from
		}
		object := fmt.Sprintf("stream:%s/%s", x.signal.Feed, name)
		fresh, err := tx.Enqueue(ctx, store.QueueItem{
			Kind: "feed.drift", Object: object, Code: "feed.drift", Created: x.now,
			Args: []string{string(x.signal.Feed), name, fmt.Sprint(drift.New), fmt.Sprint(drift.Lost)},
		})
		if err != nil || !fresh {
			return err
		}
		_, err = tx.Append(ctx, x.now, access.ForSoftware("fold"), "feed.drift", access.On(object), "columns changed", drift)
		return err
	})
}

// changed says which columns a signal has that the one before it in its stream had not, and the other way round; their order
// does not matter.
func changed(before, now []string) feed.Drift {
	less := func(all, without []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(c string) bool { return slices.Contains(without, c) })
	}
	return feed.Drift{New: less(now, before), Lost: less(before, now)}
}

// streamsOf returns the streams of the signal's feed by name.
func (x *run) streamsOf(ctx context.Context, tx *store.Tx) (map[string]int64, error) {
	all, err := tx.Streams(ctx)
	out := map[string]int64{}
	for _, s := range all {
		if s.Feed == x.signal.Feed {
			out[s.Name] = s.ID
		}
	}
	return out, err
}

// streamFor returns the ID of one of the feed's streams, made where it is new, and adds it to known. Beyond the limit
// it is the mixture, and the desk is told.
func (x *run) streamFor(ctx context.Context, tx *store.Tx, name string, known map[string]int64) (int64, error) {
	o := &x.opened.Opened
	s := store.Stream{Feed: x.signal.Feed, Name: name, Report: o.Stream, Absence: o.Absence}
	if s.Absence == 0 {
		s.Absence = x.pack.AbsenceCycles
	}
	mixed := o.Stream + mixture
	if _, ok := known[name]; !ok && name != mixed && len(known) >= feed.MaxSources {
		if err := x.tellLimit(ctx, tx, name); err != nil {
			return 0, err
		}
		s.Name = mixed
	}
	if s.Name == mixed {
		s.Absence = -1
	}
	id, err := tx.StreamOf(ctx, s, x.now)
	if err == nil {
		known[s.Name] = id
	}
	return id, err
}

// tellLimit tells the desk that a source or part has no stream of its own.
func (x *run) tellLimit(ctx context.Context, tx *store.Tx, name string) error {
	object := "feed:" + string(x.signal.Feed)
	fresh, err := tx.Enqueue(ctx, store.QueueItem{
		Kind: "feed.sources", Object: object, Code: "feed.sources", Args: []string{string(x.signal.Feed), fmt.Sprint(feed.MaxSources), name},
		Severity: event.Medium, Created: x.now,
	})
	if err != nil || !fresh {
		return err
	}
	_, err = tx.Append(ctx, x.now, access.ForSoftware("fold"), "feed.sources", access.On(object), "more streams than a feed may have", nil)
	return err
}

// streamsIn returns the stream of every source that a chunk's rows name. It is worked out inside the transaction, which
// makes the streams that are new.
func (x *run) streamsIn(ctx context.Context, tx *store.Tx, c *chunk) (map[string]int64, error) {
	out := map[string]int64{"": x.stream}
	if !x.opened.Sourced {
		return out, nil
	}
	known, beyond := x.sources, ""
	for _, source := range slices.Sorted(maps.Keys(c.sources)) {
		id, ok := known[source]
		switch {
		case source == "" || source == x.opened.Stream || source == x.opened.Stream+mixture:
			id = x.stream // a source that is called like the whole cannot be told from it
		case ok:
		case len(known) >= feed.MaxSources:
			id, beyond = x.stream, source
		default:
			if len(known) == len(x.sources) {
				known = maps.Clone(known)
			}
			var err error
			if id, err = x.streamFor(ctx, tx, source, known); err != nil {
				return nil, err
			}
		}
		out[source] = id
	}
	if beyond != "" {
		return out, x.tellLimit(ctx, tx, beyond)
	}
	return out, nil
}
