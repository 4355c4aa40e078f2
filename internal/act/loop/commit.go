package loop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/store"
)

// chunk is a run of rows that is committed at once.
type chunk struct {
	rows     int
	events   []parsedRow
	rejected []store.Rejected
	refused  int64
	end      feed.Position
}

func (x *run) newChunk() *chunk { return &chunk{} }

func (c *chunk) take(p *parsed) {
	for i := range p.rows {
		if p.rows[i].known == 0 && p.rows[i].fresh == nil && !p.rows[i].Gone {
			continue // kept aside while its event was read
		}
		c.events = append(c.events, p.rows[i])
	}
	c.rejected = append(c.rejected, p.rejected...)
	c.refused += p.refused
	c.end = p.batch.End
	c.rows = len(c.events) + len(c.rejected) + int(c.refused)
}

// effect is what a chunk does to the findings. It is worked out inside the transaction, because states may have
// changed since, and taken over into the index after the commit.
type effect struct {
	counts store.Counts
	sights []sight
	add    []store.Finding
	events [][]byte // of add, in order
	keys   map[finding.Key]uint32
	reopen map[uint32]int64 // finding -> the observation that refutes
	gone   map[uint32]int64 // finding -> the newest re-check that shows it gone
	worse  map[uint32]event.Severity
	raise  map[uint32]bool // findings that a stream sees for the first time whose feed may be marked more strictly
	days   map[uint16]int64
}

// commit writes one chunk: new findings, the packed sightings, state changes, rejected rows, the cursor and one ledger
// entry, in one transaction. Only when that is durable does the index learn of it.
func (x *run) commit(ctx context.Context, c *chunk) error {
	idx := x.l.fold.idx
	stored, kept := x.turn.keep(c.rejected)
	var e *effect
	err := x.l.store.Update(ctx, func(tx *store.Tx) error {
		if err := x.ready(ctx, tx); err != nil {
			return err
		}
		e = x.effect(idx, c)
		if err := x.write(ctx, tx, c, e); err != nil {
			return err
		}
		return tx.InsertRejected(ctx, stored)
	})
	if errors.Is(err, errRegister) {
		if x.register, x.version, err = x.l.registerAt(ctx, x.now); err != nil {
			return err
		}
		return x.commit(ctx, c)
	}
	if err != nil {
		return err
	}
	idx.take(e, x)
	x.signal.Cursor = store.Cursor{Part: x.part, Offset: c.end.Offset, Line: c.end.Line}
	x.signal.Counts.Add(e.counts)
	x.turn.kept = kept
	if x.turn.progress != nil {
		x.turn.progress(*x.signal)
	}
	if len(e.reopen) > 0 { // closed ones were left out when resources changed
		if _, err := x.l.ReattributeThese(ctx, x.now, access.ForSoftware("fold"), numbers(e.reopen)); err != nil {
			return err
		}
	}
	if x.l.set.PlainFold || idx.journalled >= x.l.writeBackRows() {
		if err := x.l.fold.writeBack(ctx, x.l.store); err != nil {
			return err
		}
	}
	return nil
}

// errRegister says that parties or resources changed since the run's register was compiled.
var errRegister = errors.New("the register has changed")

// ready makes sure that what the run rests on still holds: it is the one that folds, its register is the newest, its
// index has seen every finding and every change of state.
func (x *run) ready(ctx context.Context, tx *store.Tx) error {
	if err := tx.CheckFold(ctx, x.l.fold.term); err != nil {
		return err
	}
	version, err := tx.PartyVersion(ctx)
	if err != nil {
		return err
	}
	if version != x.version {
		return errRegister
	}
	return x.l.fold.idx.refresh(ctx, tx)
}

func (l *Loop) writeBackRows() int {
	if n := l.set.WriteBackRow; n > 0 {
		return n
	}
	return 10_000_000
}

