package main

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/picture"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/situation"
	"tocsin/internal/store"
)

// compare counts every number of the situation again, from the findings, and fails where one differs.
func (b *pageBench) compare(ctx context.Context, db *store.Store) error {
	desk := access.Actor{
		Kind: access.Person, ID: "bench", Party: ident.Authority,
		Seats: []access.Seat{{Post: "bench", Party: ident.Authority, Powers: []people.Power{people.Read}}},
	}
	raw, err := b.open()
	if err != nil {
		return err
	}
	defer raw.Close()
	start := time.Now()
	s, err := picture.New(db).Desk(ctx, time.Now(), desk, picture.Window{})
	if err != nil {
		return err
	}
	fmt.Printf("situation read in %s; ", time.Since(start).Round(time.Millisecond))
	checked, wrong := 0, 0
	check := func(what string, have int64, where string, args ...any) error {
		var n int64
		err := raw.QueryRowContext(ctx, "select count(*) from finding f left join party p on p.id = f.party_id where f.tlp <= 3 and "+where, args...).Scan(&n)
		if checked++; n != have {
			wrong++
			fmt.Printf("\n%s: %d, recounted %d", what, have, n)
		}
		return err
	}
	if err := b.compareLive(s, check); err != nil {
		return err
	}
	if err := b.compareDays(s, check); err != nil {
		return err
	}
	fmt.Printf("%d numbers of it compared with a recount, %d differ\n", checked, wrong)
	if wrong > 0 {
		return errDiffers
	}
	return nil
}

type checking func(what string, have int64, where string, args ...any) error

const isLive = "f.state not in ('verified_closed', 'false_positive', 'stale')"

func (b *pageBench) compareLive(s *situation.Situation, check checking) error {
	if err := check("live", s.Total, isLive); err != nil {
		return err
	}
	if err := check("orphans", s.Orphans.N, isLive+" and f.party_id = ''"); err != nil {
		return err
	}
	for _, t := range s.Live {
		if err := check("severity "+t.Key, t.N, isLive+" and f.severity = $1", int64(t.Severity)); err != nil {
			return err
		}
	}
	for _, t := range s.Classes {
		if err := check("class "+t.Key, t.N, isLive+" and f.class = $1", t.Key); err != nil {
			return err
		}
	}
	for i, sector := range s.Heat.Sectors {
		for j, region := range s.Heat.Regions {
			if (i+j)%5 > 0 {
				continue // one cell in five: each is a scan
			}
			if err := check(sector+" in "+region, s.Heat.N[i][j], isLive+" and coalesce(p.sector, '') = $1 and f.region = $2", sector, region); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *pageBench) compareDays(s *situation.Situation, check checking) error {
	since := s.Since.Start().UnixMicro()
	for _, step := range s.Funnel[1:] {
		where := map[situation.Stage]string{situation.Folded: "1 = 1", situation.Attributed: "f.party_id <> ''"}[step.Stage]
		if m := step.Stage.Mark(); m != 0 {
			where = fmt.Sprintf("f.reached & %d <> 0", m)
		}
		if err := check("stage "+string(step.Stage), step.N, where+" and f.created_at >= $1", since); err != nil {
			return err
		}
	}
	for i, d := range s.Series.Days {
		if i%10 > 0 && i < len(s.Series.Days)-1 {
			continue
		}
		from, to := d.Start().UnixMicro(), (d + 1).Start().UnixMicro()
		if err := check("made on "+d.String(), s.Series.Opened[i], "f.created_at >= $1 and f.created_at < $2", from, to); err != nil {
			return err
		}
		if err := check("gone on "+d.String(), s.Series.Verified[i], "f.state = 'verified_closed' and f.state_at >= $1 and f.state_at < $2", from, to); err != nil {
			return err
		}
		err := check("live at the end of "+d.String(), s.Series.Live[i], "f.created_at < $1 and ("+isLive+" or f.state_at >= $2)", to, to)
		if err != nil {
			return err
		}
	}
	monday := situation.Monday(finding.DayOf(s.At)) - 7*26
	for _, c := range s.Closing {
		where, args := "f.created_at >= $1 and f.state <> 'false_positive'", []any{monday.Start().UnixMicro()}
		if !c.All {
			where, args = where+" and f.severity = $2", append(args, int64(c.Severity))
		}
		if err := check("closing, of", c.N, where, args...); err != nil {
			return err
		}
		if err := check("closing, verified", c.Verified, where+" and f.state = 'verified_closed'", args...); err != nil {
			return err
		}
	}
	return nil
}
