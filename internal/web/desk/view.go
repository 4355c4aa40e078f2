package desk

import (
	"net/url"
	"strings"

	"tocsin/internal/act/triage"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

// views is what a list shows of saved views, and where it saves itself as one.
type views struct {
	All  []savedView
	Here string // this list's address, to save
}

type savedView struct {
	triage.SavedView
	Mine    bool
	Ends    bool // the visitor may take it away
	Current bool
}

// viewsOf lists the saved views of the lists at path.
func (d *desk) viewsOf(v *page.Visit, path, here string) (views, error) {
	out := views{Here: here}
	all, err := d.triage.Views(v.R.Context(), v.Who.Actor)
	for _, s := range all {
		at, _, _ := strings.Cut(s.Query, "?")
		if at != path {
			continue
		}
		mine := s.Owner == v.Who.String()
		out.All = append(out.All, savedView{s, mine, mine || s.Shared && v.May(people.Triage), s.Query == here})
	}
	return out, err
}

func (d *desk) viewSave(v *page.Visit) error {
	post := v.R.PostForm
	s, err := d.triage.SaveView(v.R.Context(), v.Now, v.Who.Actor, post.Get("name"), post.Get("query"), post.Get("shared") != "")
	if err != nil {
		return err
	}
	return v.Redirect(s.Query, "view_saved")
}

func (d *desk) viewEnd(v *page.Visit) error {
	if err := d.triage.EndView(v.R.Context(), v.Now, v.Who.Actor, v.R.PathValue("id")); err != nil {
		return err
	}
	return back(v, v.R.PostForm.Get("back"), "view_ended", "", "")
}

// What a person opened last is kept in their browser only, as ids: no record of who read what lies on the server.
const (
	recentCookie = "recent"
	recentMost   = 8
	recentFor    = 30 * 24 * 3600 // seconds
)

// remember puts an object ("finding:12") at the head of what the visitor opened last.
func remember(v *page.Visit, object string) {
	kept := []string{object}
	for _, o := range recent(v) {
		if o != object && len(kept) < recentMost {
			kept = append(kept, o)
		}
	}
	v.SetCookie(recentCookie, url.QueryEscape(strings.Join(kept, " ")), recentFor)
}

// recent returns what the visitor opened last, the newest first; nothing that is no object of ours.
func recent(v *page.Visit) []string {
	text, err := url.QueryUnescape(v.Cookie(recentCookie))
	if err != nil {
		return nil
	}
	var out []string
	for o := range strings.FieldsSeq(text) {
		if len(out) < recentMost && len(o) < 80 && objectLink(o) != "" {
			out = append(out, o)
		}
	}
	return out
}
