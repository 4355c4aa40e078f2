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
	Orphans  loop.FindingPart
	Disputes loop.FindingPart
	Failed   []loop.NoticeRow
}

// Calm reports whether nothing waits.
func (b queueBody) Calm() bool {
	return len(b.Items)+b.Orphans.Count+b.Disputes.Count+len(b.Failed) == 0
}

type queueRow struct {
	ID       string
	Title    string
	Link     string // to what it is about; empty where there is no page for it
	Severity event.Severity
	Created  time.Time
}

// queueLimit is how many rows each part of the queue shows; more are on the lists behind.
const queueLimit = 25

func (d *desk) queue(v *page.Visit) error {
	q, err := d.loop.Queue(v.R.Context(), queueLimit)
	if err != nil {
		return err
	}
	b := queueBody{Orphans: q.Orphans, Disputes: q.Disputes, Failed: q.Failed}
	for _, i := range q.Items {
		args := make([]any, len(i.Args))
		for n, a := range i.Args {
			args[n] = a
		}
		b.Items = append(b.Items, queueRow{
			ID: i.ID, Title: v.T("queue."+i.Code, args...), Link: objectLink(i.Object), Severity: i.Severity, Created: i.Created,
		})
	}
	return page.Show(v, "desk/queue", v.T("desk.queue.title"), b)
}

func (d *desk) queueDone(v *page.Visit) error {
	if err := d.loop.QueueDone(v.R.Context(), v.Now, v.Who.Actor(), v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Redirect("/desk", "queue")
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
