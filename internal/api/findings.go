package api

import (
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/api/operation"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/situation"
)

const findingsText = "Answers what the same person sees on the pages, less what is marked too strictly to leave them: `withheld` counts those of " +
	"the page. A search by text or address may pause before a page is full: go on with `next`."

type findingsQuery struct {
	State    string `query:"state" enum:"live,all,open,notified,acknowledged,remediating,claimed_fixed,verified_closed,disputed,risk_accepted,false_positive,stale,reopened" doc:"A state, live (the usual) or all."`
	Severity string `query:"severity" enum:"info,low,medium,high,critical" doc:"At least this severe."`
	Class    string `query:"class" max:"200" doc:"A class of the library, or an RSIT type."`
	Party    string `query:"party" max:"64" doc:"Who answers for it; none for findings that nobody answers for."`
	Region   string `query:"region" max:"64"`
	Feed     string `query:"feed" max:"200" doc:"A feed, or feed/stream."`
	Asset    string `query:"asset" max:"300" doc:"An address, a prefix, an AS number (AS64496) or how a name begins."`
	Text     string `query:"text" max:"500"`
	Exactly  string `query:"exactly" enum:"none,info,low,medium,high,critical" doc:"Just this severity; none for findings that have none."`
	Sector   string `query:"sector" max:"64" doc:"Of the party that answers; none where none is known."`
	Stage    string `query:"stage" max:"32" doc:"Of the funnel: what the work has reached."`
	Since    string `query:"since" max:"10" doc:"A UTC day, as 2006-01-02: made on it or later."`
	Until    string `query:"until" max:"10" doc:"A UTC day, as 2006-01-02: made on it or before."`
	Ended    string `query:"ended" max:"10" doc:"A UTC day, as 2006-01-02: in the state that they are in since it or later."`
	Purpose  string `query:"purpose" enum:"handle,answer,oversight" doc:"oversight lists what a party observes of others or was shared with it."`
	operation.Paging
}

// ask turns the request into the act's question.
func (q *findingsQuery) ask(by access.Actor) (loop.FindingQuery, error) {
	out := loop.FindingQuery{Class: q.Class, Region: q.Region, Asset: q.Asset, Text: q.Text, Purpose: access.Purpose(q.Purpose)}
	switch s := finding.State(q.State); s {
	case "", "live":
		out.States = loop.LiveStates
	case "all":
	default:
		out.States = []finding.State{s}
	}
	if q.Severity != "" {
		out.Severity, _ = event.ParseSeverity(q.Severity) // the enum was checked
	}
	if out.Orphans = q.Party == "none"; !out.Orphans {
		out.Party = ident.Party(q.Party)
	}
	if by.Member() && out.Party == "" && !out.Orphans && out.Purpose != access.Oversight {
		out.Party = by.Party
	}
	id, stream, _ := strings.Cut(q.Feed, "/")
	out.Feed, out.Stream = ident.Feed(id), stream
	return out, q.counted(&out)
}

// counted reads what the numbers of the situation ask for: a link of a page gives the same list here.
func (q *findingsQuery) counted(out *loop.FindingQuery) error {
	out.Sector = q.Sector
	if q.Exactly != "" {
		s, _ := event.ParseSeverity(q.Exactly) // the enum was checked; none is no severity
		out.Severities = []event.Severity{s}
	}
	if q.Stage != "" {
		s, ok := situation.ParseStage(q.Stage)
		if !ok {
			return fault.New(fault.Invalid, "stage: %q is not a stage of the funnel", q.Stage)
		}
		out.Stage = s
	}
	for _, d := range []struct {
		name, text string
		add        int
		to         *time.Time
	}{{"since", q.Since, 0, &out.Since}, {"until", q.Until, 1, &out.Until}, {"ended", q.Ended, 0, &out.Ended}} {
		if d.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, d.text)
		if err != nil {
			return fault.New(fault.Invalid, "%s: %q is not a day as 2006-01-02", d.name, d.text)
		}
		*d.to = t.AddDate(0, 0, d.add)
	}
	return nil
}

// Findings is one page of findings, the newest first.
type Findings struct {
	Findings []Finding `json:"findings"`
	Withheld int       `json:"withheld,omitempty" doc:"Findings of this page that are marked too strictly to leave the pages."`
	Next     string    `json:"next,omitempty" doc:"cursor of the page after; absent at the end."`
}

