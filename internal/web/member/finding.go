package member

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

// step is one step of a finding as its party reads it: who of the authority took it, and which sources said so, stays
// with the authority.
type step struct {
	At       time.Time
	To       finding.State
	Trigger  finding.Trigger
	Kind     string // of the actor: "party", "person", "software"
	Reason   string // in the party's own words
	Recheck  bool   // evidence: somebody looked again
	Absence  bool   // evidence: the sources that covered it no longer see it
	Sources  int
	Horizon  time.Time
	SeenWhen time.Time
}

type findingBody struct {
	loop.FindingRow
	Problem problem
	Steps   []step
	Sources int // streams that saw it
	Seen    loop.Sightings
	Told    []loop.NoticeRow
	Own     bool
	Open    bool // it takes an answer
	Form    form
	Outcome outcome
}

func (m *member) finding(v *page.Visit) error {
	n, err := strconv.ParseInt(v.R.PathValue("id"), 10, 64)
	if err != nil || n <= 0 {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	d, err := m.Loop.FindingByID(v.R.Context(), v.Now, v.Who.Actor, ident.Finding(n))
	if err != nil {
		return err
	}
	b := findingBody{FindingRow: d.FindingRow, Sources: len(d.Sightings), Seen: d.Single, Own: d.Party == v.Who.Party}
	b.Outcome = readOutcome(v.R.URL.Query())
	b.Open = b.Own && answerable(d.State) && v.May(people.Answer)
	it := notice.Item{ID: d.ID, Identity: d.Identity, Class: d.Explain, Severity: d.Severity, State: d.State, First: d.First, Last: d.Last, Count: d.Count}
	b.Problem = problems([]notice.Item{it}, string(v.Lang), b.Outcome, map[ident.Finding]bool{d.ID: true})[0]
	for _, h := range slices.Backward(d.History) {
		b.Steps = append(b.Steps, stepOf(h, v.Who.Party))
	}
	for _, n := range slices.Backward(d.Notices) {
		if n.Party == v.Who.Party {
			b.Told = append(b.Told, n)
		}
	}
	b.Form = newForm(v, exposurePage+"?"+url.Values{"by": {"problem"}}.Encode(), 1)
	b.Form.Single, b.Form.All = d.ID, false
	return page.Show(v, "member/finding", v.T("member.finding.title", d.Identity.Asset.Value), b)
}

func stepOf(h loop.HistoryRow, of ident.Party) step {
	kind, _, _ := strings.Cut(h.Actor, ":")
	s := step{At: h.At, To: h.To, Trigger: h.Trigger, Kind: kind}
	if h.Actor == "party:"+string(of) {
		s.Reason = h.Reason
	}
	if h.Proof != nil {
		s.Horizon, s.Sources = h.Proof.Horizon, len(h.Proof.Streams)
		s.Recheck, s.Absence = h.Proof.Kind == finding.ByRecheck, h.Proof.Kind == finding.ByAbsence
	}
	return s
}
