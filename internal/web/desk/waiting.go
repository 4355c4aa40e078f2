package desk

import (
	"context"
	"strings"

	"tocsin/internal/act/triage"
	"tocsin/internal/marking"
	"tocsin/internal/people"
	"tocsin/internal/promise"
	"tocsin/internal/web/page"
)

// waitingReports adds the reports that nobody has looked at.
func (d *desk) waitingReports(ctx context.Context, v *page.Visit, q *triage.Queue) error {
	if d.acts.Casework == nil {
		return nil
	}
	rows, _, err := d.acts.Casework.Waiting(ctx, v.Now, v.Who.Actor, queueLimit)
	for _, r := range rows {
		q.Rows = append(q.Rows, triage.Row{
			Kind: promise.Report, Since: r.Received, Due: r.Due, Mark: marking.Amber, Object: "report:" + string(r.ID),
			Code: "work.report", Args: []string{v.Lang.Word("report_kind", string(r.Kind)), r.Number},
		})
	}
	return err
}

// waitingChanges adds what parties want changed in the register.
func (d *desk) waitingChanges(ctx context.Context, v *page.Visit, q *triage.Queue) error {
	if d.acts.Register == nil {
		return nil
	}
	rows, err := d.acts.Register.Waiting(ctx, v.Now, v.Who.Actor, queueLimit)
	if err != nil {
		return err
	}
	for _, r := range rows {
		q.Rows = append(q.Rows, triage.Row{
			Kind: promise.Change, Since: r.At, Due: promise.Due(promise.Change, 0, r.At, v.Kit.Zone), Mark: marking.Green,
			Protection: r.After.Protection, Object: "change:" + r.ID, Party: r.Party, Name: r.PartyName,
			Code: "work.change", Args: []string{r.PartyName, v.Lang.Word("work_change", string(r.What)), entryName(r.After.Name, r.After.Value, r.Before.Name, r.Before.Value)},
		})
	}
	return nil
}

func entryName(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return "–"
}

// waitingProposals adds the acts that wait for a second person, to whoever can be that.
func (d *desk) waitingProposals(ctx context.Context, v *page.Visit, q *triage.Queue) error {
	if !v.May(people.Approve) || d.acts.Staff == nil {
		return nil
	}
	list, err := d.acts.Staff.Proposals(ctx, v.Who.Actor, 1)
	if err != nil {
		return err
	}
	for _, p := range list.Open {
		if p.By == v.Who.String() || !v.Now.Before(p.Expires) {
			continue
		}
		kind, _, _ := strings.Cut(p.Object, ":")
		q.Rows = append(q.Rows, triage.Row{
			Kind: promise.Proposal, Since: p.At, Due: p.Expires, Mark: marking.Green, Object: "proposal:" + p.ID,
			Code: "work.proposal", Args: []string{v.Lang.Word("proposal_act", p.Act), entryName(list.Names[p.By], kind)},
		})
	}
	return nil
}
