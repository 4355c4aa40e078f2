package picture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/situation"
	"tocsin/internal/store"
)

// partySeries is how many days a party's series shows.
const partySeries = 90

// Party returns the picture of one party, for its own people and the desk. fault.NotFound where by may not see it.
func (p *Picture) Party(ctx context.Context, now time.Time, by access.Actor, id ident.Party) (situation.PartyPicture, error) {
	var sector string
	var may access.Cond
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
		sector, may = of.Sector, access.Readable(r, access.Findings, now.Truncate(partyAge), by.Why()) // an embargo that ended meanwhile waits as long
		return err
	})
	if err != nil {
		return situation.PartyPicture{}, err
	}
	out, err := p.parties.recall(fmt.Sprintf("%s %#v", id, may), now, partyAge, func() (situation.PartyPicture, error) { return p.party(ctx, now, id, may) })
	if out.Sector = sector; err != nil || sector == "" {
		return out, err
	}
	all := map[string]situation.Band{}
	err = p.published(ctx, now, bands, &all)
	out.Band = all[sector]
	return out, err
}

// party works the picture of a party out.
func (p *Picture) party(ctx context.Context, now time.Time, id ident.Party, may access.Cond) (situation.PartyPicture, error) {
	today := finding.DayOf(now)
	out := situation.PartyPicture{At: now, Party: id, Since: situation.Monday(today) - 7*closingWeeks}
	err := p.store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Tally(ctx, store.FindingFilter{Party: id, States: live, May: may}, "severity")
		if err != nil {
			return err
		}
		out.Live, out.Total = severities(rows, situation.Query{State: "live", Party: id})
		return partyDays(ctx, tx, may, today, &out)
	})
	return out, err
}

// partyAge is how long a party's picture is shown to everybody who may read the same: that of a large party counts some ten
// thousand findings, and says of when it is.
const partyAge = time.Minute

// partyDays fills in what the days of a party's findings tell.
func partyDays(ctx context.Context, tx *store.Tx, may access.Cond, today finding.Day, out *situation.PartyPicture) error {
	first := today - partySeries + 1
	var born, ended []situation.Day
	var ends []situation.Ended
	err := tx.Spans(ctx, out.Party, min(first, out.Since), may, func(s store.Span) error {
		born = append(born, situation.Day{Day: s.Born, State: s.State, N: s.N})
		if s.Ended > 0 && !s.State.Live() {
			ended = append(ended, situation.Day{Day: s.Ended, State: s.State, N: s.N})
		}
		if s.Born >= out.Since {
			ends = append(ends, outcome(s, today))
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

// bandsOf works out the band of each sector as at the end of a day. It tells of no party and no finding: it is the same for
// everybody.
func bandsOf(ctx context.Context, tx *store.Tx, through finding.Day) (map[string]situation.Band, error) {
	parties, err := tx.Parties(ctx)
	if err != nil {
		return nil, err
	}
	sectors := map[ident.Party]string{}
	for i := range parties {
		sectors[parties[i].ID] = parties[i].Sector
	}
	since := situation.Monday(through) - 7*closingWeeks
	estimates := map[string][]situation.Estimate{}
	var ends []situation.Ended
	var of ident.Party
	take := func() {
		if sector := sectors[of]; sector != "" && len(ends) > 0 {
			estimates[sector] = append(estimates[sector], situation.EstimateOf(ends))
		}
		ends = nil
	}
	err = tx.Spans(ctx, "", since, access.Always, func(s store.Span) error {
		if s.Party != of {
			take()
			of = s.Party
		}
		if s.Born >= since && s.Born <= through {
			ends = append(ends, asAt(s, through))
		}
		return nil
	})
	take()
	out := map[string]situation.Band{}
	for sector, all := range estimates {
		out[sector] = situation.BandOf(all)
	}
	return out, err
}

// asAt is what was known of a span at the end of a day: what ended later was live.
func asAt(s store.Span, through finding.Day) situation.Ended {
	if s.Ended > through {
		s.Ended, s.State = 0, finding.Open
	}
	return outcome(s, through)
}
