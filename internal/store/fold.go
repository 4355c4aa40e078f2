package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

const findingInsert = `insert into finding (id, key, asset_kind, asset, port, transport, type, identifier, malware, class,
	severity, feed_severity, stream_id, first_at, created_at, party_id, basis, matched, confidence, region, state, state_at, tlp, pap) values `

// InsertFindings writes new findings in order of id.
func (t *Tx) InsertFindings(ctx context.Context, fs []Finding) error {
	const width, rows = 24, 40
	if err := t.countNew(ctx, fs); err != nil {
		return err
	}
	t.coverNew(fs)
	args := make([]any, 0, rows*width)
	var full *sql.Stmt
	for len(fs) > 0 {
		n := min(len(fs), rows)
		args = args[:0]
		for i := range fs[:n] {
			args = appendFinding(args, &fs[i])
		}
		var err error
		switch {
		case n < rows:
			_, err = t.writing().ExecContext(ctx, findingInsert+t.d.tuples(n, width), args...)
			err = t.classify(err)
		case full == nil:
			if full, err = t.writing().PrepareContext(ctx, findingInsert+t.d.tuples(rows, width)); err != nil {
				return fmt.Errorf("insert findings: %w", err)
			}
			defer func() { _ = full.Close() }() // the transaction's end closes it as well
			fallthrough
		default:
			_, err = full.ExecContext(ctx, args...)
		}
		if err != nil {
			return fmt.Errorf("insert findings from %d: %w", fs[0].ID, err)
		}
		fs = fs[n:]
	}
	return nil
}

// appendFinding appends the values of a row in the order of findingInsert.
func appendFinding(args []any, f *Finding) []any {
	id := &f.Identity
	return append(args, int64(f.ID), f.Key[:], string(id.Asset.Kind), id.Asset.Value, int64(id.Port), id.Transport, id.Type,
		id.Identifier, id.Malware, f.Class, int64(f.Severity), int64(f.FeedSeverity), f.Stream, Micros(f.First),
		Micros(f.Created), string(f.Party), string(f.Basis), f.Matched, int64(f.Confidence), f.Region, string(f.State), Micros(f.StateAt), int64(f.Mark.TLP), int64(f.Mark.PAP))
}

// newFinding says where the columns of a finding that is covered stand in findingInsert; -1: not there, and the value is
// that of a new row.
var newFinding = func() []int {
	_, list, _ := strings.Cut(findingInsert, "(")
	list, _, _ = strings.Cut(list, ")")
	names := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
	out := make([]int, len(coverings["finding"].columns))
	for i, name := range coverings["finding"].columns {
		out[i] = slices.Index(names, name)
	}
	return out
}()

// freshFinding are the values of columns that findingInsert leaves to the schema.
var freshFinding = map[string]any{"embargo_at": nil, "lowered_from": int64(0)}

// coverNew covers new findings, in order of id, without reading them again: of whole blocks the digest is made of what is
// written, and the others are read when the transaction ends.
func (t *Tx) coverNew(fs []Finding) {
	c := coverings["finding"]
	values := make([]any, len(c.columns))
	var args []any
	for len(fs) > 0 {
		block := int64(fs[0].ID) / c.Block
		n := 1
		for n < len(fs) && int64(fs[n].ID)/c.Block == block {
			n++
		}
		x := touched{group: []any{int64(fs[0].ID)}}
		if x.fresh = int64(fs[0].ID)%c.Block == 0; x.fresh {
			var g groupSum
			for i := range fs[:n] {
				args = appendFinding(args[:0], &fs[i])
				for j, at := range newFinding {
					if at < 0 {
						values[j] = freshFinding[c.columns[j]]
					} else {
						values[j] = args[at]
					}
				}
				g.add(values)
			}
			x.sum = g.h.Sum(nil)
		}
		t.touch(c, x)
		fs = fs[n:]
	}
}

// InsertDetail writes the first events of findings first to last, packed in one blob.
func (t *Tx) InsertDetail(ctx context.Context, first, last ident.Finding, blob []byte) error {
	_, err := t.exec(ctx, "insert into detail (first_id, last_id, blob) values ($1, $2, $3)", first, last, blob)
	return err
}