// NextCursor is the cursor of the page after; empty at the end.
func (f Findings) NextCursor() string { return f.Next }

// Finding is one finding as programs see it. Whoever takes it takes its mark with it.
type Finding struct {
	ID         int64      `json:"id"`
	TLP        string     `json:"tlp" doc:"TLP 2.0: who may see it at most."`
	PAP        string     `json:"pap"`
	Embargo    *time.Time `json:"embargo,omitempty" doc:"Until then it stays with the authority and its owner."`
	AssetKind  string     `json:"asset_kind"`
	Asset      string     `json:"asset"`
	Port       int64      `json:"port,omitempty"`
	Transport  string     `json:"transport,omitempty"`
	Type       string     `json:"classification_type" doc:"Of the RSIT taxonomy."`
	Identifier string     `json:"classification_identifier,omitempty"`
	Malware    string     `json:"malware_name,omitempty"`
	Class      string     `json:"class,omitempty" doc:"Of the library of explanations."`
	Severity   string     `json:"severity"`
	State      string     `json:"state"`
	StateAt    time.Time  `json:"state_at"`
	Until      *time.Time `json:"until,omitempty" doc:"When an accepted risk ends."`
	Party      string     `json:"party,omitempty" doc:"Who answers for it; absent where nobody does."`
	PartyName  string     `json:"party_name,omitempty"`
	Basis      string     `json:"basis,omitempty" doc:"What says so."`
	Confidence int        `json:"confidence,omitempty" doc:"Percent."`
	Region     string     `json:"region,omitempty"`
	Source     string     `json:"source,omitempty" doc:"feed/stream that first saw it."`
	First      time.Time  `json:"first_seen"`
	Last       time.Time  `json:"last_seen"`
	Count      int64      `json:"count" doc:"How often it was seen."`
}

func findingOf(f *loop.FindingRow) Finding {
	id := f.Identity
	out := Finding{
		ID: int64(f.ID), TLP: f.Mark.TLP.String(), PAP: f.Mark.PAP.String(), Embargo: operation.Some(f.Embargo), AssetKind: string(id.Asset.Kind),
		Asset: id.Asset.Value, Port: int64(id.Port), Transport: id.Transport, Type: id.Type, Identifier: id.Identifier, Malware: id.Malware,
		Class: f.Class, Severity: f.Severity.String(), State: string(f.State), StateAt: f.StateAt, Until: operation.Some(f.Until), Party: string(f.Party),
		PartyName: f.PartyName, Confidence: f.Confidence, Region: f.Region, Source: f.Source, First: f.First, Last: f.Last, Count: f.Count,
	}
	if f.Party != "" {
		out.Basis = string(f.Basis)
	}
	return out
}

func (a *api) findings(c *call, q findingsQuery) (Findings, error) {
	ask, err := q.ask(c.By)
	if err != nil {
		return Findings{}, err
	}
	before, err := operation.NumberCursor("finding", q.Cursor)
	if err != nil {
		return Findings{}, err
	}
	list, err := a.Loop.Findings(c.Ctx, c.Now, c.By, ask, ident.Finding(before), q.Rows())
	if err != nil {
		return Findings{}, err
	}
	next := list.Next
	if next == 0 {
		next = list.Searched
	}
	out := Findings{Next: operation.NextNumber("finding", int64(next))}
	for i := range list.Rows {
		if operation.Leave(list.Rows[i].Mark) != nil {
			out.Withheld++
			continue
		}
		out.Findings = append(out.Findings, findingOf(&list.Rows[i]))
	}
	return out, nil
}

type findingQuery struct {
	ID int64 `path:"id" min:"1"`
}

// FindingDetail is one finding with what lies around it.
type FindingDetail struct {
	Finding   Finding    `json:"finding"`
	Sightings []Sighting `json:"sightings" doc:"What each stream saw; for the authority's people only."`
	Notices   []Notice   `json:"notices" doc:"That told it, the oldest first."`
}

// Sighting is how one stream saw a finding.
type Sighting struct {
	Feed   string    `json:"feed"`
	Stream string    `json:"stream"`
	First  time.Time `json:"first_seen"`
	Last   time.Time `json:"last_seen"`
	Count  int64     `json:"count"`
	Signal int64     `json:"signal" doc:"That carried the newest observation."`
}

// detail reads one finding that may leave.
func (a *api) detail(c *call, id int64) (loop.FindingDetail, error) {
	d, err := a.Loop.FindingByID(c.Ctx, c.Now, c.By, ident.Finding(id))
	if err != nil {
		return d, err
	}
	return d, operation.Leave(d.Mark)
}

