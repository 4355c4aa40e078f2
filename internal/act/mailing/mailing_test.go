package mailing_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/mailing"
	"tocsin/internal/act/record"
	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

var (
	noon    = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	command = access.ForSoftware("command")
)

// bureau is an office whose mail goes into a list.
type bureau struct {
	*mailing.Desk
	t     *testing.T
	db    *store.Store
	blobs *archive.Archive
	loop  *loop.Loop
	log   *record.Log
	sent  []string // to whom
	n     int
	owner map[int]ident.Party // of networks
}

func newBureau(t *testing.T, s *store.Store) *bureau {
	t.Helper()
	w := &bureau{t: t, db: s, owner: map[int]ident.Party{}}
	known, err := feed.ReadPacks(packs.Feeds())
	w.must(err)
	library, err := notice.LoadLibrary(packs.Classes())
	w.must(err)
	w.blobs, err = archive.Open(filepath.Join(t.TempDir(), "archive"))
	w.must(err)
	t.Cleanup(func() { _ = w.blobs.Close() })
	from := notice.Sender{Name: "CSIRT", Mail: "csirt@x.example"}
	w.loop = loop.New(loop.Config{
		Store: s, Archive: w.blobs, Packs: known, Library: library, Mailer: w,
		Settings: loop.Settings{Sender: from, BaseURL: "https://x.example", MailDomain: "x.example", Key: make([]byte, 32), NoticesADay: 1000},
	})
	t.Cleanup(func() { w.must(w.loop.Close(context.WithoutCancel(t.Context()))) })
	w.log = record.New(s, record.Settings{Dir: t.TempDir(), Origin: "x.example/log"})
	w.Desk = mailing.New(s, from, w.Send)
	w.must(w.loop.PutFeed(t.Context(), noon, command, loop.FeedSettings{ID: "f", Pack: "intelmq"}))
	return w
}

// Send keeps to whom a mail went; to "broken@" none goes.
func (w *bureau) Send(_ context.Context, e notice.Envelope) error {
	if strings.HasPrefix(e.To, "broken@") {
		return &notice.SendError{Code: 550, Enhanced: "5.1.1", Text: "no such mailbox", Address: true}
	}
	w.sent = append(w.sent, e.To)
	return nil
}

func (w *bureau) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// register says which party answers for 198.18.n.0/24, for n from 1 on. Who takes a network over has its halves, which go
// before the whole.
func (w *bureau) register(at time.Time, who ...ident.Party) {
	w.t.Helper()
	byID := map[ident.Party]*party.Party{}
	var all []party.Party
	for _, id := range who {
		if byID[id] == nil {
			byID[id] = &party.Party{
				ID: id, Name: string(id), Kind: "institution", Language: "en", Rank: 100,
				Contacts: []party.Contact{{ID: "c-" + string(id), Role: party.Security, Mail: "soc@" + string(id) + ".example"}},
			}
		}
	}
	for n, id := range who {
		parts := []string{"198.18.%d.0/24"}
		if w.owner[n] != "" && w.owner[n] != id {
			parts = []string{"198.18.%d.0/25", "198.18.%d.128/25"}
		}
		w.owner[n] = id
		for _, part := range parts {
			byID[id].Resources = append(byID[id].Resources, party.Resource{Kind: party.Prefix, Value: fmt.Sprintf(part, n+1), Source: party.Manual})
		}
	}
	for _, p := range byID {
		all = append(all, *p)
	}
	_, err := w.loop.ImportParties(w.t.Context(), at, command, all, nil)
	w.must(err)
	_, err = w.loop.Reattribute(w.t.Context(), at, command)
	w.must(err)
}

