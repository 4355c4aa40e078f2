package api

import (
	"cmp"
	"strconv"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/api/operation"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/promise"
)

const queueText = "What the page of the desk's queue shows, the first to be due first, at most 1,000: the rest moves up as items are seen to. " +
	"`key` names an item in previews and acts. Acts that wait for a second person are at GET /api/v1/proposals."

type queueQuery struct {
	Kind     string `query:"kind" enum:"orphan,dispute,notice,report,change,feed,signal"`
	Severity string `query:"severity" enum:"info,low,medium,high,critical" doc:"At least this severe; reports and changes have none."`
	operation.Paging
}

// Queue is one page of what waits for the desk.
type Queue struct {
	Items    []QueueItem    `json:"items"`
	Counts   map[string]int `json:"counts" doc:"All that waits and is as severe as asked for, by kind; at most 10,001 of each. Acts that wait for a second person are among them for whoever may be that."`
	Late     map[string]int `json:"late" doc:"Of these, what waits longer than promised."`
	Withheld int            `json:"withheld,omitempty" doc:"Items of this page that are marked too strictly to leave the pages."`
	Next     string         `json:"next,omitempty"`
}

// NextCursor is where the page after begins.
func (q Queue) NextCursor() string { return q.Next }

// QueueItem is something that a person at the desk has to look at.
type QueueItem struct {
	Key        string         `json:"key,omitempty" doc:"Absent where it is settled at its own address."`
	Kind       string         `json:"kind"`
	Object     string         `json:"object" doc:"As the ledger names it."`
	Severity   string         `json:"severity,omitempty"`
	Since      time.Time      `json:"since" doc:"It waits from then on."`
	Due        time.Time      `json:"due" doc:"Until then the authority promises to see to it."`
	Overdue    bool           `json:"overdue"`
	Impact     int            `json:"impact" doc:"Orders what is due in the same hour: severity, then protection level, then how often it was seen."`
	Protection int            `json:"protection,omitempty" doc:"Level of the system that it is about."`
	Count      int64          `json:"count,omitempty" doc:"How often it was seen."`
	TLP        string         `json:"tlp"`
	Code       string         `json:"code,omitempty" doc:"What happened; absent for a finding."`
	Args       []string       `json:"args" doc:"Particulars of the code."`
	Finding    *Finding       `json:"finding,omitempty"`
	Party      string         `json:"party,omitempty" doc:"That answers now; of a dispute, who disputes."`
	PartyName  string         `json:"party_name,omitempty"`
	Said       string         `json:"said,omitempty" doc:"By the party that disputes."`
	Proposed   *ProposedParty `json:"proposed,omitempty" doc:"Who the program thinks should answer. A person decides."`
	Acts       []string       `json:"acts" doc:"That settle it here."`
}

// ProposedParty is who the program thinks should answer, how surely and why.
type ProposedParty struct {
	Party      string `json:"party"`
	Name       string `json:"name"`
	Confidence int    `json:"confidence" doc:"Percent."`
	Why        string `json:"why" doc:"In the queue: asset, hand, block or named. In a search: the basis in the register."`
	Of         string `json:"of,omitempty" doc:"The asset, block or resource that it rests on."`
	Share      int    `json:"share,omitempty" doc:"Findings there it answers for …"`
	All        int    `json:"all,omitempty" doc:"… of so many."`
}

func proposedOf(p *triage.Proposed) *ProposedParty {
	if p == nil {
		return nil
	}
	return &ProposedParty{string(p.Party), p.Name, p.Confidence, p.Why, p.Of, p.Share, p.All}
}

// mostQueued is how many rows of the queue are put in order. Every page is cut from the same order, so that none is missed.
const mostQueued = 1000

func (a *api) queue(c *call, q queueQuery) (Queue, error) {
	after, err := queueCursor(q.Cursor)
	if err != nil {
		return Queue{}, err
	}
	if err := c.Desk(); err != nil {
		return Queue{}, err
	}
	ask := triage.Query{Kind: promise.Kind(q.Kind)}
	if q.Severity != "" {
		ask.Severity, _ = event.ParseSeverity(q.Severity) // the enum was checked
	}
	all, err := a.Triage.Queue(c.Ctx, c.Now, c.By, ask, mostQueued)
	if err != nil {
		return Queue{}, err
	}
	if err := a.waiting(c, ask, &all); err != nil {
		return Queue{}, err
	}
	triage.Sort(all.Rows)
	out := Queue{Counts: map[string]int{}, Late: map[string]int{}}
	for kind, n := range all.Work {
		out.Counts[cmp.Or(string(kind), "other")], out.Late[cmp.Or(string(kind), "other")] = n.N, n.Late
	}
	taken := 0
	for i := range all.Rows[:min(len(all.Rows), mostQueued)] {
		row := &all.Rows[i]
		if after != nil && compareQueued(placeOf(row), *after) <= 0 {
			continue
		}
		if taken == q.Rows() {
			out.Next = placeOf(&all.Rows[i-1]).cursor()
			break
		}
		if taken++; operation.Leave(marking.Mark{TLP: row.Mark}) != nil {
			out.Withheld++
			continue
		}
		out.Items = append(out.Items, a.queueItem(c, row))
	}
	return out, nil
}

