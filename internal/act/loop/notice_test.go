package loop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/emersion/go-message"
	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// postman is a mail server: it keeps every mail and answers as it is told.
type postman struct {
	mails  []Envelope
	answer func(e Envelope) error // nil takes everything
}

func (p *postman) Send(_ context.Context, e Envelope) error {
	p.mails = append(p.mails, e)
	if p.answer == nil {
		return nil
	}
	return p.answer(e)
}

// office is an installation with one party, "hospital", that has four contacts, and a second, "bank", that has none.
type office struct {
	*Loop
	t    *testing.T
	post *postman
	last ident.Finding
}

func newOffice(t *testing.T, s *store.Store) *office {
	t.Helper()
	lib, err := notice.LoadLibrary(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	testkit.ReleaseMail(t, s)
	post := &postman{}
	o := &office{Loop: New(Config{
		Store: s, Library: lib, Mailer: post, Settings: Settings{
			Sender:  notice.Sender{Name: "CSIRT Anhe", Mail: "csirt@anhe.example"},
			BaseURL: "https://tocsin.example", MailDomain: "tocsin.example", Key: []byte("0123456789abcdef0123456789abcdef"),
		},
	}), t: t, post: post}
	o.update(func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(
			tx.PutParty(ctx, noon, party.Party{ID: "hospital", Name: "City Hospital", Kind: "institution", Language: "en", Rank: 100, Contacts: []party.Contact{
				{ID: "h-sec", Role: party.Security, Name: "Wang Fang", Mail: "security@hospital.example"},
				{ID: "h-tec", Role: party.Technical, Mail: "it@hospital.example", Language: "zh"},
				{ID: "h-bak", Role: party.Backup, Mail: "director@hospital.example"},
			}}),
			tx.PutParty(ctx, noon, party.Party{ID: "bank", Name: "Town Bank", Kind: "company", Language: "en", Rank: 100}),
		)
	})
	return o
}

func (o *office) update(f func(ctx context.Context, tx *store.Tx) error) {
	o.t.Helper()
	if err := o.store.Keep(o.t.Context(), func(tx *store.Tx) error { return f(o.t.Context(), tx) }); err != nil {
		o.t.Fatal(err)
	}
}

// find makes n open findings of a party and returns their numbers.
func (o *office) find(p ident.Party, s event.Severity, n int, now time.Time) []ident.Finding {
	o.t.Helper()
	var ids []ident.Finding
	o.update(func(ctx context.Context, tx *store.Tx) error {
		ids = nil
		var fs []store.Finding
		for i := range n {
			id := finding.Identity{
				Asset: asset.Asset{Kind: asset.IP, Value: fmt.Sprintf("192.0.2.%d", (int(o.last)+i)%250+1)}, Port: uint16(o.last) + uint16(i) + 1,
				Transport: "tcp", Type: "vulnerable-system", Identifier: "open-thing",
			}
			f := store.Finding{
				ID: o.last + ident.Finding(i) + 1, Key: id.Key(), Identity: id, Class: notice.Unclassified, Severity: s, Stream: 1,
				First: now, Created: now, Party: p, Basis: party.ByPrefix, State: finding.Open, StateAt: now,
			}
			fs, ids = append(fs, f), append(ids, f.ID)
		}
		return tx.InsertFindings(ctx, fs)
	})
	o.last += ident.Finding(n)
	return ids
}

