package notice

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/event"
)

// csvColumns is the head of findings.csv; it is part of what parties' programs rely on.
var csvColumns = []string{
	"finding", "class", "severity", "asset_kind", "asset", "port", "transport", "type", "identifier", "malware",
	"first_seen_utc", "last_seen_utc", "count", "state", "tlp",
}

// Table returns findings.csv: UTF-8 with a byte order mark (spreadsheets need it for Chinese), CRLF, times in UTC.
// A cell that a spreadsheet would run as a formula is preceded by an apostrophe.
func (l *Letter) Table() ([]byte, error) {
	b := bytes.NewBufferString("\ufeff")
	w := csv.NewWriter(b)
	w.UseCRLF = true
	if err := w.Write(csvColumns); err != nil {
		return nil, fmt.Errorf("write findings.csv: %w", err)
	}
	for _, it := range l.Items {
		id := it.Identity
		port := ""
		if id.Port != 0 {
			port = strconv.Itoa(int(id.Port))
		}
		row := []string{
			strconv.FormatInt(int64(it.ID), 10), it.Class.Class, it.Severity.String(), string(id.Asset.Kind), id.Asset.Value,
			port, id.Transport, id.Type, id.Identifier, id.Malware, utc(it.First), utc(it.Last),
			strconv.FormatInt(it.Count, 10), string(it.State), it.TLP.String(),
		}
		for i := range row {
			row[i] = Neutral(row[i])
		}
		if err := w.Write(row); err != nil {
			return nil, fmt.Errorf("write findings.csv: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// Neutral returns a cell that no spreadsheet takes for a formula (OWASP, CSV injection).
func Neutral(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return cell
	}
	return "'" + cell
}

// eventsOf returns an event for each sighting of a finding that is told; one for the finding where none is.
func (l *Letter) eventsOf(it Item, rows []Sighting) []map[string]any {
	e := l.event(it)
	if len(rows) == 0 {
		return []map[string]any{e}
	}
	out := make([]map[string]any, len(rows))
	for i, s := range rows {
		out[i] = seen(e, s)
	}
	return out
}

// Events returns events.jsonl: one IntelMQ event a line, for each sighting that is told, fields in order of name.
func (l *Letter) Events() ([]byte, error) {
	var b bytes.Buffer
	told := l.told()
	for _, it := range l.Items {
		for _, e := range l.eventsOf(it, told[it.ID].Rows) {
			line, err := json.Marshal(e)
			if err != nil {
				return nil, fmt.Errorf("write finding %d as an IntelMQ event: %w", it.ID, err)
			}
			b.Write(line)
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), nil
}

// event shows a finding under the names of IntelMQ's harmonisation.
func (l *Letter) event(it Item) map[string]any {
	id := it.Identity
	e := map[string]any{
		"classification.type":     id.Type,
		"time.source":             it.Last.UTC().Format("2006-01-02T15:04:05+00:00"),
		"feed.name":               "Tocsin",
		"feed.provider":           l.Sender.Name,
		"event_description.text":  it.Class.Title.EN,
		"extra.tocsin_finding":    int64(it.ID),
		"extra.tocsin_notice":     string(l.Notice.ID),
		"extra.tocsin_class":      it.Class.Class,
		"extra.tocsin_tlp":        it.TLP.String(),
		"extra.first_seen":        utc(it.First),
		"extra.last_seen":         utc(it.Last),
		"extra.observation_count": it.Count,
	}
	set := func(name, value string) {
		if value != "" {
			e[name] = value
		}
	}
	set("classification.taxonomy", event.Taxonomy(id.Type))
	set("classification.identifier", id.Identifier)
	set("malware.name", id.Malware)
	set("protocol.transport", id.Transport)
	set("extra.severity", it.Severity.String())
	if id.Port != 0 {
		e["source.port"] = int64(id.Port)
	}
	switch id.Asset.Kind {
	case asset.IP:
		e["source.ip"] = id.Asset.Value
	case asset.Prefix:
		e["source.network"] = id.Asset.Value
	case asset.Domain:
		e["source.fqdn"] = id.Asset.Value
	case asset.URL:
		e["source.url"] = id.Asset.Value
	case asset.ASN:
		if n, err := strconv.ParseInt(strings.TrimPrefix(id.Asset.Value, "AS"), 10, 64); err == nil {
			e["source.asn"] = n
		}
	case asset.Account:
		e["source.account"] = id.Asset.Value
	}
	return e
}

// utc writes an instant in UTC with whole seconds.
func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }
