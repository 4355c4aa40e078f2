package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Envelope is one mail on its way.
type Envelope = notice.Envelope

// Mailer hands mails to a mail server. An error that is a *notice.SendError tells whether trying again makes sense;
// any other counts as temporary.
type Mailer interface {
	Send(ctx context.Context, e Envelope) error
}

// Mailbox is the mailer of the demonstration: it takes every mail and confirms that it arrived. The mail itself is in
// the notice, where pages show it.
type Mailbox struct{}

// Send takes the mail.
func (Mailbox) Send(context.Context, Envelope) error { return nil }

// Confirms reports that what this mailer took has arrived.
func (Mailbox) Confirms() bool { return true }

// deliverBatch bounds what one call of Deliver sends, so that the leases it takes outlast the slowest mail server.
const deliverBatch = 4

// Deliver sends the notices that are due, one after the other, the most severe first, and returns how many it handled.
// Several goroutines and processes may run it at once. The exact bytes of a mail are stored before it goes out: after
// a crash the same mail goes out again under the same Message-ID, and a reader's program sees one mail.
func (l *Loop) Deliver(ctx context.Context, now time.Time) (int, error) {
	if l.mailer == nil {
		return 0, nil
	}
	signer, err := notice.ReadSigningKey(l.set.SigningKey)
	if err != nil {
		return 0, err
	}
	for n := range deliverBatch {
		job, err := l.claim(ctx, now)
		if err != nil || job == nil {
			return n, err
		}
		if job.done {
			continue
		}
		if err := l.deliver(ctx, now, job, signer); err != nil {
			return n, fmt.Errorf("deliver notice %s: %w", job.n.ID, err)
		}
	}
	return deliverBatch, nil
}

// sending is a notice that this worker holds, with all that its mail needs.
type sending struct {
	n       notice.Notice
	p       party.Party
	c       *party.Contact
	items   []notice.Item
	message []byte

	sightings map[ident.Finding]Sightings
	thread    notice.Notice // the first of the chain; zero for the first itself
	done      bool          // it was settled without sending
}

// claim takes the next notice and looks whether what it says still holds: findings that are closed, answered or
// another party's by now are taken out, and a notice of which nothing is left is withdrawn.
func (l *Loop) claim(ctx context.Context, now time.Time) (*sending, error) {
	var job *sending
	err := l.store.Keep(ctx, func(tx *store.Tx) error {
		job = nil
		n, ok, err := tx.ClaimNotice(ctx, now, now.Add(notice.Lease))
		if err != nil || !ok {
			return err
		}
		job = &sending{n: n}
		return l.prepare(ctx, tx, now, job)
	})
	if err != nil {
		return nil, fmt.Errorf("claim a notice: %w", err)
	}
	return job, nil
}

func (l *Loop) prepare(ctx context.Context, tx *store.Tx, now time.Time, job *sending) error {
	n := &job.n
	var err error
	if job.p, err = tx.PartyByID(ctx, n.Party); err != nil {
		return err
	}
	if job.message, err = tx.NoticeMessage(ctx, n.ID); err != nil {
		return err
	}
	dropped, err := l.trim(ctx, tx, job)
	if err != nil {
		return err
	}
	if len(job.items) == 0 {
		job.done = true
		return l.settle(ctx, tx, now, n, notice.Withdraw, "nothing left to tell")
	}
	was := n.TLP
	if n.TLP, err = tx.MarkNotice(ctx, n.ID); err != nil {
		return err
	}
	if n.TLP > was {
		dropped++ // its mail, if it is written, says more than the mark now lets out
	}
	if job.c, err = contact(&job.p, n.Contact); err != nil {
		job.done = true
		return l.settle(ctx, tx, now, n, notice.Fail, "the contact is gone")
	}
	if n.Parent != "" {
		if job.thread, err = tx.NoticeByID(ctx, n.Parent); err != nil {
			return err
		}
	}
	if dropped == 0 {
		return nil
	}
	if job.message != nil { // it may have gone out: what differs needs a name of its own
		n.Rendition++
		n.MessageID = l.messageID(n)
		job.message = nil
		if err := tx.SetMessage(ctx, n.ID, nil); err != nil {
			return err
		}
	}
	n.Subject = notice.SubjectOf(n, &job.p, job.items)
	return tx.PutNotice(ctx, n)
}

