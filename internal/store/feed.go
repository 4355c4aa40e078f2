package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

// Feed is a configured source of signals.
type Feed struct {
	ID        ident.Feed
	Pack      string // name of the pack that reads it
	Title     string
	TokenHash []byte      // SHA-256 of the token that pushes carry; nil = pushes refused
	TLP       marking.TLP // of what it brings
	Urgent    bool        // its signals overtake bulk inventories
	QuotaRows int64       // rows a UTC day; 0 = unlimited
	Created   time.Time   // set by the first PutFeed, kept by later ones
	Disabled  time.Time   // zero = in use
	Poll      Poll
}

// Poll is how a feed is fetched and how that went last.
type Poll struct {
	URL      string        // empty = not fetched
	Every    time.Duration // between good fetches
	Next     time.Time     // when due; zero = at once
	ETag     string
	Modified string // Last-Modified as the server wrote it
	Failures int    // in a row
	Error    string // of the last fetch; empty after a good one
}

// Stream is one independent source of coverage of a feed: a report type or table, one of several files that a report
// comes in, or one of several sources that a feed carries. It has a rhythm of its own.
type Stream struct {
	ID      int64
	Feed    ident.Feed
	Name    string
	Report  string   // the report type or table: what the class library and rules know it by
	Absence int      // cycles of absence that count as evidence; 0 takes the class's
	Columns []string // of the newest signal; nil where the format has none
	Created time.Time
	Anew    finding.Day // from which a person has confirmed a new level; 0 = never
}

const feedColumns = `id, pack, title, token_hash, urgent, quota_rows, created_at, disabled_at, poll_url, poll_every,
	poll_next, poll_etag, poll_modified, poll_failures, poll_error, tlp`

