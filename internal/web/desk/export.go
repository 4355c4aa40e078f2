package desk

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/gate"
	"tocsin/internal/web/page"
)

// exportCap is how many findings one export holds at most.
const exportCap = 100_000

var csvHeader = []string{
	"id", "asset_kind", "asset", "port", "transport", "type", "identifier", "malware", "severity", "state", "state_since",
	"party", "party_name", "basis", "matched", "confidence", "region", "first_seen", "last_seen", "count", "source", "tlp",
}

func (d *desk) findingsCSV(v *page.Visit) error {
	x, err := d.openExport(v, "csv", "text/csv; charset=utf-8")
	if err != nil {
		return err
	}
	w := csv.NewWriter(v.W)
	if err := w.Write(csvHeader); err != nil {
		return nil //nolint:nilerr // the reader went away: there is nobody to tell
	}
	err = x.Each(v.R.Context(), func(rows []loop.FindingRow) error {
		for _, r := range rows {
			if err := w.Write(csvRecord(r)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && x.Withheld > 0 {
		err = w.Write([]string{fmt.Sprintf("# TLP:RED: %d", x.Withheld)})
	}
	w.Flush()
	return d.endExport(v, x.Cut, err)
}

// openExport writes the export into the ledger and the headers of the file. X-Export-Withheld is the number of findings
// that are marked too strictly for a file.
func (d *desk) openExport(v *page.Visit, format, mime string) (*loop.Export, error) {
	f, q, err := parseFilter(v.R.URL.Query())
	if err == nil {
		_, err = d.partyOf(v, &f, &q)
	}
	if err != nil {
		return nil, err
	}
	x, err := d.loop.OpenExport(v.R.Context(), v.Now, v.Who.Actor, q, format, exportCap)
	if err != nil {
		return nil, err
	}
	h := v.W.Header()
	gate.Saved(h, mime, fmt.Sprintf("findings-%s.%s", v.Now.UTC().Format("20060102-1504"), format))
	h.Set("X-Export-Withheld", strconv.Itoa(x.Withheld))
	h.Set("Trailer", "X-Export-Complete")
	return x, nil
}

func csvRecord(r loop.FindingRow) []string {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	return []string{
		strconv.FormatInt(int64(r.ID), 10), string(r.Identity.Asset.Kind), page.Cell(r.Identity.Asset.Value),
		strconv.Itoa(int(r.Identity.Port)), page.Cell(r.Identity.Transport), r.Identity.Type, page.Cell(r.Identity.Identifier),
		page.Cell(r.Identity.Malware), r.Severity.String(), string(r.State), at(r.StateAt), string(r.Party), page.Cell(r.PartyName),
		string(r.Basis), page.Cell(r.Matched), strconv.Itoa(r.Confidence), page.Cell(r.Region), at(r.First), at(r.Last),
		strconv.FormatInt(r.Count, 10), page.Cell(r.Source), r.Mark.TLP.String(),
	}
}

func (d *desk) findingsJSON(v *page.Visit) error {
	x, err := d.openExport(v, "jsonl", "application/x-ndjson; charset=utf-8")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(v.W, 64<<10)
	if err = x.IntelMQ(v.R.Context(), w); err == nil {
		err = w.Flush()
	}
	return d.endExport(v, x.Cut, err)
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
