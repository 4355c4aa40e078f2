package feed

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Rule maps one cell to one field. Several rules may read one cell; of several for one field the first that yields a
// value counts.
type Rule struct {
	Field    string            // of the event
	Column   string            // the cell's name
	With     string            // second cell, for conversions that join two
	Convert  string            // name in Conversions; empty takes the field's own rule
	Map      map[string]string // cell in any case -> text taken instead, "*" for any other; empty text is nothing
	When     map[string]string // other cell -> text it must equal, in any case
	Required bool              // without a value the record is rejected
	Strict   bool              // a cell that cannot be read rejects the record; an empty one does not
}

// Plan is what a Mapping is made of.
type Plan struct {
	Columns  []string          // the cells of a record, by position
	Rules    []Rule            //
	Constant map[string]string // field -> text; overrules the record
	Default  map[string]string // field -> text, where the record gives none
	Filter   []Filter          // records to leave out
	Severity event.Severity    // where the record gives none
	Recheck  bool              // status offline means that the problem is gone
	Text     string            // column whose cell may hold separators: see Table.Text
	StreamBy []string          // fields of which the first that a record has names its source
	Key      []byte            // of the Sealer
}

// Mapping turns the cells of records into rows and events. It is safe for use by several goroutines.
type Mapping struct {
	columns     []string
	text        int // column whose cell may hold separators; -1: none
	at          map[string]int
	steps       []step
	strict      []int // steps whose failure rejects the record
	conditional []int // cells that some step reads only under a condition
	constant    []fixed
	initial     []fixed // defaults
	filter      []filter
	severity    event.Severity
	recheck     bool
	sealer      *Sealer
	row         rowPlan
}

// step is a compiled Rule.
type step struct {
	rule     Rule
	field    *event.Field
	extra    bool
	name     string // of the field
	cell     int
	with     int // -1: none
	convert  conversion
	argument string
	seen     int  // place among values; -1: none
	rowWide  bool // reads other cells, so that an empty one does not matter
	verbatim bool // takes text as it stands, placeholders too
	secrecy  Secrecy
	domain   string // extra field that keeps the domain of a sealed account
	when     []condition
	mapTo    map[string]string // by cell in lower case
	twins    []int             // steps of the same cell that satisfy a required one
	mapping  *Mapping
}

type condition struct {
	cell int
	text string // lower case
}

type filter struct {
	cell    int
	is, not []string // lower case
	name    string
}

type fixed struct {
	field string
	value any
}

// NewMapping compiles a plan. Columns that no rule reads are kept under extra.<column>. The drift names them, and the
// optional columns that rules read and the record lacks. fault.Invalid where the plan contradicts the harmonisation or
// a required column is missing.
func NewMapping(p Plan) (*Mapping, Drift, error) {
	m := &Mapping{
		columns: p.Columns, at: make(map[string]int, len(p.Columns)), severity: p.Severity, recheck: p.Recheck,
		sealer: NewSealer(p.Key), text: slices.Index(p.Columns, p.Text),
	}
	for i, c := range p.Columns {
		if _, ok := m.at[c]; !ok {
			m.at[c] = i
		}
	}
	var err error
	if m.constant, err = fixedValues(p.Constant); err != nil {
		return nil, Drift{}, err
	}
	drift, err := m.rules(p.Rules, p.Filter)
	if err != nil {
		return nil, drift, err
	}
	if m.initial, err = fixedValues(p.Default); err != nil {
		return nil, drift, err
	}
	for _, f := range p.Filter {
		at, ok := m.at[f.Column]
		if !ok {
			return nil, drift, fault.New(fault.Invalid, "filter: column %q is not there", f.Column)
		}
		m.filter = append(m.filter, filter{cell: at, is: lowered(f.Is), not: lowered(f.Not), name: f.Column})
	}
	m.row.compile(m)
	m.row.compileSource(m, p.StreamBy)
	return m, drift, nil
}

func (m *Mapping) rules(rules []Rule, filters []Filter) (Drift, error) {
	var drift Drift
	read, known := map[string]bool{}, map[string]bool{}
	for _, f := range filters {
		known[f.Column] = true
	}
	for _, r := range rules {
		read[r.Column] = true
		read[r.With] = true
		for column := range r.When {
			known[column] = true
		}
		if lost := m.missing(r); lost != "" {
			drift.Lost = append(drift.Lost, lost)
		}
		if _, ok := m.at[r.Column]; !ok {
			if r.Required || r.Strict {
				return drift, fault.New(fault.Invalid, "required column %q is missing; there are %s", r.Column, listed(m.columns))
			}
			drift.Lost = append(drift.Lost, r.Column)
			continue
		}
		if m.overruled(r.Field) {
			continue
		}
		if err := m.add(r); err != nil {
			return drift, err
		}
	}
	for i, c := range m.columns {
		if read[c] || m.at[c] != i {
			continue
		}
		if !known[c] && MarkField(c) == "" {
			drift.New = append(drift.New, c)
		}
		if err := m.add(Rule{Field: unmapped(c), Column: c}); err != nil {
			return drift, err
		}
	}
	slices.Sort(drift.Lost)
	drift.Lost = slices.Compact(drift.Lost)
	for i := range m.steps {
		s := &m.steps[i]
		s.mapping = m
		if len(s.when) > 0 && !slices.Contains(m.conditional, s.cell) {
			m.conditional = append(m.conditional, s.cell)
		}
		if s.rule.Required {
			for j := range m.steps {
				if t := &m.steps[j]; j != i && t.cell == s.cell && !t.extra {
					s.twins = append(s.twins, j)
				}
			}
		}
		if s.rule.Required || s.rule.Strict {
			if len(m.strict) < len(values{}.read) {
				s.seen = len(m.strict)
			}
			m.strict = append(m.strict, i)
		}
	}
	return drift, nil
}