// trim reads the findings of a notice and takes out those that it must not tell any more.
func (l *Loop) trim(ctx context.Context, tx *store.Tx, job *sending) (dropped int, err error) {
	found, err := tx.NoticeFindings(ctx, job.n.ID)
	if err != nil {
		return 0, err
	}
	for i := range found {
		f := &found[i]
		if f.Party == job.n.Party && untold(job.n.Kind, f.State) {
			job.items = append(job.items, l.item(f))
			continue
		}
		dropped++
		if err := tx.DropFromNotice(ctx, job.n.ID, f.ID); err != nil {
			return 0, err
		}
	}
	return dropped, nil
}

// untold reports whether a notice of kind k still has to tell a finding in state s. A finding is "notified" already
// where a notice that was sent came back and now goes to another contact.
func untold(k notice.Kind, s finding.State) bool {
	if k == notice.Reminder || k == notice.Escalation {
		return s == finding.Notified
	}
	return s == finding.Open || s == finding.Reopened || s == finding.Notified
}

// settle moves a notice without sending it, with one ledger entry.
func (l *Loop) settle(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, t notice.Trigger, why string) error {
	to, err := notice.Next(n.State, t)
	if err != nil {
		return err
	}
	n.State, n.Leased, n.Next, n.Error = to, time.Time{}, time.Time{}, ""
	if to == notice.Failed {
		n.Next, n.Error = now, why
	}
	if err := tx.PutNotice(ctx, n); err != nil {
		return err
	}
	_, err = tx.Append(ctx, now, notifier, "notice."+string(t), access.On("notice:"+string(n.ID)), why, nil)
	return err
}

// deliver writes the mail if that is not done, sends it and records what came of it.
func (l *Loop) deliver(ctx context.Context, now time.Time, job *sending, signer *notice.SigningKey) error {
	if job.message == nil {
		if err := l.readSightings(ctx, now, job); err != nil {
			return err
		}
		m, err := l.compose(now, job, signer)
		if err != nil {
			return err
		}
		held, err := l.keep(ctx, now, job, m)
		if err != nil || !held {
			return err
		}
		job.message = m.Message
	}
	sent := l.mailer.Send(ctx, Envelope{From: l.set.Sender.Mail, To: job.c.Mail, Message: job.message})
	if sent != nil && ctx.Err() != nil {
		return ctx.Err() // we stop; the lease runs out and the mail goes out then
	}
	return l.store.Update(ctx, func(tx *store.Tx) error { return l.record(ctx, tx, now, job, sent) })
}

