package picture

import (
	"errors"
	"testing"
	"time"

	"tocsin/internal/finding"
)

// What was worked out is remembered for its time, to the instant; a clock that goes back and a failure are worked out again, and
// what is older than its time takes no room.
func TestRecall(t *testing.T) {
	t.Parallel()
	var m memory[int]
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	broken := errors.New("broken")
	worked := 0
	for _, c := range []struct {
		name  string
		key   string
		after time.Duration
		fail  error
		want  int
		keys  int // that are remembered afterwards
	}{
		{"the first time", "a", 0, nil, 1, 1},
		{"at once", "a", 0, nil, 1, 1},
		{"a moment before its time is over", "a", time.Minute - 1, nil, 1, 1},
		{"when it is over", "a", time.Minute, nil, 2, 1},
		{"before it was worked out", "a", 0, nil, 3, 1},
		{"another", "b", 30 * time.Second, nil, 4, 2},
		{"a failure", "c", 30 * time.Second, broken, 0, 3},
		{"after the failure", "c", 30 * time.Second, nil, 6, 3},
		{"when the first is over", "b", time.Minute, nil, 4, 2},
		{"when all are over", "d", time.Hour, nil, 7, 1},
	} {
		got, err := m.recall(c.key, now.Add(c.after), time.Minute, func() (int, error) {
			worked++
			if c.fail != nil {
				return 0, c.fail
			}
			return worked, nil
		})
		if !errors.Is(err, c.fail) || got != c.want || len(m.of) != c.keys {
			t.Errorf("%s: %d, %v, %d remembered; want %d and %d", c.name, got, err, len(m.of), c.want, c.keys)
		}
	}
}

// The promises are counted for so many days up to the last that is published, and for calendar months, the last cut off there.
func TestPromiseSpans(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"2026-11-20", "2026-11-01", "2026-11-30", "2026-01-31"} {
		through, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		day := finding.DayOf(through)
		spans := promiseSpans(day)
		if len(spans) != 1+promiseMonths || spans[0].to != day || spans[0].to-spans[0].from != promiseDays-1 {
			t.Fatalf("%s: %d spans, the first from %d to %d", date, len(spans), spans[0].from, spans[0].to)
		}
		for i, s := range spans[1:] {
			if s.from.Start().Day() != 1 || i > 0 && s.from != spans[i].to+1 {
				t.Errorf("%s: span %d begins on %s", date, i, s.from.Start().Format(time.DateOnly))
			}
		}
		last := spans[promiseMonths]
		if last.to != day || last.from.Start().Month() != through.Month() || last.from.Start().Year() != through.Year() {
			t.Errorf("%s: the last month is from %d to %d", date, last.from, last.to)
		}
	}
}
