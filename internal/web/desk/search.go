package desk

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"tocsin/internal/act/triage"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type searchBody struct {
	Text   string
	Groups []hitGroup
	Count  int
	Recent []recentThing
	Whole  string // every finding that is so; empty where there are no more than those shown
}

// hitGroup is what was found of one kind.
type hitGroup struct {
	Kind, Label string
	Hits        []hit
}

// hit is one thing that a search found, as the palette takes it.
type hit struct {
	Kind  string `json:"kind"`
	Title string `json:"title"`
	Sub   string `json:"sub"`
	HRef  string `json:"href"`
}

// doors are the desk's pages, by the words that the navigation calls them.
var doors = []struct {
	key, at string
	power   people.Power
}{
	{"nav.queue", "/desk", people.Read},
	{"nav.situation", "/desk/situation", people.Read},
	{"nav.findings", "/desk/findings", people.Read},
	{"nav.reports", "/desk/reports", people.Read},
	{"nav.notices", "/desk/notices", people.Read},
	{"nav.parties", "/desk/parties", people.Read},
	{"nav.changes", "/desk/changes", people.Read},
	{"nav.feeds", "/desk/feeds", people.Read},
	{"nav.signals", "/desk/signals", people.Read},
	{"nav.rules", "/desk/rules", people.Read},
	{"nav.ledger", "/desk/ledger", people.Audit},
	{"nav.proposals", "/desk/proposals", people.Read},
	{"nav.people", "/desk/people", people.Staff},
	{"nav.webhooks", "/desk/webhooks", people.Read},
	{"nav.system", "/desk/system", people.Read},
}

func (d *desk) search(v *page.Visit) error {
	b := searchBody{Text: word(v.R.URL.Query(), "q"), Recent: recents(v)}
	hits, found, err := d.hits(v, b.Text)
	if err != nil {
		return err
	}
	for _, h := range hits {
		if n := len(b.Groups); n == 0 || b.Groups[n-1].Kind != h.Kind {
			b.Groups = append(b.Groups, hitGroup{Kind: h.Kind, Label: v.Lang.Word("hit", h.Kind)})
		}
		g := &b.Groups[len(b.Groups)-1]
		g.Hits = append(g.Hits, h)
	}
	if b.Count = len(hits); found.More {
		b.Whole = filter{State: anyState, Asset: b.Text}.At("/desk/findings")
	}
	return page.Show(v, "desk/search", v.T("search.title"), b)
}

// searchJSON is the same for the palette; without a question it gives what the visitor opened last and the desk's pages.
func (d *desk) searchJSON(v *page.Visit) error {
	text := word(v.R.URL.Query(), "q")
	hits, _, err := d.hits(v, text)
	if err != nil {
		return err
	}
	if text == "" {
		for _, r := range recents(v) {
			hits = append(hits, hit{"recent", r.Title, v.T("search.recent"), r.Link})
		}
		hits = append(hits, pagesLike(v, "")...)
	}
	if hits == nil {
		hits = []hit{}
	}
	v.W.Header().Set("Content-Type", "application/json; charset=utf-8")
	return json.NewEncoder(v.W).Encode(struct {
		Hits []hit `json:"hits"`
	}{hits})
}

// hits puts what was found into words, by kind: the surest first.
func (d *desk) hits(v *page.Visit, text string) ([]hit, triage.Found, error) {
	if text == "" {
		return nil, triage.Found{}, nil
	}
	f, err := d.triage.Search(v.R.Context(), v.Now, v.Who.Actor, text)
	if err != nil {
		return nil, f, err
	}
	out := d.partyHits(v, &f)
	for i := range f.Findings {
		x := &f.Findings[i]
		title := x.Identity.Asset.Value
		if x.Identity.Port > 0 {
			title += fmt.Sprintf(" %d/%s", x.Identity.Port, x.Identity.Transport)
		}
		out = append(out, hit{
			"finding", title, fmt.Sprintf("%s · %s · %s", d.loop.Explain(x).Title.In(string(v.Lang)), v.Lang.Word("state", string(x.State)), v.T("desk.finding.number", int64(x.ID))),
			fmt.Sprintf("/desk/findings/%d", x.ID),
		})
	}
	if f.Notice != nil {
		out = append(out, hit{"notice", string(f.Notice.ID), v.Lang.Word("notice_state", string(f.Notice.State)), "/desk/notices/" + string(f.Notice.ID)})
	}
	if f.Report != "" {
		out = append(out, hit{"report", f.Number, v.T("search.report"), objectLink("report:" + f.Report)})
	}
	if f.Signal != nil {
		out = append(out, hit{"signal", v.T("desk.signal.title", int64(f.Signal.ID)), f.Signal.Name, fmt.Sprintf("/desk/signals/%d", f.Signal.ID)})
	}
	for _, x := range f.Feeds {
		out = append(out, hit{"feed", x.Title, string(x.ID), objectLink("feed:" + string(x.ID))})
	}
	return append(out, pagesLike(v, text)...), f, nil
}

func (d *desk) partyHits(v *page.Visit, f *triage.Found) []hit {
	var out []hit
	at := func(id ident.Party) string { return "/desk/parties/" + url.PathEscape(string(id)) }
	if a := f.Answers; a != nil {
		out = append(out, hit{"party", a.Name, v.T("search.answers", v.Lang.Word("basis", a.Why), a.Of, a.Confidence), at(a.Party)})
	}
	for _, p := range f.Parties {
		if f.Answers == nil || f.Answers.Party != p.ID {
			sub := string(p.ID)
			if p.Matched != "" {
				sub = p.Matched
			}
			out = append(out, hit{"party", p.Name, sub, at(p.ID)})
		}
	}
	return out
}

// pagesLike are the pages of the desk that the visitor may see and whose name holds a text.
func pagesLike(v *page.Visit, text string) []hit {
	var out []hit
	for _, p := range doors {
		if title := v.T(p.key); v.May(p.power) && strings.Contains(strings.ToLower(title), strings.ToLower(text)) {
			out = append(out, hit{"page", title, p.at, p.at})
		}
	}
	return out
}

// objectName is what an object is called in lists of what was opened last.
func objectName(v *page.Visit, object string) string {
	kind, id, _ := strings.Cut(object, ":")
	switch kind {
	case "finding":
		return v.T("desk.finding.number", id)
	case "signal":
		return v.T("desk.signal.title", id)
	}
	return id
}
