package api

import (
	"time"

	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/api/operation"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// Exposure is what a party has open, in numbers.
type Exposure struct {
	Groups    []ExposureGroup  `json:"groups" doc:"By the system or resource that led to the findings, the worst first, at most 200."`
	Open      map[string]int64 `json:"open" doc:"Live findings by severity; none for those that have none."`
	Fresh     map[string]int64 `json:"fresh" doc:"Of these, made in the last seven UTC days, today among them."`
	Deadlines []Deadline       `json:"deadlines" doc:"Notices that wait for an answer, what is late first, at most 100."`
}

// ExposureGroup counts what one system or resource led to.
type ExposureGroup struct {
	Basis string `json:"basis"`
	Value string `json:"value" doc:"Of the resource, or the system's asset: matched of GET /api/v1/exposure/findings."`
	Name  string `json:"name" doc:"What the party calls the system, or the value."`
	Worst string `json:"worst"`
	Count int    `json:"count"`
}

// Deadline is a notice that waits for an answer.
type Deadline struct {
	Notice   string    `json:"notice"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity"`
	Findings int       `json:"findings" doc:"That are told and have no answer."`
	Due      time.Time `json:"due" doc:"Answered before this, nobody reminds; of what is late, when that was."`
	Late     bool      `json:"late"`
}

// deadlinesShown bounds what a party is shown of what waits for its answer.
const deadlinesShown = 100

func bySeverity(n map[event.Severity]int) map[string]int64 {
	out := map[string]int64{}
	for s, m := range n {
		out[severityWord(s)] += int64(m)
	}
	return out
}

// severityWord is a severity as maps name it.
func severityWord(s event.Severity) string {
	if s == event.Unknown {
		return "none"
	}
	return s.String()
}

func (a *api) exposure(c *call, _ none) (Exposure, error) {
	if err := c.Member(); err != nil {
		return Exposure{}, err
	}
	over, err := a.Exposure.Overview(c.Ctx, c.Now, c.By)
	if err != nil {
		return Exposure{}, err
	}
	own, err := a.Register.Own(c.Ctx, c.Now, c.By)
	if err != nil {
		return Exposure{}, err
	}
	late, err := a.Exposure.Deadlines(c.Ctx, c.Now, c.By, deadlinesShown)
	if err != nil {
		return Exposure{}, err
	}
	out := Exposure{Open: bySeverity(over.Open), Fresh: bySeverity(over.Fresh)}
	for _, g := range over.Groups {
		out.Groups = append(out.Groups, ExposureGroup{string(g.Basis), g.Value, exposure.NameOf(&own, g.Basis, g.Value), g.Worst.String(), g.Count})
	}
	for i := range late {
		d := &late[i]
		if leaveNotice(&loop.NoticeRow{Notice: d.Notice}) == nil {
			out.Deadlines = append(out.Deadlines, Deadline{string(d.ID), string(d.Kind), d.Severity.String(), d.Findings, d.Due, d.Late})
		}
	}
	return out, nil
}

type exposedQuery struct {
	State    string    `query:"state" enum:"all,open,notified,acknowledged,remediating,claimed_fixed,verified_closed,disputed,risk_accepted,false_positive,stale,reopened" doc:"Every live state where absent."`
	Severity string    `query:"severity" enum:"none,info,low,medium,high,critical" doc:"Just this."`
	Class    string    `query:"class" max:"200" doc:"A class of the library, or an RSIT type."`
	Matched  string    `query:"matched" max:"300" doc:"value of a group: the system or resource that led to it."`
	Since    time.Time `query:"since" doc:"Made then or later."`
	operation.Paging
}

func (a *api) exposed(c *call, q exposedQuery) (Findings, error) {
	before, err := operation.NumberCursor("exposure", q.Cursor)
	if err == nil {
		err = c.Member()
	}
	if err != nil {
		return Findings{}, err
	}
	ask := exposure.Query{Class: q.Class, Matched: q.Matched, Since: q.Since}
	switch {
	case q.State == "all":
		ask.States = finding.States
	case q.State != "":
		ask.States = []finding.State{finding.State(q.State)}
	}
	if q.Severity != "" {
		s, _ := event.ParseSeverity(q.Severity) // the enum was checked; none is no severity
		ask.Severity = &s
	}
	page, err := a.Exposure.List(c.Ctx, c.Now, c.By, ask, ident.Finding(before), q.Rows())
	if err != nil {
		return Findings{}, err
	}
	out := Findings{Next: operation.NextNumber("exposure", int64(max(page.Next, page.Searched)))}
	for i := range page.Rows {
		row := loop.FindingRow{Finding: page.Rows[i].Finding, Explain: page.Rows[i].Explain}
		if operation.Leave(row.Mark) != nil {
			out.Withheld++
			continue
		}
		out.Findings = append(out.Findings, findingOf(&row))
	}
	return out, nil
}
