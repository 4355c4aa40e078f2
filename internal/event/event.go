// Package event owns one normalised observation: IntelMQ's field names and value rules, the RSIT classes and their
// aliases, and the JSON form. Pure: no I/O, no clock.
package event

import (
	"strings"

	"tocsin/internal/marking"
)

// Event is one observation. Fields maps IntelMQ harmonisation names ("source.ip") and "extra.…" names to canonical
// values: string, int64, float64, bool, or under extra. any JSON value. A cell that could not be read has no field but
// a note: nothing is invented and nothing dropped.
type Event struct {
	Fields map[string]any
	Notes  []Note
}

// Note says that a value was not taken over as it came: the field, what stood there (clipped, and never a secret),
// and why.
type Note struct {
	Field  string `json:"field"`
	Raw    string `json:"raw"`
	Reason string `json:"reason"`
}

// Text returns the string field name, or "".
func (e *Event) Text(name string) string {
	s, _ := e.Fields[name].(string)
	return s
}

// Int returns the integer field name, or 0.
func (e *Event) Int(name string) int64 {
	n, _ := e.Fields[name].(int64)
	return n
}

// Note appends a note.
func (e *Event) Note(field, raw, reason string) {
	e.Notes = append(e.Notes, Note{Field: field, Raw: clip(raw), Reason: reason})
}

// Unread notes that a value could not be read by its field's rule. A mark that cannot be read is AMBER all the same: the
// source wanted some limit.
func (e *Event) Unread(field, raw, reason string) {
	if _, given := e.Fields[field]; !given && (field == "tlp" || field == "extra.pap") {
		e.store(field, marking.Amber.Name())
	}
	e.Note(field, raw, reason)
}

// Mark returns the marks that the source gave the event; none are the least strict.
func (e *Event) Mark() marking.Mark {
	m, _ := marking.Source(e.Text("tlp"), e.Text("extra.pap"))
	return m
}

// clip shortens text that is quoted in notes and messages.
func clip(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
