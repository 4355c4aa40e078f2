package loop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tocsin/internal/feed"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// observedKept is how many sightings of one finding are kept with what their lines say: the newest.
const observedKept = 1000

// sightingsShown is how many sightings of one finding a page lists.
const sightingsShown = 50

// observedAhead is how many findings of notices that wait are read for together.
const observedAhead = 20_000

// observedFields are the fields of IntelMQ's harmonisation that a sighting is told with.
var observedFields = []string{
	"time.source", "source.ip", "source.port", "destination.ip", "destination.port", "destination.fqdn", "protocol.transport",
	"protocol.application", "malware.name", "destination.url", "source.url",
}

// place is where one sighting was read.
type place struct {
	finding ident.Finding
	at      int64
	signal  ident.Signal
	part    int
	line    int64
}

// observe reads, for findings that are about to be told, what the lines of signals say in which they were seen since the
// last time. Each signal is read once for all of them. A line that cannot be read is counted, so that whoever is told learns
// that something is missing. At most observedKept sightings a finding are kept, the newest.
func (l *Loop) observe(ctx context.Context, now time.Time, ids []ident.Finding) error {
	if len(ids) == 0 || l.archive == nil {
		return nil
	}
	marks, wanted, last, err := l.unread(ctx, ids)
	if err != nil || len(wanted) == 0 {
		return err
	}
	bySignal := map[ident.Signal][]place{}
	for _, places := range wanted {
		for _, p := range places {
			bySignal[p.signal] = append(bySignal[p.signal], p)
		}
	}
	read := map[ident.Finding][]store.Observed{}
	var failed []string
	again := map[ident.Finding]bool{} // whose signal could not be read: it may be another time
	for signal, places := range bySignal {
		if err := l.readPlaces(ctx, signal, places, read); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = append(failed, fmt.Sprintf("signal:%d", signal))
			for _, p := range places {
				again[p.finding] = true
			}
		}
	}
	return l.store.Keep(ctx, func(tx *store.Tx) error {
		for _, signal := range failed {
			_, err := tx.Enqueue(ctx, store.QueueItem{Kind: "signal.lost", Object: signal, Code: "signal.lost", Args: []string{signal}, Created: now})
			if err != nil {
				return err
			}
		}
		for id, places := range wanted {
			m := store.ObservedMark{Journal: last, Lost: int64(len(places) - len(read[id]))}
			if again[id] {
				m.Journal = marks[id].Journal
			}
			if err := tx.PutObserved(ctx, id, read[id], m, observedKept); err != nil {
				return err
			}
		}
		return nil
	})
}

// unread finds the newest sightings of findings that were not read yet, and the number of the newest chunk of the journal.
func (l *Loop) unread(ctx context.Context, ids []ident.Finding) (marks map[ident.Finding]store.ObservedMark, wanted map[ident.Finding][]place, last int64, err error) {
	err = l.store.View(ctx, func(tx *store.Tx) error {
		if marks, err = tx.ObservedMarks(ctx, ids); err != nil {
			return err
		}
		from := int64(-1)
		asked := make(map[ident.Finding]bool, len(ids))
		for _, id := range ids {
			asked[id] = true
			if m := marks[id].Journal; from < 0 || m < from {
				from = m
			}
		}
		wanted = map[ident.Finding][]place{}
		last, err = tx.JournalSince(ctx, from, slices.Min(ids), slices.Max(ids), func(chunk int64, signal ident.Signal, blob []byte) error {
			part, ss, err := unpackSights(blob)
			for _, s := range ss {
				id := ident.Finding(s.finding)
				if !asked[id] || chunk <= marks[id].Journal {
					continue
				}
				wanted[id] = append(wanted[id], place{id, s.at, signal, int(part), int64(s.line)})
				if len(wanted[id]) > 4*observedKept {
					wanted[id] = newestPlaces(wanted[id])
				}
			}
			return err
		})
		return err
	})
	for id := range wanted {
		wanted[id] = newestPlaces(wanted[id])
	}
	return marks, wanted, last, err
}

// newestPlaces returns the newest of the places of one finding, at most observedKept.
func newestPlaces(ps []place) []place {
	slices.SortStableFunc(ps, func(a, b place) int {
		switch {
		case a.at > b.at:
			return -1
		case a.at < b.at:
			return 1
		}
		return 0
	})
	return ps[:min(len(ps), observedKept)]
}

