package api

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/api/operation"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

type decideQuery struct {
	ID   int64 `path:"id" min:"1"`
	Body operation.ReasonBody
}

type attributeBody struct {
	Party  string `json:"party" max:"64" doc:"A party's id; empty gives the finding back to the rule."`
	Reason string `json:"reason" required:"true" max:"2000"`
}

type attributeQuery struct {
	ID   int64 `path:"id" min:"1"`
	Body attributeBody
}

// after answers an act on a finding with the finding as it is now.
func (a *api) after(c *call, id int64, err error) (Finding, error) {
	if err != nil {
		return Finding{}, err
	}
	d, err := a.detail(c, id)
	if err != nil {
		return Finding{}, err
	}
	return findingOf(&d.FindingRow), nil
}

func (a *api) attribute(c *call, q attributeQuery) (Finding, error) {
	return a.after(c, q.ID, a.Loop.AttributeByHand(c.Ctx, c.Now, c.By, ident.Finding(q.ID), ident.Party(q.Body.Party), q.Body.Reason))
}

func (a *api) discard(c *call, q decideQuery) (Finding, error) {
	return a.after(c, q.ID, a.Triage.One(c.Ctx, c.Now, c.By, triage.On{Key: fmt.Sprintf("finding:%d", q.ID), Act: triage.Discard}, q.Body.Reason))
}

func (a *api) reject(c *call, q decideQuery) (Finding, error) {
	return a.after(c, q.ID, a.Triage.One(c.Ctx, c.Now, c.By, triage.On{Key: fmt.Sprintf("finding:%d", q.ID), Act: triage.Reject}, q.Body.Reason))
}

const markText = "Gives either `tlp`, a stricter mark, or `embargo`, a later time. Lowering a mark needs two people: propose it by " +
	"POST /api/v1/proposals. A finding that becomes TLP:RED is readable on the pages only, by those named in its shares."

type markBody struct {
	TLP     string     `json:"tlp,omitempty" enum:"TLP:GREEN,TLP:AMBER,TLP:AMBER+STRICT,TLP:RED"`
	Embargo *time.Time `json:"embargo,omitempty"`
	Reason  string     `json:"reason" required:"true" max:"2000"`
}

type markQuery struct {
	ID   int64 `path:"id" min:"1"`
	Body markBody
}

// Marked is what a finding is marked with after an act.
type Marked struct {
	Finding int64      `json:"finding"`
	TLP     string     `json:"tlp,omitempty"`
	Embargo *time.Time `json:"embargo,omitempty"`
}

func (a *api) mark(c *call, q markQuery) (Marked, error) {
	id, b := ident.Finding(q.ID), q.Body
	out := Marked{Finding: q.ID, TLP: b.TLP, Embargo: b.Embargo}
	switch {
	case (b.TLP == "") == (b.Embargo == nil):
		return Marked{}, operation.Wrong("tlp", "either a mark or an embargo was expected")
	case b.Embargo != nil:
		return out, a.Loop.Embargo(c.Ctx, c.Now, c.By, id, *b.Embargo, b.Reason)
	}
	to, err := marking.ParseTLP(b.TLP)
	if err != nil {
		return Marked{}, err
	}
	return out, a.Loop.Raise(c.Ctx, c.Now, c.By, id, to, b.Reason)
}

// Shares is with whom a finding is shared.
type Shares struct {
	Shares []Share `json:"shares"`
}

// Share is one of them.
type Share struct {
	ID      string     `json:"id"`
	With    string     `json:"with" doc:"person:… or party:…"`
	Reason  string     `json:"reason"`
	Created time.Time  `json:"created"`
	By      string     `json:"by"`
	Until   *time.Time `json:"until,omitempty"`
}

func (a *api) shares(c *call, q findingQuery) (Shares, error) {
	d, err := a.detail(c, q.ID)
	if err != nil {
		return Shares{}, err
	}
	return sharesOf(d, c.Now), nil
}

func sharesOf(d loop.FindingDetail, now time.Time) Shares {
	var out Shares
	for _, g := range d.Grants {
		if g.Ended.IsZero() && (g.Until.IsZero() || now.Before(g.Until)) {
			out.Shares = append(out.Shares, Share{g.ID, g.Grantee, g.Reason, g.Created, g.By, operation.Some(g.Until)})
		}
	}
	return out
}

type shareBody struct {
	With   string     `json:"with" required:"true" max:"200" doc:"person:… or party:…"`
	Until  *time.Time `json:"until,omitempty" doc:"Until it is taken back where absent."`
	Reason string     `json:"reason" required:"true" max:"2000"`
}

type shareQuery struct {
	ID   int64 `path:"id" min:"1"`
	Body shareBody
}

