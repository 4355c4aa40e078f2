package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/report"
	"tocsin/internal/simulate"
	"tocsin/internal/store"
)

// happening is one thing that happens to a report.
type happening struct {
	at time.Time
	do func(ctx context.Context, at time.Time) error
}

// foretell lists what will happen to reports, in order: people send them, and the desk sees to most.
func (p *play) foretell() {
	now := p.r.clock()
	for _, told := range p.province.Told() {
		at, id := now.Add(-told.Ago), new(ident.Report)
		add := func(after time.Duration, do func(context.Context, time.Time) error) {
			p.coming = append(p.coming, happening{at.Add(after), do})
		}
		add(0, func(ctx context.Context, at time.Time) (err error) {
			*id, err = p.report(ctx, at, told)
			return err
		})
		if !told.Taken {
			continue
		}
		add(min(told.Ago/2, 5*time.Hour), func(ctx context.Context, at time.Time) error {
			ada, err := p.in.staff.ActorOf(ctx, at, p.ada)
			if err != nil {
				return err
			}
			return p.in.work.Take(ctx, at, ada, *id)
		})
		if told.Outcome == "" {
			continue
		}
		add(min(told.Ago/2, 50*time.Hour), func(ctx context.Context, at time.Time) error {
			ada, err := p.in.staff.ActorOf(ctx, at, p.ada)
			if err != nil {
				return err
			}
			return p.in.work.Close(ctx, at, ada, *id, told.Outcome)
		})
	}
	slices.SortStableFunc(p.coming, func(a, b happening) int { return a.at.Compare(b.at) })
}

// happen lets happen to reports what comes before an instant.
func (p *play) happen(ctx context.Context, until time.Time) error {
	for len(p.coming) > 0 && p.coming[0].at.Before(until) {
		next := p.coming[0]
		p.coming = p.coming[1:]
		if err := next.do(ctx, next.at); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}

func (p *play) report(ctx context.Context, at time.Time, told simulate.Told) (ident.Report, error) {
	given, err := p.in.work.Receive(ctx, at, told.Form)
	if err != nil {
		return "", err
	}
	if _, err := p.in.work.Acknowledge(ctx, at); err != nil {
		return "", err
	}
	var r report.Report
	err = p.in.store.View(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.ReportByNumber(ctx, given.Number)
		return err
	})
	return r.ID, err
}
