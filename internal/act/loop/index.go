package loop

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/store"
)

// index is the fold's memory: every finding's key, and per finding the counters of the stream that saw it first.
// Only the process that holds the fold lock has one. It mirrors committed rows and nothing else, so losing it costs a
// scan at the next start. Measured: about 95 bytes a finding, map included.
type index struct {
	mu    sync.RWMutex // guards ids: parsers probe while the fold adds
	ids   map[finding.Key]uint32
	known int              // findings
	pages []*[hotPage]hot  // of finding n: pages[(n-1)/hotPage][(n-1)%hotPage]; growing never copies
	more  map[uint32][]hot // by finding: the streams that saw it later

	least   marking.TLP      // no finding is marked less strictly
	claimed map[uint32]int64 // state_at of findings in state claimed_fixed
	horizon int64            // store.Tx.Horizon up to which changes of state are known

	dirty      []uint64 // bit n-1: the counters of finding n differ from its sighting row
	dirtyMore  map[pair]struct{}
	lowered    map[uint32]struct{} // findings whose first observation moved back
	journalled int                 // sightings in the journal that are not written back
}

// hotPage is how many findings' counters lie together.
const hotPage = 1 << 14

// of returns the counters of the stream that saw finding n first.
func (x *index) of(n uint32) *hot { return &x.pages[(n-1)/hotPage][(n-1)%hotPage] }

type pair struct {
	finding uint32
	stream  uint32
}

// hot is one stream's sightings of one finding.
type hot struct {
	first, last int64 // microseconds UTC
	days        uint64
	stream      uint32
	count       uint32
	signal      uint32
	line        uint32
	day         uint16 // UTC day of bit 0 of days
	part        uint16
	watch       watch
	severity    event.Severity
}

// watch says which states make a new sighting more than a count.
type watch uint8

const (
	unwatched watch = iota
	watchClaim
	watchGone // verified_closed or stale
)

func watchOf(s finding.State) watch {
	switch s {
	case finding.ClaimedFixed:
		return watchClaim
	case finding.VerifiedClosed, finding.Stale:
		return watchGone
	case finding.Open, finding.Notified, finding.Acknowledged, finding.Remediating, finding.Disputed, finding.RiskAccepted,
		finding.FalsePositive, finding.Reopened:
	}
	return unwatched
}

// sight is one observation of a known finding.
type sight struct {
	finding uint32
	line    uint32
	at      int64
}

const dayMicros = 24 * 60 * 60 * 1_000_000

// dayOf returns the UTC day of an instant, held between 1970 and 2149.
func dayOf(at int64) uint16 { return uint16(min(max(at/dayMicros, 0), 65535)) }

