package feed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/finding"
)

// Event reads the whole record.
func (m *Mapping) Event(cells [][]byte) (event.Event, error) {
	if _, _, err := m.plainRow(cells, nil); err != nil {
		return event.Event{}, err
	}
	var seen values
	if err := m.check(cells, &seen); err != nil {
		return event.Event{}, err
	}
	e := event.Event{Fields: make(map[string]any, len(m.steps)+len(m.constant)+len(m.initial))}
	for i := range m.steps {
		if err := m.steps[i].set(&e, cells, &seen); err != nil {
			return event.Event{}, err
		}
	}
	m.keep(&e, cells)
	m.fix(&e)
	if m.severity != event.Unknown && e.Text("severity") == "" {
		e.Fields["severity"] = m.severity.String()
	}
	if _, err := finding.Identify(e); err != nil {
		return event.Event{}, &Reject{Reason: err.Error()}
	}
	return e, nil
}

// keep puts cells under extra. whose steps all had a condition that does not hold.
func (m *Mapping) keep(e *event.Event, cells [][]byte) {
	for _, at := range m.conditional {
		cell := string(trim(cells[at]))
		if cell == "" || m.reads(at, cells) {
			continue
		}
		name := extraName(m.columns[at])
		if _, taken := e.Fields[name]; !taken {
			e.Fields[name] = m.sealer.Apply(SecrecyOf(name, m.columns[at]), event.Clean(cell))
		}
	}
}

func (m *Mapping) reads(at int, cells [][]byte) bool {
	for i := range m.steps {
		if s := &m.steps[i]; s.cell == at && s.applies(cells) {
			return true
		}
	}
	return false
}

// fix sets the constants, and the defaults where the record gave nothing. A class comes with its taxonomy and with
// the label that the source used for it.
func (m *Mapping) fix(e *event.Event) {
	for _, c := range m.constant {
		e.Fields[c.field] = c.value
	}
	given := e.Text("classification.type") != ""
	for _, d := range m.initial {
		_, taken := e.Fields[d.field]
		class := d.field == "extra.classification_source" || d.field == "classification.taxonomy"
		if given && class || taken && !class {
			continue
		}
		e.Fields[d.field] = d.value
	}
}

// values are what check read of the first strict steps, so that nobody has to read it again. They are good for steps
// that check let pass.
type values struct {
	read [4]value
	bad  *Reject // of a filled cell that could not be read as what identifies the finding or tells its state
}

// value returns what a step makes of a record that check let pass.
func (s *step) value(cells [][]byte, seen *values) (value, string) {
	if s.seen >= 0 {
		return seen.read[s.seen], ""
	}
	return s.eval(cells)
}

// check leaves out what the filters leave out and rejects what lacks a required value.
func (m *Mapping) check(cells [][]byte, seen *values) error {
	for i := range m.filter {
		if f := &m.filter[i]; !f.keeps(cells) {
			return &LeftOut{Reason: fmt.Sprintf("filter on %s", f.name)}
		}
	}
	for n, i := range m.strict {
		s := &m.steps[i]
		v, reason := s.eval(cells)
		if n < len(seen.read) {
			seen.read[n] = v
		}
		if reason == "" && v.kind != absent && !s.fits(v) {
			reason = s.misfit(v)
		}
		switch {
		case reason != "":
			return s.unreadable(cells, reason)
		case v.kind == absent && s.rule.Required && s.applies(cells) && !m.twin(s, cells):
			return &Reject{Field: s.rule.Column, Reason: fmt.Sprintf("holds no %s, which is needed", s.name)}
		}
	}
	return nil
}

// twin reports whether another step reads a value from the cell of a required one.
func (m *Mapping) twin(s *step, cells [][]byte) bool {
	for _, j := range s.twins {
		t := &m.steps[j]
		if v, reason := t.eval(cells); reason == "" && v.kind != absent && t.fits(v) {
			return true
		}
	}
	return false
}

func (f *filter) keeps(cells [][]byte) bool {
	cell := trim(cells[f.cell])
	for _, n := range f.not {
		if equalFold(cell, n) {
			return false
		}
	}
	for _, n := range f.is {
		if equalFold(cell, n) {
			return true
		}
	}
	return len(f.is) == 0
}

// eval runs the conversion of a step, with its conditions and its map.
func (s *step) eval(cells [][]byte) (value, string) {
	cell := trim(cells[s.cell])
	if len(cell) == 0 && !s.rowWide {
		return value{}, ""
	}
	if !s.applies(cells) {
		return value{}, ""
	}
	if s.mapTo != nil {
		if cell = s.mapped(cell); len(cell) == 0 {
			return value{}, ""
		}
	}
	if event.Placeholder(cell) && !s.verbatim && !s.rowWide && (s.extra || s.field.Empty(string(cell))) {
		return value{}, ""
	}
	var with []byte
	if s.with >= 0 {
		if with = trim(cells[s.with]); event.Placeholder(with) {
			with = nil
		}
	}
	return s.convert(cell, with, s, cells)
}

// applies reports whether the conditions of a step hold.
func (s *step) applies(cells [][]byte) bool {
	for _, c := range s.when {
		if !equalFold(trim(cells[c.cell]), c.text) {
			return false
		}
	}
	return true
}

func (s *step) mapped(cell []byte) []byte {
	if to, ok := s.mapTo[strings.ToLower(string(cell))]; ok {
		return []byte(to)
	}
	if to, ok := s.mapTo["*"]; ok && !event.Placeholder(cell) {
		return []byte(to)
	}
	return cell
}

