package desk

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/act/triage"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/promise"
	"tocsin/internal/web/page"
)

// The queue is worked by keyboard, one key an item: the button that a key presses carries it as data-key, and the row that
// it acts on leaves the list, so that the next one is in its place.
//
//	a  attribute to the proposed party     r  reject the dispute
//	n  not a problem                       d  seen to
//	t  take the report                     u  undo what was just done
//
// j and k move, x ticks for a bulk, Enter opens. Every button is a form's as well, so all of it works without script.

type queueBody struct {
	Rows     []queueRow
	Parts    []part // by kind, each with its number
	Levels   []part // by severity
	Kind     promise.Kind
	All      int // that wait, of the kinds shown; at most CountCap
	Late     int // of All: that wait longer than promised
	Rest     int // that are not shown
	Whole    string
	Undo     undoForm
	Back     string
	Choices  []page.Option // acts of a bulk
	MayAct   bool
	Narrowed bool
	Curl     string
}

// part is one way to narrow a list, with how many are in it.
type part struct {
	Code, Label, URL string
	Count            int
	Current          bool
}

// undoForm takes the newest batch back; Batch is empty where nothing was done just now.
type undoForm struct{ Batch, Back string }

// queueRow is a row with its words.
type queueRow struct {
	triage.Row
	Title   string
	About   string // its kind, particulars and the party
	Due     string // how long until then, or since
	Seen    string // how often; may be empty
	Why     string // the program proposes somebody; empty: it does not
	Link    string // empty: there is no page about it
	Tick    string // value of its box; empty: it takes no part in a bulk
	Buttons []button
	Late    bool
	Focus   bool // the keyboard goes on here
}

// button is one act on a row.
type button struct {
	Key, Label string
	Value      string // of "do"; empty where Action says it all
	Action     string // another form's address; empty: the queue's
}

// queueLimit is how many rows the queue shows; the rest moves up as they are seen to.
const queueLimit = 50

// moreLimit bounds the particulars of an item, in runes.
const moreLimit = 300

// queueAsk reads what the address narrows the queue to.
func queueAsk(q url.Values) (triage.Query, error) {
	out := triage.Query{Kind: promise.Kind(word(q, "kind"))}
	if out.Kind != "" && !slices.Contains(promise.Kinds, out.Kind) {
		return out, fault.New(fault.Invalid, "kind: nothing of kind %q waits here", out.Kind)
	}
	if s := word(q, "severity"); s != "" {
		var ok bool
		if out.Severity, ok = event.ParseSeverity(s); !ok {
			return out, fault.New(fault.Invalid, "severity: %q is not info, low, medium, high or critical", s)
		}
	}
	return out, nil
}

// queueAt is the queue's address narrowed as asked.
func queueAt(ask triage.Query) string {
	q := url.Values{}
	if ask.Kind != "" {
		q.Set("kind", string(ask.Kind))
	}
	if ask.Severity > 0 {
		q.Set("severity", ask.Severity.String())
	}
	if len(q) == 0 {
		return "/desk"
	}
	return "/desk?" + q.Encode()
}

func (d *desk) queue(v *page.Visit) error {
	query := v.R.URL.Query()
	ask, err := queueAsk(query)
	if err != nil {
		return err
	}
	q, err := d.triage.Queue(v.R.Context(), v.Now, v.Who.Actor, ask, queueLimit)
	if err != nil {
		return err
	}
	if err := d.gather(v, ask, &q); err != nil {
		return err
	}
	triage.Sort(q.Rows)
	q.Rows = q.Rows[:min(len(q.Rows), queueLimit)]
	b := queueBody{
		Kind: ask.Kind, Back: queueAt(ask), MayAct: v.May(people.Triage), Narrowed: ask != triage.Query{},
		Undo: undoForm{word(query, "undo"), queueAt(ask)}, Parts: parts(v, ask, q.Work), Levels: levels(v, ask), Choices: choices(v),
	}
	b.Curl = v.Curl("/api/v1/queue", url.Values{"kind": {string(ask.Kind)}, "severity": {word(query, "severity")}})
	b.count(ask, q.Work)
	focus := -1
	if at, err := strconv.Atoi(query.Get("at")); err == nil && at >= 0 {
		focus = min(at, len(q.Rows)-1)
	}
	for i := range q.Rows {
		row := d.queueRow(v, q.Rows[i], i, b.MayAct)
		row.Focus = i == focus
		b.Rows = append(b.Rows, row)
	}
	return page.Show(v, "desk/queue", v.T("desk.queue.title"), b)
}

