package picture

import (
	"context"
	"errors"
	"sync"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/situation"
	"tocsin/internal/store"
)

// partySeries is how many days a party's series shows.
const partySeries = 90

// overdueAfter is after how many days a live finding of high severity or above counts as overdue on a party's page.
const overdueAfter = 7

// Party returns the picture of one party, for its own people and the desk. fault.NotFound where by may not see it.
func (p *Picture) Party(ctx context.Context, now time.Time, by access.Actor, id ident.Party) (situation.PartyPicture, error) {
	today := finding.DayOf(now)
	out := situation.PartyPicture{At: now, Party: id, Since: situation.Monday(today) - 7*closingWeeks}
	err := p.store.View(ctx, func(tx *store.Tx) error {
		r, err := tx.Reader(ctx, by, now)
		if err != nil {
			return err
		}
		of, err := tx.PartyByID(ctx, id)
		thing := access.Thing{Kind: access.Parties, ID: string(id), Party: id, Mark: marking.Mark{TLP: marking.Green}}
		if errors.Is(err, fault.NotFound) || err == nil && !access.Can(r, thing, now, by.Why()) {
			return access.Missing(access.Parties, string(id))
		}
		if err != nil {
			return err
		}
		out.Sector = of.Sector
		may := access.Readable(r, access.Findings, now, by.Why())
		rows, err := tx.Tally(ctx, store.FindingFilter{Party: id, States: live, May: may}, "severity")
		if err != nil {
			return err
		}
		out.Live, out.Total = severities(rows, situation.Query{State: "live", Party: id})
		if err := partyDays(ctx, tx, may, today, &out); err != nil {
			return err
		}
		out.Band, err = p.band(ctx, tx, of.Sector, today)
		return err
	})
	return out, err
}

// partyDays fills in what the days of a party's findings tell.
func partyDays(ctx context.Context, tx *store.Tx, may access.Cond, today finding.Day, out *situation.PartyPicture) error {
	first := today - partySeries + 1
	var born, ended []situation.Day
	var ends []situation.Ended
	err := tx.Spans(ctx, store.FindingFilter{Party: out.Party, May: may}, min(first, out.Since), func(s store.Span) error {
		born = append(born, situation.Day{Day: s.Born, State: s.State, N: s.N})
		if s.Ended > 0 && !s.State.Live() {
			ended = append(ended, situation.Day{Day: s.Ended, State: s.State, N: s.N})
		}
		if s.Born >= out.Since {
			ends = append(ends, outcome(s, today))
		}
		if s.State.Live() && s.Severity >= event.High && today-s.Born > overdueAfter {
			out.Overdue += s.N
		}
		return nil
	})
	out.Series = situation.SeriesOf(first, today, out.Total, born, ended)
	out.Closing = situation.EstimateOf(ends)
	return err
}

func outcome(s store.Span, today finding.Day) situation.Ended {
	end := s.Ended
	if end == 0 {
		end = today
	}
	return situation.Ended{Days: int(end - s.Born), Severity: s.Severity, State: s.State, N: s.N}
}

// bands keeps the band of each sector for a day: it reads what every party of the sector did.
type bands struct {
	mu  sync.Mutex
	day finding.Day
	of  map[string]situation.Band
}

// band returns the band of a sector, as it was when somebody first asked today.
func (p *Picture) band(ctx context.Context, tx *store.Tx, sector string, today finding.Day) (situation.Band, error) {
	if sector == "" {
		return situation.Band{}, nil
	}
	p.bands.mu.Lock()
	defer p.bands.mu.Unlock()
	if p.bands.day != today {
		p.bands.day, p.bands.of = today, map[string]situation.Band{}
	}
	if b, known := p.bands.of[sector]; known {
		return b, nil
	}
	since := situation.Monday(today) - 7*closingWeeks
	var estimates []situation.Estimate
	var ends []situation.Ended
	var of ident.Party
	take := func() {
		if len(ends) > 0 {
			estimates = append(estimates, situation.EstimateOf(ends))
			ends = nil
		}
	}
	// The band tells of no party and no finding: it is the same for everybody.
	err := tx.Spans(ctx, store.FindingFilter{Sector: sector, May: access.Always}, since, func(s store.Span) error {
		if s.Party != of {
			take()
			of = s.Party
		}
		if s.Born >= since {
			ends = append(ends, outcome(s, today))
		}
		return nil
	})
	if err != nil {
		return situation.Band{}, err
	}
	take()
	b := situation.BandOf(estimates)
	p.bands.of[sector] = b
	return b, nil
}
