// Package table reads tables by the mapping of a pack: CSV and its kin, JSON lines, and arrays in a JSON document. It
// owns the finding of headers and the reading of JSON by path; mapping and conversions are package feed's.
package table

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/strict"
)

// Format reads tables.
type Format struct{}

// Cut implements feed.Format.
func (Format) Cut(pack *feed.Pack) feed.Cut {
	t := pack.Table
	switch t.Shape {
	case "lines":
		return feed.Cut{Shape: feed.Lines}
	case "array":
		return feed.Cut{Shape: feed.JSONArray, Items: t.Items}
	}
	cut := feed.Cut{Shape: feed.CSV, Comment: t.Comment, Delimiter: ',', Quote: '"'}
	switch {
	case t.Delimiter == "tab":
		cut.Delimiter = '\t'
	case t.Delimiter == "space":
		cut.Delimiter, cut.Runs = ' ', true
	case t.Delimiter != "":
		cut.Delimiter = t.Delimiter[0]
	}
	switch {
	case t.Quote == "none" || cut.Runs:
		cut.Quote = feed.NoQuote
	case t.Quote != "":
		cut.Quote = t.Quote[0]
	}
	return cut
}

// Open implements feed.Format.
func (f Format) Open(pack *feed.Pack, name string, head []byte, opts feed.Options) (feed.Opened, error) {
	cut := f.Cut(pack)
	if cut.Shape != feed.CSV {
		return openJSON(pack, head, opts)
	}
	said, delimiter := 0, byte(0)
	if first := feed.Lead(cut, head, 1); len(first) > 0 {
		if by, ok := strict.Separator(first[0].Bytes); ok {
			said, delimiter, cut.Delimiter, cut.Runs = 1, by, by, false
		}
	}
	columns, consumed, err := header(pack.Table, cut, head, said)
	if err != nil {
		return feed.Opened{}, fmt.Errorf("%s: %w", name, err)
	}
	mapping, drift, err := feed.NewMapping(plan(pack, columns, opts))
	if err != nil {
		return feed.Opened{}, fmt.Errorf("pack %s: %w", pack.Name, err)
	}
	return feed.Opened{
		Stream: pack.StreamName(), Decoder: mapping.Decoder(cut), Drift: drift, Columns: columns, Mapping: mapping.Lines(),
		Absence: pack.AbsenceCycles, Header: said + consumed, Delimit: delimiter, Sourced: mapping.Sourced(),
	}, nil
}

// header returns the columns' names and how many records it took up behind those that went before it.
func header(t *feed.Table, cut feed.Cut, head []byte, before int) ([]string, int, error) {
	switch t.Header {
	case "none":
		return t.Names, 0, nil
	case "comment":
		line := lastComment(t.Comment, head)
		if line == nil {
			return nil, 0, fault.New(fault.Invalid, "no comment before the data holds the header")
		}
		columns, err := feed.Header(cut, line)
		return columns, 0, err
	}
	lead := feed.Lead(cut, head, before+1)
	if len(lead) <= before {
		return nil, 0, fault.New(fault.Invalid, "holds no header")
	}
	columns, err := feed.Header(cut, lead[before].Bytes)
	return columns, 1, err
}

// lastComment returns the last comment line before the first line of data, without its mark.
func lastComment(mark string, head []byte) []byte {
	var last []byte
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		rest, ok := bytes.CutPrefix(line, []byte(mark))
		if !ok || mark == "" {
			break
		}
		if rest = bytes.TrimSpace(rest); len(rest) > 0 && len(bytes.Trim(rest, "#-=*")) > 0 {
			last = rest
		}
	}
	return last
}

// plan makes the plan of a pack's mapping for these columns.
func plan(pack *feed.Pack, columns []string, opts feed.Options) feed.Plan {
	p := feed.Plan{
		Columns: columns, Filter: pack.Table.Filter, Recheck: pack.Recheck, Key: opts.Key, StreamBy: pack.StreamBy, Text: pack.Table.Text,
		Default: map[string]string{"feed.name": pack.Title, "feed.provider": pack.Provider},
	}
	for _, c := range pack.Table.Columns {
		if slices.Contains(pack.StreamBy, c.Field) && slices.Contains(columns, c.Name()) {
			delete(p.Default, c.Field) // a record that does not name its source gets none
		}
	}
	maps.Copy(p.Default, pack.Default)
	for _, c := range pack.Table.Columns {
		field := c.Field
		if field == "" {
			field = "extra." + c.Name()
		}
		p.Rules = append(p.Rules, feed.Rule{
			Field: field, Column: c.Name(), With: c.With, Convert: c.Convert, Map: c.Map, When: c.When, Required: c.Required,
		})
	}
	if pack.Table.Shape == "lines" || pack.Table.Shape == "array" {
		p.Rules = append(p.Rules, marks(pack.Table)...)
	}
	return p
}

// marks are the rules of a JSON record's members that are called as the protocols of marks are: they count even where the
// pack does not name them, as such columns of a CSV file do.
func marks(t *feed.Table) []feed.Rule {
	var out []feed.Rule
	for _, path := range []string{"tlp", "TLP", "pap", "PAP"} {
		if !slices.ContainsFunc(t.Columns, func(c feed.Column) bool { return c.Path == path }) {
			out = append(out, feed.Rule{Field: feed.MarkField(path), Column: path})
		}
	}
	return out
}

// paths lists what a JSON mapping reads, each once.
func paths(t *feed.Table) []string {
	var out []string
	add := func(p string) {
		if p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, c := range t.Columns {
		add(c.Path)
		add(c.With)
		for _, w := range slices.Sorted(maps.Keys(c.When)) {
			add(w)
		}
	}
	for _, f := range t.Filter {
		add(f.Column)
	}
	for _, r := range marks(t) {
		add(r.Column)
	}
	return out
}

// segments parts a path into names and indexes: "address.0.ip" and "address[0].ip" are the same.
func segments(path string) []string {
	return strings.Split(strings.NewReplacer("[", ".", "]", "").Replace(path), ".")
}
