// Package shadowserver reads Shadowserver's reports: CSV files whose columns mean what a published schema says. It owns
// the schema's two forms, the finding of a report's type, and nothing of the conversions, which package feed has.
package shadowserver

import (
	_ "embed"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
)

//go:embed reports.txt
var table []byte

var (
	current atomic.Pointer[Schema]
	shipped = sync.OnceValues(func() (*Schema, error) { return ReadSchema(table, nil) })
)

// Use makes s the schema of every part opened from now on; nil is the shipped one. Parts already open keep theirs.
func Use(s *Schema) { current.Store(s) }

// Current returns the schema in use.
func Current() (*Schema, error) {
	if s := current.Load(); s != nil {
		return s, nil
	}
	return shipped()
}

// Format reads Shadowserver's reports by the schema in use.
type Format struct{}

// Cut implements feed.Format.
func (Format) Cut(*feed.Pack) feed.Cut { return feed.Cut{} }

// Open implements feed.Format. The report type is taken from the file name, else from the pack's stream, else from the
// columns.
func (f Format) Open(pack *feed.Pack, name string, head []byte, opts feed.Options) (feed.Opened, error) {
	schema, err := Current()
	if err != nil {
		return feed.Opened{}, err
	}
	lead := feed.Lead(f.Cut(pack), head, 2)
	if len(lead) == 0 {
		return feed.Opened{}, fault.New(fault.Invalid, "%s holds no header", name)
	}
	columns, err := feed.Header(f.Cut(pack), lead[0].Bytes)
	if err != nil {
		return feed.Opened{}, err
	}
	report, part := schema.named(name)
	if report == nil {
		report = schema.Report(pack.Stream)
	}
	if report == nil {
		if report, err = schema.fitting(columns, lead[1:]); err != nil {
			return feed.Opened{}, err
		}
	}
	mapping, drift, err := feed.NewMapping(plan(pack, report, columns, opts))
	if err != nil {
		return feed.Opened{}, fault.New(fault.Invalid, "report %s: %v", report.File, err)
	}
	return feed.Opened{
		Stream: report.File, Part: part, Decoder: mapping.Decoder(f.Cut(pack)), Drift: drift, Columns: columns, Mapping: mapping.Lines(),
		Absence: pack.AbsenceCycles, Header: 1,
	}, nil
}

func plan(pack *feed.Pack, r *Report, columns []string, opts feed.Options) feed.Plan {
	constant := map[string]string{"feed.name": r.Name, "feed.provider": "Shadowserver"}
	if r.URL != "" {
		constant["feed.documentation"] = r.URL
	}
	maps.Copy(constant, r.Constant)
	return feed.Plan{
		Columns: columns, Rules: r.Rules, Constant: constant, Default: pack.Default, Severity: r.Severity,
		Recheck: pack.Recheck, Key: opts.Key,
	}
}

// named returns the report type that a file name tells, and what follows it but for dates: "2026-11-20-scan_http-xx.csv"
// is part xx of scan_http, in any folder and packing.
func (s *Schema) named(name string) (*Report, string) {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	for _, ext := range []string{".zst", ".gz", ".zip", ".csv", ".txt"} {
		name = strings.TrimSuffix(name, ext)
	}
	rest := name
	for word := range strings.FieldsFuncSeq(name, between) {
		at := strings.Index(rest, word) + len(word)
		rest = rest[at:]
		if r := s.byName[word]; r != nil {
			return r, partOf(rest)
		}
	}
	return nil, ""
}

func between(r rune) bool { return r == '-' || r == '.' || r == ' ' }

var dates = regexp.MustCompile(`(^|[-. _])(19|20)\d\d[-_]?[01]\d[-_]?[0-3]\d([-_T ]?\d\d[-_:]?\d\d([-_:]?\d\d)?Z?)?($|[-. _])`)

// maxPart is how long the name of a part may be; a longer one is cut at its start, so that parts stay apart.
const maxPart = 100

