package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Signal is a received signal and how far its rows have been folded.
type Signal struct {
	ID       ident.Signal
	Feed     ident.Feed
	Blob     string // SHA-256 of the bytes as received, in hex
	Name     string // as the sender called it
	Bytes    int64
	Received time.Time
	Urgent   bool
	State    string // received, folded or refused
	Error    string // why it was refused, or what ended the reading early
	Stream   int64  // of the part being read
	Cursor   Cursor
	Counts   Counts
	Finished time.Time
}

// Cursor is the place in a signal up to which everything is committed: the next record to read.
type Cursor struct {
	Part   int   // of a packed signal, from 0
	Offset int64 // bytes into the part; 0 is before its header
	Line   int64 // lines of the part before Offset
}

// Counts says what became of a signal's rows: Read, Rejected or Refused. A row that names several assets makes an event of
// each, so that there may be more Events than rows that were read.
type Counts struct {
	Rows, Events, Rejected, Refused int64
	Held                            int64 // of Rejected: rows marked TLP:RED, which wait for a person
	Found                           int64 // events that made a new finding
	Seen                            int64 // events of a finding known before
	Reopened, Closed                int64 // findings
}

// Read is how many rows became events.
func (c Counts) Read() int64 { return c.Rows - c.Rejected - c.Refused }

// Add adds d to c.
func (c *Counts) Add(d Counts) {
	c.Rows += d.Rows
	c.Events += d.Events
	c.Rejected += d.Rejected
	c.Refused += d.Refused
	c.Held += d.Held
	c.Found += d.Found
	c.Seen += d.Seen
	c.Reopened += d.Reopened
	c.Closed += d.Closed
}

const signalColumns = `s.id, s.feed_id, s.blob, s.name, s.bytes, s.received_at, s.urgent, s.state, s.error, s.stream_id, s.part,
	s.part_offset, s.line, s.rows, s.events, s.rejected, s.refused, s.found, s.seen, s.reopened, s.closed, s.held, s.finished_at`

func scanSignal(r scanner) (Signal, error) {
	var s Signal
	var received int64
	var stream, finished sql.NullInt64
	c := &s.Counts
	err := r.Scan(&s.ID, &s.Feed, &s.Blob, &s.Name, &s.Bytes, &received, &s.Urgent, &s.State, &s.Error, &stream,
		&s.Cursor.Part, &s.Cursor.Offset, &s.Cursor.Line, &c.Rows, &c.Events, &c.Rejected, &c.Refused, &c.Found,
		&c.Seen, &c.Reopened, &c.Closed, &c.Held, &finished)
	s.Received, s.Stream, s.Finished = Instant(received), stream.Int64, instant(finished)
	return s, err
}

// InsertSignal writes a new signal and returns its number; fault.Exists where the feed sent the same bytes before.
func (t *Tx) InsertSignal(ctx context.Context, s Signal) (ident.Signal, error) {
	err := t.row(ctx, "select coalesce(max(id), 0) + 1 from signal", nil, &s.ID)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, `insert into signal (id, feed_id, blob, name, bytes, received_at, urgent, state, error, part,
		part_offset, line, rows, events, rejected, refused, found, seen, reopened, closed)
		values ($1, $2, $3, $4, $5, $6, $7, 'received', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`,
		s.ID, s.Feed, s.Blob, s.Name, s.Bytes, Micros(s.Received), s.Urgent)
	if err != nil {
		return 0, fmt.Errorf("insert signal of feed %s: %w", s.Feed, err)
	}
	return s.ID, nil
}

// SignalByID returns one signal; fault.NotFound where there is none.
func (t *Tx) SignalByID(ctx context.Context, id ident.Signal) (Signal, error) {
	s, err := scanSignal(t.tx.QueryRowContext(ctx, "select "+signalColumns+" from signal s where s.id = $1", id))
	return s, t.classify(err)
}

// SignalByBlob returns the feed's signal with these bytes; fault.NotFound where there is none.
func (t *Tx) SignalByBlob(ctx context.Context, f ident.Feed, blob string) (Signal, error) {
	s, err := scanSignal(t.tx.QueryRowContext(ctx,
		"select "+signalColumns+" from signal s where s.feed_id = $1 and s.blob = $2", f, blob))
	return s, t.classify(err)
}

