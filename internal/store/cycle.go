package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// Delivered is what one file brought of one day of a stream.
type Delivered struct {
	Day  finding.Day
	Rows int64
	At   time.Time // when the rows arrived
	File int64     // a number of the file, so that it is counted once; 0 for rows of one that was counted before
}

// FileOf returns the number of a part of a signal for Delivered.
func FileOf(signal ident.Signal, part int) int64 { return int64(signal)<<16 | int64(part) }

// AddCycle counts rows that a stream delivered for one day. The chunks of one file follow each other.
func (t *Tx) AddCycle(ctx context.Context, stream int64, d Delivered) error {
	_, err := t.exec(ctx, `insert into cycle (stream_id, day, rows, aside, last_at, files, newest_file)
		values ($1, $2, $3, 0, $4, case when $5 > 0 then 1 else 0 end, $5)
		on conflict (stream_id, day) do update set rows = cycle.rows + excluded.rows,
		last_at = case when excluded.last_at > cycle.last_at then excluded.last_at else cycle.last_at end,
		files = cycle.files + case when excluded.newest_file in (0, cycle.newest_file) then 0 else 1 end,
		newest_file = case when excluded.newest_file = 0 then cycle.newest_file else excluded.newest_file end`,
		stream, int64(d.Day), d.Rows, Micros(d.At), d.File)
	if err != nil {
		return fmt.Errorf("add cycle of stream %d: %w", stream, err)
	}
	return nil
}

// SpoilCycle counts rows of a day that were kept aside, and negative ones that were read after all. at is when they
// arrived. A day of which no row was read yet gets a cycle: what comes later is not all of it.
func (t *Tx) SpoilCycle(ctx context.Context, stream int64, day finding.Day, aside int64, at time.Time) error {
	if aside < 0 {
		_, err := t.exec(ctx, "update cycle set aside = aside + $1 where stream_id = $2 and day = $3", aside, stream, int64(day))
		return err
	}
	_, err := t.exec(ctx, `insert into cycle (stream_id, day, rows, aside, last_at) values ($1, $2, 0, $3, $4)
		on conflict (stream_id, day) do update set aside = cycle.aside + excluded.aside`, stream, int64(day), aside, Micros(at))
	if err != nil {
		return fmt.Errorf("spoil cycle of stream %d: %w", stream, err)
	}
	return nil
}

// SpoilCycles spoils every day of a feed's streams whose newest rows arrived at that instant: their signal was not read
// to its end, and nobody knows what the rest would have shown.
func (t *Tx) SpoilCycles(ctx context.Context, feed ident.Feed, arrived time.Time) error {
	_, err := t.exec(ctx, `update cycle set aside = aside + rows + 1 where last_at = $1
		and stream_id in (select id from stream where feed_id = $2)`, Micros(arrived), feed)
	if err != nil {
		return fmt.Errorf("spoil cycles of feed %s: %w", feed, err)
	}
	return nil
}

