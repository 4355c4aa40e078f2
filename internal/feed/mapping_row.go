package feed

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/marking"
)

// slot is one field as Row finds it: a constant, or the first step that yields a value, or a default.
type slot struct {
	constant any
	steps    []int
	initial  any
}

func (s *slot) empty() bool { return s.constant == nil && len(s.steps) == 0 && s.initial == nil }

// rowPlan is what Row needs of a mapping: the fields that identify a finding, its time, severity and status.
type rowPlan struct {
	typ, identifier, malware         slot
	url, ip, fqdn, network           slot
	asn, account, port, transport    slot
	time, severity, status           slot
	source                           []slot // by precedence
	tlp, pap                         slot
	marked                           bool // some event may carry a mark of its own
	constantType                     string
	constantTail                     []byte // type, identifier and malware where none depends on the record
	constantScope                    finding.Scope
	severityOfDefault, severityFixed event.Severity
}

func (p *rowPlan) compile(m *Mapping) {
	for field, s := range map[string]*slot{
		"classification.type": &p.typ, "classification.identifier": &p.identifier, "malware.name": &p.malware,
		"source.url": &p.url, "source.ip": &p.ip, "source.fqdn": &p.fqdn, "source.network": &p.network,
		"source.asn": &p.asn, "source.account": &p.account, "source.port": &p.port, "protocol.transport": &p.transport,
		"time.source": &p.time, "severity": &p.severity, "status": &p.status, "tlp": &p.tlp, "extra.pap": &p.pap,
	} {
		for _, c := range m.constant {
			if c.field == field {
				s.constant = c.value
			}
		}
		for _, d := range m.initial {
			if d.field == field {
				s.initial = d.value
			}
		}
		for i := range m.steps {
			if m.steps[i].name == field {
				s.steps = append(s.steps, i)
			}
		}
	}
	if t, ok := p.fixedText(&p.typ); ok {
		p.constantType, p.constantScope = t, finding.ScopeOf(t)
		id, ok1 := p.fixedText(&p.identifier)
		name, ok2 := p.fixedText(&p.malware)
		if !p.constantScope.Malware {
			name, ok2 = "", true
		}
		if ok1 && ok2 {
			p.constantTail = finding.Identity{Type: t, Identifier: strings.ToLower(id), Malware: name}.AppendTail(nil)
		}
	}
	p.marked = !p.tlp.empty() || !p.pap.empty()
	p.severityOfDefault = m.severity
	if s, ok := p.severity.initial.(string); ok {
		p.severityOfDefault, _ = event.ParseSeverity(s)
	}
	if s, ok := p.severity.constant.(string); ok {
		p.severityFixed, _ = event.ParseSeverity(s)
	}
}

// compileSource finds what tells a record's source.
func (p *rowPlan) compileSource(m *Mapping, fields []string) {
	for _, field := range fields {
		var s slot
		for i := range m.steps {
			if m.steps[i].name == field {
				s.steps = append(s.steps, i)
			}
		}
		for _, d := range m.initial {
			if d.field == field {
				s.initial = d.value
			}
		}
		if !s.empty() {
			p.source = append(p.source, s)
		}
	}
}

// Sourced reports whether records can say which source they come from.
func (m *Mapping) Sourced() bool {
	return slices.ContainsFunc(m.row.source, func(s slot) bool { return len(s.steps) > 0 })
}

// sourceOf returns the source that a record names.
func (m *Mapping) sourceOf(cells [][]byte, buf []byte) string {
	from := len(buf)
	for i := range m.row.source {
		if b, ok := m.appendText(buf, &m.row.source[i], cells, &values{}); ok {
			return sourceText(event.Clean(string(b[from:])))
		}
	}
	return ""
}

// fixedText returns the text of a slot that does not depend on the record.
func (p *rowPlan) fixedText(s *slot) (string, bool) {
	if t, ok := s.constant.(string); ok {
		return t, true
	}
	t, _ := s.initial.(string)
	return t, len(s.steps) == 0
}

