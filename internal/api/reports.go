package api

import (
	"errors"
	"net/http"
	"time"

	"tocsin/internal/act/casework"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
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

// NextCursor is the cursor of the page after; empty at the end.
func (r Reports) NextCursor() string { return r.Next }

// Report is a report in a list: nothing of its words.
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

type oneReportQuery struct {
	ID string `path:"id"`
}

// ReportDetail is a report as whoever decides about it reads it.
type ReportDetail struct {
	Report  Report      `json:"report"`
	TLP     string      `json:"tlp"`
	What    string      `json:"what"`
	Where   string      `json:"where,omitempty" doc:"As it was sent; open nothing of it."`
	When    string      `json:"when,omitempty" doc:"A civil date."`
	Contact string      `json:"contact,omitempty" doc:"Mail address of whoever sent it; absent where none was left, or it was forgotten."`
	Taken   *time.Time  `json:"taken,omitempty"`
	TakenBy string      `json:"taken_by,omitempty" doc:"As the ledger names them."`
	Late    bool        `json:"late" doc:"The first look is overdue."`
	Mail    *ReportMail `json:"acknowledgement,omitempty"`
}

// ReportMail is the automatic acknowledgement of a report.
type ReportMail struct {
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
}

func (a *api) oneReport(c *call, q oneReportQuery) (ReportDetail, error) {
	return a.afterReport(c, q.ID, nil)
}

// afterReport answers an act on a report with the report as it is now.
func (a *api) afterReport(c *call, id string, err error) (ReportDetail, error) {
	switch {
	case err != nil:
		return ReportDetail{}, err
	case a.Casework == nil:
		return ReportDetail{}, errNoReports
	}
	d, err := a.Casework.Report(c.Ctx, c.Now, c.By, ident.Report(id))
	if err == nil {
		err = operation.Leave(marking.Mark{TLP: report.Mark})
	}
	if err != nil {
		return ReportDetail{}, err
	}
	out := ReportDetail{
		Report: Report{string(d.ID), d.Number, string(d.Kind), string(d.State), string(d.Outcome), d.Language, d.Received, d.Due, operation.Some(d.Closed)},
		TLP:    report.Mark.String(), What: d.What, Where: d.Where, When: d.Day, Contact: d.Address, Taken: operation.Some(d.Taken), TakenBy: d.TakenBy, Late: d.Late(c.Now),
	}
	if d.Mail != nil {
		out.Mail = &ReportMail{string(d.Mail.State), d.Mail.Attempts}
	}
	return out, nil
}

// onReport does one act of the desk on a report.
func (a *api) onReport(c *call, id string, act func(*casework.Casework) error) (ReportDetail, error) {
	if a.Casework == nil {
		return ReportDetail{}, errNoReports
	}
	return a.afterReport(c, id, act(a.Casework))
}

func (a *api) takeReport(c *call, q oneReportQuery) (ReportDetail, error) {
	return a.onReport(c, q.ID, func(w *casework.Casework) error { return w.Take(c.Ctx, c.Now, c.By, ident.Report(q.ID)) })
}

type closeBody struct {
	Outcome string `json:"outcome" required:"true" enum:"handled,passed_on,answered,known,no_harm,not_ours,unusable"`
}

type closeReportQuery struct {
	ID   string `path:"id"`
	Body closeBody
}

func (a *api) closeReport(c *call, q closeReportQuery) (ReportDetail, error) {
	return a.onReport(c, q.ID, func(w *casework.Casework) error {
		return w.Close(c.Ctx, c.Now, c.By, ident.Report(q.ID), report.Outcome(q.Body.Outcome))
	})
}

func (a *api) forgetReport(c *call, q oneReportQuery) (ReportDetail, error) {
	return a.onReport(c, q.ID, func(w *casework.Casework) error { return w.Forget(c.Ctx, c.Now, c.By, ident.Report(q.ID)) })
}
