package page

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	due := start.Add(100 * time.Hour)
	for _, c := range []struct {
		after  time.Duration
		done   bool
		passed int
		way    string
	}{
		{-time.Hour, false, 0, "ahead"},
		{0, false, 0, "ahead"},
		{74 * time.Hour, false, 74, "ahead"},
		{75 * time.Hour, false, 75, "soon"},
		{100 * time.Hour, false, 100, "late"},
		{1000 * time.Hour, false, 100, "late"},
		{1000 * time.Hour, true, 100, "done"},
	} {
		clock := Clock{Start: start, Due: due, Now: start.Add(c.after), Done: c.done}
		if clock.Passed() != c.passed || clock.Way() != c.way {
			t.Errorf("after %v: %d %s", c.after, clock.Passed(), clock.Way())
		}
	}
}

// A clock's part never leaves its bar, whatever its instants.
func TestClockStaysInItsBar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) time.Time { return time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, name), 0) }
		c := Clock{Start: at("start"), Due: at("due"), Now: at("now")}
		if p := c.Passed(); p < 0 || p > 100 || c.Over() < 0 {
			t.Fatalf("%d %v", p, c.Over())
		}
	})
}