func (o *office) plan(now time.Time) Planned {
	o.t.Helper()
	p, err := o.Plan(o.t.Context(), now)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func (o *office) deliver(now time.Time) int {
	o.t.Helper()
	n, err := o.Deliver(o.t.Context(), now)
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

func (o *office) chaseAll(now time.Time) {
	o.t.Helper()
	if _, err := o.Chase(o.t.Context(), now); err != nil {
		o.t.Fatal(err)
	}
}

// notices returns all notices, the oldest first.
func (o *office) notices() []notice.Notice {
	o.t.Helper()
	var out []notice.Notice
	o.update(func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = tx.ListNotices(ctx, store.NoticeFilter{May: access.Always}, store.NoticeCursor{}, 10_000)
		return err
	})
	slices.Reverse(out)
	return out
}

func (o *office) states(ids []ident.Finding) []finding.State {
	o.t.Helper()
	var out []finding.State
	o.update(func(ctx context.Context, tx *store.Tx) error {
		out = nil
		for _, id := range ids {
			s, err := tx.StandingOf(ctx, id)
			if err != nil {
				return err
			}
			out = append(out, s.State)
		}
		return nil
	})
	return out
}

// acted returns the acts of the ledger in order.
func (o *office) acted() []string {
	o.t.Helper()
	var out []string
	o.update(func(ctx context.Context, tx *store.Tx) error {
		es, err := tx.Entries(ctx, 0, 10_000)
		out = nil
		for _, e := range es {
			if strings.HasPrefix(e.Act, "notice.") && e.Act != "notice.release" { // newOffice releases the first notices
				out = append(out, e.Act)
			}
		}
		return err
	})
	return out
}

func (o *office) queue() []string {
	o.t.Helper()
	var out []string
	o.update(func(ctx context.Context, tx *store.Tx) error {
		items, err := tx.QueueOpen(ctx, 1000)
		out = nil
		for _, q := range items {
			out = append(out, q.Kind+" "+q.Object+" "+strings.Join(q.Args, "|"))
		}
		return err
	})
	return out
}

var linkInMail = regexp.MustCompile(`https://tocsin\.example/n/([A-Za-z0-9_-]+)`)

// token reads the link out of a mail as a person would.
func token(t *testing.T, raw []byte) string {
	t.Helper()
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	err = e.Walk(func(_ []int, e *message.Entity, err error) error {
		if typ, _, _ := e.Header.ContentType(); err != nil || typ != "text/plain" || found != "" {
			return err
		}
		body, err := io.ReadAll(e.Body)
		if m := linkInMail.FindSubmatch(body); m != nil {
			found = string(m[1])
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("no link in the mail: %v", err)
	}
	return found
}

func messageID(t *testing.T, raw []byte) string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get("Message-Id")
}

func same[T any](t *testing.T, what string, want, have T) {
	t.Helper()
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("%s (-want +have):\n%s", what, d)
	}
}

// From finding to answer: told at once, notified when sent, answered by the link, never closed by it.
func TestNoticeJourney(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		ids := o.find("hospital", event.High, 3, noon)
		mild := o.find("hospital", event.Low, 1, noon)
		same(t, "planned", Planned{Notices: 1, Findings: 3}, o.plan(noon))
		same(t, "planned again", Planned{}, o.plan(noon))
		same(t, "delivered", 1, o.deliver(noon))
		same(t, "states", []finding.State{finding.Notified, finding.Notified, finding.Notified, finding.Open}, o.states(append(ids, mild...)))
		same(t, "to", "security@hospital.example", o.post.mails[0].To)
		n := o.notices()[0]
		same(t, "Message-ID", "<"+string(n.ID)+"@tocsin.example>", messageID(t, o.post.mails[0].Message))

		tok := token(t, o.post.mails[0].Message)
		page, err := o.NoticeByToken(t.Context(), noon.Add(time.Hour), tok)
		if err != nil || len(page.Items) != 3 || page.Party.ID != "hospital" || page.Notice.ID != n.ID {
			t.Fatalf("%+v %v", page, err)
		}
		a, err := o.Answer(t.Context(), noon.Add(time.Hour), tok, append(slices.Clone(ids[:2]), mild[0], 999), AnswerFixed, Particulars{})
		if err != nil {
			t.Fatal(err)
		}
		if a.Changed != 2 || a.Seq == 0 || !errors.Is(a.Results[2].Problem, fault.Denied) || !errors.Is(a.Results[3].Problem, fault.Denied) {
			t.Errorf("%+v", a)
		}
		same(t, "states", []finding.State{finding.ClaimedFixed, finding.ClaimedFixed, finding.Notified}, o.states(ids))
		same(t, "notice", notice.Answered, o.notices()[0].State)
		a, err = o.Answer(t.Context(), noon.Add(2*time.Hour), tok, ids[:1], AnswerAcknowledge, Particulars{})
		if err != nil || a.Changed != 0 || !errors.Is(a.Results[0].Problem, fault.Conflict) {
			t.Errorf("%+v %v", a, err)
		}
		same(t, "acts", []string{"notice.plan", "notice.send", "notice.answer"}, o.acted())

		morning := noon.Add(20 * time.Hour)
		same(t, "the digest", Planned{Notices: 1, Findings: 1}, o.plan(morning))
		o.deliver(morning)
		same(t, "kind", notice.Digest, o.notices()[1].Kind)
		same(t, "mild", []finding.State{finding.Notified}, o.states(mild))
	})
}