// partOf makes the name of a part from what follows the report type in a file name.
func partOf(rest string) string {
	for {
		without := dates.ReplaceAllString(rest, "-")
		if without == rest {
			break
		}
		rest = without
	}
	rest = event.Clean(strings.TrimFunc(rest, between))
	return strings.ToValidUTF8(rest[max(0, len(rest)-maxPart):], "")
}

// fitting returns the one report type whose columns those of the signal are: its required ones are all there, and a column that
// it does not have no other type has either. Of several the one counts that has just these columns; rows, the first of the
// data, tell the types apart that differ in the address family alone. A guess would name a problem that is not there.
func (s *Schema) fitting(columns []string, rows []feed.Record) (*Report, error) {
	known := map[string]bool{}
	for _, r := range s.Reports {
		for _, c := range r.Columns() {
			known[c] = true
		}
	}
	var fit, exact []*Report
	for _, r := range s.Reports {
		own := r.Columns()
		if !r.requires(columns) || slices.ContainsFunc(columns, func(c string) bool { return known[c] && !slices.Contains(own, c) }) {
			continue
		}
		fit = append(fit, r)
		if !slices.ContainsFunc(own, func(c string) bool { return !slices.Contains(columns, c) }) {
			exact = append(exact, r)
		}
	}
	if len(exact) > 0 {
		fit = exact
	}
	if len(fit) > 1 && len(rows) > 0 {
		fit = sameFamily(fit, columns, rows[0])
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	if len(fit) == 0 {
		if fit = s.nearest(columns, 3); len(fit) == 0 {
			return nil, fault.New(fault.Invalid, "neither the name nor the columns tell the report type: name the file as Shadowserver does, for instance 2026-11-20-scan_http-xx.csv")
		}
	}
	names := make([]string, len(fit))
	for i, r := range fit {
		names[i] = r.File
	}
	return nil, fault.New(fault.Invalid, "the columns do not tell the report type; it may be %s: put it into the file name, for instance 2026-11-20-%s-xx.csv",
		strings.Join(names, ", "), names[0])
}

// requires reports whether the columns that a type cannot do without are all there.
func (r *Report) requires(columns []string) bool {
	return !slices.ContainsFunc(r.Rules, func(rule feed.Rule) bool {
		return (rule.Required || rule.Strict) && !slices.Contains(columns, rule.Column)
	})
}

// nearest returns at most n types whose required columns are there and whose columns differ least, by up to a quarter.
func (s *Schema) nearest(columns []string, n int) []*Report {
	off := map[*Report]int{}
	var out []*Report
	for _, r := range s.Reports {
		own := r.Columns()
		for _, c := range columns {
			if !slices.Contains(own, c) {
				off[r]++
			}
		}
		for _, c := range own {
			if !slices.Contains(columns, c) {
				off[r]++
			}
		}
		if r.requires(columns) && off[r]*4 <= len(columns) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b *Report) int { return off[a] - off[b] })
	return out[:min(n, len(out))]
}

// sameFamily keeps the types that go with the address family of the first row, where their names tell it.
func sameFamily(reports []*Report, columns []string, first feed.Record) []*Report {
	cells, _, _ := feed.Cut{Delimiter: ',', Quote: '"'}.Cells(first.Bytes, nil, nil)
	for _, name := range []string{"ip", "src_ip", "http_referer_ip"} {
		at := slices.Index(columns, name)
		if at < 0 || at >= len(cells) {
			continue
		}
		ip, err := asset.ParseIP(string(cells[at]))
		if err != nil {
			continue
		}
		var out []*Report
		for _, r := range reports {
			family, _, _ := strings.Cut(r.File, "_")
			six := strings.HasSuffix(family, "6") || strings.HasSuffix(r.File, "6")
			if six == ip.Is6() {
				out = append(out, r)
			}
		}
		return out
	}
	return reports
}
