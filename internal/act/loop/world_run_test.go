package loop

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/testkit"
)

// worldFirst is day 0 of every world.
const worldFirst finding.Day = 20_000

// verdicts counts what came of worlds.
type verdicts struct {
	closes, wrong int // findings closed; of them those whose asset was not looked at in a cycle that counted
	due, done     int // true disappearances that could be shown within 3 x k cycles, and those that were
	lucky         int // closed with the problem still there, although it was looked at: missed k times, or hidden
	first         string
}

func (v *verdicts) add(o verdicts) {
	v.closes += o.closes
	v.wrong += o.wrong
	v.due += o.due
	v.done += o.done
	v.lucky += o.lucky
	if v.first == "" {
		v.first = o.first
	}
}

// judgeClose holds one closing against the truth.
func (w *world) judgeClose(v *verdicts, h, today int, streamOf func(name string) int, e finding.Evidence) {
	v.closes++
	if w.hosts[h].there(today - 1) {
		v.lucky++
	}
	for _, a := range e.Streams {
		s := streamOf(a.Stream)
		for _, d := range a.Cycles {
			if day := int(d - worldFirst); !w.streams[s].looked[day].has(h) {
				v.wrong++
				if v.first == "" {
					v.first = fmt.Sprintf("host %d closed on day %d: stream %d did not look at it on day %d (of %v after %d)",
						h, today, s, day, a.Cycles, a.Last-worldFirst)
				}
				return
			}
		}
	}
}

// deadline returns the day by which a true disappearance has to be shown: when every stream that covered the host has
// brought 3 x k whole cycles, in which it looked at all that it covers. False where that cannot be asked.
func (w *world) deadline(h int, folded [][]int) (int, bool) {
	is := w.hosts[h]
	if is.stranger || is.gone >= w.days || is.hidden < is.gone {
		return 0, false
	}
	end, covered := 0, false
	for s := range w.streams {
		before, after, last := 0, 0, 0
		for day := range w.days {
			switch {
			case folded[s][day] == 0 || !w.streams[s].looked[day].has(h):
			case is.there(day):
				before++
			case day >= is.gone && w.streams[s].looked[day] == w.streams[s].covers && after < 3*worldNeed:
				after++
				last = max(last, folded[s][day])
			}
		}
		switch {
		case before == 0:
			continue
		case w.streams[s].mixed || before < 4 || after < 3*worldNeed:
			return 0, false
		}
		covered, end = true, max(end, last+1)
	}
	return end, covered && end < w.days
}

// mind is one world as the rules and the fold's index see it, without a database.
type mind struct {
	*world
	idx     *index
	number  map[int]uint32
	host    []int // by number-1
	state   []finding.State
	cycles  [][]finding.Cycle
	newest  [][]int // file counted last, by stream and day
	anew    []finding.Day
	folded  [][]int // day on which a cycle was there first
	rhythms []finding.Rhythm
	closed  map[int]int // host -> day
	v       verdicts
	without rules
}

// rules are parts of the rules that a run may leave out, to show that the test notices.
type rules struct{ parts, overlap, together bool }

func runWorld(w *world, without rules) verdicts {
	m := &mind{
		world: w, number: map[int]uint32{}, closed: map[int]int{}, without: without,
		idx: &index{
			ids: map[finding.Key]uint32{}, more: map[uint32][]hot{}, claimed: map[uint32]int64{}, dirtyMore: map[pair]struct{}{},
			lowered: map[uint32]struct{}{},
		},
	}
	for range w.streams {
		m.cycles = append(m.cycles, nil)
		m.newest = append(m.newest, make([]int, w.days))
		m.folded = append(m.folded, make([]int, w.days))
		m.anew = append(m.anew, 0)
		m.rhythms = append(m.rhythms, finding.Rhythm{})
	}
	for today := 1; today < w.days; today++ {
		for i := range w.files {
			if w.files[i].folded == today {
				m.fold(i, &w.files[i])
			}
		}
		for n := range m.state {
			if h := &w.hosts[m.host[n]]; h.claimed == today && m.state[n] == finding.Open {
				m.state[n] = finding.ClaimedFixed
			}
		}
		m.verify(today)
	}
	for h := range w.hosts {
		if day, ok := w.deadline(h, m.folded); ok {
			m.v.due++
			if at, ok := m.closed[h]; ok && at <= day {
				m.v.done++
			}
		}
	}
	return m.v
}

