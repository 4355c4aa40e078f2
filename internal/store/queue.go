package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// QueueItem is something that a person at the desk has to look at. The text comes from the message catalogue:
// key "queue.CODE" with Args in its places.
type QueueItem struct {
	ID       string // made by Enqueue
	Kind     string // a slug of what it is about: "notice.failed", "feed.silent", "feed.drift"
	Object   string // "notice:ntc_…", "feed:shadowserver", "finding:12"
	Code     string // of the title in the message catalogue
	Args     []string
	Severity event.Severity
	Created  time.Time
	Done     time.Time // zero while open
	DoneBy   string    // actor
}

// Enqueue adds q unless an open item of the same kind and object is there; it tells whether it did. It appends
// nothing to the ledger: the act that found the trouble does.
func (t *Tx) Enqueue(ctx context.Context, q QueueItem) (bool, error) {
	var have string
	err := t.row(ctx, "select id from queue_item where kind = $1 and object = $2 and done_at is null limit 1",
		[]any{q.Kind, q.Object}, &have)
	if err == nil {
		return false, nil
	}
	if !errors.Is(err, fault.NotFound) {
		return false, fmt.Errorf("look for %s of %s in the queue: %w", q.Kind, q.Object, err)
	}
	args, err := json.Marshal(q.Args)
	if err != nil {
		return false, fmt.Errorf("queue %s of %s: %w", q.Kind, q.Object, err)
	}
	res, err := t.exec(ctx, `insert into queue_item (id, kind, object, title_code, title_args, severity, created_at, done_at, done_by)
		values ($1, $2, $3, $4, $5, $6, $7, null, '') on conflict (kind, object, created_at) do nothing`,
		ident.New("que"), q.Kind, q.Object, q.Code, string(args), int64(q.Severity), Micros(q.Created))
	if err != nil {
		return false, fmt.Errorf("queue %s of %s: %w", q.Kind, q.Object, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

const queueColumns = "id, kind, object, title_code, title_args, severity, created_at, done_at, done_by"

func scanQueue(r scanner) (QueueItem, error) {
	var q QueueItem
	var args string
	var severity, created int64
	var done sql.NullInt64
	if err := r.Scan(&q.ID, &q.Kind, &q.Object, &q.Code, &args, &severity, &created, &done, &q.DoneBy); err != nil {
		return QueueItem{}, err
	}
	q.Severity, q.Created, q.Done = event.Severity(severity), Instant(created), instant(done)
	return q, json.Unmarshal([]byte(args), &q.Args)
}

// QueueOpen returns at most limit open items, the most severe first, then the oldest.
func (t *Tx) QueueOpen(ctx context.Context, limit int) ([]QueueItem, error) {
	var out []QueueItem
	err := t.each(ctx, "select "+queueColumns+` from queue_item where done_at is null
		order by severity desc, created_at, id limit $1`, []any{limit}, func(r *sql.Rows) error {
		q, err := scanQueue(r)
		if err != nil {
			return err
		}
		out = append(out, q)
		return nil
	})
	return out, err
}

// QueueOpenOf returns at most limit open items of some kinds with an id above after, by id.
func (t *Tx) QueueOpenOf(ctx context.Context, kinds []string, after string, limit int) ([]QueueItem, error) {
	q := &conditions{}
	where := "done_at is null and id > " + q.add(after) + " and " + q.in("kind", len(kinds), func(i int) any { return kinds[i] })
	var out []QueueItem
	err := t.each(ctx, "select "+queueColumns+" from queue_item where "+where+" order by id limit "+q.add(limit), q.args, func(r *sql.Rows) error {
		item, err := scanQueue(r)
		out = append(out, item)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return out, nil
}

// QueueReword writes the words and the severity of an open item anew.
func (t *Tx) QueueReword(ctx context.Context, id string, words []string, severity event.Severity) error {
	args, err := json.Marshal(words)
	if err == nil {
		_, err = t.exec(ctx, "update queue_item set title_args = $1, severity = $2 where id = $3 and done_at is null", string(args), int64(severity), id)
	}
	if err != nil {
		return fmt.Errorf("reword queue item %s: %w", id, err)
	}
	return nil
}

// QueueItemByID returns one item; fault.NotFound where there is none.
func (t *Tx) QueueItemByID(ctx context.Context, id string) (QueueItem, error) {
	q, err := scanQueue(t.tx.QueryRowContext(ctx, "select "+queueColumns+" from queue_item where id = $1", id))
	if err != nil {
		return QueueItem{}, fmt.Errorf("read queue item %s: %w", id, t.classify(err))
	}
	return q, nil
}

// QueueDone closes the open item id; fault.NotFound where none is open by that name.
func (t *Tx) QueueDone(ctx context.Context, id, by string, at time.Time) error {
	res, err := t.exec(ctx, "update queue_item set done_at = $1, done_by = $2 where id = $3 and done_at is null",
		Micros(at), by, id)
	if err != nil {
		return fmt.Errorf("close queue item %s: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.NotFound, "no open item %s in the queue", id), err)
	}
	return nil
}

// QueueSettle closes every open item of kind about object, because the trouble is over. It tells how many there were.
func (t *Tx) QueueSettle(ctx context.Context, kind, object, by string, at time.Time) (int64, error) {
	res, err := t.exec(ctx, `update queue_item set done_at = $1, done_by = $2
		where kind = $3 and object = $4 and done_at is null`, Micros(at), by, kind, object)
	if err != nil {
		return 0, fmt.Errorf("settle %s of %s: %w", kind, object, err)
	}
	return res.RowsAffected()
}
