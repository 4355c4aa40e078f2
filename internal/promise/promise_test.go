package promise_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/promise"
)

func TestDue(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("UTC+8", 8*3600)
	friday := time.Date(2026, 11, 20, 15, 0, 0, 0, zone)
	for name, c := range map[string]struct {
		kind promise.Kind
		sev  event.Severity
		from time.Time
		want time.Time
	}{
		"critical orphan":      {promise.Orphan, event.Critical, friday, friday.Add(4 * time.Hour)},
		"high orphan":          {promise.Orphan, event.High, friday, friday.AddDate(0, 0, 1)},
		"medium orphan":        {promise.Orphan, event.Medium, friday, friday.AddDate(0, 0, 3)},
		"dispute":              {promise.Dispute, event.Low, friday, friday.AddDate(0, 0, 5)},
		"report on Friday":     {promise.Report, event.Unknown, friday, friday.AddDate(0, 0, 3)},
		"report on Saturday":   {promise.Report, event.Unknown, friday.AddDate(0, 0, 1), friday.AddDate(0, 0, 4)},
		"change on Thursday":   {promise.Change, event.Unknown, friday.AddDate(0, 0, -1), friday.AddDate(0, 0, 3)},
		"what is not foreseen": {"other", event.Unknown, friday, friday.AddDate(0, 0, 1)},
	} {
		if got := promise.Due(c.kind, c.sev, c.from, zone); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Nothing is due before it began, and what is more severe is never due later.
func TestDueIsOrdered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(promise.Kinds).Draw(t, "kind")
		since := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "since"), 0)
		last := promise.Due(k, event.Critical, since, time.UTC)
		for _, s := range []event.Severity{event.High, event.Medium, event.Low, event.Info, event.Unknown} {
			due := promise.Due(k, s, since, time.UTC)
			if !due.After(since) || due.Before(last) {
				t.Fatalf("%s of severity %s since %s is due %s, the more severe %s", k, s, since, due, last)
			}
			last = due
		}
	})
}