// Row reads what the fold needs. It appends to buf, which may hold what the cells lie in, and returns it for reuse.
func (m *Mapping) Row(cells [][]byte, buf []byte) (Row, []byte, error) {
	row, buf, err := m.plainRow(cells, buf)
	if len(m.row.source) > 0 {
		row.Source = m.sourceOf(cells, buf)
	}
	return row, buf, err
}

func (m *Mapping) plainRow(cells [][]byte, buf []byte) (Row, []byte, error) {
	var seen values
	if err := m.check(cells, &seen); err != nil {
		return Row{}, buf, err
	}
	p := &m.row
	typ, scope := p.constantType, p.constantScope
	if typ == "" {
		var err error
		if typ, err = m.typeOf(cells, &seen); err != nil {
			return Row{}, buf, err
		}
		scope = finding.ScopeOf(typ)
	}
	start := len(buf)
	buf, kind := m.appendAsset(buf, cells, &seen, scope)
	if kind == "" && seen.bad == nil {
		seen.bad = m.noAsset(cells)
	}
	if seen.bad != nil {
		return Row{}, buf[:start], seen.bad
	}
	buf = m.appendService(buf, cells, &seen, scope.Service && kind == asset.IP)
	if p.constantTail != nil {
		buf = append(buf, p.constantTail...)
	} else {
		buf = append(append(buf, typ...), 0)
		from := len(buf)
		buf, _ = m.appendText(buf, &p.identifier, cells, &seen)
		buf = append(lowerTail(buf, from), 0)
		if scope.Malware {
			buf, _ = m.appendText(buf, &p.malware, cells, &seen)
		}
		buf = append(buf, 0)
	}
	row := Row{Key: finding.KeyOf(buf[start:]), At: m.instant(cells, &seen), Severity: m.severityOf(cells, &seen)}
	if p.marked {
		row.Mark, _ = marking.Source(m.markText(&p.tlp, cells, &seen), m.markText(&p.pap, cells, &seen))
	}
	if m.recheck {
		row.Gone = m.gone(cells, buf, &seen)
	}
	if seen.bad != nil {
		return Row{}, buf[:start], seen.bad
	}
	return row, buf, nil
}

// markText returns the mark that a slot's field will hold: a filled cell that cannot be read asks for AMBER, as
// event.Unread does.
func (m *Mapping) markText(s *slot, cells [][]byte, seen *values) string {
	if t, ok := s.constant.(string); ok {
		return t
	}
	for _, i := range s.steps {
		t := &m.steps[i]
		v, reason := t.value(cells, seen)
		if reason == "" && v.kind == absent {
			continue
		}
		if got, err := t.canonical(v); reason == "" && err == nil {
			name, _ := got.(string)
			return name
		}
		return marking.Amber.Name()
	}
	t, _ := s.initial.(string)
	return t
}

const reasonNoAsset = "the event names no address, domain, prefix, URL, AS number or account"

// noAsset is the reject of a record without an asset. It names the first cell that might have held one.
func (m *Mapping) noAsset(cells [][]byte) *Reject {
	for _, s := range []*slot{&m.row.ip, &m.row.fqdn, &m.row.network, &m.row.url, &m.row.asn, &m.row.account} {
		for _, i := range s.steps {
			t := &m.steps[i]
			if cell := trim(cells[t.cell]); len(cell) > 0 && !event.Placeholder(cell) && t.applies(cells) {
				reason := "is no asset, and the event names no other"
				return t.unreadable(cells, reason)
			}
		}
	}
	return &Reject{Reason: reasonNoAsset}
}

