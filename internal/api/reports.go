package api

import (
	"errors"
	"net/http"
	"time"

	"tocsin/internal/act/casework"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/report"
)

const reportText = "Anybody may report, without a key. `Idempotency-Key` is 32 characters of Crockford's base32 made at random by the sender: the " +
	"same report with the same key is one report, and its receipt comes again. The code opens the report and is nowhere else; keep it."

type reportBody struct {
	Kind     string `json:"kind" required:"true" enum:"phishing,scam_site,malware,vulnerability,incident,data_exposed,question,complaint"`
	What     string `json:"what" required:"true" max:"20000" doc:"What happened, in at most 5,000 characters."`
	Where    string `json:"where,omitempty" max:"4000" doc:"Addresses, numbers, systems, in at most 1,000 characters."`
	When     string `json:"when,omitempty" max:"10" doc:"A civil date: 2026-11-23."`
	Contact  string `json:"contact,omitempty" max:"254" doc:"Mail address for one acknowledgement and questions; may be left out."`
	Language string `json:"language,omitempty" enum:"en,zh"`
}

type reportQuery struct {
	Key  string `header:"Idempotency-Key" max:"64"`
	Body reportBody
}

// ReportReceipt is what whoever reported takes away.
type ReportReceipt struct {
	Code   string    `json:"code" doc:"Opens the report: keep it, and show it to nobody."`
	Number string    `json:"number" doc:"What the report is called by; opens nothing."`
	Kind   string    `json:"kind"`
	Signed string    `json:"receipt" doc:"A text signed with the ledger's key."`
	Due    time.Time `json:"first_look_due"`
	Known  bool      `json:"known" doc:"The same report was sent before."`
}

func (a *api) report(c *call, q reportQuery) (ReportReceipt, error) {
	if a.Casework == nil {
		return ReportReceipt{}, errNoReports
	}
	b := q.Body
	f := report.Form{Key: q.Key, Kind: report.Kind(b.Kind), What: b.What, Where: b.Where, Day: b.When, Contact: b.Contact, Language: b.Language}
	if f.Key == "" {
		f.Key = report.NewFormKey()
	}
	if f.CheckKey() != nil {
		return ReportReceipt{}, operation.Wrong("Idempotency-Key", "32 random characters of Crockford's base32 were expected")
	}
	if f.Language == "" {
		f.Language = "en"
	}
	got, err := a.Casework.Receive(c.Ctx, c.Now, f)
	var mistakes casework.Mistakes
	if errors.As(err, &mistakes) && len(mistakes) > 0 {
		return ReportReceipt{}, operation.Wrong(string(mistakes[0].Field), "this is not right: "+mistakes[0].Code)
	}
	if err != nil {
		return ReportReceipt{}, err
	}
	if got.Already {
		c.Status = http.StatusOK
	}
	return ReportReceipt{string(got.Code), got.Number, string(got.Kind), got.Signed, got.Due, got.Already}, nil
}

var errNoReports = fault.New(fault.Unavailable, "reports are not taken in here")

type reportsQuery struct {
	Kind string `query:"kind" enum:"phishing,scam_site,malware,vulnerability,incident,data_exposed,question,complaint"`
	Open bool   `query:"waiting" doc:"Only those that nobody has looked at."`
	operation.Paging
}

// Reports is one page of reports, the newest first: nothing of their words.
type Reports struct {
	Reports []Report `json:"reports"`
	Next    string   `json:"next,omitempty"`
}

func (r Reports) NextCursor() string { return r.Next }

// Report is a report in a list. What it says is on the pages only.
type Report struct {
	ID       string     `json:"id"`
	Number   string     `json:"number"`
	Kind     string     `json:"kind"`
	State    string     `json:"state"`
	Outcome  string     `json:"outcome,omitempty"`
	Language string     `json:"language"`
	Received time.Time  `json:"received" doc:"To the hour: more is never kept."`
	Due      time.Time  `json:"first_look_due"`
	Closed   *time.Time `json:"closed,omitempty"`
}

func (a *api) reports(c *call, q reportsQuery) (Reports, error) {
	if a.Casework == nil {
		return Reports{}, errNoReports
	}
	if err := c.Desk(); err != nil {
		return Reports{}, err
	}
	after, err := reportCursor(q.Cursor)
	if err != nil {
		return Reports{}, err
	}
	ask := casework.Query{Kind: report.Kind(q.Kind)}
	if q.Open {
		ask.States = report.Waiting
	}
	v, err := a.Casework.List(c.Ctx, c.Now, c.By, ask, after, q.Rows()+1)
	if err != nil {
		return Reports{}, err
	}
	var out Reports
	if len(v.Rows) > q.Rows() {
		v.Rows = v.Rows[:q.Rows()]
		last := &v.Rows[len(v.Rows)-1]
		out.Next = operation.NewCursor("report", last.Received.UTC().Format(time.RFC3339Nano), string(last.ID))
	}
	for _, r := range v.Rows {
		out.Reports = append(out.Reports, Report{
			string(r.ID), r.Number, string(r.Kind), string(r.State), string(r.Outcome), r.Language, r.Received, r.Due, operation.Some(r.Closed),
		})
	}
	return out, nil
}

func reportCursor(text string) (casework.Cursor, error) {
	keys, err := operation.CursorKeys("report", text, 2)
	if err != nil || keys == nil {
		return casework.Cursor{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, keys[0])
	if err != nil {
		return casework.Cursor{}, operation.Wrong("cursor", "this is no cursor of this list")
	}
	return casework.Cursor{Received: at, ID: ident.Report(keys[1])}, nil
}
