package desk

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/situation"
	"tocsin/internal/web/page"
)

// filter is the list of findings as its address says it. Every member but States is kept as typed, so that a form
// shows it again.
type filter struct {
	State    string // "live" (also ""), "all", or a state
	Severity string
	Class    string
	Party    string // an id, or "none" for orphans
	Region   string
	Feed     string // "feed" or "feed/stream"
	Asset    string
	Text     string
	Exactly  string // a severity, or "none": that of findings whose feed gives none
	Sector   string // or "none"
	Stage    string // of the funnel
	Since    string // a UTC day: made on it or later
	Until    string // a UTC day: made on it or before
	Ended    string // a UTC day: in the state that they are in since it or later
}

const (
	anyState  = "all"
	liveState = "live"
	nobody    = "none"
)

// maxTyped bounds what a person may type into one field of the filter, in bytes.
const maxTyped = 500

// parseFilter reads the filter from an address; fault.Invalid names the field that cannot be read.
func parseFilter(q url.Values) (filter, loop.FindingQuery, error) {
	f := filter{
		State: word(q, "state"), Severity: word(q, "severity"), Class: word(q, "class"), Party: word(q, "party"),
		Region: word(q, "region"), Feed: word(q, "feed"), Asset: word(q, "asset"), Text: word(q, "text"),
		Exactly: word(q, "exactly"), Sector: word(q, "sector"), Stage: word(q, "stage"), Since: word(q, "since"), Until: word(q, "until"),
		Ended: word(q, "ended"),
	}
	if f.State == "" {
		f.State = liveState
	}
	out := loop.FindingQuery{Class: f.Class, Region: f.Region, Sector: f.Sector, Asset: f.Asset, Text: f.Text}
	switch s := finding.State(f.State); {
	case f.State == liveState:
		out.States = loop.LiveStates
	case f.State == anyState:
	case known(s):
		out.States = []finding.State{s}
	default:
		return f, out, fault.New(fault.Invalid, "state: %q is not a state of a finding", f.State)
	}
	if f.Severity != "" {
		s, ok := event.ParseSeverity(f.Severity)
		if !ok {
			return f, out, fault.New(fault.Invalid, "severity: %q is not info, low, medium, high or critical", f.Severity)
		}
		out.Severity = s
	}
	if out.Orphans = f.Party == nobody; !out.Orphans {
		out.Party = ident.Party(f.Party)
	}
	id, stream, _ := strings.Cut(f.Feed, "/")
	out.Feed, out.Stream = ident.Feed(id), stream
	return f, out, f.counted(&out)
}

// partyOf reads the party of a filter, which people may name instead of giving its id, and returns its name.
func (d *desk) partyOf(v *page.Visit, f *filter, q *loop.FindingQuery) (string, error) {
	if f.Party == "" || f.Party == nobody {
		return "", nil
	}
	p, err := d.called(v, f.Party)
	if err != nil {
		return "", err
	}
	f.Party, q.Party = string(p.ID), p.ID
	return p.Name, nil
}

// counted reads what the numbers of the situation ask for; fault.Invalid names the field that cannot be read.
func (f filter) counted(out *loop.FindingQuery) error {
	out.Sector = f.Sector
	if f.Exactly != "" {
		s, ok := event.ParseSeverity(f.Exactly)
		if !ok && f.Exactly != nobody {
			return fault.New(fault.Invalid, "exactly: %q is not a severity or none", f.Exactly)
		}
		out.Severities = []event.Severity{s}
	}
	if f.Stage != "" {
		s, ok := situation.ParseStage(f.Stage)
		if !ok {
			return fault.New(fault.Invalid, "stage: %q is not a stage of the funnel", f.Stage)
		}
		out.Stage = s
	}
	day := func(name, text string, add int, to *time.Time) error {
		if text == "" {
			return nil
		}
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return fault.New(fault.Invalid, "%s: %q is not a day as 2006-01-02", name, text)
		}
		*to = t.AddDate(0, 0, add)
		return nil
	}
	if err := day("since", f.Since, 0, &out.Since); err != nil {
		return err
	}
	if err := day("ended", f.Ended, 0, &out.Ended); err != nil {
		return err
	}
	return day("until", f.Until, 1, &out.Until)
}

func known(s finding.State) bool {
	return slices.Contains(finding.States, s)
}

// word returns what was typed into a field: without control characters, bounded, and without space around it.
func word(q url.Values, name string) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(q.Get(name), ""))
	if len(s) > maxTyped {
		s = strings.ToValidUTF8(s[:maxTyped], "")
	}
	return strings.TrimSpace(s)
}

// Query returns the filter as the query of an address, without a page; parseFilter is its inverse.
func (f filter) Query() string { return f.values().Encode() }

func (f filter) values() url.Values {
	q := url.Values{}
	for _, p := range f.fields() {
		if p[1] != "" {
			q.Set(p[0], p[1])
		}
	}
	return q
}

// At returns the address of path with the filter. Templates take addresses whole: put together in an attribute, the
// query would be escaped twice.
func (f filter) At(path string) string { return path + "?" + f.Query() }

// Older returns the address of the page that follows the finding before.
func (f filter) Older(before ident.Finding) string {
	return fmt.Sprintf("/desk/findings?%s&before=%d", f.Query(), before)
}