// fold counts a file as the acts do.
func (m *mind) fold(file int, f *worldFile) {
	s := f.stream
	at := slices.IndexFunc(m.cycles[s], func(c finding.Cycle) bool { return c.Day >= worldFirst+finding.Day(f.day) })
	if at < 0 {
		at = len(m.cycles[s])
	}
	if at == len(m.cycles[s]) || m.cycles[s][at].Day != worldFirst+finding.Day(f.day) {
		m.cycles[s] = slices.Insert(m.cycles[s], at, finding.Cycle{Day: worldFirst + finding.Day(f.day)})
		m.folded[s][f.day] = f.folded
	}
	c := &m.cycles[s][at]
	if f.rows != 0 && m.newest[s][f.day] != file+1 {
		m.newest[s][f.day] = file + 1
		c.Files++
	}
	if m.without.parts {
		c.Files = 0
	}
	c.Rows += int64(f.rows.count())
	c.Aside += int64(f.aside)
	if f.broken {
		c.Aside += c.Rows + 1
	}
	f.rows.each(func(h int) {
		n, ok := m.number[h]
		if !ok {
			n = m.idx.add(finding.Key{byte(h), 1}, 0)
			m.number[h] = n
			m.host, m.state = append(m.host, h), append(m.state, finding.Open)
		}
		seen := (worldFirst + finding.Day(f.day)).Start().Add(5 * time.Hour).UnixMicro()
		if m.state[n-1] == finding.VerifiedClosed && seen > m.idx.lastOf(n) {
			m.state[n-1] = finding.Open
			delete(m.closed, h)
		}
		m.idx.apply(sight{finding: n, line: 1, at: seen}, uint32(s+1), uint32(file+1), 0)
	})
}

// sightings returns how the streams have seen a finding.
func (m *mind) sightings(n uint32, f func(h *hot)) {
	f(m.idx.of(n))
	for i := range m.idx.more[n] {
		f(&m.idx.more[n][i])
	}
}

func (m *mind) seen() [][]finding.Seen {
	out := make([][]finding.Seen, len(m.streams))
	for n := range m.state {
		if m.state[n] == finding.VerifiedClosed || m.state[n] == finding.ClaimedFixed {
			continue
		}
		m.sightings(uint32(n+1), func(h *hot) {
			is := &out[h.stream-1]
			for i := range *is {
				if s := &(*is)[i]; s.Last == finding.Day(h.day) && s.Days == h.days {
					s.Count++
					return
				}
			}
			*is = append(*is, finding.Seen{Last: finding.Day(h.day), Days: h.days, Count: 1})
		})
	}
	return out
}

func (m *mind) verify(today int) {
	now := (worldFirst + finding.Day(today)).Start().Add(8 * time.Hour)
	behind := make([]bool, len(m.streams))
	for i := range m.files {
		if f := &m.files[i]; f.arrives <= today && f.folded > today {
			behind[f.stream] = true
		}
	}
	seen := m.seen()
	for s := range m.streams {
		if m.without.overlap {
			seen[s] = nil
		}
		anew := m.anew[s]
		finding.Judge(m.cycles[s], seen[s], anew, now)
		m.rhythms[s] = finding.Learn(m.cycles[s], anew, now)
		why, since := m.rhythms[s].Weak()
		if m.streams[s].confirm[today] && why != finding.Healthy && why != finding.Unjudged && why != finding.SetAside {
			m.anew[s] = since
			for i := range m.cycles[s] {
				if m.cycles[s][i].Day >= since {
					m.cycles[s][i].Health = finding.Unjudged
				}
			}
		}
	}
	for n := range m.state {
		if m.state[n] == finding.VerifiedClosed {
			continue
		}
		m.weigh(uint32(n+1), today, behind)
	}
}

