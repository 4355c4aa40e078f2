package finding

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// stream makes cycles on days counted from day 20,000, each of rows rows.
func stream(rows int64, days ...Day) []Cycle {
	out := make([]Cycle, len(days))
	for i, d := range days {
		out[i] = Cycle{Day: 20_000 + d, Rows: rows, Last: (20_001 + d).Start()}
	}
	return out
}

func on(day Day, hour int) time.Time {
	return (20_000 + day).Start().Add(time.Duration(hour) * time.Hour)
}

func TestDay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Day{
		"1969-12-31T23:59:59Z": -1, "1970-01-01T00:00:00Z": 0, "1970-01-01T23:59:59Z": 0, "2026-03-01T00:30:00+01:00": 20_512,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := DayOf(at); got != want {
			t.Errorf("%s: day %d, want %d", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := Day(rapid.Int64Range(-100_000, 100_000).Draw(t, "day"))
		if DayOf(d.Start()) != d || DayOf((d+1).Start().Add(-time.Nanosecond)) != d {
			t.Fatalf("day %d starts at %s", d, d.Start())
		}
		b, err := json.Marshal(d)
		var back Day
		if err != nil || json.Unmarshal(b, &back) != nil || back != d {
			t.Fatalf("%s reads as %d: %v", b, back, err)
		}
	})
}

func TestRhythm(t *testing.T) {
	t.Parallel()
	weekdays := func(weeks int) []Day {
		var out []Day
		for d := range Day(7 * weeks) {
			if d%7 < 5 {
				out = append(out, d)
			}
		}
		return out
	}
	for _, c := range []struct {
		name   string
		days   []Day
		every  int
		silent time.Time // first instant of silence
	}{
		{"nothing", nil, 0, time.Time{}},
		{"two cycles are too few", []Day{0, 1}, 0, time.Time{}},
		{"daily", []Day{0, 1, 2, 3}, 1, on(7, 0)},
		{"weekly", []Day{0, 7, 14, 21}, 7, on(37, 0)},
		{"rests at week-ends", weekdays(4), 3, on(33, 0)},
		{"one gap in thirty is forgiven", []Day{0, 1, 2, 3, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26}, 1, on(30, 0)},
	} {
		r := Learn(stream(10, c.days...), on(100, 0))
		if r.Every != c.every || !r.SilentFrom().Equal(c.silent) {
			t.Errorf("%s: every %d days, silent from %s; want %d, %s", c.name, r.Every, r.SilentFrom(), c.every, c.silent)
		}
		if !c.silent.IsZero() {
			if Learn(stream(10, c.days...), c.silent).Silent() {
				t.Errorf("%s: silent too soon", c.name)
			}
			if !Learn(stream(10, c.days...), c.silent.Add(time.Microsecond)).Silent() {
				t.Errorf("%s: not silent", c.name)
			}
		}
	}
}

// A source with a wrong clock neither stretches the rhythm nor keeps the stream from being silent.
func TestRhythmForgetsTheFuture(t *testing.T) {
	t.Parallel()
	r := Learn(stream(10, 0, 1, 2, 3, 4000), on(20, 0))
	if r.Every != 1 || !r.Silent() || len(r.Cycles) != 4 {
		t.Errorf("every %d, silent %v, %d cycles", r.Every, r.Silent(), len(r.Cycles))
	}
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	cycles := stream(100, 0, 1, 2, 3, 4, 5, 6)
	cycles[3].Rows = 49 // below half of 100
	cycles[4].Rows = 50
	cycles[5].Rows = 0
	r := Learn(cycles, on(6, 12))
	if diff := cmp.Diff([]Day{20_000, 20_001, 20_002, 20_004}, r.healthy); diff != "" {
		t.Errorf("healthy cycles (day 6 has not ended):\n%s", diff)
	}
	if got := r.Healthy(20_001, 20_004); got != 3 {
		t.Errorf("%d healthy cycles from day 1 to 4", got)
	}
	if got := r.After(20_001, 2); !cmp.Equal(got, []Day{20_002, 20_004}) {
		t.Errorf("two after day 1: %v", got)
	}
	if got := r.After(20_001, 3); got != nil {
		t.Errorf("three after day 1: %v", got)
	}
	if !r.Weak() {
		t.Error("the cycle of day 5 brought nothing and is not weak")
	}
	if Learn(stream(100, 0, 1, 2), on(3, 0)).Weak() {
		t.Error("an even stream is weak")
	}
	if got := r.Median(); got != 100 {
		t.Errorf("median of %v is %d", cycles, got)
	}
}

// A feed that shrinks for good becomes its own measure.
func TestHealthyAdapts(t *testing.T) {
	t.Parallel()
	cycles := stream(100, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
	for i := range cycles[10:] {
		cycles[10+i].Rows = 30
	}
	r := Learn(cycles, on(21, 0))
	if d, ok := r.Newest(); !ok || d != 20_019 {
		t.Errorf("newest healthy cycle: %v %v", d, ok)
	}
	if r.Healthy(20_010, 20_015) != 0 {
		t.Error("half of the rows are gone and nobody wonders")
	}
}
