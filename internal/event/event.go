// Package event owns one normalised observation: IntelMQ's field names and value rules, the RSIT classes and their
// aliases, and the JSON form. Pure: no I/O, no clock.
package event

import "strings"

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

// clip shortens text that is quoted in notes and messages.
func clip(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
