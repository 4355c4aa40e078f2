package loop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// readCase reads one of the small inputs that went wrong.
func readCase(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../../../shared/data/cases/" + name)
	if os.IsNotExist(err) {
		testkit.Missing(t, "shared/data/cases is not beside the checkout")
	}
	must(t, err)
	return string(b)
}

// casePost makes a loop with a mail server, and takes parties and events over from cases.
func casePost(t *testing.T, s *store.Store, f party.Format, parties, events string) (*office, time.Time) {
	t.Helper()
	l := newLoop(t, s, Settings{
		Sender: notice.Sender{Name: "CSIRT Anhe", Mail: "csirt@anhe.example"}, BaseURL: "https://tocsin.example", MailDomain: "tocsin.example",
	})
	post := &postman{}
	l.mailer = post
	o := &office{Loop: l, t: t, post: post}
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	in, err := party.Read(f, strings.NewReader(readCase(t, parties)), party.Options{})
	must(t, err)
	_, err = l.ImportParties(t.Context(), now, testCommand, in.Parties, in.Regions)
	must(t, err)
	must(t, l.PutFeed(t.Context(), now, testCommand, FeedSettings{ID: "csv", Pack: "generic-csv"}))
	take(t, l, now, "csv", "events.csv", readCase(t, events))
	foldAll(t, l, now)
	must(t, l.WriteBack(t.Context()))
	return o, now
}

// An abuse contact belongs to the object that names it: the network's own before the organisation's, and neither the
// AS number's nor another network's for it.
func TestContactsOfObjects(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o, now := casePost(t, s, party.RPSL, "rpsl-abuse/own-abuse-c.rpsl", "rpsl-abuse/events.csv")
		now = now.AddDate(0, 0, 1)
		o.plan(now)
		o.deliver(now)
		told := map[string]string{}
		for _, m := range o.post.mails {
			for _, ip := range []string{"198.18.200.5", "198.18.201.5"} {
				if bytes.Contains(m.Message, []byte(ip)) {
					told[ip] += m.To
				}
			}
		}
		want := map[string]string{"198.18.200.5": "abuse@lir.example", "198.18.201.5": "abuse@customer.example"}
		same(t, "who was told of what", want, told)
	})
}

// A mailbox that refuses mail refuses it under every role and letter case: the desk gets the notice, nobody is tried twice.
func TestOneMailboxInManyRoles(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o, now := casePost(t, s, party.YAML, "same-mail-roles/parties.yaml", "same-mail-roles/e.csv")
		o.post.answer = func(Envelope) error {
			return &notice.SendError{Code: 550, Enhanced: "5.1.1", Text: "no such mailbox", Address: true}
		}
		now = now.AddDate(0, 0, 1)
		o.plan(now)
		for range 6 {
			o.deliver(now)
			o.chaseAll(now)
			now = now.Add(time.Minute)
		}
		same(t, "mails tried", 1, len(o.post.mails))
		p := o.partyNamed("beta-isp")
		for _, c := range p.Contacts {
			if c.Bounced.IsZero() {
				t.Errorf("%s %s counts as reached", c.Role, c.Mail)
			}
		}
		if ns := o.notices(); len(ns) != 1 || ns[0].State != notice.Escalated {
			t.Errorf("notices: %+v", ns)
		}
		if q := o.queue(); !slices.ContainsFunc(q, func(s string) bool { return strings.HasPrefix(s, queueFailed+" party:beta-isp") }) {
			t.Errorf("queue: %q", q)
		}
		// What is imported again under the same address is refused as well.
		plan := takeOver(t, o.Loop, now, "parties:\n  - {id: beta-isp, contacts: [{role: technical, mail: Noc@Beta.example}]}\n")
		if len(plan.Changes) == 0 {
			t.Fatal("nothing was taken over")
		}
		if c := o.partyNamed("beta-isp").Contacts; len(c) != 1 || c[0].Bounced.IsZero() {
			t.Errorf("contacts: %+v", c)
		}
	})
}

func (o *office) partyNamed(id ident.Party) party.Party {
	o.t.Helper()
	var p party.Party
	o.update(func(ctx context.Context, tx *store.Tx) (err error) {
		p, err = tx.PartyByID(ctx, id)
		return err
	})
	return p
}

// Who stays silent at one address is not asked there again as the backup: the desk gets it.
func TestBackupIsAnotherMailbox(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	o.update(func(ctx context.Context, tx *store.Tx) error {
		return tx.PutParty(ctx, noon, party.Party{ID: "hospital", Name: "City Hospital", Language: "en", Rank: 100, Contacts: []party.Contact{
			{ID: "h-sec", Role: party.Security, Mail: "it@hospital.example"}, {ID: "h-bak", Role: party.Backup, Mail: "IT@hospital.example"},
		}})
	})
	o.find("hospital", event.High, 1, noon)
	now := noon
	o.plan(now)
	for range 5 {
		o.deliver(now)
		now = now.AddDate(0, 0, 3)
		o.chaseAll(now)
	}
	for _, n := range o.notices() {
		if n.Kind == notice.Escalation {
			t.Errorf("an escalation went to contact %s", n.Contact)
		}
	}
	if q := o.queue(); len(q) != 1 || !strings.HasPrefix(q[0], queueSilent) {
		t.Errorf("queue: %q", q)
	}
}

