package record

import (
	"bytes"
	"encoding/hex"

	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/report"
)

type receiveBody struct {
	Kind       report.Kind `json:"kind"`
	Commitment string      `json:"commitment"`
}

// reports looks at every report with its entries: that its text is what the ledger committed to, and its state what was
// done.
func (v *verifier) reports() error {
	after := ident.Report("")
	for {
		list, err := v.tx.ReportsAfter(v.ctx, after, page)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for i := range list {
			if err := v.report(&list[i]); err != nil {
				return err
			}
			v.sum.Reports++
			after = list[i].ID
		}
	}
	if v.sum.Reports != v.told {
		return wrong("the ledger says that %d reports came, and %d are there", v.told, v.sum.Reports)
	}
	return nil
}

// report replays what the ledger says of one report.
func (v *verifier) report(r *report.Report) error {
	es, err := v.tx.EntriesOn(v.ctx, "report:"+string(r.ID))
	if err != nil {
		return err
	}
	var is report.Report
	for i := range es {
		e := &es[i]
		var trigger report.Trigger
		switch e.Act {
		case "report.receive":
			if is.State != "" {
				return wrong("report %s came twice, by entry %d too", r.ID, e.ID)
			}
			is.State = report.Received
			if err := v.receive(r, e); err != nil {
				return err
			}
			continue
		case "report.acknowledge":
			trigger = report.Acknowledge
		case "report.take":
			trigger, is.Taken, is.TakenBy = report.Take, e.At, e.Actor
		case "report.close":
			trigger, is.Closed, is.Outcome = report.Close, e.At, report.Outcome(e.Reason)
		default:
			continue
		}
		if is.State, err = report.Next(is.State, trigger); err != nil {
			return wrong("entry %d (%s) cannot have happened to report %s: %v", e.ID, e.Act, r.ID, err)
		}
	}
	switch {
	case is.State == "":
		return wrong("report %s is there, and no entry of the ledger says that it came", r.ID)
	case r.State != is.State || r.Outcome != is.Outcome:
		return wrong("report %s is %s %s, and by the ledger it is %s %s", r.ID, r.State, r.Outcome, is.State, is.Outcome)
	case !r.Taken.Equal(is.Taken) || r.TakenBy != is.TakenBy || !r.Closed.Equal(is.Closed):
		return wrong("report %s says that it was taken or closed by another or at another time than the ledger says", r.ID)
	}
	return nil
}

// receive holds a report's row against the entry that took it in.
func (v *verifier) receive(r *report.Report, e *ledger.Entry) error {
	var b receiveBody
	if err := v.body(e, &b); err != nil {
		return err
	}
	want, err := hex.DecodeString(b.Commitment)
	switch {
	case err != nil || !bytes.Equal(want, r.Commitment):
		return wrong("report %s has another commitment than entry %d says", r.ID, e.ID)
	case !bytes.Equal(want, report.Commit(r.Salt, r.Kind, r.What, r.Where, r.Day)) || b.Kind != r.Kind:
		return wrong("the text of report %s is not what entry %d committed to", r.ID, e.ID)
	case !e.At.Equal(r.Received):
		return wrong("report %s came at %s by entry %d, and its row says %s", r.ID, stamp(e.At), e.ID, stamp(r.Received))
	}
	return nil
}
