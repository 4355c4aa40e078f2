package picture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/situation"
	"tocsin/internal/store"
)

// publicWeeks is how many whole weeks the open statistics show.
const publicWeeks = 104

// What is published of a day, as the store keeps it.
const (
	statistics = "statistics"
	promises   = "promises"
	bands      = "bands" // of the sectors; shown on parties' pages only
)

// Public returns the open statistics as at the end of yesterday (UTC); everybody may read them. What was published of a
// day stays as it is: see Publish.
func (p *Picture) Public(ctx context.Context, now time.Time) (situation.Statistics, error) {
	var s situation.Statistics
	err := p.published(ctx, now, statistics, &s)
	return s, err
}

// PublishedOn returns the open statistics that were published of a day; fault.NotFound where none were.
func (p *Picture) PublishedOn(ctx context.Context, day finding.Day) (situation.Statistics, error) {
	var s situation.Statistics
	body, err := p.kept(ctx, statistics, day)
	if err == nil {
		err = json.Unmarshal(body, &s)
	}
	return s, err
}

// Promises returns how the authority keeps its promises, up to the end of yesterday (UTC); everybody may read it.
func (p *Picture) Promises(ctx context.Context, now time.Time) (situation.Promises, error) {
	var s situation.Promises
	err := p.published(ctx, now, promises, &s)
	return s, err
}

// Publish works out what is published of yesterday (UTC), once, and returns how much it did. It is bookkeeping: what it
// counts has its entries.
func (p *Picture) Publish(ctx context.Context, now time.Time) (int, error) {
	day := finding.DayOf(now) - 1
	done := 0
	for _, kind := range []string{statistics, promises, bands} {
		_, err := p.kept(ctx, kind, day)
		if err == nil {
			continue
		}
		if !errors.Is(err, fault.NotFound) {
			return done, err
		}
		body, err := p.compute(ctx, kind, day)
		if err != nil {
			return done, fmt.Errorf("publish %s of %s: %w", kind, day, err)
		}
		if err := p.keep(ctx, kind, day, body); err != nil {
			return done, err
		}
		done++
	}
	if done > 0 {
		return done, p.store.SweepTally(ctx)
	}
	return 0, nil
}

// Compact adds what changed since the last time to the rollups and returns how many changes there were.
func (p *Picture) Compact(ctx context.Context, _ time.Time) (int, error) {
	waits := false
	err := p.store.View(ctx, func(tx *store.Tx) (err error) {
		waits, err = tx.TallyWaits(ctx)
		return err
	})
	if err != nil || !waits {
		return 0, err
	}
	n, err := p.store.CompactTally(ctx)
	return int(n), err
}

func (p *Picture) keep(ctx context.Context, kind string, day finding.Day, body []byte) error {
	return p.store.Keep(ctx, func(tx *store.Tx) error { return tx.PutPublished(ctx, kind, day, string(body)) })
}

func (p *Picture) kept(ctx context.Context, kind string, day finding.Day) ([]byte, error) {
	var body string
	err := p.store.View(ctx, func(tx *store.Tx) (err error) {
		body, err = tx.Published(ctx, kind, day)
		return err
	})
	return []byte(body), err
}

// published fills in what was published of yesterday; while that is being worked out, of the day before. Where neither was,
// it is worked out here and kept in memory, so that everybody reads the same until the duty publishes.
func (p *Picture) published(ctx context.Context, now time.Time, kind string, into any) error {
	day := finding.DayOf(now) - 1
	p.daily.mu.Lock()
	defer p.daily.mu.Unlock()
	if p.daily.day != day {
		p.daily.day, p.daily.of = day, map[string][]byte{}
	}
	body, known := p.daily.of[kind]
	if !known {
		var err error
		if body, err = p.kept(ctx, kind, day); errors.Is(err, fault.NotFound) {
			if before, err := p.kept(ctx, kind, day-1); err == nil {
				return json.Unmarshal(before, into)
			}
			body, err = p.compute(ctx, kind, day)
		}
		if err != nil {
			return err
		}
		p.daily.of[kind] = body
	}
	return json.Unmarshal(body, into)
}