// A crash between the mail server's "yes" and our commit sends the same bytes again, not another mail.
func TestDeliverAfterCrash(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		ids := o.find("hospital", event.High, 2, noon)
		o.plan(noon)
		ctx, stop := context.WithCancel(t.Context())
		o.post.answer = func(Envelope) error { stop(); return errors.New("killed") }
		if _, err := o.Deliver(ctx, noon); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		o.post.answer = nil
		same(t, "while the lease runs", 0, o.deliver(noon.Add(time.Minute)))
		same(t, "after the lease", 1, o.deliver(noon.Add(notice.Lease)))
		if len(o.post.mails) != 2 || !bytes.Equal(o.post.mails[0].Message, o.post.mails[1].Message) {
			t.Errorf("%d mails, or different ones", len(o.post.mails))
		}
		same(t, "states", []finding.State{finding.Notified, finding.Notified}, o.states(ids))
		same(t, "acts", []string{"notice.plan", "notice.send"}, o.acted())
	})
}

// A worker that comes back after its lease has run out changes nothing.
func TestDeliverLateWorker(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	o.find("hospital", event.High, 1, noon)
	o.plan(noon)
	o.post.answer = func(Envelope) error {
		o.post.answer = nil
		o.deliver(noon.Add(notice.Lease)) // another worker takes over meanwhile
		return errors.New("timed out")
	}
	o.deliver(noon)
	n := o.notices()[0]
	if n.State != notice.Sent || n.Attempts != 1 {
		t.Errorf("%+v", n)
	}
}

// Mail that fails goes on: later, to the next contact, to the desk.
func TestDeliverFailures(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		ids := o.find("hospital", event.High, 1, noon)
		o.plan(noon)
		o.post.answer = func(e Envelope) error {
			if e.To == "security@hospital.example" {
				return &notice.SendError{Code: 550, Enhanced: "5.1.1", Text: "unknown", Address: true}
			}
			return &notice.SendError{Code: 451, Text: "later"}
		}
		o.deliver(noon)
		same(t, "refused", notice.Failed, o.notices()[0].State)
		o.chaseAll(noon)
		n := o.notices()[0]
		if n.State != notice.Planned || n.Contact != "h-tec" || n.Language != "zh" || n.Rendition != 2 || !strings.HasPrefix(n.Subject, "安全") && !strings.Contains(n.Subject, "项发现") {
			t.Errorf("%+v", n)
		}
		now := noon
		for i, wait := range []time.Duration{0, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour} {
			if wait > 0 {
				same(t, "too early", 0, o.deliver(now.Add(wait-time.Second)))
			}
			now = now.Add(wait)
			same(t, fmt.Sprint("try ", i), 1, o.deliver(now))
		}
		same(t, "given up", notice.Failed, o.notices()[0].State)
		o.chaseAll(now)
		same(t, "backup", "h-bak", o.notices()[0].Contact)
		o.post.answer = nil
		o.deliver(now)
		same(t, "sent", notice.Sent, o.notices()[0].State)
		same(t, "told", []finding.State{finding.Notified}, o.states(ids))
		if a, b := o.post.mails[0].Message, o.post.mails[1].Message; messageID(t, a) == messageID(t, b) {
			t.Error("two contacts got one Message-ID")
		}
		if a, b := o.post.mails[1].Message, o.post.mails[2].Message; !bytes.Equal(a, b) {
			t.Error("a retry sent other bytes")
		}
	})
}

func TestDeliverToNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	o.find("bank", event.Critical, 2, noon)
	ids := o.find("hospital", event.High, 1, noon)
	same(t, "planned", Planned{Notices: 1, Findings: 1, Unreachable: 1}, o.plan(noon))
	o.plan(noon.Add(time.Minute))
	same(t, "queue", []string{"notice.no_contact party:bank Town Bank|2"}, o.queue())
	o.post.answer = func(Envelope) error { return &notice.SendError{Code: 552, Text: "too large"} }
	for range 4 {
		o.deliver(noon)
		o.chaseAll(noon)
	}
	n := o.notices()[0]
	same(t, "escalated", notice.Escalated, n.State)
	same(t, "queue", []string{
		"notice.no_contact party:bank Town Bank|2",
		"notice.failed party:hospital City Hospital|" + string(n.ID) + "|552 too large",
	}, o.queue())
	same(t, "not again at once", 0, o.plan(noon.Add(time.Hour)).Notices)
	same(t, "but after a day", 1, o.plan(noon.Add(25*time.Hour)).Notices)
	same(t, "still open", []finding.State{finding.Open}, o.states(ids))

	o.update(func(ctx context.Context, tx *store.Tx) error {
		p, err := tx.PartyByID(ctx, "bank")
		p.Contacts = []party.Contact{{ID: "b", Role: party.Abuse, Mail: "abuse@bank.example"}}
		return errors.Join(err, tx.PutParty(ctx, noon, p))
	})
	o.plan(noon.Add(26 * time.Hour))
	if q := o.queue(); len(q) != 1 || strings.Contains(q[0], "bank") {
		t.Errorf("the bank has a contact now: %q", q)
	}
}

// Nothing is told to a party that no longer answers for it, not even what was about to be sent again.
func TestDeliverLooksAgain(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		ids := o.find("hospital", event.High, 2, noon)
		o.plan(noon)
		o.post.answer = func(Envelope) error { return errors.New("away") }
		o.deliver(noon)
		o.post.answer = nil
		move := func(trigger finding.Trigger, id ident.Finding) {
			o.update(func(ctx context.Context, tx *store.Tx) error {
				seq, err := tx.Append(ctx, noon, notifier, "notice.send", access.On(""), "", nil)
				if err == nil {
					_, err = change(ctx, tx, noon, id, trigger, "software:test", "", "", time.Time{}, seq)
				}
				return err
			})
		}
		move(finding.Gone, ids[0])
		o.deliver(noon.Add(time.Minute))
		if page, err := o.NoticeByToken(t.Context(), noon, token(t, o.post.mails[1].Message)); err != nil || len(page.Items) != 1 {
			t.Errorf("%+v %v", page.Items, err)
		}
		if messageID(t, o.post.mails[0].Message) == messageID(t, o.post.mails[1].Message) {
			t.Error("another text under the same Message-ID")
		}
		same(t, "states", []finding.State{finding.VerifiedClosed, finding.Notified}, o.states(ids))

		late := o.find("hospital", event.High, 1, noon)
		o.plan(noon.Add(2 * time.Minute))
		move(finding.Gone, late[0])
		o.deliver(noon.Add(2 * time.Minute))
		same(t, "withdrawn", notice.Withdrawn, o.notices()[1].State)
		same(t, "mails", 2, len(o.post.mails))
	})
}

func TestChaseSilence(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		ids := o.find("hospital", event.High, 2, noon)
		now := noon
		o.plan(now)
		o.deliver(now)
		step := func(wait time.Duration) {
			t.Helper()
			o.chaseAll(now.Add(wait - time.Second))
			same(t, "too early", 0, o.deliver(now.Add(wait-time.Second)))
			now = now.Add(wait)
			o.chaseAll(now)
			o.deliver(now)
		}
		three := 3 * 24 * time.Hour
		step(three)
		if _, err := o.Answer(t.Context(), now, token(t, o.post.mails[1].Message), ids[:1], AnswerStart, Particulars{}); err != nil {
			t.Fatal(err)
		}
		step(three)
		step(three)
		step(three)
		var kinds []notice.Kind
		var states []notice.State
		var to []string
		ns := o.notices()
		for i, n := range ns {
			kinds, states, to = append(kinds, n.Kind), append(states, n.State), append(to, o.post.mails[i].To)
			if n.Parent != "" && (n.Parent != ns[0].ID || !bytes.Contains(o.post.mails[i].Message, []byte("In-Reply-To: <"+ns[0].MessageID))) {
				t.Errorf("%s is not in the thread", n.ID)
			}
		}
		same(t, "kinds", []notice.Kind{notice.Urgent, notice.Reminder, notice.Reminder, notice.Escalation}, kinds)
		same(t, "states", []notice.State{notice.Answered, notice.Answered, notice.Sent, notice.Escalated}, states)
		same(t, "to", []string{"security@hospital.example", "security@hospital.example", "security@hospital.example", "director@hospital.example"}, to)
		same(t, "queue", []string{"notice.silent party:hospital City Hospital|1|" + string(ns[0].ID)}, o.queue())
		same(t, "findings", []finding.State{finding.Remediating, finding.Notified}, o.states(ids))
	})
}

