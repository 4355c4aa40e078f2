package loop

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Preview is a notice as its receiver would get it. The link in it opens nothing.
type Preview struct {
	notice.Preview
	Notice  notice.Notice // not kept, where it is not planned yet
	Party   party.Party
	Contact party.Contact
	TLP     string
	Items   int
	Hidden  int // findings that belong to it and that the reader may not see: they are left out
	Quiet   int // findings that rules mute or hold: they are not told now
}

// PreviewNotice shows a notice that is planned or held in one of its languages, the empty one is its own. fault.Conflict where it is on its way:
// then its mail can be looked at.
func (l *Loop) PreviewNotice(ctx context.Context, now time.Time, by access.Actor, id ident.Notice, language string) (Preview, error) {
	var p Preview
	err := l.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		n, err := r.notice(ctx, tx, id)
		if err != nil {
			return err
		}
		if n.State != notice.Planned && n.State != notice.Held {
			return fault.New(fault.Conflict, "notice %s is %s; only one that is planned or held has a preview", id, n.State)
		}
		found, err := tx.NoticeFindings(ctx, id)
		if err != nil {
			return err
		}
		job := &sending{n: n}
		if n.Parent != "" {
			if job.thread, err = tx.NoticeByID(ctx, n.Parent); err != nil {
				return err
			}
		}
		if job.p, err = tx.PartyByID(ctx, n.Party); err != nil {
			return err
		}
		if job.c, err = contact(&job.p, n.Contact); err != nil {
			return err
		}
		seen, err := r.readable(ctx, tx, found)
		if err != nil {
			return err
		}
		for i := range seen {
			if seen[i].Party == n.Party && untold(n.Kind, seen[i].State) {
				job.items = append(job.items, l.item(&seen[i]))
			}
		}
		p, err = l.preview(now, job, language)
		p.Hidden = len(found) - len(seen)
		return err
	})
	return p, err
}

// PreviewFor shows what a party would be told of some of its findings, or of all that wait where none are named, if
// everything were told now: a preview for each notice.
func (l *Loop) PreviewFor(ctx context.Context, now time.Time, by access.Actor, id ident.Party, ids []ident.Finding, language string) ([]Preview, error) {
	var out []Preview
	err := l.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		p, err := tx.PartyByID(ctx, id)
		if err != nil {
			return err
		}
		rules := l.rules()
		var found []store.Finding
		if len(ids) > 0 {
			found, err = tx.FindingsByID(ctx, ids)
			found = slices.DeleteFunc(found, func(f store.Finding) bool { return f.Party != id })
		} else {
			found, err = tx.FindingsToTell(ctx, id, now.Add(-retryAfter), rules.PerNotice)
		}
		if err != nil || len(found) == 0 {
			return err
		}
		seen, err := r.readable(ctx, tx, found)
		if err != nil {
			return err
		}
		items, err := l.paced(ctx, tx, now, id, seen)
		if err != nil {
			return err
		}
		past, err := tx.PastNotices(ctx, id, rules.Day(now))
		if err != nil {
			return err
		}
		items = notice.Place(&p, items)
		for i := range items {
			items[i].Waiting = time.Time{} // as if it had waited long enough
		}
		drafts, _ := notice.Plan(rules, now, items, notice.Past{Rhythm: past.Rhythm})
		for i, d := range drafts {
			job := &sending{p: p, c: notice.Choose(&p, notice.ObjectOf(d.Items), notice.Order(d.Items), nil), items: d.Items}
			if job.c == nil {
				return fault.New(fault.Conflict, "%s has no contact that can be written to", p.Name)
			}
			job.n = *l.draft(now, &p, job.c, d)
			job.n.ID = ident.Notice(fmt.Sprintf("ntc_preview%d", i+1)) // a number that is none: it is not kept
			view, err := l.preview(now, job, language)
			if err != nil {
				return err
			}
			view.Hidden, view.Quiet = len(found)-len(seen), len(seen)-len(items)
			out = append(out, view)
		}
		return nil
	})
	return out, err
}

// preview composes the mail of a notice as deliver does, with a link that opens nothing.
func (l *Loop) preview(now time.Time, job *sending, language string) (Preview, error) {
	if language == "en" || language == "zh" {
		job.n.Language = language
	}
	job.n.Subject = notice.SubjectOf(&job.n, &job.p, job.items)
	letter := l.letter(now, job)
	letter.Link = l.set.BaseURL + "/n/preview"
	view, err := letter.Preview()
	return Preview{Preview: view, Notice: job.n, Party: job.p, Contact: *job.c, TLP: letter.Mark().String(), Items: len(job.items)}, err
}

// PartyNamed returns a party's name; fault.NotFound where there is none.
func (l *Loop) PartyNamed(ctx context.Context, id ident.Party) (string, error) {
	var name string
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		name, err = tx.PartyName(ctx, id)
		return err
	})
	return name, err
}