// loadIndex reads every finding and sighting and replays the journal.
func loadIndex(ctx context.Context, s *store.Store) (*index, error) {
	x := &index{
		least: marking.Red, more: map[uint32][]hot{}, claimed: map[uint32]int64{},
		dirtyMore: map[pair]struct{}{}, lowered: map[uint32]struct{}{},
	}
	err := s.View(ctx, func(tx *store.Tx) error {
		last, err := tx.LastFinding(ctx)
		if err != nil {
			return err
		}
		x.ids = make(map[finding.Key]uint32, last)
		if x.horizon, err = tx.Horizon(ctx); err != nil {
			return err
		}
		if err := tx.EachKnown(ctx, x.know); err != nil {
			return err
		}
		if err := tx.EachSighting(ctx, x.recall); err != nil {
			return err
		}
		return tx.Journal(ctx, func(stream int64, signal ident.Signal, blob []byte) error {
			part, ss, err := unpackSights(blob)
			if err != nil {
				return err
			}
			for _, s := range ss {
				x.apply(s, uint32(stream), uint32(signal), part)
			}
			x.journalled += len(ss)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("load the fold's index: %w", err)
	}
	return x, nil
}

func (x *index) know(k store.Known) error {
	if int(k.ID) != x.known+1 {
		return fmt.Errorf("finding %d follows finding %d: numbers must have no gap", k.ID, x.known)
	}
	if _, twice := x.ids[k.Key]; twice {
		return fmt.Errorf("finding %d has the key of another", k.ID)
	}
	n := x.add(k.Key, k.Severity)
	x.least = min(x.least, k.TLP)
	x.setState(n, k.State, k.StateAt)
	return nil
}

// add appends a finding without sightings and returns its number.
func (x *index) add(k finding.Key, s event.Severity) uint32 {
	if x.known%hotPage == 0 {
		x.pages = append(x.pages, new([hotPage]hot))
	}
	x.known++
	n := uint32(x.known)
	x.of(n).severity = s
	x.ids[k] = n
	if len(x.dirty)*64 < x.known {
		x.dirty = append(x.dirty, 0)
	}
	return n
}

func (x *index) setState(n uint32, s finding.State, at int64) {
	x.of(n).watch = watchOf(s)
	if s == finding.ClaimedFixed {
		x.claimed[n] = at
	} else {
		delete(x.claimed, n)
	}
}

// recall takes over a sighting row.
func (x *index) recall(s store.Sighting) error {
	n := uint32(s.Finding)
	if n == 0 || int(n) > x.known {
		return fmt.Errorf("a sighting of finding %d, which does not exist", s.Finding)
	}
	h := x.of(n)
	if h.stream != 0 {
		h = x.further(n, uint32(s.Stream))
	}
	h.first, h.last, h.days, h.stream, h.count = s.First, s.Last, s.Days, uint32(s.Stream), uint32(s.Count)
	h.signal, h.line, h.part, h.day = uint32(s.Signal), uint32(s.Line), uint16(s.Line>>32), uint16(s.LastDay)
	return nil
}

// lastOf returns the newest observation of a finding over all streams.
func (x *index) lastOf(n uint32) int64 {
	last := x.of(n).last
	for _, h := range x.more[n] {
		last = max(last, h.last)
	}
	return last
}

// seenBy reports whether a stream has seen a finding before.
func (x *index) seenBy(n, stream uint32) bool {
	return x.of(n).stream == stream || slices.ContainsFunc(x.more[n], func(h hot) bool { return h.stream == stream })
}

// further returns the counters of a stream that was not the first to see a finding, made where absent.
func (x *index) further(n, stream uint32) *hot {
	hs := x.more[n]
	for i := range hs {
		if hs[i].stream == stream {
			return &hs[i]
		}
	}
	x.more[n] = append(hs, hot{stream: stream})
	return &x.more[n][len(hs)]
}

// apply counts one observation. The result does not depend on the order in which observations come.
func (x *index) apply(s sight, stream, signal uint32, part uint16) {
	h := x.of(s.finding)
	switch h.stream {
	case stream:
		x.dirty[(s.finding-1)/64] |= 1 << ((s.finding - 1) % 64)
	case 0:
		h.stream = stream
		x.dirty[(s.finding-1)/64] |= 1 << ((s.finding - 1) % 64)
	default:
		h = x.further(s.finding, stream)
		x.dirtyMore[pair{s.finding, stream}] = struct{}{}
	}
	day := dayOf(s.at)
	if h.count == 0 {
		if s.at < x.of(s.finding).first && h.stream != x.of(s.finding).stream {
			x.lowered[s.finding] = struct{}{}
		}
		h.first, h.last, h.day, h.days = s.at, s.at, day, 1
		h.signal, h.line, h.part = signal, s.line, part
		h.count = 1
		return
	}
	h.count++
	if s.at < h.first {
		h.first = s.at
		x.lowered[s.finding] = struct{}{}
	}
	if s.at >= h.last {
		h.last = s.at
		h.signal, h.line, h.part = signal, s.line, part
	}
	switch {
	case day == h.day:
	case day > h.day:
		h.days = h.days<<min(day-h.day, 64) | 1
		h.day = day
	case h.day-day < 64:
		h.days |= 1 << (h.day - day)
	}
}

// row returns the sighting row of h.
func (h *hot) row(n uint32) store.Sighting {
	return store.Sighting{
		Finding: ident.Finding(n), Stream: int64(h.stream), First: h.first, Last: h.last, Count: int64(h.count),
		Days: h.days, LastDay: int64(h.day), Signal: ident.Signal(h.signal), Line: int64(h.part)<<32 | int64(h.line),
	}
}

const (
	packedSeconds = 1 // instants are whole seconds
	packedMicros  = 2 // instants are microseconds
)

// packSights encodes a chunk's observations for the journal: a unit byte, the part, then for each observation the
// differences of finding, instant and line to the one before as varints. A repeat in yesterday's order takes 3 to 5
// bytes.
func packSights(b []byte, part uint16, ss []sight) []byte {
	unit, code := int64(1_000_000), byte(packedSeconds)
	for i := range ss {
		if ss[i].at%unit != 0 {
			unit, code = 1, packedMicros
			break
		}
	}
	b = append(b, code)
	b = binary.AppendUvarint(b, uint64(part))
	var prev sight
	for _, s := range ss {
		b = binary.AppendVarint(b, int64(s.finding)-int64(prev.finding))
		b = binary.AppendVarint(b, (s.at-prev.at)/unit)
		b = binary.AppendVarint(b, int64(s.line)-int64(prev.line))
		prev = s
	}
	return b
}

// unpackSights is the inverse of packSights.
func unpackSights(b []byte) (part uint16, ss []sight, err error) {
	if len(b) == 0 || b[0] != packedSeconds && b[0] != packedMicros {
		return 0, nil, fmt.Errorf("journal: %d bytes of an unknown kind", len(b))
	}
	unit := int64(1)
	if b[0] == packedSeconds {
		unit = 1_000_000
	}
	p, n := binary.Uvarint(b[1:])
	if n <= 0 || p > 65535 {
		return 0, nil, fmt.Errorf("journal: no part number")
	}
	b = b[1+n:]
	var prev sight
	for len(b) > 0 {
		var v [3]int64
		for i := range v {
			if v[i], n = binary.Varint(b); n <= 0 {
				return 0, nil, fmt.Errorf("journal: cut off %d bytes before the end", len(b))
			}
			b = b[n:]
		}
		prev = sight{uint32(int64(prev.finding) + v[0]), uint32(int64(prev.line) + v[2]), prev.at + v[1]*unit}
		ss = append(ss, prev)
	}
	return uint16(p), ss, nil
}
