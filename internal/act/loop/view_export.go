package loop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// exportBatch is how many findings one transaction of an export reads.
const exportBatch = 500

// ExportIntelMQ writes at most limit findings that q asks for to w, the newest first, as IntelMQ JSON lines: the event
// that made each, with what the fold and the attribution know now. It reports whether the limit cut it short.
func (l *Loop) ExportIntelMQ(ctx context.Context, q FindingQuery, limit int, w io.Writer) (bool, error) {
	n := 0
	for before := ident.Finding(0); ; {
		page, err := l.Findings(ctx, q, before, min(exportBatch, limit-n+1))
		if err != nil {
			return false, err
		}
		events, err := l.firstEvents(ctx, page.Rows)
		if err != nil {
			return false, err
		}
		var line []byte
		for i := range page.Rows {
			if n == limit {
				return true, nil
			}
			if line, err = current(events[i], &page.Rows[i]).Encode(line[:0]); err != nil {
				return false, fmt.Errorf("export finding %d: %w", page.Rows[i].ID, err)
			}
			if _, err := w.Write(append(line, '\n')); err != nil {
				return false, err
			}
			n++
		}
		if before = page.Next; before == 0 {
			return false, nil
		}
	}
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
	})
	if r.Identity.Asset.Kind == asset.IP && e.Text("source.ip") == "" {
		e.Fields["source.ip"] = r.Identity.Asset.Value
	}
	return e
}
