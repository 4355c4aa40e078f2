package party

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Format names a form in which parties come in and go out.
type Format string

// Formats. docs/operator/parties.md describes each.
const (
	CSV  Format = "csv"
	YAML Format = "yaml"
	RPSL Format = "rpsl" // text of RIPE-style registries: inetnum, inet6num, aut-num, route, organisation, role, …
)

// Formats lists the formats.
var Formats = []Format{CSV, YAML, RPSL}

// FormatOf tells the format from a file's name; false where the name says nothing.
func FormatOf(name string) (Format, bool) {
	name = strings.ToLower(name)
	for _, s := range []struct {
		suffix string
		format Format
	}{
		{".csv", CSV},
		{".tsv", CSV},
		{".yaml", YAML},
		{".yml", YAML},
		{".rpsl", RPSL},
		{".inetnum", RPSL},
		{".inet6num", RPSL},
		{".db", RPSL},
		{".txt", RPSL},
	} {
		if strings.HasSuffix(name, s.suffix) {
			return s.format, true
		}
	}
	return "", false
}

// Limits of one import. Beyond one the whole input is refused with fault.TooLarge.
const (
	maxCSVBytes    = 64 << 20
	maxCSVRows     = 1_000_000
	maxYAMLBytes   = 16 << 20
	maxRPSLBytes   = 512 << 20
	maxRPSLLine    = 64 << 10
	maxRPSLObjects = 2_000_000
	maxRPSLObject  = 10_000 // attributes
)

// Options say how to read what the input leaves open.
type Options struct {
	Source  string                 // of resources that name none; "import" where empty. RPSL is always Registry
	Regions []Region               // that exist; RPSL takes a country for the party's region only if it is one of them
	Aliases map[string]ident.Party // RPSL: organisation handles or netnames, in any case, of parties that go by another id here
}

// Import is what an input says, in canonical spelling and checked as far as it can be on its own. What the input left
// open is empty; Merge fills it from the register or with defaults.
type Import struct {
	Parties []Party
	Regions []Region
	Notes   []Problem // what was left out, and why; at most 100
}

// Read reads parties. Nothing is taken over half: either the whole input is good, or the error is Problems with every
// problem (the first 100) by line and field. An input beyond the limits of its format is refused with fault.TooLarge.
func Read(f Format, r io.Reader, o Options) (Import, error) {
	if o.Source == "" {
		o.Source = "import"
	}
	switch f {
	case CSV:
		return readCSV(r, o)
	case YAML:
		return readYAML(r, o)
	case RPSL:
		return readRPSL(r, o)
	}
	return Import{}, fault.New(fault.Invalid, "%q is not one of csv, yaml, rpsl", clip(string(f)))
}

// whole reads at most limit bytes of UTF-8 text without its byte order mark.
func whole(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read parties: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, tooLarge(0, "the file is larger than %d bytes; split it", limit)
	}
	if err := notText(b); err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(b, []byte("\ufeff")), nil
}

// notText says why b cannot be UTF-8 text.
func notText(b []byte) error {
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return fault.New(fault.Invalid, "the file is UTF-16; save it as UTF-8")
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return fault.New(fault.Invalid, "the file has a zero byte at offset %d; it is not text", i)
	}
	for line := 1; len(b) > 0; line++ {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			i = len(b) - 1
		}
		if !utf8.Valid(b[:i+1]) {
			return fault.New(fault.Invalid, "line %d is not UTF-8; save the file as UTF-8", line)
		}
		b = b[i+1:]
	}
	return nil
}

// draft gathers what an input says, with the lines it said it on.
type draft struct {
	Problems
	source  string
	order   []*drafted
	byID    map[ident.Party]*drafted
	regions []Region
	codes   map[string]int // region -> line
	tiles   map[Tile]string
	notes   Problems
}

type drafted struct {
	Party
	line  int
	lines map[string]int // party column -> line that set it
}

func newDraft(o Options) *draft {
	return &draft{source: o.Source, byID: map[ident.Party]*drafted{}, codes: map[string]int{}, tiles: map[Tile]string{}}
}

