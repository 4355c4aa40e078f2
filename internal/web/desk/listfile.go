package desk

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"tocsin/internal/act/casework"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/gate"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

// listRoutes are the lists as files: what the page shows with its filter, whole, up to listCap rows. Findings have files of
// their own.
func (d *desk) listRoutes() []page.Route {
	all := []page.Route{
		file("GET /desk/parties.csv", d.partiesCSV),
		file("GET /desk/notices.csv", d.noticesCSV),
		file("GET /desk/signals.csv", d.signalsCSV),
		file("GET /desk/feeds.csv", d.feedsCSV),
	}
	if d.acts.Casework != nil {
		all = append(all, file("GET /desk/reports.csv", d.reportsCSV))
	}
	return all
}

// take is how a list leaves the page: as a file with the filter, for those who may, and by the command for the same in the
// API, as far as that knows the filter.
func take(v *page.Visit, file string, filter []string, api string, known url.Values) page.Take {
	t := page.Take{Curl: v.Curl(api, known)}
	if !v.May(people.Export) {
		return t
	}
	q, ask := v.R.URL.Query(), url.Values{}
	for _, name := range filter {
		if text := word(q, name); text != "" {
			ask.Set(name, text)
		}
	}
	if t.File = file; len(ask) > 0 {
		t.File += "?" + ask.Encode()
	}
	return t
}

const (
	listCap  = 100_000 // rows of a file
	listStep = 500     // rows that one transaction reads
)

// listFile is a list on its way out.
type listFile struct {
	name     string // of the list, in the ledger and in the file's name
	rows     [][]string
	withheld int // marked too strictly for a file
}

// add takes a row in and reports whether there is room for more.
func (f *listFile) add(cells ...string) bool {
	for i := range cells {
		cells[i] = page.Cell(cells[i])
	}
	f.rows = append(f.rows, cells)
	return len(f.rows) <= listCap
}

// send writes the file, with its entry in the ledger first. X-Export-Complete says whether it is whole.
func (d *desk) send(v *page.Visit, f *listFile) error {
	whole := "yes"
	if len(f.rows) > listCap+1 {
		f.rows, whole = f.rows[:listCap+1], "no: limit"
	}
	if err := d.triage.Exported(v.R.Context(), v.Now, v.Who.Actor, f.name, len(f.rows)-1, f.withheld); err != nil {
		return err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(f.rows); err != nil {
		return err
	}
	h := v.W.Header()
	gate.Saved(h, "text/csv; charset=utf-8", fmt.Sprintf("%s-%s.csv", f.name, v.Now.UTC().Format("20060102-1504")))
	h.Set("X-Export-Complete", whole)
	h.Set("X-Export-Withheld", strconv.Itoa(f.withheld))
	_, err := b.WriteTo(v.W)
	return err
}

// stamp is an instant in a file; empty where there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (d *desk) partiesCSV(v *page.Visit) error {
	f := &listFile{name: "parties"}
	f.add("id", "name", "kind", "sector", "region", "live", "notices_sent", "answers", "last_notice", "last_answer", "silent_days", "contacts", "bounced", "resources")
	ask, after := partiesAsked(v.R.URL.Query()), triage.PartyCursor{}
	for room := true; room; {
		rows, next, err := d.triage.Parties(v.R.Context(), v.Now, v.Who.Actor, ask, after, listStep)
		if err != nil {
			return err
		}
		for _, p := range rows {
			s := p.Silence
			room = room && f.add(string(p.ID), p.Name, p.Kind, p.Sector, p.Region, strconv.Itoa(p.Live), strconv.Itoa(s.Sent), strconv.Itoa(s.Answers), stamp(s.LastSent),
				stamp(s.LastAnswer), strconv.Itoa(s.Days(v.Now)), strconv.Itoa(p.Contacts), strconv.Itoa(p.Bounced), strconv.Itoa(p.Resources))
		}
		if after = next; after == (triage.PartyCursor{}) {
			break
		}
	}
	return d.send(v, f)
}