// Cycles returns the cycles of every stream by its ID from day first on, oldest first.
func (t *Tx) Cycles(ctx context.Context, first finding.Day) (map[int64][]finding.Cycle, error) {
	out := map[int64][]finding.Cycle{}
	err := t.each(ctx, `select stream_id, day, rows, aside, files, last_at, health from cycle where day >= $1
		order by stream_id, day`, []any{int64(first)}, func(r *sql.Rows) error {
		var stream, last int64
		var c finding.Cycle
		if err := r.Scan(&stream, &c.Day, &c.Rows, &c.Aside, &c.Files, &last, &c.Health); err != nil {
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

// SetHealth writes what was said of a cycle.
func (t *Tx) SetHealth(ctx context.Context, stream int64, day finding.Day, h finding.Health) error {
	_, err := t.exec(ctx, "update cycle set health = $1 where stream_id = $2 and day = $3", string(h), stream, int64(day))
	if err != nil {
		return fmt.Errorf("set health of stream %d on %s: %w", stream, day, err)
	}
	return nil
}

// StartAnew records that a person confirmed what a stream brings from a day on, and forgets what was said of its cycles
// since.
func (t *Tx) StartAnew(ctx context.Context, stream int64, day finding.Day) error {
	_, err := t.exec(ctx, "update stream set anew = $1 where id = $2", int64(day), stream)
	if err == nil {
		_, err = t.exec(ctx, "update cycle set health = '' where stream_id = $1 and day >= $2", stream, int64(day))
	}
	if err != nil {
		return fmt.Errorf("start stream %d anew from %s: %w", stream, day, err)
	}
	return nil
}

// SeenSince returns, by stream, how many findings have the same newest sighting and days, of those seen on a day or
// later that nothing explains the absence of.
func (t *Tx) SeenSince(ctx context.Context, first finding.Day) (map[int64][]finding.Seen, error) {
	type alike struct {
		stream int64
		last   finding.Day
		days   int64
	}
	counts := map[alike]int64{}
	read := func(sign int64) func(*sql.Rows) error {
		return func(r *sql.Rows) error {
			var a alike
			var n int64
			err := r.Scan(&a.stream, &a.last, &a.days, &n)
			counts[a] += sign * n
			return err
		}
	}
	err := t.each(ctx, `select stream_id, last_day, days, count(*) from sighting where last_day >= $1
		group by stream_id, last_day, days`, []any{int64(first)}, read(1))
	if err == nil {
		err = t.each(ctx, `select g.stream_id, g.last_day, g.days, count(*) from finding f join sighting g on g.finding_id = f.id
			where f.state in ('claimed_fixed', 'verified_closed') and g.last_day >= $1
			group by g.stream_id, g.last_day, g.days`, []any{int64(first)}, read(-1))
	}
	if err != nil {
		return nil, fmt.Errorf("count what the streams saw: %w", err)
	}
	out := map[int64][]finding.Seen{}
	for a, n := range counts {
		if n > 0 {
			out[a.stream] = append(out[a.stream], finding.Seen{Last: a.last, Days: uint64(a.days), Count: n})
		}
	}
	return out, nil
}

// PartyMembers calls f for the addresses of a party that a stream saw last on a day or later.
func (t *Tx) PartyMembers(ctx context.Context, party ident.Party, stream int64, since finding.Day, f func(finding.Member)) error {
	return t.members(ctx, "f.party_id = $1 and g.stream_id = $2 and g.last_day >= $3", f, party, stream, int64(since))
}

// AssetMembers calls f for the addresses whose text lies between two that a stream saw last on a day or later.
func (t *Tx) AssetMembers(ctx context.Context, from, to string, stream int64, since finding.Day, f func(finding.Member)) error {
	return t.members(ctx, "f.asset >= $1 and f.asset < $2 and g.stream_id = $3 and g.last_day >= $4", f, from, to, stream, int64(since))
}

func (t *Tx) members(ctx context.Context, where string, f func(finding.Member), args ...any) error {
	return t.each(ctx, `select f.asset, f.state, g.first_at, g.last_day, g.days
		from finding f join sighting g on g.finding_id = f.id where f.asset_kind = 'ip' and `+where, args,
		func(r *sql.Rows) error {
			var m finding.Member
			var first, days int64
			err := r.Scan(&m.Asset, &m.State, &first, &m.Last, &days)
			m.First, m.Days = finding.DayOf(Instant(first)), uint64(days)
			f(m)
			return err
		})
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
	Address string // empty where the asset is none
	Party   ident.Party
	Stream  int64
	First   finding.Day
	Last    finding.Day
	Days    uint64 // bit i: seen on day Last-i
}

const coveredQuery = `select f.id, f.class, f.state, case when f.asset_kind = 'ip' then f.asset else '' end, f.party_id, g.stream_id, g.first_at, g.last_day, g.days
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
		if err := r.Scan(&c.Finding, &c.Class, &state, &c.Address, &c.Party, &c.Stream, &first, &c.Last, &days); err != nil {
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