// gone reports whether a re-check shows the problem gone. Its status is online, offline or empty: another one is
// neither a sighting nor an end.
func (m *Mapping) gone(cells [][]byte, buf []byte, seen *values) bool {
	b, ok := m.appendText(buf, &m.row.status, cells, seen)
	status := b[len(buf):]
	if !ok || len(status) == 0 || equalFold(status, "online") {
		return false
	}
	if equalFold(status, "offline") {
		return true
	}
	for _, i := range m.row.status.steps {
		if s := &m.steps[i]; seen.bad == nil && s.applies(cells) && len(trim(cells[s.cell])) > 0 {
			reason := "is neither online nor offline"
			seen.bad = s.unreadable(cells, reason)
		}
	}
	return false
}

// typeOf reads the RSIT type of a record.
func (m *Mapping) typeOf(cells [][]byte, seen *values) (string, error) {
	p := &m.row
	for _, i := range p.typ.steps {
		s := &m.steps[i]
		v, reason := s.value(cells, seen)
		if reason != "" {
			return "", s.unreadable(cells, reason)
		}
		if v.kind == absent {
			continue
		}
		_, typ, err := event.Class(strings.TrimSpace(string(v.text)))
		return typ, classError(s.rule.Column, err)
	}
	if t, ok := p.typ.initial.(string); ok {
		return t, nil
	}
	return "", &Reject{Reason: "classification.type: is missing"}
}

// appendAsset appends kind and value of the asset, each ended by a zero byte. Without an asset kind is empty.
func (m *Mapping) appendAsset(buf []byte, cells [][]byte, seen *values, scope finding.Scope) ([]byte, asset.Kind) {
	p := &m.row
	start := len(buf)
	if scope.URL && !p.url.empty() {
		if b, ok := m.appendText(append(append(buf, asset.URL...), 0), &p.url, cells, seen); ok || seen.bad != nil {
			return append(b, 0), asset.URL
		}
	}
	if b, ok := m.appendText(append(append(buf, asset.IP...), 0), &p.ip, cells, seen); ok || seen.bad != nil {
		return append(b, 0), asset.IP
	}
	for _, c := range [...]struct {
		kind asset.Kind
		slot *slot
	}{{asset.Domain, &p.fqdn}, {asset.Prefix, &p.network}, {asset.URL, &p.url}} {
		if c.slot.empty() {
			continue
		}
		if b, ok := m.appendText(buf, c.slot, cells, seen); ok || seen.bad != nil {
			a := finding.Whole(asset.Asset{Kind: c.kind, Value: string(b[start:])})
			return append(append(append(append(buf[:start], a.Kind...), 0), a.Value...), 0), a.Kind
		}
	}
	if n := m.integer(&p.asn, cells, seen); n > 0 || seen.bad != nil {
		return append(strconv.AppendInt(append(append(buf, asset.ASN...), 0), n, 10), 0), asset.ASN
	}
	if b, ok := m.appendText(append(append(buf, asset.Account...), 0), &p.account, cells, seen); ok {
		return append(b, 0), asset.Account
	}
	return buf, ""
}

// appendService appends port and transport.
func (m *Mapping) appendService(buf []byte, cells [][]byte, seen *values, service bool) []byte {
	if service {
		if port := m.integer(&m.row.port, cells, seen); port > 0 && port <= 65535 {
			buf = append(strconv.AppendInt(buf, port, 10), 0)
			buf, _ = m.appendText(buf, &m.row.transport, cells, seen)
			return append(buf, 0)
		}
	}
	return append(buf, '0', 0, 0)
}

// appendText appends the text of a slot, and false where there is none.
func (m *Mapping) appendText(buf []byte, s *slot, cells [][]byte, seen *values) ([]byte, bool) {
	if t, ok := s.constant.(string); ok {
		return append(buf, t...), true
	}
	for _, i := range s.steps {
		if b, ok := m.steps[i].appendTo(buf, cells, seen); ok {
			return b, true
		}
		if seen.bad != nil {
			return buf, false
		}
	}
	if t, ok := s.initial.(string); ok {
		return append(buf, t...), true
	}
	return buf, false
}

