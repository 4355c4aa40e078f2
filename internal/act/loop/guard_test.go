package loop

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// telnetOf is one day's Telnet report of hosts from to to, not included.
func telnetOf(day, from, to int) string {
	body := telnetHeader
	for h := from; h < to; h++ {
		body += seenOn{h, 23, november(day, 5)}.line()
	}
	return body
}

// oneDay takes in a report of a day in the night after it and looks at the evidence.
func oneDay(t *testing.T, l *Loop, day int, body string) Verified {
	t.Helper()
	now := november(day+1, 3)
	take(t, l, now, "shadowserver", november(day, 0).Format(time.DateOnly)+"-scan_telnet-x.csv", body)
	foldAll(t, l, now)
	v, err := l.Verify(t.Context(), now)
	must(t, err)
	return v
}

// A row dated more than a day after its arrival is kept aside with its reason: it is no sighting of today, makes no cycle of a
// day to come and opens nothing. A clock that is a little fast is no reason.
func TestFutureInstant(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		ahead := november(2, 3).Add(24 * time.Hour) // the report of the first comes on the second, at three
		oneDay(t, l, 1, telnetOf(1, 2, 12)+seenOn{1, 23, ahead.Add(time.Second)}.line()+seenOn{20, 23, ahead}.line())
		must(t, l.WriteBack(t.Context()))
		err := s.View(t.Context(), func(tx *store.Tx) error {
			found, err := tx.AttributedAfter(t.Context(), 0, 100)
			seen := map[string]bool{}
			for _, f := range found {
				seen[f.Asset.Value] = true
			}
			if len(found) != 11 || seen["198.51.100.1"] || !seen["198.51.100.20"] {
				t.Errorf("found are %v", seen)
			}
			rejected, err2 := tx.RejectedOf(t.Context(), 1, 0, 0, 10)
			if len(rejected) != 1 || rejected[0].Field != "time.source" || !strings.Contains(rejected[0].Reason, "2026-11-03T03:00:01Z, more than a day after") {
				t.Errorf("kept aside are %+v", rejected)
			}
			cycles, err3 := tx.Cycles(t.Context(), 0)
			for stream, all := range cycles {
				if last := all[len(all)-1]; last.Day > finding.DayOf(ahead) {
					t.Errorf("stream %d has a cycle on %s", stream, last.Day)
				}
			}
			return errors.Join(err, err2, err3)
		})
		must(t, err)
	})
}

// A day of whose rows more than one in twenty cannot be read proves nothing, whether the rows that could be read come in
// the same chunk or in another one; when they are read after all, it does.
func TestRejectedRowsSpoilADay(t *testing.T) {
	t.Parallel()
	for _, chunk := range []int{1000, 2} {
		t.Run(fmt.Sprint(chunk), func(t *testing.T) {
			t.Parallel()
			testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
				l := newLoop(t, s, Settings{ChunkRows: chunk})
				for day := 1; day <= 5; day++ {
					oneDay(t, l, day, telnetOf(day, 1, 12))
				}
				bad := strings.Repeat(`"2026-11-06 05:00:00","nowhere","tcp","23","","telnet","64496","ZZ","","","0","","login: ","high"`+"\n", 2)
				for day := 6; day <= 12; day++ {
					head := telnetHeader
					body := strings.TrimPrefix(telnetOf(day, 2, 12), head)
					if v := oneDay(t, l, day, head+bad+body); v.Closed != 0 {
						t.Fatalf("day %d: %+v", day, v)
					}
				}
				closed := 0
				for day := 13; day <= 15; day++ {
					closed += oneDay(t, l, day, telnetOf(day, 2, 12)).Closed
				}
				if closed != 1 {
					t.Errorf("%d closed after three days that could be read", closed)
				}
			})
		})
	}
}

