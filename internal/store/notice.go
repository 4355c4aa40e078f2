package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
)

// noticeColumns is what scanNotice reads: everything but the message, which can be megabytes.
const noticeColumns = `id, party_id, contact_id, language, kind, parent, class, severity, reason, state, created_at, next_at,
	attempts, tries, rendition, message_id, subject, sent_at, answered_at, error, leased_until, tlp, hold`

func scanNotice(r scanner) (notice.Notice, error) {
	var n notice.Notice
	var kind, state string
	var severity, created int64
	var next, sent, answered, leased sql.NullInt64
	err := r.Scan(&n.ID, &n.Party, &n.Contact, &n.Language, &kind, &n.Parent, &n.Class, &severity, &n.Reason, &state,
		&created, &next, &n.Attempts, &n.Tries, &n.Rendition, &n.MessageID, &n.Subject, &sent, &answered, &n.Error, &leased, &n.TLP, &n.Hold)
	if err != nil {
		return notice.Notice{}, err
	}
	n.Kind, n.State, n.Severity = notice.Kind(kind), notice.State(state), event.Severity(severity)
	n.Created, n.Next, n.Sent = Instant(created), instant(next), instant(sent)
	n.Answered, n.Leased = instant(answered), instant(leased)
	return n, nil
}

// InsertNotice writes a new notice and which findings it tells; it takes its mark from them. The message is written by SetMessage.
func (t *Tx) InsertNotice(ctx context.Context, n *notice.Notice, findings []ident.Finding) error {
	_, err := t.exec(ctx, `insert into notice (id, party_id, contact_id, language, kind, parent, class, severity, reason, state,
		created_at, next_at, attempts, tries, rendition, message_id, subject, message, sent_at, answered_at, error, leased_until, hold)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, null, $18, $19, $20, $21, $22)`,
		n.ID, n.Party, n.Contact, n.Language, string(n.Kind), n.Parent, n.Class, int64(n.Severity), n.Reason, string(n.State),
		Micros(n.Created), optional(n.Next), n.Attempts, n.Tries, n.Rendition, n.MessageID, n.Subject, optional(n.Sent),
		optional(n.Answered), n.Error, optional(n.Leased), n.Hold)
	if err != nil {
		return fmt.Errorf("insert notice %s: %w", n.ID, err)
	}
	rows := make([][]any, len(findings))
	for i, id := range findings {
		rows[i] = []any{n.ID, id}
	}
	if err := t.insertRows(ctx, "insert into notice_finding (notice_id, finding_id) values ", "", rows); err != nil {
		return fmt.Errorf("insert findings of notice %s: %w", n.ID, err)
	}
	n.TLP, err = t.MarkNotice(ctx, n.ID)
	return err
}

// PutNotice writes what changes in the life of a notice; findings and message stay.
func (t *Tx) PutNotice(ctx context.Context, n *notice.Notice) error {
	_, err := t.exec(ctx, `update notice set contact_id = $1, language = $2, state = $3, next_at = $4, attempts = $5, tries = $6,
		rendition = $7, message_id = $8, subject = $9, sent_at = $10, answered_at = $11, error = $12, leased_until = $13
		where id = $14`,
		n.Contact, n.Language, string(n.State), optional(n.Next), n.Attempts, n.Tries, n.Rendition, n.MessageID, n.Subject,
		optional(n.Sent), optional(n.Answered), n.Error, optional(n.Leased), n.ID)
	if err != nil {
		return fmt.Errorf("update notice %s: %w", n.ID, err)
	}
	return nil
}

// SetMessage keeps the exact bytes of the mail; nil when it has to be written anew.
func (t *Tx) SetMessage(ctx context.Context, id ident.Notice, message []byte) error {
	if _, err := t.exec(ctx, "update notice set message = $1 where id = $2", message, id); err != nil {
		return fmt.Errorf("keep the message of notice %s: %w", id, err)
	}
	return nil
}

// NoticeMessage returns the bytes of the mail; nil where it is not written yet.
func (t *Tx) NoticeMessage(ctx context.Context, id ident.Notice) ([]byte, error) {
	var b []byte
	if err := t.row(ctx, "select message from notice where id = $1", []any{id}, &b); err != nil {
		return nil, fmt.Errorf("read the message of notice %s: %w", id, err)
	}
	return b, nil
}