// found brings n new grave findings in each of some networks.
func (w *bureau) found(at time.Time, n int, nets ...int) {
	w.t.Helper()
	var b strings.Builder
	for _, net := range nets {
		for range n {
			w.n++
			fmt.Fprintf(&b, `{"classification.type":"vulnerable-system","classification.identifier":"open-thing","source.ip":"198.18.%d.%d","source.port":%d,"severity":"critical","time.source":%q}`+"\n",
				net, w.n%250+1, w.n+1, at.Format(time.RFC3339))
		}
	}
	_, err := w.loop.Accept(w.t.Context(), at, loop.AcceptRequest{Feed: "f", Name: fmt.Sprintf("%d.jsonl", w.n), Body: strings.NewReader(b.String()), By: command})
	w.must(err)
	for more := true; more; {
		_, more, err = w.loop.FoldNext(w.t.Context(), at, nil)
		w.must(err)
	}
	w.must(w.loop.WriteBack(w.t.Context()))
}

// tell plans and sends what is due, and returns how many mails went out.
func (w *bureau) tell(at time.Time) int {
	w.t.Helper()
	before := len(w.sent)
	_, err := w.loop.Plan(w.t.Context(), at)
	w.must(err)
	for n := 1; n > 0; {
		n, err = w.loop.Deliver(w.t.Context(), at)
		w.must(err)
	}
	return len(w.sent) - before
}

func (w *bureau) waiting(at time.Time) mailing.Waiting {
	w.t.Helper()
	got, err := w.Waiting(w.t.Context(), at, command, 100)
	w.must(err)
	return got
}

// queued returns what the desk has before it about holds.
func (w *bureau) queued() []string {
	w.t.Helper()
	var out []string
	w.must(w.db.View(w.t.Context(), func(tx *store.Tx) error {
		items, err := tx.QueueOpenOf(w.t.Context(), []string{"notice.held"}, "", 10)
		for _, i := range items {
			out = append(out, i.Code)
		}
		return err
	}))
	return out
}

// verify holds every row against the ledger.
func (w *bureau) verify() {
	w.t.Helper()
	_, err := record.Verify(w.t.Context(), w.db, w.blobs, record.Evidence{})
	w.must(err)
}

// The first notices of an installation wait until somebody has released them; then notices go out by themselves.
func TestFirst(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newBureau(t, s)
		w.register(noon, "alpha", "beta")
		w.found(noon, 2, 1, 2)
		if n := w.tell(noon); n != 0 {
			t.Fatalf("%d mails went out before anybody saw them", n)
		}
		got := w.waiting(noon)
		if got.Reason != notice.HeldFirst || got.Notices != 2 || got.Parties != 2 || got.Findings != 4 || len(got.Rows) != 2 || got.Rows[0].Mail == "" {
			t.Errorf("waiting: %+v", got)
		}
		if q := w.queued(); !slices.Equal(q, []string{"notice.held_first"}) {
			t.Errorf("the desk has %q", q)
		}
		w.found(noon.Add(time.Hour), 1, 1)
		if n := w.tell(noon.Add(time.Hour)); n != 0 || w.waiting(noon).Notices != 3 {
			t.Errorf("%d mails, %d wait", n, w.waiting(noon).Notices)
		}
		w.verify()
		if _, err := w.Release(t.Context(), noon, command, "hld_other"); !errors.Is(err, fault.Conflict) {
			t.Errorf("another hold: %v", err)
		}
		n, err := w.Release(t.Context(), noon.Add(2*time.Hour), command, got.ID)
		if err != nil || n != 3 {
			t.Fatalf("%d released, %v", n, err)
		}
		if _, err := w.Release(t.Context(), noon.Add(2*time.Hour), command, got.ID); !errors.Is(err, fault.Conflict) {
			t.Errorf("twice: %v", err)
		}
		if n := w.tell(noon.Add(2 * time.Hour)); n != 3 || len(w.queued()) > 0 {
			t.Errorf("%d mails after the release, and the desk has %q", n, w.queued())
		}
		w.found(noon.Add(3*time.Hour), 1, 2)
		if n := w.tell(noon.Add(3 * time.Hour)); n != 1 {
			t.Errorf("%d mails later", n)
		}
		w.verify()
	})
}

