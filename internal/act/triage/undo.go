package triage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// UndoFor is how long a batch can be taken back.
const UndoFor = 24 * time.Hour

// Undone says what became of taking a batch back.
type Undone struct {
	Changed int
	Kept    []Kept // what has moved on since and stays
}

// Kept is something that was not taken back, and why.
type Kept struct {
	Key     string
	Problem error
}

// undoEntry is the body of a compensating act's ledger entry.
type undoEntry struct {
	Batch string `json:"batch"`
	Entry int64  `json:"entry"` // that it compensates
}

// Undo takes back what a batch did, each thing by an act of its own that puts it as it was before. What has moved on since
// stays and is reported; mails that went out meanwhile stay sent. fault.NotFound where there is no such batch,
// fault.Expired where it is too old.
func (d *Desk) Undo(ctx context.Context, now time.Time, by access.Actor, batch string) (Undone, error) {
	var out Undone
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		out = Undone{}
		steps, err := tx.TriageSteps(ctx, batch)
		if err != nil {
			return err
		}
		if len(steps) == 0 {
			return fault.New(fault.NotFound, "there is nothing to undo")
		}
		r, err := reads(ctx, tx, now, by)
		if err != nil {
			return err
		}
		for i := range steps {
			problem, err := undo(ctx, tx, r, by, &steps[i])
			if err != nil {
				return err
			}
			if problem != nil {
				out.Kept = append(out.Kept, Kept{steps[i].Object, problem})
				continue
			}
			out.Changed++
		}
		return nil
	})
	if err != nil {
		return Undone{}, fmt.Errorf("undo %s: %w", batch, err)
	}
	return out, nil
}

// undo takes one step back, or says why not.
func undo(ctx context.Context, tx *store.Tx, r reading, by access.Actor, s *store.TriageStep) (problem, err error) {
	switch {
	case !s.Undone.IsZero():
		return fault.New(fault.Conflict, "this was undone already"), nil
	case r.at.Sub(s.At) > UndoFor:
		return fault.New(fault.Expired, "this can be undone for %d hours only", int(UndoFor.Hours())), nil
	}
	if id, ok := strings.CutPrefix(s.Object, "queue:"); ok {
		return undoItem(ctx, tx, r, by, s, id)
	}
	return undoFinding(ctx, tx, r, by, s)
}

func undoItem(ctx context.Context, tx *store.Tx, r reading, by access.Actor, s *store.TriageStep, id string) (problem, err error) {
	if !r.works() {
		return access.Missing(access.Work, id), nil
	}
	q, err := tx.QueueItemByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := tx.QueueReopen(ctx, id, s.At.Truncate(time.Microsecond)); errors.Is(err, fault.Conflict) {
		return err, nil
	} else if err != nil {
		return nil, err
	}
	_, err = tx.Append(ctx, r.at, by, "triage.undo", access.On(q.Object), q.Kind, undoEntry{s.Batch, s.Entry})
	if err != nil {
		return nil, err
	}
	return nil, tx.EndTriageStep(ctx, s.Entry, r.at)
}

func undoFinding(ctx context.Context, tx *store.Tx, r reading, by access.Actor, s *store.TriageStep) (problem, err error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(s.Object, "finding:"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("triage step %d is about %s: %w", s.Entry, s.Object, err)
	}
	id := ident.Finding(n)
	f, err := tx.FindingByID(ctx, id)
	if err != nil {
		return nil, err
	}
	seen, err := r.sees(ctx, tx, &f)
	if err != nil {
		return nil, err
	}
	last, err := tx.LastStep(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !seen:
		return access.Missing(access.Findings, fmt.Sprint(n)), nil
	case last != s.Entry:
		return fault.New(fault.Conflict, "finding %d has moved on since", n), nil
	}
	seq, err := tx.Append(ctx, r.at, by, "triage.undo", access.On(s.Object), "desk", undoEntry{s.Batch, s.Entry})
	if err != nil {
		return nil, err
	}
	if err := tx.PutWhole(ctx, id, s.Was); err != nil {
		return nil, err
	}
	err = tx.InsertHistory(ctx, store.Change{
		Finding: id, Seq: seq, At: r.at, From: f.State, To: s.Was.Standing.State, Trigger: finding.Restore, Actor: by.String(),
	})
	if err != nil {
		return nil, err
	}
	return nil, tx.EndTriageStep(ctx, s.Entry, r.at)
}