// readSightings reads the single sightings of what a notice tells, and of what the notices tell that wait beside it: a signal is
// read once for all of them.
func (l *Loop) readSightings(ctx context.Context, now time.Time, job *sending) error {
	ids := findingIDs(job.items)
	err := l.store.View(ctx, func(tx *store.Tx) error {
		more, err := tx.FindingsPlanned(ctx, observedAhead)
		ids = append(ids, more...)
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(ids)
	if err := l.observe(ctx, now, slices.Compact(ids)); err != nil {
		return err
	}
	return l.store.View(ctx, func(tx *store.Tx) (err error) {
		job.sightings, err = sightingsOf(ctx, tx, job.items, observedKept)
		return err
	})
}

func (l *Loop) compose(now time.Time, job *sending, signer *notice.SigningKey) (notice.Mail, error) {
	letter := l.letter(now, job)
	letter.Link = l.noticeURL(job.n.ID, letter.Until)
	return letter.Compose(signer)
}

// letter is all that the mail says, but for the link by which it can be answered.
func (l *Loop) letter(now time.Time, job *sending) *notice.Letter {
	r := l.rules()
	letter := &notice.Letter{
		Notice: &job.n, Party: &job.p, Contact: job.c, Sender: l.set.Sender, Items: job.items,
		Until: now.Add(r.LinkLife), Zone: l.set.Zone, Now: now, Rules: r, Sightings: job.sightings,
	}
	if job.n.Parent != "" {
		letter.First, letter.Thread = job.thread.Sent, job.thread.MessageID
		if letter.First.IsZero() {
			letter.First = job.thread.Created
		}
	}
	return letter
}

// noticeURL returns the address of the page where the party answers a notice.
func (l *Loop) noticeURL(id ident.Notice, until time.Time) string {
	return l.set.BaseURL + "/n/" + notice.Link(l.set.Key, id, until)
}

// keep stores the bytes of the mail; false where another worker took the notice over meanwhile.
func (l *Loop) keep(ctx context.Context, now time.Time, job *sending, m notice.Mail) (bool, error) {
	held := false
	err := l.store.Keep(ctx, func(tx *store.Tx) error {
		n, err := tx.NoticeByID(ctx, job.n.ID)
		if err != nil {
			return err
		}
		if held = n.State == notice.Sending && n.Leased.Equal(job.n.Leased); !held {
			return nil
		}
		if err := tx.SetMessage(ctx, n.ID, m.Message); err != nil || m.Problem == "" {
			return err
		}
		_, err = tx.Enqueue(ctx, store.QueueItem{
			Kind: queueKey, Object: "contact:" + job.c.ID, Code: queueKey,
			Args: []string{job.p.Name, job.c.Mail, m.Problem}, Severity: n.Severity, Created: now,
		})
		return err
	})
	return held, err
}

// record writes what came of a send.
func (l *Loop) record(ctx context.Context, tx *store.Tx, now time.Time, job *sending, sent error) error {
	n, err := tx.NoticeByID(ctx, job.n.ID)
	if err != nil {
		return err
	}
	if !n.Leased.Equal(job.n.Leased) {
		return nil // the lease ran out while we sent; whoever has it now records
	}
	trigger, address := notice.Verdict(sent, n.Tries+1)
	detail := "taken by the mail server"
	if sent != nil {
		detail = sent.Error()
	}
	if err := l.attempt(ctx, tx, now, &n, trigger, detail); err != nil {
		return err
	}
	n.Tries++
	switch trigger {
	case notice.Accept:
		return l.accepted(ctx, tx, now, &n, job)
	case notice.Defer:
		wait, _ := notice.BackOff(n.Tries)
		n.Next, n.Error = now.Add(wait), detail
	default:
		n.Next, n.Error = now, detail
		if address {
			if err := tx.MarkBounce(ctx, n.Contact, now, detail); err != nil && !errors.Is(err, fault.NotFound) {
				return err
			}
		}
	}
	if err := tx.PutNotice(ctx, &n); err != nil {
		return err
	}
	_, err = tx.Append(ctx, now, notifier, "notice."+string(trigger), access.On("notice:"+string(n.ID)), smtpCode(sent), struct {
		Contact string `json:"contact"`
		Attempt int    `json:"attempt"`
	}{n.Contact, n.Attempts})
	return err
}

// attempt moves the notice, frees it and adds the delivery.
func (l *Loop) attempt(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, t notice.Trigger, detail string) error {
	to, err := notice.Next(n.State, t)
	if err != nil {
		return err
	}
	n.State, n.Leased = to, time.Time{}
	n.Attempts++
	return tx.InsertDelivery(ctx, notice.Delivery{
		Notice: n.ID, Attempt: n.Attempts, At: now, Contact: n.Contact, Outcome: string(t), Detail: detail,
	})
}

// accepted records that the mail is out: the findings count as told, and the wait for an answer begins.
func (l *Loop) accepted(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, job *sending) error {
	n.Sent, n.Error = now, ""
	n.Next = now.Add(l.rules().Patience(n.Severity))
	if c, ok := l.mailer.(interface{ Confirms() bool }); ok && c.Confirms() {
		to, err := notice.Next(n.State, notice.Confirm)
		if err != nil {
			return err
		}
		n.State = to
	}
	if err := tx.PutNotice(ctx, n); err != nil {
		return err
	}
	seq, err := tx.Append(ctx, now, notifier, "notice.send", access.On("notice:"+string(n.ID)), string(n.Kind), struct {
		Party    ident.Party `json:"party"`
		Contact  string      `json:"contact"`
		Findings int         `json:"findings"`
	}{n.Party, n.Contact, len(job.items)})
	if err != nil {
		return err
	}
	ids := make([]ident.Finding, len(job.items))
	for i := range job.items {
		ids[i] = job.items[i].ID
	}
	return told(ctx, tx, now, n.ID, ids, seq)
}

// told moves the findings of a notice that is on its way.
func told(ctx context.Context, tx *store.Tx, now time.Time, n ident.Notice, ids []ident.Finding, seq int64) error {
	for _, id := range ids {
		is, err := tx.StandingOf(ctx, id)
		if err != nil {
			return err
		}
		if _, err := finding.Next(is.State, finding.Notify); err != nil {
			continue // answered or closed while the mail was on its way
		}
		_, err = change(ctx, tx, now, id, finding.Notify, notifier.String(), "notice "+string(n), "", time.Time{}, seq)
		if err != nil {
			return err
		}
	}
	return nil
}

// smtpCode returns the reply code for the ledger, which takes no text of others.
func smtpCode(err error) string {
	var s *notice.SendError
	if errors.As(err, &s) && s.Code != 0 {
		return fmt.Sprintf("smtp %d %s", s.Code, s.Enhanced)
	}
	return "not reached"
}

// Bounce takes a delivery status notification that came back for a notice. fault.Invalid where msg is none;
// fault.NotFound where the notice is not ours.
func (l *Loop) Bounce(ctx context.Context, now time.Time, msg []byte) error {
	r, err := notice.ParseBounce(msg)
	if err != nil {
		return err
	}
	return l.store.Update(ctx, func(tx *store.Tx) error { return l.bounced(ctx, tx, now, r) })
}

func (l *Loop) bounced(ctx context.Context, tx *store.Tx, now time.Time, r notice.BounceReport) error {
	n, err := tx.NoticeByID(ctx, r.Notice)
	if err != nil {
		return err
	}
	trigger, moves := r.Trigger()
	if r.MessageID != "" && r.MessageID != n.MessageID {
		moves = false // about an earlier rendition: to another contact, or replaced
	}
	was := n.State
	if moves {
		if n.State, err = notice.Next(n.State, trigger); err != nil {
			n.State, moves = was, false // the news is too late to change anything, but it is kept
		}
	}
	n.Attempts++
	detail := event.Clean(fmt.Sprintf("%s %s %s", r.Action, r.Status, r.Diagnostic))
	if n.State == notice.Failed && was != notice.Failed {
		n.Next, n.Leased, n.Error = now, time.Time{}, detail
		if r.Permanent() {
			if err := tx.MarkBounce(ctx, n.Contact, now, detail); err != nil && !errors.Is(err, fault.NotFound) {
				return err
			}
		}
	}
	if n.State == notice.Delivered && was == notice.Sending { // the server's answer to us was lost, the mail was not
		n.Sent, n.Leased, n.Next = now, time.Time{}, now.Add(l.rules().Patience(n.Severity))
	}
	err = tx.InsertDelivery(ctx, notice.Delivery{
		Notice: n.ID, Attempt: n.Attempts, At: now, Contact: n.Contact, Outcome: r.Action, Detail: detail,
	})
	if err == nil {
		err = tx.PutNotice(ctx, &n)
	}
	if err != nil {
		return err
	}
	seq, err := tx.Append(ctx, now, access.ForSoftware("bounce"), "notice.bounce", access.On("notice:"+string(n.ID)), r.Action, struct {
		Status string `json:"status"`
		Moved  bool   `json:"moved"`
	}{r.Status, moves})
	if err != nil || n.State != notice.Delivered || was != notice.Sending {
		return err
	}
	found, err := tx.NoticeFindings(ctx, n.ID)
	if err != nil {
		return err
	}
	ids := make([]ident.Finding, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	return told(ctx, tx, now, n.ID, ids, seq)
}
