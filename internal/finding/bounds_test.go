package finding

import "testing"

// A stream covers what it saw in two or more of its cycles and in half or more of those between, to the cycle.
func TestRegularBounds(t *testing.T) {
	t.Parallel()
	days := func(n Day) (out []Day) {
		for i := range n {
			out = append(out, 100+i)
		}
		return out
	}
	for _, c := range []struct {
		name    string
		healthy []Day
		anew    Day
		first   Day
		last    Day
		seen    []Day
		want    bool
	}{
		{"both of two", days(2), 0, 100, 101, []Day{100, 101}, true},
		{"one of one", days(1), 0, 100, 100, []Day{100}, false},
		{"two of four", days(4), 0, 100, 103, []Day{100, 103}, true},
		{"two of five", days(5), 0, 100, 104, []Day{100, 104}, false},
		{"two of five, of which one was thin", []Day{100, 101, 103, 104}, 0, 100, 104, []Day{100, 104}, true},
		{"two of two since its level was confirmed", days(6), 104, 100, 105, []Day{104, 105}, true},
		{"one of two since then", days(6), 104, 100, 105, []Day{100, 101, 105}, false},
		{"two of the last 64 days", []Day{100, 101, 163}, 0, 100, 163, []Day{100, 163}, true},
		{"one of the last 64 days", []Day{100, 101, 164}, 0, 100, 164, []Day{100, 164}, false},
	} {
		_, _, bitmap := seenOn(append(c.seen, c.last)...)
		s := Sighted{Rhythm: Rhythm{healthy: c.healthy, Anew: c.anew}, First: c.first, Last: c.last, Days: bitmap}
		if got := s.Regular(); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// Cycles are counted from a day that is itself not counted, and none is made up where there are fewer.
func TestCyclesFrom(t *testing.T) {
	t.Parallel()
	r := Rhythm{healthy: []Day{10, 12, 15}}
	for _, c := range []struct {
		day  Day
		n    int
		want Day // 0: none
	}{{15, 0, 0}, {15, 1, 12}, {15, 2, 10}, {15, 3, 0}, {16, 3, 10}, {16, 4, 0}, {12, 1, 10}, {11, 1, 10}, {10, 1, 0}, {9, 1, 0}} {
		if got, ok := r.Back(c.day, c.n); ok != (c.want != 0) || got != c.want {
			t.Errorf("%d back from %d: %d, %t", c.n, c.day, got, ok)
		}
	}
	for _, c := range []struct {
		day  Day
		k    int
		want Day // the last of them; 0: none
	}{{9, 0, 0}, {9, 1, 10}, {9, 3, 15}, {9, 4, 0}, {10, 1, 12}, {10, 2, 15}, {10, 3, 0}, {15, 1, 0}} {
		got := r.After(c.day, c.k)
		if (got != nil) != (c.want != 0) || got != nil && (len(got) != c.k || got[c.k-1] != c.want) {
			t.Errorf("%d after %d: %v", c.k, c.day, got)
		}
	}
	for _, c := range []struct {
		first, last Day
		want        int
	}{{10, 15, 3}, {11, 14, 1}, {15, 15, 1}, {16, 99, 0}, {15, 10, 0}} {
		if got := r.Healthy(c.first, c.last); got != c.want {
			t.Errorf("%d to %d: %d cycles", c.first, c.last, got)
		}
	}
	if _, ok := (Rhythm{}).Newest(); ok {
		t.Error("a stream without a cycle has a newest one")
	}
}

// What the desk decided is taken back, and nothing else.
func TestUndoes(t *testing.T) {
	t.Parallel()
	can := map[Trigger]bool{Discard: true, Reject: true, Reattribute: true}
	for trigger := range transitions {
		if Undoes(trigger) != can[trigger] {
			t.Errorf("%s: %t", trigger, Undoes(trigger))
		}
	}
}

// A group was seen on the days of its members' sightings only, and looks at those that the stream covers and nobody explains.
func TestGroupDays(t *testing.T) {
	t.Parallel()
	r := Rhythm{healthy: []Day{100, 101, 102, 103}}
	_, last, bitmap := seenOn(100, 101, 103)
	for state, looked := range map[State]bool{Open: true, Notified: true, FalsePositive: false, ClaimedFixed: false} {
		g := NewGroup("network", "198.51.100.0/24", r)
		g.Add(Member{Asset: "198.51.100.7", State: state, First: 100, Last: last, Days: bitmap})
		for _, d := range []Day{99, 100, 101, 102, 103, 104} {
			seen := d == 100 || d == 101 || d == 103
			if g.any[d] != seen || (len(g.regular[d]) == 1) != (seen && looked) {
				t.Errorf("%s, day %d: seen %t, %d assets", state, d, g.any[d], len(g.regular[d]))
			}
		}
	}
}