// waiting adds what other operations have waiting: reports and changes of the register, which nobody rates.
func (a *api) waiting(c *call, ask triage.Query, q *triage.Queue) error {
	shown := func(k promise.Kind) bool { return (ask.Kind == "" || ask.Kind == k) && ask.Severity == 0 }
	if a.Casework != nil && shown(promise.Report) {
		rows, _, err := a.Casework.Waiting(c.Ctx, c.Now, c.By, mostQueued)
		if err != nil {
			return err
		}
		for _, r := range rows {
			q.Rows = append(q.Rows, triage.Row{
				Kind: promise.Report, Since: r.Received, Due: r.Due, Mark: marking.Amber, Object: "report:" + string(r.ID),
				Code: "work.report", Args: []string{string(r.Kind), r.Number},
			})
		}
	}
	if !shown(promise.Change) {
		return nil
	}
	rows, err := a.Register.Waiting(c.Ctx, c.Now, c.By, mostQueued)
	for _, r := range rows {
		q.Rows = append(q.Rows, triage.Row{
			Kind: promise.Change, Since: r.At, Due: promise.Due(promise.Change, 0, r.At, a.zone()), Mark: marking.Green, Protection: r.After.Protection,
			Object: "change:" + r.ID, Party: r.Party, Name: r.PartyName, Code: "work.change", Args: []string{r.PartyName, string(r.What)},
		})
	}
	return err
}

func (a *api) zone() *time.Location {
	if a.Zone == nil {
		return time.UTC
	}
	return a.Zone
}

func (a *api) queueItem(c *call, r *triage.Row) QueueItem {
	out := QueueItem{
		Key: r.Key, Kind: cmp.Or(string(r.Kind), "other"), Object: r.Object, Severity: r.Severity.String(), Since: r.Since, Due: r.Due,
		Overdue: r.Overdue(c.Now), Impact: r.Impact(), Protection: r.Protection, Count: r.Count, TLP: r.Mark.String(), Code: r.Code, Args: r.Args,
		Party: string(r.Party), PartyName: r.Name, Said: r.Said, Proposed: proposedOf(r.Propose),
	}
	if r.Finding != nil {
		f := findingOf(&loop.FindingRow{Finding: *r.Finding, Explain: a.Loop.Explain(r.Finding), PartyName: r.Name})
		out.Finding = &f
	}
	for _, act := range r.Acts {
		out.Acts = append(out.Acts, string(act))
	}
	return out
}

// queuePlace is a place in the order of triage.Sort.
type queuePlace struct {
	due         time.Time
	impact      int
	key, object string
}

func placeOf(r *triage.Row) queuePlace { return queuePlace{r.Due, r.Impact(), r.Key, r.Object} }

func (p queuePlace) cursor() string {
	return operation.NewCursor("queue", strconv.FormatInt(p.due.UnixMicro(), 10), strconv.Itoa(p.impact), cmp.Or(p.key, "-"), p.object)
}

// queueCursor reads the place of the last item of the page before; nil for the first page.
func queueCursor(text string) (*queuePlace, error) {
	keys, err := operation.CursorKeys("queue", text, 4)
	if err != nil || keys == nil {
		return nil, err
	}
	due, err := strconv.ParseInt(keys[0], 10, 64)
	impact, err2 := strconv.Atoi(keys[1])
	if err != nil || err2 != nil {
		return nil, operation.Wrong("cursor", "this is no cursor of this list")
	}
	p := queuePlace{time.UnixMicro(due), impact, keys[2], keys[3]}
	if p.key == "-" {
		p.key = ""
	}
	return &p, nil
}

// compareQueued orders places as triage.Sort orders rows.
func compareQueued(a, b queuePlace) int {
	return cmp.Or(
		a.due.Truncate(time.Hour).Compare(b.due.Truncate(time.Hour)), cmp.Compare(b.impact, a.impact), a.due.Compare(b.due),
		cmp.Compare(a.key, b.key), cmp.Compare(a.object, b.object),
	)
}

type queueDoneQuery struct {
	ID string `path:"id"`
}

func (a *api) queueDone(c *call, q queueDoneQuery) (Settled, error) {
	return a.settle(c, triage.On{Key: "queue:" + q.ID, Act: triage.Done}, "api")
}

// Act is one act on one thing that waits.
type Act struct {
	Key   string `json:"key" required:"true" max:"100" doc:"Of an item of the queue: finding:12 or queue:que_…"`
	Act   string `json:"act" required:"true" enum:"attribute,reject,discard,done"`
	Party string `json:"party,omitempty" max:"64" doc:"Of attribute: who answers."`
}

