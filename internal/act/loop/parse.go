package loop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"tocsin/internal/feed"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// batchRows is the number of records that one goroutine parses at a time.
const batchRows = 4096

// aheadBatches is how many batches parsers may be ahead of the commit: more than a chunk, so that neither waits for the
// other. With rows of 1 MiB it is what takes the memory.
const aheadBatches = 5

// parsed is a batch as the fold takes it.
type parsed struct {
	batch    *feed.Batch
	rows     []parsedRow
	assets   []feed.Record // by row, where records may name several assets
	rejected []store.Rejected
	refused  int64
	held     []feed.Row       // rows that wait for a person
	aside    map[string]int64 // rejected rows by the source that they name
}

// parsedRow is one event. known is its finding's number where the index had it when the row was parsed; otherwise
// fresh holds what a new finding needs.
type parsedRow struct {
	feed.Row
	line  uint32
	known uint32
	fresh *fresh

	more    bool // the record of the row before it names this asset too
	dropped bool // its record is kept aside
}

// fresh is a finding to be.
type fresh struct {
	identity finding.Identity
	class    *notice.Class
	subject  party.Subject
	event    []byte // JSON
}

// parse starts the goroutines that cut and parse a part. The channel yields one channel per batch, in order; each
// yields one parsed batch. The error channel then has the reader's error, or nil.
func (x *run) parse(ctx context.Context, workers int) (<-chan chan *parsed, <-chan error) {
	ordered := make(chan chan *parsed, aheadBatches)
	failed := make(chan error, 1)
	type job struct {
		batch *feed.Batch
		done  chan *parsed
	}
	jobs := make(chan job)
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() {
			var scratch feed.Scratch
			for j := range jobs {
				j.done <- x.parseBatch(j.batch, &scratch)
			}
		})
	}
	go func() {
		defer close(ordered)
		defer pool.Wait()
		defer close(jobs)
		for {
			b, err := x.opened.Next(batchRows)
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				failed <- err
				return
			}
			j := job{b, make(chan *parsed, 1)}
			select {
			case <-ctx.Done():
				b.Release()
				failed <- ctx.Err()
				return
			case ordered <- j.done:
				jobs <- j
			}
		}
	}()
	return ordered, failed
}

// parseBatch reads every record of a batch; for those of findings not known yet it reads the whole event.
func (x *run) parseBatch(b *feed.Batch, scratch *feed.Scratch) *parsed {
	p := &parsed{batch: b, rows: make([]parsedRow, 0, len(b.Records))}
	at := make([]int32, 0, len(b.Records))
	for i := range b.Bad {
		bad := &b.Bad[i]
		p.reject(x, feed.Record{Line: bad.Line, Offset: bad.Offset, Bytes: bad.Raw}, "", bad.Reject)
	}
	for i := range b.Records {
		before := len(p.rows)
		x.readRecord(p, b.Records[i], scratch)
		for range p.rows[before:] {
			at = append(at, int32(i))
		}
	}
	idx := x.l.fold.idx
	idx.mu.RLock()
	for i := range p.rows {
		p.rows[i].known = idx.ids[p.rows[i].Key]
	}
	for _, h := range p.held {
		if idx.ids[h.Key] != 0 {
			p.putAside(x, h.Source, heldWeight)
		}
	}
	idx.mu.RUnlock()
	for i := range p.rows {
		r := &p.rows[i]
		if r.known != 0 || r.Gone || r.dropped {
			continue
		}
		rec := b.Records[at[i]]
		if p.assets != nil {
			rec = p.assets[i]
		}
		var err error
		if r.fresh, err = x.freshFinding(rec); err != nil {
			p.drop(at, i)
			p.reject(x, b.Records[at[i]], r.Source, err)
		}
	}
	return p
}

// readRecord reads the row of a record, or of each asset that it names. A record is taken in whole or kept aside whole.
func (x *run) readRecord(p *parsed, rec feed.Record, scratch *feed.Scratch) {
	if x.opened.Split == nil {
		x.readRow(p, rec, rec, scratch)
		return
	}
	assets, err := x.opened.Assets(rec)
	if err != nil {
		p.reject(x, rec, "", err)
		return
	}
	first := len(p.rows)
	for _, one := range assets {
		if !x.readRow(p, rec, one, scratch) {
			p.rows, p.assets = p.rows[:first], p.assets[:first]
			return
		}
		last := len(p.rows) - 1
		if slices.ContainsFunc(p.rows[first:last], func(r parsedRow) bool { return r.Key == p.rows[last].Key }) {
			p.rows = p.rows[:last] // the same asset again
			continue
		}
		p.rows[last].more = last > first
		p.assets = append(p.assets, one)
	}
}

