package loop

import (
	"time"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// effect is what a chunk does to the findings. It is worked out inside the transaction, because states may have
// changed since, and taken over into the index after the commit.
type effect struct {
	counts  store.Counts
	groups  []*group
	of      map[int64]*group // by stream
	streams map[string]int64 // by source
	add     []store.Finding
	events  [][]byte // of add, in order
	keys    map[finding.Key]uint32
	reopen  map[uint32]int64   // finding -> the observation that refutes
	gone    map[uint32]recheck // finding -> the newest re-check that shows it gone
	worse   map[uint32]event.Severity
	raise   map[uint32]raise
}

// group is what a chunk has of one stream.
type group struct {
	stream int64
	sights []sight
	days   map[uint16]int64 // rows by day
	aside  int64            // rows that could not be read
}

// low and high are the smallest and the largest number among the findings of a group's sightings.
func (g *group) low() ident.Finding {
	least := g.sights[0].finding
	for _, s := range g.sights {
		least = min(least, s.finding)
	}
	return ident.Finding(least)
}

func (g *group) high() ident.Finding {
	most := uint32(0)
	for _, s := range g.sights {
		most = max(most, s.finding)
	}
	return ident.Finding(most)
}

// recheck is a row that says that the problem is gone.
type recheck struct {
	at     int64
	stream int64
}

// in returns the group of a stream.
func (e *effect) in(stream int64) *group {
	g := e.of[stream]
	if g == nil {
		g = &group{stream: stream, days: map[uint16]int64{}}
		e.of[stream] = g
		e.groups = append(e.groups, g)
	}
	return g
}

// effect folds a chunk in memory.
func (x *run) effect(idx *index, c *chunk, streams map[string]int64) *effect {
	e := &effect{
		of: map[int64]*group{}, keys: map[finding.Key]uint32{}, reopen: map[uint32]int64{},
		gone: map[uint32]recheck{}, worse: map[uint32]event.Severity{}, raise: map[uint32]raise{}, streams: streams,
	}
	g, source := e.in(x.stream), ""
	if !x.opened.Sourced {
		g.sights = make([]sight, 0, len(c.events))
	}
	received := store.Micros(x.signal.Received)
	for i := range c.events {
		r := &c.events[i]
		at := r.At
		if at == 0 {
			at = received // the source gives no instant
		}
		if r.Source != source && x.opened.Sourced {
			g, source = e.in(streams[r.Source]), r.Source
		}
		n := r.known
		if n == 0 {
			n = idx.ids[r.Key]
		}
		if n == 0 {
			n = e.keys[r.Key]
		}
		switch {
		case r.Gone:
			if n != 0 && at > e.gone[n].at {
				e.gone[n] = recheck{at, g.stream}
			}
			e.counts.Seen++
			continue
		case n == 0:
			n = uint32(idx.known + len(e.add) + 1)
			e.keys[r.Key] = n
			e.add = append(e.add, x.finding(n, r, at, g.stream))
			e.events = append(e.events, r.fresh.event)
			e.counts.Found++
		case int(n) > idx.known:
			e.counts.Seen++
			f := &e.add[int(n)-idx.known-1]
			f.First = store.Instant(min(store.Micros(f.First), at))
			f.FeedSeverity, f.Severity = max(f.FeedSeverity, r.Severity), max(f.Severity, r.Severity)
			f.Mark = f.Mark.Max(r.Mark)
		default:
			e.counts.Seen++
			e.meet(idx, n, at, r.Severity)
			x.mayRaise(e, idx, n, uint32(g.stream), r.Mark)
		}
		g.sights = append(g.sights, sight{finding: n, line: r.line, at: at})
		g.days[dayOf(at)]++
	}
	for source, n := range c.sources {
		if n > 0 {
			e.in(streams[source]).aside += n
		}
	}
	e.counts.Events = int64(len(c.events))
	e.counts.Rejected, e.counts.Refused = int64(len(c.rejected)), c.refused
	for i := range c.rejected {
		if c.rejected[i].Held {
			e.counts.Held++
		}
	}
	e.counts.Rows = c.records + e.counts.Rejected + e.counts.Refused
	return e
}

// meet looks at what a repeat means beyond its count.
func (e *effect) meet(idx *index, n uint32, at int64, severity event.Severity) {
	h := idx.of(n)
	if severity > h.severity && severity > e.worse[n] {
		e.worse[n] = severity
	}
	switch h.watch {
	case unwatched:
		return
	case watchClaim:
		if finding.Refutes(finding.ClaimedFixed, store.Instant(at), store.Instant(idx.claimed[n]), time.Time{}) {
			e.reopen[n] = max(e.reopen[n], at)
		}
	case watchGone:
		if finding.Refutes(finding.VerifiedClosed, store.Instant(at), time.Time{}, store.Instant(idx.lastOf(n))) {
			e.reopen[n] = max(e.reopen[n], at)
		}
	}
}