// NoticeByID returns a notice without its message; fault.NotFound where there is none.
func (t *Tx) NoticeByID(ctx context.Context, id ident.Notice) (notice.Notice, error) {
	n, err := scanNotice(t.tx.QueryRowContext(ctx, "select "+noticeColumns+" from notice where id = $1", id))
	if err != nil {
		return notice.Notice{}, fmt.Errorf("read notice %s: %w", id, t.classify(err))
	}
	return n, nil
}

// ClaimNotice takes the most severe notice that is due for sending, or whose sender's lease has run out, into state
// "sending" until until; false where none is due.
func (t *Tx) ClaimNotice(ctx context.Context, now, until time.Time) (notice.Notice, bool, error) {
	n, err := scanNotice(t.writing().QueryRowContext(ctx, `update notice set state = 'sending', leased_until = $1 where id = (
		select id from notice where (state = 'planned' and next_at <= $2) or (state = 'sending' and leased_until <= $3)
		order by severity desc, created_at, id limit 1) returning `+noticeColumns, Micros(until), Micros(now), Micros(now)))
	if err = t.classify(err); errors.Is(err, fault.NotFound) {
		return notice.Notice{}, false, nil
	}
	if err != nil {
		return notice.Notice{}, false, fmt.Errorf("claim a notice: %w", err)
	}
	return n, true, nil
}

