package loop

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// world is a made-up world of hosts with a problem each, streams that look at them, and what goes wrong with streams. It
// knows the truth: which host a stream looked at for which day.
type world struct {
	days    int
	hosts   []worldHost
	streams []worldStream
	files   []worldFile // by the day on which they arrive
}

// set is a set of hosts, at most 64.
type set uint64

func (s set) has(h int) bool { return s>>h&1 == 1 }

func (s set) count() int { return bits.OnesCount64(uint64(s)) }

func (s set) each(f func(h int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros64(uint64(s)))
	}
}

type worldHost struct {
	network, party int
	from, gone     int  // days on which the problem begins, and from which on it is gone
	hidden         int  // day from which on a firewall hides it; the problem stays
	claimed        int  // day on which the party says that it is fixed; never falsely
	stranger       bool // only seen where a report shows something else than it should
}

func (h *worldHost) there(day int) bool { return day >= h.from && day < h.gone }

type worldStream struct {
	pace    int
	parts   []set // what each of its files covers
	covers  set
	mixed   bool   // absence proves nothing
	looked  []set  // by day: the truth
	confirm []bool // by day: a person confirms the level where there is something to confirm
}

// worldFile is one file of a stream.
type worldFile struct {
	stream, part, day int // day that its rows are of
	arrives, folded   int // days
	rows              set
	aside             int  // rows that cannot be read
	broken            bool // it ends before its end
}

// never is a day after all of a world.
const never = 1 << 20

const worldNeed = 3 // cycles of absence in a world

// outages draws, by day, what a stream does not look at, and what it shows instead.
type outage struct {
	from, to int // days, to not included
	keep     set // of what it covers
	instead  set
	silent   bool
}

func newWorld(r *rand.Rand) *world {
	w := &world{days: 40 + r.IntN(25)}
	w.drawHosts(r)
	for range 1 + r.IntN(3) {
		w.streams = append(w.streams, w.drawStream(r))
	}
	for s := range w.streams {
		w.deliver(r, s)
	}
	return w
}

func (w *world) drawHosts(r *rand.Rand) {
	n := 16 + r.IntN(24)
	for network := 0; len(w.hosts) < n; network++ {
		party := network
		if r.IntN(3) == 0 {
			party = r.IntN(network + 1)
		}
		for range 1 + r.IntN(6) {
			h := worldHost{network: network, party: party, gone: never, hidden: never, claimed: never}
			if r.IntN(5) == 0 {
				h.from = r.IntN(w.days / 2)
			}
			if r.IntN(5) == 0 {
				h.gone = max(8, h.from+6) + r.IntN(w.days-8)
				if r.IntN(4) == 0 {
					h.claimed = h.gone + r.IntN(3)
				}
			}
			w.hosts = append(w.hosts, h)
		}
	}
	if r.IntN(4) == 0 { // a party puts all of its hosts right on one day
		party, day := w.hosts[r.IntN(n)].party, 10+r.IntN(w.days-10)
		for i := range w.hosts {
			if w.hosts[i].party == party {
				w.hosts[i].gone = day
			}
		}
	}
	if r.IntN(4) == 0 { // a network hides behind a firewall
		network, day := w.hosts[r.IntN(n)].network, 10+r.IntN(w.days-10)
		for i := range w.hosts {
			if w.hosts[i].network == network {
				w.hosts[i].hidden = day
			}
		}
	}
	for len(w.hosts) < 64 {
		w.hosts = append(w.hosts, worldHost{network: 100 + len(w.hosts), party: 100 + len(w.hosts), gone: never, hidden: never, claimed: never, stranger: true})
	}
}

func (w *world) drawStream(r *rand.Rand) worldStream {
	s := worldStream{pace: 1, parts: make([]set, 1+r.IntN(8)/5), looked: make([]set, w.days), mixed: r.IntN(8) == 0}
	if r.IntN(6) == 0 {
		s.pace = 2
	}
	share := 5 + r.IntN(6)
	for h := range w.hosts {
		if !w.hosts[h].stranger && r.IntN(10) < share {
			s.parts[r.IntN(len(s.parts))] |= 1 << h
			s.covers |= 1 << h
		}
	}
	s.confirm = make([]bool, w.days)
	for d := range s.confirm {
		s.confirm[d] = r.IntN(20) == 0
	}
	return s
}

// present are the hosts of a set that a look finds on a day.
func (w *world) present(s set, day int) (out set) {
	s.each(func(h int) {
		if w.hosts[h].there(day) && day < w.hosts[h].hidden {
			out |= 1 << h
		}
	})
	return out
}

