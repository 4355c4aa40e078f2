package record

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/notice"
)

// noticeBody is all that entries say of a notice.
type noticeBody struct {
	Party   ident.Party  `json:"party"`  // notice.plan, notice.send
	Kind    notice.Kind  `json:"kind"`   // notice.plan
	Parent  ident.Notice `json:"parent"` // notice.plan
	Class   string       `json:"class"`  // notice.plan
	Hold    string       `json:"hold"`   // notice.plan
	Contact string       `json:"contact"`
	Moved   bool         `json:"moved"` // notice.bounce
}

// share keeps an entry that moves notices which it is not about, for when they are looked at: an answer to several, or what was
// done to all that waited in a hold.
func (v *verifier) share(e *ledger.Entry) error {
	var b struct {
		Notices []ident.Notice `json:"notices"`
	}
	if err := v.body(e, &b); err != nil {
		return err
	}
	for _, id := range b.Notices {
		if e.Object != "notice:"+string(id) {
			v.shared[id] = append(v.shared[id], ledger.Entry{ID: e.ID, At: e.At, Act: e.Act, Object: e.Object, Body: "{}"})
		}
	}
	return nil
}

// notices looks at every notice with its entries and deliveries.
func (v *verifier) notices() error {
	after, deliveries := ident.Notice(""), int64(0)
	for {
		list, err := v.tx.NoticesAfter(v.ctx, after, page)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for i := range list {
			n, err := v.notice(&list[i])
			if err != nil {
				return err
			}
			deliveries += int64(n)
			v.sum.Notices++
			after = list[i].ID
		}
	}
	if v.sum.Notices != v.planned {
		return wrong("the ledger says that %d notices were planned, and %d are there", v.planned, v.sum.Notices)
	}
	all, err := v.tx.CountDeliveries(v.ctx)
	if err == nil && (all != deliveries || all != v.delivered) {
		err = wrong("the ledger says that %d deliveries of notices were tried, and %d are there", v.delivered, all)
	}
	return err
}

// noticeStory is what the entries of one notice tell.
type noticeStory struct {
	id         ident.Notice
	states     []notice.State // that it may be in: taking it to send it, and that it arrived, leave no entry of their own
	sent       []time.Time    // instants that may be its newest sending
	answered   time.Time
	contact    string // that it went to last; empty where no entry says
	hold       string // that it waits in, or waited in
	deliveries []notice.Delivery
	findings   int // planned
}

// notice replays one notice and returns how many deliveries it has.
func (v *verifier) notice(n *notice.Notice) (int, error) {
	es, err := v.tx.EntriesOn(v.ctx, "notice:"+string(n.ID))
	if err != nil {
		return 0, err
	}
	es = append(es, v.shared[n.ID]...)
	slices.SortFunc(es, func(a, b ledger.Entry) int { return cmp.Compare(a.ID, b.ID) })
	s := noticeStory{id: n.ID}
	for i := range es {
		var b noticeBody
		if err := v.body(&es[i], &b); err != nil {
			return 0, err
		}
		if es[i].Act == "notice.plan" {
			err = s.plan(v, n, &es[i], b)
		} else {
			err = s.take(&es[i], b)
		}
		if err != nil {
			return 0, err
		}
	}
	s.mayClaim()
	switch {
	case len(s.states) == 0:
		return 0, wrong("notice %s is there, and no entry of the ledger planned it", n.ID)
	case !slices.Contains(s.states, n.State):
		return 0, wrong("notice %s is %s, and by the ledger it is %s", n.ID, n.State, s.states[0])
	case !n.Sent.IsZero() && !slices.ContainsFunc(s.sent, n.Sent.Equal) || n.Sent.IsZero() && len(s.sent) == 1:
		return 0, wrong("notice %s says that it was sent at %s, and the ledger says otherwise", n.ID, stamp(n.Sent))
	case !n.Answered.Equal(s.answered):
		return 0, wrong("notice %s says that it was answered at %s, and the ledger says otherwise", n.ID, stamp(n.Answered))
	case n.Hold != s.hold:
		return 0, wrong("notice %s waits, or waited, in hold %q, and by the ledger in %q", n.ID, n.Hold, s.hold)
	case s.contact != "" && n.Contact != s.contact:
		return 0, wrong("notice %s goes to contact %s, and by the ledger to %s", n.ID, n.Contact, s.contact)
	}
	return len(s.deliveries), s.tried(v, n)
}

