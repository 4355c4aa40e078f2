package casework_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/casework"
	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/notice"
	"tocsin/internal/people"
	"tocsin/internal/report"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// now is a Monday afternoon.
var now = time.Date(2026, 11, 23, 15, 42, 17, 123456000, time.UTC)

var key = []byte("0123456789abcdef0123456789abcdef")

// world is an installation without pages.
type world struct {
	t    *testing.T
	db   *store.Store
	log  *record.Log
	work *casework.Casework
	post *postbag
}

// postbag takes mails, or answers what it is told to.
type postbag struct {
	mails  []notice.Envelope
	answer error
	then   func() // after a mail; nil: nothing
}

func (p *postbag) Send(_ context.Context, e notice.Envelope) error {
	p.mails = append(p.mails, e)
	if p.then != nil {
		p.then()
	}
	return p.answer
}

func eachWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := &world{t: t, db: s, post: &postbag{}, log: record.New(s, record.Settings{Dir: t.TempDir(), Origin: "tocsin.example/log"})}
		w.work = casework.New(casework.Config{Store: s, Notary: w.log, Mailer: w.post, Settings: casework.Settings{
			Key: key, Sender: notice.Sender{Name: "CSIRT Anhe", Mail: "csirt@anhe.example"}, MailDomain: "anhe.example",
		}})
		f(t, w)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) form(contact string) report.Form {
	return report.Form{
		Key: report.NewFormKey(), Kind: report.Phishing, What: "A mail wanted my password.", Where: "http://evil.example/x", Day: "2026-11-22",
		Contact: contact, Language: "zh",
	}
}

// send sends a form and returns its receipt and the report.
func (w *world) send(f report.Form) (casework.Given, report.Report) {
	w.t.Helper()
	given, err := w.work.Receive(w.t.Context(), now, f)
	w.must(err)
	var r report.Report
	w.view(func(tx *store.Tx) (err error) {
		r, err = tx.ReportByNumber(w.t.Context(), given.Number)
		return err
	})
	return given, r
}

func (w *world) view(f func(*store.Tx) error) {
	w.t.Helper()
	w.must(w.db.View(w.t.Context(), f))
}

// entries returns the acts in the ledger, oldest first.
func (w *world) entries() []ledger.Entry {
	w.t.Helper()
	var out []ledger.Entry
	w.view(func(tx *store.Tx) (err error) {
		out, err = tx.Entries(w.t.Context(), 0, 1000)
		return err
	})
	return out
}

func (w *world) acts() string {
	w.t.Helper()
	var out []string
	for _, e := range w.entries() {
		out = append(out, strings.TrimPrefix(e.Act, "report.")+":"+e.Reason)
	}
	return strings.Join(out, " ")
}

// person is somebody of the authority with powers.
func person(id string, powers ...people.Power) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: id, Party: ident.Authority,
		Seats: []access.Seat{{Post: "handler", Party: ident.Authority, Powers: powers}},
	}
}

var (
	desk   = person("per_desk", people.Read, people.Triage)
	reader = person("per_reader", people.Read)
)

// Whoever reports gets a code of their own and a signed receipt; of both the database keeps what opens nothing.
func TestReceive(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		f := w.form("me@mail.example")
		given, r := w.send(f)
		if r.State != report.Received || !r.Received.Equal(now.Truncate(time.Hour)) || r.What != f.What || !r.Contact {
			t.Errorf("%+v", r)
		}
		want := report.Commit(r.Salt, f.Kind, f.What, f.Where, f.Day)
		receipt, err := report.ParseReceipt(given.Signed)
		if err != nil || receipt.Number != r.Number || string(receipt.Commitment) != string(want) || receipt.Origin != "tocsin.example/log" {
			t.Errorf("%v %+v\n%s", err, receipt, given.Signed)
		}
		es := w.entries()
		if len(es) != 1 || es[0].Actor != "nobody" || !es[0].At.Equal(r.Received) || len(es[0].Commitment) == 0 {
			t.Fatalf("%+v", es)
		}
		for _, secret := range []string{string(given.Code), given.Code.Grouped(), f.Key, f.What, "evil", "me@mail", string(key)} {
			if strings.Contains(given.Signed, secret) || strings.Contains(es[0].Body+es[0].Reason+es[0].Object, secret) {
				t.Errorf("the receipt or the ledger tells %q", secret)
			}
		}
		if !given.Mail || !given.Due.Equal(report.Due(r.Received, time.UTC)) {
			t.Errorf("%+v", given)
		}
	})
}

