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
		r := Learn(stream(10, c.days...), 0, on(100, 0))
		if r.Every != c.every || !r.SilentFrom().Equal(c.silent) {
			t.Errorf("%s: every %d days, silent from %s; want %d, %s", c.name, r.Every, r.SilentFrom(), c.every, c.silent)
		}
		if !c.silent.IsZero() {
			if Learn(stream(10, c.days...), 0, c.silent).Silent() {
				t.Errorf("%s: silent too soon", c.name)
			}
			if !Learn(stream(10, c.days...), 0, c.silent.Add(time.Microsecond)).Silent() {
				t.Errorf("%s: not silent", c.name)
			}
		}
	}
}

// A source with a wrong clock neither stretches the rhythm nor keeps the stream from being silent.
func TestRhythmForgetsTheFuture(t *testing.T) {
	t.Parallel()
	r := Learn(stream(10, 0, 1, 2, 3, 4000), 0, on(20, 0))
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
	r := Learn(cycles, 0, on(6, 12))
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
	if !weak(r) {
		t.Error("the cycle of day 5 brought nothing and is not weak")
	}
	if weak(Learn(stream(100, 0, 1, 2), 0, on(3, 0))) {
		t.Error("an even stream is weak")
	}
	if got := r.Median(); got != 100 {
		t.Errorf("median of %v is %d", cycles, got)
	}
}

// weak reports whether the newest whole cycle proves nothing.
func weak(r Rhythm) bool {
	why, _ := r.Weak()
	return why != Healthy
}

// A feed that shrinks for good does not become its own measure: a person has to confirm it.
func TestShrunkStaysUnhealthy(t *testing.T) {
	t.Parallel()
	cycles := make([]Cycle, 60)
	for i := range cycles {
		cycles[i] = stream(100, Day(i))[0]
		if i >= 10 {
			cycles[i].Rows = 40
		}
	}
	r := Learn(cycles, 0, on(60, 0))
	if d, ok := r.Newest(); !ok || d != 20_009 {
		t.Errorf("newest healthy cycle: %v %v", d, ok)
	}
	if why, since := r.Weak(); why != FewRows || since != 20_010 {
		t.Errorf("weak: %q since %s", why, since)
	}
	r = Learn(cycles, 20_040, on(60, 0))
	if got := r.Healthy(20_000, 20_100); got != 30 || weak(r) {
		t.Errorf("%d healthy cycles after the level was confirmed, weak %v", got, weak(r))
	}
	if v, _ := Weigh([]Sighted{sighted("a", r, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)}, 20_060, 90); v != Wait {
		t.Errorf("what was seen before the new level: verdict %d", v)
	}
	var days []Day
	for d := Day(20); d < 45; d++ {
		days = append(days, d)
	}
	if v, _ := Weigh([]Sighted{sighted("a", r, 3, days...)}, 20_060, 90); v != Shown {
		t.Errorf("what the new level covers: verdict %d", v)
	}
}

// bits returns the days, counted from day 20,000, as Seen has them.
func seenBy(count int64, days ...Day) Seen {
	for i := range days {
		days[i] += 20_000
	}
	_, last, b := seenOn(days...)
	return Seen{Last: last, Days: b, Count: count}
}

func days(from, to Day) []Day {
	var out []Day
	for d := from; d < to; d++ {
		out = append(out, d)
	}
	return out
}

// A cycle that does not show half of what those before it showed again and again proves nothing, whatever its rows.
func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		seen []Seen
		want Health // of day 10 and those after it
	}{
		{"the same ones", []Seen{seenBy(10, days(0, 20)...)}, Healthy},
		{"half of them", []Seen{seenBy(5, days(0, 20)...), seenBy(5, days(0, 10)...)}, Healthy},
		{"less than half", []Seen{seenBy(4, days(0, 20)...), seenBy(5, days(0, 10)...)}, Elsewhere},
		{"others altogether", []Seen{seenBy(9, days(10, 20)...), seenBy(9, days(0, 10)...)}, Elsewhere},
		{"those seen once do not count", []Seen{
			seenBy(3, days(0, 20)...), seenBy(9, 5), seenBy(9, 6), seenBy(9, 7), seenBy(9, 8), seenBy(9, 9),
		}, Healthy},
		{"nothing that lasts", []Seen{seenBy(9, 0), seenBy(9, 1)}, Elsewhere},
	} {
		cycles := stream(100, days(0, 20)...)
		for i := range cycles {
			cycles[i].Day = 20_000 + Day(i)
		}
		Judge(cycles, c.seen, 0, on(20, 1))
		for i, got := range cycles[10:] {
			if got.Health != c.want {
				t.Errorf("%s: day %d is %q, want %q", c.name, 10+i, got.Health, c.want)
			}
		}
	}
}

// What lies further back than the days of sightings reach keeps what was said of it; what nobody judged in time is no
// proof, and neither is a stream's first cycle after a pause longer than that.
func TestJudgeRemembers(t *testing.T) {
	t.Parallel()
	cycles := stream(100, 0, 1, 2, 40, 41)
	cycles[0].Health, cycles[1].Health = Healthy, Elsewhere
	Judge(cycles, []Seen{seenBy(5, 40, 41)}, 0, on(71, 0))
	var got []Health
	for _, c := range cycles {
		got = append(got, c.Health)
	}
	if diff := cmp.Diff([]Health{Healthy, Elsewhere, TooLate, Elsewhere, Elsewhere}, got); diff != "" {
		t.Error(diff)
	}
	cycles = stream(100, 0, 1, 2)
	Judge(cycles, []Seen{seenBy(5, 0, 1, 2)}, 0, on(2, 23))
	if cycles[1].Health != Healthy || cycles[2].Health != Unjudged {
		t.Errorf("a day that has not ended is judged: %+v", cycles)
	}
}

// A report that usually comes in two files is not whole with one of them; a number that varies by itself may fall to
// half.
func TestComplete(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		signals []int64
		want    Health // of the last
	}{
		{"one of two", []int64{2, 2, 2, 1}, Incomplete},
		{"all three", []int64{3, 3, 3, 3}, Healthy},
		{"one more", []int64{2, 2, 2, 3}, Healthy},
		{"two of three", []int64{3, 3, 3, 3, 2}, Incomplete},
		{"it varies", []int64{90, 100, 110, 95, 105, 60}, Healthy},
		{"half of it is not there", []int64{90, 100, 110, 95, 105, 49}, Incomplete},
		{"not counted before", []int64{0, 0, 0, 1}, Healthy},
		{"the first", []int64{1}, Healthy},
	} {
		cycles := make([]Cycle, len(c.signals))
		for i, n := range c.signals {
			cycles[i] = stream(100, Day(i))[0]
			cycles[i].Files = n
		}
		r := Learn(cycles, 0, on(Day(len(cycles)), 1))
		if got := r.Cycles[len(cycles)-1].Health; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// One row in 20 may be kept aside, and no more.
func TestAsideShare(t *testing.T) {
	t.Parallel()
	for aside, want := range map[int64]Health{0: Healthy, 5: Healthy, 6: SetAside, 1000: SetAside} {
		cycles := stream(100, 0, 1, 2)
		cycles[2].Aside = aside
		if got := Learn(cycles, 0, on(3, 1)).Cycles[2].Health; got != want {
			t.Errorf("%d of 100 rows aside: %q, want %q", aside, got, want)
		}
	}
}
