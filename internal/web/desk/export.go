package desk

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/web/page"
)

// exportCap is how many findings one export holds at most.
const exportCap = 100_000

var csvHeader = []string{
	"id", "asset_kind", "asset", "port", "transport", "type", "identifier", "malware", "severity", "state", "state_since",
	"party", "party_name", "basis", "matched", "confidence", "region", "first_seen", "last_seen", "count", "source",
}

func (d *desk) findingsCSV(v *page.Visit) error {
	_, q, err := parseFilter(v.R.URL.Query())
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="findings-%s.csv"`, v.Now.UTC().Format("20060102-1504")))
	h.Set("Trailer", "X-Export-Complete")
	w := csv.NewWriter(v.W)
	if err := w.Write(csvHeader); err != nil {
		return nil //nolint:nilerr // the reader went away: there is nobody to tell
	}
	_, cut, err := d.loop.EachFinding(v.R.Context(), q, exportCap, func(r loop.FindingRow) error { return w.Write(csvRecord(r)) })
	w.Flush()
	return d.endExport(v, cut, err)
}

func csvRecord(r loop.FindingRow) []string {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	return []string{
		strconv.FormatInt(int64(r.ID), 10), string(r.Identity.Asset.Kind), cell(r.Identity.Asset.Value),
		strconv.Itoa(int(r.Identity.Port)), cell(r.Identity.Transport), r.Identity.Type, cell(r.Identity.Identifier),
		cell(r.Identity.Malware), r.Severity.String(), string(r.State), at(r.StateAt), string(r.Party), cell(r.PartyName),
		string(r.Basis), cell(r.Matched), strconv.Itoa(r.Confidence), cell(r.Region), at(r.First), at(r.Last),
		strconv.FormatInt(r.Count, 10), cell(r.Source),
	}
}

// cell keeps a spreadsheet from running text that somebody put into a report.
func cell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}

func (d *desk) findingsJSON(v *page.Visit) error {
	_, q, err := parseFilter(v.R.URL.Query())
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", "application/x-ndjson; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="findings-%s.jsonl"`, v.Now.UTC().Format("20060102-1504")))
	h.Set("Trailer", "X-Export-Complete")
	w := bufio.NewWriterSize(v.W, 64<<10)
	cut, err := d.loop.ExportIntelMQ(v.R.Context(), q, exportCap, w)
	if err == nil {
		err = w.Flush()
	}
	return d.endExport(v, cut, err)
}

// endExport says in a trailer whether the export is whole. After the first byte an error can no longer become a page.
func (d *desk) endExport(v *page.Visit, cut bool, err error) error {
	switch {
	case err != nil:
		d.kit.Log.ErrorContext(v.R.Context(), "export ended early", "error", err, "request", v.ID)
		v.W.Header().Set("X-Export-Complete", "no: failed")
	case cut:
		v.W.Header().Set("X-Export-Complete", "no: limit")
	default:
		v.W.Header().Set("X-Export-Complete", "yes")
	}
	return nil
}
