package feed

import (
	"strings"
	"unicode"

	"tocsin/internal/event"
	"tocsin/internal/finding"
)

// RowOf returns the row of a whole event, for formats and records that have no shorter way to it. Gone needs a pack
// that re-checks; streamBy is the pack's. The error is a *Reject.
func RowOf(e event.Event, recheck bool, streamBy []string) (Row, error) {
	id, err := finding.Identify(e)
	if err != nil {
		return Row{}, &Reject{Reason: err.Error()}
	}
	row := Row{
		Key: id.Key(), Gone: recheck && strings.EqualFold(e.Text("status"), "offline"), Source: SourceOf(e, streamBy), Mark: e.Mark(),
	}
	if m, ok := event.ParseMoment(e.Text("time.source")); ok {
		row.At = m.Micros
	}
	row.Severity, _ = event.ParseSeverity(e.Text("severity"))
	return row, nil
}

// Bounds of the sources of one feed.
const (
	MaxSources    = 1000 // streams that a feed may have; what comes beyond them is one mixture
	MaxSourceText = 200  // bytes of a source's name; a longer one, or one with control characters, counts as none
)

// SourceOf returns the first of the fields that an event has; empty where it has none that can name a stream.
func SourceOf(e event.Event, fields []string) string {
	for _, f := range fields {
		if t := e.Text(f); t != "" {
			return sourceText(t)
		}
	}
	return ""
}

func sourceText(t string) string {
	if len(t) > MaxSourceText || strings.ContainsFunc(t, unicode.IsControl) {
		return ""
	}
	return t
}
