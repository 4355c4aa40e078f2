package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// AnswerKind is what a party says about findings.
type AnswerKind string

// Kinds of answer. None of them closes a finding.
const (
	AnswerAcknowledge AnswerKind = "acknowledge" // seen
	AnswerStart       AnswerKind = "start"       // work has begun
	AnswerFixed       AnswerKind = "fixed"       // a claim: evidence decides
	AnswerNotOurs     AnswerKind = "not_mine"    // Whose may say whose
	AnswerAcceptRisk  AnswerKind = "accept_risk" // until Until, for Reason
	AnswerWrong       AnswerKind = "wrong"       // the observation is, for Reason
)

// AnswerKinds lists the kinds in the order in which pages offer them.
var AnswerKinds = []AnswerKind{AnswerAcknowledge, AnswerStart, AnswerFixed, AnswerNotOurs, AnswerAcceptRisk, AnswerWrong}

var answerTriggers = map[AnswerKind]finding.Trigger{
	AnswerAcknowledge: finding.Acknowledge, AnswerStart: finding.Start, AnswerFixed: finding.Claim,
	AnswerNotOurs: finding.Dispute, AnswerAcceptRisk: finding.AcceptRisk, AnswerWrong: finding.Dispute,
}

// Particulars are the details of an answer.
type Particulars struct {
	Reason string    // in the party's words; needed for AnswerAcceptRisk and AnswerWrong
	Whose  string    // of AnswerNotOurs: a party's ID or free text; may be empty
	Until  time.Time // of AnswerAcceptRisk
}

// Answered is what became of an answer, finding by finding.
type Answered struct {
	Results []AnswerResult // in the order asked
	Changed int
	Seq     int64 // of the ledger entry; 0 where nothing changed
}

// AnswerResult is the outcome for one finding.
type AnswerResult struct {
	Finding ident.Finding
	State   finding.State // after the answer; as it was where Problem is set
	Problem error         // fault.Denied: not this party's, or not in this notice; fault.Conflict: its state; nil: done
}

// maxAnswer bounds the findings of one answer.
const maxAnswer = 10_000

// Answer records what a party says about findings of a notice through the notice's link. Findings that cannot take the
// answer are reported one by one and do not stop the others. fault.Denied and fault.Expired are about the link,
// fault.Invalid about the particulars. The notice counts as answered once one finding took it.
func (l *Loop) Answer(ctx context.Context, now time.Time, token string, ids []ident.Finding, kind AnswerKind, p Particulars) (Answered, error) {
	id, _, err := notice.OpenLink(l.set.Key, token, now)
	if err != nil {
		return Answered{}, err
	}
	return l.answer(ctx, now, answerer{notice: id}, ids, kind, p)
}

// AnswerAs is Answer for a signed-in member of a party, about any of the party's findings.
func (l *Loop) AnswerAs(ctx context.Context, now time.Time, by access.Actor, ids []ident.Finding, kind AnswerKind, p Particulars) (Answered, error) {
	return l.answer(ctx, now, answerer{actor: by, party: by.Party}, ids, kind, p)
}

// answerer is who answers: a party, and the notice where it came by a link.
type answerer struct {
	actor  access.Actor // zero for a link: it speaks for the notice's party
	party  ident.Party
	notice ident.Notice
}

func (a answerer) object() string {
	if a.notice != "" {
		return "notice:" + string(a.notice)
	}
	return "party:" + string(a.party)
}

func (l *Loop) answer(ctx context.Context, now time.Time, by answerer, ids []ident.Finding, kind AnswerKind, p Particulars) (Answered, error) {
	p, err := l.checkAnswer(now, ids, kind, p)
	if err != nil {
		return Answered{}, err
	}
	var out Answered
	err = l.store.Update(ctx, func(tx *store.Tx) (err error) {
		out, err = l.take(ctx, tx, now, by, ids, kind, p)
		return err
	})
	if err != nil {
		return Answered{}, fmt.Errorf("take an answer to %s: %w", by.object(), err)
	}
	return out, nil
}

// checkAnswer trims the particulars and says what is missing.
func (l *Loop) checkAnswer(now time.Time, ids []ident.Finding, kind AnswerKind, p Particulars) (Particulars, error) {
	if answerTriggers[kind] == "" {
		return p, fault.New(fault.Invalid, "answer: %q is not one of acknowledge, start, fixed, not_mine, accept_risk, wrong", kind)
	}
	if len(ids) == 0 || len(ids) > maxAnswer {
		return p, fault.New(fault.Invalid, "finding: choose 1 to %d findings", maxAnswer)
	}
	p.Reason, p.Whose = strings.TrimSpace(p.Reason), strings.TrimSpace(p.Whose)
	if len(p.Reason) > maxReason || len(p.Whose) > maxReason {
		return p, fault.New(fault.Invalid, "reason: at most %d bytes were expected", maxReason)
	}
	if p.Reason == "" && (kind == AnswerAcceptRisk || kind == AnswerWrong) {
		return p, fault.New(fault.Invalid, "reason: please say why")
	}
	if kind != AnswerAcceptRisk {
		p.Until = time.Time{}
		return p, nil
	}
	if !p.Until.After(now) {
		return p, fault.New(fault.Invalid, "until: a date to come was expected")
	}
	if most := l.rules().MaxRisk; p.Until.After(now.Add(most)) {
		return p, fault.New(fault.Invalid, "until: at most %d days from today", int(most.Hours()/24))
	}
	return p, nil
}