type weighBody struct {
	Items []Act `json:"items" required:"true" min:"1" max:"500"`
}

type weighQuery struct {
	Body weighBody
}

type bulkBody struct {
	Items  []Act  `json:"items" required:"true" min:"1" max:"500"`
	Reason string `json:"reason" required:"true" max:"2000"`
}

type bulkQuery struct {
	Body bulkBody
}

// Batch is what was done together, or would be.
type Batch struct {
	Batch   string     `json:"batch,omitempty" doc:"Undoes it by POST /api/v1/batches/{id}/undo; absent where nothing was done."`
	Until   *time.Time `json:"undo_until,omitempty"`
	Changed int        `json:"changed"`
	Results []Outcome  `json:"results"`
}

// Outcome is what an act does to one thing, or did.
type Outcome struct {
	Key      string `json:"key"`
	Act      string `json:"act"`
	Problem  string `json:"problem,omitempty" doc:"Why nothing is done; absent where it is."`
	From     string `json:"from,omitempty" doc:"State of the finding before."`
	To       string `json:"to,omitempty" doc:"State of the finding after."`
	Party    string `json:"party,omitempty" doc:"That answers before."`
	ToParty  string `json:"to_party,omitempty" doc:"That answers after an attribution."`
	Tells    string `json:"tells,omitempty" doc:"The party that is told by a notice."`
	Withheld bool   `json:"withheld,omitempty" doc:"The finding is marked too strictly for more to leave the pages."`
}

func outcomeOf(o *triage.Outcome) Outcome {
	out := Outcome{Key: o.Key, Act: string(o.Act)}
	if o.Problem != nil {
		out.Problem = said(o.Problem)
	}
	if o.Finding == nil {
		return out
	}
	if out.Withheld = operation.Leave(o.Finding.Mark) != nil; out.Withheld {
		return out
	}
	out.From, out.Party = string(o.From), string(o.Finding.Party)
	if o.Problem == nil {
		out.To, out.ToParty, out.Tells = string(o.To), string(o.On.To), string(o.Tells)
	}
	return out
}

// said is what a problem of one thing among many says.
func said(err error) string {
	if text, ok := fault.Message(err); ok {
		return text
	}
	return "this cannot be done as things stand"
}

func actsOf(items []Act) []triage.On {
	out := make([]triage.On, len(items))
	for i, x := range items {
		out[i] = triage.On{Key: x.Key, Act: triage.Act(x.Act), To: ident.Party(x.Party)}
	}
	return out
}

func batchOf(b *triage.Batch) Batch {
	out := Batch{Changed: b.Changed}
	for i := range b.Outcomes {
		out.Results = append(out.Results, outcomeOf(&b.Outcomes[i]))
	}
	return out
}

func (a *api) weigh(c *call, q weighQuery) (Batch, error) {
	if err := c.Desk(); err != nil {
		return Batch{}, err
	}
	b, err := a.Triage.Preview(c.Ctx, c.Now, c.By, actsOf(q.Body.Items))
	return batchOf(&b), err
}

const bulkText = "Each thing is settled by an act of its own with the same reason, all in one transaction. What cannot be settled is left and " +
	"reported one by one."

func (a *api) bulk(c *call, q bulkQuery) (Batch, error) {
	if err := c.Desk(); err != nil {
		return Batch{}, err
	}
	b, err := a.Triage.Do(c.Ctx, c.Now, c.By, actsOf(q.Body.Items), q.Body.Reason)
	if err != nil {
		return Batch{}, err
	}
	out := batchOf(&b)
	if b.Changed > 0 {
		out.Batch, out.Until = b.ID, operation.Some(c.Now.Add(triage.UndoFor))
	}
	return out, nil
}

type undoQuery struct {
	ID string `path:"id"`
}

// Undone is what became of taking a batch back.
type Undone struct {
	Changed int    `json:"changed"`
	Kept    []Kept `json:"kept" doc:"What has moved on since and stays."`
}

// Kept is something that was not taken back.
type Kept struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
}

const undoText = "Within 24 hours, each thing by an act of its own that puts it as it was before. What has moved on since stays and is reported; " +
	"where nothing can be taken back, that is refused. Mails that went out stay sent."

func (a *api) undo(c *call, q undoQuery) (Undone, error) {
	if err := c.Desk(); err != nil {
		return Undone{}, err
	}
	u, err := a.Triage.Undo(c.Ctx, c.Now, c.By, q.ID)
	if err != nil {
		return Undone{}, err
	}
	if u.Changed == 0 && len(u.Kept) > 0 {
		return Undone{}, u.Kept[0].Problem
	}
	out := Undone{Changed: u.Changed}
	for _, k := range u.Kept {
		out.Kept = append(out.Kept, Kept{k.Key, said(k.Problem)})
	}
	return out, nil
}
