package situation_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/situation"
)

func TestMonday(t *testing.T) {
	t.Parallel()
	for day, want := range map[string]string{
		"2026-11-23": "2026-11-23", "2026-11-24": "2026-11-23", "2026-11-29": "2026-11-23", "2026-11-30": "2026-11-30",
		"2028-02-29": "2028-02-28", "2028-03-01": "2028-02-28", "2027-01-01": "2026-12-28", "1970-01-01": "1969-12-29",
	} {
		at, _ := time.Parse(time.DateOnly, day)
		if got := situation.Monday(finding.DayOf(at)).String(); got != want {
			t.Errorf("the week of %s begins on %s, want %s", day, got, want)
		}
	}
}

// Days are UTC whatever zone an instant is given in: summer time, midnight and the leap day move nothing.
func TestDaysAreUTC(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no table of zones: " + err.Error())
	}
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2026, 3, 29, 1, 59, 59, 999999000, berlin), "2026-03-29"},
		{time.Date(2026, 3, 29, 0, 30, 0, 0, berlin), "2026-03-28"},
		{time.Date(2026, 10, 25, 2, 30, 0, 0, berlin), "2026-10-25"},
		{time.Date(2026, 10, 26, 0, 59, 59, 0, berlin), "2026-10-25"},
		{time.Date(2028, 3, 1, 0, 30, 0, 0, berlin), "2028-02-29"},
		{time.Date(2026, 12, 31, 23, 59, 59, 999999000, time.UTC), "2026-12-31"},
		{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "2027-01-01"},
	} {
		if got := finding.DayOf(c.at).String(); got != c.want {
			t.Errorf("%s is on %s, want %s", c.at, got, c.want)
		}
	}
}

// life is a finding as the oracle of the series knows it.
type life struct {
	born, ended finding.Day
	state       finding.State
}

// What the series says of each day is what counting the findings day by day says.
func TestSeriesEqualsCounting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		first := finding.Day(20000)
		last := first + finding.Day(rapid.IntRange(0, 40).Draw(r, "days"))
		all := rapid.SliceOf(rapid.Custom(func(r *rapid.T) life {
			l := life{born: finding.Day(rapid.IntRange(int(first)-20, int(last)).Draw(r, "born")), state: rapid.SampledFrom(finding.States).Draw(r, "state")}
			if !l.state.Live() {
				l.ended = finding.Day(rapid.IntRange(int(l.born), int(last)).Draw(r, "ended"))
			}
			return l
		})).Draw(r, "findings")
		var live int64
		var born, ended []situation.Day
		for _, l := range all {
			born = append(born, situation.Day{Day: l.born, State: l.state, N: 1})
			if l.state.Live() {
				live++
			} else {
				ended = append(ended, situation.Day{Day: l.ended, State: l.state, N: 1})
			}
		}
		s := situation.SeriesOf(first, last, live, born, ended)
		for i, d := range s.Days {
			var opened, verified, open int64
			for _, l := range all {
				if l.born == d {
					opened++
				}
				if l.state == finding.VerifiedClosed && l.ended == d {
					verified++
				}
				if l.born <= d && (l.state.Live() || l.ended > d) {
					open++
				}
			}
			if s.Opened[i] != opened || s.Verified[i] != verified || s.Live[i] != open {
				r.Fatalf("%s: %d, %d, %d, counted %d, %d, %d", d, s.Opened[i], s.Verified[i], s.Live[i], opened, verified, open)
			}
		}
	})
}

// The marks of a finding follow from where it goes: whatever way it takes, an answer is never without being told, and
// evidence of the end never without the end.
func TestReachedFollowsTheStates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		state, reached := finding.Open, int64(0)
		triggers := []finding.Trigger{
			finding.Notify, finding.Acknowledge, finding.Start, finding.Claim, finding.Dispute, finding.AcceptRisk, finding.Reject,
			finding.Discard, finding.Reattribute, finding.Gone, finding.SeenAgain, finding.Expire, finding.Fade,
		}
		for range rapid.IntRange(0, 30).Draw(r, "steps") {
			to, err := finding.Next(state, rapid.SampledFrom(triggers).Draw(r, "trigger"))
			if err != nil {
				continue
			}
			keep, set := situation.Reached(to)
			state, reached = to, reached&keep|set
			switch {
			case reached&situation.Answered != 0 && reached&situation.Told == 0:
				r.Fatalf("%s: answered without being told", state)
			case reached&situation.Shown != 0 && state != finding.VerifiedClosed, state == finding.VerifiedClosed && reached&situation.Shown == 0:
				r.Fatalf("%s: shown to be gone is %t", state, reached&situation.Shown != 0)
			case state == finding.Open && reached != 0:
				r.Fatalf("open with %b", reached)
			}
		}
	})
}

func TestQueries(t *testing.T) {
	t.Parallel()
	day, _ := time.Parse(time.DateOnly, "2026-11-01")
	for want, q := range map[string]situation.Query{
		"/desk/findings?state=live":                                           {State: "live"},
		"/desk/findings?exactly=high&state=live":                              {State: "live", Severity: event.High, Exactly: true},
		"/desk/findings?exactly=none&state=live":                              {State: "live", Exactly: true},
		"/desk/findings?region=none&sector=health&state=live":                 {State: "live", Region: "none", Sector: "health"},
		"/desk/findings?since=2026-11-01&stage=fixed&state=all":               {State: "all", Stage: situation.Fixed, Since: finding.DayOf(day)},
		"/desk/findings?class=open-telnet&party=none&severity=low&state=live": {State: "live", Class: "open-telnet", Party: "none", Severity: event.Low},
	} {
		if got := q.Link(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	heat := situation.HeatOf([]situation.HeatCell{{"health", "XA-01", 3}, {"", "XA-01", 9}, {"bank", "", 4}})
	if fmt.Sprint(heat.Sectors, heat.Regions, heat.N) != "[bank health ] [XA-01 ] [[0 4] [3 0] [9 0]]" {
		t.Errorf("%+v", heat)
	}
	if got := heat.Query(2, 1).String(); got != "region=none&sector=none&state=live" {
		t.Errorf("%s", got)
	}
}
