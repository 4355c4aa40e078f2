package desk

import (
	"fmt"
	"net/url"

	"tocsin/internal/act/loop"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type feedsBody struct {
	Feeds []feedRow
	New   string // address of the form; empty where the visitor may not add one
	Take  page.Take
}

func (d *desk) feeds(v *page.Visit) error {
	h, err := d.loop.FeedHealth(v.R.Context(), v.Now)
	if err != nil {
		return err
	}
	b := feedsBody{Take: take(v, "/desk/feeds.csv", nil, "/api/v1/feeds", nil)}
	if b.Feeds, err = d.feedRows(v, h); err != nil {
		return err
	}
	if d.acts.Stage != nil && v.May(people.Feeds) {
		b.New = "/desk/feeds/new"
	}
	return page.Show(v, "desk/feeds", v.T("desk.feeds.title"), b)
}

type signalsBody struct {
	Feed     string
	Rejected bool // only those with rows kept aside, or refused whole
	Feeds    []ident.Feed
	Rows     []loop.SignalRow
	First    bool
	Next     ident.Signal
	Take     page.Take
}

// Newest returns the address of the first page.
func (b signalsBody) Newest() string {
	q := url.Values{"feed": {b.Feed}}
	if b.Rejected {
		q.Set("rejected", "1")
	}
	return "/desk/signals?" + q.Encode()
}

// Older returns the address of the page after.
func (b signalsBody) Older() string { return fmt.Sprintf("%s&before=%d", b.Newest(), b.Next) }

func (d *desk) signals(v *page.Visit) error {
	ctx := v.R.Context()
	before := ident.Signal(cursor(v, "before"))
	q := v.R.URL.Query()
	b := signalsBody{Feed: word(q, "feed"), Rejected: q.Get("rejected") == "1", First: before == 0}
	known := url.Values{"feed": {b.Feed}}
	if b.Rejected {
		known.Set("troubled", "true")
	}
	b.Take = take(v, "/desk/signals.csv", []string{"feed", "rejected"}, "/api/v1/signals", known)
	feeds, err := d.loop.FeedHealth(ctx, v.Now)
	if err != nil {
		return err
	}
	for _, f := range feeds {
		b.Feeds = append(b.Feeds, f.Feed.ID)
	}
	if b.Rows, err = d.loop.Signals(ctx, v.Now, v.Who.Actor, loop.SignalQuery{Feed: ident.Feed(b.Feed), Troubled: b.Rejected}, before, pageSize+1); err != nil {
		return err
	}
	if len(b.Rows) > pageSize {
		b.Rows = b.Rows[:pageSize]
		b.Next = b.Rows[pageSize-1].ID
	}
	return page.Show(v, "desk/signals", v.T("desk.signals.title"), b)
}

type signalBody struct {
	loop.SignalDetail
	Look    lookForm // before the rows
	Waiting int      // rejected rows on this page that no replay has read yet
	Rows    []rejectedRow
	Next    string // address of the page after; empty at the end
}

type rejectedRow struct {
	loop.Rejected
	Text string
}

func (d *desk) signal(v *page.Visit) error {
	id, err := signalID(v)
	if err != nil {
		return err
	}
	after := loop.RejectCursor{Part: int(cursor(v, "part")), Line: cursor(v, "line")}
	s, err := d.loop.SignalByID(v.R.Context(), v.Now, v.Who.Actor, id, after, pageSize)
	if err != nil {
		return err
	}
	b := signalBody{SignalDetail: s}
	if !s.Looked {
		b.Look = lookAt(fmt.Sprintf("/desk/signals/%d/look", id))
	}
	for _, r := range s.Rejected {
		b.Rows = append(b.Rows, rejectedRow{r, string(r.Raw)})
		if r.Replayed.IsZero() {
			b.Waiting++
		}
	}
	if s.More {
		last := s.Rejected[len(s.Rejected)-1]
		b.Next = fmt.Sprintf("/desk/signals/%d?part=%d&line=%d", id, last.Part, last.Line)
	}
	return page.Show(v, "desk/signal", v.T("desk.signal.title", int64(id)), b)
}

func (d *desk) replay(v *page.Visit) error {
	id, err := signalID(v)
	if err != nil {
		return err
	}
	if _, err := d.loop.Replay(v.R.Context(), v.Now, v.Who.Actor, id); err != nil {
		return err
	}
	return v.Redirect(fmt.Sprintf("/desk/signals/%d", id), "replay")
}