// appendTo appends the canonical text of a step's value. The common spellings take a way that allocates nothing; all
// others take the way of Event.
func (s *step) appendTo(buf []byte, cells [][]byte, seen *values) ([]byte, bool) {
	v, reason := s.value(cells, seen)
	if reason != "" {
		seen.bad = s.failure(cells)
		return buf, false
	}
	if v.kind == absent {
		return buf, false
	}
	if v.kind == text && s.secrecy == Plain {
		switch s.field.Kind { //nolint:exhaustive // the other kinds are dealt with behind it
		case event.IP:
			if v.exact || dotted(v.text) && string(v.text) != "0.0.0.0" {
				return append(buf, v.text...), true
			}
		case event.Transport:
			if name, err := event.TransportName(v.text); err == nil {
				return append(buf, name...), true
			}
		case event.String, event.Lower:
			if s.field.Max == 0 && graphic(v.text) {
				from := len(buf)
				buf = append(buf, v.text...)
				if s.field.Kind == event.Lower {
					lowerASCII(buf[from:])
				}
				return buf, true
			}
		}
	}
	got, err := s.canonical(v)
	if err != nil {
		seen.bad = s.failure(cells)
		return buf, false
	}
	t, ok := got.(string)
	if !ok || t == "" {
		return buf, false
	}
	return append(buf, s.mapping.sealer.Apply(s.secrecy, t)...), true
}

// integer returns the number of a slot, or 0.
func (m *Mapping) integer(s *slot, cells [][]byte, seen *values) int64 {
	if n, ok := s.constant.(int64); ok {
		return n
	}
	for _, i := range s.steps {
		t := &m.steps[i]
		v, reason := t.value(cells, seen)
		if reason == "" && v.kind == absent {
			continue
		}
		if v.kind == whole && t.field.Kind == event.Port && v.n >= 0 && v.n <= 65535 {
			return v.n
		}
		if got, err := t.canonical(v); err == nil && reason == "" {
			n, _ := got.(int64)
			return n
		}
		if seen.bad = t.failure(cells); seen.bad != nil {
			return 0
		}
	}
	n, _ := s.initial.(int64)
	return n
}

// instant returns the record's time in microseconds, or 0 where it has none. A time that cannot be read is no time.
func (m *Mapping) instant(cells [][]byte, seen *values) int64 {
	s := &m.row.time
	if t, ok := s.constant.(string); ok {
		at, _ := event.ParseMoment(t)
		return at.Micros
	}
	for _, i := range s.steps {
		v, reason := m.steps[i].value(cells, seen)
		switch {
		case reason == "" && v.kind == absent:
			continue
		case reason == "" && v.kind == moment:
			return v.n
		case reason == "" && v.kind == text:
			if at, ok := event.ParseMoment(v.text); ok {
				return at.Micros
			}
		}
		if seen.bad = m.steps[i].failure(cells); seen.bad != nil {
			return 0
		}
	}
	if t, ok := s.initial.(string); ok {
		at, _ := event.ParseMoment(t)
		return at.Micros
	}
	return 0
}

func (m *Mapping) severityOf(cells [][]byte, seen *values) event.Severity {
	p := &m.row
	if p.severityFixed != event.Unknown {
		return p.severityFixed
	}
	for _, i := range p.severity.steps {
		v, reason := m.steps[i].value(cells, seen)
		if reason != "" || v.kind != text {
			continue
		}
		if s, ok := event.ParseSeverity(string(v.text)); ok {
			return s
		}
	}
	return p.severityOfDefault
}

// graphic reports whether b is ASCII from blank to tilde.
func graphic(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func lowerASCII(b []byte) {
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

// lowerTail brings what was appended after from into lower case, as Identify does.
func lowerTail(buf []byte, from int) []byte {
	tail := buf[from:]
	if graphic(tail) {
		lowerASCII(tail)
		return buf
	}
	return append(buf[:from], strings.ToLower(string(tail))...)
}