func (a *api) finding(c *call, q findingQuery) (FindingDetail, error) {
	d, err := a.detail(c, q.ID)
	if err != nil {
		return FindingDetail{}, err
	}
	out := FindingDetail{Finding: findingOf(&d.FindingRow)}
	for i := range d.Notices {
		if operation.Leave(marking.Mark{TLP: d.Notices[i].TLP}) == nil {
			out.Notices = append(out.Notices, noticeOf(&d.Notices[i]))
		}
	}
	for _, s := range d.Sightings {
		if c.By.Desk() {
			out.Sightings = append(out.Sightings, Sighting{string(s.Feed), s.Stream, s.FirstAt, s.LastAt, s.Count, int64(s.Signal)})
		}
	}
	return out, nil
}

// History is what happened to a finding.
type History struct {
	Steps []Step `json:"steps"`
}

// Step is one step of a finding.
type Step struct {
	Entry   int64     `json:"entry" doc:"Of the ledger, by its id."`
	At      time.Time `json:"at"`
	From    string    `json:"from,omitempty"`
	To      string    `json:"to"`
	Trigger string    `json:"trigger"`
	Actor   string    `json:"actor" doc:"Kind and id; for members of a party the kind alone where it is not their own."`
	Reason  string    `json:"reason,omitempty" doc:"As written; for members of a party that of their own party alone."`
}

func (a *api) history(c *call, q findingQuery) (History, error) {
	d, err := a.detail(c, q.ID)
	if err != nil {
		return History{}, err
	}
	var out History
	for _, h := range d.History {
		s := Step{Entry: h.Seq, At: h.At, From: string(h.From), To: string(h.To), Trigger: string(h.Trigger), Actor: h.Actor, Reason: h.Reason}
		if !c.By.Desk() && h.Actor != "party:"+string(c.By.Party) {
			s.Actor, _, _ = strings.Cut(h.Actor, ":")
			s.Reason = ""
		}
		out.Steps = append(out.Steps, s)
	}
	return out, nil
}

const answerText = "Findings that cannot take the answer are reported one by one and do not stop the others. None of the answers closes a " +
	"finding: evidence does. The same answer twice is refused the second time as a conflict of that finding, so a retry does no harm."

type answerBody struct {
	Findings []int64    `json:"findings" required:"true" min:"1" max:"5000"`
	Answer   string     `json:"answer" required:"true" enum:"acknowledge,start,fixed,not_mine,accept_risk,wrong"`
	Reason   string     `json:"reason,omitempty" max:"2000" doc:"Needed for accept_risk and wrong."`
	Whose    string     `json:"whose,omitempty" max:"2000" doc:"Of not_mine: a party's id, or words."`
	Until    *time.Time `json:"until,omitempty" doc:"Of accept_risk."`
}

type answerQuery struct {
	Body answerBody
}

// Answered is what became of an answer.
type Answered struct {
	Changed int             `json:"changed"`
	Results []AnswerOutcome `json:"results"`
}

// AnswerOutcome is what became of an answer for one finding.
type AnswerOutcome struct {
	Finding int64  `json:"finding"`
	State   string `json:"state,omitempty" doc:"After the answer; absent where it is not the party's finding."`
	Problem string `json:"problem,omitempty" doc:"Why the finding did not take the answer."`
}

func (a *api) answerFindings(c *call, q answerQuery) (Answered, error) {
	if !c.By.Member() {
		return Answered{}, fault.New(fault.Denied, "a party's own people answer for its findings")
	}
	ids := make([]ident.Finding, len(q.Body.Findings))
	for i, id := range q.Body.Findings {
		ids[i] = ident.Finding(id)
	}
	b := q.Body
	done, err := a.Loop.AnswerAs(c.Ctx, c.Now, c.By, ids, loop.AnswerKind(b.Answer), loop.Particulars{Reason: b.Reason, Whose: b.Whose, Until: operation.OrZero(b.Until)})
	if err != nil {
		return Answered{}, err
	}
	out := Answered{Changed: done.Changed}
	for _, r := range done.Results {
		o := AnswerOutcome{Finding: int64(r.Finding), State: string(r.State)}
		if r.Problem != nil {
			o.Problem, _ = fault.Message(r.Problem)
		}
		out.Results = append(out.Results, o)
	}
	return out, nil
}