// plan begins the story.
func (s *noticeStory) plan(v *verifier, n *notice.Notice, e *ledger.Entry, b noticeBody) error {
	var size struct {
		Findings int `json:"findings"`
	}
	if err := v.body(e, &size); err != nil {
		return err
	}
	switch {
	case len(s.states) > 0:
		return wrong("notice %s was planned twice, by entry %d too", n.ID, e.ID)
	case b.Party != n.Party || b.Kind != n.Kind || b.Parent != n.Parent || b.Class != n.Class || e.Reason != n.Reason:
		return wrong("notice %s is not what entry %d planned: party, kind, first notice, class or reason differ", n.ID, e.ID)
	case !e.At.Equal(n.Created):
		return wrong("notice %s was planned at %s by entry %d, and its row says %s", n.ID, stamp(e.At), e.ID, stamp(n.Created))
	}
	s.states, s.findings, s.hold = []notice.State{notice.Planned}, size.Findings, b.Hold
	if b.Hold != "" {
		s.states = []notice.State{notice.Held}
	}
	return nil
}

// take goes on by one entry.
func (s *noticeStory) take(e *ledger.Entry, b noticeBody) error {
	s.mayClaim()
	var by notice.Trigger
	d := notice.Delivery{Notice: s.id, At: e.At, Contact: b.Contact}
	switch e.Act {
	case "notice.send":
		by, d.Outcome, s.sent = notice.Accept, string(notice.Accept), []time.Time{e.At}
	case "notice.defer":
		by, d.Outcome = notice.Defer, string(notice.Defer)
	case "notice.fail":
		by = notice.Fail
		if b.Contact != "" {
			d.Outcome = string(notice.Fail)
		}
	case "notice.withdraw", "notice.refuse":
		by = notice.Withdraw
	case "notice.hold":
		by, s.hold = notice.HoldBack, strings.TrimPrefix(e.Object, "hold:")
	case "notice.release":
		by = notice.Release
	case "notice.retarget":
		by = notice.Retarget
	case "notice.rest":
		by = notice.Rest
	case "notice.escalate":
		by = notice.GiveUp
	case "notice.answer":
		by, s.answered = notice.Reply, e.At
	case "notice.bounce":
		d.Outcome, d.Contact = e.Reason, s.contact
		if by = bounced(e.Reason, b.Moved); by == notice.Confirm && slices.Contains(s.states, notice.Sending) {
			s.sent = append(s.sent, e.At) // the server's answer to us was lost, the mail was not
		}
	}
	if d.Outcome != "" {
		d.Attempt = len(s.deliveries) + 1
		s.deliveries = append(s.deliveries, d)
	}
	if b.Contact != "" {
		s.contact = b.Contact
	}
	if by == "" {
		return nil
	}
	s.pull(by)
	if by == notice.Accept {
		was := slices.Clone(s.states)
		s.pull(notice.Confirm)
		s.states = append(was, s.states...)
	}
	if len(s.states) == 0 {
		return wrong("the ledger's acts on notice %s do not follow from one another: %s in entry %d", s.id, e.Act, e.ID)
	}
	return nil
}

// bounced is what a report of a mail server does to its notice.
func bounced(action string, moved bool) notice.Trigger {
	t, ok := notice.BounceReport{Action: action}.Trigger()
	if !ok || !moved {
		return ""
	}
	return t
}

// pull moves every state that the notice may be in.
func (s *noticeStory) pull(t notice.Trigger) {
	var out []notice.State
	for _, from := range s.states {
		if to, err := notice.Next(from, t); err == nil && !slices.Contains(out, to) {
			out = append(out, to)
		}
	}
	s.states = out
}

// mayClaim adds that a worker may have taken the notice to send it.
func (s *noticeStory) mayClaim() {
	if slices.Contains(s.states, notice.Planned) && !slices.Contains(s.states, notice.Sending) {
		s.states = append(s.states, notice.Sending)
	}
}

// tried holds the deliveries that are there against those that the ledger knows of.
func (s *noticeStory) tried(v *verifier, n *notice.Notice) error {
	have, err := v.tx.Deliveries(v.ctx, n.ID)
	if err != nil {
		return err
	}
	if len(have) != len(s.deliveries) || n.Attempts != len(s.deliveries) {
		return wrong("notice %s has %d deliveries and counts %d; by the ledger it was tried %d times", n.ID, len(have), n.Attempts, len(s.deliveries))
	}
	for i, d := range have {
		want := s.deliveries[i]
		if d.Attempt != want.Attempt || !d.At.Equal(want.At) || d.Outcome != want.Outcome || want.Contact != "" && d.Contact != want.Contact {
			return wrong("delivery %d of notice %s says %s to %s at %s; by the ledger it was %s to %s at %s",
				d.Attempt, n.ID, d.Outcome, d.Contact, stamp(d.At), want.Outcome, want.Contact, stamp(want.At))
		}
	}
	told, err := v.tx.CountToldBy(v.ctx, n.ID)
	if err == nil && told > s.findings {
		err = wrong("notice %s tells %d findings, and only %d were planned", n.ID, told, s.findings)
	}
	return err
}
