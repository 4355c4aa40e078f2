package feed

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/strict"
)

// Pack describes one feed as data: who publishes it, what one row proves, how a row becomes an event. It is read from
// YAML by ParsePack, which refuses unknown keys.
type Pack struct {
	Name     string `yaml:"name"`     // "urlhaus": lower-case letters, digits and hyphens; equal to the file's name
	Version  int    `yaml:"version"`  // from 1; raised with every change of the mapping
	Title    string `yaml:"title"`    // one line for people
	Provider string `yaml:"provider"` // who publishes the feed
	URL      string `yaml:"url"`      // page that documents the feed
	Note     string `yaml:"note"`     // what one row proves, and what it does not
	Terms    string `yaml:"terms"`    // licence or terms of use, one line

	Format string `yaml:"format"` // shadowserver, intelmq, table or list
	Shape  string `yaml:"shape"`  // of format intelmq: lines (default) or array
	Stream string `yaml:"stream"` // what has a rhythm of its own; empty takes Name, or what the format finds out
	Urgent bool   `yaml:"urgent"` // overtakes bulk inventories

	StreamBy []string `yaml:"stream_by"` // of packs that carry many sources: fields of which the first that a record has names its source

	Default map[string]string `yaml:"default"` // event field -> text, where the row itself sets none
	Table   *Table            `yaml:"table"`   // of format table
	List    *List             `yaml:"list"`    // of format list

	AbsenceCycles int    `yaml:"absence_cycles"` // cycles of absence that are evidence of a fix; 0 takes the class's, -1: absence proves nothing here
	Recheck       bool   `yaml:"recheck"`        // its rows answer "is it still there": status offline closes
	Poll          *Poll  `yaml:"poll"`           // where and how often to fetch; nil for feeds that are pushed
	Sample        string `yaml:"sample"`         // file name in samples/ beside the pack
}

// Table says how the cells of a table become fields.
type Table struct {
	Shape     string   `yaml:"shape"`     // csv (default), lines (JSON lines) or array (a JSON array)
	Items     string   `yaml:"items"`     // shape array: path of the array in the document; empty where it is the document
	Delimiter string   `yaml:"delimiter"` // shape csv: one character, "tab", or "space" for runs of blanks; default ","
	Quote     string   `yaml:"quote"`     // shape csv: one character or "none"; default `"`
	Text      string   `yaml:"text"`      // quote none: column whose cell may hold the delimiter, as the name of an AS: a row with more cells is parted from both ends
	Comment   string   `yaml:"comment"`   // shape csv: lines that begin with this are no records; default none
	Header    string   `yaml:"header"`    // shape csv: first (default), comment (the last comment line before the data) or none
	Names     []string `yaml:"names"`     // header none: the columns' names by position
	Columns   []Column `yaml:"columns"`   // the mapping; what it does not name is kept under extra.
	Split     string   `yaml:"split"`     // shapes lines and array: path of a list of assets, each of which makes an event of its own
	Filter    []Filter `yaml:"filter"`    // a record that fails any of them is no event
}

// Column maps one cell to one field. A cell may be mapped several times.
type Column struct {
	Column   string            `yaml:"column"`   // csv: name in the header
	Path     string            `yaml:"path"`     // JSON: names and indexes joined by dots ("address.0.ip")
	Field    string            `yaml:"field"`    // event field; empty keeps the cell under extra.<name>
	Convert  string            `yaml:"convert"`  // name of a conversion; empty takes the field's own rule
	With     string            `yaml:"with"`     // second cell of conversions that join two
	Map      map[string]string `yaml:"map"`      // cell (any case) -> text; "*" is any other; without a hit the cell stays
	When     map[string]string `yaml:"when"`     // other cell -> text it must equal (any case) for this mapping to apply
	Required bool              `yaml:"required"` // without a readable value the record is rejected
}

// Name returns the cell's name: the column or the path.
func (c Column) Name() string {
	if c.Column != "" {
		return c.Column
	}
	return c.Path
}

// Filter keeps the records whose cell is one of Is (if given) and none of Not; text is compared in any case.
type Filter struct {
	Column string   `yaml:"column"` // column or path
	Is     []string `yaml:"is"`
	Not    []string `yaml:"not"`
}

// List says what stands on the lines of a list.
type List struct {
	Kind    string   `yaml:"kind"`    // ip, prefix, domain, url, asn, range, or any (told apart line by line)
	Comment []string `yaml:"comment"` // what begins a comment; default "#", ";" and "//"
	Second  string   `yaml:"second"`  // field of a second column (a count, a reference); empty allows none
	Trailer string   `yaml:"trailer"` // field that takes a comment after the entry; empty takes extra.comment
	Ignore  []string `yaml:"ignore"`  // beginnings of further lines that are no entries (a title, a footer)
}

// Poll says where a feed is fetched and how often. The operator may overrule both.
type Poll struct {
	URL   string        `yaml:"url"`
	Every time.Duration `yaml:"every"` // not shorter than the provider asks for
}

var (
	formats = []string{"shadowserver", "intelmq", "table", "list"}
	shapes  = []string{"", "csv", "lines", "array"}
	headers = []string{"", "first", "comment", "none"}
	kinds   = []string{"ip", "prefix", "domain", "url", "asn", "range", "any"}
)