// readPlaces reads lines of one signal, in one walk over its parts, and adds what they say of the findings.
func (l *Loop) readPlaces(ctx context.Context, id ident.Signal, places []place, read map[ident.Finding][]store.Observed) error {
	s, err := l.Signal(ctx, id)
	if err != nil {
		return err
	}
	byPart := map[int]map[int64][]place{}
	for _, p := range places {
		if byPart[p.part] == nil {
			byPart[p.part] = map[int64][]place{}
		}
		byPart[p.part][p.line] = append(byPart[p.part][p.line], p)
	}
	for part, lines := range byPart {
		keys, err := l.keysOf(ctx, lines)
		if err != nil {
			return err
		}
		err = l.withPart(ctx, s, part, func(p *feed.Part) error { return readLines(ctx, p, lines, keys, read) })
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// keysOf returns the key of each finding that lines are about.
func (l *Loop) keysOf(ctx context.Context, lines map[int64][]place) (map[ident.Finding]finding.Key, error) {
	var ids []ident.Finding
	for _, ps := range lines {
		for _, p := range ps {
			ids = append(ids, p.finding)
		}
	}
	slices.Sort(ids)
	out := map[ident.Finding]finding.Key{}
	err := l.store.View(ctx, func(tx *store.Tx) error {
		for some := range slices.Chunk(slices.Compact(ids), 1000) {
			found, err := tx.FindingsByID(ctx, some)
			if err != nil {
				return err
			}
			for i := range found {
				out[found[i].ID] = found[i].Key
			}
		}
		return nil
	})
	return out, err
}

// readLines walks one part until every line was met. What is sealed in an event leaves as it is: sealed.
func readLines(ctx context.Context, p *feed.Part, lines map[int64][]place, keys map[ident.Finding]finding.Key, read map[ident.Finding][]store.Observed) error {
	left := len(lines)
	for left > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := p.Next(batchRows)
		if err != nil {
			return err
		}
		for _, rec := range b.Records {
			ps := lines[rec.Line]
			if ps == nil {
				continue
			}
			left--
			if err := observed(p, rec, ps, keys, read); err != nil {
				b.Release()
				return err
			}
		}
		b.Release()
	}
	return nil
}

// observed adds what a record says to the findings that it is a sighting of. What was read when the signal was folded and
// cannot be read now counts as lost.
func observed(part *feed.Part, rec feed.Record, ps []place, keys map[ident.Finding]finding.Key, read map[ident.Finding][]store.Observed) error {
	for _, p := range ps {
		_, ev, err := part.AssetOf(rec, keys[p.finding])
		if err != nil {
			continue
		}
		if id, err := finding.Identify(ev); err != nil || id.Key() != keys[p.finding] {
			continue
		}
		fields := map[string]string{}
		for _, name := range observedFields {
			if n := ev.Int(name); n > 0 {
				fields[name] = fmt.Sprint(n)
			} else if t := ev.Text(name); t != "" {
				fields[name] = t
			}
		}
		text, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		read[p.finding] = append(read[p.finding], store.Observed{
			Finding: p.finding, At: p.at, Signal: p.signal, Part: p.part, Line: p.line, Fields: string(text),
		})
	}
	return nil
}

// Sightings are the newest sightings of one finding with what their lines say.
type Sightings = notice.Sightings

// sightingsOf returns what was read of the sightings of findings, at most each of one.
func sightingsOf(ctx context.Context, tx *store.Tx, items []notice.Item, each int) (map[ident.Finding]Sightings, error) {
	ids := make([]ident.Finding, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	marks, err := tx.ObservedMarks(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[ident.Finding]Sightings, len(items))
	for _, it := range items {
		m, known := marks[it.ID]
		if !known {
			continue
		}
		rows, err := tx.ObservedOf(ctx, it.ID, each)
		if err != nil {
			return nil, err
		}
		s := Sightings{Lost: m.Lost, All: max(it.Count, int64(len(rows)))}
		for _, r := range rows {
			is := notice.Sighting{At: time.UnixMicro(r.At).UTC()}
			if err := json.Unmarshal([]byte(r.Fields), &is.Fields); err != nil {
				return nil, fmt.Errorf("read a sighting of finding %d: %w", it.ID, err)
			}
			s.Rows = append(s.Rows, is)
		}
		out[it.ID] = s
	}
	return out, nil
}