// count says how many wait in all and where the whole list of them is.
func (b *queueBody) count(ask triage.Query, work promise.Work) {
	of := work.Sum()
	if ask.Kind != "" {
		of = work[ask.Kind]
	}
	b.All, b.Late = min(of.N, triage.CountCap), min(of.Late, triage.CountCap)
	switch ask.Kind {
	case promise.Orphan:
		b.Whole = "/desk/findings?party=none"
	case promise.Dispute:
		b.Whole = "/desk/findings?state=disputed"
	case promise.Report:
		b.Whole = "/desk/reports?state=waiting"
	case promise.Change:
		b.Whole = "/desk/changes"
	case promise.Proposal:
		b.Whole = "/desk/proposals"
	case promise.Notice, promise.Feed, promise.Signal:
	}
}

// gather adds what other operations have waiting.
func (d *desk) gather(v *page.Visit, ask triage.Query, q *triage.Queue) error {
	for kind, add := range map[promise.Kind]func(context.Context, *page.Visit, *triage.Queue) error{
		promise.Report: d.waitingReports, promise.Change: d.waitingChanges, promise.Proposal: d.waitingProposals,
	} {
		if ask.Severity > 0 || ask.Kind != "" && ask.Kind != kind {
			continue
		}
		if err := add(v.R.Context(), v, q); err != nil {
			return err
		}
	}
	return nil
}

func parts(v *page.Visit, ask triage.Query, work promise.Work) []part {
	all := min(work.Sum().N, triage.CountCap)
	out := []part{{Label: v.T("work.all"), URL: queueAt(triage.Query{Severity: ask.Severity}), Count: all, Current: ask.Kind == ""}}
	for _, k := range promise.Kinds {
		if work[k].N > 0 || ask.Kind == k {
			out = append(out, part{
				string(k), v.Lang.Word("work_kind", string(k)), queueAt(triage.Query{Kind: k, Severity: ask.Severity}), work[k].N, ask.Kind == k,
			})
		}
	}
	return out
}

func levels(v *page.Visit, ask triage.Query) []part {
	out := []part{{Label: v.T("work.any_severity"), URL: queueAt(triage.Query{Kind: ask.Kind}), Current: ask.Severity == 0}}
	for _, s := range []event.Severity{event.Critical, event.High, event.Medium} {
		out = append(out, part{
			s.String(), v.T("work.at_least", v.Lang.Word("severity", s.String())), queueAt(triage.Query{Kind: ask.Kind, Severity: s}), 0, ask.Severity == s,
		})
	}
	return out
}

func choices(v *page.Visit) []page.Option {
	out := make([]page.Option, 0, len(triage.Acts))
	for _, a := range triage.Acts {
		out = append(out, page.Option{Value: string(a), Label: v.Lang.Word("work_act", string(a))})
	}
	return out
}

// queueRow puts a row into words.
func (d *desk) queueRow(v *page.Visit, r triage.Row, at int, may bool) queueRow {
	row := queueRow{Row: r, Link: objectLink(r.Object), Late: r.Overdue(v.Now)}
	more := ""
	switch {
	case r.Finding != nil:
		row.Title = r.Finding.Identity.Asset.Value
		more = d.loop.Explain(r.Finding).Title.In(string(v.Lang))
	case r.Code != "":
		args := make([]any, len(r.Args))
		for n, a := range r.Args {
			args[n] = listed(v.Lang.Said(a))
		}
		row.Title = v.T("queue."+r.Code, args...)
		if key := "queue_more." + r.Code; v.Lang.Has(key) {
			more = clip(v.T(key, args...), moreLimit)
		}
	}
	row.say(v, more)
	if !may || r.Key == "" {
		return row
	}
	row.Tick = r.Key + "|"
	if r.Propose != nil {
		row.Tick += string(r.Propose.Party)
	}
	for _, a := range r.Acts {
		to := ""
		if a == triage.Attribute {
			to = string(r.Propose.Party)
		}
		row.Buttons = append(row.Buttons, button{
			Key: actKeys[a], Label: v.Lang.Word("work_act", string(a)), Value: strings.Join([]string{string(a), r.Key, to, strconv.Itoa(at)}, "|"),
		})
	}
	return row
}

// say fills in what stands below and beside the title.
func (r *queueRow) say(v *page.Visit, more string) {
	about := slices.DeleteFunc([]string{v.Lang.Word("work_kind", string(r.Kind)), more, r.Name}, func(s string) bool { return s == "" })
	r.About = strings.Join(about, dot)
	span := v.Lang.Span(r.Row.Due.Sub(v.Now).Abs())
	if r.Due = v.T("work.left", span); r.Late {
		r.Due = v.T("work.overdue", span)
	}
	if r.Count > 0 {
		r.Seen = v.Lang.N("work.seen", r.Count)
	}
	if r.Propose != nil {
		r.Why = v.T("desk.finding.confidence", r.Propose.Confidence) + dot + whyProposed(v, r.Propose)
	}
}

