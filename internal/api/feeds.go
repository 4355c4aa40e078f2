package api

import (
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Feeds is every feed with how it is doing, by id.
type Feeds struct {
	Feeds []Feed `json:"feeds"`
}

// Feed is a configured source of signals and how it is doing.
type Feed struct {
	ID       string     `json:"id"`
	Pack     string     `json:"pack" doc:"That reads its signals."`
	Title    string     `json:"title"`
	TLP      string     `json:"tlp" doc:"Of what it brings."`
	Urgent   bool       `json:"urgent"`
	Disabled bool       `json:"disabled"`
	Polled   bool       `json:"polled" doc:"It is fetched; its address is on the pages only, as addresses hold keys."`
	Error    string     `json:"error,omitempty" doc:"Of the last fetch."`
	Last     *time.Time `json:"last_signal,omitempty"`
	Waiting  int64      `json:"waiting" doc:"Signals still to be folded."`
	Lag      int64      `json:"lag_seconds" doc:"Age of the oldest of them."`
	Rows     int64      `json:"rows_today"`
	Taken    int64      `json:"rows_30_days"`
	Rejected int64      `json:"rejected_30_days" doc:"Rows that became no event."`
	Silent   bool       `json:"silent" doc:"One of its streams is."`
	Streams  []Stream   `json:"streams"`
}

// Stream is one report type of a feed.
type Stream struct {
	Name   string `json:"name"`
	Last   string `json:"last_cycle,omitempty" doc:"Day of its newest cycle."`
	Every  int    `json:"every_days,omitempty" doc:"Its rhythm; absent while it is not known."`
	Median int64  `json:"median_rows"`
	Silent bool   `json:"silent"`
}

func feedOf(h *loop.Health) Feed {
	f := h.Feed
	out := Feed{
		ID: string(f.ID), Pack: f.Pack, Title: f.Title, TLP: f.TLP.String(), Urgent: f.Urgent, Disabled: !f.Disabled.IsZero(),
		Polled: f.Poll.URL != "", Error: f.Poll.Error, Last: operation.Some(h.Last.Received), Waiting: h.Waiting, Lag: int64(h.Lag / time.Second),
		Rows: h.Rows, Taken: h.Taken, Rejected: h.Rejected, Silent: h.Silent,
	}
	for _, s := range h.Streams {
		is := Stream{Name: s.Name, Every: s.Every, Median: s.Median, Silent: s.Silent}
		if !s.Last.Last.IsZero() {
			is.Last = s.Last.Day.String()
		}
		out.Streams = append(out.Streams, is)
	}
	return out
}

func (a *api) feeds(c *call, _ none) (Feeds, error) {
	if err := c.Desk(); err != nil {
		return Feeds{}, err
	}
	all, err := a.Loop.FeedHealth(c.Ctx, c.Now)
	var out Feeds
	for i := range all {
		out.Feeds = append(out.Feeds, feedOf(&all[i]))
	}
	return out, err
}

type feedQuery struct {
	ID string `path:"id"`
}

func (a *api) oneFeed(c *call, q feedQuery) (Feed, error) {
	if err := c.Desk(); err != nil {
		return Feed{}, err
	}
	return a.feedNow(c, ident.Feed(q.ID))
}

func (a *api) feedNow(c *call, id ident.Feed) (Feed, error) {
	all, err := a.Loop.FeedHealth(c.Ctx, c.Now)
	for i := range all {
		if all[i].Feed.ID == id {
			return feedOf(&all[i]), nil
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "there is no such feed")
	}
	return Feed{}, err
}

const putFeedText = "The settings as a whole: what the body lacks takes its usual value, but the token, which stays. With `new_token` the feed " +
	"has a new one from now on, which the answer shows once."

type feedBody struct {
	Pack      string `json:"pack" required:"true" max:"100"`
	Title     string `json:"title,omitempty" max:"200"`
	TLP       string `json:"tlp,omitempty" enum:"TLP:CLEAR,TLP:GREEN,TLP:AMBER,TLP:AMBER+STRICT,TLP:RED" doc:"Of what it brings; stays where absent."`
	Urgent    bool   `json:"urgent,omitempty" doc:"Its signals overtake bulk inventories."`
	QuotaRows int64  `json:"quota_rows,omitempty" min:"0" max:"1000000000000" doc:"Rows a day before other feeds go first."`
	Disabled  bool   `json:"disabled,omitempty"`
	PollURL   string `json:"poll_url,omitempty" max:"2000" doc:"Where it is fetched; absent: it is not."`
	PollEvery int64  `json:"poll_every_seconds,omitempty" min:"60" max:"31536000"`
	NewToken  bool   `json:"new_token,omitempty"`
	NoToken   bool   `json:"no_token,omitempty" doc:"The feed's token opens nothing any more."`
}

type putFeedQuery struct {
	ID   string `path:"id"`
	Body feedBody
}

// FeedPut is a feed after its settings were changed.
type FeedPut struct {
	Feed  Feed   `json:"feed"`
	Token string `json:"token,omitempty" doc:"The new token, shown once."`
}

func (a *api) putFeed(c *call, q putFeedQuery) (FeedPut, error) {
	b := q.Body
	s := loop.FeedSettings{
		ID: ident.Feed(q.ID), Pack: b.Pack, Title: b.Title, TLP: b.TLP, Urgent: b.Urgent, QuotaRows: b.QuotaRows, Disabled: b.Disabled, NoToken: b.NoToken,
		PollURL: b.PollURL, PollEvery: time.Duration(b.PollEvery) * time.Second,
	}
	var out FeedPut
	if b.NewToken && b.NoToken {
		return out, operation.Wrong("no_token", "either a new token or none was expected")
	}
	if b.NewToken {
		s.Token = loop.NewFeedToken()
		out.Token = s.Token
	}
	if err := a.Loop.PutFeed(c.Ctx, c.Now, c.By, s); err != nil {
		return FeedPut{}, err
	}
	var err error
	out.Feed, err = a.feedNow(c, s.ID)
	return out, err
}

type signalsQuery struct {
	Feed     string `query:"feed" max:"64"`
	Troubled bool   `query:"troubled" doc:"Only those that were refused or had rows kept aside."`
	operation.Paging
}

// Signals is one page of signals, the newest first.
type Signals struct {
	Signals  []Status `json:"signals"`
	Withheld int      `json:"withheld,omitempty" doc:"Signals of this page that are marked too strictly to leave the pages."`
	Next     string   `json:"next,omitempty"`
}

// NextCursor is the cursor of the page after; empty at the end.
func (s Signals) NextCursor() string { return s.Next }

func (a *api) signals(c *call, q signalsQuery) (Signals, error) {
	before, err := operation.NumberCursor("signal", q.Cursor)
	if err != nil {
		return Signals{}, err
	}
	rows, err := a.Loop.Signals(c.Ctx, c.Now, c.By, loop.SignalQuery{Feed: ident.Feed(q.Feed), Troubled: q.Troubled}, ident.Signal(before), q.Rows()+1)
	if err != nil {
		return Signals{}, err
	}
	var out Signals
	if len(rows) > q.Rows() {
		rows = rows[:q.Rows()]
		out.Next = operation.NextNumber("signal", int64(rows[len(rows)-1].ID))
	}
	marks, err := a.Programs.FeedMarks(c.Ctx)
	if err != nil {
		return Signals{}, err
	}
	for i := range rows {
		if operation.Leave(marks[rows[i].Feed]) != nil {
			out.Withheld++
			continue
		}
		out.Signals = append(out.Signals, statusOf(&rows[i]))
	}
	return out, nil
}

type signalQuery struct {
	ID int64 `path:"id" min:"1"`
}

// Replayed says what became of rows that had been kept aside.
type Replayed struct {
	Tried  int64 `json:"tried"`
	Events int64 `json:"events"`
	Still  int64 `json:"still_rejected"`
}

func (a *api) replay(c *call, q signalQuery) (Replayed, error) {
	r, err := a.Loop.Replay(c.Ctx, c.Now, c.By, ident.Signal(q.ID))
	return Replayed{r.Tried, r.Events, r.Still}, err
}