// NoticesToChase returns at most limit notices whose next step after sending, or after failing, is due.
func (t *Tx) NoticesToChase(ctx context.Context, now time.Time, limit int) ([]ident.Notice, error) {
	var out []ident.Notice
	err := t.each(ctx, `select id from notice where state in ('sent', 'delivered', 'answered', 'failed') and next_at <= $1
		order by next_at, id limit $2`, []any{Micros(now), limit}, func(r *sql.Rows) error {
		var id ident.Notice
		err := r.Scan(&id)
		out = append(out, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find notices to chase: %w", err)
	}
	return out, nil
}

// EscalatedOver returns at most limit notices that the desk has in its queue and of which nothing waits for their party any
// more: an urgent notice or a digest has something to tell until its findings are answered, a reminder what was told before.
func (t *Tx) EscalatedOver(ctx context.Context, limit int) ([]ident.Notice, error) {
	list, err := t.noticesWhere(ctx, `state = 'escalated' and not exists (select 1 from notice_finding m join finding f on f.id = m.finding_id
		where m.notice_id = notice.id and f.party_id = notice.party_id and
		(f.state = 'notified' or notice.kind in ('urgent', 'digest') and f.state in ('open', 'reopened')))`, limit)
	if err != nil {
		return nil, fmt.Errorf("find escalations that are over: %w", err)
	}
	return list, nil
}

// EscalatedTo returns every notice to a party that the desk has in its queue, the oldest first.
func (t *Tx) EscalatedTo(ctx context.Context, p ident.Party) ([]notice.Notice, error) {
	list, err := t.notices(ctx, "where party_id = $1 and state = 'escalated' order by created_at, id", p)
	if err != nil {
		return nil, fmt.Errorf("read escalated notices to %s: %w", p, err)
	}
	return list, nil
}

// TellingOf returns the notices to a party that went out and told one of some findings.
func (t *Tx) TellingOf(ctx context.Context, p ident.Party, ids []ident.Finding) ([]notice.Notice, error) {
	seen := map[ident.Notice]bool{}
	var out []notice.Notice
	for some := range slices.Chunk(ids, 500) {
		q := &conditions{}
		where := "where party_id = " + q.add(p) + " and sent_at is not null and state <> 'withdrawn' and id in (select b.notice_id from notice_finding b where " +
			q.in("b.finding_id", len(some), func(i int) any { return some[i] }) + ") order by created_at, id"
		list, err := t.notices(ctx, where, q.args...)
		if err != nil {
			return nil, fmt.Errorf("find the notices that told %d findings: %w", len(ids), err)
		}
		for i := range list {
			if !seen[list[i].ID] {
				seen[list[i].ID] = true
				out = append(out, list[i])
			}
		}
	}
	return out, nil
}

// NoticeChain returns the first notice of a chain and all that follow it, the oldest first.
func (t *Tx) NoticeChain(ctx context.Context, first ident.Notice) ([]notice.Notice, error) {
	return t.notices(ctx, "where id = $1 or parent = $2 order by created_at, id", first, first)
}

func (t *Tx) notices(ctx context.Context, rest string, args ...any) ([]notice.Notice, error) {
	var out []notice.Notice
	err := t.each(ctx, "select "+noticeColumns+" from notice "+rest, args, func(r *sql.Rows) error {
		n, err := scanNotice(r)
		out = append(out, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return out, nil
}

// NoticeFilter narrows a list of notices; the zero value lets everything through.
type NoticeFilter struct {
	Party ident.Party
	State notice.State
	May   access.Cond // what the reader may read
}

// NoticeCursor stands for a place in a list of notices, the newest first; the zero value is the start.
type NoticeCursor struct {
	Created time.Time
	ID      ident.Notice
}

// ListNotices returns at most limit notices after the cursor, the newest first.
func (t *Tx) ListNotices(ctx context.Context, f NoticeFilter, after NoticeCursor, limit int) ([]notice.Notice, error) {
	created := int64(1) << 62
	if !after.Created.IsZero() {
		created = Micros(after.Created)
	}
	q := &conditions{}
	rest := "where created_at <= " + q.add(created) + " and (created_at < " + q.add(created) + " or id < " + q.add(after.ID) + ")"
	if f.Party != "" {
		rest += " and party_id = " + q.add(f.Party)
	}
	if f.State != "" {
		rest += " and state = " + q.add(string(f.State))
	}
	rest += " and " + q.readable(noticeFields, f.May) + " order by created_at desc, id desc limit " + q.add(limit)
	return t.notices(ctx, rest, q.args...)
}

// NoticesOfFinding returns the notices that told a finding and that the reader may read, the oldest first.
func (t *Tx) NoticesOfFinding(ctx context.Context, id ident.Finding, may access.Cond) ([]notice.Notice, error) {
	q := &conditions{}
	rest := "where id in (select notice_id from notice_finding where finding_id = " + q.add(id) + ") and " + q.readable(noticeFields, may)
	return t.notices(ctx, rest+" order by created_at, id", q.args...)
}

// CountNotices counts the notices in each state that the reader may read.
func (t *Tx) CountNotices(ctx context.Context, may access.Cond) (map[notice.State]int, error) {
	out := map[notice.State]int{}
	q := &conditions{}
	err := t.each(ctx, "select state, count(*) from notice where "+q.readable(noticeFields, may)+" group by state", q.args, func(r *sql.Rows) error {
		var state string
		var n int
		err := r.Scan(&state, &n)
		out[notice.State(state)] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count notices: %w", err)
	}
	return out, nil
}

// NoticeFindings returns the findings that a notice tells, the most severe first.
func (t *Tx) NoticeFindings(ctx context.Context, id ident.Notice) ([]Finding, error) {
	out, err := t.findings(ctx, `where f.id in (select finding_id from notice_finding where notice_id = $1)
		order by f.severity desc, f.id`, id)
	if err != nil {
		return nil, fmt.Errorf("read findings of notice %s: %w", id, err)
	}
	return out, nil
}

// ToldBy returns the numbers of the findings that a notice tells.
func (t *Tx) ToldBy(ctx context.Context, id ident.Notice) ([]ident.Finding, error) {
	var out []ident.Finding
	err := t.each(ctx, "select finding_id from notice_finding where notice_id = $1 order by finding_id", []any{id},
		func(r *sql.Rows) error {
			var f ident.Finding
			err := r.Scan(&f)
			out = append(out, f)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read findings of notice %s: %w", id, err)
	}
	return out, nil
}

// DropFromNotice takes a finding out of a notice that was not sent.
func (t *Tx) DropFromNotice(ctx context.Context, id ident.Notice, f ident.Finding) error {
	if _, err := t.exec(ctx, "delete from notice_finding where notice_id = $1 and finding_id = $2", id, f); err != nil {
		return fmt.Errorf("take finding %d out of notice %s: %w", f, id, err)
	}
	return nil
}

// ToTell sums up what nobody told a party of.
type ToTell struct {
	Party  ident.Party
	Worst  event.Severity
	Oldest time.Time // since when the first of them waits
}

// PartiesToTell returns the parties with findings that nobody told them of, in order of name. Findings of notices that
// are on their way count too.
func (t *Tx) PartiesToTell(ctx context.Context) ([]ToTell, error) {
	var out []ToTell
	err := t.each(ctx, `select p.id, max(f.severity), min(f.state_at) from party p join finding f on f.party_id = p.id
		where p.ended_at is null and f.state in ('open', 'reopened') group by p.id order by p.id`, nil,
		func(r *sql.Rows) error {
			var w ToTell
			var worst, oldest int64
			err := r.Scan(&w.Party, &worst, &oldest)
			w.Worst, w.Oldest = event.Severity(worst), Instant(oldest)
			out = append(out, w)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("find parties to tell: %w", err)
	}
	return out, nil
}

// toTell is the condition on findings f that nobody told the party $1 of. Left out are those in a notice that still has to
// reach somebody, and those of a notice made after $2 that reached nobody: the desk has it. So are those of a notice to this
// party that waits to be released, or that a person refused after $2.
const toTell = `f.party_id = $1 and f.state in ('open', 'reopened') and not exists (
	select 1 from notice_finding m join notice n on n.id = m.notice_id where m.finding_id = f.id and
	(n.state in ('planned', 'sending', 'failed') or n.state = 'held' and n.party_id = f.party_id
	or n.state = 'escalated' and n.sent_at is null and n.created_at > $2
	or n.state = 'withdrawn' and n.hold <> '' and n.party_id = f.party_id and n.created_at > $2))`

// FindingsToTell returns at most limit findings of a party that nobody told it of, the most severe first; see toTell. retry is
// the instant from which on a notice that reached nobody counts.
func (t *Tx) FindingsToTell(ctx context.Context, p ident.Party, retry time.Time, limit int) ([]Finding, error) {
	out, err := t.findings(ctx, "where "+toTell+" order by f.severity desc, f.id limit $3", p, Micros(retry), limit)
	if err != nil {
		return nil, fmt.Errorf("read findings to tell %s: %w", p, err)
	}
	return out, nil
}

// CountToTell counts what FindingsToTell would return without a limit.
func (t *Tx) CountToTell(ctx context.Context, p ident.Party, retry time.Time) (int, error) {
	var n int
	if err := t.row(ctx, "select count(*) from finding f where "+toTell, []any{p, Micros(retry)}, &n); err != nil {
		return 0, fmt.Errorf("count findings to tell %s: %w", p, err)
	}
	return n, nil
}

// PastNotices returns how many urgent notices and digests a party had since day, when its newest digest was made, and how
// it wants to be told.
func (t *Tx) PastNotices(ctx context.Context, p ident.Party, day time.Time) (notice.Past, error) {
	var past notice.Past
	var last sql.NullInt64
	err := t.row(ctx, `select count(*) from notice where party_id = $1 and created_at >= $2 and kind in ('urgent', 'digest')
		and state <> 'withdrawn'`, []any{p, Micros(day)}, &past.Today)
	if err == nil {
		err = t.row(ctx, "select max(created_at) from notice where party_id = $1 and kind = 'digest'", []any{p}, &last)
	}
	if err == nil {
		past.Rhythm, err = t.RhythmOf(ctx, p)
	}
	if err != nil {
		return notice.Past{}, fmt.Errorf("count notices to %s: %w", p, err)
	}
	past.LastDigest = instant(last)
	return past, nil
}

// InsertDelivery adds one attempt.
func (t *Tx) InsertDelivery(ctx context.Context, d notice.Delivery) error {
	_, err := t.exec(ctx, `insert into delivery (notice_id, attempt, at, contact_id, outcome, detail)
		values ($1, $2, $3, $4, $5, $6)`, d.Notice, d.Attempt, Micros(d.At), d.Contact, d.Outcome, d.Detail)
	if err != nil {
		return fmt.Errorf("insert delivery %d of notice %s: %w", d.Attempt, d.Notice, err)
	}
	return nil
}

// Deliveries returns the attempts for a notice, the oldest first.
func (t *Tx) Deliveries(ctx context.Context, id ident.Notice) ([]notice.Delivery, error) {
	var out []notice.Delivery
	err := t.each(ctx, `select notice_id, attempt, at, contact_id, outcome, detail from delivery where notice_id = $1
		order by attempt`, []any{id}, func(r *sql.Rows) error {
		var d notice.Delivery
		var at int64
		err := r.Scan(&d.Notice, &d.Attempt, &at, &d.Contact, &d.Outcome, &d.Detail)
		d.At = Instant(at)
		out = append(out, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read deliveries of notice %s: %w", id, err)
	}
	return out, nil
}

// QueuedSince reports whether the queue has an item of kind about object that is open or was made after since.
func (t *Tx) QueuedSince(ctx context.Context, kind, object string, since time.Time) (bool, error) {
	var n int
	err := t.row(ctx, `select count(*) from queue_item where kind = $1 and object = $2 and (done_at is null or done_at > $3)`,
		[]any{kind, object, Micros(since)}, &n)
	if err != nil {
		return false, fmt.Errorf("look for %s of %s in the queue: %w", kind, object, err)
	}
	return n > 0, nil
}
