package desk

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
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
	}
	if f.State == "" {
		f.State = liveState
	}
	out := loop.FindingQuery{Class: f.Class, Region: f.Region, Asset: f.Asset, Text: f.Text}
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
	return f, out, nil
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
func (f filter) Query() string {
	q := url.Values{}
	for _, p := range [][2]string{
		{"state", f.State},
		{"severity", f.Severity},
		{"class", f.Class},
		{"party", f.Party},
		{"region", f.Region},
		{"feed", f.Feed},
		{"asset", f.Asset},
		{"text", f.Text},
	} {
		if p[1] != "" {
			q.Set(p[0], p[1])
		}
	}
	return q.Encode()
}

// At returns the address of path with the filter. Templates take addresses whole: put together in an attribute, the
// query would be escaped twice.
func (f filter) At(path string) string { return path + "?" + f.Query() }

// Older returns the address of the page that follows the finding before.
func (f filter) Older(before ident.Finding) string {
	return fmt.Sprintf("/desk/findings?%s&before=%d", f.Query(), before)
}