// take carries an answer out: first what each finding can take, then one ledger entry, then the changes.
func (l *Loop) take(ctx context.Context, tx *store.Tx, now time.Time, by answerer, ids []ident.Finding, kind AnswerKind, p Particulars) (Answered, error) {
	var n notice.Notice
	var err error
	if by.notice != "" {
		if n, err = tx.NoticeByID(ctx, by.notice); err != nil {
			return Answered{}, err
		}
		by.party, by.actor = n.Party, access.ForParty(n.Party)
	}
	r, err := reads(ctx, tx, now, by.actor, access.Answer)
	if err != nil {
		return Answered{}, err
	}
	out, err := l.weigh(ctx, tx, r, by, ids, answerTriggers[kind])
	if err != nil || out.Changed == 0 {
		return out, err
	}
	whose, err := l.whose(ctx, tx, by.party, p.Whose)
	if err != nil {
		return Answered{}, err
	}
	notices, err := answers(ctx, tx, by, n, out)
	if err != nil {
		return Answered{}, err
	}
	out.Seq, err = tx.Append(ctx, now, by.actor, "notice.answer", access.Of(by.party, by.object()), string(kind), answerBody(out, notices, whose, p))
	if err != nil {
		return Answered{}, err
	}
	reason, evidence := p.Reason, ""
	if kind == AnswerNotOurs && p.Whose != "" {
		reason, evidence = strings.TrimSpace("whose: "+p.Whose+"\n"+p.Reason), "not ours"
	}
	for i := range out.Results {
		r := &out.Results[i]
		if r.Problem != nil {
			continue
		}
		r.State, err = change(ctx, tx, now, r.Finding, answerTriggers[kind], access.ForParty(by.party).String(), reason, evidence, p.Until, out.Seq)
		if err != nil {
			return Answered{}, err
		}
	}
	if kind == AnswerNotOurs || kind == AnswerWrong {
		if err := l.disputed(ctx, tx, now, by, n, out.Changed, whose, p); err != nil {
			return Answered{}, err
		}
	}
	for i := range notices {
		if err := l.answered(ctx, tx, now, &notices[i], notices[i].ID == by.notice); err != nil {
			return Answered{}, err
		}
	}
	return out, nil
}

// answers returns the notices that an answer answers, by whatever way it came: all that went out to the party and told one
// of its findings, and the one whose link was used.
func answers(ctx context.Context, tx *store.Tx, by answerer, used notice.Notice, a Answered) ([]notice.Notice, error) {
	var done []ident.Finding
	for _, r := range a.Results {
		if r.Problem == nil {
			done = append(done, r.Finding)
		}
	}
	list, err := tx.TellingOf(ctx, by.party, done)
	if err != nil || by.notice == "" || slices.ContainsFunc(list, func(n notice.Notice) bool { return n.ID == by.notice }) {
		return list, err
	}
	return append(list, used), nil
}

// answered moves a notice of which findings were answered. What is left of the one whose link was used, and of one that the
// desk has, waits on.
func (l *Loop) answered(ctx context.Context, tx *store.Tx, now time.Time, n *notice.Notice, used bool) error {
	was := n.State
	to, err := notice.Next(was, notice.Reply)
	if err != nil {
		return err
	}
	n.State, n.Answered = to, now
	if (used || was == notice.Escalated) && (n.Next.IsZero() || n.Sent.IsZero()) {
		n.Next = now.Add(l.rules().Patience(n.Severity))
	}
	return tx.PutNotice(ctx, n)
}

// weigh looks which of the findings can take the trigger from this answerer, who must be able to read them.
func (l *Loop) weigh(ctx context.Context, tx *store.Tx, may reading, by answerer, ids []ident.Finding, trigger finding.Trigger) (Answered, error) {
	found, err := tx.FindingsByID(ctx, ids)
	if err == nil {
		found, err = may.readable(ctx, tx, found)
	}
	if err != nil {
		return Answered{}, err
	}
	known := make(map[ident.Finding]*store.Finding, len(found))
	for i := range found {
		known[found[i].ID] = &found[i]
	}
	told := map[ident.Finding]bool{}
	if by.notice != "" {
		list, err := tx.ToldBy(ctx, by.notice)
		if err != nil {
			return Answered{}, err
		}
		for _, id := range list {
			told[id] = true
		}
	}
	var out Answered
	seen := map[ident.Finding]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		r := AnswerResult{Finding: id}
		f := known[id]
		if f == nil || f.Party != by.party || by.notice != "" && !told[id] {
			r.Problem = fault.New(fault.Denied, "finding %d is not in this notice, or your organisation no longer answers for it", id)
		} else {
			r.State = f.State
			_, r.Problem = finding.Next(f.State, trigger)
		}
		if r.Problem == nil {
			out.Changed++
		}
		out.Results = append(out.Results, r)
	}
	return out, nil
}

