package desk

import (
	"net/url"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/web/page"
)

type queueBody struct {
	Items    []queueRow
	Waiting  int // items in all
	Orphans  loop.FindingPart
	Disputes loop.FindingPart
	Failed   []loop.NoticeRow
	Unheard  int // such notices in all
}

// Calm reports whether nothing waits.
func (b queueBody) Calm() bool {
	return len(b.Items)+b.Orphans.Count+b.Disputes.Count+len(b.Failed) == 0
}

type queueRow struct {
	ID       string
	Title    string
	More     string // particulars; may be empty
	Link     string // to what it is about; empty where there is no page for it
	Severity event.Severity
	Created  time.Time
}

// queueLimit is how many items the queue shows; the rest moves up as they are seen to.
const queueLimit = 25

// queuePart is how many findings and notices the queue shows of each kind.
const queuePart = 10

// moreLimit bounds the particulars of an item, in runes.
const moreLimit = 300

func (d *desk) queue(v *page.Visit) error {
	q, err := d.loop.Queue(v.R.Context(), v.Now, v.Who.Actor, queueLimit, queuePart)
	if err != nil {
		return err
	}
	b := queueBody{Waiting: q.Waiting, Orphans: q.Orphans, Disputes: q.Disputes, Failed: q.Failed, Unheard: q.Unheard}
	for _, i := range q.Items {
		args := make([]any, len(i.Args))
		for n, a := range i.Args {
			args[n] = listed(a)
		}
		row := queueRow{
			ID: i.ID, Title: v.T("queue."+i.Code, args...), Link: objectLink(i.Object), Severity: i.Severity, Created: i.Created,
		}
		if key := "queue_more." + i.Code; v.Lang.Has(key) {
			row.More = clip(v.T(key, args...), moreLimit)
		}
		b.Items = append(b.Items, row)
	}
	return page.Show(v, "desk/queue", v.T("desk.queue.title"), b)
}

func (d *desk) queueDone(v *page.Visit) error {
	if err := d.loop.QueueDone(v.R.Context(), v.Now, v.Who.Actor, v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Redirect("/desk", "queue")
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

// objectLink returns the page about an object as the ledger and the queue name it; empty where there is none.
func objectLink(object string) string {
	kind, id, _ := strings.Cut(object, ":")
	switch kind {
	case "finding":
		return "/desk/findings/" + url.PathEscape(id)
	case "signal":
		return "/desk/signals/" + url.PathEscape(id)
	case "party":
		return "/desk/parties/" + url.PathEscape(id)
	case "notice":
		return "/desk/notices/" + url.PathEscape(id)
	case "feed", "stream":
		feed, _, _ := strings.Cut(id, "/")
		return "/desk/feeds#" + url.PathEscape(feed)
	}
	return ""
}
