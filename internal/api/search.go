package api

import (
	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/api/operation"
)

type searchQuery struct {
	Text string `query:"q" required:"true" max:"200" doc:"A number, how an asset begins, part of a party's name, what somebody copied out of a mail."`
}

// Hits is what a search turned up, each part bounded.
type Hits struct {
	Findings []Finding      `json:"findings" doc:"At most 20."`
	More     bool           `json:"more" doc:"There are further findings: GET /api/v1/findings?state=all&asset=…"`
	Withheld int            `json:"withheld,omitempty" doc:"Things that are marked too strictly to leave the pages."`
	Parties  []FoundParty   `json:"parties"`
	Answers  *ProposedParty `json:"answers,omitempty" doc:"Who answers for the address, domain or AS number, by the register."`
	Notice   *Notice        `json:"notice,omitempty"`
	Signal   *Status        `json:"signal,omitempty"`
	Feeds    []FoundFeed    `json:"feeds"`
	Report   string         `json:"report,omitempty" doc:"Id of the report with this number."`
}

// FoundParty is a party that a search turned up.
type FoundParty struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Matched string `json:"matched,omitempty" doc:"The resource or mail domain that fits."`
}

// FoundFeed is a feed that a search turned up.
type FoundFeed struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

func (a *api) search(c *call, q searchQuery) (Hits, error) {
	if err := c.Desk(); err != nil {
		return Hits{}, err
	}
	f, err := a.Triage.Search(c.Ctx, c.Now, c.By, q.Text)
	if err != nil {
		return Hits{}, err
	}
	out := Hits{More: f.More, Answers: proposedOf(f.Answers), Report: f.Report}
	for i := range f.Findings {
		row := loop.FindingRow{Finding: f.Findings[i], Explain: a.Loop.Explain(&f.Findings[i])}
		if operation.Leave(row.Mark) != nil {
			out.Withheld++
			continue
		}
		out.Findings = append(out.Findings, findingOf(&row))
	}
	for _, p := range f.Parties {
		out.Parties = append(out.Parties, FoundParty{string(p.ID), p.Name, p.Matched})
	}
	for _, x := range f.Feeds {
		out.Feeds = append(out.Feeds, FoundFeed{string(x.ID), x.Title})
	}
	return out, a.searchedMarks(c, &f, &out)
}

// searchedMarks adds the notice and the signal of a search where they may leave.
func (a *api) searchedMarks(c *call, f *triage.Found, out *Hits) error {
	if f.Notice != nil {
		d, err := a.Loop.NoticeByID(c.Ctx, c.Now, c.By, f.Notice.ID)
		switch {
		case err != nil:
			return err
		case leaveNotice(&d.NoticeRow) != nil:
			out.Withheld++
		default:
			n := noticeOf(&d.NoticeRow)
			out.Notice = &n
		}
	}
	if f.Signal == nil {
		return nil
	}
	marks, err := a.Programs.FeedMarks(c.Ctx)
	if err != nil {
		return err
	}
	if operation.Leave(marks[f.Signal.Feed]) != nil {
		out.Withheld++
		return nil //nolint:nilerr // what may not leave is counted instead
	}
	is := statusOf(f.Signal)
	out.Signal = &is
	return nil
}

// Jurisdiction is the regions and sectors that the installation answers for.
type Jurisdiction struct {
	Regions []Region `json:"regions"`
	Sectors []string `json:"sectors" doc:"Those of the parties in the register."`
	Streams []string `json:"streams" doc:"feed/stream: what rules can name."`
}

// Region is one of a tree.
type Region struct {
	ID      string `json:"id"`
	Parent  string `json:"parent,omitempty"`
	NameEN  string `json:"name_en,omitempty"`
	NameZH  string `json:"name_zh,omitempty"`
	Default string `json:"default_party,omitempty" doc:"Answers for what nobody in the region claims."`
}

func (a *api) jurisdiction(c *call, _ none) (Jurisdiction, error) {
	if err := c.Desk(); err != nil {
		return Jurisdiction{}, err
	}
	k, err := a.Rules.Choices(c.Ctx)
	out := Jurisdiction{Sectors: k.Sectors, Streams: k.Streams}
	for _, r := range k.Regions {
		out.Regions = append(out.Regions, Region{r.ID, r.Parent, r.NameEN, r.NameZH, string(r.Default)})
	}
	return out, err
}
