package shadowserver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
)

// Report is one report type: how its columns become the fields of an event.
type Report struct {
	Key      string // in the published schema ("event_sinkhole")
	File     string // as it stands in file names ("event4_sinkhole"); names the stream
	Name     string // for people ("Sinkhole-Events")
	URL      string // page that documents the report
	Severity event.Severity
	Constant map[string]string
	Rules    []feed.Rule
}

// Columns returns the columns that the report reads, in the schema's order, each once.
func (r *Report) Columns() []string {
	var out []string
	for _, rule := range r.Rules {
		if !slices.Contains(out, rule.Column) {
			out = append(out, rule.Column)
		}
	}
	return out
}

// Schema holds every report type.
type Schema struct {
	Version string // date the schema was published
	Reports []*Report
	byName  map[string]*Report
}

// Report returns the report type of a key or file name, or nil.
func (s *Schema) Report(name string) *Report { return s.byName[name] }

// ReadSchema reads a schema: Shadowserver's published intelmq.json, or the compact table that Tocsin ships. Default
// severities of report types that the schema lacks come from severity, lines of "type,severity"; it may be empty.
// The error is fault.Invalid and names the report type.
func ReadSchema(data, severity []byte) (*Schema, error) {
	var s *Schema
	var err error
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && start[0] == '{' {
		s, err = readPublished(data)
	} else {
		s, err = readTable(data)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(s.Reports, func(a, b *Report) int { return strings.Compare(a.Key, b.Key) })
	s.byName = make(map[string]*Report, 2*len(s.Reports))
	for _, r := range s.Reports {
		s.byName[r.File] = r
	}
	for _, r := range s.Reports {
		s.byName[r.Key] = r
		supplement(r)
	}
	for line := range strings.Lines(string(severity)) {
		name, level, _ := strings.Cut(strings.TrimSpace(line), ",")
		if r := s.byName[name]; r != nil && r.Severity == event.Unknown {
			r.Severity, _ = event.ParseSeverity(level)
		}
	}
	return s, s.check()
}

// check compiles every report type as if a signal had all its columns.
func (s *Schema) check() error {
	if len(s.Reports) == 0 {
		return fault.New(fault.Invalid, "the schema holds no report type")
	}
	for _, r := range s.Reports {
		if _, _, err := feed.NewMapping(feed.Plan{Columns: r.Columns(), Rules: r.Rules, Constant: r.Constant}); err != nil {
			return fault.New(fault.Invalid, "report %s: %v", r.Key, err)
		}
	}
	return nil
}

// supplement gives an asset to the report types whose published mapping names none. The columns stay under extra.
func supplement(r *Report) {
	for _, c := range []struct{ file, column, convert string }{
		{"ransomware_victim", "website", "host"},
		{"sandbox_dns", "request", "validate_fqdn"},
		{"event4_sinkhole_http_referer", "http_referer_hostname", "validate_fqdn"},
		{"event6_sinkhole_http_referer", "http_referer_hostname", "validate_fqdn"},
	} {
		reads := func(f feed.Rule) bool { return f.Field == "source.fqdn" }
		if r.File == c.file && !slices.ContainsFunc(r.Rules, reads) && slices.Contains(r.Columns(), c.column) {
			r.Rules = append(r.Rules, feed.Rule{Field: "source.fqdn", Column: c.column, Convert: c.convert})
		}
	}
}

// published is a report type in intelmq.json.
type published struct {
	Constant map[string]string   `json:"constant_fields"`
	Name     string              `json:"feed_name"`
	File     string              `json:"file_name"`
	URL      string              `json:"url"`
	Required [][]json.RawMessage `json:"required_fields"`
	Optional [][]json.RawMessage `json:"optional_fields"`
}

func readPublished(data []byte) (*Schema, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fault.New(fault.Invalid, "the schema is not JSON: %v", err)
	}
	s := &Schema{}
	for key, raw := range all {
		if key == "_meta" {
			var meta struct {
				Date string `json:"date_created"`
			}
			if err := json.Unmarshal(raw, &meta); err != nil {
				return nil, fault.New(fault.Invalid, "_meta: %v", err)
			}
			s.Version = meta.Date
			continue
		}
		var p published
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, fault.New(fault.Invalid, "report %s: %v", key, err)
		}
		r := &Report{Key: key, File: p.File, Name: p.Name, URL: p.URL, Constant: p.Constant}
		if r.File == "" {
			r.File = key
		}
		if err := r.mappings(p.Required, true); err != nil {
			return nil, err
		}
		if err := r.mappings(p.Optional, false); err != nil {
			return nil, err
		}
		s.Reports = append(s.Reports, r)
	}
	return s, nil
}

