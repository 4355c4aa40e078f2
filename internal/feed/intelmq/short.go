package intelmq

import (
	"maps"
	"strconv"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
	"tocsin/internal/marking"
)

// slot names the fields that a row depends on.
type slot uint8

const (
	other slot = iota
	classType
	identifier
	sourceIP
	sourceFQDN
	sourceURL
	sourcePort
	transport
	malware
	timeSource
	severity
	status
	feedName
	feedCode
	feedProvider
	tlp
	pap
	slots
)

var slotOf = func() map[string]slot {
	m := map[string]slot{"__type": other}
	for _, n := range event.FieldNames() {
		m[n] = other
	}
	maps.Copy(m, map[string]slot{
		"classification.type": classType, "classification.identifier": identifier, "source.ip": sourceIP,
		"source.fqdn": sourceFQDN, "source.url": sourceURL, "source.port": sourcePort, "protocol.transport": transport,
		"malware.name": malware, "time.source": timeSource, "severity": severity, "status": status,
		"feed.name": feedName, "feed.code": feedCode, "feed.provider": feedProvider,
		"tlp": tlp, "extra.pap": pap,
	})
	return m
}()

var typeOf = func() map[string]string {
	m := map[string]string{}
	for _, t := range event.Types() {
		m[t] = t
	}
	return m
}()

// short reads a row from an event in the form IntelMQ writes: flat, with canonical values and no escapes where it
// matters. False where anything is out of the ordinary: then the long way decides.
func (d *decoder) short(line []byte, s *feed.Scratch) (feed.Row, bool) {
	if len(d.base.Fields) > 0 {
		return feed.Row{}, false
	}
	var got [slots][]byte
	if !scan(line, &got) {
		return feed.Row{}, false
	}
	typ, ok := typeOf[string(got[classType])]
	if !ok {
		return feed.Row{}, false
	}
	row := feed.Row{Gone: d.recheck && string(got[status]) == "offline"}
	if d.recheck && got[status] != nil && !row.Gone && string(got[status]) != "online" {
		return feed.Row{}, false
	}
	if at := got[timeSource]; at != nil {
		m, ok := event.ParseMoment(at)
		if !ok {
			return feed.Row{}, false
		}
		row.At = m.Micros
	}
	if word := got[severity]; word != nil {
		if row.Severity, ok = event.ParseSeverity(string(word)); !ok {
			return feed.Row{}, false
		}
	}
	if got[tlp] != nil || got[pap] != nil {
		var err error
		if row.Mark, err = marking.Source(string(got[tlp]), string(got[pap])); err != nil {
			return feed.Row{}, false
		}
	}
	buf, ok := d.identity(s.Buf[:0], typ, &got)
	if !ok {
		return feed.Row{}, false
	}
	s.Buf = buf
	row.Key = finding.KeyOf(buf)
	return row, d.source(&row, s, &got)
}

// source notes the source that a record names; false where the long way has to tell.
func (d *decoder) source(row *feed.Row, s *feed.Scratch, got *[slots][]byte) bool {
	for _, field := range d.by {
		at := slotOf[field]
		if at < feedName {
			return false
		}
		if t := got[at]; len(t) > 0 {
			row.Source = s.Text(t)
			return len(t) <= 100
		}
	}
	return true
}

// identity appends what finding.Identity.Append would.
func (d *decoder) identity(b []byte, typ string, got *[slots][]byte) ([]byte, bool) {
	scope := finding.ScopeOf(typ)
	port, carried := 0, []byte(nil)
	if p := got[sourcePort]; p != nil {
		for _, c := range p {
			port = port*10 + int(c-'0')
		}
		if port > 65535 {
			return b, false
		}
	}
	if t := got[transport]; t != nil {
		name, err := event.TransportName(t)
		if err != nil || name != string(t) {
			return b, false
		}
		carried = t
	}
	switch {
	case got[sourceIP] != nil && !quad(got[sourceIP]), got[sourceFQDN] != nil && !plainDomain(got[sourceFQDN]):
		return b, false
	case got[sourceURL] != nil && scope.URL:
		u, err := asset.ParseURL(string(got[sourceURL]))
		if err != nil {
			return b, false
		}
		b = append(append(append(b, asset.URL...), 0), d.sealer.Apply(feed.Link, u)...)
		port = 0
	case got[sourceIP] != nil:
		b = append(append(append(b, asset.IP...), 0), got[sourceIP]...)
	case got[sourceFQDN] != nil:
		b = append(append(append(b, asset.Domain...), 0), got[sourceFQDN]...)
		port = 0
	default:
		return b, false
	}
	if port == 0 || !scope.Service {
		port, carried = 0, nil
	}
	b = strconv.AppendUint(append(b, 0), uint64(port), 10)
	b = append(append(b, 0), carried...)
	b = append(append(b, 0), typ...)
	b = lower(append(b, 0), got[identifier])
	b = append(b, 0)
	if scope.Malware {
		b = lower(b, got[malware])
	}
	return append(b, 0), true
}

func lower(b, text []byte) []byte {
	for _, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// quad reports whether b is a specified IPv4 address in canonical spelling.
func quad(b []byte) bool {
	n, digits, dots, sum := 0, 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9' && (digits == 0 || n > 0):
			n = n*10 + int(c-'0')
			sum += n
			if digits++; n > 255 {
				return false
			}
		case c == '.' && digits > 0:
			n, digits = 0, 0
			dots++
		default:
			return false
		}
	}
	return dots == 3 && digits > 0 && sum > 0
}

// plainDomain reports whether b is a domain name in canonical spelling, or is not sure.
func plainDomain(b []byte) bool {
	if len(b) > 253 {
		return false
	}
	label, dots, letters := 0, 0, false
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z':
			letters = true
			label++
		case c >= '0' && c <= '9', c == '-' && label > 0 && i+1 < len(b) && b[i+1] != '.':
			label++
		case c == '.' && label > 0:
			label, letters = 0, false
			dots++
		default:
			return false
		}
		if label > 63 {
			return false
		}
	}
	return dots > 0 && letters
}