// What was refused goes to nobody. It is planned anew for another party at once, for the same after a day, and waits again.
func TestRefuse(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newBureau(t, s)
		w.register(noon, "alpha", "beta")
		w.found(noon, 1, 1, 2)
		w.tell(noon)
		id := w.waiting(noon).ID
		if _, err := w.Refuse(t.Context(), noon, command, id, "  "); !errors.Is(err, fault.Invalid) {
			t.Errorf("without a reason: %v", err)
		}
		if _, err := w.Refuse(t.Context(), noon, command, "hld_other", "wrong"); !errors.Is(err, fault.Conflict) {
			t.Errorf("another hold: %v", err)
		}
		n, err := w.Refuse(t.Context(), noon, command, id, "198.18.1.0/24 is not theirs")
		if err != nil || n != 2 || len(w.queued()) > 0 {
			t.Fatalf("%d refused, %v, queue %q", n, err, w.queued())
		}
		if w.tell(noon.Add(time.Hour)) != 0 || w.waiting(noon).Notices != 0 {
			t.Errorf("the same is planned again at once: %+v", w.waiting(noon))
		}
		w.register(noon.Add(2*time.Hour), "gamma", "beta")
		if n := w.tell(noon.Add(2 * time.Hour)); n != 0 {
			t.Errorf("%d mails", n)
		}
		got := w.waiting(noon)
		if got.ID != id || got.Notices != 1 || got.Rows[0].Notice.Party != "gamma" || len(w.queued()) != 1 {
			t.Errorf("for the right party waits %+v", got)
		}
		if w.tell(noon.Add(25*time.Hour)) != 0 || w.waiting(noon).Notices != 2 {
			t.Errorf("after a day %d wait", w.waiting(noon).Notices)
		}
		w.verify()
		var shown []string
		w.must(s.View(t.Context(), func(tx *store.Tx) error {
			list, err := tx.ListNotices(t.Context(), store.NoticeFilter{State: notice.Withdrawn, May: access.Always}, store.NoticeCursor{}, 10)
			for i := range list {
				shown = append(shown, list[i].Error)
			}
			return err
		}))
		if !slices.Equal(shown, []string{"198.18.1.0/24 is not theirs", "198.18.1.0/24 is not theirs"}) {
			t.Errorf("the reasons %q", shown)
		}
	})
}

// released makes a bureau that has been at work for days.
func released(t *testing.T, s *store.Store, days int) (*bureau, time.Time) {
	t.Helper()
	w := newBureau(t, s)
	_, err := w.Release(t.Context(), noon, command, "")
	w.must(err)
	w.register(noon, "alpha", "beta")
	at := noon
	for range days {
		w.found(at, 1, 1)
		if n := w.tell(at); n != 1 {
			t.Fatalf("%d mails on %s", n, at)
		}
		at = at.AddDate(0, 0, 1)
	}
	return w, at
}

// A change of the register that moves more than a tenth of the findings makes the notices wait, those that are planned too.
func TestImport(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w, at := released(t, s, 1)
		w.found(at, 12, 2)
		w.found(at, 98, 1)
		w.tell(at)
		w.register(at.Add(time.Hour), "alpha", "beta", "gamma") // moves nothing
		if w.waiting(at).ID != "" {
			t.Fatalf("a change that moves nothing holds: %+v", w.waiting(at))
		}
		w.found(at.Add(time.Hour), 1, 1)
		_, err := w.loop.Plan(t.Context(), at.Add(time.Hour)) // planned, and not sent
		w.must(err)
		w.register(at.Add(2*time.Hour), "alpha", "alpha", "gamma") // 12 of 112
		got := w.waiting(at)
		if got.Reason != notice.HeldImport || got.Notices != 1 {
			t.Fatalf("after the import waits %+v", got)
		}
		if n := w.tell(at.Add(2 * time.Hour)); n != 0 || w.waiting(at).Notices != 2 {
			t.Errorf("%d mails, %d wait", n, w.waiting(at).Notices)
		}
		if q := w.queued(); !slices.Equal(q, []string{"notice.held_import"}) {
			t.Errorf("the desk has %q", q)
		}
		w.verify()
		n, err := w.Release(t.Context(), at.Add(3*time.Hour), command, got.ID)
		if err != nil || n != 2 || w.tell(at.Add(3*time.Hour)) != 2 {
			t.Errorf("%d released, %v", n, err)
		}
		w.verify()
	})
}