// dot parts what is said on one line.
const dot = " · "

func whyProposed(v *page.Visit, p *triage.Proposed) string {
	switch p.Why {
	case "hand":
		return v.T("work.why.hand", p.Of)
	case "asset":
		return v.T("work.why.asset", p.Of)
	case "block":
		return v.T("work.why.block", p.Share, p.All, p.Of)
	}
	return v.T("work.why.named")
}

var actKeys = map[triage.Act]string{triage.Attribute: "a", triage.Reject: "r", triage.Discard: "n", triage.Done: "d"}

// queueAct settles one row: "do" names the act, the row, the party and the row's place, with bars between them.
func (d *desk) queueAct(v *page.Visit) error {
	post := v.R.PostForm
	said := strings.SplitN(post.Get("do"), "|", 4)
	if len(said) != 4 {
		return fault.New(fault.Invalid, "do: an act on a row was expected")
	}
	on := triage.On{Act: triage.Act(said[0]), Key: said[1], To: ident.Party(said[2])}
	b, err := d.triage.Do(v.R.Context(), v.Now, v.Who.Actor, []triage.On{on}, quickReason(v, on.Act))
	if err == nil {
		err = b.First()
	}
	if err != nil {
		return err
	}
	return back(v, post.Get("back"), "triage_"+said[0], b.ID, said[3])
}

// quickReason stands in the history of what was settled by one key.
func quickReason(v *page.Visit, a triage.Act) string {
	if !slices.Contains(triage.Acts, a) {
		return ""
	}
	return v.Lang.Word("work_reason", string(a))
}

// back returns to where an act was done: a page of the desk, with the batch that can be undone and the row to go on at.
func back(v *page.Visit, to, done, batch, at string) error {
	if to = page.Local(to); !strings.HasPrefix(to, "/desk") {
		to = "/desk"
	}
	u, err := url.Parse(to)
	if err != nil {
		return fault.New(fault.Invalid, "back: %q is no address of ours", to)
	}
	q := u.Query()
	q.Del("undo")
	q.Del("at")
	if batch != "" {
		q.Set("undo", batch)
	}
	if at != "" {
		q.Set("at", at)
	}
	u.RawQuery = q.Encode()
	return v.Redirect(u.String(), done)
}

func (d *desk) queueUndo(v *page.Visit) error {
	post := v.R.PostForm
	u, err := d.triage.Undo(v.R.Context(), v.Now, v.Who.Actor, post.Get("batch"))
	if err != nil {
		return err
	}
	if u.Changed == 0 && len(u.Kept) > 0 {
		return u.Kept[0].Problem
	}
	done := "triage_undone"
	if len(u.Kept) > 0 {
		done = "triage_undone_some"
	}
	return back(v, post.Get("back"), done, "", "")
}

// listed takes the brackets off a list that an item carries as text.
func listed(arg string) string {
	inner, ok := strings.CutPrefix(arg, "[")
	if !ok || !strings.HasSuffix(inner, "]") {
		return arg
	}
	if inner = strings.TrimSuffix(inner, "]"); inner == "" {
		return "–"
	}
	return strings.Join(strings.Fields(inner), ", ")
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// objectPages are the pages about what the ledger and the queue name.
var objectPages = map[string]string{
	"finding": "/desk/findings/", "signal": "/desk/signals/", "party": "/desk/parties/", "notice": "/desk/notices/",
	"report": "/desk/reports/", "change": "/desk/changes/", "feed": "/desk/feeds/", "stream": "/desk/feeds/",
}

// objectLink returns the page about an object as the ledger and the queue name it; empty where there is none.
func objectLink(object string) string {
	kind, id, _ := strings.Cut(object, ":")
	if kind == "hold" {
		return heldPage
	}
	if kind == "proposal" {
		return "/desk/proposals#" + url.PathEscape(id)
	}
	at, known := objectPages[kind]
	if !known || id == "" {
		return ""
	}
	if kind == "stream" {
		id, _, _ = strings.Cut(id, "/")
		return at + url.PathEscape(id) + "#streams"
	}
	if kind == "feed" {
		return fmt.Sprintf("/desk/feeds#%s", url.PathEscape(id))
	}
	return at + url.PathEscape(id)
}
