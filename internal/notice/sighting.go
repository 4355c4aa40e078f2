package notice

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/ident"
)

// Sightings are the newest sightings of one finding. A provider whose customers share an address finds the one by them.
type Sightings struct {
	Rows []Sighting // the newest first
	All  int64      // how often the finding was seen; more than there are rows where the rest is not told
	Lost int64      // sightings whose line could not be read any more
}

// Sighting is one observation as its source gave it.
type Sighting struct {
	At     time.Time
	Fields map[string]string // by IntelMQ's field names; time.source has the source's precision
}

// Time returns the instant in UTC, as precisely as the source gave it.
func (s Sighting) Time() string {
	if t := s.Fields["time.source"]; t != "" {
		return t
	}
	return utc(s.At)
}

// From returns the address that was seen with its port, as far as the source gave them.
func (s Sighting) From() string { return joined(s.Fields["source.ip"], s.Fields["source.port"]) }

// To returns whom the connection went to: address or name, and port.
func (s Sighting) To() string {
	host := s.Fields["destination.ip"]
	if host == "" {
		host = s.Fields["destination.fqdn"]
	}
	return joined(host, s.Fields["destination.port"])
}

// By returns the protocols of transport and application.
func (s Sighting) By() string {
	return strings.Trim(s.Fields["protocol.transport"]+"/"+s.Fields["protocol.application"], "/")
}

// joined writes an address with a port (RFC 3986, 3.2.2).
func joined(host, port string) string {
	switch {
	case port == "":
		return host
	case host == "":
		return ":" + port
	}
	return net.JoinHostPort(host, port)
}

// First returns the newest n, with the number of the rest.
func (s Sightings) First(n int) Sightings {
	s.Rows = s.Rows[:min(len(s.Rows), n)]
	return s
}

// More returns how many sightings are not among the rows.
func (s Sightings) More() int64 { return max(0, s.All-int64(len(s.Rows))) }

// sightingsTold bounds the sightings of one notice, so that its mail stays small; the page has the rest.
const sightingsTold = 20_000

// told returns the sightings of the findings that the mail tells, each with at most as many as leave room for the others.
func (l *Letter) told() map[ident.Finding]Sightings {
	each := sightingsTold / max(1, len(l.Items))
	out := make(map[ident.Finding]Sightings, len(l.Items))
	for _, it := range l.Items {
		s := l.Sightings[it.ID]
		s.Rows = s.Rows[:min(len(s.Rows), max(1, each))]
		if len(s.Rows) > 0 || s.Lost > 0 {
			out[it.ID] = s
		}
	}
	return out
}

// untold counts the sightings that the mail does not tell: because there are too many, and because they cannot be read.
func (l *Letter) untold() (more, lost int64) {
	for _, s := range l.told() {
		more, lost = more+s.More()-s.Lost, lost+s.Lost
	}
	return max(0, more), lost
}

// remark says what the mail does not tell.
func (l *Letter) remark(more, lost int64) string {
	var out []string
	if more > 0 {
		out = append(out, say(l.Notice.Language, "sightings.more", more))
	}
	if lost > 0 {
		out = append(out, say(l.Notice.Language, "sightings.lost", lost))
	}
	return strings.Join(out, " ")
}

// sightingColumns is the head of sightings.csv; it is part of what parties' programs rely on.
var sightingColumns = []string{
	"finding", "time_utc", "source_ip", "source_port", "destination_ip", "destination_port", "transport", "application", "malware", "destination_fqdn", "url",
}

// SightingTable returns sightings.csv, a row a sighting, in the form of findings.csv; nil where there is none.
func (l *Letter) SightingTable() ([]byte, error) {
	told := l.told()
	b := bytes.NewBufferString("\ufeff")
	w := csv.NewWriter(b)
	w.UseCRLF = true
	if err := w.Write(sightingColumns); err != nil {
		return nil, fmt.Errorf("write sightings.csv: %w", err)
	}
	n := 0
	for _, it := range l.Items {
		for _, s := range told[it.ID].Rows {
			f := s.Fields
			url := f["source.url"]
			if url == "" {
				url = f["destination.url"]
			}
			row := []string{
				strconv.FormatInt(int64(it.ID), 10), s.Time(), f["source.ip"], f["source.port"], f["destination.ip"], f["destination.port"],
				f["protocol.transport"], f["protocol.application"], f["malware.name"], f["destination.fqdn"], url,
			}
			for i := range row {
				row[i] = Neutral(row[i])
			}
			if err := w.Write(row); err != nil {
				return nil, fmt.Errorf("write sightings.csv: %w", err)
			}
			n++
		}
	}
	w.Flush()
	if n == 0 {
		return nil, w.Error()
	}
	return b.Bytes(), w.Error()
}

// seen returns the event of a finding as one sighting of it saw it.
func seen(e map[string]any, s Sighting) map[string]any {
	out := make(map[string]any, len(e)+len(s.Fields))
	maps.Copy(out, e)
	out["time.source"] = s.Time()
	for _, name := range []string{"source.port", "destination.port"} {
		if n, err := strconv.ParseInt(s.Fields[name], 10, 64); err == nil {
			out[name] = n
		}
	}
	for name, v := range s.Fields {
		if _, port := out[name].(int64); !port {
			out[name] = v
		}
	}
	return out
}
