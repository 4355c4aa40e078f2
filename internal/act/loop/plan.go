package loop

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

var notifier = access.ForSoftware("notify")

// Kinds of queue items about notices. Their title codes are the same words.
const (
	queueNoContact = "notice.no_contact" // party:ID; args: party name, findings waiting
	queueFailed    = "notice.failed"     // party:ID; args: party name, notice, last error
	queueSilent    = "notice.silent"     // party:ID; args: party name, findings without an answer, first notice
	queueKey       = "notice.key"        // contact:ID; args: party name, contact's mail, "broken" or "expired"
	queueHeld      = "notice.held"       // hold:ID; args: the hold's reason
	queueDisputed  = "notice.disputed"   // notice:ID or party:ID; args: party name, findings, whose they are said to be
)

// retryAfter is how long findings of a notice that reached nobody wait before they are planned anew; the desk has a
// queue item meanwhile.
const retryAfter = 24 * time.Hour

// rules returns the installation's rhythm.
func (l *Loop) rules() notice.Rules {
	return notice.Rulebook(notice.Rules{
		UrgentFrom: event.Severity(l.set.UrgentFrom), PerDay: l.set.NoticesADay, Hour: l.set.DigestHour, Zone: l.set.Zone,
	})
}

// Planned counts what one pass of Plan did.
type Planned struct {
	Notices     int
	Findings    int
	Unreachable int // parties that nobody can be written to
	Held        int // of Notices: they wait to be released
}

// Plan makes the notices that are due: at once for what is urgent, by the daily digest for the rest. Findings that it
// leaves go on waiting; a party without a contact goes to the desk's queue. Each notice is one act, "notice.plan".
func (l *Loop) Plan(ctx context.Context, now time.Time) (Planned, error) {
	var sum Planned
	var all []store.ToTell
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.PartiesToTell(ctx)
		return err
	})
	if err != nil {
		return sum, err
	}
	batch, due := 0, all[:0]
	for _, w := range all {
		n, err := l.howManyDue(ctx, now, w)
		if err != nil {
			return sum, fmt.Errorf("plan notices to %s: %w", w.Party, err)
		}
		if n > 0 {
			batch, due = batch+n, append(due, w)
		}
	}
	why, err := l.holdBatch(ctx, now, batch)
	if err != nil {
		return sum, err
	}
	for _, w := range due {
		var p Planned
		err = l.store.Update(ctx, func(tx *store.Tx) (err error) {
			p, err = l.planParty(ctx, tx, now, w.Party, why)
			return err
		})
		if err != nil {
			return sum, fmt.Errorf("plan notices to %s: %w", w.Party, err)
		}
		sum.Notices += p.Notices
		sum.Findings += p.Findings
		sum.Unreachable += p.Unreachable
		sum.Held += p.Held
	}
	return sum, nil
}

// howManyDue counts the notices to one party without writing, so that a pass that finds nothing to do does not hold the writer.
func (l *Loop) howManyDue(ctx context.Context, now time.Time, w store.ToTell) (int, error) {
	due := 0
	err := l.store.View(ctx, func(tx *store.Tx) error {
		book, err := tx.Rulebook(ctx, now)
		if err != nil {
			return err
		}
		r := l.rules()
		past, err := tx.PastNotices(ctx, w.Party, r.Day(now))
		r.UrgentFrom, past.Rhythm.UrgentFrom = book.Least(r.UrgentFrom), book.Least(past.Rhythm.UrgentFrom) // for Quiet alone
		if err != nil || notice.Quiet(r, now, w.Worst, w.Oldest, past) {
			return err
		}
		drafts, _, err := l.drafts(ctx, tx, now, w.Party)
		due = len(drafts)
		return err
	})
	return due, err
}

