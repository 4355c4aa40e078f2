// Package veil makes records fit to be seen by people.
package veil

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"

	"tocsin/internal/feed"
)

// veiled stands on pages where a row holds what is sealed in its event.
const veiled = "[sealed]"

// Record returns a record as people may see it: cells that hold credentials, accounts or addresses of persons are
// replaced. false where the record may hold some and cannot be taken apart: then nobody sees it outside the archive.
// columns is the header of its part, nil for formats without.
func Record(columns []string, raw []byte) ([]byte, bool) {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && trimmed[0] == '{' {
		return veilJSON(trimmed)
	}
	hide := make([]bool, len(columns))
	any := false
	for i, c := range columns {
		hide[i] = feed.SecrecyOf("", c) != feed.Plain
		any = any || hide[i]
	}
	if !any {
		return raw, true
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	cells, err := r.Read()
	if err != nil || len(cells) != len(columns) {
		return nil, false
	}
	for i := range cells {
		if hide[i] && cells[i] != "" {
			cells[i] = veiled
		}
	}
	var out strings.Builder
	w := csv.NewWriter(&out)
	if err := w.Write(cells); err != nil {
		return nil, false
	}
	w.Flush()
	return []byte(strings.TrimSuffix(out.String(), "\n")), w.Error() == nil
}

// veilJSON replaces the secret members of an object, at the top and in "extra".
func veilJSON(raw []byte) ([]byte, bool) {
	var object map[string]any
	if json.Unmarshal(raw, &object) != nil {
		return nil, false
	}
	veilObject(object, "")
	out, err := json.Marshal(object)
	return out, err == nil
}

func veilObject(object map[string]any, path string) {
	for key, value := range object {
		name := strings.TrimPrefix(path+"."+key, ".")
		if inner, ok := value.(map[string]any); ok {
			veilObject(inner, name)
			continue
		}
		if value != nil && value != "" && feed.SecrecyOf(name, key) != feed.Plain {
			object[key] = veiled
		}
	}
}
