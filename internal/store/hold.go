package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

const holdColumns = "id, reason, opened_at, released_at, released_by"

func scanHold(r scanner) (notice.Hold, error) {
	var h notice.Hold
	var opened int64
	var released sql.NullInt64
	err := r.Scan(&h.ID, &h.Reason, &opened, &released, &h.ReleasedBy)
	h.Opened, h.Released = Instant(opened), instant(released)
	return h, err
}

// OpenHold returns the hold in which new notices wait; false where they go out.
func (t *Tx) OpenHold(ctx context.Context) (notice.Hold, bool, error) {
	return t.hold(ctx, "where released_at is null limit 1")
}

// HeldSince returns a hold for a reason that was released at since or later, or is open; false where there is none.
func (t *Tx) HeldSince(ctx context.Context, reason notice.HoldReason, since time.Time) (notice.Hold, bool, error) {
	return t.hold(ctx, "where reason = $1 and (released_at is null or released_at >= $2) limit 1", string(reason), Micros(since))
}

func (t *Tx) hold(ctx context.Context, where string, args ...any) (notice.Hold, bool, error) {
	h, err := scanHold(t.tx.QueryRowContext(ctx, "select "+holdColumns+" from notice_hold "+where, args...))
	if err = t.classify(err); errors.Is(err, fault.NotFound) {
		return notice.Hold{}, false, nil
	}
	if err != nil {
		return notice.Hold{}, false, fmt.Errorf("read holds of notices: %w", err)
	}
	return h, true, nil
}

// InsertHold writes a new hold.
func (t *Tx) InsertHold(ctx context.Context, h notice.Hold) error {
	_, err := t.exec(ctx, "insert into notice_hold ("+holdColumns+") values ($1, $2, $3, $4, $5)",
		h.ID, string(h.Reason), Micros(h.Opened), optional(h.Released), h.ReleasedBy)
	if err != nil {
		return fmt.Errorf("write hold %s: %w", h.ID, err)
	}
	return nil
}

// ReleaseHold ends a hold; fault.Conflict where it ended before.
func (t *Tx) ReleaseHold(ctx context.Context, id, by string, now time.Time) error {
	res, err := t.exec(ctx, "update notice_hold set released_at = $1, released_by = $2 where id = $3 and released_at is null", Micros(now), by, id)
	if err != nil {
		return fmt.Errorf("release hold %s: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fault.New(fault.Conflict, "what waited was released already"), err)
	}
	return nil
}

// HoldPlanned makes the urgent notices and digests wait that are planned and not sent yet, and returns them.
func (t *Tx) HoldPlanned(ctx context.Context, hold string) ([]ident.Notice, error) {
	const which = "state = 'planned' and sent_at is null and kind in ('urgent', 'digest')"
	ids, err := t.noticesWhere(ctx, which, everyNotice)
	if err == nil && len(ids) > 0 {
		_, err = t.exec(ctx, "update notice set state = 'held', next_at = null, hold = $1 where "+which, hold)
	}
	if err != nil {
		return nil, fmt.Errorf("hold what is planned: %w", err)
	}
	return ids, nil
}

// FreeHeld moves every notice that waits in a hold to another state and returns them. They are due at next; why stands with
// each of them, in the words of whoever refused it.
func (t *Tx) FreeHeld(ctx context.Context, hold string, to notice.State, next time.Time, why string) ([]ident.Notice, error) {
	ids, err := t.noticesWhere(ctx, "state = 'held' and hold = $1", everyNotice, hold)
	if err == nil && len(ids) > 0 {
		_, err = t.exec(ctx, "update notice set state = $1, next_at = $2, error = $3 where state = 'held' and hold = $4", string(to), optional(next), why, hold)
	}
	if err != nil {
		return nil, fmt.Errorf("free what waits in hold %s: %w", hold, err)
	}
	return ids, nil
}

// everyNotice is no limit to how many are found.
const everyNotice = math.MaxInt32

// noticesWhere returns at most limit notices for which a condition holds, by id.
func (t *Tx) noticesWhere(ctx context.Context, which string, limit int, args ...any) ([]ident.Notice, error) {
	var out []ident.Notice
	err := t.each(ctx, fmt.Sprintf("select id from notice where %s order by id limit %d", which, limit), args, func(r *sql.Rows) error {
		var id ident.Notice
		err := r.Scan(&id)
		out = append(out, id)
		return err
	})
	return out, err
}

// AnySent reports whether a notice ever went out.
func (t *Tx) AnySent(ctx context.Context) (bool, error) {
	var one int
	err := t.row(ctx, "select 1 from notice where sent_at is not null limit 1", nil, &one)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// NoticesADay counts the urgent notices and digests of each of n days before start, the newest first, and those since. What
// was withdrawn does not count.
func (t *Tx) NoticesADay(ctx context.Context, start time.Time, n int) (before []int, today int, err error) {
	const day = 24 * 60 * 60 * 1_000_000
	before = make([]int, n)
	from := Micros(start)
	err = t.each(ctx, `select (cast($1 as bigint) - created_at) / cast($2 as bigint), count(*) from notice where created_at >= $3 and created_at < $4 and
		kind in ('urgent', 'digest') and state <> 'withdrawn' group by 1`, []any{from - 1, int64(day), from - int64(n)*day, from}, func(r *sql.Rows) error {
		var at, count int
		err := r.Scan(&at, &count)
		if err == nil && at >= 0 && at < n {
			before[at] = count
		}
		return err
	})
	if err == nil {
		err = t.row(ctx, "select count(*) from notice where created_at >= $1 and kind in ('urgent', 'digest') and state <> 'withdrawn'", []any{from}, &today)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("count notices a day: %w", err)
	}
	return before, today, nil
}

// HeldSums says how much waits in a hold.
type HeldSums struct{ Notices, Parties, Findings int }

// SumHeld counts what waits in a hold and may be read.
func (t *Tx) SumHeld(ctx context.Context, hold string, may access.Cond) (HeldSums, error) {
	var s HeldSums
	q := &conditions{}
	where := "state = 'held' and hold = " + q.add(hold) + " and " + q.readable(noticeFields, may)
	err := t.row(ctx, "select count(*), count(distinct party_id) from notice where "+where, q.args, &s.Notices, &s.Parties)
	if err == nil {
		err = t.row(ctx, "select count(*) from notice_finding where notice_id in (select id from notice where "+where+")", q.args, &s.Findings)
	}
	if err != nil {
		return HeldSums{}, fmt.Errorf("count what waits in hold %s: %w", hold, err)
	}
	return s, nil
}

// HeldIn returns at most limit notices that wait in a hold and may be read, the most severe first.
func (t *Tx) HeldIn(ctx context.Context, hold string, may access.Cond, limit int) ([]notice.Notice, error) {
	q := &conditions{}
	where := "where state = 'held' and hold = " + q.add(hold) + " and " + q.readable(noticeFields, may)
	return t.notices(ctx, where+" order by severity desc, created_at, id limit "+q.add(limit), q.args...)
}

// AttributedCount counts the findings whose attribution follows the register: those that are not closed and not attributed by
// hand.
func (t *Tx) AttributedCount(ctx context.Context) (int, error) {
	var n int
	if err := t.row(ctx, "select count(*) from finding where state not in ($1, $2) and basis <> $3",
		[]any{string(finding.VerifiedClosed), string(finding.FalsePositive), string(party.ByHand)}, &n); err != nil {
		return 0, fmt.Errorf("count the findings that somebody answers for: %w", err)
	}
	return n, nil
}
