package loop

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// change pulls trigger on one finding and writes the step to its history under the ledger entry seq, which the caller
// appended for the whole act. until is the end of an accepted risk and ignored for other triggers. It returns the new
// state; fault.Conflict where the state does not answer to the trigger, fault.Invalid where an accepted risk has no
// date to come, fault.Exists where entry seq has changed this finding already.
func change(ctx context.Context, tx *store.Tx, now time.Time, id ident.Finding, trigger finding.Trigger,
	actor, reason, evidence string, until time.Time, seq int64,
) (finding.State, error) {
	was, err := tx.StandingOf(ctx, id)
	if err != nil {
		return "", err
	}
	to, err := finding.Next(was.State, trigger)
	if err != nil {
		return "", fmt.Errorf("finding %d: %w", id, err)
	}
	is := store.Standing{State: to, Since: now}
	if to == was.State {
		is.Since = was.Since
	}
	if trigger == finding.AcceptRisk {
		if !until.After(now) {
			return "", fault.New(fault.Invalid, "until: a risk is accepted until a date to come, not %s", until.Format(time.DateOnly))
		}
		is.Until = until
	}
	if err := tx.SetState(ctx, id, is); err != nil {
		return "", err
	}
	return to, tx.InsertHistory(ctx, store.Change{
		Finding: id, Seq: seq, At: now, From: was.State, To: to, Trigger: trigger, Actor: actor, Reason: reason, Evidence: evidence,
	})
}
