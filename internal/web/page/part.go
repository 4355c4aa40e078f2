package page

import (
	"html/template"
	"strings"
	"time"
)

// Field is one field of a form, with what is wrong with it. Its texts are finished: the program takes them from the
// catalogue.
type Field struct {
	Name         string // under which the form sends it; also its id where ID is empty
	ID           string
	Label        string
	Type         string // of an input, or "textarea", "select", "checkbox"; empty is "text"
	Value        string
	Hint         string
	Error        string // what is wrong and what was expected; empty where nothing is
	Required     bool
	Max          int // most characters; 0 = no limit of its own
	Autocomplete string
	Pattern      string // a hint of the form, "192.0.2.0/24"; never the only explanation
	Options      []Option
	Rows         int // of a textarea; 0 is 4
}

// Option is one choice of a select.
type Option struct {
	Value, Label string
	Selected     bool
}

// Key is the id of the field's input.
func (f Field) Key() string {
	if f.ID != "" {
		return f.ID
	}
	return f.Name
}

// Describes lists the ids of what explains the field: its mistake and its hint.
func (f Field) Describes() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.Key()+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.Key()+"-hint")
	}
	return strings.Join(ids, " ")
}

// Kind is the type of the field's input.
func (f Field) Kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

// Height is the rows of a textarea.
func (f Field) Height() int {
	if f.Rows == 0 {
		return 4
	}
	return f.Rows
}

// Pager leads through a list by key: to its beginning and to what follows.
type Pager struct {
	Newest string // address of the first page; empty on the first page
	Older  string // address of the page after; empty on the last
	Shown  int    // rows on this page
	Count  int    // rows in all; 0 where nobody counted
}

// Change is one member of something, before and after.
type Change struct {
	Label, Old, New string
}

// Same reports whether nothing changed.
func (c Change) Same() bool { return c.Old == c.New }

// Clock is one running deadline.
type Clock struct {
	Label, Link     string
	Start, Due, Now time.Time
	Done            bool
}

// Passed is the part of the time that has gone, 0 to 100.
func (c Clock) Passed() int {
	whole := c.Due.Sub(c.Start)
	if whole <= 0 {
		return 100
	}
	return int(min(100, max(0, 100*c.Now.Sub(c.Start)/whole)))
}

// Left is the time until the deadline; negative once it is over.
func (c Clock) Left() time.Duration { return c.Due.Sub(c.Now) }

// Over is the time since the deadline; 0 before it.
func (c Clock) Over() time.Duration { return max(0, -c.Left()) }

// Way says how the clock stands: "done", "late", "soon" (a quarter of the time is left, or less) or "ahead".
func (c Clock) Way() string {
	switch {
	case c.Done:
		return "done"
	case c.Left() <= 0:
		return "late"
	case c.Passed() >= 75:
		return "soon"
	}
	return "ahead"
}

// Receipt is what somebody keeps as proof of what they handed in.
type Receipt struct {
	Title string
	Code  string        // to come back with; shown once
	Text  string        // to keep: signed
	Hint  string        // how to keep it
	QR    template.HTML // drawn by this program; may be empty
}