func (d *desk) noticesCSV(v *page.Visit) error {
	f := &listFile{name: "notices"}
	f.add("id", "party", "party_name", "kind", "class", "severity", "state", "findings", "created", "sent", "answered", "tlp")
	q := v.R.URL.Query()
	ask, after := loop.NoticeQuery{Party: ident.Party(word(q, "party")), State: notice.State(word(q, "state"))}, loop.NoticeCursor{}
	for room := true; room; {
		rows, err := d.loop.Notices(v.R.Context(), v.Now, v.Who.Actor, ask, after, listStep)
		if err != nil {
			return err
		}
		for _, n := range rows {
			if marking.Leave(marking.ExportFile, marking.Mark{TLP: n.TLP}, true) != nil {
				f.withheld++
				continue
			}
			room = room && f.add(string(n.ID), string(n.Party), n.PartyName, string(n.Kind), n.Class, n.Severity.String(), string(n.State), strconv.Itoa(n.Findings),
				stamp(n.Created), stamp(n.Sent), stamp(n.Answered), n.TLP.String())
		}
		if len(rows) < listStep {
			break
		}
		after = loop.NoticeCursor{Created: rows[len(rows)-1].Created, ID: rows[len(rows)-1].ID}
	}
	return d.send(v, f)
}

func (d *desk) signalsCSV(v *page.Visit) error {
	f := &listFile{name: "signals"}
	f.add("id", "feed", "name", "bytes", "received", "state", "rows", "events", "rejected", "refused", "findings_new", "findings_seen", "findings_reopened")
	q := v.R.URL.Query()
	ask, before := loop.SignalQuery{Feed: ident.Feed(word(q, "feed")), Troubled: q.Get("rejected") == "1"}, ident.Signal(0)
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	for room := true; room; {
		rows, err := d.loop.Signals(v.R.Context(), v.Now, v.Who.Actor, ask, before, listStep)
		if err != nil {
			return err
		}
		for i := range rows {
			s, n := &rows[i], rows[i].Counts
			room = room && f.add(count(int64(s.ID)), string(s.Feed), s.Name, count(s.Bytes), stamp(s.Received), string(s.State), count(n.Rows), count(n.Events),
				count(n.Rejected), count(n.Refused), count(n.Found), count(n.Seen), count(n.Reopened))
		}
		if len(rows) < listStep {
			break
		}
		before = rows[len(rows)-1].ID
	}
	return d.send(v, f)
}

func (d *desk) feedsCSV(v *page.Visit) error {
	f := &listFile{name: "feeds"}
	f.add("id", "title", "pack", "tlp", "urgent", "disabled", "last_signal", "waiting", "rows_today", "rows_30_days", "rejected_30_days", "silent")
	all, err := d.loop.FeedHealth(v.R.Context(), v.Now)
	if err != nil {
		return err
	}
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	for i := range all {
		h := &all[i]
		f.add(string(h.Feed.ID), h.Feed.Title, h.Feed.Pack, h.Feed.TLP.String(), strconv.FormatBool(h.Feed.Urgent), strconv.FormatBool(!h.Feed.Disabled.IsZero()),
			stamp(h.Last.Received), count(h.Waiting), count(h.Rows), count(h.Taken), count(h.Rejected), strconv.FormatBool(h.Silent))
	}
	return d.send(v, f)
}

// reportsCSV is the list of reports, with none of their words.
func (d *desk) reportsCSV(v *page.Visit) error {
	f := &listFile{name: "reports"}
	f.add("number", "kind", "state", "outcome", "language", "contact", "received", "first_look_due", "closed")
	ask, err := reportsAsked(v.R.URL.Query())
	if err != nil {
		return err
	}
	var after casework.Cursor
	for room := true; room; {
		list, err := d.acts.Casework.List(v.R.Context(), v.Now, v.Who.Actor, ask, after, listStep)
		if err != nil {
			return err
		}
		for _, r := range list.Rows {
			room = room && f.add(r.Number, string(r.Kind), string(r.State), string(r.Outcome), r.Language, strconv.FormatBool(r.Contact), stamp(r.Received), stamp(r.Due), stamp(r.Closed))
		}
		if len(list.Rows) < listStep {
			break
		}
		last := list.Rows[len(list.Rows)-1]
		after = casework.Cursor{Received: last.Received, ID: last.ID}
	}
	return d.send(v, f)
}