func (a *api) share(c *call, q shareQuery) (Shares, error) {
	b := q.Body
	if err := a.Loop.Share(c.Ctx, c.Now, c.By, ident.Finding(q.ID), b.With, operation.OrZero(b.Until), b.Reason); err != nil {
		return Shares{}, err
	}
	return a.sharesNow(c, q.ID)
}

// sharesNow answers an act on shares. A finding that may not leave has them all the same: they are ids.
func (a *api) sharesNow(c *call, id int64) (Shares, error) {
	d, err := a.Loop.FindingByID(c.Ctx, c.Now, c.By, ident.Finding(id))
	if err != nil {
		return Shares{}, err
	}
	return sharesOf(d, c.Now), nil
}

type unshareQuery struct {
	ID    int64  `path:"id" min:"1"`
	Share string `path:"share"`
	Body  operation.ReasonBody
}

func (a *api) unshare(c *call, q unshareQuery) (Shares, error) {
	if err := a.Loop.Unshare(c.Ctx, c.Now, c.By, ident.Finding(q.ID), q.Share, q.Body.Reason); err != nil {
		return Shares{}, err
	}
	return a.sharesNow(c, q.ID)
}

type queueQuery struct {
	operation.Paging
}

// Queue is what waits for the desk.
type Queue struct {
	Items   []QueueItem `json:"items"`
	Waiting int         `json:"waiting" doc:"Items in all, at most 10,001."`
	Orphans int         `json:"orphans" doc:"Live findings that nobody answers for."`
	Dispute int         `json:"disputes" doc:"Findings that parties dispute."`
	Unheard int         `json:"unheard" doc:"Notices that reached nobody."`
	Next    string      `json:"next,omitempty"`
}

func (q Queue) NextCursor() string { return q.Next }

// QueueItem is something that a person at the desk has to look at.
type QueueItem struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Object   string    `json:"object" doc:"As the ledger names it."`
	Severity string    `json:"severity"`
	Created  time.Time `json:"created"`
}

// mostQueued is how many items of the queue are looked at for one page.
const mostQueued = 10_000

func (a *api) queue(c *call, q queueQuery) (Queue, error) {
	after, err := queueCursor(q.Cursor)
	if err != nil {
		return Queue{}, err
	}
	if !c.By.Desk() {
		return Queue{}, fault.New(fault.Denied, "the queue is the authority's")
	}
	v, err := a.Triage.Waits(c.Ctx, c.Now, c.By, mostQueued)
	if err != nil {
		return Queue{}, err
	}
	out := Queue{Waiting: v.Waiting, Orphans: v.Orphans, Dispute: v.Disputes, Unheard: v.Unheard}
	for i := range v.Items {
		item := &v.Items[i]
		is := queuePlace{item.Severity, item.Created, item.ID}
		if after.id != "" && !is.behind(after) {
			continue
		}
		if len(out.Items) == q.Rows() {
			last := &v.Items[i-1]
			out.Next = operation.NewCursor("queue", strconv.Itoa(int(last.Severity)), strconv.FormatInt(last.Created.UnixMicro(), 10), last.ID)
			break
		}
		out.Items = append(out.Items, QueueItem{item.ID, item.Kind, item.Object, item.Severity.String(), item.Created})
	}
	return out, nil
}

// queuePlace is a place in the queue: the most severe first, then the oldest.
type queuePlace struct {
	severity event.Severity
	created  time.Time
	id       string
}

// queueCursor reads the place of the last item of the page before; the zero place for the first page.
func queueCursor(text string) (queuePlace, error) {
	keys, err := operation.CursorKeys("queue", text, 3)
	if err != nil || keys == nil {
		return queuePlace{}, err
	}
	severity, err := strconv.Atoi(keys[0])
	at, err2 := strconv.ParseInt(keys[1], 10, 64)
	if err != nil || err2 != nil {
		return queuePlace{}, operation.Wrong("cursor", "this is no cursor of this list")
	}
	return queuePlace{event.Severity(severity), time.UnixMicro(at), keys[2]}, nil
}

func (p queuePlace) behind(o queuePlace) bool {
	if c := cmp.Compare(o.severity, p.severity); c != 0 {
		return c > 0
	}
	if c := p.created.Compare(o.created); c != 0 {
		return c > 0
	}
	return p.id > o.id
}

type queueDoneQuery struct {
	ID string `path:"id"`
}

func (a *api) queueDone(c *call, q queueDoneQuery) (none, error) {
	return none{}, a.Triage.One(c.Ctx, c.Now, c.By, triage.On{Key: "queue:" + q.ID, Act: triage.Done}, "api")
}
