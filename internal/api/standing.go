package api

import (
	"time"

	"tocsin/internal/api/operation"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// Why is who answers for a finding, and why.
type Why struct {
	Stored  Claim   `json:"stored" doc:"As the finding has it."`
	Agrees  bool    `json:"agrees" doc:"The rule names the same party now."`
	ByHand  bool    `json:"by_hand" doc:"The desk said so: the reason stands in the history."`
	Claims  []Claim `json:"claims" doc:"Who could answer as the register stands now, in the order of the rule; the first does."`
	Subject string  `json:"subject" doc:"The asset that the rule looked at."`
}

// Claim is one party that could answer.
type Claim struct {
	Party      string     `json:"party,omitempty" doc:"Absent: nobody."`
	Name       string     `json:"name,omitempty"`
	Basis      string     `json:"basis,omitempty"`
	Matched    string     `json:"matched,omitempty" doc:"The resource that decides."`
	Confidence int        `json:"confidence,omitempty"`
	Source     string     `json:"source,omitempty" doc:"Of the resource."`
	Verified   *time.Time `json:"verified,omitempty" doc:"The resource was; never, where absent."`
	Why        string     `json:"why,omitempty" doc:"Code of the step that put it here."`
}

func (a *api) why(c *call, q findingQuery) (Why, error) {
	if err := c.Desk(); err != nil {
		return Why{}, err
	}
	if _, err := a.detail(c, q.ID); err != nil {
		return Why{}, err
	}
	w, err := a.Loop.Why(c.Ctx, c.Now, c.By, ident.Finding(q.ID))
	if err != nil {
		return Why{}, err
	}
	claim := func(x party.Claim) Claim {
		return Claim{string(x.Party), w.Names[x.Party], string(x.Basis), x.Matched, x.Confidence, x.Source, operation.Some(x.Verified), x.Why}
	}
	s := w.Stored
	out := Why{Agrees: w.Agrees, ByHand: w.ByHand, Subject: w.Subject.Asset.Value}
	if s.Party != "" {
		out.Stored = claim(party.Claim{Party: s.Party, Basis: s.Basis, Matched: s.Matched, Confidence: s.Confidence})
	}
	for _, x := range w.Rule.Claims {
		out.Claims = append(out.Claims, claim(x))
	}
	return out, nil
}

// PartyPicture is a party's findings in numbers, day by day too.
type PartyPicture struct {
	Party   string           `json:"party"`
	Live    map[string]int64 `json:"live" doc:"By severity; none for those that have none."`
	Days    []PartyDay       `json:"days" doc:"The oldest first."`
	Closing DaysUntil        `json:"closing" doc:"How long it takes until evidence shows that findings are gone."`
	Silence *Silence         `json:"silence,omitempty" doc:"What was sent and what came back; for the authority's people."`
}

// PartyDay counts a party's findings on one day.
type PartyDay struct {
	Day      string `json:"day" doc:"UTC."`
	Opened   int64  `json:"opened"`
	Verified int64  `json:"verified"`
	Live     int64  `json:"live" doc:"At its end."`
}

// Silence is what was sent to a party and what came back.
type Silence struct {
	Way        string     `json:"way" doc:"untold, answers, waiting, quiet or silent."`
	Days       int        `json:"days" doc:"That it has not answered."`
	Sent       int        `json:"sent"`
	Answers    int        `json:"answers"`
	LastSent   *time.Time `json:"last_sent,omitempty"`
	LastAnswer *time.Time `json:"last_answer,omitempty"`
}

func (a *api) partyPicture(c *call, q partyQuery) (PartyPicture, error) {
	if a.Picture == nil {
		return PartyPicture{}, errNoPicture
	}
	p, err := a.Picture.Party(c.Ctx, c.Now, c.By, ident.Party(q.ID))
	if err != nil {
		return PartyPicture{}, err
	}
	out := PartyPicture{Party: q.ID, Live: map[string]int64{}, Closing: daysUntil(p.Closing)}
	for _, x := range p.Live {
		out.Live[severityWord(x.Severity)] += x.N
	}
	for i, day := range p.Series.Days {
		out.Days = append(out.Days, PartyDay{day.String(), p.Series.Opened[i], p.Series.Verified[i], p.Series.Live[i]})
	}
	if !c.By.Desk() {
		return out, nil
	}
	s, err := a.Triage.SilenceOf(c.Ctx, c.Now, c.By, ident.Party(q.ID))
	out.Silence = &Silence{s.Way(c.Now), s.Days(c.Now), s.Sent, s.Answers, operation.Some(s.LastSent), operation.Some(s.LastAnswer)}
	return out, err
}
