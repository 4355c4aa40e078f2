package finding

import (
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// seenOn folds the days on which a stream saw a finding, in any order, as the fold does.
func seenOn(days ...Day) (first, last Day, bitmap uint64) {
	first, last = slices.Min(days), slices.Max(days)
	for _, d := range days {
		if last-d < memory {
			bitmap |= 1 << (last - d)
		}
	}
	return first, last, bitmap
}

func sighted(name string, r Rhythm, need int, days ...Day) Sighted {
	for i := range days {
		days[i] += 20_000
	}
	first, last, bitmap := seenOn(days...)
	return Sighted{Stream: name, Rhythm: r, Need: need, First: first, Last: last, Days: bitmap}
}

func TestWeigh(t *testing.T) {
	t.Parallel()
	daily := stream(100, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	thin := slices.Clone(daily)
	for i := range thin[5:] {
		thin[5+i].Rows = 10
	}
	at := func(c []Cycle, day Day) Rhythm { return Learn(c, 0, on(day, 8)) }
	for _, c := range []struct {
		name    string
		today   Day
		streams []Sighted
		want    Verdict
	}{
		{"nobody saw it", 10, nil, Wait},
		{"seen every day, then three cycles without", 8, []Sighted{sighted("a", at(daily, 8), 3, 0, 1, 2, 3, 4)}, Shown},
		{"the third cycle has not ended", 7, []Sighted{sighted("a", at(daily[:8], 7), 3, 0, 1, 2, 3, 4)}, Wait},
		{"seen once only", 8, []Sighted{sighted("a", at(daily, 8), 3, 4)}, Wait},
		{"seen in a third of the cycles", 10, []Sighted{sighted("a", at(daily, 10), 3, 0, 6)}, Wait},
		{"the cycles without it are thin", 10, []Sighted{sighted("a", at(thin, 10), 3, 0, 1, 2, 3, 4)}, Wait},
		{"the stream went silent", 20, []Sighted{sighted("a", at(daily, 20), 3, 0, 1, 2, 3, 4)}, Wait},
		{"silent for good", 120, []Sighted{sighted("a", at(daily, 120), 3, 0, 1, 2, 3, 4)}, Faded},
		{"absence proves nothing there", 8, []Sighted{sighted("a", at(daily, 8), 0, 0, 1, 2, 3, 4)}, Wait},
		{"the rhythm is not known", 2, []Sighted{sighted("a", at(daily[:2], 2), 1, 0)}, Wait},
		{"two streams, one still sees it", 10, []Sighted{
			sighted("a", at(daily, 10), 3, 0, 1, 2, 3, 4), sighted("b", at(daily, 10), 3, 3, 4, 5, 6, 7, 8),
		}, Wait},
		{"two streams, neither sees it", 10, []Sighted{
			sighted("a", at(daily, 10), 3, 0, 1, 2, 3, 4), sighted("b", at(daily, 10), 2, 3, 4, 5, 6),
		}, Shown},
		{"an irregular stream saw it lately", 10, []Sighted{
			sighted("a", at(daily, 10), 3, 0, 1, 2, 3, 4), sighted("b", at(daily, 10), 3, 2),
		}, Wait},
	} {
		got, e := Weigh(c.streams, 20_000+c.today, 90)
		if got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.name, got, c.want)
		}
		if (got == Shown) != (len(e.Streams) > 0) {
			t.Errorf("%s: evidence %v", c.name, e)
		}
	}
}