// SignalByKey returns the signal that the feed sent under an idempotency key; fault.NotFound where there is none.
func (t *Tx) SignalByKey(ctx context.Context, f ident.Feed, key string) (Signal, error) {
	s, err := scanSignal(t.tx.QueryRowContext(ctx, "select "+signalColumns+` from signal s join receipt_key k
		on k.signal_id = s.id where k.feed_id = $1 and k.key = $2`, f, key))
	return s, t.classify(err)
}

// PutReceiptKey remembers the idempotency key under which a signal came.
func (t *Tx) PutReceiptKey(ctx context.Context, f ident.Feed, key string, id ident.Signal) error {
	_, err := t.exec(ctx, "insert into receipt_key (feed_id, key, signal_id) values ($1, $2, $3)", f, key, id)
	return err
}

// WaitingSignal is the oldest signal of a feed that waits to be folded.
type WaitingSignal struct {
	Signal    ident.Signal
	Feed      ident.Feed
	Urgent    bool
	OverQuota bool // the feed has had its quota of rows for the day
}

// WaitingSignals returns the oldest signal that waits of every feed that has one. The quota counts the rows of the UTC
// day that starts at day.
func (t *Tx) WaitingSignals(ctx context.Context, day time.Time) ([]WaitingSignal, error) {
	var out []WaitingSignal
	err := t.each(ctx, `select s.id, s.feed_id, s.urgent, case when f.quota_rows > 0 and (select coalesce(sum(o.rows), 0)
			from signal o where o.feed_id = f.id and o.received_at >= $1) >= f.quota_rows then 1 else 0 end
		from (select feed_id, min(id) as id from signal where state = 'received' group by feed_id) w
		join signal s on s.id = w.id join feed f on f.id = s.feed_id order by s.id`, []any{Micros(day)},
		func(r *sql.Rows) error {
			var w WaitingSignal
			var over int
			err := r.Scan(&w.Signal, &w.Feed, &w.Urgent, &over)
			w.OverQuota = over == 1
			out = append(out, w)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("find the signals that wait: %w", err)
	}
	return out, nil
}

// OthersWait reports whether a signal of another feed waits to be folded.
func (t *Tx) OthersWait(ctx context.Context, f ident.Feed) (bool, error) {
	var first, last sql.NullString
	err := t.row(ctx, `select (select min(feed_id) from signal where state = 'received'),
		(select max(feed_id) from signal where state = 'received')`, nil, &first, &last)
	if err != nil {
		return false, fmt.Errorf("look for signals of other feeds than %s: %w", f, err)
	}
	return first.Valid && (first.String != string(f) || last.String != string(f)), nil
}

// NoteSignal writes down what could not be read of a signal whose other parts are still to be read.
func (t *Tx) NoteSignal(ctx context.Context, id ident.Signal, problem string) error {
	_, err := t.exec(ctx, "update signal set error = $1 where id = $2", problem, id)
	return err
}

// AdvanceSignal moves a signal's cursor and adds d to its counts.
func (t *Tx) AdvanceSignal(ctx context.Context, id ident.Signal, stream int64, c Cursor, d Counts) error {
	_, err := t.exec(ctx, `update signal set stream_id = $1, part = $2, part_offset = $3, line = $4, rows = rows + $5,
		events = events + $6, rejected = rejected + $7, refused = refused + $8, found = found + $9, seen = seen + $10,
		reopened = reopened + $11, closed = closed + $12, held = held + $13 where id = $14`,
		stream, c.Part, c.Offset, c.Line, d.Rows, d.Events, d.Rejected, d.Refused, d.Found, d.Seen, d.Reopened, d.Closed, d.Held, id)
	return err
}

// FinishSignal ends the reading of a signal: state folded, or refused with the reason.
func (t *Tx) FinishSignal(ctx context.Context, id ident.Signal, state, reason string, at time.Time) error {
	_, err := t.exec(ctx, "update signal set state = $1, error = $2, finished_at = $3 where id = $4", state, reason, Micros(at), id)
	return err
}

// ReopenSignal puts a signal back to be folded from its cursor, under the name by which it was sent again.
func (t *Tx) ReopenSignal(ctx context.Context, id ident.Signal, name string) error {
	_, err := t.exec(ctx, "update signal set state = 'received', name = $1, error = '', finished_at = null where id = $2", name, id)
	return err
}

// Rejected is a row that became no event, kept aside as it came.
type Rejected struct {
	Signal   ident.Signal
	Part     int
	Line     int64
	Offset   int64
	Field    string
	Reason   string
	Raw      []byte // empty where Held
	Held     bool   // marked TLP:RED: it waits for a person, and its bytes lie in the archive alone
	Replayed time.Time
}

// InsertRejected writes rows kept aside.
func (t *Tx) InsertRejected(ctx context.Context, rows []Rejected) error {
	const width = 8
	for len(rows) > 0 {
		n := min(len(rows), 100)
		args := make([]any, 0, n*width)
		for _, r := range rows[:n] {
			args = append(args, r.Signal, r.Part, r.Line, r.Offset, r.Field, r.Reason, r.Raw, r.Held)
		}
		_, err := t.exec(ctx, "insert into reject (signal_id, part, line, part_offset, field, reason, raw, held) values "+
			t.d.tuples(n, width), args...)
		if err != nil {
			return fmt.Errorf("keep rejected rows of signal %d: %w", rows[0].Signal, err)
		}
		rows = rows[n:]
	}
	return nil
}

// Kept is how many rejected rows of a signal are stored, and their bytes.
type Kept struct{ Rows, Bytes int64 }

// RejectedKept counts the rejected rows of a signal that are stored.
func (t *Tx) RejectedKept(ctx context.Context, id ident.Signal) (Kept, error) {
	var k Kept
	err := t.row(ctx, `select count(*), cast(coalesce(sum(length(raw) + length(reason)), 0) as bigint) from reject
		where signal_id = $1`, []any{id}, &k.Rows, &k.Bytes)
	if err != nil {
		return k, fmt.Errorf("count the rejected rows of signal %d: %w", id, err)
	}
	return k, nil
}

// PruneRejected removes at most limit rejected rows of the oldest signal that came before an instant, and returns the
// signal and their number.
func (t *Tx) PruneRejected(ctx context.Context, before time.Time, limit int) (ident.Signal, int64, error) {
	var id ident.Signal
	err := t.row(ctx, `select id from signal where id = (select min(signal_id) from reject) and received_at < $1
		and state <> 'received'`, []any{Micros(before)}, &id)
	if errors.Is(err, fault.NotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find old rejected rows: %w", err)
	}
	r, err := t.exec(ctx, `delete from reject where signal_id = $1 and (part, line) in
		(select part, line from reject where signal_id = $1 order by part, line limit $2)`, id, limit)
	if err != nil {
		return 0, 0, fmt.Errorf("remove rejected rows of signal %d: %w", id, err)
	}
	rows, err := r.RowsAffected()
	return id, rows, err
}

// RejectedOf returns at most limit rows kept aside of a signal, after the given part and line.
func (t *Tx) RejectedOf(ctx context.Context, id ident.Signal, part int, line int64, limit int) ([]Rejected, error) {
	var out []Rejected
	err := t.each(ctx, `select signal_id, part, line, part_offset, field, reason, raw, held, replayed_at from reject
		where signal_id = $1 and (part, line) > ($2, $3) order by part, line limit $4`, []any{id, part, line, limit},
		func(r *sql.Rows) error {
			var j Rejected
			var replayed sql.NullInt64
			if err := r.Scan(&j.Signal, &j.Part, &j.Line, &j.Offset, &j.Field, &j.Reason, &j.Raw, &j.Held, &replayed); err != nil {
				return err
			}
			j.Replayed = instant(replayed)
			out = append(out, j)
			return nil
		})
	return out, err
}

// MarkReplayed records that a row kept aside was read after all.
func (t *Tx) MarkReplayed(ctx context.Context, r Rejected, at time.Time) error {
	_, err := t.exec(ctx, "update reject set replayed_at = $1 where signal_id = $2 and part = $3 and line = $4",
		Micros(at), r.Signal, r.Part, r.Line)
	return err
}

// AddCounter adds n to the counter name of the UTC day (days since 1970).
func (t *Tx) AddCounter(ctx context.Context, name string, day, n int64) error {
	_, err := t.exec(ctx, `insert into counter (name, day, value) values ($1, $2, $3)
		on conflict (name, day) do update set value = counter.value + excluded.value`, name, day, n)
	return err
}

// RowsSince counts the rows of the signals that arrived at an instant or later.
func (t *Tx) RowsSince(ctx context.Context, since time.Time) (int64, error) {
	var n int64
	err := t.row(ctx, "select cast(coalesce(sum(rows), 0) as bigint) from signal where received_at >= $1", []any{Micros(since)}, &n)
	if err != nil {
		return 0, fmt.Errorf("count rows since %s: %w", since, err)
	}
	return n, nil
}
