package loop

import (
	"context"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/finding"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// QueueView is what waits for a person at the desk.
type QueueView struct {
	Items    []store.QueueItem // the most severe first
	Waiting  int               // items in all, at most CountCap
	Orphans  FindingPart       // live, and nobody answers for them
	Disputes FindingPart       // parties that say "not ours" or "wrong"
	Failed   []NoticeRow       // notices that reached nobody, the newest first
	Unheard  int               // such notices in all
}

// FindingPart is the beginning of a longer list.
type FindingPart struct {
	Rows  []FindingRow
	Count int // of all of them, at most CountCap
}

// Queue returns what waits for the desk: at most items of the queue, and of each other kind at most limit.
func (l *Loop) Queue(ctx context.Context, now time.Time, by access.Actor, items, limit int) (QueueView, error) {
	var v QueueView
	err := l.store.View(ctx, func(tx *store.Tx) error {
		names, err := l.names(ctx, tx)
		if err != nil {
			return err
		}
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		if !r.can(access.Thing{Kind: access.Work}) {
			return nil
		}
		may := r.may(access.Notices)
		if v.Items, err = tx.QueueOpen(ctx, items); err != nil {
			return err
		}
		if v.Waiting, err = tx.QueueSize(ctx, CountCap); err != nil {
			return err
		}
		if v.Orphans, err = names.part(ctx, tx, store.FindingFilter{Orphans: true, States: LiveStates, May: r.may(access.Findings)}, limit); err != nil {
			return err
		}
		disputed := store.FindingFilter{States: []finding.State{finding.Disputed}, May: r.may(access.Findings)}
		if v.Disputes, err = names.part(ctx, tx, disputed, limit); err != nil {
			return err
		}
		all, err := tx.CountNotices(ctx, may)
		if err != nil {
			return err
		}
		for _, s := range []notice.State{notice.Escalated, notice.Failed} {
			v.Unheard += all[s]
			list, err := tx.ListNotices(ctx, store.NoticeFilter{State: s, May: may}, store.NoticeCursor{}, limit)
			if err != nil {
				return err
			}
			rows, err := names.notices(ctx, tx, list)
			if err != nil {
				return err
			}
			v.Failed = append(v.Failed, rows[:min(len(rows), limit-len(v.Failed))]...)
		}
		return nil
	})
	return v, err
}

func (n *names) part(ctx context.Context, tx *store.Tx, f store.FindingFilter, limit int) (FindingPart, error) {
	page, err := tx.ListFindings(ctx, f, 0, limit)
	if err != nil {
		return FindingPart{}, err
	}
	p := FindingPart{Count: len(page.Findings)}
	for i := range page.Findings {
		p.Rows = append(p.Rows, n.row(page.Findings[i]))
	}
	if page.Next != 0 {
		p.Count, err = tx.CountFindings(ctx, f, CountCap)
	}
	return p, err
}