// Whatever way an answer comes, it answers every notice that told of its findings, once; a notice of other findings stays
// without an answer.
func TestAnswersAnswerNotices(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"link", "page"} {
		testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
			o := newOffice(t, s)
			now := noon
			first := o.find("hospital", event.High, 2, now)
			o.plan(now)
			o.deliver(now)
			now = now.AddDate(0, 0, 3)
			o.chaseAll(now) // a reminder of the first
			o.deliver(now)
			other := o.find("hospital", event.Critical, 1, now)
			o.plan(now)
			o.deliver(now)
			var err error
			if way == "link" {
				_, err = o.Answer(t.Context(), now, token(t, o.post.mails[1].Message), first, AnswerStart, Particulars{})
			} else {
				_, err = o.AnswerAs(t.Context(), now, memberOf("hospital"), first, AnswerStart, Particulars{})
			}
			must(t, err)
			var states []string
			for _, n := range o.notices() {
				states = append(states, fmt.Sprintf("%s %t", n.State, !n.Answered.IsZero()))
			}
			slices.Sort(states)
			same(t, way+": the notices", []string{"answered true", "answered true", "sent false"}, states)
			same(t, "the other finding", []finding.State{finding.Notified}, o.states(other))
			o.update(func(ctx context.Context, tx *store.Tx) error {
				spoken, err := tx.SpokenWith(ctx, []ident.Party{"hospital"}, access.Always)
				if got := spoken["hospital"]; got.Sent != 3 || got.Answers != 2 {
					t.Errorf("%s: %d of %d notices were answered", way, got.Answers, got.Sent)
				}
				return err
			})
		})
	}
}

// An escalation ends when its findings end, by whatever way, and says how many and how bad those are that are left.
func TestEscalationsEnd(t *testing.T) {
	t.Parallel()
	ends := map[string]func(o *office, id ident.Finding, now time.Time){
		"closed":       func(o *office, id ident.Finding, _ time.Time) { standTo(o.t, o.Loop, id, finding.Gone) },
		"faded":        func(o *office, id ident.Finding, _ time.Time) { standTo(o.t, o.Loop, id, finding.Fade) },
		"discarded":    func(o *office, id ident.Finding, _ time.Time) { standTo(o.t, o.Loop, id, finding.Discard) },
		"acknowledged": func(o *office, id ident.Finding, _ time.Time) { standTo(o.t, o.Loop, id, finding.Acknowledge) },
		"another's": func(o *office, id ident.Finding, now time.Time) {
			must(o.t, o.AttributeByHand(o.t.Context(), now, deskPerson("ada"), id, "bank", "theirs"))
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
				o := newOffice(t, s)
				now := noon
				bad := o.find("hospital", event.Critical, 1, now)[0]
				low := o.find("hospital", event.High, 1, now)[0]
				o.plan(now)
				for range 6 {
					o.deliver(now)
					now = now.AddDate(0, 0, 3)
					o.chaseAll(now)
				}
				count := func(want string) {
					t.Helper()
					var got []string
					for _, q := range o.queue() {
						if strings.HasPrefix(q, queueSilent) {
							got = append(got, strings.Split(q, "|")[1])
						}
					}
					if strings.Join(got, " ") != want {
						t.Errorf("the desk's item counts %q, want %q", got, want)
					}
				}
				escalated := func() (n int) {
					for _, is := range o.notices() {
						if is.State == notice.Escalated {
							n++
						}
					}
					return n
				}
				count("2")
				same(t, "severity", event.Critical, o.worst())
				end(o, bad, now)
				o.chaseAll(now)
				count("1")
				same(t, "severity", event.High, o.worst())
				end(o, low, now)
				o.chaseAll(now)
				count("")
				same(t, "escalated", 0, escalated())
			})
		})
	}
}

// worst is the severity of the worst item about a silent party.
func (o *office) worst() event.Severity {
	o.t.Helper()
	worst := event.Unknown
	o.update(func(ctx context.Context, tx *store.Tx) error {
		items, err := tx.QueueOpenOf(ctx, []string{queueSilent}, "", 10)
		worst = event.Unknown
		for _, q := range items {
			worst = max(worst, q.Severity)
		}
		return err
	})
	return worst
}

// What the database calls over is what the rule of a notice's kind calls it, for every kind in every state of a finding, and where
// another party answers by now.
func TestEscalatedOver(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		kinds := []notice.Kind{notice.Urgent, notice.Digest, notice.Reminder, notice.Escalation}
		want := map[ident.Notice]bool{}
		for _, owner := range []ident.Party{"hospital", "bank"} {
			for _, k := range kinds {
				for _, state := range finding.States {
					f := o.find(owner, event.High, 1, noon)
					n := &notice.Notice{
						ID: ident.Notice(ident.New("ntc")), Party: "hospital", Contact: "h-sec", Language: "en", Kind: k, Severity: event.High,
						State: notice.Escalated, Created: noon, Sent: noon, Rendition: 1,
					}
					want[n.ID] = owner != "hospital" || !untold(k, state)
					o.update(func(ctx context.Context, tx *store.Tx) error {
						return errors.Join(tx.SetStates(ctx, f, store.Standing{State: state, Since: noon}), tx.InsertNotice(ctx, n, f))
					})
				}
			}
		}
		over := map[ident.Notice]bool{}
		o.update(func(ctx context.Context, tx *store.Tx) error {
			list, err := tx.EscalatedOver(ctx, 1000)
			for _, id := range list {
				over[id] = true
			}
			some, err2 := tx.EscalatedOver(ctx, 3)
			if len(some) != 3 {
				t.Errorf("%d of at most 3", len(some))
			}
			return errors.Join(err, err2)
		})
		for id, is := range want {
			if over[id] != is {
				t.Errorf("notice %s: over is %v, want %v", id, over[id], is)
			}
		}
		rested, err := o.ease(t.Context(), noon)
		if err != nil || rested != len(over) {
			t.Errorf("%d came to rest, want %d: %v", rested, len(over), err)
		}
	})
}