// Signals that nobody has read yet hold back the findings of their feed, those of no other.
func TestBehindHoldsItsFeed(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		must(t, l.PutFeed(t.Context(), november(1, 0), testCommand, FeedSettings{ID: "other", Pack: "shadowserver"}))
		for day := 1; day <= 5; day++ {
			oneDay(t, l, day, telnetOf(day, 1, 12))
		}
		for day := 6; day <= 7; day++ {
			oneDay(t, l, day, telnetOf(day, 2, 12))
		}
		now := november(9, 3)
		take(t, l, now, "shadowserver", "2026-11-08-scan_telnet-x.csv", telnetOf(8, 2, 12))
		foldAll(t, l, now)
		waits := take(t, l, now.Add(time.Minute), "shadowserver", "2026-11-08-scan_rdp-x.csv", "x")
		v, err := l.Verify(t.Context(), now)
		if err != nil || v.Closed != 0 {
			t.Errorf("with signal %d unread: %+v %v", waits, v, err)
		}
		foldAll(t, l, now)
		take(t, l, now, "other", "2026-11-08-scan_rdp-x.csv", "y")
		if v, err = l.Verify(t.Context(), now.Add(time.Hour)); err != nil || v.Closed != 1 {
			t.Errorf("with another feed's unread: %+v %v", v, err)
		}
	})
}

// The sighting of a stream that can prove nothing holds a finding open for 30 days, and not for 31.
func TestHoldDays(t *testing.T) {
	t.Parallel()
	cycles := make([]finding.Cycle, 80)
	for i := range cycles {
		cycles[i] = finding.Cycle{Day: 20_000 + finding.Day(i), Rows: 10}
	}
	for today, want := range map[finding.Day]finding.Verdict{20_040: finding.Wait, 20_041: finding.Shown} {
		r := finding.Learn(cycles[:today-20_000+1], 0, today.Start().Add(time.Hour))
		regular := finding.Sighted{Stream: "a", Rhythm: r, Need: 3, First: 20_000, Last: 20_010, Days: 1<<11 - 1}
		once := finding.Sighted{Stream: "b", Rhythm: r, Need: 3, First: 20_010, Last: 20_010, Days: 1}
		if got, _ := finding.Weigh([]finding.Sighted{regular, once}, today, 90); got != want {
			t.Errorf("%d days after: verdict %d, want %d", today-20_010, got, want)
		}
	}
}

// A feed has at most 1,000 streams; what comes beyond them goes to one whose absence proves nothing, and the desk is told
// once.
func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{ChunkRows: 300})
		must(t, l.PutFeed(t.Context(), november(1, 0), testCommand, FeedSettings{ID: "intelmq", Pack: "intelmq"}))
		var b strings.Builder
		for i := range 1100 {
			fmt.Fprintf(&b, `{"feed.name":"s%04d","classification.type":"scanner","source.ip":"10.0.%d.%d","time.source":"2026-11-01T03:00:00+00:00"}`+"\n", i, i/250, 1+i%250)
		}
		for n := range 2 {
			take(t, l, november(2+n, 3), "intelmq", fmt.Sprint(n), b.String()+strings.Repeat(" ", n))
			foldAll(t, l, november(2+n, 3))
		}
		var names []string
		absence := map[string]int{}
		must(t, s.View(t.Context(), func(tx *store.Tx) error {
			all, err := tx.Streams(t.Context())
			for _, st := range all {
				if st.Feed == ident.Feed("intelmq") {
					names = append(names, st.Name)
					absence[st.Name] = st.Absence
				}
			}
			return err
		}))
		if len(names) != 1000 || absence["intelmq (mixed)"] != -1 || absence["s0000"] != 0 {
			t.Errorf("%d streams, absence %d of the mixture", len(names), absence["intelmq (mixed)"])
		}
		if got := strings.Count(strings.Join(openItems(t, s), "\n"), "feed.sources feed:intelmq"); got != 1 {
			t.Errorf("told %d times", got)
		}
	})
}