// PutFeed inserts a feed or replaces all of it but its time of creation.
func (t *Tx) PutFeed(ctx context.Context, f Feed) error {
	_, err := t.exec(ctx, "insert into feed ("+feedColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		on conflict (id) do update set pack = excluded.pack, title = excluded.title, token_hash = excluded.token_hash,
		urgent = excluded.urgent, quota_rows = excluded.quota_rows, disabled_at = excluded.disabled_at,
		poll_url = excluded.poll_url, poll_every = excluded.poll_every, poll_next = excluded.poll_next,
		poll_etag = excluded.poll_etag, poll_modified = excluded.poll_modified, poll_failures = excluded.poll_failures,
		poll_error = excluded.poll_error, tlp = excluded.tlp`,
		f.ID, f.Pack, f.Title, f.TokenHash, f.Urgent, f.QuotaRows, Micros(f.Created), optional(f.Disabled),
		f.Poll.URL, f.Poll.Every.Microseconds(), optional(f.Poll.Next), f.Poll.ETag, f.Poll.Modified, f.Poll.Failures, f.Poll.Error,
		int64(f.TLP))
	if err != nil {
		return fmt.Errorf("put feed %s: %w", f.ID, err)
	}
	return nil
}

// SetPoll writes how fetching a feed went.
func (t *Tx) SetPoll(ctx context.Context, id ident.Feed, p Poll) error {
	_, err := t.exec(ctx, `update feed set poll_next = $1, poll_etag = $2, poll_modified = $3, poll_failures = $4,
		poll_error = $5 where id = $6`, optional(p.Next), p.ETag, p.Modified, p.Failures, p.Error, id)
	if err != nil {
		return fmt.Errorf("set poll of feed %s: %w", id, err)
	}
	return nil
}

// FeedByID returns one feed; fault.NotFound where there is none.
func (t *Tx) FeedByID(ctx context.Context, id ident.Feed) (Feed, error) {
	f, err := scanFeed(t.tx.QueryRowContext(ctx, "select "+feedColumns+" from feed where id = $1", id))
	if err != nil {
		return Feed{}, fmt.Errorf("read feed %s: %w", id, t.classify(err))
	}
	return f, nil
}

// FeedByToken returns the feed whose token has this SHA-256; fault.NotFound where there is none. Looking up the hash
// tells a guesser nothing about the token by its timing.
func (t *Tx) FeedByToken(ctx context.Context, hash []byte) (Feed, error) {
	f, err := scanFeed(t.tx.QueryRowContext(ctx, "select "+feedColumns+" from feed where token_hash = $1", hash))
	if err != nil {
		return Feed{}, fmt.Errorf("read feed by token: %w", t.classify(err))
	}
	return f, nil
}

// Feeds returns every feed by ID.
func (t *Tx) Feeds(ctx context.Context) ([]Feed, error) {
	return t.feeds(ctx, "order by id")
}

// FeedsDue returns the feeds in use whose fetch is due at now, longest waiting first.
func (t *Tx) FeedsDue(ctx context.Context, now time.Time) ([]Feed, error) {
	return t.feeds(ctx, `where poll_url <> '' and disabled_at is null and coalesce(poll_next, 0) <= $1
		order by coalesce(poll_next, 0), id`, Micros(now))
}

func (t *Tx) feeds(ctx context.Context, rest string, args ...any) ([]Feed, error) {
	var out []Feed
	err := t.each(ctx, "select "+feedColumns+" from feed "+rest, args, func(r *sql.Rows) error {
		f, err := scanFeed(r)
		if err != nil {
			return err
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read feeds: %w", err)
	}
	return out, nil
}

func scanFeed(r scanner) (Feed, error) {
	var f Feed
	var created, every int64
	var disabled, next sql.NullInt64
	err := r.Scan(&f.ID, &f.Pack, &f.Title, &f.TokenHash, &f.Urgent, &f.QuotaRows, &created, &disabled, &f.Poll.URL,
		&every, &next, &f.Poll.ETag, &f.Poll.Modified, &f.Poll.Failures, &f.Poll.Error, &f.TLP)
	if err != nil {
		return Feed{}, err
	}
	f.Created, f.Disabled = Instant(created), instant(disabled)
	f.Poll.Every, f.Poll.Next = time.Duration(every)*time.Microsecond, instant(next)
	return f, nil
}

// StreamOf returns the ID of a feed's stream and makes the stream where it is new. Report and Absence are kept as s now
// says them.
func (t *Tx) StreamOf(ctx context.Context, s Stream, now time.Time) (int64, error) {
	var id, had int64
	var report string
	err := t.row(ctx, "select id, absence_cycles, report from stream where feed_id = $1 and name = $2", []any{s.Feed, s.Name}, &id, &had, &report)
	switch {
	case err == nil && had == int64(s.Absence) && report == s.Report:
		return id, nil
	case err == nil:
		_, err = t.exec(ctx, "update stream set absence_cycles = $1, report = $2 where id = $3", s.Absence, s.Report, id)
	case errors.Is(err, fault.NotFound):
		if err = t.row(ctx, "select coalesce(max(id), 0) + 1 from stream", nil, &id); err == nil {
			_, err = t.exec(ctx, "insert into stream (id, feed_id, name, report, absence_cycles, columns, created_at) values ($1, $2, $3, $4, $5, '', $6)",
				id, s.Feed, s.Name, s.Report, s.Absence, Micros(now))
		}
	}
	if err != nil {
		return 0, fmt.Errorf("stream %s of feed %s: %w", s.Name, s.Feed, err)
	}
	return id, nil
}

// StreamColumns returns the columns of the stream's newest signal; none before the first.
func (t *Tx) StreamColumns(ctx context.Context, id int64) ([]string, error) {
	var text string
	var columns []string
	err := t.row(ctx, "select columns from stream where id = $1", []any{id}, &text)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &columns)
	}
	if err != nil {
		return nil, fmt.Errorf("read columns of stream %d: %w", id, err)
	}
	return columns, nil
}

// SetStreamColumns records the columns of the stream's newest signal.
func (t *Tx) SetStreamColumns(ctx context.Context, id int64, columns []string) error {
	text, err := json.Marshal(columns)
	if err == nil {
		_, err = t.exec(ctx, "update stream set columns = $1 where id = $2", string(text), id)
	}
	if err != nil {
		return fmt.Errorf("set columns of stream %d: %w", id, err)
	}
	return nil
}

// Streams returns every stream by ID.
func (t *Tx) Streams(ctx context.Context) ([]Stream, error) {
	out, err := remembered(t, streamsKey{}, func() ([]Stream, error) { return t.streams(ctx) })
	if err != nil {
		return nil, fmt.Errorf("read streams: %w", err)
	}
	return slices.Clone(out), nil
}

type streamsKey struct{}

func (t *Tx) streams(ctx context.Context) ([]Stream, error) {
	var out []Stream
	err := t.each(ctx, "select id, feed_id, name, report, absence_cycles, columns, created_at, anew from stream order by id", nil,
		func(r *sql.Rows) error {
			var s Stream
			var columns string
			var created int64
			if err := r.Scan(&s.ID, &s.Feed, &s.Name, &s.Report, &s.Absence, &columns, &created, &s.Anew); err != nil {
				return err
			}
			s.Created = Instant(created)
			if columns != "" {
				if err := json.Unmarshal([]byte(columns), &s.Columns); err != nil {
					return fmt.Errorf("columns of stream %d: %w", s.ID, err)
				}
			}
			out = append(out, s)
			return nil
		})
	return out, err
}

// LastSignal is the newest signal of a feed.
type LastSignal struct {
	ID       ident.Signal
	Received time.Time
	State    string // received, folded or refused
	Error    string
}

// LastSignals returns the newest signal of every feed that has one.
func (t *Tx) LastSignals(ctx context.Context) (map[ident.Feed]LastSignal, error) {
	out := map[ident.Feed]LastSignal{}
	err := t.each(ctx, `select s.feed_id, s.id, s.received_at, s.state, s.error from signal s
		join feed f on f.id = s.feed_id
		where s.id = (select max(o.id) from signal o where o.feed_id = f.id)`, nil, func(r *sql.Rows) error {
		var feed ident.Feed
		var l LastSignal
		var at int64
		err := r.Scan(&feed, &l.ID, &at, &l.State, &l.Error)
		l.Received = Instant(at)
		out[feed] = l
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read newest signals: %w", err)
	}
	return out, nil
}

// Intake is what came from a feed.
type Intake struct {
	Today    int64 // rows received since the given start of the day
	Rows     int64 // rows received since the given start of the span
	Rejected int64 // of them, rows that became no event
	Waiting  int64 // signals still to be folded, however old
	Oldest   time.Time
}

// Intake returns what came from every feed since the start of a day and of a longer span.
func (t *Tx) Intake(ctx context.Context, day, span time.Time) (map[ident.Feed]Intake, error) {
	out := map[ident.Feed]Intake{}
	// Grouped by an expression: the order of the feeds would lead through every signal that ever came.
	err := t.each(ctx, `select feed_id || '', cast(coalesce(sum(case when received_at >= $1 then rows else 0 end), 0) as bigint),
		cast(coalesce(sum(rows), 0) as bigint), cast(coalesce(sum(rejected), 0) as bigint)
		from signal where received_at >= $2 group by 1`, []any{Micros(day), Micros(span)}, func(r *sql.Rows) error {
		var feed ident.Feed
		var in Intake
		err := r.Scan(&feed, &in.Today, &in.Rows, &in.Rejected)
		out[feed] = in
		return err
	})
	if err == nil {
		err = t.each(ctx, "select feed_id || '', count(*), min(received_at) from signal where state = 'received' group by 1", nil,
			func(r *sql.Rows) error {
				var feed ident.Feed
				var n, oldest int64
				err := r.Scan(&feed, &n, &oldest)
				in := out[feed]
				in.Waiting, in.Oldest = n, Instant(oldest)
				out[feed] = in
				return err
			})
	}
	if err != nil {
		return nil, fmt.Errorf("read what came from the feeds: %w", err)
	}
	return out, nil
}