func TestWeighWaitsForWhatIsBehind(t *testing.T) {
	t.Parallel()
	s := sighted("a", Learn(stream(9, 0, 1, 2, 3, 4, 5, 6, 7), 0, on(8, 8)), 2, 0, 1, 2)
	if v, _ := Weigh([]Sighted{s}, 20_008, 90); v != Shown {
		t.Fatalf("verdict %d", v)
	}
	s.Behind = true
	if v, _ := Weigh([]Sighted{s}, 20_008, 90); v != Wait {
		t.Errorf("a feed with unread signals has the verdict %d", v)
	}
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	s := sighted("shadowserver/scan_http", Learn(stream(9, 0, 1, 2, 3, 4, 5), 0, on(6, 8)), 2, 0, 1, 2)
	v, e := Weigh([]Sighted{s}, 20_006, 90)
	if v != Shown || !e.Horizon.Equal(on(3, 0)) {
		t.Fatalf("verdict %d, horizon %s", v, e.Horizon)
	}
	for _, e := range []Evidence{e, Recheck(7, 42, time.Date(2026, 3, 1, 4, 5, 0, 0, time.UTC))} {
		text, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadEvidence(text)
		if diff := cmp.Diff(e, back); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	for language, want := range map[string]string{
		"en": "shadowserver/scan_http saw it last on 2024-10-06 and no more on 2024-10-07, 2024-10-08",
		"zh": "shadowserver/scan_http 最后一次发现于 2024-10-06，此后 2024-10-07、2024-10-08 均未再发现",
	} {
		if got := e.Text(language); got != want {
			t.Errorf("%s: %s", language, got)
		}
	}
	if got := Recheck(7, 42, on(0, 4)).Text("en"); got != "signal 42: looked at again at 2024-10-04 04:00 UTC, it was gone" {
		t.Error(got)
	}
	if got := Recheck(7, 42, on(0, 4)).Text("zh"); !strings.Contains(got, "复查") {
		t.Error(got)
	}
	if _, err := ReadEvidence("{"); err == nil {
		t.Error("half an object is evidence")
	}
}

// history is what one stream of the model did: rows by day, and the days on which it saw the finding.
type modelStream struct {
	rows map[Day]int64
	seen map[Day]bool
	need int
}

// said is the naive reading of the rules: no bitmaps, no binary search, days walked one by one.
func (m modelStream) said(now time.Time) (last Day, covers, silent bool, clean int) {
	today := Day(now.Unix() / 86400)
	var days []Day
	for d := Day(0); d <= today; d++ {
		if _, ok := m.rows[d]; ok {
			days = append(days, d)
		}
		if m.seen[d] {
			last = d
		}
	}
	good := map[int]bool{}
	for i := range days { // each is compared with the 14 good ones before it
		if days[i] >= today {
			continue
		}
		var before []int64
		for j := i - 1; j >= 0 && len(before) < 14; j-- {
			if good[j] {
				before = append(before, m.rows[days[j]])
			}
		}
		slices.Sort(before)
		n := len(before)
		switch {
		case n == 0:
			good[i] = true
		case n%2 == 0:
			good[i] = float64(m.rows[days[i]]) >= float64(before[n/2]+before[n/2-1])/4
		default:
			good[i] = float64(m.rows[days[i]]) >= float64(before[n/2])/2
		}
	}
	whole := func(i int) bool { return good[i] }
	first := last
	for d := range m.seen {
		first = min(first, d)
	}
	from := max(first, last-63)
	seen, healthy := 0, 0
	for i, d := range days {
		if d >= from && d <= last {
			if m.seen[d] && whole(i) {
				seen++
			}
			if whole(i) {
				healthy++
			}
		}
		if d > last && whole(i) {
			clean++
		}
	}
	if len(days) < 3 {
		return last, false, true, 0
	}
	var gaps []int
	for i := max(1, len(days)-29); i < len(days); i++ {
		gaps = append(gaps, int(days[i]-days[i-1]))
	}
	slices.Sort(gaps)
	rank := 1 // smallest gap that nine in ten do not exceed
	for 10*rank < 9*len(gaps) {
		rank++
	}
	silentFrom := (days[len(days)-1] + 1 + 2*Day(gaps[rank-1]) + 1).Start()
	return last, seen >= 2 && 2*seen >= healthy, now.After(silentFrom), clean
}

func modelVerdict(ms []modelStream, now time.Time, fade int) Verdict {
	today := Day(now.Unix() / 86400)
	shown, blocked, waits := 0, false, false
	newest := Day(0)
	for _, m := range ms {
		last, covers, silent, clean := m.said(now)
		newest = max(newest, last)
		switch {
		case m.need == 0 || !covers || silent:
			blocked = blocked || last >= today-HoldDays
		case clean >= m.need:
			shown++
		default:
			waits = true
		}
	}
	switch {
	case waits:
		return Wait
	case shown > 0 && !blocked:
		return Shown
	case newest < today-Day(fade):
		return Faded
	}
	return Wait
}

// The rules agree with a naive model on random streams; a silent feed and a feed that is a cycle short never close.
func TestWeighModel(t *testing.T) {
	t.Parallel()
	verdicts := map[Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		now := Day(rapid.IntRange(1, 160).Draw(t, "today")).Start().Add(time.Duration(rapid.IntRange(0, 86399).Draw(t, "second")) * time.Second)
		today := DayOf(now)
		n := rapid.IntRange(1, 3).Draw(t, "streams")
		ms := make([]modelStream, n)
		ss := make([]Sighted, n)
		for i := range n {
			ms[i] = drawStream(t, today)
			var cycles []Cycle
			for d := range today + 1 {
				if rows, ok := ms[i].rows[d]; ok {
					cycles = append(cycles, Cycle{Day: d, Rows: rows})
				}
			}
			var days []Day
			for d := range ms[i].seen {
				days = append(days, d)
			}
			ss[i] = Sighted{Stream: "s", Rhythm: Learn(cycles, 0, now), Need: ms[i].need}
			ss[i].First, ss[i].Last, ss[i].Days = seenOn(days...)
		}
		got, e := Weigh(ss, today, 90)
		if want := modelVerdict(ms, now, 90); got != want {
			t.Fatalf("verdict %d, the model says %d", got, want)
		}
		verdicts[got]++
		for _, a := range e.Streams {
			if len(a.Cycles) == 0 || a.Cycles[0] <= a.Last || a.Cycles[len(a.Cycles)-1] >= today {
				t.Fatalf("evidence %v on day %s", a, today)
			}
		}
		if got != Shown {
			return
		}
		for _, s := range ss {
			s.Rhythm.now = s.Rhythm.now.AddDate(1, 0, 0)
			if v, _ := Weigh([]Sighted{s}, today, 1000); v == Shown {
				t.Fatal("a silent stream closed a finding")
			}
		}
		for i := range ss {
			if ss[i].Need > 0 {
				ss[i].Need = bits.OnesCount64(ss[i].Days) + 200
			}
		}
		if v, _ := Weigh(ss, today, 1000); v == Shown {
			t.Fatal("closed although every stream is cycles short")
		}
	})
	t.Logf("verdicts: %d wait, %d shown, %d faded", verdicts[Wait], verdicts[Shown], verdicts[Faded])
	if verdicts[Shown] == 0 {
		t.Error("no stream ever showed absence: the test proves nothing")
	}
}