// A tenth and less moves without a person, and so do few findings.
func TestSmallImport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ stay, move int }{"a tenth": {90, 10}, "few": {0, 9}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, at := released(t, testkit.SQLite(t), 0)
			w.found(at, c.stay, 1)
			w.found(at, c.move, 2)
			w.tell(at)
			w.register(at.Add(time.Hour), "alpha", "gamma")
			if got := w.waiting(at); got.ID != "" {
				t.Errorf("%+v", got)
			}
			if n := w.tell(at.Add(time.Hour)); n == 0 {
				t.Error("nobody is told")
			}
		})
	}
}

// Ten times as many notices as usual wait; one who has looked at them is not asked again on the same day.
func TestBatch(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w, at := released(t, s, 4)
		var who []ident.Party
		var nets []int
		for n := range 30 {
			who, nets = append(who, ident.Party(fmt.Sprintf("party-%02d", n))), append(nets, n+1)
		}
		_, err := w.Release(t.Context(), at, command, "") // nothing waits: nothing happens
		w.must(err)
		w.register(at, append([]ident.Party{"alpha"}, who[1:]...)...)
		w.found(at, 1, nets[:19]...)
		if n := w.tell(at); n != 19 {
			t.Fatalf("19 notices are few, and %d mails went out", n)
		}
		w.found(at.Add(time.Hour), 1, nets[19:21]...)
		if n := w.tell(at.Add(time.Hour)); n != 0 {
			t.Errorf("%d mails of a batch that is ten times the usual", n)
		}
		got := w.waiting(at)
		if got.Reason != notice.HeldBatch || got.Notices != 2 || !slices.Equal(w.queued(), []string{"notice.held_batch"}) {
			t.Errorf("%+v, queue %q", got, w.queued())
		}
		_, err = w.Release(t.Context(), at.Add(2*time.Hour), command, got.ID)
		w.must(err)
		w.found(at.Add(2*time.Hour), 1, nets[21:]...)
		if n := w.tell(at.Add(2 * time.Hour)); n != 11 {
			t.Errorf("%d mails after the release, want 2 and 9", n)
		}
		next := at.AddDate(0, 0, 1)
		w.found(next, 1, nets[1:22]...)
		if n := w.tell(next); n != 0 || w.waiting(next).Reason != notice.HeldBatch {
			t.Errorf("%d mails on the next day, %+v", n, w.waiting(next))
		}
		w.verify()
	})
}

// Few days before are no rule: what is usual is not known yet.
func TestNothingUsual(t *testing.T) {
	t.Parallel()
	w, at := released(t, testkit.SQLite(t), 2)
	var who []ident.Party
	var nets []int
	for n := range 30 {
		who, nets = append(who, ident.Party(fmt.Sprintf("party-%02d", n))), append(nets, n+1)
	}
	w.register(at, append([]ident.Party{"alpha"}, who[1:]...)...)
	w.found(at, 1, nets...)
	if n := w.tell(at); n != 30 {
		t.Errorf("%d mails", n)
	}
}

// somebody holds a post with some powers.
func somebody(at ident.Party, powers ...people.Power) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: "per_ann", Name: "Ann", Party: at, Proved: noon,
		Seats: []access.Seat{{Post: "post", Party: at, Powers: powers}},
	}
}