// readRow reads the row of one asset of a record. It reports false where the record is kept aside: what lies more than a day
// ahead of its arrival was not seen then, and nobody knows when it was.
func (x *run) readRow(p *parsed, rec, one feed.Record, scratch *feed.Scratch) bool {
	row, err := x.opened.Decoder.Row(one, scratch)
	if err != nil {
		p.reject(x, rec, row.Source, err)
		return false
	}
	if why := row.Mark.Held(); why != nil {
		p.hold(x, rec, row, why)
		return false
	}
	if received := store.Micros(x.signal.Received); row.At > received+dayMicros {
		p.reject(x, rec, row.Source, &feed.Reject{Field: "time.source", Reason: fmt.Sprintf("says %s, more than a day after the signal came: the time of a sighting was expected",
			store.Instant(row.At).Format(time.RFC3339))})
		return false
	}
	p.rows = append(p.rows, parsedRow{Row: row, line: uint32(rec.Line)})
	return true
}

// drop takes out the rows of the record that row i is of.
func (p *parsed) drop(at []int32, i int) {
	for j := range p.rows {
		if at[j] == at[i] {
			p.rows[j].dropped = true
		}
	}
}

func (p *parsed) reject(x *run, rec feed.Record, source string, err error) {
	var out *feed.OutOfRemit
	var left *feed.LeftOut
	switch {
	case errors.As(err, &out):
		p.refused++
		return
	case errors.As(err, &left):
		return // like a comment: the pack says that it is no row of ours
	}
	field, reason := "", err.Error()
	if why, ok := errors.AsType[*feed.Reject](err); ok {
		field, reason = why.Field, why.Reason
	}
	p.putAside(x, source, 1)
	p.rejected = append(p.rejected, store.Rejected{
		Signal: x.signal.ID, Part: x.part, Line: rec.Line, Offset: rec.Offset, Field: field, Reason: reason,
		Raw: append([]byte(nil), rec.Bytes...),
	})
}

// putAside counts rows that were kept aside against their source.
func (p *parsed) putAside(x *run, source string, n int64) {
	if p.aside == nil {
		p.aside = map[string]int64{}
	}
	if !x.opened.Sourced {
		source = ""
	}
	p.aside[source] += n
}

// heldWeight is how many rows a held one counts for that is about a known finding: so many that the day is no evidence of
// absence. The source did see the problem, and nobody may be told.
const heldWeight = 1 << 24

// hold keeps a row aside that waits for a person, without its bytes.
func (p *parsed) hold(x *run, rec feed.Record, row feed.Row, why error) {
	p.putAside(x, row.Source, 1)
	p.held = append(p.held, row)
	p.rejected = append(p.rejected, store.Rejected{
		Signal: x.signal.ID, Part: x.part, Line: rec.Line, Offset: rec.Offset, Field: "tlp", Reason: why.Error(), Raw: []byte{}, Held: true,
	})
}

// freshFinding reads the whole event of a record whose finding is new. Row read it without error, so Event does too;
// should the two ever differ, the record is kept aside instead of lost.
func (x *run) freshFinding(rec feed.Record) (*fresh, error) {
	ev, err := x.opened.Decoder.Event(rec)
	if err != nil {
		return nil, err
	}
	id, err := finding.Identify(ev)
	if err != nil {
		return nil, err
	}
	body, err := ev.Encode(nil)
	if err != nil {
		return nil, err
	}
	subject := x.l.subject(ev, id)
	subject.Feed, subject.Stream, subject.Type, subject.Identifier = x.signal.Feed, x.opened.Stream, id.Type, id.Identifier
	return &fresh{
		identity: id, event: body, subject: subject,
		class: x.l.library.Class(id.Identifier, x.opened.Stream, id.Type),
	}, nil
}

// mark is what the feed asks for of everything that it brings.
func (x *run) mark() marking.Mark { return marking.Mark{TLP: x.tlp, PAP: marking.PAPGreen} }

// finding makes the row of a new finding from its first observation.
func (x *run) finding(n uint32, r *parsedRow, at, stream int64) store.Finding {
	f := r.fresh
	f.subject.Severity = max(f.class.Level(), r.Severity)
	a := x.register.Attribute(f.subject)
	return store.Finding{
		ID: ident.Finding(n), Key: r.Key, Identity: f.identity, Class: f.class.Class,
		Severity: f.subject.Severity, FeedSeverity: r.Severity, Stream: stream,
		First: store.Instant(at), Created: x.now, Party: a.Party, Basis: a.Basis,
		Matched: a.Matched, Confidence: a.Confidence, Region: a.Region,
		State: finding.Open, StateAt: x.now, Mark: x.mark().Max(r.Mark),
	}
}
