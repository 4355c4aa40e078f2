package shadowserver

import (
	"strings"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
)

// agree checks that Row says of a record what Event says.
func agree(t testing.TB, p *feed.Part, rec feed.Record, e event.Event) {
	t.Helper()
	var scratch feed.Scratch
	row, err := p.Decoder.Row(rec, &scratch)
	if err != nil {
		t.Fatalf("Row: %v, and Event none", err)
	}
	id, err := finding.Identify(e)
	if err != nil {
		t.Fatal(err)
	}
	if row.Key != id.Key() {
		t.Errorf("Row's key differs from that of %+v", id)
	}
	at := int64(0)
	if m, ok := event.ParseMoment(e.Text("time.source")); ok {
		at = m.Micros
	}
	level, _ := event.ParseSeverity(e.Text("severity"))
	if row.At != at || row.Severity != level {
		t.Errorf("Row has time %d and severity %v, Event %d and %v", row.At, row.Severity, at, level)
	}
	if row.Gone && !strings.EqualFold(e.Text("status"), "offline") {
		t.Error("Row says gone, Event does not")
	}
}
