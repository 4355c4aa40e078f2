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
	records  int64 // that became events: one record may name several assets
	rejected []store.Rejected
	refused  int64
	sources  map[string]int64 // rows kept aside by the source that they name; every source of an event has an entry
	end      feed.Position
}

func (x *run) newChunk() *chunk { return &chunk{sources: map[string]int64{"": 0}} }

func (c *chunk) take(p *parsed) {
	last := ""
	for i := range p.rows {
		if p.rows[i].dropped {
			continue // kept aside while its event was read
		}
		if !p.rows[i].more {
			c.records++
		}
		c.events = append(c.events, p.rows[i])
		if s := p.rows[i].Source; s != last {
			c.sources[s] += 0
			last = s
		}
	}
	for source, n := range p.aside {
		c.sources[source] += n
	}
	c.rejected = append(c.rejected, p.rejected...)
	c.refused += p.refused
	c.end = p.batch.End
	c.rows = len(c.events) + len(c.rejected) + int(c.refused)
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
		streams, err := x.streamsIn(ctx, tx, c)
		if err != nil {
			return err
		}
		e = x.effect(idx, c, streams)
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

// write puts a chunk's effect into the transaction.
func (x *run) write(ctx context.Context, tx *store.Tx, c *chunk, e *effect) error {
	digest := sha256.New()
	var packed [][]byte
	for _, g := range e.groups {
		b := packSights(make([]byte, 0, 16+len(g.sights)*6), uint16(x.part), g.sights)
		digest.Write(b)
		packed = append(packed, b)
	}
	marked, err := raiseMarks(ctx, tx, e)
	if err != nil {
		return err
	}
	if err := x.settle(ctx, tx, e, hex.EncodeToString(digest.Sum(nil)), marked); err != nil {
		return err
	}
	if err := tx.InsertFindings(ctx, e.add); err != nil {
		return err
	}
	if err := writeDetails(ctx, tx, e); err != nil {
		return err
	}
	for i, g := range e.groups {
		if len(g.sights) > 0 {
			if err := tx.InsertJournal(ctx, g.stream, x.signal.ID, g.low(), g.high(), packed[i]); err != nil {
				return err
			}
		}
	}
	for n, s := range e.worse {
		if err := tx.RaiseSeverity(ctx, ident.Finding(n), s); err != nil {
			return err
		}
	}
	if err := x.cycles(ctx, tx, e); err != nil {
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

// cycles counts the rows of a chunk for their streams and days. Rows that were kept aside count against the days of
// their stream in the chunk; before any is known against those of the whole chunk, else the day of arrival and the one
// before, and once more against the first days that are known. Rows that do not name their source may be of any.
func (x *run) cycles(ctx context.Context, tx *store.Tx, e *effect) error {
	file := store.FileOf(x.signal.ID, x.part)
	if e.counts.Rejected < 0 { // rows that were read after all: their file was counted before
		file = 0
	}
	all := map[uint16]bool{}
	for _, g := range e.groups {
		most := mostOf(g.days)
		for day, rows := range g.days {
			all[day] = true
			d := store.Delivered{Day: finding.Day(day), Rows: rows, At: x.signal.Received}
			if day == most { // a few rows of the day before or after do not make it another file of that day
				d.File = file
			}
			if err := tx.AddCycle(ctx, g.stream, d); err != nil {
				return err
			}
		}
	}
	arrival := dayOf(store.Micros(x.signal.Received))
	unknown := int64(0) // rows that may be of any source
	if x.opened.Sourced {
		unknown = e.of[x.stream].aside
	}
	for _, g := range e.groups {
		aside := g.aside
		if e.counts.Rejected < 0 {
			aside = max(e.counts.Rejected, -sum(g.days))
		} else if len(g.days) > 0 {
			aside += x.pending[g.stream]
		}
		if g.stream != x.stream {
			aside += unknown
		}
		if aside == 0 {
			continue
		}
		days := slices.Sorted(maps.Keys(g.days))
		if len(days) == 0 {
			days = slices.Sorted(maps.Keys(all))
		}
		if len(days) == 0 {
			days = []uint16{arrival, arrival - 1}
		}
		for _, day := range days {
			if err := tx.SpoilCycle(ctx, g.stream, finding.Day(day), aside, x.signal.Received); err != nil {
				return err
			}
		}
	}
	return nil
}

// mostOf returns the day that has the most rows, the earliest of several.
func mostOf(rows map[uint16]int64) (most uint16) {
	for day, n := range rows {
		if n > rows[most] || n == rows[most] && day < most {
			most = day
		}
	}
	return most
}

func sum(rows map[uint16]int64) (n int64) {
	for _, r := range rows {
		n += r
	}
	return n
}

// remember takes over what a committed chunk said of streams.
func (x *run) remember(e *effect) {
	if x.pending == nil {
		x.pending = map[int64]int64{}
	}
	for _, g := range e.groups {
		if len(g.days) > 0 {
			delete(x.pending, g.stream)
		} else {
			x.pending[g.stream] += g.aside
		}
	}
	if x.opened.Sourced {
		for source, id := range e.streams {
			if source != "" && id != x.stream {
				x.sources[source] = id
			}
		}
	}
}

// settle appends the chunk's ledger entry and carries out the state changes that its rows are evidence for.
func (x *run) settle(ctx context.Context, tx *store.Tx, e *effect, digest string, marked []markedEntry) error {
	for n, said := range e.gone {
		last := x.l.fold.idx.lastKnown(n)
		for _, g := range e.groups {
			for _, s := range g.sights {
				if s.finding == n {
					last = max(last, s.at)
				}
			}
		}
		if said.at <= last || int(n) > x.l.fold.idx.known {
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
	entry := foldEntry{
		Part: x.part, Rows: e.counts.Rows, Events: e.counts.Events, Rejected: e.counts.Rejected, Refused: e.counts.Refused,
		Held: e.counts.Held, Marked: marked, Digest: digest, Reopened: numbers(e.reopen), Rechecked: numbers(e.gone),
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
		said := e.gone[uint32(n)]
		evidence, err := finding.Recheck(said.stream, x.signal.ID, store.Instant(said.at)).Encode()
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
	Held      int64           `json:"held,omitempty"`  // of the rejected: marked TLP:RED
	First     ident.Finding   `json:"first,omitempty"` // new findings: first to last
	Last      ident.Finding   `json:"last,omitempty"`
	Reopened  []ident.Finding `json:"reopened,omitempty"`
	Rechecked []ident.Finding `json:"rechecked,omitempty"`
	Marked    []markedEntry   `json:"marked,omitempty"` // known findings that the source marks more strictly
	Digest    string          `json:"sha256"`           // of the packed sightings
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
	for _, g := range e.groups {
		for _, s := range g.sights {
			x.apply(s, uint32(g.stream), uint32(r.signal.ID), uint16(r.part))
		}
		x.journalled += len(g.sights)
	}
	r.remember(e)
}