// DetailOf returns the blob that holds a finding's first event, and the number of the blob's first finding.
func (t *Tx) DetailOf(ctx context.Context, id ident.Finding) (first ident.Finding, blob []byte, err error) {
	var last ident.Finding
	err = t.row(ctx, "select first_id, last_id, blob from detail where first_id <= $1 order by first_id desc limit 1",
		[]any{id}, &first, &last, &blob)
	if err == nil && last < id {
		err = fault.NotFound
	}
	return first, blob, err
}

// InsertJournal writes one chunk's packed sightings, which are of findings low to high; the number is the chunk's, counted
// from 1.
func (t *Tx) InsertJournal(ctx context.Context, stream int64, signal ident.Signal, low, high ident.Finding, blob []byte) error {
	_, err := t.exec(ctx, `insert into journal (id, stream_id, signal_id, low, high, blob)
		values ((select coalesce(max(j.id), 0) + 1 from journal j), $1, $2, $3, $4, $5)`, stream, signal, low, high, blob)
	return err
}

// journalWritten is the number of the newest chunk whose sightings are counted in their rows.
const journalWritten = "(select m.written from journal_mark m where m.id = 1)"

// Journal calls f for every chunk that is not written back yet, oldest first.
func (t *Tx) Journal(ctx context.Context, f func(stream int64, signal ident.Signal, blob []byte) error) error {
	return t.each(ctx, "select stream_id, signal_id, blob from journal where id > "+journalWritten+" order by id", nil, func(r *sql.Rows) error {
		var stream int64
		var signal ident.Signal
		var blob []byte
		if err := r.Scan(&stream, &signal, &blob); err != nil {
			return err
		}
		return f(stream, signal, blob)
	})
}

// MarkJournal notes that all sightings of the journal are in their rows, in the transaction that wrote them back. The
// journal stays: it leads from a finding to the lines that it was seen in.
func (t *Tx) MarkJournal(ctx context.Context) error {
	_, err := t.exec(ctx, "update journal_mark set written = (select coalesce(max(j.id), 0) from journal j) where id = 1")
	return err
}

// JournalSince calls f for every chunk after number after that may have seen one of the findings low to high, oldest first,
// and returns the number of the newest chunk that there is.
func (t *Tx) JournalSince(ctx context.Context, after int64, low, high ident.Finding, f func(id int64, signal ident.Signal, blob []byte) error) (int64, error) {
	var last int64
	if err := t.row(ctx, "select coalesce(max(id), 0) from journal", nil, &last); err != nil {
		return 0, err
	}
	return last, t.each(ctx, "select id, signal_id, blob from journal where id > $1 and id <= $2 and low <= $3 and high >= $4 order by id",
		[]any{after, last, high, low}, func(r *sql.Rows) error {
			var id int64
			var signal ident.Signal
			var blob []byte
			if err := r.Scan(&id, &signal, &blob); err != nil {
				return err
			}
			return f(id, signal, blob)
		})
}

// Sighting is how one stream has seen one finding.
type Sighting struct {
	Finding ident.Finding
	Stream  int64
	First   int64 // microseconds UTC
	Last    int64
	Count   int64
	Days    uint64 // bit i: seen on UTC day LastDay - i
	LastDay int64
	Signal  ident.Signal // that carried the newest observation
	Line    int64        // its line
}

const sightingInsert = `insert into sighting (finding_id, stream_id, first_at, last_at, count, cycles, days, last_day, last_signal,
	last_line) values `

const sightingUpdate = ` on conflict (finding_id, stream_id) do update set first_at = excluded.first_at,
	last_at = excluded.last_at, count = excluded.count, cycles = excluded.cycles, days = excluded.days,
	last_day = excluded.last_day, last_signal = excluded.last_signal, last_line = excluded.last_line`