// ParsePack reads one pack from YAML. The error is Invalid and names line and key; an unknown key comes with the
// nearest known one.
func ParsePack(file string, data []byte) (*Pack, error) {
	var p Pack
	if err := strict.YAML(data, &p); err != nil {
		return nil, fault.New(fault.Invalid, "%s: %v", file, err)
	}
	if err := p.check(); err != nil {
		return nil, fault.New(fault.Invalid, "%s: %v", file, err)
	}
	return &p, nil
}

// StreamName returns the pack's stream: its own, or its name.
func (p *Pack) StreamName() string {
	if p.Stream != "" {
		return p.Stream
	}
	return p.Name
}

func (p *Pack) check() error {
	switch {
	case !plainWord(p.Name):
		return fault.New(fault.Invalid, "name: %q is not a word of lower-case letters, digits and hyphens", p.Name)
	case p.Version < 1:
		return fault.New(fault.Invalid, "version: a whole number from 1 is needed")
	case p.Title == "":
		return fault.New(fault.Invalid, "title: is missing")
	case !slices.Contains(formats, p.Format):
		return fault.New(fault.Invalid, "format: %q is none of %s", p.Format, strings.Join(formats, ", "))
	case (p.Format == "table") != (p.Table != nil):
		return fault.New(fault.Invalid, "table: belongs to format table, and format table needs it")
	case (p.Format == "list") != (p.List != nil):
		return fault.New(fault.Invalid, "list: belongs to format list, and format list needs it")
	case p.Shape != "" && (p.Format != "intelmq" || p.Shape != "lines" && p.Shape != "array"):
		return fault.New(fault.Invalid, "shape: belongs to format intelmq and is lines or array")
	case len(p.StreamBy) > 0 && p.Format != "intelmq" && p.Format != "table":
		return fault.New(fault.Invalid, "stream_by: belongs to the formats intelmq and table")
	case p.AbsenceCycles < -1 || p.AbsenceCycles > 365:
		return fault.New(fault.Invalid, "absence_cycles: %d is not from -1 to 365", p.AbsenceCycles)
	}
	for _, name := range p.StreamBy {
		if _, err := event.FieldOf(name); err != nil {
			return fmt.Errorf("stream_by: %w", err)
		}
	}
	for name, text := range p.Default {
		var e event.Event
		if err := e.Put(name, text); err != nil {
			return fmt.Errorf("default: %w", err)
		}
	}
	if p.Poll != nil {
		if err := p.Poll.check(); err != nil {
			return err
		}
	}
	if p.Table != nil {
		return p.Table.check()
	}
	if p.List != nil {
		return p.List.check()
	}
	return nil
}

func (l *List) check() error {
	if !slices.Contains(kinds, l.Kind) {
		return fault.New(fault.Invalid, "list.kind: %q is none of %s", l.Kind, strings.Join(kinds, ", "))
	}
	for _, field := range []string{l.Second, l.Trailer} {
		if field == "" {
			continue
		}
		if _, err := event.FieldOf(field); err != nil {
			return fmt.Errorf("list: %w", err)
		}
	}
	return nil
}

func (p *Poll) check() error {
	if !strings.HasPrefix(p.URL, "https://") && !strings.HasPrefix(p.URL, "http://") {
		return fault.New(fault.Invalid, "poll.url: %q does not begin with https:// or http://", p.URL)
	}
	if p.Every < time.Minute {
		return fault.New(fault.Invalid, "poll.every: %s is shorter than one minute", p.Every)
	}
	return nil
}

func (t *Table) check() error {
	switch {
	case !slices.Contains(shapes, t.Shape):
		return fault.New(fault.Invalid, "table.shape: %q is none of csv, lines, array", t.Shape)
	case !slices.Contains(headers, t.Header):
		return fault.New(fault.Invalid, "table.header: %q is none of first, comment, none", t.Header)
	case (t.Header == "none") != (len(t.Names) > 0):
		return fault.New(fault.Invalid, "table.names: belongs to header none, and header none needs it")
	case len(t.Columns) == 0:
		return fault.New(fault.Invalid, "table.columns: at least one is needed")
	}
	csv := t.Shape == "" || t.Shape == "csv"
	for i, c := range t.Columns {
		if (c.Column != "") == (c.Path != "") || csv != (c.Column != "") {
			return fault.New(fault.Invalid, "table.columns[%d]: a csv column needs column, a JSON one path", i)
		}
		if c.Field != "" {
			if _, err := event.FieldOf(c.Field); err != nil {
				return fmt.Errorf("table.columns[%d]: %w", i, err)
			}
		}
		if t.Header == "none" && !slices.Contains(t.Names, c.Column) {
			return fault.New(fault.Invalid, "table.columns[%d]: %q is not in table.names", i, c.Column)
		}
	}
	if t.Text != "" && (!csv || t.Quote != "none" || t.Delimiter == "space" || t.Header == "none" && !slices.Contains(t.Names, t.Text)) {
		return fault.New(fault.Invalid, "table.text: %q is no column of a csv table without quotes", t.Text)
	}
	if t.Split != "" && csv {
		return fault.New(fault.Invalid, "table.split: belongs to the shapes lines and array")
	}
	for i, f := range t.Filter {
		if f.Column == "" || len(f.Is)+len(f.Not) == 0 {
			return fault.New(fault.Invalid, "table.filter[%d]: needs column and one of is, not", i)
		}
	}
	return nil
}

func plainWord(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