// Lines returns what the mapping does, in the order in which the cells stand in a record.
func (m *Mapping) Lines() []Mapped {
	out := make([]Mapped, 0, len(m.steps))
	for i := range m.steps {
		s := &m.steps[i]
		out = append(out, Mapped{
			Column: s.rule.Column, Field: s.name, Convert: s.rule.Convert, Required: s.rule.Required || s.rule.Strict,
			Kept: s.rule.Field == extraName(s.rule.Column) && s.rule.Convert == "",
		})
	}
	slices.SortStableFunc(out, func(a, b Mapped) int { return m.at[a.Column] - m.at[b.Column] })
	return out
}

// missing returns a column that a rule reads besides its own and the record lacks, or "".
func (m *Mapping) missing(r Rule) string {
	if _, ok := m.at[r.With]; !ok && r.With != "" {
		return r.With
	}
	for column := range r.When {
		if _, ok := m.at[column]; !ok {
			return column
		}
	}
	return ""
}

// overruled reports whether a constant makes reading a field from the record pointless.
func (m *Mapping) overruled(field string) bool {
	return slices.ContainsFunc(m.constant, func(c fixed) bool { return c.field == field })
}

// add compiles one rule.
func (m *Mapping) add(r Rule) error {
	f, err := event.FieldOf(r.Field)
	if err != nil {
		return err
	}
	s := step{rule: r, field: f, extra: strings.HasPrefix(r.Field, "extra.") && f.Kind == event.JSON, name: r.Field, cell: m.at[r.Column], with: -1, seen: -1}
	name, argument, _ := strings.Cut(r.Convert, " ")
	if name == "" {
		name = "text"
	}
	if s.convert = conversions[name]; s.convert == nil {
		return fault.New(fault.Invalid, "column %q: %q is no conversion", r.Column, name)
	}
	if (name == "time" || name == "pair") != (argument != "") {
		return fault.New(fault.Invalid, "column %q: the conversion time needs a layout, pair needs names, and no other takes any", r.Column)
	}
	s.argument = argument
	s.verbatim = s.extra && name == "text"
	s.rowWide = name == "category_or_detail" || strings.HasPrefix(name, "scan_exchange_")
	if at, ok := m.at[r.With]; ok {
		s.with = at
	}
	for column, want := range r.When {
		at, ok := m.at[column]
		if !ok {
			return nil // the condition cannot hold
		}
		s.when = append(s.when, condition{at, strings.ToLower(want)})
	}
	if r.Map != nil {
		s.mapTo = make(map[string]string, len(r.Map))
		for from, to := range r.Map {
			s.mapTo[strings.ToLower(from)] = to
		}
	}
	s.secrecy = SecrecyOf(r.Field, r.Column)
	if s.secrecy == Account {
		s.domain = extraName(r.Column + "_domain")
	}
	m.steps = append(m.steps, s)
	return nil
}

// MarkField returns the field of a column that is called as a protocol of marks is, or "": such a column counts even
// where the pack does not name it.
func MarkField(column string) string {
	switch strings.ToLower(column) {
	case "tlp":
		return "tlp"
	case "pap":
		return "extra.pap"
	}
	return ""
}

// unmapped returns the field of a column that no rule of the pack reads.
func unmapped(column string) string {
	if f := MarkField(column); f != "" {
		return f
	}
	return extraName(column)
}

// extraName returns the field under extra. for a column, which may have any name.
func extraName(column string) string {
	name := strings.ReplaceAll(strings.ToValidUTF8(column, "_"), "\x00", "_")
	for len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	if name == "" {
		name = "_"
	}
	return "extra." + name
}

// fixedValues reads constants and defaults by the rules of their fields.
func fixedValues(texts map[string]string) ([]fixed, error) {
	var e event.Event
	names := make([]string, 0, len(texts))
	for n := range texts {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if err := e.Put(n, texts[n]); err != nil {
			return nil, fmt.Errorf("constant: %w", err)
		}
	}
	names = names[:0]
	for n := range e.Fields {
		names = append(names, n)
	}
	slices.Sort(names)
	out := make([]fixed, len(names))
	for i, n := range names {
		out[i] = fixed{n, e.Fields[n]}
	}
	return out, nil
}

// named returns the first cell among columns that is not empty.
func (s *step) named(cells [][]byte, columns ...string) []byte {
	if s == nil || s.mapping == nil {
		return nil
	}
	for _, c := range columns {
		if at, ok := s.mapping.at[c]; ok && at < len(cells) {
			if b := trim(cells[at]); len(b) > 0 && !event.Placeholder(b) {
				return b
			}
		}
	}
	return nil
}

func lowered(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

// listed names at most twelve columns.
func listed(names []string) string {
	if len(names) > 12 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:12], ", "), len(names)-12)
	}
	return strings.Join(names, ", ")
}

// trim takes blanks and line ends from both ends of a cell.
func trim(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' && space(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func space(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f'
}