// Only who keeps the register releases, and only who may read a notice sees it wait: its own party is not told of it.
func TestWhoReleases(t *testing.T) {
	t.Parallel()
	w := newBureau(t, testkit.SQLite(t))
	w.register(noon, "alpha")
	w.found(noon, 1, 1)
	w.tell(noon)
	id := w.waiting(noon).ID
	for name, by := range map[string]access.Actor{
		"a handler without the register": somebody(ident.Authority, people.Read, people.Triage, people.Feeds),
		"the party":                      somebody("alpha", people.Read, people.Answer, people.Staff),
		"the fold":                       access.ForSoftware("fold"),
	} {
		if _, err := w.Release(t.Context(), noon, by, id); !errors.Is(err, fault.Denied) {
			t.Errorf("%s releases: %v", name, err)
		}
		if _, err := w.Refuse(t.Context(), noon, by, id, "no"); !errors.Is(err, fault.Denied) {
			t.Errorf("%s refuses: %v", name, err)
		}
	}
	member, desk := somebody("alpha", people.Read, people.Answer), somebody(ident.Authority, people.Read, people.Register)
	for _, c := range []struct {
		by   access.Actor
		want int
	}{{member, 0}, {desk, 1}} {
		got, err := w.Waiting(t.Context(), noon, c.by, 10)
		rows, err2 := w.loop.Notices(t.Context(), noon, c.by, loop.NoticeQuery{}, loop.NoticeCursor{}, 10)
		if err != nil || err2 != nil || got.Notices != c.want || len(got.Rows) != c.want || len(rows) != c.want {
			t.Errorf("%s sees %d, %d and %d, want %d: %v, %v", c.by.Party, got.Notices, len(got.Rows), len(rows), c.want, err, err2)
		}
	}
	if _, err := w.Release(t.Context(), noon, desk, id); err != nil {
		t.Fatal(err)
	}
	if rows, err := w.loop.Notices(t.Context(), noon, member, loop.NoticeQuery{}, loop.NoticeCursor{}, 10); err != nil || len(rows) != 1 {
		t.Errorf("after the release the party sees %d, %v", len(rows), err)
	}
}

// The test of the way out leaves an entry without the address, and says what the server said.
func TestTrial(t *testing.T) {
	t.Parallel()
	w := newBureau(t, testkit.SQLite(t))
	staff := somebody(ident.Authority, people.Staff)
	w.must(w.Test(t.Context(), noon, staff, "ann@x.example"))
	if !slices.Equal(w.sent, []string{"ann@x.example"}) {
		t.Errorf("sent to %q", w.sent)
	}
	for to, want := range map[string]error{"no address": fault.Invalid, "Ann <ann@x.example>": fault.Invalid, "broken@x.example": fault.Conflict} {
		if err := w.Test(t.Context(), noon, staff, to); !errors.Is(err, want) {
			t.Errorf("to %q: %v", to, err)
		}
	}
	if err := w.Test(t.Context(), noon, somebody("alpha", people.Staff), "ann@x.example"); !errors.Is(err, fault.Denied) {
		t.Errorf("a party's administrator: %v", err)
	}
	if err := mailing.New(w.db, notice.Sender{}, nil).Test(t.Context(), noon, staff, "ann@x.example"); !errors.Is(err, fault.Invalid) {
		t.Errorf("without a server: %v", err)
	}
	w.must(w.db.View(t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(t.Context(), 0, 100)
		n := 0
		for _, e := range es {
			if e.Act == "mail.test" {
				n++
			}
			if strings.Contains(e.Body+e.Object+e.Reason, "ann@") {
				t.Errorf("entry %d has the address", e.ID)
			}
		}
		if n != 2 { // the one that arrived, and the one that the server refused
			t.Errorf("%d entries", n)
		}
		return err
	}))
}