// PutSightings writes sightings over what was there. Sorted by finding they touch neighbouring pages.
func (t *Tx) PutSightings(ctx context.Context, ss []Sighting) error {
	const width, rows = 10, 90
	if len(ss) == 0 {
		return nil
	}
	full, err := t.writing().PrepareContext(ctx, sightingInsert+t.d.tuples(rows, width)+sightingUpdate)
	if err != nil {
		return fmt.Errorf("write sightings: %w", err)
	}
	defer func() { _ = full.Close() }() // the transaction's end closes it as well
	args := make([]any, 0, rows*width)
	for len(ss) > 0 {
		n := min(len(ss), rows)
		args = args[:0]
		for i := range ss[:n] {
			s := &ss[i]
			args = append(args, int64(s.Finding), s.Stream, s.First, s.Last, s.Count, int64(bits.OnesCount64(s.Days)), int64(s.Days),
				s.LastDay, int64(s.Signal), s.Line)
		}
		if n == rows {
			_, err = full.ExecContext(ctx, args...)
		} else {
			_, err = t.exec(ctx, sightingInsert+t.d.tuples(n, width)+sightingUpdate, args...)
		}
		if err != nil {
			return fmt.Errorf("write sightings from finding %d: %w", ss[0].Finding, err)
		}
		ss = ss[n:]
	}
	return nil
}

// Known is what the fold keeps in memory of a finding.
type Known struct {
	ID       ident.Finding
	Key      finding.Key
	State    finding.State
	StateAt  int64
	Severity event.Severity // the feed's
	TLP      marking.TLP
}

// EachKnown calls f for every finding in order of id.
func (t *Tx) EachKnown(ctx context.Context, f func(Known) error) error {
	return t.each(ctx, "select id, key, state, state_at, feed_severity, tlp from finding order by id", nil, func(r *sql.Rows) error {
		var k Known
		var key sql.RawBytes
		if err := r.Scan(&k.ID, &key, &k.State, &k.StateAt, &k.Severity, &k.TLP); err != nil {
			return err
		}
		copy(k.Key[:], key)
		return f(k)
	})
}

// EachSighting calls f for every sighting in order of finding and stream.
func (t *Tx) EachSighting(ctx context.Context, f func(Sighting) error) error {
	return t.each(ctx, `select finding_id, stream_id, first_at, last_at, count, days, last_day, last_signal, last_line
		from sighting order by finding_id, stream_id`, nil, func(r *sql.Rows) error {
		s, err := scanSighting(r)
		if err != nil {
			return err
		}
		return f(s)
	})
}

// SightingsOf returns a finding's sightings, a stream each.
func (t *Tx) SightingsOf(ctx context.Context, id ident.Finding) ([]Sighting, error) {
	var out []Sighting
	err := t.each(ctx, `select finding_id, stream_id, first_at, last_at, count, days, last_day, last_signal, last_line
		from sighting where finding_id = $1 order by stream_id`, []any{id}, func(r *sql.Rows) error {
		s, err := scanSighting(r)
		out = append(out, s)
		return err
	})
	return out, err
}

func scanSighting(r scanner) (Sighting, error) {
	var s Sighting
	var days int64
	err := r.Scan(&s.Finding, &s.Stream, &s.First, &s.Last, &s.Count, &days, &s.LastDay, &s.Signal, &s.Line)
	s.Days = uint64(days)
	return s, err
}

// LastFinding returns the highest number given to a finding; 0 where there is none.
func (t *Tx) LastFinding(ctx context.Context) (ident.Finding, error) {
	var id ident.Finding
	err := t.row(ctx, "select id from finding order by id desc limit 1", nil, &id)
	if errors.Is(err, fault.NotFound) {
		return 0, nil
	}
	return id, err
}

// RaiseSeverity records that a feed now calls a finding worse.
func (t *Tx) RaiseSeverity(ctx context.Context, id ident.Finding, s event.Severity) error {
	return t.counted(ctx, []ident.Finding{id}, func() error {
		_, err := t.exec(ctx, `update finding set feed_severity = $1, severity = case when severity < $2 then $3 else severity end
			where id = $4`, int64(s), int64(s), int64(s), id)
		return err
	})
}

// LowerFirst records an observation older than the first known one, in microseconds UTC.
func (t *Tx) LowerFirst(ctx context.Context, id ident.Finding, at int64) error {
	_, err := t.exec(ctx, "update finding set first_at = $1 where id = $2 and first_at > $3", at, id, at)
	return err
}

// JournalEmpty reports whether every counter is in its row.
func (t *Tx) JournalEmpty(ctx context.Context) (bool, error) {
	var n int64
	err := t.row(ctx, "select count(*) from journal where id > "+journalWritten, nil, &n)
	return n == 0, err
}
