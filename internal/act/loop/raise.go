package loop

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/store"
)

// raise is a mark that a chunk asks for of a known finding. It only ever makes a finding's mark stricter.
type raise struct {
	mark  marking.Mark
	again bool // the stream has seen the finding before: a mark that two people lowered stays lowered
}

// markedEntry names findings that became stricter in the ledger entry of a chunk.
type markedEntry struct {
	TLP      string          `json:"tlp"`
	PAP      string          `json:"pap"`
	Findings []ident.Finding `json:"findings"`
}

// mayRaise notes that a repeat may mark its finding more strictly: by its feed, where the stream sees the finding for the
// first time, and by its own marks.
func (x *run) mayRaise(e *effect, idx *index, n, stream uint32, own marking.Mark) {
	feeds := x.mark()
	if (x.tlp <= idx.least || idx.seenBy(n, stream)) && own.TLP <= feeds.TLP && own.PAP <= feeds.PAP {
		return
	}
	known, again := e.raise[n], idx.seenBy(n, stream)
	e.raise[n] = raise{mark: known.mark.Max(own).Max(feeds), again: again}
}

// raiseMarks writes the marks that a chunk asks for and returns what it changed, for the ledger.
func raiseMarks(ctx context.Context, tx *store.Tx, e *effect) ([]markedEntry, error) {
	byMark := map[raise][]ident.Finding{}
	for n, r := range e.raise {
		byMark[r] = append(byMark[r], ident.Finding(n))
	}
	var out []markedEntry
	for _, r := range slices.SortedFunc(maps.Keys(byMark), stricterLast) {
		ids := byMark[r]
		slices.Sort(ids)
		changed, err := tx.RaiseMarks(ctx, ids, r.mark, r.again)
		if err != nil {
			return nil, err
		}
		if len(changed) > 0 {
			out = append(out, markedEntry{TLP: r.mark.TLP.String(), PAP: r.mark.PAP.String(), Findings: changed})
		}
	}
	return out, nil
}

// stricterLast orders the marks of a chunk.
func stricterLast(a, b raise) int {
	order := func(r raise) int {
		n := int(r.mark.TLP)*16 + int(r.mark.PAP)*2
		if r.again {
			n++
		}
		return n
	}
	return order(a) - order(b)
}

// tellHeld tells the desk, once per signal, how many of its rows wait for a person because their source marked them TLP:RED.
func tellHeld(ctx context.Context, tx *store.Tx, now time.Time, s *store.Signal) error {
	if s.Counts.Held == 0 {
		return nil
	}
	_, err := tx.Enqueue(ctx, store.QueueItem{
		Kind: "signal.held", Object: fmt.Sprintf("signal:%d", s.ID), Code: "signal.held", Created: now,
		Args: []string{string(s.Feed), s.Name, strconv.FormatInt(s.Counts.Held, 10)},
	})
	return err
}