func TestChaseRests(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	ids := o.find("hospital", event.Critical, 1, noon)
	o.plan(noon)
	o.deliver(noon)
	if _, err := o.Answer(t.Context(), noon, token(t, o.post.mails[0].Message), ids, AnswerAcknowledge, Particulars{}); err != nil {
		t.Fatal(err)
	}
	o.chaseAll(noon.AddDate(0, 0, 30))
	same(t, "acts", []string{"notice.plan", "notice.send", "notice.answer", "notice.rest"}, o.acted())
}

func TestAnswerKinds(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		ids := o.find("hospital", event.High, 6, noon)
		o.plan(noon)
		o.deliver(noon)
		tok := token(t, o.post.mails[0].Message)
		for i, c := range []struct {
			kind AnswerKind
			p    Particulars
			want finding.State
		}{
			{AnswerAcknowledge, Particulars{}, finding.Acknowledged},
			{AnswerStart, Particulars{}, finding.Remediating},
			{AnswerFixed, Particulars{Reason: "patched"}, finding.ClaimedFixed},
			{AnswerNotOurs, Particulars{Whose: "bank"}, finding.Disputed},
			{AnswerAcceptRisk, Particulars{Reason: "laboratory", Until: noon.AddDate(0, 6, 0)}, finding.RiskAccepted},
			{AnswerWrong, Particulars{Reason: "a honeypot"}, finding.Disputed},
		} {
			a, err := o.Answer(t.Context(), noon, tok, ids[i:i+1], c.kind, c.p)
			if err != nil || a.Results[0].State != c.want {
				t.Errorf("%s: %+v %v", c.kind, a, err)
			}
		}
		same(t, "queue", []string{"notice.disputed notice:" + string(o.notices()[0].ID) + " City Hospital|1|bank"}, o.queue())
		o.update(func(ctx context.Context, tx *store.Tx) error {
			es, err := tx.Entries(ctx, 0, 1000)
			for _, e := range es {
				if strings.Contains(e.Body+e.Reason, "honeypot") || strings.Contains(e.Body, "laboratory") {
					t.Errorf("the ledger has the party's words: %s %s", e.Reason, e.Body)
				}
			}
			return err
		})
		for name, c := range map[string]struct {
			kind AnswerKind
			ids  []ident.Finding
			p    Particulars
		}{
			"no such answer":      {"close", ids, Particulars{}},
			"of nothing":          {AnswerFixed, nil, Particulars{}},
			"a risk for no time":  {AnswerAcceptRisk, ids, Particulars{Reason: "x"}},
			"a risk in the past":  {AnswerAcceptRisk, ids, Particulars{Reason: "x", Until: noon}},
			"a risk for ever":     {AnswerAcceptRisk, ids, Particulars{Reason: "x", Until: noon.AddDate(1, 0, 2)}},
			"a risk for no cause": {AnswerAcceptRisk, ids, Particulars{Until: noon.AddDate(0, 1, 0)}},
			"wrong for no cause":  {AnswerWrong, ids, Particulars{Reason: "  "}},
		} {
			if _, err := o.Answer(t.Context(), noon, tok, c.ids, c.kind, c.p); !errors.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := o.Answer(t.Context(), noon.AddDate(0, 0, 31), tok, ids, AnswerFixed, Particulars{}); !errors.Is(err, fault.Expired) {
			t.Errorf("an old link: %v", err)
		}
		if _, err := o.NoticeByToken(t.Context(), noon, "x"+tok); !errors.Is(err, fault.Denied) {
			t.Errorf("a made-up link: %v", err)
		}
		other := o.find("bank", event.Low, 1, noon)
		a, err := o.AnswerAs(t.Context(), noon, memberOf("bank"), append(other, ids[0]), AnswerAcknowledge, Particulars{})
		if err != nil || a.Changed != 1 || !errors.Is(a.Results[1].Problem, fault.Denied) {
			t.Errorf("%+v %v", a, err)
		}
	})
}