func (m *mind) weigh(n uint32, today int, behind []bool) {
	var rows []finding.Sighted
	var of []int
	m.sightings(n, func(h *hot) {
		s := int(h.stream) - 1
		need := worldNeed
		if m.streams[s].mixed {
			need = -1
		}
		rows = append(rows, finding.Sighted{
			Stream: fmt.Sprint(s), Rhythm: m.rhythms[s], Need: need, Behind: behind[s], First: finding.DayOf(time.UnixMicro(h.first)),
			Last: finding.Day(h.day), Days: h.days,
		})
		of = append(of, s)
	})
	verdict, e := finding.Weigh(rows, worldFirst+finding.Day(today), 90)
	if verdict == finding.Shown && !m.without.together && m.state[n-1] != finding.ClaimedFixed {
		for i := range rows {
			rows[i].Groups = m.groups(int(n-1), of[i])
		}
		verdict, e = finding.Weigh(rows, worldFirst+finding.Day(today), 90)
	}
	if verdict != finding.Shown {
		return
	}
	h := m.host[n-1]
	m.state[n-1] = finding.VerifiedClosed
	m.closed[h] = today
	m.judgeClose(&m.v, h, today, func(name string) (s int) {
		_, _ = fmt.Sscan(name, &s)
		return s
	}, e)
}

// groups returns the network and the party of a finding as a stream sees them.
func (m *mind) groups(n, s int) []*finding.Group {
	is := m.hosts[m.host[n]]
	network, party := finding.NewGroup(finding.OneNetwork, "n", m.rhythms[s]), finding.NewGroup(finding.OneParty, "p", m.rhythms[s])
	for o := range m.state {
		h := m.hosts[m.host[o]]
		m.sightings(uint32(o+1), func(seen *hot) {
			if int(seen.stream) != s+1 {
				return
			}
			member := finding.Member{
				Asset: h.address(m.host[o]), State: m.state[o], First: finding.DayOf(time.UnixMicro(seen.first)),
				Last: finding.Day(seen.day), Days: seen.days,
			}
			if h.network == is.network {
				network.Add(member)
			}
			if h.party == is.party {
				party.Add(member)
			}
		})
	}
	return []*finding.Group{network, party}
}

// runWorlds runs n worlds.
func runWorlds(seed uint64, n int, without rules) verdicts {
	var total verdicts
	var mu sync.Mutex
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(n) {
					return
				}
				v := runWorld(newWorld(rand.New(rand.NewPCG(seed, uint64(i)))), without)
				if v.first != "" {
					v.first = fmt.Sprintf("world %d of seed %d: %s", i, seed, v.first)
				}
				mu.Lock()
				total.add(v)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return total
}

// Nothing closes unless its asset was looked at, by a stream that had covered it, in the cycles that count; and what is
// truly gone is closed within three times the cycles. The rules and the counting are the real ones; the worlds know the
// truth. What they do not hold, because absence alone cannot tell it from a fix: a stream that silently stops looking at
// less than half of its assets, scattered over networks and parties; a scanner that no longer gets to a network for twice
// the cycles or more, or while part of the network is put right; a claim that is a lie while the scanner cannot look.
func TestWorlds(t *testing.T) {
	t.Parallel()
	n := 10_000
	switch {
	case testing.Short() || raced:
		n = 300
	case !testkit.Whole():
		n = 2_000 // so that everybody's tests stay quick; CI=true runs them all
	}
	const seed = 1796099863372161574 // drawn once; another one is another 10,000 worlds
	start := time.Now()
	v := runWorlds(seed, n, rules{})
	t.Logf("%d worlds (seed %d) in %s: %d closed, %d of them wrongly; %d of %d true disappearances (%.1f %%) closed within %d cycles; %d closed while there, looked at and not seen",
		n, seed, time.Since(start).Round(time.Second), v.closes, v.wrong, v.done, v.due, 100*float64(v.done)/float64(max(1, v.due)), 3*worldNeed, v.lucky)
	if v.wrong > 0 {
		t.Errorf("%d false closes; %s", v.wrong, v.first)
	}
	if 10*v.done < 9*v.due || v.due < n/10 {
		t.Errorf("only %d of %d true disappearances were closed in time", v.done, v.due)
	}
}

// The test above notices when a rule is missing.
func TestWorldsNeedEveryRule(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]rules{
		"files are counted": {parts: true}, "cycles overlap": {overlap: true},
		"what vanishes together takes longer": {together: true},
	} {
		var v verdicts
		n := 0
		for ; v.wrong == 0 && n < 3000; n += 300 {
			v.add(runWorlds(uint64(n), 300, without))
		}
		t.Logf("without %q: %d closed, %d wrongly, in %d worlds", name, v.closes, v.wrong, n)
		if v.wrong == 0 {
			t.Errorf("without %q nothing is closed wrongly in %d worlds", name, n)
		}
	}
}
