package loop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/store"
)

// exportBatch is how many findings one transaction of an export reads.
const exportBatch = 500

// Export is a list of findings that leaves the program: opened by one act, "finding.export", before the first byte goes.
type Export struct {
	Count    int  // findings in it
	Withheld int  // findings marked TLP:RED, which no file takes along
	Cut      bool // the limit cut it short

	loop *Loop
	by   access.Actor
	now  time.Time
	why  access.Purpose
	ids  []ident.Finding
}

// exportEntry is the body of the ledger entry: what was asked for, by codes, and the numbers of what left as a digest.
type exportEntry struct {
	Format   string          `json:"format"`
	Count    int             `json:"count"`
	Withheld int             `json:"withheld,omitempty"`
	States   []finding.State `json:"states,omitempty"`
	Severity string          `json:"severity,omitempty"`
	Class    string          `json:"class,omitempty"`
	Party    ident.Party     `json:"party,omitempty"`
	Orphans  bool            `json:"orphans,omitempty"`
	Region   string          `json:"region,omitempty"`
	Feed     ident.Feed      `json:"feed,omitempty"`
	Searched bool            `json:"searched,omitempty"` // narrowed by an asset or a text
	Digest   string          `json:"sha256"`             // of the findings' numbers, a line each
}

// OpenExport chooses at most limit findings that q asks for and by may read, the newest first, for a file of a format
// that carries marks. fault.Denied where by may not export.
func (l *Loop) OpenExport(ctx context.Context, now time.Time, by access.Actor, q FindingQuery, format string, limit int) (*Export, error) {
	if _, err := access.Ask(by, "finding.export", access.On("findings"), now); err != nil {
		return nil, err
	}
	x := &Export{loop: l, by: by, now: now, why: q.Purpose}
	sum := sha256.New()
	_, cut, err := l.EachFinding(ctx, now, by, q, limit, func(r FindingRow) error {
		if marking.Leave(marking.ExportFile, r.Mark, true) != nil {
			x.Withheld++
			return nil //nolint:nilerr // what may not leave is counted instead
		}
		x.ids = append(x.ids, r.ID)
		_, err := fmt.Fprintf(sum, "%d\n", r.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	x.Count, x.Cut = len(x.ids), cut
	entry := exportEntry{
		Format: format, Count: x.Count, Withheld: x.Withheld, States: q.States, Class: q.Class, Party: q.Party, Orphans: q.Orphans,
		Region: q.Region, Feed: q.Feed, Searched: q.Asset != "" || q.Text != "", Digest: hex.EncodeToString(sum.Sum(nil)),
	}
	if q.Severity > 0 {
		entry.Severity = q.Severity.String()
	}
	return x, l.store.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Append(ctx, now, by, "finding.export", access.On("findings"), "desk", entry)
		return err
	})
}

// Each calls f for the findings of the export, a batch per transaction, so that a long one holds nothing up. What has
// become unreadable or RED meanwhile is left out.
func (x *Export) Each(ctx context.Context, f func([]FindingRow) error) error {
	for ids := range slices.Chunk(x.ids, exportBatch) {
		var rows []FindingRow
		err := x.loop.store.View(ctx, func(tx *store.Tx) error {
			names, err := x.loop.names(ctx, tx)
			if err != nil {
				return err
			}
			r, err := reads(ctx, tx, x.now, x.by, x.why)
			if err != nil {
				return err
			}
			found, err := tx.FindingsByID(ctx, ids)
			if err != nil {
				return err
			}
			if found, err = r.readable(ctx, tx, found); err != nil {
				return err
			}
			found = slices.DeleteFunc(found, func(f store.Finding) bool { return marking.Leave(marking.ExportFile, f.Mark, true) != nil })
			slices.Reverse(found)
			rows, err = names.rows(ctx, tx, found...)
			return err
		})
		if err == nil {
			err = f(rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// IntelMQ writes the export to w as IntelMQ JSON lines: the event that made each finding, with what the fold and the
// attribution know now.
func (x *Export) IntelMQ(ctx context.Context, w io.Writer) error {
	var line []byte
	return x.Each(ctx, func(rows []FindingRow) error {
		events, err := x.loop.firstEvents(ctx, rows)
		if err != nil {
			return err
		}
		for i := range rows {
			if line, err = current(events[i], &rows[i]).Encode(line[:0]); err != nil {
				return fmt.Errorf("export finding %d: %w", rows[i].ID, err)
			}
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		return nil
	})
}

// firstEvents reads the event of each row; rows that lie in one packed blob unpack it once.
func (l *Loop) firstEvents(ctx context.Context, rows []FindingRow) ([]event.Event, error) {
	events := make([]event.Event, len(rows))
	err := l.store.View(ctx, func(tx *store.Tx) error {
		var lines [][]byte
		first := ident.Finding(-1)
		for i := range rows {
			id := rows[i].ID
			if first < 0 || id < first || id >= first+ident.Finding(len(lines)) {
				at, blob, err := tx.DetailOf(ctx, id)
				if err != nil {
					return fmt.Errorf("event of finding %d: %w", id, err)
				}
				plain, err := unpacker.DecodeAll(blob, nil)
				if err != nil {
					return fmt.Errorf("event of finding %d: %w", id, err)
				}
				first, lines = at, bytes.Split(bytes.TrimSuffix(plain, []byte("\n")), []byte("\n"))
			}
			e, err := event.Decode(lines[id-first])
			if err != nil {
				return fmt.Errorf("event of finding %d: %w", id, err)
			}
			events[i] = e
		}
		return nil
	})
	return events, err
}

// current writes over an event what is known of its finding now.
func current(e event.Event, r *FindingRow) event.Event {
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	maps.Copy(e.Fields, map[string]any{
		"extra.tocsin_finding":  int64(r.ID),
		"extra.tocsin_state":    string(r.State),
		"extra.tocsin_severity": r.Severity.String(),
		"extra.tocsin_party":    string(r.Party),
		"extra.tocsin_first":    r.First.UTC().Format(time.RFC3339),
		"extra.tocsin_last":     r.Last.UTC().Format(time.RFC3339),
		"extra.tocsin_count":    r.Count,
		"extra.tocsin_tlp":      r.Mark.TLP.String(),
	})
	if r.Identity.Asset.Kind == asset.IP && e.Text("source.ip") == "" {
		e.Fields["source.ip"] = r.Identity.Asset.Value
	}
	return e
}
