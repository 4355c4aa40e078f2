package party

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/strict"
)

// csvColumns are the columns of the CSV form, in the order of the export. A row holds the party's id and at most one
// contact, one resource and one system; a row without a party describes a region.
var csvColumns = []string{
	"party", "name", "kind", "sector", "region", "language", "rank",
	"contact_role", "contact_name", "contact_mail", "contact_language", "contact_pgp_key", "contact_for",
	"resource_kind", "resource", "source", "from", "to", "verified",
	"system", "system_kind", "system_asset", "protection", "products",
	"region_code", "region_parent", "region_name_en", "region_name_zh", "region_default", "region_column", "region_row",
}

// csvRow gives a record's cells by the name of their column.
type csvRow struct {
	at    map[string]int
	cells []string
	line  int
}

func (r *csvRow) cell(column string) string {
	i, ok := r.at[column]
	if !ok || i >= len(r.cells) {
		return ""
	}
	return strings.TrimSpace(bare(r.cells[i]))
}

// any reports whether one of the columns has a value.
func (r *csvRow) any(columns ...string) bool {
	return slices.ContainsFunc(columns, func(c string) bool { return r.cell(c) != "" })
}

// bare takes off the apostrophe that guarded puts before cells that a spreadsheet would compute.
func bare(s string) string {
	if len(s) > 1 && s[0] == '\'' && isGuarded(s[1]) {
		return s[1:]
	}
	return s
}

// guarded puts an apostrophe before a cell that a spreadsheet would take for a formula, or bare for guarded.
func guarded(s string) string {
	if s != "" && isGuarded(s[0]) {
		return "'" + s
	}
	return s
}

func isGuarded(c byte) bool { return strings.IndexByte("=+-@\t\r'", c) >= 0 }

func readCSV(r io.Reader, o Options) (Import, error) {
	b, err := whole(r, maxCSVBytes)
	if err != nil {
		return Import{}, err
	}
	comma, b := strict.Delimiter(b)
	in := csv.NewReader(bytes.NewReader(b))
	in.Comma = comma
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return Import{}, fault.New(fault.Invalid, "the file is empty; its first line names the columns: %s, …", strings.Join(csvColumns[:3], ","))
	}
	if err != nil {
		return Import{}, csvError(err)
	}
	d := newDraft(o)
	row := csvRow{at: d.header(head)}
	if len(d.List) > 0 {
		return Import{}, d.err()
	}
	for n := 1; !d.full(); n++ {
		row.cells, err = in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Import{}, csvError(err)
		}
		row.line, _ = in.FieldPos(0)
		if n > maxCSVRows {
			return Import{}, tooLarge(row.line, "more than %d rows; split the file", maxCSVRows)
		}
		if !slices.ContainsFunc(row.cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			continue // spreadsheets write such rows behind the last
		}
		if len(row.cells) > len(head) {
			d.add(row.line, "", "%d cells, but the first line names %d columns", len(row.cells), len(head))
			continue
		}
		d.csvRow(&row)
	}
	return d.finish()
}

func csvError(err error) error {
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return fault.New(fault.Invalid, "line %d, column %d: %s", p.Line, p.Column, p.Err)
	}
	return err
}

// header maps the names of the columns to their places.
func (d *draft) header(head []string) map[string]int {
	at := make(map[string]int, len(head))
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(csvColumns, name) {
			d.add(1, name, "is not a column of this form%s", strict.Hint(name, csvColumns))
			continue
		}
		if _, twice := at[name]; twice {
			d.add(1, name, "is named twice")
		}
		at[name] = i
	}
	_, party := at["party"]
	if _, region := at["region_code"]; !party && !region {
		d.add(1, "party", "is missing; every row names the party it is about")
	}
	return at
}

func (d *draft) csvRow(r *csvRow) {
	id := ident.Party(strings.ToLower(r.cell("party")))
	if id == "" {
		d.csvRegion(r)
		return
	}
	p := d.party(id, r.line)
	d.csvParty(p, r)
	c := d.on(r.line, "")
	if r.any("contact_role", "contact_name", "contact_mail", "contact_language", "contact_pgp_key", "contact_for") {
		d.contact(p, Contact{
			Role: Role(r.cell("contact_role")), Name: r.cell("contact_name"), Mail: r.cell("contact_mail"),
			Language: r.cell("contact_language"), PGPKey: r.cell("contact_pgp_key"), For: r.cell("contact_for"),
		}, r.line, "contact_")
	}
	if r.any("resource_kind", "resource", "source", "from", "to", "verified") {
		d.resource(p, Resource{
			Kind: ResourceKind(r.cell("resource_kind")), Value: r.cell("resource"), Source: r.cell("source"),
			From: readInstant(r.cell("from"), "from", c), To: readInstant(r.cell("to"), "to", c),
			Verified: readInstant(r.cell("verified"), "verified", c),
		}, r.line, "")
	}
	if r.any("system", "system_kind", "system_asset", "protection", "products") {
		var products []string
		if v := r.cell("products"); v != "" {
			products = strings.Split(v, ";")
		}
		d.system(p, systemOf(r.cell("system"), r.cell("system_kind"), r.cell("system_asset"), number(r.cell("protection"), "protection", c), products),
			r.line, "system_")
	}
}

// csvParty takes the columns of the party itself, which may stand in any of its rows and must agree.
func (d *draft) csvParty(p *drafted, r *csvRow) {
	c := d.on(r.line, "")
	for _, f := range []struct {
		column string
		to     *string
	}{{"name", &p.Name}, {"kind", &p.Kind}, {"sector", &p.Sector}, {"region", &p.Region}, {"language", &p.Language}} {
		d.agree(p, r, f.column, f.to)
	}
	rank := ""
	if p.Rank != 0 {
		rank = strconv.Itoa(p.Rank)
	}
	d.agree(p, r, "rank", &rank)
	p.Rank = number(rank, "rank", c)
}

func (d *draft) agree(p *drafted, r *csvRow, column string, to *string) {
	v := r.cell(column)
	switch {
	case v == "":
	case *to == "":
		*to = v
		p.lines[column] = r.line
	case *to != v:
		d.add(r.line, column, "%q, but line %d says %q of party %s", clip(v), p.lines[column], clip(*to), p.ID)
	}
}

func (d *draft) csvRegion(r *csvRow) {
	if r.cell("region_code") == "" {
		d.add(r.line, "party", "is empty; a row names a party or a region_code")
		return
	}
	if r.any(csvColumns[1:24]...) {
		d.add(r.line, "party", "is empty, but the row has more than columns of a region")
		return
	}
	d.region(Region{
		ID: r.cell("region_code"), Parent: r.cell("region_parent"), NameEN: r.cell("region_name_en"),
		NameZH: r.cell("region_name_zh"), Default: ident.Party(r.cell("region_default")), Tile: d.csvTile(r),
	}, r.line)
}

// csvTile reads a place on the grid: both of its cells or none.
func (d *draft) csvTile(r *csvRow) Tile {
	c := d.on(r.line, "")
	t := Tile{number(r.cell("region_column"), "region_column", c), number(r.cell("region_row"), "region_row", c)}
	if t == (Tile{}) && r.any("region_column", "region_row") {
		c("tile", "%s is not a column and a row from 1 to %d", t, MaxTile)
	}
	return t
}

// number reads a whole number; the empty text is 0.
func number(s, field string, c complain) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		c(field, "%q is not a whole number", clip(s))
	}
	return n
}