func bounceOf(n notice.Notice, action, status string) []byte {
	return fmt.Appendf(nil, "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"+
		"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; x@y\r\nAction: %s\r\nStatus: %s\r\n"+
		"\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nX-Tocsin-Notice: %s\r\nMessage-ID: <%s>\r\n\r\n--b--\r\n", action, status, n.ID, n.MessageID)
}

func TestBounce(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		o.find("hospital", event.High, 1, noon)
		o.plan(noon)
		o.deliver(noon)
		first := o.notices()[0]
		bounce := func(n notice.Notice, action, status string) notice.Notice {
			t.Helper()
			if err := o.Bounce(t.Context(), noon, bounceOf(n, action, status)); err != nil {
				t.Fatal(err)
			}
			return o.notices()[0]
		}
		same(t, "delayed", notice.Sent, bounce(first, "delayed", "4.4.1").State)
		same(t, "failed", notice.Failed, bounce(first, "failed", "5.1.1").State)
		o.chaseAll(noon)
		o.deliver(noon)
		n := o.notices()[0]
		if n.State != notice.Sent || n.Contact != "h-tec" || n.MessageID == first.MessageID {
			t.Errorf("%+v", n)
		}
		same(t, "an old one changes nothing", notice.Sent, bounce(first, "failed", "5.1.1").State)
		same(t, "delivered", notice.Delivered, bounce(n, "delivered", "2.0.0").State)
		o.update(func(ctx context.Context, tx *store.Tx) error {
			c, _, err := tx.ContactByID(ctx, "h-sec")
			if c.Bounced.IsZero() {
				t.Error("the contact is not marked")
			}
			ds, err2 := tx.Deliveries(ctx, n.ID)
			if len(ds) != 6 {
				t.Errorf("%d deliveries, want 6", len(ds))
			}
			return errors.Join(err, err2)
		})
		if err := o.Bounce(t.Context(), noon, []byte("hello")); !errors.Is(err, fault.Invalid) {
			t.Error(err)
		}
		n.ID, n.MessageID = "ntc_00000000000000000000000000", "ntc_00000000000000000000000000@x"
		if err := o.Bounce(t.Context(), noon, bounceOf(n, "failed", "5.1.1")); !errors.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

// A key that cannot be used: the mail says nothing, and the desk learns of it.
func TestDeliverWithBadKey(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	o.update(func(ctx context.Context, tx *store.Tx) error {
		p, err := tx.PartyByID(ctx, "hospital")
		p.Contacts = []party.Contact{{ID: "k", Role: party.Security, Mail: "k@hospital.example", PGPKey: "broken"}}
		return errors.Join(err, tx.PutParty(ctx, noon, p))
	})
	o.find("hospital", event.High, 1, noon)
	o.plan(noon)
	o.deliver(noon)
	same(t, "queue", []string{"notice.key contact:k City Hospital|k@hospital.example|broken"}, o.queue())
	if b := o.post.mails[0].Message; bytes.Contains(b, []byte("192.0.2.")) || bytes.Contains(b, []byte("findings.csv")) {
		t.Error("the mail tells of the findings")
	}
}

// Whatever mail servers and parties do, no notice hangs and no finding is forgotten: each is told, closed, or its
// party stands in the desk's queue.
func TestNothingIsForgotten(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, testkit.SQLite(t))
			r := rand.New(rand.NewPCG(seed, 7))
			var parties []ident.Party
			o.update(func(ctx context.Context, tx *store.Tx) error {
				parties = nil
				for i := range 12 {
					p := party.Party{ID: ident.Party(fmt.Sprintf("p%d", i)), Name: "P", Kind: "company", Language: "en", Rank: 100}
					for j, role := range []party.Role{party.Security, party.Abuse, party.Backup} {
						if r.IntN(3) > 0 {
							p.Contacts = append(p.Contacts, party.Contact{ID: fmt.Sprintf("%s-%d", p.ID, j), Role: role, Mail: fmt.Sprintf("c%d@%s.example", j, p.ID)})
						}
					}
					if err := tx.PutParty(ctx, noon, p); err != nil {
						return err
					}
					parties = append(parties, p.ID)
				}
				return nil
			})
			now := noon
			o.post.answer = func(e Envelope) error {
				switch r.IntN(6) {
				case 0:
					return errors.New("no route")
				case 1:
					return &notice.SendError{Code: 450, Text: "later"}
				case 2:
					return &notice.SendError{Code: 550, Text: "unknown", Address: r.IntN(2) == 0}
				}
				return nil
			}
			for day := range 50 {
				for range 4 {
					if day < 10 {
						o.find(parties[r.IntN(len(parties))], event.Severity(1+r.IntN(5)), 1+r.IntN(3), now)
					}
					o.plan(now)
					o.deliver(now)
					o.chaseAll(now)
					o.disturb(r, now)
					now = now.Add(time.Duration(1+r.IntN(11)) * time.Hour)
				}
			}
			o.post.answer = nil
			for range 60 {
				o.plan(now)
				o.deliver(now)
				o.chaseAll(now)
				now = now.Add(24 * time.Hour)
			}
			o.checkNothingForgotten(now)
		})
	}
}

