package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// AddCycle counts rows that a stream delivered for one day. at is when they arrived.
func (t *Tx) AddCycle(ctx context.Context, stream int64, day finding.Day, rows int64, at time.Time) error {
	_, err := t.exec(ctx, `insert into cycle (stream_id, day, rows, aside, last_at) values ($1, $2, $3, 0, $4)
		on conflict (stream_id, day) do update set rows = cycle.rows + excluded.rows,
		last_at = case when excluded.last_at > cycle.last_at then excluded.last_at else cycle.last_at end`,
		stream, int64(day), rows, Micros(at))
	if err != nil {
		return fmt.Errorf("add cycle of stream %d: %w", stream, err)
	}
	return nil
}

// SpoilCycle counts rows of a day that were kept aside, and negative ones that were read after all. A day of which no
// row was read has no cycle to spoil.
func (t *Tx) SpoilCycle(ctx context.Context, stream int64, day finding.Day, aside int64) error {
	_, err := t.exec(ctx, "update cycle set aside = aside + $1 where stream_id = $2 and day = $3", aside, stream, int64(day))
	if err != nil {
		return fmt.Errorf("spoil cycle of stream %d: %w", stream, err)
	}
	return nil
}

// SpoilCycles spoils every day whose newest rows arrived at that instant: their signal was not read to its end.
func (t *Tx) SpoilCycles(ctx context.Context, stream int64, arrived time.Time) error {
	_, err := t.exec(ctx, "update cycle set aside = aside + rows where stream_id = $1 and last_at = $2", stream, Micros(arrived))
	if err != nil {
		return fmt.Errorf("spoil cycles of stream %d: %w", stream, err)
	}
	return nil
}

// Cycles returns the cycles of every stream by its ID from day first on, oldest first.
func (t *Tx) Cycles(ctx context.Context, first finding.Day) (map[int64][]finding.Cycle, error) {
	out := map[int64][]finding.Cycle{}
	err := t.each(ctx, `select stream_id, day, rows, aside, last_at from cycle where day >= $1
		order by stream_id, day`, []any{int64(first)}, func(r *sql.Rows) error {
		var stream, last int64
		var c finding.Cycle
		if err := r.Scan(&stream, &c.Day, &c.Rows, &c.Aside, &last); err != nil {
			return err
		}
		c.Last = Instant(last)
		out[stream] = append(out[stream], c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read cycles: %w", err)
	}
	return out, nil
}

// CycleSum returns a number of cycles and of rows that change whenever a cycle of the days from first up to, but
// without, end does.
func (t *Tx) CycleSum(ctx context.Context, first, end finding.Day) (cycles, rows int64, err error) {
	err = t.row(ctx, "select count(*), cast(coalesce(sum(rows), 0) as bigint) from cycle where day >= $1 and day < $2",
		[]any{int64(first), int64(end)}, &cycles, &rows)
	if err != nil {
		return 0, 0, fmt.Errorf("sum cycles: %w", err)
	}
	return cycles, rows, nil
}

// Covered is one stream's sighting of a finding, as evidence needs it.
type Covered struct {
	Finding ident.Finding
	Class   string
	State   finding.State
	Stream  int64
	First   finding.Day
	Last    finding.Day
	Days    uint64 // bit i: seen on day Last-i
}

const coveredQuery = `select f.id, f.class, f.state, g.stream_id, g.first_at, g.last_day, g.days
	from finding f join sighting g on g.finding_id = f.id `

// Unseen returns the sightings of live findings with numbers after first up to last that no stream has seen on day
// before or later, in order of finding and stream.
func (t *Tx) Unseen(ctx context.Context, first, last ident.Finding, before finding.Day) ([]Covered, error) {
	out, err := t.covered(ctx, coveredQuery+`where f.id > $1 and f.id <= $2
		and f.state not in ('verified_closed', 'false_positive', 'stale')
		and not exists (select 1 from sighting h where h.finding_id = f.id and h.last_day >= $3)
		order by f.id, g.stream_id`, first, last, int64(before))
	if err != nil {
		return nil, fmt.Errorf("read findings %d to %d not seen since %s: %w", first+1, last, before, err)
	}
	return out, nil
}

// CoverageOf returns the sightings of some findings in order of finding and stream. At most 10,000 ids a call.
func (t *Tx) CoverageOf(ctx context.Context, ids []ident.Finding) ([]Covered, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	out, err := t.covered(ctx, coveredQuery+"where f.id in ("+placeholders(len(ids), 1)+") order by f.id, g.stream_id", args...)
	if err != nil {
		return nil, fmt.Errorf("read sightings of %d findings: %w", len(ids), err)
	}
	return out, nil
}

func (t *Tx) covered(ctx context.Context, query string, args ...any) ([]Covered, error) {
	var out []Covered
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var c Covered
		var state string
		var first, days int64
		if err := r.Scan(&c.Finding, &c.Class, &state, &c.Stream, &first, &c.Last, &days); err != nil {
			return err
		}
		c.State, c.First, c.Days = finding.State(state), finding.DayOf(Instant(first)), uint64(days)
		out = append(out, c)
		return nil
	})
	return out, err
}

// RisksOver returns at most limit findings whose accepted risk ended at now or before, by number.
func (t *Tx) RisksOver(ctx context.Context, now time.Time, limit int) ([]ident.Finding, error) {
	var out []ident.Finding
	err := t.each(ctx, "select id from finding where state = 'risk_accepted' and until_at <= $1 order by id limit $2",
		[]any{Micros(now), limit}, func(r *sql.Rows) error {
			var id ident.Finding
			err := r.Scan(&id)
			out = append(out, id)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read accepted risks that are over: %w", err)
	}
	return out, nil
}

// Waiting returns, by feed, when the oldest of its signals that wait to be folded came; feeds without one are absent.
func (t *Tx) Waiting(ctx context.Context) (map[ident.Feed]time.Time, error) {
	out := map[ident.Feed]time.Time{}
	err := t.each(ctx, "select feed_id, min(received_at) from signal where state = 'received' group by feed_id", nil,
		func(r *sql.Rows) error {
			var feed ident.Feed
			var at int64
			err := r.Scan(&feed, &at)
			out[feed] = Instant(at)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read waiting signals: %w", err)
	}
	return out, nil
}