// refresh learns the state changes that other acts made, and makes sure that no other process added findings.
func (x *index) refresh(ctx context.Context, tx *store.Tx) error {
	last, err := tx.LastFinding(ctx)
	if err != nil {
		return err
	}
	if int(last) != x.known {
		return fmt.Errorf("the index ends at finding %d, the database at %d: %w", x.known, last, fault.Conflict)
	}
	err = tx.HistorySince(ctx, x.horizon, func(c store.Change) error {
		x.setState(uint32(c.Finding), c.To, store.Micros(c.At))
		if c.Trigger == finding.Marked {
			x.least = marking.Clear // some finding is marked less strictly: look at each again
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.horizon, err = tx.Horizon(ctx)
	return err
}

// effect folds a chunk in memory.
func (x *run) effect(idx *index, c *chunk) *effect {
	e := &effect{
		sights: make([]sight, 0, len(c.events)), keys: map[finding.Key]uint32{}, reopen: map[uint32]int64{},
		gone: map[uint32]int64{}, worse: map[uint32]event.Severity{}, raise: map[uint32]bool{}, days: map[uint16]int64{},
	}
	received := store.Micros(x.signal.Received)
	for i := range c.events {
		r := &c.events[i]
		at := r.At
		if at == 0 || at > received+dayMicros {
			at = received // the source gives no instant, or one that cannot be
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
			if n != 0 {
				e.gone[n] = max(e.gone[n], at)
			}
			e.counts.Seen++
			continue
		case n == 0:
			n = uint32(idx.known + len(e.add) + 1)
			e.keys[r.Key] = n
			e.add = append(e.add, x.finding(n, r, at))
			e.events = append(e.events, r.fresh.event)
			e.counts.Found++
		case int(n) > idx.known:
			e.counts.Seen++
			f := &e.add[int(n)-idx.known-1]
			f.First = store.Instant(min(store.Micros(f.First), at))
			f.FeedSeverity, f.Severity = max(f.FeedSeverity, r.Severity), max(f.Severity, r.Severity)
		default:
			e.counts.Seen++
			e.meet(idx, n, at, r.Severity)
			if x.tlp > idx.least && !idx.seenBy(n, uint32(x.stream)) {
				e.raise[n] = true
			}
		}
		e.sights = append(e.sights, sight{finding: n, line: r.line, at: at})
		e.days[dayOf(at)]++
	}
	e.counts.Events = int64(len(c.events))
	e.counts.Rejected, e.counts.Refused = int64(len(c.rejected)), c.refused
	e.counts.Rows = e.counts.Events + e.counts.Rejected + e.counts.Refused
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

// write puts a chunk's effect into the transaction.
func (x *run) write(ctx context.Context, tx *store.Tx, c *chunk, e *effect) error {
	packed := packSights(make([]byte, 0, 16+len(e.sights)*6), uint16(x.part), e.sights)
	if err := x.settle(ctx, tx, e, packed); err != nil {
		return err
	}
	if err := tx.InsertFindings(ctx, e.add); err != nil {
		return err
	}
	if err := writeDetails(ctx, tx, e); err != nil {
		return err
	}
	if len(e.sights) > 0 {
		if err := tx.InsertJournal(ctx, x.stream, x.signal.ID, packed); err != nil {
			return err
		}
	}
	for n, s := range e.worse {
		if err := tx.RaiseSeverity(ctx, ident.Finding(n), s); err != nil {
			return err
		}
	}
	for ids := range slices.Chunk(numbers(e.raise), 1000) {
		if err := tx.RaiseMarks(ctx, ids, x.tlp); err != nil {
			return err
		}
	}
	for day, rows := range e.days {
		if err := tx.AddCycle(ctx, x.stream, finding.Day(day), rows, x.signal.Received); err != nil {
			return err
		}
	}
	if err := x.spoil(ctx, tx, e); err != nil {
		return err
	}
	if c.refused > 0 {
		if err := tx.AddCounter(ctx, "refused", int64(dayOf(store.Micros(x.now))), c.refused); err != nil {
			return err
		}
	}
	at := store.Cursor{Part: x.part, Offset: c.end.Offset, Line: c.end.Line}
	return tx.AdvanceSignal(ctx, x.signal.ID, x.stream, at, e.counts)
}

// spoil counts rows that were kept aside against the days that they belong to: those of the chunk's events, else the
// day of arrival and the one before. Rows that are read after all are taken off again.
func (x *run) spoil(ctx context.Context, tx *store.Tx, e *effect) error {
	if e.counts.Rejected == 0 {
		return nil
	}
	days := slices.Sorted(maps.Keys(e.days))
	if len(days) == 0 {
		arrival := dayOf(store.Micros(x.signal.Received))
		days = []uint16{arrival, arrival - 1}
	}
	for _, day := range days {
		if err := tx.SpoilCycle(ctx, x.stream, finding.Day(day), e.counts.Rejected); err != nil {
			return err
		}
	}
	return nil
}

// settle appends the chunk's ledger entry and carries out the state changes that its rows are evidence for.
func (x *run) settle(ctx context.Context, tx *store.Tx, e *effect, packed []byte) error {
	for n, at := range e.gone {
		last := x.l.fold.idx.lastKnown(n)
		for _, s := range e.sights {
			if s.finding == n {
				last = max(last, s.at)
			}
		}
		if at <= last || int(n) > x.l.fold.idx.known {
			delete(e.gone, n) // seen since: the re-check proves nothing
			continue
		}
		delete(e.reopen, n)
		is, err := tx.StandingOf(ctx, ident.Finding(n))
		if err != nil {
			return err
		}
		if _, err := finding.Next(is.State, finding.Gone); err != nil {
			delete(e.gone, n) // closed already
		}
	}
	digest := sha256.Sum256(packed)
	entry := foldEntry{
		Part: x.part, Rows: e.counts.Rows, Events: e.counts.Events, Rejected: e.counts.Rejected, Refused: e.counts.Refused,
		Digest: hex.EncodeToString(digest[:]), Reopened: numbers(e.reopen), Rechecked: numbers(e.gone),
	}
	if len(e.add) > 0 {
		entry.First, entry.Last = e.add[0].ID, e.add[len(e.add)-1].ID
	}
	seq, err := tx.Append(ctx, x.now, x.by, x.act, access.On(fmt.Sprintf("signal:%d", x.signal.ID)), "", entry)
	if err != nil {
		return err
	}
	for _, n := range entry.Reopened {
		seen := store.Instant(e.reopen[uint32(n)])
		_, err := change(ctx, tx, x.now, n, finding.SeenAgain, "software:fold", fmt.Sprintf("seen at %s in signal %d",
			seen.Format(time.RFC3339), x.signal.ID), "", time.Time{}, seq)
		if err != nil {
			return err
		}
		e.counts.Reopened++
	}
	for _, n := range entry.Rechecked {
		checked := store.Instant(e.gone[uint32(n)])
		evidence, err := finding.Recheck(x.stream, x.signal.ID, checked).Encode()
		if err != nil {
			return err
		}
		_, err = change(ctx, tx, x.now, n, finding.Gone, "software:fold", "re-check", evidence, time.Time{}, seq)
		if err != nil {
			return err
		}
		e.counts.Closed++
	}
	return nil
}

// foldEntry is the body of a chunk's ledger entry.
type foldEntry struct {
	Part      int             `json:"part"`
	Rows      int64           `json:"rows"`
	Events    int64           `json:"events"`
	Rejected  int64           `json:"rejected"`
	Refused   int64           `json:"refused"`
	First     ident.Finding   `json:"first,omitempty"` // new findings: first to last
	Last      ident.Finding   `json:"last,omitempty"`
	Reopened  []ident.Finding `json:"reopened,omitempty"`
	Rechecked []ident.Finding `json:"rechecked,omitempty"`
	Digest    string          `json:"sha256"` // of the packed sightings
}

// detailRows is the number of first events packed into one blob: small enough to read one quickly.
const detailRows = 512

var packer = mustPacker()

func mustPacker() *zstd.Encoder {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err) // constant options
	}
	return z
}

// writeDetails packs the first events of new findings, a JSON line each.
func writeDetails(ctx context.Context, tx *store.Tx, e *effect) error {
	var plain, packed []byte
	for i := 0; i < len(e.add); i += detailRows {
		end := min(i+detailRows, len(e.add))
		plain = plain[:0]
		for _, ev := range e.events[i:end] {
			plain = append(append(plain, ev...), '\n')
		}
		packed = packer.EncodeAll(plain, packed[:0])
		if err := tx.InsertDetail(ctx, e.add[i].ID, e.add[end-1].ID, packed); err != nil {
			return err
		}
	}
	return nil
}

// take makes the index equal to what was committed.
func (x *index) take(e *effect, r *run) {
	x.mu.Lock()
	for i := range e.add {
		x.add(e.add[i].Key, e.add[i].FeedSeverity)
		x.least = min(x.least, e.add[i].Mark.TLP)
	}
	x.mu.Unlock()
	for n, s := range e.worse {
		x.of(n).severity = s
	}
	for _, s := range e.sights {
		x.apply(s, uint32(r.stream), uint32(r.signal.ID), uint16(r.part))
	}
	x.journalled += len(e.sights)
}