// whose returns the party that the answer names, where it is a known one and not the answering one itself.
func (l *Loop) whose(ctx context.Context, tx *store.Tx, self ident.Party, text string) (ident.Party, error) {
	if !ident.Slug(text) || ident.Party(text) == self {
		return "", nil
	}
	p, err := tx.PartyByID(ctx, ident.Party(text))
	if errors.Is(err, fault.NotFound) {
		return "", nil
	}
	return p.ID, err
}

// answerEntry is the body of the ledger entry. What the party wrote is not in it: it lies in the findings' history.
type answerEntry struct {
	Done     []ident.Finding `json:"done"`
	Refused  []ident.Finding `json:"refused,omitempty"`
	Notices  []ident.Notice  `json:"notices,omitempty"` // that this answers
	Whose    ident.Party     `json:"whose,omitempty"`
	Until    string          `json:"until,omitempty"`
	Reasoned bool            `json:"reasoned,omitempty"`
}

func answerBody(a Answered, notices []notice.Notice, whose ident.Party, p Particulars) answerEntry {
	e := answerEntry{Whose: whose, Reasoned: p.Reason != ""}
	for i := range notices {
		e.Notices = append(e.Notices, notices[i].ID)
	}
	if !p.Until.IsZero() {
		e.Until = p.Until.UTC().Format(time.RFC3339)
	}
	for _, r := range a.Results {
		if r.Problem == nil {
			e.Done = append(e.Done, r.Finding)
		} else {
			e.Refused = append(e.Refused, r.Finding)
		}
	}
	return e
}

// disputed puts a dispute before the desk. Where it names a known party, the item proposes to re-attribute to it.
func (l *Loop) disputed(ctx context.Context, tx *store.Tx, now time.Time, by answerer, n notice.Notice, changed int, whose ident.Party, p Particulars) error {
	from, err := tx.PartyByID(ctx, by.party)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	q := store.QueueItem{
		Kind: queueDisputed, Object: by.object(), Code: queueDisputed,
		Args: []string{from.Name, fmt.Sprint(changed), p.Whose}, Severity: n.Severity, Created: now,
	}
	if whose != "" {
		q.Code += ".party"
		q.Args[2] = string(whose)
	}
	_, err = tx.Enqueue(ctx, q)
	return err
}

// noticeShown is how many findings of a notice its page lists with their sightings.
const noticeShown = 200

// NoticePage is what a party sees through the link of a notice.
type NoticePage struct {
	Notice   notice.Notice
	Party    party.Party
	Language string                      // of the contact that the notice went to
	Items    []notice.Item               // findings that the party still answers for, closed ones included; the most severe first
	Moved    int                         // findings of the notice that another party answers for now
	Closed   int                         // findings of the notice that are marked TLP:RED: only who is named in a share reads them
	Until    time.Time                   // when the link ends
	Single   map[ident.Finding]Sightings // the newest single sightings of each
}

// NoticeByToken returns the page for a notice's link; fault.Denied or fault.Expired where the link is not good.
func (l *Loop) NoticeByToken(ctx context.Context, now time.Time, token string) (NoticePage, error) {
	id, until, err := notice.OpenLink(l.set.Key, token, now)
	if err != nil {
		return NoticePage{}, err
	}
	page := NoticePage{Until: until}
	err = l.store.View(ctx, func(tx *store.Tx) error {
		if page.Notice, err = tx.NoticeByID(ctx, id); err != nil {
			return err
		}
		if page.Party, err = tx.PartyByID(ctx, page.Notice.Party); err != nil {
			return err
		}
		found, err := tx.NoticeFindings(ctx, id)
		if err != nil {
			return err
		}
		mine := slices.DeleteFunc(slices.Clone(found), func(f store.Finding) bool { return f.Party != page.Notice.Party })
		r, err := reads(ctx, tx, now, access.ForParty(page.Notice.Party), access.Answer)
		if err != nil {
			return err
		}
		page.Moved, page.Closed = len(found)-len(mine), len(mine)
		if found, err = r.readable(ctx, tx, mine); err != nil {
			return err
		}
		page.Closed -= len(found)
		for i := range found {
			page.Items = append(page.Items, l.item(&found[i]))
		}
		page.Single, err = sightingsOf(ctx, tx, page.Items[:min(len(page.Items), noticeShown)], sightingsShown)
		return err
	})
	page.Language = page.Notice.Language
	if err != nil {
		return NoticePage{}, fmt.Errorf("read the page of a notice: %w", err)
	}
	return page, nil
}
