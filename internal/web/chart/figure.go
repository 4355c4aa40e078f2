// Package chart owns the drawings of numbers: SVG made on the server, with classes for every colour, a title, a
// description, a table that says the same, and a file of the same cells.
//
// It knows no request and no store: whoever shows a chart brings the numbers, already cut to what the reader may see.
// Each chart is drawn once per width of its surroundings, and the sheet shows the drawing that fits.
package chart

import (
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"strings"

	"tocsin/internal/lang"
)

// Figure is a finished chart, for the partial "chart".
type Figure struct {
	ID          string // of the element, unique on its page
	Title       string
	Description string        // one sentence that says what to see
	SVG         template.HTML // made by this package only; empty where there is nothing to draw
	Legend      []Entry       // of the series, in the order they are drawn; empty for one series
	Head        []string      // of the table that says the same
	Rows        [][]Cell
	CSV         string // address of the same cells as a file; may be empty
	Note        string // on method; may be empty
	Empty       string // why there is nothing to draw; empty where there is
	Quiet       bool   // the title is not shown, as the page's heading says the same
	Full        bool   // drawn for the whole width of a page
	recent      bool   // the last rows matter most: a long table is cut at its head
}

// Cell is one cell of the table twin.
type Cell struct {
	Text string
	Raw  string // what a file says in its place: a number without grouping, a date in ISO 8601; Text where empty
	Link string // to the list that it counts; may be empty
	Num  bool   // to be aligned as a number
}

// Entry is one line of a legend.
type Entry struct {
	Text, Link string
	Mark       template.HTML // the series' colour, dash, marker or texture
}

// About is what every chart says of itself. Texts are finished, in the language of the reader.
type About struct {
	Lang        lang.Language
	ID          string // unique on the page; letters, digits and hyphens
	Title       string
	Description string
	CSV         string // address of WriteCSV's file; may be empty
	Note        string // on method; may be empty
	Empty       string // what will appear here and why it is empty; a general sentence where empty
	Quiet       bool   // the page's heading says the title already
	Full        bool   // draw for the whole width of a page as well
	Unit        Unit   // of the values
}

// How many rows of a table twin a page carries: few where a file has all of them.
const (
	shownRows = 20
	mostRows  = 400 // where there is no file
)

func (f Figure) limit() int {
	if f.CSV == "" {
		return mostRows
	}
	return shownRows
}

// Shown are the rows that a page shows.
func (f Figure) Shown() [][]Cell {
	if f.Cut() == 0 {
		return f.Rows
	}
	if f.recent {
		return f.Rows[f.Cut():]
	}
	return f.Rows[:f.limit()]
}

// Cut is how many rows a page leaves out.
func (f Figure) Cut() int { return max(len(f.Rows)-f.limit(), 0) }

// WriteCSV writes the table twin as RFC 4180 with a header. Cells that a spreadsheet would run begin with an
// apostrophe.
func (f Figure) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	head := make([]string, len(f.Head))
	for i, h := range f.Head {
		head[i] = safe(h)
	}
	if err := out.Write(head); err != nil {
		return fmt.Errorf("write chart %s: %w", f.ID, err)
	}
	for _, row := range f.Rows {
		record := make([]string, len(row))
		for i, c := range row {
			record[i] = c.raw()
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("write chart %s: %w", f.ID, err)
		}
	}
	out.Flush()
	return out.Error()
}

func (c Cell) raw() string {
	switch {
	case c.Num:
		return c.Raw // made by this package: a negative number stays a number
	case c.Raw != "":
		return safe(c.Raw)
	}
	return safe(c.Text)
}

// safe keeps a spreadsheet from running text that somebody chose.
func safe(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// figure begins a figure from what is said of it.
func (a About) figure(head ...string) Figure {
	return Figure{
		ID: identifier(a.ID), Title: tidy(a.Title), Description: tidy(a.Description), CSV: local(a.CSV), Note: tidy(a.Note), Quiet: a.Quiet,
		Full: a.Full, Head: head,
	}
}

// nothing ends a figure that has nothing to draw.
func (a About) nothing(f Figure) Figure {
	f.Empty = a.Empty
	if f.Empty == "" {
		f.Empty = a.Lang.T("chart.empty")
	}
	return f
}

// identifier leaves of an id what an HTML id and a reference in SVG may hold.
func identifier(id string) string {
	id = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '-'
	}, id)
	if id == "" {
		return "chart"
	}
	return id
}
