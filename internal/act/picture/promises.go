package picture

import (
	"context"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/situation"
	"tocsin/internal/store"
)

// promiseDays is how far back the promises look as a whole; promiseMonths how many calendar months stand beside it, the
// last of them unfinished.
const (
	promiseDays   = 90
	promiseMonths = 6
)

// What is promised.
const (
	toldWithin    = 24 * time.Hour
	decidedWithin = 5 * 24 * time.Hour
)

// looks are the acts by which somebody looks at raw data.
var looks = []string{"finding.look", "notice.look", "signal.look"}

// pairs are the acts that take two people.
func pairs() []string {
	var out []string
	for act, need := range access.Acts {
		if need.Two {
			out = append(out, act)
		}
	}
	slices.Sort(out)
	return out
}

// spans are the times that the promises are counted for: the whole first.
func promiseSpans(through finding.Day) []*promiseCount {
	out := []*promiseCount{{from: through - promiseDays + 1, to: through}}
	month := through.Start().AddDate(0, 0, 1-through.Start().Day())
	for i := promiseMonths - 1; i >= 0; i-- {
		from := month.AddDate(0, -i, 0)
		to := min(through, finding.DayOf(from.AddDate(0, 1, 0))-1)
		out = append(out, &promiseCount{from: finding.DayOf(from), to: to})
	}
	return out
}

// promiseCount collects what happened in one span of days.
type promiseCount struct {
	from, to         finding.Day
	hours            []float64 // to the notice, of findings made in the span
	urgent, inTime   int64
	disputes, judged int64
	wanted, served   int64
	looks, pairs     int64
}

func (c *promiseCount) holds(d finding.Day) bool { return c.from <= d && d <= c.to }

func promisesOf(ctx context.Context, tx *store.Tx, through finding.Day) (situation.Promises, error) {
	counts := promiseSpans(through)
	out := situation.Promises{Through: through, Days: promiseDays}
	from, to := counts[0].from.Start(), (through + 1).Start()
	if first := counts[1].from.Start(); first.Before(from) {
		from = first
	}
	if err := countTold(ctx, tx, from, to, counts); err != nil {
		return out, err
	}
	if err := countAnswers(ctx, tx, from, to, counts); err != nil {
		return out, err
	}
	work, err := tx.WorkWhole(ctx, to, time.UTC)
	if err != nil {
		return out, err
	}
	waits := work.Sum()
	out.Waiting = situation.Figure{N: int64(waits.N), Shown: true} // the authority's own: nobody else stands behind it
	if waits.N > 0 {
		out.Oldest = max(0, to.Sub(waits.Oldest).Hours())
	}
	out.Whole = counts[0].kept()
	for _, c := range counts[1:] {
		out.Months = append(out.Months, c.kept())
	}
	return out, nil
}

// countTold counts how soon findings were told. Findings of high severity and above that a party answers for are promised
// to be told in time; those of the last day may still be.
func countTold(ctx context.Context, tx *store.Tx, from, to time.Time, counts []*promiseCount) error {
	err := tx.EachTold(ctx, from, to, func(s event.Severity, made, told time.Time) error {
		if !told.Before(to) {
			return nil // after the end of what is published
		}
		day, took := finding.DayOf(made), max(0, told.Sub(made))
		for _, c := range counts {
			if !c.holds(day) {
				continue
			}
			c.hours = append(c.hours, took.Hours())
			if s >= event.High && took <= toldWithin && day < finding.DayOf(to)-1 {
				c.inTime++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	born, err := tx.Born(ctx, finding.DayOf(from), access.Always)
	if err != nil {
		return err
	}
	for _, b := range born {
		if !b.Owned || b.Severity < event.High || b.Day >= finding.DayOf(to)-1 {
			continue
		}
		for _, c := range counts {
			if c.holds(b.Day) {
				c.urgent += b.N
			}
		}
	}
	return nil
}

// countAnswers counts disputes, reports and acts. A dispute that is younger than the time promised counts once it is decided.
func countAnswers(ctx context.Context, tx *store.Tx, from, to time.Time, counts []*promiseCount) error {
	disputes, err := tx.Disputes(ctx, from, to)
	if err != nil {
		return err
	}
	acts, err := tx.ActCounts(ctx, append(pairs(), looks...), from, to)
	if err != nil {
		return err
	}
	reports, err := tx.AcknowledgedReports(ctx, from, to)
	if err != nil {
		return err
	}
	for _, c := range counts {
		for _, d := range disputes {
			inTime := !d.Answered.IsZero() && d.Answered.Sub(d.At) <= decidedWithin
			if !c.holds(finding.DayOf(d.At)) || !inTime && to.Sub(d.At) <= decidedWithin {
				continue
			}
			if c.disputes++; inTime {
				c.judged++
			}
		}
		for _, a := range acts {
			switch {
			case !c.holds(a.Day):
			case slices.Contains(looks, a.Act):
				c.looks += a.N
			default:
				c.pairs += a.N
			}
		}
		for _, r := range reports {
			if c.holds(r.Day) {
				c.wanted += r.Wanted
				c.served += r.Served
			}
		}
	}
	return nil
}

func (c *promiseCount) kept() situation.Kept {
	k := situation.Kept{
		From: c.from, To: c.to, Urgent: situation.ShareOf(min(c.inTime, c.urgent), c.urgent), Disputes: situation.ShareOf(c.judged, c.disputes),
		Reports: situation.ShareOf(c.served, c.wanted), Looks: situation.FigureOf(c.looks), Pairs: situation.FigureOf(c.pairs),
		Told: situation.Timing{N: situation.FigureOf(int64(len(c.hours)))},
	}
	if k.Told.N.N > 0 {
		slices.Sort(c.hours)
		k.Told.Median = c.hours[(len(c.hours)-1)/2]
		k.Told.Most = c.hours[(len(c.hours)*9+9)/10-1]
	}
	return k
}
