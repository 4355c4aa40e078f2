package loop

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/coverage"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// Verified counts what Verify did.
type Verified struct {
	Closed  int // evidence of absence
	Faded   int // no evidence either way for too long
	Expired int // accepted risks whose date has come
}

var verifier = access.ForSoftware("verify")

const (
	verifySetting  = "verify"
	verifyBatch    = 500    // findings changed in one transaction
	verifyRange    = 20_000 // findings looked at in one read
	verifyPause    = 10 * time.Minute
	verifyPauseFor = 1_000_000 // findings: the pause between two passes grows with them, as their cost does
	usualAbsence   = 3         // cycles, where neither pack nor class says
	usualFade      = 90 * 24 * time.Hour
)

// Verify reopens findings whose accepted risk is over, closes those that every stream that covers them no longer
// sees, and lets those fade that nothing tells about. It goes through the findings only when a cycle ended, brought
// late rows or caught up, or the day changed; a call in between costs two small reads. Each batch is one act. Running
// it again, or after a crash anywhere, changes nothing twice.
func (l *Loop) Verify(ctx context.Context, now time.Time) (Verified, error) {
	var v Verified
	if err := l.expire(ctx, now, &v); err != nil {
		return v, fmt.Errorf("end accepted risks: %w", err)
	}
	mark, due, err := l.verifyDue(ctx, now)
	if err != nil || !due {
		return v, err
	}
	if err := l.WriteBack(ctx); err != nil {
		return v, err
	}
	c, last, err := l.coverage(ctx, now)
	if err != nil {
		return v, err
	}
	if err := c.KeepHealth(ctx); err != nil {
		return v, err
	}
	for from := ident.Finding(0); from < last; from += verifyRange {
		if err := l.verifyWindow(ctx, now, c, from, &v); err != nil {
			return v, fmt.Errorf("verify findings from %d: %w", from+1, err)
		}
	}
	if err := c.Tell(ctx, now); err != nil {
		return v, err
	}
	return v, l.store.Keep(ctx, func(tx *store.Tx) error {
		text, err := json.Marshal(mark)
		if err != nil {
			return err
		}
		return tx.PutSetting(ctx, verifySetting, string(text))
	})
}

// verifyMark is what the last whole pass rested on.
type verifyMark struct {
	Day     finding.Day  `json:"day"`
	Cycles  int64        `json:"cycles"`
	Rows    int64        `json:"rows"`
	Waiting []ident.Feed `json:"waiting,omitempty"`
	At      time.Time    `json:"at"`
}

// verifyDue tells whether anything that a verdict rests on has changed since the last pass.
func (l *Loop) verifyDue(ctx context.Context, now time.Time) (is verifyMark, due bool, err error) {
	is = verifyMark{Day: finding.DayOf(now), At: now.UTC()}
	err = l.store.View(ctx, func(tx *store.Tx) error {
		if is.Cycles, is.Rows, err = tx.CycleSum(ctx, is.Day-coverage.Memory, is.Day); err != nil {
			return err
		}
		waiting, err := tx.Waiting(ctx)
		if err != nil {
			return err
		}
		for feed := range waiting {
			is.Waiting = append(is.Waiting, feed)
		}
		slices.Sort(is.Waiting)
		text, err := tx.Setting(ctx, verifySetting)
		if err != nil || text == "" {
			due = true
			return err
		}
		var was verifyMark
		if err := json.Unmarshal([]byte(text), &was); err != nil {
			return fmt.Errorf("setting %s: %w", verifySetting, err)
		}
		last, err := tx.LastFinding(ctx)
		if err != nil {
			return err
		}
		same := was.Day == is.Day && was.Cycles == is.Cycles && was.Rows == is.Rows && slices.Equal(was.Waiting, is.Waiting)
		pause := verifyPause * time.Duration(last) / verifyPauseFor
		due = !same && !now.Before(was.At.Add(pause))
		return nil
	})
	return is, due, err
}

