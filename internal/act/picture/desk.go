package picture

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/situation"
	"tocsin/internal/store"
)

// closingWeeks is how many whole weeks, and what is of this one, the estimates of closing look back.
const closingWeeks = 26

// within fills in what a window leaves open and bounds the rest.
func (w Window) within() Window {
	if w.Days <= 0 {
		w.Days = 30
	}
	if w.Series <= 0 {
		w.Series = 90
	}
	return Window{Days: min(w.Days, 365), Series: min(max(w.Series, 15), 730)}
}

var live = slices.DeleteFunc(slices.Clone(finding.States), func(s finding.State) bool { return !s.Live() })

// Desk returns the situation as by may see it, all from one snapshot that is at most deskAge old. It is the same one for
// everybody who may read the same, to be left as it is. fault.Denied to whoever is not of the desk.
func (p *Picture) Desk(ctx context.Context, now time.Time, by access.Actor, w Window) (*situation.Situation, error) {
	w = w.within()
	var may readers
	err := p.store.View(ctx, func(tx *store.Tx) (err error) {
		may, err = reading(ctx, tx, now, by)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !by.Desk() || !may.desk {
		return nil, fault.New(fault.Denied, "the situation is for the people of the authority")
	}
	return p.desks.recall(fmt.Sprintf("%#v %#v", w, may.findings), now, deskAge, func() (*situation.Situation, error) { return p.desk(ctx, now, may.findings, w) })
}

// desk works the situation out.
func (p *Picture) desk(ctx context.Context, now time.Time, may access.Cond, w Window) (*situation.Situation, error) {
	today := finding.DayOf(now)
	s := &situation.Situation{At: now, Days: w.Days, Since: today - finding.Day(w.Days-1)}
	err := p.store.View(ctx, func(tx *store.Tx) error {
		if err := standing(ctx, tx, may, s); err != nil {
			return err
		}
		return flows(ctx, tx, may, today, w, s)
	})
	return s, err
}

// deskAge is how long a picture is shown to everybody who may read the same; it says of when it is.
const deskAge = 5 * time.Second

// readers is what somebody may read.
type readers struct {
	findings access.Cond
	desk     bool // reads as the authority does
}

func reading(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor) (readers, error) {
	r, err := tx.Reader(ctx, by, now)
	if err != nil {
		return readers{}, err
	}
	return readers{
		findings: access.Readable(r, access.Findings, now, by.Why()),
		desk:     access.Can(r, access.Thing{Kind: access.Work}, now, access.Handle),
	}, nil
}

// standing counts what is live now.
func standing(ctx context.Context, tx *store.Tx, may access.Cond, s *situation.Situation) error {
	filter := store.FindingFilter{States: live, May: may}
	rows, err := tx.Tally(ctx, filter, "severity")
	if err != nil {
		return err
	}
	s.Live, s.Total = severities(rows, situation.Query{State: "live"})
	if rows, err = tx.Tally(ctx, filter, "class"); err != nil {
		return err
	}
	for _, r := range rows {
		s.Classes = append(s.Classes, situation.Tally{Key: r.Class, N: r.N, Query: situation.Query{State: "live", Class: r.Class}})
	}
	slices.SortStableFunc(s.Classes, func(a, b situation.Tally) int { return int(b.N - a.N) })
	if rows, err = tx.Tally(ctx, filter, "sector", "region"); err != nil {
		return err
	}
	cells := make([]situation.HeatCell, len(rows))
	for i, r := range rows {
		cells[i] = situation.HeatCell{Sector: r.Sector, Region: r.Region, N: r.N}
	}
	s.Heat = situation.HeatOf(cells)
	filter.Orphans = true
	n, err := tx.CountFindings(ctx, filter, 1<<53)
	s.Orphans = situation.Tally{N: int64(n), Query: situation.Query{State: "live", Party: situation.None}}
	return err
}

// severities are counts by severity, the worst first, with their sum.
func severities(rows []store.TallyRow, of situation.Query) ([]situation.Tally, int64) {
	var out []situation.Tally
	var total int64
	for _, r := range slices.Backward(rows) { // they come by severity
		q := of
		q.Exactly = true
		q.Severity = r.Severity
		out = append(out, situation.Tally{Key: r.Severity.String(), Severity: r.Severity, N: r.N, Query: q})
		total += r.N
	}
	return out, total
}

// flows counts what was made and what ended, day by day.
func flows(ctx context.Context, tx *store.Tx, may access.Cond, today finding.Day, w Window, s *situation.Situation) error {
	first := today - finding.Day(w.Series-1)
	monday := situation.Monday(today) - 7*closingWeeks
	born, err := tx.Born(ctx, min(first, s.Since, monday), may)
	if err != nil {
		return err
	}
	ended, err := tx.Ended(ctx, first, may)
	if err != nil {
		return err
	}
	s.Series = situation.SeriesOf(first, today, s.Total, days(born), days(ended))
	s.Changes = situation.ChangesOf(s.Series)
	rows, err := tx.RowsSince(ctx, s.Since.Start())
	if err != nil {
		return err
	}
	s.Funnel = situation.FunnelOf(s.Since, rows, cohort(born, s.Since))
	gone, err := tx.Lives(ctx, monday, may)
	if err != nil {
		return err
	}
	s.Closing = situation.ClosingOf(outcomes(gone, born, monday, today))
	return nil
}

func days(all []store.DayCount) []situation.Day {
	out := make([]situation.Day, len(all))
	for i, c := range all {
		out[i] = situation.Day{Day: c.Day, Severity: c.Severity, State: c.State, N: c.N}
	}
	return out
}

func cohort(born []store.DayCount, since finding.Day) []situation.Cohort {
	sums := map[situation.Cohort]int64{}
	for _, c := range born {
		if c.Day >= since {
			sums[situation.Cohort{Owned: c.Owned, Reached: c.Reached}] += c.N
		}
	}
	out := make([]situation.Cohort, 0, len(sums))
	for c, n := range sums {
		c.N = n
		out = append(out, c)
	}
	return out
}

// outcomes are the findings made since a day: those that ended by how long they lasted, those that are live by their age.
// Accepted risks are among the first.
func outcomes(gone []store.LifeCount, born []store.DayCount, since, today finding.Day) []situation.Ended {
	type key struct {
		days     int
		severity event.Severity
		state    finding.State
	}
	sums := map[key]int64{}
	for _, g := range gone {
		sums[key{g.Days, g.Severity, g.State}] += g.N
	}
	for _, b := range born {
		if b.Day >= since && b.State.Live() && b.State != finding.RiskAccepted {
			sums[key{int(today - b.Day), b.Severity, finding.Open}] += b.N
		}
	}
	out := make([]situation.Ended, 0, len(sums))
	for k, n := range sums {
		out = append(out, situation.Ended{Days: k.days, Severity: k.severity, State: k.state, N: n})
	}
	return out
}
