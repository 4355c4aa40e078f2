package desk

import (
	"errors"
	"slices"
	"strings"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/rehearse"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/web/page"
)

type feedNewBody struct {
	Choose  []page.Field // the sample: pack, name of the file, rows
	About   *packAbout   // of the chosen pack
	Outcome *outcomeView // nil before the first look
	Add     *addForm     // nil before the first look
	Wrong   string
}

// packAbout is what a pack says of its feed.
type packAbout struct {
	Title, Provider, URL, Note, Terms, Format string
	Version                                   int
	Poll                                      string
}

// addForm is the second step: the settings of the feed to be.
type addForm struct {
	ID       page.Field
	Settings []page.Field
	Wrong    string
}

// outcomeView is a rehearsal in words.
type outcomeView struct {
	rehearse.Outcome
	Groups []classGroup
	Shown  []rehearsedRow
	Hidden int // rows beyond those shown
}

type classGroup struct {
	Class *notice.Class
	Rows  int
}

type rehearsedRow struct {
	rehearse.Row
	PartyName string
	Fields    []field
}

// sampleShown is how many rows of a sample are shown one by one.
const sampleShown = 50

func (d *desk) feedNew(v *page.Visit) error {
	q := v.R.URL.Query()
	return d.showFeedNew(v, feedNewBody{}, word(q, "pack"), "", "", 200)
}

func (d *desk) showFeedNew(v *page.Visit, b feedNewBody, pack, name, body string, status int) error {
	b.Choose = []page.Field{
		{Name: "pack", Type: "select", Label: v.T("feeds.pack"), Options: d.packOptions(v, pack), Required: true, Hint: v.T("feeds.pack_hint")},
		{Name: "file", Label: v.T("feeds.file"), Value: name, Max: 200, Pattern: "2026-11-23-scan_rdp-example.csv", Hint: v.T("feeds.file_hint")},
		{Name: "sample", Type: "textarea", Label: v.T("feeds.sample"), Value: body, Rows: 12, Required: true, Hint: v.T("feeds.sample_hint", rehearse.MaxRows)},
	}
	if p, err := d.acts.Stage.Pack(pack); err == nil {
		b.About = &packAbout{Title: p.Title, Provider: p.Provider, URL: p.URL, Note: p.Note, Terms: p.Terms, Format: p.Format, Version: p.Version}
		if p.Poll != nil {
			b.About.Poll = p.Poll.URL
		}
	}
	return page.ShowAs(v, status, "desk/feed-new", v.T("feeds.new"), b)
}

// feedTry reads a sample as the feed would be read, and keeps nothing of it.
func (d *desk) feedTry(v *page.Visit) error {
	pack, name := v.R.PostFormValue("pack"), strings.TrimSpace(v.R.PostFormValue("file"))
	sample := strings.ReplaceAll(v.R.PostFormValue("sample"), "\r\n", "\n") // as browsers send lines
	o, err := d.acts.Stage.Read(v.R.Context(), v.Now, v.Who.Actor, rehearse.Sample{Pack: pack, Name: name, Body: []byte(sample)})
	if err != nil {
		text, ours := v.Refusal(err)
		if !ours {
			return err
		}
		return d.showFeedNew(v, feedNewBody{Wrong: text}, pack, name, sample, fault.Status(err))
	}
	s := loop.FeedSettings{ID: ident.Feed(pack), Pack: pack, Title: o.Pack.Title, Urgent: o.Pack.Urgent}
	if p := o.Pack.Poll; p != nil {
		s.PollURL, s.PollEvery = p.URL, p.Every
	}
	b := feedNewBody{Outcome: outcomeOf(o), Add: d.addFields(v, s)}
	return d.showFeedNew(v, b, pack, name, sample, 200)
}

func (d *desk) addFields(v *page.Visit, s loop.FeedSettings) *addForm {
	f := &addForm{ID: page.Field{Name: "id", ID: "feed-id", Label: v.T("feeds.id"), Value: string(s.ID), Required: true, Max: 64, Hint: v.T("feeds.id_hint")}}
	for _, x := range settingFields(v, s, d.packOptions(v, s.Pack)) {
		x.ID = "feed-" + x.Name
		f.Settings = append(f.Settings, x)
	}
	return f
}

func outcomeOf(o rehearse.Outcome) *outcomeView {
	out := &outcomeView{Outcome: o, Hidden: max(0, len(o.Rows)-sampleShown)}
	count := map[*notice.Class]int{}
	for _, r := range o.Rows {
		if count[r.Class]++; count[r.Class] == 1 {
			out.Groups = append(out.Groups, classGroup{Class: r.Class})
		}
	}
	for i := range out.Groups {
		out.Groups[i].Rows = count[out.Groups[i].Class]
	}
	slices.SortStableFunc(out.Groups, func(a, b classGroup) int { return b.Rows - a.Rows })
	for i := range o.Rows[:min(len(o.Rows), sampleShown)] {
		r := &o.Rows[i]
		out.Shown = append(out.Shown, rehearsedRow{*r, o.Parties[r.Attribution.Party], fields(r.Event)})
	}
	return out
}

// feedAdd makes the feed.
func (d *desk) feedAdd(v *page.Visit) error {
	id := ident.Feed(strings.TrimSpace(v.R.PostFormValue("id")))
	s, err := readSettings(v, id)
	if err == nil {
		if _, there := d.loop.FeedByID(v.R.Context(), id); there == nil {
			err = fault.New(fault.Exists, "%s", v.T("feeds.exists", string(id)))
		} else if !errors.Is(there, fault.NotFound) {
			return there
		}
	}
	if err == nil {
		err = d.loop.PutFeed(v.R.Context(), v.Now, v.Who.Actor, s)
	}
	if err == nil {
		return v.Redirect("/desk/feeds/"+string(id), "feed_add")
	}
	text, ours := v.Refusal(err)
	if !ours || fault.Status(err) == 403 {
		return err
	}
	b := feedNewBody{Add: d.addFields(v, s)}
	b.Add.Wrong = text
	return d.showFeedNew(v, b, s.Pack, "", "", fault.Status(err))
}