func (p *Picture) compute(ctx context.Context, kind string, day finding.Day) ([]byte, error) {
	var out any
	err := p.store.View(ctx, func(tx *store.Tx) (err error) {
		switch kind {
		case statistics:
			out, err = statisticsOf(ctx, tx, day)
		case promises:
			out, err = promisesOf(ctx, tx, day)
		default:
			out, err = bandsOf(ctx, tx, day)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// open is what everybody may be told numbers of: marked GREEN at most, whoever answers.
const open = marking.Green

func statisticsOf(ctx context.Context, tx *store.Tx, through finding.Day) (situation.Statistics, error) {
	out := situation.Statistics{Through: through, Methods: situation.Methods}
	parties, err := tx.Parties(ctx)
	if err != nil {
		return out, err
	}
	rows, err := tx.OpenAt(ctx, (through + 1).Start(), open)
	if err != nil {
		return out, err
	}
	sectors := map[ident.Party]string{}
	for i := range parties {
		sectors[parties[i].ID] = parties[i].Sector
	}
	var byRegion, bySector, byClass []situation.Holding
	affected := map[ident.Party]bool{}
	for _, r := range rows {
		byRegion = append(byRegion, situation.Holding{Key: r.Region, Party: r.Party, N: r.N})
		bySector = append(bySector, situation.Holding{Key: sectors[r.Party], Party: r.Party, N: r.N})
		byClass = append(byClass, situation.Holding{Key: r.Class, Party: r.Party, N: r.N})
		affected[r.Party] = true
	}
	out.Live, out.Parties = situation.WholeFigures(byRegion)
	out.Regions = situation.Divide(byRegion, registered(parties, affected, func(p *party.Party) string { return p.Region }))
	out.Sectors = situation.Divide(bySector, registered(parties, affected, func(p *party.Party) string { return p.Sector }))
	out.Classes = situation.Divide(byClass, nil)
	if !out.Live.Shown { // the parts together would be the whole
		out.Regions, out.Sectors, out.Classes = situation.Breakdown{Hidden: true}, situation.Breakdown{Hidden: true}, situation.Breakdown{Hidden: true}
	}
	return out, weeks(ctx, tx, through, &out)
}

func registered(parties []party.Party, affected map[ident.Party]bool, key func(*party.Party) string) map[string]situation.Registered {
	out := map[string]situation.Registered{}
	for i := range parties {
		r := out[key(&parties[i])]
		r.Of++
		if affected[parties[i].ID] {
			r.Affected++
		}
		out[key(&parties[i])] = r
	}
	return out
}

// weeks fills in what the days of findings tell everybody.
func weeks(ctx context.Context, tx *store.Tx, through finding.Day, out *situation.Statistics) error {
	first := situation.Monday(through+1) - 7*publicWeeks
	since := situation.Monday(through) - 7*closingWeeks
	var stays []situation.Stay
	type key struct {
		days     int
		severity event.Severity
		state    finding.State
	}
	ends := map[key]int64{}
	err := tx.Spans(ctx, "", first, access.ForAll(open), func(s store.Span) error {
		stays = append(stays, situation.Stay{Party: s.Party, Born: s.Born, End: s.Ended, State: s.State, N: s.N})
		if s.Born >= since && s.Born <= through {
			o := asAt(s, through)
			ends[key{o.Days, o.Severity, o.State}] += o.N
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Weeks = situation.WeeksOf(stays, first, through)
	for len(out.Weeks) > 0 && out.Weeks[0].Opened == (situation.Figure{Shown: true}) && out.Weeks[0].Live == (situation.Figure{Shown: true}) {
		out.Weeks = out.Weeks[1:] // before there was anything
	}
	all := make([]situation.Ended, 0, len(ends))
	for k, n := range ends {
		all = append(all, situation.Ended{Days: k.days, Severity: k.severity, State: k.state, N: n})
	}
	out.Closing = situation.Publishable(situation.ClosingOf(all))
	return nil
}