// mappings reads [target, column, conversion, whole row]. A target of false drops the column on purpose.
func (r *Report) mappings(list [][]json.RawMessage, required bool) error {
	for i, m := range list {
		part := make([]string, 3)
		for j := range min(len(m), 3) {
			if string(m[j]) == "false" && j == 0 {
				part[j] = "extra."
				continue
			}
			if err := json.Unmarshal(m[j], &part[j]); err != nil {
				return fault.New(fault.Invalid, "report %s, mapping %d: %v", r.Key, i+1, err)
			}
		}
		if part[1] == "" {
			return fault.New(fault.Invalid, "report %s, mapping %d: names no column", r.Key, i+1)
		}
		r.Rules = append(r.Rules, rule(part[0], part[1], part[2], required))
	}
	return nil
}

// rule makes a Rule of a published mapping. Of the required columns, time and address must have a value in each row;
// the others must be readable where they have one.
func rule(target, column, convert string, required bool) feed.Rule {
	if target == "extra." {
		target += column
	}
	if _, err := event.FieldOf(target); err != nil {
		target = "extra." + target
	}
	needed := required && (target == "time.source" || target == "source.ip")
	return feed.Rule{Field: target, Column: column, Convert: convert, Required: needed, Strict: required && !needed}
}

// tableHead explains the compact table to who opens it.
const tableHead = `# Report types of Shadowserver: which column becomes which event field by which conversion.
# Made by "go test ./internal/feed/shadowserver -run Table -update" from the facts of the published schema.
#
#   report KEY SEVERITY FILE URL NAME      - where there is none, or where FILE is KEY
#   = FIELD VALUE                          constant
#   ! CONVERSION FIELD=COLUMN ...          required columns; conversion - is none
#   ? CONVERSION FIELD=COLUMN ...          optional columns; =COLUMN is extra.COLUMN
`

// WriteTable writes the compact table.
func (s *Schema) WriteTable() []byte {
	var b bytes.Buffer
	b.WriteString(tableHead)
	fmt.Fprintf(&b, "version %s\n", s.Version)
	dash := func(v string) string {
		if v == "" {
			return "-"
		}
		return v
	}
	for _, r := range s.Reports {
		file := r.File
		if file == r.Key {
			file = ""
		}
		fmt.Fprintf(&b, "\nreport %s %s %s %s %s\n", r.Key, dash(r.Severity.String()), dash(file), dash(r.URL), r.Name)
		for _, f := range slices.Sorted(maps.Keys(r.Constant)) {
			fmt.Fprintf(&b, "= %s %s\n", f, r.Constant[f])
		}
		line := ""
		for _, rule := range r.Rules {
			mark := "? "
			if rule.Required || rule.Strict {
				mark = "! "
			}
			head := mark + dash(rule.Convert)
			item := rule.Field + "=" + rule.Column
			if rule.Field == "extra."+rule.Column {
				item = "=" + rule.Column
			}
			if strings.HasPrefix(line, head+" ") && len(line)+len(item) < 118 {
				line += " " + item
				continue
			}
			if line != "" {
				b.WriteString(line + "\n")
			}
			line = head + " " + item
		}
		b.WriteString(line + "\n")
	}
	return b.Bytes()
}

func readTable(data []byte) (*Schema, error) {
	s := &Schema{}
	var r *Report
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		switch {
		case words[0] == "version" && len(words) == 2:
			s.Version = words[1]
		case words[0] == "report" && len(words) >= 6:
			r = &Report{Key: words[1], Name: strings.Join(words[5:], " "), File: undash(words[3]), URL: undash(words[4]), Constant: map[string]string{}}
			r.Severity, _ = event.ParseSeverity(words[2])
			if r.File == "" {
				r.File = r.Key
			}
			s.Reports = append(s.Reports, r)
		case r != nil && words[0] == "=" && len(words) >= 3:
			r.Constant[words[1]] = strings.Join(words[2:], " ")
		case r != nil && (words[0] == "!" || words[0] == "?") && len(words) > 2:
			for _, w := range words[2:] {
				field, column, ok := strings.Cut(w, "=")
				if !ok || column == "" {
					return nil, fault.New(fault.Invalid, "line %d: %q is not FIELD=COLUMN", n, w)
				}
				if field == "" {
					field = "extra."
				}
				r.Rules = append(r.Rules, rule(field, column, undash(words[1]), words[0] == "!"))
			}
		default:
			return nil, fault.New(fault.Invalid, "line %d of the table is none of version, report, =, ! and ?", n)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the table: %w", err)
	}
	return s, nil
}

func undash(v string) string {
	if v == "-" {
		return ""
	}
	return v
}