func (l *Loop) drafts(ctx context.Context, tx *store.Tx, now time.Time, id ident.Party) ([]notice.Draft, int, error) {
	r := l.rules()
	found, err := tx.FindingsToTell(ctx, id, now.Add(-retryAfter), (r.PerDay+1)*r.PerNotice)
	if err != nil || len(found) == 0 {
		return nil, 0, err
	}
	past, err := tx.PastNotices(ctx, id, r.Day(now))
	if err != nil {
		return nil, 0, err
	}
	items, err := l.paced(ctx, tx, now, id, found)
	if err != nil {
		return nil, 0, err
	}
	p, err := tx.PartyByID(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	items = notice.Place(&p, items)
	drafts, held := notice.Plan(r, now, items, past)
	return drafts, held, nil
}

// paced explains findings of a party and asks the desk's rules how each is told. What they mute or hold is left out.
func (l *Loop) paced(ctx context.Context, tx *store.Tx, now time.Time, id ident.Party, found []store.Finding) ([]notice.Item, error) {
	items := l.items(found)
	book, err := tx.Rulebook(ctx, now)
	if err != nil || !book.Tells() {
		return items, err
	}
	p, err := tx.PartyByID(ctx, id)
	if err != nil {
		return nil, err
	}
	kept := items[:0]
	for i, it := range items {
		if pace, tell := book.Pace(book.Subject(&found[i], &p)); tell {
			it.Pace = pace
			kept = append(kept, it)
		}
	}
	return kept, nil
}

// planParty makes the notices to one party. They wait where a hold is open, or where one has to be for the reason why.
func (l *Loop) planParty(ctx context.Context, tx *store.Tx, now time.Time, id ident.Party, why notice.HoldReason) (Planned, error) {
	var sum Planned
	drafts, held, err := l.drafts(ctx, tx, now, id)
	if err != nil || len(drafts) == 0 {
		return sum, err
	}
	p, err := tx.PartyByID(ctx, id)
	if err != nil {
		return sum, err
	}
	for _, d := range drafts {
		c := notice.Choose(&p, notice.ObjectOf(d.Items), notice.Order(d.Items), nil)
		if c == nil {
			sum.Unreachable = 1
			return sum, l.unreachable(ctx, tx, now, &p, drafts)
		}
		n := l.draft(now, &p, c, d)
		if n.Hold, err = holdFor(ctx, tx, now, why); err != nil {
			return sum, err
		}
		if n.Hold != "" {
			n.State, n.Next = notice.Held, time.Time{}
			sum.Held++
		}
		if err := l.plan(ctx, tx, now, n, findingIDs(d.Items), held); err != nil {
			return sum, err
		}
		sum.Notices++
		sum.Findings += len(d.Items)
	}
	_, err = tx.QueueSettle(ctx, queueNoContact, "party:"+string(id), notifier.String(), now)
	return sum, err
}

// draft turns a draft into a notice that is due now.
func (l *Loop) draft(now time.Time, p *party.Party, c *party.Contact, d notice.Draft) *notice.Notice {
	n := &notice.Notice{
		ID: ident.Notice(ident.New("ntc")), Party: p.ID, Contact: c.ID, Language: notice.Language(p, c), Kind: d.Kind,
		Severity: d.Severity, Reason: d.Reason, State: notice.Planned, Created: now, Next: now, Rendition: 1,
	}
	if d.Class != nil {
		n.Class = d.Class.Class
	}
	n.MessageID = l.messageID(n)
	n.Subject = notice.SubjectOf(n, p, d.Items)
	return n
}

// plan writes a new notice with its ledger entry. held counts urgent findings that the day's limit made wait.
func (l *Loop) plan(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, ids []ident.Finding, held int) error {
	if err := tx.InsertNotice(ctx, n, ids); err != nil {
		return err
	}
	_, err := tx.Append(ctx, now, notifier, "notice.plan", access.On("notice:"+string(n.ID)), n.Reason, struct {
		Party    ident.Party  `json:"party"`
		Kind     notice.Kind  `json:"kind"`
		Parent   ident.Notice `json:"parent,omitempty"`
		Class    string       `json:"class,omitempty"`
		Findings int          `json:"findings"`
		Held     int          `json:"held,omitempty"`
		Hold     string       `json:"hold,omitempty"`
	}{n.Party, n.Kind, n.Parent, n.Class, len(ids), held, n.Hold})
	return err
}

// unreachable puts a party that has no contact before the desk. The findings stay as they are and are looked at again
// with every pass.
func (l *Loop) unreachable(ctx context.Context, tx *store.Tx, now time.Time, p *party.Party, drafts []notice.Draft) error {
	object := "party:" + string(p.ID)
	known, err := tx.QueuedSince(ctx, queueNoContact, object, now.Add(-retryAfter))
	if err != nil || known {
		return err
	}
	n, worst := 0, event.Unknown
	for _, d := range drafts {
		n += len(d.Items)
		worst = max(worst, d.Severity)
	}
	_, err = tx.Enqueue(ctx, store.QueueItem{
		Kind: queueNoContact, Object: object, Code: queueNoContact, Args: []string{p.Name, fmt.Sprint(n)},
		Severity: worst, Created: now,
	})
	if err != nil {
		return err
	}
	_, err = tx.Append(ctx, now, notifier, "notice.no_contact", access.On(object), "nobody to write to", struct {
		Findings int `json:"findings"`
	}{n})
	return err
}

func (l *Loop) messageID(n *notice.Notice) string {
	domain := l.set.MailDomain
	if domain == "" {
		domain = "tocsin.invalid"
	}
	if n.Rendition == 1 {
		return string(n.ID) + "@" + domain
	}
	return fmt.Sprintf("%s.%d@%s", n.ID, n.Rendition, domain)
}

// items explains findings by the class library.
func (l *Loop) items(found []store.Finding) []notice.Item {
	out := make([]notice.Item, len(found))
	for i := range found {
		out[i] = l.item(&found[i])
	}
	return out
}

func (l *Loop) item(f *store.Finding) notice.Item {
	c := l.library.Named(f.Class)
	if !l.library.Has(f.Class) {
		c = l.library.Class(f.Identity.Identifier, "", f.Identity.Type)
	}
	severity := f.Severity
	if severity == event.Unknown {
		severity = c.Level()
	}
	return notice.Item{
		ID: f.ID, Identity: f.Identity, Class: c, Severity: severity, State: f.State, Waiting: f.StateAt, First: f.First,
		Last: f.Last, Count: f.Count, Confidence: f.Confidence, Basis: f.Basis, Matched: f.Matched, Region: f.Region, TLP: f.Mark.TLP,
	}
}

func findingIDs(items []notice.Item) []ident.Finding {
	ids := make([]ident.Finding, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	return ids
}

// contact returns the contact of p called id; fault.NotFound where it is gone.
func contact(p *party.Party, id string) (*party.Contact, error) {
	for i := range p.Contacts {
		if p.Contacts[i].ID == id {
			return &p.Contacts[i], nil
		}
	}
	return nil, fault.New(fault.NotFound, "contact %s of %s is gone", id, p.ID)
}