// expire reopens findings whose accepted risk is over.
func (l *Loop) expire(ctx context.Context, now time.Time, v *Verified) error {
	for {
		var ids []ident.Finding
		read := func(tx *store.Tx) (err error) {
			ids, err = tx.RisksOver(ctx, now, verifyBatch)
			return err
		}
		if err := l.store.View(ctx, read); err != nil || len(ids) == 0 {
			return err
		}
		err := l.store.Update(ctx, func(tx *store.Tx) error {
			if err := read(tx); err != nil || len(ids) == 0 {
				return err
			}
			seq, err := tx.Append(ctx, now, verifier, "finding.expire", access.On("findings"), "the date of the accepted risk has come", struct {
				Findings []ident.Finding `json:"findings"`
			}{ids})
			if err != nil {
				return err
			}
			for _, id := range ids {
				if _, err := change(ctx, tx, now, id, finding.Expire, verifier.String(), "the date has come", "", time.Time{}, seq); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		v.Expired += len(ids)
	}
}

// pass is one going through the findings.
type pass struct{ *coverage.Coverage }

func (l *Loop) coverage(ctx context.Context, now time.Time) (pass, ident.Finding, error) {
	fade := l.set.FadeAfter
	if fade == 0 {
		fade = usualFade
	}
	c, err := coverage.Read(ctx, l.store, now, int(fade/(24*time.Hour)), l.absenceOf)
	if err != nil {
		return pass{}, 0, err
	}
	var last ident.Finding
	err = l.store.View(ctx, func(tx *store.Tx) (err error) {
		last, err = tx.LastFinding(ctx)
		return err
	})
	return pass{c}, last, err
}

// ruling is what one pass does with one finding.
type ruling struct {
	id       ident.Finding
	trigger  finding.Trigger
	evidence string
}

// weigh judges findings from their sightings, which are in order of finding.
func (c pass) weigh(rows []store.Covered) ([]ruling, error) {
	var out []ruling
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Finding == rows[0].Finding {
			n++
		}
		verdict, evidence := c.Weigh(rows[:n])
		r := ruling{id: rows[0].Finding}
		switch verdict {
		case finding.Shown:
			text, err := evidence.Encode()
			if err != nil {
				return nil, err
			}
			r.trigger, r.evidence = finding.Gone, text
		case finding.Faded:
			r.trigger = finding.Fade
		case finding.Wait:
		}
		if r.trigger != "" {
			if _, err := finding.Next(rows[0].State, r.trigger); err == nil {
				out = append(out, r)
			}
		}
		rows = rows[n:]
	}
	return out, nil
}

// absenceOf returns how many cycles of absence are evidence for a class whose pack does not say.
func (l *Loop) absenceOf(class string) int {
	if l.library != nil {
		if n := l.library.Named(class).AbsenceCycles; n > 0 {
			return n
		}
	}
	return usualAbsence
}

// verifyWindow judges the findings of one range of numbers and carries the rulings out, a batch an act.
func (l *Loop) verifyWindow(ctx context.Context, now time.Time, c pass, from ident.Finding, v *Verified) error {
	var due []ruling
	err := l.store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Unseen(ctx, from, from+verifyRange, c.Before)
		if err != nil {
			return err
		}
		if err := c.Group(ctx, tx, rows); err != nil {
			return err
		}
		due, err = c.weigh(rows)
		return err
	})
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(due, verifyBatch) {
		var done []ruling
		err := l.store.Update(ctx, func(tx *store.Tx) (err error) {
			done, err = c.carryOut(ctx, tx, now, batch)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range done {
			if r.trigger == finding.Gone {
				v.Closed++
			} else {
				v.Faded++
			}
		}
	}
	return nil
}

// carryOut judges a batch again inside the transaction, for it may have been seen or answered since, and does what is
// still due under one ledger entry. A finding with a sighting in the journal is left for the next pass.
func (c pass) carryOut(ctx context.Context, tx *store.Tx, now time.Time, batch []ruling) ([]ruling, error) {
	ids, err := settled(ctx, tx, batch)
	if err != nil {
		return nil, err
	}
	rows, err := tx.CoverageOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	due, err := c.weigh(rows)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	var body struct {
		Closed []ident.Finding `json:"closed,omitempty"`
		Faded  []ident.Finding `json:"faded,omitempty"`
	}
	for _, r := range due {
		if r.trigger == finding.Gone {
			body.Closed = append(body.Closed, r.id)
		} else {
			body.Faded = append(body.Faded, r.id)
		}
	}
	seq, err := tx.Append(ctx, now, verifier, "finding.verify", access.On("findings"), "evidence of absence", body)
	if err != nil {
		return nil, err
	}
	for _, r := range due {
		reason := "absent from every stream that covers it"
		if r.trigger == finding.Fade {
			reason = fmt.Sprintf("no sighting for %d days", c.Fade)
		}
		if _, err := change(ctx, tx, now, r.id, r.trigger, verifier.String(), reason, r.evidence, time.Time{}, seq); err != nil {
			return nil, err
		}
	}
	return due, nil
}

// settled returns those findings of a batch whose newest sightings stand in their rows, and not in the journal only.
func settled(ctx context.Context, tx *store.Tx, batch []ruling) ([]ident.Finding, error) {
	open := make(map[ident.Finding]bool, len(batch))
	for _, r := range batch {
		open[r.id] = false
	}
	err := tx.Journal(ctx, func(_ int64, _ ident.Signal, blob []byte) error {
		_, ss, err := unpackSights(blob)
		for _, s := range ss {
			if _, ours := open[ident.Finding(s.finding)]; ours {
				open[ident.Finding(s.finding)] = true
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	ids := make([]ident.Finding, 0, len(batch))
	for _, r := range batch {
		if !open[r.id] {
			ids = append(ids, r.id)
		}
	}
	return ids, nil
}
