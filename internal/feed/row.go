package feed

import (
	"tocsin/internal/event"
	"tocsin/internal/finding"
)

// RowOf returns the row of a whole event, for formats and records that have no shorter way to it. Gone needs a pack
// that re-checks. The error is a *Reject.
func RowOf(e event.Event, recheck bool) (Row, error) {
	id, err := finding.Identify(e)
	if err != nil {
		return Row{}, &Reject{Reason: err.Error()}
	}
	row := Row{Key: id.Key(), Gone: recheck && e.Text("status") == "offline"}
	if m, ok := event.ParseMoment(e.Text("time.source")); ok {
		row.At = m.Micros
	}
	row.Severity, _ = event.ParseSeverity(e.Text("severity"))
	return row, nil
}
