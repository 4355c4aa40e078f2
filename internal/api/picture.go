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
	Affected *float64 `json:"share_affected,omitempty" doc:"Of the registered parties; absent where no denominator is known. The entry others has the share of those together whose own is withheld."`
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

// figures lists a breakdown; key "others" has the share of those together whose own is withheld.
func figures(b situation.Breakdown) []Figure {
	out := make([]Figure, 0, len(b.Figures)+1)
	for _, f := range b.Figures {
		out = append(out, figureOf(f))
	}
	if b.Others != nil {
		out = append(out, figureOf(situation.Figure{Key: "others", Rate: b.Others}))
	}
	return out
}

func closingOf(list []situation.Closing) []DaysUntil {
	var out []DaysUntil
	for _, c := range list {
		d := daysUntil(c.Estimate)
		if !c.All {
			d.Severity = c.Severity.String()
		}
		out = append(out, d)
	}
	return out
}

func daysUntil(c situation.Estimate) DaysUntil {
	d := DaysUntil{Severity: "all", Findings: c.N, Verified: c.Verified}
	for _, q := range []struct {
		known bool
		days  int
		to    **int
	}{{c.Median.Known, c.Median.Days, &d.Median}, {c.Median.LowKnown, c.Median.Low, &d.Low}, {c.Median.HighKnown, c.Median.High, &d.High}} {
		if q.known {
			*q.to = &q.days
		}
	}
	return d
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
		Through: s.Through.String(), Least: situation.K, Live: figureOf(s.Live), Parties: figureOf(s.Parties), Regions: figures(s.Regions),
		Sectors: figures(s.Sectors), Classes: figures(s.Classes), Closing: closingOf(s.Closing), Methods: s.Methods,
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

// Promises is how the authority keeps what it promises.
type Promises struct {
	Through string         `json:"through" doc:"Counted as at the end of this UTC day."`
	Days    int            `json:"days" doc:"That the whole spans."`
	Whole   PromisesKept   `json:"whole"`
	Months  []PromisesKept `json:"months" doc:"The oldest first; the last may be unfinished."`
	Waiting Figure         `json:"waiting" doc:"All that waits for the authority."`
	Oldest  float64        `json:"oldest_hours,omitempty" doc:"That the oldest of them waits; absent where none does, or that is withheld."`
}

// PromisesKept is what was kept in one span of days.
type PromisesKept struct {
	From     string    `json:"from" doc:"A UTC day, included."`
	To       string    `json:"to" doc:"A UTC day, included."`
	Told     Figure    `json:"told" doc:"Findings that were told to their party."`
	Median   float64   `json:"told_median_hours,omitempty" doc:"From the finding to the notice."`
	Most     float64   `json:"told_most_hours,omitempty" doc:"90 of 100 took at most this."`
	Urgent   KeptShare `json:"urgent" doc:"Of findings of high severity and above: told within 24 hours."`
	Disputes KeptShare `json:"disputes" doc:"Answered within five days."`
	Reports  KeptShare `json:"reports" doc:"Acknowledged at once."`
	Looks    Figure    `json:"looks" doc:"Looks into raw data, each with a stated reason."`
	Pairs    Figure    `json:"pairs" doc:"Acts that took two people."`
}

// KeptShare is a part of a whole.
type KeptShare struct {
	Of    Figure   `json:"of"`
	Share *float64 `json:"share,omitempty" doc:"0 to 1; absent where it is withheld, or there is nothing."`
	Low   *float64 `json:"share_low,omitempty" doc:"95 percent interval (Wilson)."`
	High  *float64 `json:"share_high,omitempty"`
}

func keptShareOf(s situation.Share) KeptShare {
	out := KeptShare{Of: figureOf(s.Of)}
	if s.Known {
		out.Share, out.Low, out.High = &s.Value, &s.Low, &s.High
	}
	return out
}

func promisesKept(k situation.Kept) PromisesKept {
	return PromisesKept{
		From: k.From.String(), To: k.To.String(), Told: figureOf(k.Told.N), Median: k.Told.Median, Most: k.Told.Most, Urgent: keptShareOf(k.Urgent),
		Disputes: keptShareOf(k.Disputes), Reports: keptShareOf(k.Reports), Looks: figureOf(k.Looks), Pairs: figureOf(k.Pairs),
	}
}

func (a *api) promises(c *call, _ none) (Promises, error) {
	if a.Picture == nil {
		return Promises{}, errNoPicture
	}
	s, err := a.Picture.Promises(c.Ctx, c.Now)
	if err != nil {
		return Promises{}, err
	}
	out := Promises{Through: s.Through.String(), Days: s.Days, Whole: promisesKept(s.Whole), Waiting: figureOf(s.Waiting), Oldest: s.Oldest}
	for _, k := range s.Months {
		out.Months = append(out.Months, promisesKept(k))
	}
	return out, nil
}
