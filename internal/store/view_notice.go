package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// ToldCounts returns how many findings each of the notices tells; at most 1,000 ids a call.
func (t *Tx) ToldCounts(ctx context.Context, ids []ident.Notice) (map[ident.Notice]int, error) {
	counts := map[ident.Notice]int{}
	if len(ids) == 0 {
		return counts, nil
	}
	q := &conditions{}
	where := q.in("notice_id", len(ids), func(i int) any { return ids[i] })
	err := t.each(ctx, "select notice_id, count(*) from notice_finding where "+where+" group by notice_id", q.args,
		func(r *sql.Rows) error {
			var id ident.Notice
			var n int
			err := r.Scan(&id, &n)
			counts[id] = n
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("count findings of notices: %w", err)
	}
	return counts, nil
}

// Answer is one act by which a party answered for findings.
type Answer struct {
	Seq      int64 // of the ledger entry
	At       time.Time
	Trigger  finding.Trigger
	Reason   string
	Findings int
}

// AnswersTo returns at most limit answers that an actor gave for findings of a notice since it was made, the newest first.
func (t *Tx) AnswersTo(ctx context.Context, id ident.Notice, actor string, since time.Time, limit int) ([]Answer, error) {
	var out []Answer
	err := t.each(ctx, `select h.seq, h.at, h.trigger, h.reason, count(*) from history h
		where h.finding_id in (select b.finding_id from notice_finding b where b.notice_id = $1)
		and h.actor = $2 and h.at >= $3 group by h.seq, h.at, h.trigger, h.reason order by h.seq desc limit $4`,
		[]any{id, actor, Micros(since), limit}, func(r *sql.Rows) error {
			var a Answer
			var at int64
			err := r.Scan(&a.Seq, &at, &a.Trigger, &a.Reason, &a.Findings)
			a.At = Instant(at)
			out = append(out, a)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read answers to notice %s: %w", id, err)
	}
	return out, nil
}