// on returns the complain for a line.
func (d *draft) on(line int, path string) complain {
	return func(field, format string, args ...any) { d.add(line, path+field, format, args...) }
}

// party returns the draft of id, made on first sight.
func (d *draft) party(id ident.Party, line int) *drafted {
	if p, ok := d.byID[id]; ok {
		return p
	}
	p := &drafted{Party: Party{ID: id}, line: line, lines: map[string]int{}}
	d.byID[id] = p
	d.order = append(d.order, p)
	return p
}

func (d *draft) contact(p *drafted, k Contact, line int, path string) {
	k.canonical(d.on(line, path))
	for i := range p.Contacts {
		o := &p.Contacts[i]
		if !o.Same(k) {
			continue
		}
		for _, f := range []struct {
			field     string
			have, new *string
		}{{"name", &o.Name, &k.Name}, {"language", &o.Language, &k.Language}, {"pgp_key", &o.PGPKey, &k.PGPKey}} {
			if *f.have != "" && *f.new != "" && *f.have != *f.new {
				d.add(line, path+f.field, "%s contact %s of party %s has another %s further up", k.Role, k.Mail, p.ID, f.field)
			}
			if *f.have == "" {
				*f.have = *f.new
			}
		}
		return
	}
	p.Contacts = append(p.Contacts, k)
}

func (d *draft) resource(p *drafted, r Resource, line int, path string) Resource {
	r.canonical(d.source, d.on(line, path))
	p.Resources = append(p.Resources, r)
	return r
}

func (d *draft) system(p *drafted, s System, line int, path string) {
	s.canonical(d.on(line, path))
	for _, o := range p.Systems {
		if o.Name == s.Name && o.Asset == s.Asset && o.Protection == s.Protection && slices.Equal(o.Products, s.Products) {
			return
		}
	}
	p.Systems = append(p.Systems, s)
}

func (d *draft) region(g Region, line int) {
	g.canonical(d.on(line, ""))
	if first, twice := d.codes[g.ID]; twice {
		d.add(line, "region", "%s stands on line %d already", g.ID, first)
		return
	}
	d.codes[g.ID] = line
	if other, taken := d.tiles[g.Tile]; taken && g.Tile != (Tile{}) {
		d.add(line, "tile", "%s is that of region %s on line %d already", g.Tile, other, d.codes[other])
	}
	d.tiles[g.Tile] = g.ID
	d.regions = append(d.regions, g)
}

// finish checks each party as a whole and returns the import.
func (d *draft) finish() (Import, error) {
	out := Import{Regions: d.regions, Notes: d.notes.List}
	for _, p := range d.order {
		p.canonical(d.on(p.line, ""))
		p.Resources = dropTwins(p.Resources)
		p.unique(d.on(p.line, ""))
		out.Parties = append(out.Parties, p.Party)
	}
	if len(out.Parties) == 0 && len(out.Regions) == 0 && len(d.List) == 0 {
		d.add(0, "", "no party and no region in the file")
	}
	if err := d.err(); err != nil {
		return Import{}, err
	}
	return out, nil
}

// dropTwins leaves one of each set of resources that are the same in everything.
func dropTwins(rs []Resource) []Resource {
	seen := make(map[Resource]bool, len(rs))
	return slices.DeleteFunc(rs, func(r Resource) bool {
		twin := seen[r]
		seen[r] = true
		return twin
	})
}

// readInstant reads "2026-03-01" (the beginning of that day, UTC) or RFC 3339; the empty text is the zero time.
func readInstant(s, field string, c complain) time.Time {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	c(field, "%q is not a date such as 2026-03-01 or an instant such as 2026-03-01T12:00:00Z", clip(s))
	return time.Time{}
}

// writeInstant is the inverse of readInstant.
func writeInstant(t time.Time) string {
	t = t.UTC()
	switch {
	case t.IsZero():
		return ""
	case t.Truncate(24 * time.Hour).Equal(t):
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339Nano)
}

func systemOf(name, kind, value string, protection int, products []string) System {
	return System{
		Name: name, Asset: asset.Asset{Kind: asset.Kind(strings.ToLower(strings.TrimSpace(kind))), Value: value},
		Protection: protection, Products: products,
	}
}
