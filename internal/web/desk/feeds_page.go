package desk

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/upkeep"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// feedRoutes are the addresses by which feeds are looked at one by one, added and changed.
func (d *desk) feedRoutes() []page.Route {
	if d.acts.Stage == nil {
		return nil
	}
	return []page.Route{
		route("GET /desk/feeds/new", people.Feeds, d.feedNew),
		route("POST /desk/feeds/new", people.Feeds, d.feedTry),
		route("POST /desk/feeds", people.Feeds, d.feedAdd),
		route("GET /desk/feeds/{id}", people.Read, d.feed),
		route("POST /desk/feeds/{id}", people.Feeds, d.feedPut),
	}
}

// feedDays is how many days the small pictures of a feed show.
const feedDays = 30

// feedRow is a feed in the list.
type feedRow struct {
	loop.Health
	Spark template.HTML // rows a day; empty where there is nothing to draw
	Link  string
}

// feedRows puts a small picture of its days beside every feed.
func (d *desk) feedRows(v *page.Visit, all []loop.Health) ([]feedRow, error) {
	days := map[ident.Feed][]upkeep.Stream{}
	if d.acts.Upkeep != nil {
		var err error
		if days, err = d.acts.Upkeep.Days(v.R.Context(), v.Now, feedDays); err != nil {
			return nil, err
		}
	}
	out := make([]feedRow, len(all))
	for i, h := range all {
		out[i] = feedRow{Health: h, Spark: spark(v, days[h.Feed.ID])}
		if d.acts.Stage != nil {
			out[i].Link = "/desk/feeds/" + string(h.Feed.ID)
		}
	}
	return out, nil
}

// spark draws the rows of a feed's whole days, all streams together.
func spark(v *page.Visit, streams []upkeep.Stream) template.HTML {
	sum := make([]float64, feedDays)
	total, last := int64(0), int64(0)
	for _, s := range streams {
		for i, n := range s.Rows {
			sum[i] += float64(n)
			total += n
		}
		last += s.Rows[len(s.Rows)-1]
	}
	if total == 0 {
		return ""
	}
	// Today is said and not drawn: half a day beside whole ones looks like a fall.
	return chart.Spark(v.T("feeds.spark", feedDays, total, last), chart.Plain, sum[:feedDays-1])
}

type feedBody struct {
	feedRow
	Streams []streamRow
	Signals []loop.SignalRow
	All     string // address of all its signals
	Aside   string // address of those with rows kept aside
	Figure  chart.Figure
	Form    feedForm
	Change  bool   // the visitor may change it
	Token   string // made just now: shown once
	Push    string // address that its signals are sent to
}

type streamRow struct {
	loop.StreamHealth
	Spark template.HTML
}

// feedForm are the settings of a feed as fields.
type feedForm struct {
	Settings []page.Field
	Wrong    string
}

func (d *desk) feed(v *page.Visit) error {
	id := ident.Feed(v.R.PathValue("id"))
	h, err := d.healthOf(v, id)
	if err != nil {
		return err
	}
	return d.showFeed(v, h, feedSettings(h.Feed.ID, h), "", nil)
}

func (d *desk) healthOf(v *page.Visit, id ident.Feed) (loop.Health, error) {
	all, err := d.loop.FeedHealth(v.R.Context(), v.Now)
	if err != nil {
		return loop.Health{}, err
	}
	for _, h := range all {
		if h.Feed.ID == id {
			return h, nil
		}
	}
	return loop.Health{}, fault.New(fault.NotFound, "%s", v.T("feeds.none", string(id)))
}

// feedSettings are a feed's settings as they are.
func feedSettings(id ident.Feed, h loop.Health) loop.FeedSettings {
	f := h.Feed
	return loop.FeedSettings{
		ID: id, Pack: f.Pack, Title: f.Title, TLP: f.TLP.Word(), Urgent: f.Urgent, QuotaRows: f.QuotaRows,
		Disabled: !f.Disabled.IsZero(), PollURL: f.Poll.URL, PollEvery: f.Poll.Every,
	}
}

func (d *desk) showFeed(v *page.Visit, h loop.Health, s loop.FeedSettings, token string, wrong error) error {
	ctx := v.R.Context()
	rows, err := d.feedRows(v, []loop.Health{h})
	if err != nil {
		return err
	}
	id := string(h.Feed.ID)
	b := feedBody{
		feedRow: rows[0], All: "/desk/signals?feed=" + id, Aside: "/desk/signals?feed=" + id + "&rejected=1", Change: v.May(people.Feeds),
		Token: token, Push: "/api/v1/signals",
	}
	days, err := d.acts.Upkeep.Days(ctx, v.Now, feedDays)
	if err != nil {
		return err
	}
	for _, s := range h.Streams {
		row := streamRow{StreamHealth: s}
		for _, of := range days[h.Feed.ID] {
			if of.Name == s.Name {
				row.Spark = spark(v, []upkeep.Stream{of})
			}
		}
		b.Streams = append(b.Streams, row)
	}
	if b.Signals, err = d.loop.Signals(ctx, v.Now, v.Who.Actor, loop.SignalQuery{Feed: h.Feed.ID}, 0, 10); err != nil {
		return err
	}
	b.Form = feedForm{Settings: settingFields(v, s, d.packOptions(v, s.Pack))}
	status := 200
	if wrong != nil {
		text, ok := v.Refusal(wrong)
		if !ok {
			return wrong
		}
		b.Form.Wrong, status = text, 422
	}
	return page.ShowAs(v, status, "desk/feed", h.Feed.Title, b)
}