// drawStream draws a stream with gaps and thin days that saw the finding at least once.
func drawStream(t *rapid.T, today Day) modelStream {
	m := modelStream{rows: map[Day]int64{}, seen: map[Day]bool{}, need: rapid.IntRange(0, 4).Draw(t, "need")}
	pace := rapid.SampledFrom([]Day{1, 1, 1, 2, 7}).Draw(t, "pace")
	end := today
	if rapid.IntRange(0, 4).Draw(t, "ends") == 0 {
		end = Day(rapid.IntRange(0, int(today)).Draw(t, "end"))
	}
	gone := Day(rapid.IntRange(0, int(today)).Draw(t, "gone"))
	often := rapid.IntRange(3, 10).Draw(t, "often")
	for d := Day(0); d <= end; d += pace {
		switch rapid.IntRange(0, 11).Draw(t, "day") {
		case 0:
			continue
		case 1:
			m.rows[d] = 20
		default:
			m.rows[d] = int64(rapid.IntRange(80, 120).Draw(t, "rows"))
		}
		if d <= gone && rapid.IntRange(1, 10).Draw(t, "sees") <= often {
			m.seen[d] = true
		}
	}
	if len(m.seen) == 0 {
		m.rows[0], m.seen[0] = 100, true
	}
	return m
}