// A form sent twice is one report and one receipt; one that was changed in between is another report.
func TestReceiveTwice(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		f := w.form("")
		first, _ := w.send(f)
		later, err := w.work.Receive(t.Context(), now.Add(3*time.Hour), f)
		w.must(err)
		if later.Code != first.Code || later.Signed != first.Signed || !later.Already || first.Already {
			t.Errorf("%+v\n%+v", first, later)
		}
		f.What += " And my money."
		other, _ := w.send(f)
		if other.Code == first.Code || other.Number == first.Number || other.Already || len(w.entries()) != 2 {
			t.Errorf("%+v, %d entries", other, len(w.entries()))
		}
	})
}

func TestReceiveRefuses(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		f := w.form("")
		f.What = ""
		_, err := w.work.Receive(t.Context(), now, f)
		if m, ok := errors.AsType[casework.Mistakes](err); !ok || len(m) != 1 || !errors.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
		f = w.form("")
		f.Key = "x"
		if _, err := w.work.Receive(t.Context(), now, f); !errors.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
		if n := len(w.entries()); n != 0 {
			t.Errorf("%d entries", n)
		}
	})
}

// A receipt tells anybody whether the report is here and where it stands; a changed one tells nothing.
func TestVerify(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		given, r := w.send(w.form(""))
		s, err := w.work.Verify(t.Context(), "\n"+strings.ReplaceAll(given.Signed, "\n", " \r\n"))
		if err != nil || !s.Found || s.State != report.Received || s.Kind != report.Phishing || s.ByCode {
			t.Errorf("%+v, %v", s, err)
		}
		s, err = w.work.Verify(t.Context(), " "+strings.ToLower(given.Code.Grouped())+"\n")
		if want := (casework.Standing{Number: r.Number, Kind: r.Kind, Received: r.Received, Found: true, ByCode: true, State: r.State}); err != nil || s != want {
			t.Errorf("by code: %+v, %v", s, err)
		}
		if s, err = w.work.Verify(t.Context(), strings.Repeat("7", 24)); err != nil || s != (casework.Standing{ByCode: true}) {
			t.Errorf("a code of no report: %+v, %v", s, err)
		}
		w.must(w.work.Close(t.Context(), now, desk, r.ID, report.Handled))
		if s, err = w.work.Verify(t.Context(), given.Signed); err != nil || s.State != report.Closed {
			t.Errorf("%+v, %v", s, err)
		}
		for i := 0; i < len(given.Signed)-1; i += 3 {
			broken := []byte(given.Signed)
			if broken[i] ^= 1; report.Pasted(string(broken)) == given.Signed {
				continue // a blank at the end of a line
			}
			if s, err := w.work.Verify(t.Context(), string(broken)); !errors.Is(err, fault.Invalid) || s.Found {
				t.Errorf("byte %d was changed: %+v, %v", i, s, err)
			}
		}
		if _, err := w.log.Rotate(t.Context(), now, access.ForSoftware("command"), "", false); err != nil {
			t.Fatal(err)
		}
		if s, err := w.work.Verify(t.Context(), given.Signed); err != nil || !s.Found {
			t.Errorf("after the key was changed: %+v, %v", s, err)
		}
	})
}

// The acknowledgement goes to the address that was left, once, and says nothing of the report.
func TestAcknowledge(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.send(w.form(""))
		given, r := w.send(w.form("me@mail.example"))
		for range 2 {
			_, err := w.work.Acknowledge(t.Context(), now)
			w.must(err)
		}
		if len(w.post.mails) != 1 || w.post.mails[0].To != "me@mail.example" || w.post.mails[0].From != "csirt@anhe.example" {
			t.Fatalf("%+v", w.post.mails)
		}
		m, err := notice.Open(w.post.mails[0].Message)
		w.must(err)
		if !strings.Contains(m.Text, given.Number) || !strings.Contains(m.Text, "您的报告") {
			t.Errorf("%s", m.Text)
		}
		for _, secret := range []string{string(given.Code), given.Code.Grouped(), "password", "evil", "phishing"} {
			if strings.Contains(string(w.post.mails[0].Message)+m.Text, secret) {
				t.Errorf("the mail tells %q", secret)
			}
		}
		d, err := w.work.Report(t.Context(), now, desk, r.ID)
		if err != nil || d.State != report.Acknowledged || d.Mail.State != report.MailSent || d.Address != "me@mail.example" {
			t.Errorf("%+v %v", d, err)
		}
		if got := w.acts(); got != "receive:phishing receive:phishing acknowledge:mail" {
			t.Error(got)
		}
	})
}

