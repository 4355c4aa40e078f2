package api

import (
	"tocsin/internal/act/picture"
	"tocsin/internal/fault"
	"tocsin/internal/situation"
)

// Statistics are the numbers that everybody may see.
type Statistics struct {
	Through string      `json:"through" doc:"Counted as at the end of this UTC day."`
	Least   int         `json:"least" doc:"Every number is a multiple of this, or withheld."`
	Live    Figure      `json:"live_findings"`
	Parties Figure      `json:"parties"`
	Regions []Figure    `json:"regions"`
	Sectors []Figure    `json:"sectors"`
	Classes []Figure    `json:"classes"`
	Closing []DaysUntil `json:"closing"`
	Methods []string    `json:"methods" doc:"Codes of what is counted and how; the page of statistics explains them."`
}

// Figure is a number fit to publish.
type Figure struct {
	Key      string   `json:"key,omitempty"`
	Shown    bool     `json:"shown" doc:"False: withheld, for it would point at somebody."`
	N        int64    `json:"n"`
	Affected *float64 `json:"share_affected,omitempty" doc:"Of the registered parties; absent where no denominator is known."`
	Low      *float64 `json:"share_low,omitempty" doc:"95 percent interval (Wilson)."`
	High     *float64 `json:"share_high,omitempty"`
}

// DaysUntil is how long it takes until evidence shows that findings are gone.
type DaysUntil struct {
	Severity string `json:"severity" doc:"all for every severity together."`
	Findings int64  `json:"findings"`
	Verified int64  `json:"verified"`
	Median   *int   `json:"median_days,omitempty" doc:"Kaplan-Meier; absent where it lies beyond what was observed."`
	Low      *int   `json:"median_low,omitempty"`
	High     *int   `json:"median_high,omitempty"`
}

func figureOf(f situation.Figure) Figure {
	out := Figure{Key: f.Key, Shown: f.Shown, N: f.N}
	if f.Rate != nil {
		out.Affected, out.Low, out.High = &f.Rate.Value, &f.Rate.Low, &f.Rate.High
	}
	return out
}

func figures(list []situation.Figure) []Figure {
	out := make([]Figure, len(list))
	for i, f := range list {
		out[i] = figureOf(f)
	}
	return out
}

func closingOf(list []situation.Closing) []DaysUntil {
	var out []DaysUntil
	for _, c := range list {
		d := DaysUntil{Severity: c.Severity.String(), Findings: c.N, Verified: c.Verified}
		if c.All {
			d.Severity = "all"
		}
		for _, q := range []struct {
			known bool
			days  int
			to    **int
		}{{c.Median.Known, c.Median.Days, &d.Median}, {c.Median.LowKnown, c.Median.Low, &d.Low}, {c.Median.HighKnown, c.Median.High, &d.High}} {
			if q.known {
				*q.to = &q.days
			}
		}
		out = append(out, d)
	}
	return out
}

func (a *api) statistics(c *call, _ none) (Statistics, error) {
	if a.Picture == nil {
		return Statistics{}, errNoPicture
	}
	s, err := a.Picture.Public(c.Ctx, c.Now)
	if err != nil {
		return Statistics{}, err
	}
	return Statistics{
		Through: s.Through.String(), Least: situation.K, Live: figureOf(s.Live), Parties: figureOf(s.Parties), Regions: figures(s.Regions.Figures),
		Sectors: figures(s.Sectors.Figures), Classes: figures(s.Classes.Figures), Closing: closingOf(s.Closing), Methods: s.Methods,
	}, nil
}

var errNoPicture = fault.New(fault.Unavailable, "the numbers are not counted here")

type situationQuery struct {
	Days int `query:"days" min:"1" max:"365" doc:"Findings first made in so many days; 30 where it is not given."`
}

// Situation is the picture of an instant as the token's person sees it.
type Situation struct {
	Days    int         `json:"days"`
	Since   string      `json:"since"`
	Live    int64       `json:"live_findings"`
	Orphans int64       `json:"orphans" doc:"Live, and nobody answers for them."`
	Funnel  []Counted   `json:"funnel"`
	Levels  []Counted   `json:"by_severity"`
	Classes []Counted   `json:"by_class"`
	Heat    []HeatCell  `json:"by_sector_and_region"`
	Changes []Changed   `json:"changes" doc:"Beside seven days before."`
	Closing []DaysUntil `json:"closing"`
}

// Counted is a number of findings.
type Counted struct {
	Key string `json:"key"`
	N   int64  `json:"n"`
}

// HeatCell counts live findings of one sector in one region.
type HeatCell struct {
	Sector string `json:"sector"`
	Region string `json:"region"`
	N      int64  `json:"n"`
}

// Changed is a measure beside itself seven days before.
type Changed struct {
	Key    string `json:"key"`
	Now    int64  `json:"now"`
	Before int64  `json:"before"`
}

func (a *api) situation(c *call, q situationQuery) (Situation, error) {
	if a.Picture == nil {
		return Situation{}, errNoPicture
	}
	if err := c.Desk(); err != nil {
		return Situation{}, err
	}
	s, err := a.Picture.Desk(c.Ctx, c.Now, c.By, picture.Window{Days: q.Days})
	if err != nil {
		return Situation{}, err
	}
	out := Situation{Days: s.Days, Since: s.Since.String(), Live: s.Total, Orphans: s.Orphans.N, Closing: closingOf(s.Closing)}
	for _, x := range s.Funnel {
		out.Funnel = append(out.Funnel, Counted{string(x.Stage), x.N})
	}
	for _, x := range s.Live {
		out.Levels = append(out.Levels, Counted{x.Severity.String(), x.N})
	}
	for _, x := range s.Classes {
		out.Classes = append(out.Classes, Counted{x.Key, x.N})
	}
	for _, x := range s.Changes {
		out.Changes = append(out.Changes, Changed{x.Code, x.Now, x.Before})
	}
	for i, sector := range s.Heat.Sectors {
		for j, region := range s.Heat.Regions {
			if n := s.Heat.N[i][j]; n > 0 {
				out.Heat = append(out.Heat, HeatCell{sector, region, n})
			}
		}
	}
	return out, nil
}