// some returns n hosts of a set.
func some(r *rand.Rand, s set, n int) (out set) {
	var all []int
	s.each(func(h int) { all = append(all, h) })
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, h := range all[:min(n, len(all))] {
		out |= 1 << h
	}
	return out
}

// drawOutage draws one thing that goes wrong with a stream.
func (w *world) drawOutage(r *rand.Rand, s *worldStream) outage {
	o := outage{from: 8 + r.IntN(w.days-8), keep: s.covers}
	o.to = o.from + 1 + r.IntN(25)
	if r.IntN(3) == 0 {
		o.to = w.days
	}
	is := w.present(s.covers, o.from)
	switch r.IntN(5) {
	case 0:
		o.silent = true
	case 1: // it falls to at most 40 %
		o.keep = some(r, is, is.count()*(10+r.IntN(31))/100)
	case 2: // it shows something else, in as many rows
		o.keep = some(r, is, is.count()*r.IntN(30)/100)
		for h := range w.hosts {
			if w.hosts[h].stranger {
				o.instead |= 1 << h
			}
		}
		o.instead = some(r, o.instead, is.count())
	case 3: // it does not get to a network or party any more, for less than twice the cycles
		at, party := w.hosts[r.IntN(len(w.hosts))], r.IntN(2) == 0
		var group set
		s.covers.each(func(h int) {
			if x := w.hosts[h]; party && x.party == at.party || !party && x.network == at.network {
				group |= 1 << h
			}
		})
		o.to = min(w.days, o.from+s.pace*(1+r.IntN(2*worldNeed-1)))
		if w.settlesNear(group, o) || (group&is).count() < 4 || 2*(group&is).count() > is.count() {
			return outage{}
		}
		o.keep &^= group
	case 4: // one of its files is missing
		if len(s.parts) == 1 {
			return outage{}
		}
		o.keep &^= s.parts[r.IntN(len(s.parts))]
	}
	return o
}

// settlesNear reports whether a host of a group is put right, or hidden, within twice the cycles of an outage: absence
// alone cannot tell the two apart then.
func (w *world) settlesNear(group set, o outage) (near bool) {
	group.each(func(h int) {
		for _, day := range []int{w.hosts[h].gone, w.hosts[h].hidden} {
			near = near || day > o.from-6*worldNeed && day < o.to+6*worldNeed
		}
	})
	return near
}

// deliver draws what a stream delivers, and notes what it looked at.
func (w *world) deliver(r *rand.Rand, at int) {
	s := &w.streams[at]
	var outages []outage
	for range r.IntN(3) {
		o := w.drawOutage(r, s)
		if !slices.ContainsFunc(outages, func(p outage) bool { return o.from < p.to+3 && p.from < o.to+3 || o.instead != 0 && p.instead != 0 }) {
			outages = append(outages, o)
		}
	}
	miss := r.IntN(40) // of a thousand looks
	lateFrom, behindFrom := r.IntN(3*w.days), r.IntN(3*w.days)
	for day := 0; day < w.days; day += s.pace {
		keep, instead, silent := s.covers, set(0), r.IntN(40) == 0
		for _, o := range outages {
			if day >= o.from && day < o.to {
				keep &= o.keep
				instead |= o.instead
				silent = silent || o.silent
			}
		}
		if silent {
			continue
		}
		trouble := r.IntN(60)
		for part, covers := range s.parts {
			f := worldFile{stream: at, part: part, day: day, arrives: day + 1, folded: day + 1}
			looks := covers & keep
			f.rows = w.present(looks, day)
			looks.each(func(h int) {
				if r.IntN(1000) < miss {
					f.rows &^= 1 << h // it looked, and missed it
				}
			})
			if part == 0 {
				f.rows |= instead
			}
			switch trouble {
			case 0: // the file is cut off
				f.broken = true
				lost := some(r, f.rows, f.rows.count()/2)
				f.rows &^= lost
				looks &^= lost
			case 1: // rows cannot be read
				lost := some(r, f.rows, 1+f.rows.count()*r.IntN(60)/100)
				if 19*lost.count() > f.rows.count() {
					f.rows &^= lost
					looks &^= lost
					f.aside = lost.count()
				}
			}
			s.looked[day] |= looks
			if day >= lateFrom && day < lateFrom+10 {
				f.arrives += r.IntN(6)
			}
			f.folded = f.arrives
			if day >= behindFrom && day < behindFrom+10 {
				f.folded += r.IntN(5)
			}
			if f.rows != 0 || f.aside > 0 {
				w.files = append(w.files, f)
			}
		}
	}
}

func (h *worldHost) address(n int) string {
	return fmt.Sprintf("10.%d.%d.%d", h.network/200, h.network%200, n+1)
}