// disturb lets a party answer, or a mail bounce, now and then.
func (o *office) disturb(r *rand.Rand, now time.Time) {
	o.t.Helper()
	ns := o.notices()
	if len(ns) == 0 {
		return
	}
	n := ns[r.IntN(len(ns))]
	switch r.IntN(4) {
	case 0:
		tok := notice.Link(o.set.Key, n.ID, now.Add(time.Hour))
		page, err := o.NoticeByToken(o.t.Context(), now, tok)
		if err != nil || n.State == notice.Withdrawn || len(page.Items) == 0 {
			return
		}
		kinds := []AnswerKind{AnswerAcknowledge, AnswerStart, AnswerFixed, AnswerNotOurs}
		if _, err := o.Answer(o.t.Context(), now, tok, findingIDs(page.Items[:1+r.IntN(len(page.Items))]), kinds[r.IntN(4)], Particulars{}); err != nil {
			o.t.Fatal(err)
		}
	case 1:
		action := []string{"failed", "delayed", "delivered"}[r.IntN(3)]
		status := []string{"5.1.1", "5.2.2", "4.4.7"}[r.IntN(3)]
		if n.Sent.IsZero() {
			return
		}
		if err := o.Bounce(o.t.Context(), now, bounceOf(n, action, status)); err != nil {
			o.t.Fatal(err)
		}
	}
}

func (o *office) checkNothingForgotten(now time.Time) {
	o.t.Helper()
	ended := []notice.State{notice.Sent, notice.Delivered, notice.Answered, notice.Escalated, notice.Withdrawn}
	for _, n := range o.notices() {
		if !slices.Contains(ended, n.State) || !n.Next.IsZero() && !n.Next.After(now) {
			o.t.Errorf("notice %s hangs: %s, next %s, tries %d, %s", n.ID, n.State, n.Next, n.Tries, n.Error)
		}
	}
	tallies := map[notice.State]int{}
	for _, n := range o.notices() {
		tallies[n.State]++
	}
	o.t.Log(tallies, len(o.post.mails), "mails")
	queue := strings.Join(o.queue(), "\n")
	o.update(func(ctx context.Context, tx *store.Tx) error {
		for id := ident.Finding(1); id <= o.last; id++ {
			f, err := tx.FindingByID(ctx, id)
			if err != nil {
				return err
			}
			waits := f.State == finding.Open || f.State == finding.Notified
			if waits && !strings.Contains(queue, "party:"+string(f.Party)+" ") {
				o.t.Errorf("finding %d of %s is %s, and nobody at the desk knows", id, f.Party, f.State)
			}
		}
		return nil
	})
}