// set gives the step's field its value. Only a class can be an error: everything else that does not fit is noted.
func (s *step) set(e *event.Event, cells [][]byte, seen *values) error {
	if _, taken := e.Fields[s.name]; taken && !s.class() {
		return nil
	}
	v, reason := s.value(cells, seen)
	if reason != "" {
		s.note(e, cells, reason)
		return nil
	}
	if v.kind == absent {
		return nil
	}
	if s.class() {
		return s.classify(e, v)
	}
	got, err := s.canonical(v)
	if err != nil {
		s.note(e, cells, err.Error())
		return nil
	}
	if v.day && s.field.Kind == event.DateTime {
		e.Note(s.name, string(trim(cells[s.cell])), "the source gives the day only")
	}
	if s.secrecy != Plain {
		if plain, ok := got.(string); ok {
			if d := domainOf(plain); s.domain != "" && d != "" {
				e.Fields[s.domain] = d
			}
			got = s.mapping.sealer.Apply(s.secrecy, plain)
		}
	}
	if got != "" {
		e.Fields[s.name] = got
	}
	return nil
}

func (s *step) class() bool {
	return s.field.Kind == event.ClassType || s.field.Kind == event.ClassTaxonomy
}

// classify sets the class of a record. Errors end the record.
func (s *step) classify(e *event.Event, v value) error {
	if _, taken := e.Fields[s.name]; taken && s.field.Kind == event.ClassType {
		return nil
	}
	err := e.Put(s.name, string(v.text))
	if s.field.Kind == event.ClassTaxonomy {
		return nil
	}
	return classError(s.rule.Column, err)
}

// classError turns what event.Class says into what a Decoder returns.
func classError(column string, err error) error {
	var out *event.OutOfRemit
	switch {
	case err == nil:
		return nil
	case errors.As(err, &out):
		return &OutOfRemit{Class: out.Class}
	}
	return &Reject{Field: column, Reason: err.Error()}
}

// canonical brings a value into the form its field has in an event.
func (s *step) canonical(v value) (any, error) {
	if v.kind == moment {
		m := event.Moment{Micros: v.n, Digits: int(v.digits)}
		b := m.Append(nil)
		if v.day && s.extra {
			b = b[:len("2006-01-02")]
		}
		v = textOf(b)
	}
	switch v.kind {
	case whole:
		return s.field.Fit(v.n)
	case real:
		return s.field.Fit(v.x)
	case truth:
		return s.field.Fit(v.n == 1)
	case absent, text, moment:
	}
	if s.extra {
		return event.Clean(string(v.text)), nil
	}
	return s.field.Parse(string(v.text))
}

// fits reports whether a value has a canonical form.
func (s *step) fits(v value) bool {
	switch {
	case v.kind == moment, v.exact && s.field.Kind == event.IP:
		return true
	case s.field.Kind == event.Port && v.kind == whole:
		return v.n >= 0 && v.n <= 65535
	}
	_, err := s.canonical(v)
	return err == nil
}

// misfit says what is wrong with a value that does not fit the step's field.
func (s *step) misfit(v value) string {
	if _, err := s.canonical(v); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("cannot be read as %s", s.field.Kind)
}

// unreadable is the reject of a cell that is filled and cannot be read. It never shows a secret.
func (s *step) unreadable(cells [][]byte, reason string) *Reject {
	shown := quoted(trim(cells[s.cell]))
	if s.secrecy != Plain {
		shown = quoted([]byte(s.mapping.sealer.Apply(s.secrecy, string(trim(cells[s.cell])))))
		reason = fmt.Sprintf("cannot be read as %s", s.field.Kind)
	}
	if !strings.HasPrefix(reason, shown) {
		reason = shown + " " + reason
	}
	return &Reject{Field: s.rule.Column, Reason: reason}
}

// failure says why the step's cell could not be read, or nothing where it could, is empty, or another step reads it: of
// the same field, or of another asset.
func (s *step) failure(cells [][]byte) *Reject {
	v, reason := s.eval(cells)
	if reason == "" && (v.kind == absent || s.fits(v)) {
		return nil
	}
	if reason == "" {
		reason = s.misfit(v)
	}
	for i := range s.mapping.steps {
		t := &s.mapping.steps[i]
		if t == s || t.cell != s.cell || t.name != s.name && !(slices.Contains(finding.AssetFields, t.name) && slices.Contains(finding.AssetFields, s.name)) {
			continue
		}
		if v, reason := t.eval(cells); reason == "" && v.kind != absent && t.fits(v) {
			return nil
		}
	}
	return s.unreadable(cells, reason)
}

func (s *step) note(e *event.Event, cells [][]byte, reason string) {
	raw := string(trim(cells[s.cell]))
	if strings.HasPrefix(s.rule.Convert, "pair ") { // the text beside it may hold account names
		v, _ := convPairs(trim(cells[s.cell]), nil, s, cells)
		raw = string(v.text)
	}
	if s.secrecy != Plain {
		raw = s.mapping.sealer.Apply(s.secrecy, raw)
		reason = fmt.Sprintf("cannot be read as %s", s.field.Kind)
	}
	e.Unread(s.name, raw, reason)
}

// quoted shows a cell in a message.
func quoted(cell []byte) string {
	s := strings.ToValidUTF8(string(cell[:min(len(cell), 80)]), "\uFFFD")
	return `"` + s + `"`
}
