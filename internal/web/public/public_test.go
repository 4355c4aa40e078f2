package public

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/finding"
)

// Published counts are rounded to five and withheld below five; what is over is not open.
func TestSummary(t *testing.T) {
	t.Parallel()
	b := summary([]loop.Share{
		{State: finding.Open, Severity: event.High, Count: 12},
		{State: finding.Disputed, Severity: event.High, Count: 6},
		{State: finding.Open, Severity: event.Critical, Count: 4},
		{State: finding.VerifiedClosed, Severity: event.High, Count: 3},
		{State: finding.FalsePositive, Severity: event.Low, Count: 900},
	}, time.Time{})
	want := []severityCount{{event.Critical, 0, true, 1}, {event.High, 20, false, 100}}
	if d := cmp.Diff(want, b.Live); d != "" || b.Total != 20 || b.Few || b.Closed != 0 || !b.FewDone {
		t.Errorf("%+v %s", b, d)
	}
	if b := summary(nil, time.Time{}); len(b.Live) != 0 || b.Few || b.FewDone {
		t.Errorf("of nothing: %+v", b)
	}
}