// A mail that cannot go out is tried again later and in the end given up, without the address in the words that are kept.
func TestAcknowledgeFails(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		_, r := w.send(w.form("me@mail.example"))
		w.post.answer = &notice.SendError{Code: 451, Text: "try <ME@mail.example> later"}
		at := now
		for range 3 {
			_, err := w.work.Acknowledge(t.Context(), at)
			w.must(err)
			at = at.Add(30 * time.Second)
		}
		d, err := w.work.Report(t.Context(), now, desk, r.ID)
		w.must(err)
		if len(w.post.mails) != 1 || d.Mail.State != report.MailWaiting || d.Mail.Attempts != 1 || strings.Contains(strings.ToLower(d.Mail.Error), "me@mail") {
			t.Errorf("%d mails, %+v", len(w.post.mails), d.Mail)
		}
		for range 20 {
			at = at.Add(13 * time.Hour)
			_, err := w.work.Acknowledge(t.Context(), at)
			w.must(err)
		}
		d, err = w.work.Report(t.Context(), now, desk, r.ID)
		w.must(err)
		if len(w.post.mails) != 7 || d.Mail.State != report.MailFailed || d.State != report.Received {
			t.Errorf("%d mails, %+v %s", len(w.post.mails), d.Mail, d.State)
		}
		if got := w.acts(); got != "receive:phishing unreached:451" {
			t.Error(got)
		}
	})
}

// Whoever decides about reports takes and closes them; whoever only reads sees that they are there, and nobody else does.
func TestWork(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, r := w.send(w.form("me@mail.example"))
		member := access.Actor{Kind: access.Person, ID: "per_m", Party: "alpha", Seats: []access.Seat{{Post: "pst", Party: "alpha", Powers: people.PartyPowers}}}
		for who, by := range map[string]access.Actor{"a member": member, "nobody": {}, "a party": access.ForParty("alpha")} {
			v, err := w.work.List(ctx, now, by, casework.Query{}, casework.Cursor{}, 10)
			if err != nil || len(v.Rows) != 0 || len(v.Counts) != 0 {
				t.Errorf("%s sees %+v, %v", who, v, err)
			}
			if _, err := w.work.Report(ctx, now, by, r.ID); !errors.Is(err, fault.NotFound) {
				t.Errorf("%s reads it: %v", who, err)
			}
			if err := w.work.Take(ctx, now, by, r.ID); !errors.Is(err, fault.NotFound) {
				t.Errorf("%s takes it: %v", who, err)
			}
		}
		if v, err := w.work.List(ctx, now, reader, casework.Query{}, casework.Cursor{}, 10); err != nil || len(v.Rows) != 1 || v.Counts[report.Received] != 1 {
			t.Errorf("%+v, %v", v, err)
		}
		if _, err := w.work.Report(ctx, now, reader, r.ID); !errors.Is(err, fault.Denied) {
			t.Errorf("a reader reads the words: %v", err)
		}
		if err := w.work.Take(ctx, now, reader, r.ID); !errors.Is(err, fault.Denied) {
			t.Errorf("a reader takes it: %v", err)
		}
		w.must(w.work.Take(ctx, now, desk, r.ID))
		if err := w.work.Take(ctx, now, desk, r.ID); !errors.Is(err, fault.Conflict) {
			t.Errorf("taken twice: %v", err)
		}
		if err := w.work.Close(ctx, now, desk, r.ID, "opinion"); !errors.Is(err, fault.Invalid) {
			t.Errorf("closed as what is not on the list: %v", err)
		}
		w.must(w.work.Close(ctx, now, desk, r.ID, report.NotOurs))
		if got := w.acts(); got != "receive:phishing take: close:not_ours" {
			t.Error(got)
		}
	})
}

// What waits stands in the order of its promise, and is counted in full.
func TestWaiting(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		var ids []ident.Report
		for n := range 4 {
			given, err := w.work.Receive(ctx, now.Add(time.Duration(n)*time.Hour), w.form(""))
			w.must(err)
			w.view(func(tx *store.Tx) error {
				r, err := tx.ReportByNumber(ctx, given.Number)
				ids = append(ids, r.ID)
				return err
			})
		}
		w.must(w.work.Take(ctx, now, desk, ids[0]))
		rows, all, err := w.work.Waiting(ctx, now, reader, 2)
		if err != nil || all != 3 || len(rows) != 2 || rows[0].ID != ids[1] || rows[1].ID != ids[2] {
			t.Errorf("%+v of %d, %v", rows, all, err)
		}
		if v, err := w.work.List(ctx, now.Add(30*time.Hour), reader, casework.Query{}, casework.Cursor{}, 1); err != nil || !v.Late {
			t.Errorf("not late: %+v, %v", v, err)
		}
	})
}

