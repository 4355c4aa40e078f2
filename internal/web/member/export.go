package member

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"time"

	"tocsin/internal/gate"
	"tocsin/internal/web/page"
)

// exportCap is how many findings one file holds at most.
const exportCap = 100_000

// exposureCSV is the list as the page narrows it, whole.
func (m *member) exposureCSV(v *page.Visit) error {
	f, err := m.Exposure.Export(v.R.Context(), v.Now, v.Who.Actor, readFilter(v.R.URL.Query()).query(v.Now), exportCap)
	if err != nil {
		return err
	}
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"id", "asset", "port", "transport", "type", "identifier", "malware", "severity", "state", "state_since", "matched", "first_seen", "last_seen", "count", "tlp"}}
	for i := range f.Rows {
		r := &f.Rows[i]
		rows = append(rows, []string{
			strconv.FormatInt(int64(r.ID), 10), page.Cell(r.Identity.Asset.Value), strconv.Itoa(int(r.Identity.Port)), page.Cell(r.Identity.Transport), r.Identity.Type,
			page.Cell(r.Identity.Identifier), page.Cell(r.Identity.Malware), r.Severity.String(), string(r.State), at(r.StateAt), page.Cell(r.Matched), at(r.First), at(r.Last),
			strconv.FormatInt(r.Count, 10), r.Mark.TLP.String(),
		})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	h := v.W.Header()
	gate.Saved(h, "text/csv; charset=utf-8", "findings-"+v.Now.UTC().Format("20060102-1504")+".csv")
	h.Set("X-Export-Complete", map[bool]string{true: "no: limit", false: "yes"}[f.Cut])
	h.Set("X-Export-Withheld", strconv.Itoa(f.Withheld))
	_, err = b.WriteTo(v.W)
	return err
}