func (d *desk) packOptions(v *page.Visit, chosen string) []page.Option {
	out := []page.Option{{Value: "", Label: v.T("feeds.choose_pack"), Selected: chosen == ""}}
	for _, p := range d.acts.Stage.Packs() {
		out = append(out, page.Option{Value: p.Name, Label: p.Title + " (" + p.Name + ")", Selected: p.Name == chosen})
	}
	return out
}

// settingFields are the fields of a feed's settings, without its id.
func settingFields(v *page.Visit, s loop.FeedSettings, packs []page.Option) []page.Field {
	marks := []page.Option{}
	for _, w := range []string{"clear", "green", "amber", "amber-strict"} {
		marks = append(marks, page.Option{Value: w, Label: v.Lang.Word("tlp", w), Selected: w == s.TLP || s.TLP == "" && w == "green"})
	}
	quota, every := "", ""
	if s.QuotaRows > 0 {
		quota = strconv.FormatInt(s.QuotaRows, 10)
	}
	if s.PollEvery > 0 {
		every = strconv.FormatInt(int64(s.PollEvery/time.Minute), 10)
	}
	urgent := ""
	if s.Urgent {
		urgent = "yes"
	}
	return []page.Field{
		{Name: "pack", Type: "select", Label: v.T("feeds.pack"), Options: packs, Required: true},
		{Name: "title", Label: v.T("feeds.name"), Value: s.Title, Max: 200, Hint: v.T("feeds.name_hint")},
		{Name: "tlp", Type: "select", Label: v.T("field.tlp"), Options: marks, Hint: v.T("feeds.tlp_hint")},
		{Name: "poll", Type: "url", Label: v.T("feeds.poll"), Value: s.PollURL, Max: 2000, Hint: v.T("feeds.poll_hint")},
		{Name: "every", Type: "number", Label: v.T("feeds.every"), Value: every, Pattern: "60", Hint: v.T("feeds.every_hint")},
		{Name: "quota", Type: "number", Label: v.T("feeds.quota"), Value: quota, Hint: v.T("feeds.quota_hint")},
		{Name: "urgent", Type: "checkbox", Label: v.T("feeds.urgent"), Value: urgent},
	}
}

// readSettings reads the settings of a form.
func readSettings(v *page.Visit, id ident.Feed) (loop.FeedSettings, error) {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	s := loop.FeedSettings{
		ID: id, Pack: get("pack"), Title: get("title"), TLP: get("tlp"), PollURL: get("poll"), Urgent: get("urgent") == "yes",
	}
	var err error
	if text := get("quota"); text != "" {
		if s.QuotaRows, err = strconv.ParseInt(text, 10, 64); err != nil || s.QuotaRows < 0 {
			return s, fault.New(fault.Invalid, "%s", v.T("feeds.bad_number", text))
		}
	}
	if text := get("every"); text != "" {
		minutes, err := strconv.ParseInt(text, 10, 32)
		if err != nil || minutes < 1 {
			return s, fault.New(fault.Invalid, "%s", v.T("feeds.bad_number", text))
		}
		s.PollEvery = time.Duration(minutes) * time.Minute
	}
	return s, nil
}

// feedPut changes a feed: its settings, whether it is in use, or its token.
func (d *desk) feedPut(v *page.Visit) error {
	ctx := v.R.Context()
	h, err := d.healthOf(v, ident.Feed(v.R.PathValue("id")))
	if err != nil {
		return err
	}
	s, token, done := feedSettings(h.Feed.ID, h), "", "feed_put"
	switch v.R.PostFormValue("do") {
	case "level":
		return d.confirmLevel(v, h)
	case "pause":
		s.Disabled, done = true, "feed_pause"
	case "resume":
		s.Disabled, done = false, "feed_resume"
	case "token":
		token = loop.NewFeedToken()
		s.Token = token
	case "no-token":
		s.NoToken, done = true, "feed_no_token"
	default:
		off := s.Disabled
		if s, err = readSettings(v, h.Feed.ID); err != nil {
			return d.showFeed(v, h, s, "", err)
		}
		s.Disabled = off
	}
	if err := d.loop.PutFeed(ctx, v.Now, v.Who.Actor, s); err != nil {
		return d.showFeed(v, h, s, "", err)
	}
	if token == "" {
		return v.Redirect("/desk/feeds/"+string(h.Feed.ID), done)
	}
	if h, err = d.healthOf(v, h.Feed.ID); err != nil {
		return err
	}
	return d.showFeed(v, h, feedSettings(h.Feed.ID, h), token, nil)
}

// confirmLevel says that what a stream brings now is its new level.
func (d *desk) confirmLevel(v *page.Visit, h loop.Health) error {
	stream, err := strconv.ParseInt(v.R.PostFormValue("stream"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "stream: %q is no number", clip(v.R.PostFormValue("stream"), 20))
	}
	err = d.loop.ConfirmLevel(v.R.Context(), v.Now, v.Who.Actor, h.Feed.ID, stream, v.R.PostFormValue("reason"))
	if err != nil {
		return d.showFeed(v, h, feedSettings(h.Feed.ID, h), "", err)
	}
	return v.Redirect("/desk/feeds/"+string(h.Feed.ID), "feed_level")
}