// An address goes when somebody asks and 90 days after the end; the ledger stays whole and the mail stays unsent.
func TestForget(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, asked := w.send(w.form("one@mail.example"))
		_, old := w.send(w.form("two@mail.example"))
		w.must(w.work.Forget(ctx, now, desk, asked.ID))
		if err := w.work.Forget(ctx, now, desk, asked.ID); !errors.Is(err, fault.Conflict) {
			t.Errorf("forgotten twice: %v", err)
		}
		w.must(w.work.Close(ctx, now, desk, old.ID, report.Handled))
		if n, err := w.work.ForgetOld(ctx, now.Add(casework.ForgetAfter-time.Second)); err != nil || n != 0 {
			t.Errorf("too early: %d, %v", n, err)
		}
		if n, err := w.work.ForgetOld(ctx, now.Add(casework.ForgetAfter)); err != nil || n != 1 {
			t.Errorf("after 90 days: %d, %v", n, err)
		}
		_, err := w.work.Acknowledge(ctx, now)
		w.must(err)
		for _, id := range []ident.Report{asked.ID, old.ID} {
			d, err := w.work.Report(ctx, now, desk, id)
			if err != nil || d.Contact || d.Address != "" || d.Mail.State != report.MailDropped {
				t.Errorf("%+v, %v", d, err)
			}
		}
		if len(w.post.mails) != 0 {
			t.Error("a mail went to an address that was erased")
		}
		w.view(func(tx *store.Tx) error {
			for _, e := range w.entries() {
				if e.Act != "report.receive" {
					continue
				}
				if _, err := tx.OpenPayload(ctx, key, e.ID); !errors.Is(err, fault.Expired) {
					t.Errorf("entry %d can still be opened: %v", e.ID, err)
				}
			}
			return nil
		})
	})
}

// Two reports of one person on one afternoon have nothing in common but what anybody's two reports have: kind, state,
// language, day, hour, and what they chose to write.
func TestReportsAreNotLinked(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		_, a := w.send(w.form("me@mail.example"))
		_, b := w.send(w.form("me@mail.example"))
		if a.ID == b.ID || a.Number == b.Number || string(a.Salt) == string(b.Salt) || string(a.Commitment) == string(b.Commitment) {
			t.Errorf("%+v\n%+v", a, b)
		}
		es := w.entries()
		if es[0].Body == es[1].Body || string(es[0].Commitment) == string(es[1].Commitment) || string(es[0].Salt) == string(es[1].Salt) {
			t.Errorf("%+v\n%+v", es[0], es[1])
		}
	})
}

// What verify asks of the addresses: one that is kept opens, one that was erased does not, and a report without one has none.
func TestCheckContacts(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		check := func(what, want string) {
			t.Helper()
			if err := w.work.CheckContacts(ctx); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", what, err, want)
			}
		}
		set := func(r report.Report, contact bool) {
			t.Helper()
			w.must(w.db.Keep(ctx, func(tx *store.Tx) error {
				is, err := tx.ReportByID(ctx, r.ID)
				if err != nil {
					return err
				}
				is.Contact = contact
				return tx.PutReport(ctx, &is, is.State)
			}))
		}
		check("no report", "")
		_, without := w.send(w.form(""))
		_, kept := w.send(w.form("one@mail.example"))
		_, erased := w.send(w.form("two@mail.example"))
		check("three reports", "")
		w.must(w.work.Forget(ctx, now, desk, erased.ID))
		check("one is erased", "")
		set(kept, false)
		check("one that is kept is said to be erased", "was erased, and is still there")
		set(kept, true)
		set(erased, true)
		check("one that is erased is said to be kept", "cannot be opened")
		set(erased, false)
		set(without, true)
		check("one that never was is said to be kept", "cannot be opened")
		set(without, false)
		check("all is well again", "")
	})
}

// A server that stops in the middle of a mail says nothing of it: it goes out when the lease has run out.
func TestAcknowledgeStops(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.send(w.form("me@mail.example"))
		ctx, stop := context.WithCancel(t.Context())
		w.post.answer = errors.New("the connection was closed")
		w.post.then = stop
		if _, err := w.work.Acknowledge(ctx, now); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped in the middle: %v", err)
		}
		w.post.answer, w.post.then = nil, nil
		for range 2 {
			_, err := w.work.Acknowledge(t.Context(), now.Add(24*time.Hour))
			w.must(err)
		}
		if len(w.post.mails) != 2 || w.acts() != "receive:phishing acknowledge:mail" {
			t.Errorf("%d mails, %s", len(w.post.mails), w.acts())
		}
	})
}

// What is not there and what one may not read are the same to whoever asks.
func TestNoSuchReport(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		_, there := w.send(w.form(""))
		member := access.Actor{Kind: access.Person, ID: "per_m", Party: "alpha", Seats: []access.Seat{{Post: "pst", Party: "alpha", Powers: people.PartyPowers}}}
		_, none := w.work.Report(t.Context(), now, desk, "rep_none")
		_, hidden := w.work.Report(t.Context(), now, member, there.ID)
		if !errors.Is(none, fault.NotFound) || !errors.Is(hidden, fault.NotFound) || strings.ReplaceAll(none.Error(), "rep_none", "ID") != strings.ReplaceAll(hidden.Error(), string(there.ID), "ID") {
			t.Errorf("%v and %v", none, hidden)
		}
	})
}
