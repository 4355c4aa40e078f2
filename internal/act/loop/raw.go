package loop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/feed/format"
	"tocsin/internal/feed/veil"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// RawRow is the newest row of one stream about a finding, as received.
type RawRow struct {
	Signal  ident.Signal
	Name    string // of the signal
	Hash    string // of its bytes
	Line    int64
	Columns []string
	Raw     []byte // with what is sealed in the event left out
	Held    bool   // nothing is shown: the row may hold secrets and cannot be taken apart
	Event   event.Event
}

// errEnough ends a walk over parts early.
var errEnough = errors.New("enough")

// RawRows reads the newest row of every stream about a finding from the archive; ErrLook where by did not say why. A row deep in a large signal takes as
// long as reading up to it; the context bounds that.
func (l *Loop) RawRows(ctx context.Context, now time.Time, by access.Actor, id ident.Finding) ([]RawRow, error) {
	var sightings []store.Sighting
	var is store.Finding
	err := l.store.View(ctx, func(tx *store.Tx) error {
		if err := mayRead(ctx, tx, now, by, id); err != nil {
			return err
		}
		said, err := looked(ctx, tx, now, by, fmt.Sprintf("finding:%d", id))
		if err != nil || !said {
			return errors.Join(err, ErrLook)
		}
		if is, err = tx.FindingByID(ctx, id); err != nil {
			return err
		}
		sightings, err = tx.SightingsOf(ctx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []RawRow
	for _, g := range sightings {
		r, err := l.rawRow(ctx, g, is.Key)
		if err != nil {
			return nil, fmt.Errorf("raw rows of finding %d: %w", id, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func (l *Loop) rawRow(ctx context.Context, g store.Sighting, key finding.Key) (RawRow, error) {
	s, err := l.Signal(ctx, g.Signal)
	if err != nil {
		return RawRow{}, err
	}
	part, line := int(g.Line>>32), g.Line&0xffffffff
	r := RawRow{Signal: s.ID, Name: s.Name, Hash: s.Blob, Line: line}
	err = l.withPart(ctx, s, part, func(p *feed.Part) error {
		r.Columns = p.Columns
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			b, err := p.Next(batchRows)
			if err != nil {
				return err
			}
			if found, err := r.find(b, &p.Opened, key); found || err != nil {
				return err
			}
		}
	})
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("line %d of signal %d: %w", line, s.ID, fault.NotFound)
	}
	return r, err
}

// find takes the record of r's line out of a batch, and gives the batch back. Of a record that names several assets it is what
// it says of the finding's.
func (r *RawRow) find(b *feed.Batch, o *feed.Opened, key finding.Key) (bool, error) {
	defer b.Release()
	for _, rec := range b.Records {
		if rec.Line != r.Line {
			continue
		}
		one, ev, err := o.AssetOf(rec, key)
		if err != nil {
			return true, err
		}
		r.Raw, r.Held = veiled(r.Columns, append([]byte(nil), one.Bytes...))
		r.Event = ev
		return true, nil
	}
	return false, nil
}

// veiled is veil.Record the other way round.
func veiled(columns []string, raw []byte) (shown []byte, held bool) {
	shown, ok := veil.Record(columns, raw)
	return shown, !ok
}

// withPart opens one part of a signal and calls f with it.
func (l *Loop) withPart(ctx context.Context, s store.Signal, part int, f func(*feed.Part) error) error {
	pack, _, err := l.packOf(ctx, s.Feed)
	if err != nil {
		return err
	}
	blob, err := l.archive.Get(s.Blob)
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }() // only read from
	i := -1
	err = l.eachPart(s.Name, blob, func(name string, r io.Reader) error {
		if i++; i != part {
			return nil
		}
		p, err := format.Open(pack, name, r, feed.Options{Key: l.set.Key})
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// FirstEvent returns the event that made a finding.
func (l *Loop) FirstEvent(ctx context.Context, now time.Time, by access.Actor, id ident.Finding) (event.Event, error) {
	var ev event.Event
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		if err := mayRead(ctx, tx, now, by, id); err != nil {
			return err
		}
		ev, err = firstEvent(ctx, tx, id)
		return err
	})
	return ev, err
}

var unpacker = mustUnpacker()

func mustUnpacker() *zstd.Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		panic(err) // constant options
	}
	return z
}

// firstEvent reads the event that made a finding from its packed blob.
func firstEvent(ctx context.Context, tx *store.Tx, id ident.Finding) (event.Event, error) {
	first, blob, err := tx.DetailOf(ctx, id)
	if err != nil {
		return event.Event{}, fmt.Errorf("event of finding %d: %w", id, err)
	}
	plain, err := unpacker.DecodeAll(blob, nil)
	if err != nil {
		return event.Event{}, fmt.Errorf("event of finding %d: %w", id, err)
	}
	for range id - first {
		plain = plain[nextLine(plain):]
	}
	return event.Decode(plain[:max(nextLine(plain)-1, 0)])
}

// nextLine returns the offset behind the first line end of b, at most len(b).
func nextLine(b []byte) int {
	for i, c := range b {
		if c == '\n' {
			return i + 1
		}
	}
	return len(b)
}

// Replayed says what became of rows that had been kept aside.
type Replayed struct {
	Tried, Events, Still int64
}

// Replay reads the rows of a signal that were kept aside once more, after the pack or schema was mended. Those that
// now become events are folded as if they had come with the rest.
func (l *Loop) Replay(ctx context.Context, now time.Time, by access.Actor, id ident.Signal) (Replayed, error) {
	l.fold.mu.Lock()
	defer l.fold.mu.Unlock()
	var done Replayed
	if err := l.fold.acquire(ctx, l.store); err != nil {
		return done, err
	}
	s, err := l.Signal(ctx, id)
	if err != nil {
		return done, err
	}
	if s.State == "received" {
		return done, fault.New(fault.Conflict, "signal %d is still being read", id)
	}
	aside, err := l.aside(ctx, id)
	if err != nil {
		return done, err
	}
	for part, rows := range aside {
		if err := l.replayPart(ctx, now, by, &s, part, rows, &done); err != nil {
			return done, errors.Join(fmt.Errorf("replay signal %d: %w", id, err), l.fold.forget(err))
		}
	}
	return done, nil
}

// aside returns the rows of a signal that were kept aside and not read since, by part.
func (l *Loop) aside(ctx context.Context, id ident.Signal) (map[int][]store.Rejected, error) {
	out := map[int][]store.Rejected{}
	part, line := -1, int64(0)
	for {
		var page []store.Rejected
		err := l.store.View(ctx, func(tx *store.Tx) (err error) {
			page, err = tx.RejectedOf(ctx, id, part, line, 10_000)
			return err
		})
		if err != nil || len(page) == 0 {
			return out, err
		}
		for _, r := range page {
			if r.Replayed.IsZero() {
				out[r.Part] = append(out[r.Part], r)
			}
			part, line = r.Part, r.Line
		}
	}
}

func (l *Loop) replayPart(ctx context.Context, now time.Time, by access.Actor, s *store.Signal, part int, rows []store.Rejected, done *Replayed) error {
	register, version, err := l.registerAt(ctx, now)
	if err != nil {
		return err
	}
	pack, tlp, err := l.packOf(ctx, s.Feed)
	if err != nil {
		return err
	}
	return l.withPart(ctx, *s, part, func(p *feed.Part) error {
		x := run{l: l, now: now, signal: s, pack: pack, tlp: tlp, part: part, opened: p, register: register, version: version, by: by, act: "signal.replay"}
		if err := x.open(ctx); err != nil {
			return err
		}
		b := &feed.Batch{}
		for _, r := range rows {
			if r.Held {
				continue
			}
			b.Records = append(b.Records, feed.Record{Line: r.Line, Offset: r.Offset, Bytes: r.Raw})
		}
		read := x.parseBatch(b, &feed.Scratch{})
		if err := x.reread(ctx, rows, read); err != nil {
			return err
		}
		still := map[int64]bool{}
		for _, r := range read.rejected {
			still[r.Line] = true
		}
		read.rejected, read.refused, read.aside = nil, 0, nil
		c := x.newChunk()
		c.take(read)
		done.Tried += int64(len(rows))
		done.Events += int64(len(c.events))
		done.Still += int64(len(still))
		return x.commitReplay(ctx, c, rows, still)
	})
}

// released counts the rows that waited for a person and no longer do.
func released(rows []store.Rejected, still map[int64]bool) int64 {
	n := int64(0)
	for _, r := range rows {
		if r.Held && !still[r.Line] {
			n++
		}
	}
	return n
}

// reread reads rows once more whose bytes were not copied out of the archive, and adds what becomes of them to read.
func (x *run) reread(ctx context.Context, rows []store.Rejected, read *parsed) error {
	wanted := map[int64]bool{}
	for _, r := range rows {
		if r.Held {
			wanted[r.Line] = true
		}
	}
	var scratch feed.Scratch
	for len(wanted) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := x.opened.Next(batchRows)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b.Bad = b.Bad[:0]
		b.Records = slices.DeleteFunc(b.Records, func(r feed.Record) bool { return !wanted[r.Line] })
		for _, r := range b.Records {
			delete(wanted, r.Line)
		}
		p := x.parseBatch(b, &scratch)
		read.rows, read.rejected = append(read.rows, p.rows...), append(read.rejected, p.rejected...)
		b.Release()
	}
	return nil
}

// commitReplay folds rows that became readable: like commit, but the cursor stays and rejected rows become events.
func (x *run) commitReplay(ctx context.Context, c *chunk, rows []store.Rejected, still map[int64]bool) error {
	if len(c.events) == 0 {
		return nil
	}
	idx := x.l.fold.idx
	c.end.Offset, c.end.Line = x.signal.Cursor.Offset, x.signal.Cursor.Line
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
		e.counts.Rows, e.counts.Rejected, e.counts.Held = 0, -c.records, -released(rows, still)
		if err := x.write(ctx, tx, c, e); err != nil {
			return err
		}
		for _, r := range rows {
			if still[r.Line] {
				continue
			}
			if err := tx.MarkReplayed(ctx, r, x.now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	idx.take(e, x)
	x.signal.Counts.Add(e.counts)
	return nil
}
