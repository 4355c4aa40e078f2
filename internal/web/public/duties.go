package public

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/notice"
	"tocsin/internal/people"
	"tocsin/internal/promise"
	"tocsin/internal/web/page"
)

// dutiesBody is what the program itself does and allows: none of it is typed twice.
type dutiesBody struct {
	Rules    notice.Rules
	Urgent   event.Severity
	Risk     time.Duration // longest that a risk may be accepted
	Fade     time.Duration // without a sighting until a finding is stale
	Proposal time.Duration // that an act waits for a second person
	Kinds    []harmClass
	Two      []string // acts that need two people
	Posts    []postPowers
	Waits    []waiting
}

// waiting is until when the authority sees to what waits for it.
type waiting struct {
	Kind   promise.Kind
	First  bool   // of the table: its severities are the head
	Same   string // what all severities have; empty where they differ
	Within []within
}

type within struct {
	Severity event.Severity
	Text     string
}

// harmClass is one class of the closed list with its types.
type harmClass struct {
	Class string
	Types []string
}

// postPowers is what an office may do.
type postPowers struct {
	Post   string
	Powers []people.Power
}

// fadeAfter is what the loop takes where the operator says nothing.
const fadeAfter = 90 * 24 * time.Hour

func (p *public) duties(v *page.Visit) error {
	r := notice.Rulebook(p.Rules)
	return page.Show(v, "public/duties", v.T("duties.title"), dutiesBody{
		Rules: r, Urgent: r.UrgentFrom, Risk: r.MaxRisk, Fade: cmp.Or(p.Fade, fadeAfter), Proposal: people.ProposalLife,
		Kinds: harms(), Two: twoPeople(), Posts: offices(), Waits: waits(v),
	})
}

// waits puts the table of promises into words.
func waits(v *page.Visit) []waiting {
	var out []waiting
	for _, k := range promise.Kinds {
		w := waiting{Kind: k, First: len(out) == 0}
		for s := event.Critical; s >= event.Low; s-- {
			w.Within = append(w.Within, within{s, spanOf(v, promise.Within(k, s))})
		}
		if !slices.ContainsFunc(w.Within, func(x within) bool { return x.Text != w.Within[0].Text }) {
			w.Same = w.Within[0].Text
		}
		out = append(out, w)
	}
	return out
}

func spanOf(v *page.Visit, s promise.Span) string {
	if s.WorkingDays > 0 {
		return v.Lang.N("working_days", int64(s.WorkingDays))
	}
	return v.Lang.Span(time.Duration(s.Hours) * time.Hour)
}

// harms is the closed list of what a finding can be.
func harms() []harmClass {
	var out []harmClass
	for _, t := range event.Types() {
		c := event.Taxonomy(t)
		if len(out) == 0 || out[len(out)-1].Class != c {
			out = append(out, harmClass{Class: c})
		}
		last := &out[len(out)-1]
		last.Types = append(last.Types, t)
	}
	return out
}

// twoPeople lists the acts that nobody can do alone.
func twoPeople() []string {
	var out []string
	for _, act := range slices.Sorted(maps.Keys(access.Acts)) {
		if access.Acts[act].Two {
			out = append(out, act)
		}
	}
	return out
}

// offices are the posts that the authority begins with, and the one that a party does.
func offices() []postPowers {
	var out []postPowers
	for _, p := range people.AuthorityPosts("", time.Time{}) {
		out = append(out, postPowers{string(p.ID), p.Powers})
	}
	return append(out, postPowers{"party", people.PartyPowers})
}
