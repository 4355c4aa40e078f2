package program_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/client"
	"tocsin/internal/access"
	"tocsin/internal/act/program"
	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/internal/webhook"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// receiver is the program at the other end: it answers as it was told and keeps what it believed.
type receiver struct {
	status []int // of the answers to come; 0: none comes; empty: 200
	secret string
	now    time.Time
	got    []client.Message
	bad    int    // deliveries that it did not believe
	then   func() // when it was called; nil: nothing
}

func (r *receiver) Post(_ context.Context, p webhook.Post) (int, error) {
	status := 200
	if r.then != nil {
		r.then()
	}
	if len(r.status) > 0 {
		status, r.status = r.status[0], r.status[1:]
	}
	if status == 0 {
		return 0, fault.New(fault.Unavailable, "the server cannot be reached")
	}
	if client.Verify(p.Signature, p.Body, r.secret, r.now) != nil {
		r.bad++
	}
	if status == 200 {
		var m client.Message
		if json.Unmarshal(p.Body, &m) != nil || m.Delivery != p.ID {
			r.bad++
		}
		r.got = append(r.got, m)
	}
	return status, nil
}

// world is a store with an authority, two parties, and programs that listen.
type world struct {
	t     *testing.T
	store *store.Store
	log   *record.Log
	is    *program.Programs
	to    *receiver
	now   time.Time
}

func newWorld(t *testing.T, s *store.Store) *world {
	t.Helper()
	w := &world{t: t, store: s, to: &receiver{}, now: noon, log: record.New(s, record.Settings{Dir: t.TempDir(), Origin: "test/ledger"})}
	w.is = program.New(s, program.Settings{
		Key: make([]byte, 32), Post: w.to, Rules: webhook.URLs{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	for _, id := range []ident.Party{"hospital", "bank"} {
		w.do("party.import", access.ForSoftware("command"), access.On("party:"+string(id)), func(tx *store.Tx) error {
			return tx.PutParty(t.Context(), noon, party.Party{ID: id, Name: string(id), Kind: "company"})
		})
	}
	return w
}

// do leaves an entry in the ledger, and gives it its place.
func (w *world) do(act string, by access.Actor, on access.Object, f func(*store.Tx) error) {
	w.t.Helper()
	err := w.store.Update(w.t.Context(), func(tx *store.Tx) error {
		if f != nil {
			if err := f(tx); err != nil {
				return err
			}
		}
		_, err := tx.Append(w.t.Context(), w.now, by, act, on, "", nil)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.place()
}

// place gives every entry its place. On PostgreSQL that waits for the oldest transaction of the whole cluster, which may
// be another test's.
func (w *world) place() {
	w.t.Helper()
	for range 50_000 {
		if _, err := w.log.Sequence(w.t.Context(), w.now); err != nil {
			w.t.Fatal(err)
		}
		var waits int64
		err := w.store.View(w.t.Context(), func(tx *store.Tx) error {
			m, err := tx.Measure(w.t.Context())
			waits = m.Unplaced
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
		if waits == 0 {
			return
		}
	}
	w.t.Fatal("entries wait for their places, and nothing comes before them")
}

// fact is something that happens at the desk, of which everybody who listens is told.
func (w *world) fact(object string) {
	w.t.Helper()
	w.do("feed.silent", access.ForSoftware("watch"), access.On(object), nil)
}

// administrator is who manages the access of a party.
func administrator(of ident.Party, at time.Time) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: "per_" + string(of), Party: of, Proved: at,
		Seats: []access.Seat{{Post: "administrator", Party: of, Powers: []people.Power{people.Staff, people.Read}}},
	}
}

func (w *world) make(of ident.Party, acts ...string) string {
	w.t.Helper()
	h, secret, err := w.is.MakeWebhook(w.t.Context(), w.now, administrator(of, w.now), program.Order{Label: "tickets", URL: "http://127.0.0.1:9/x?key=k", Acts: acts})
	if err != nil {
		w.t.Fatal(err)
	}
	w.to.secret = secret
	return h.ID
}

// run plans and delivers what is due.
func (w *world) run() {
	w.t.Helper()
	w.to.now = w.now
	w.place()
	for range 50 {
		n, err := w.is.PlanDeliveries(w.t.Context(), w.now)
		if err != nil {
			w.t.Fatal(err)
		}
		m, err := w.is.Deliver(w.t.Context(), w.now)
		if err != nil {
			w.t.Fatal(err)
		}
		if n+m == 0 {
			return
		}
	}
	w.t.Fatal("it never rests")
}

func (w *world) only(of ident.Party) program.Webhook {
	w.t.Helper()
	list, err := w.is.Webhooks(w.t.Context(), administrator(of, w.now), 100)
	if err != nil || len(list) != 1 {
		w.t.Fatal(list, err)
	}
	return list[0]
}

// A webhook is told of what it asked for from its making on, signed, once.
func TestWebhookTells(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.fact("stream:a/before")
		w.now = w.now.Add(time.Second)
		w.make(ident.Authority, "feed.silent", "party.import")
		w.fact("stream:a/x")
		w.do("feed.speak", access.ForSoftware("watch"), access.On("stream:a/x"), nil) // nobody asked for it
		w.run()
		w.run()
		if w.to.bad != 0 || len(w.to.got) != 1 || len(w.to.got[0].Events) != 1 || w.to.got[0].Events[0].Object != "stream:a/x" {
			t.Fatalf("%+v, %d not believed", w.to.got, w.to.bad)
		}
		is := w.only(ident.Authority)
		if len(is.Secret) > 0 || len(is.Deliveries) != 1 || is.Deliveries[0].State != webhook.Delivered || is.Deliveries[0].Attempts != 1 {
			t.Errorf("%+v", is)
		}
	})
}

// A failed delivery is tried again under the same id until it is dead, which is an act; a person can have it sent again.
func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		id := w.make(ident.Authority, "feed.silent")
		w.fact("stream:a/x")
		w.to.status = []int{500, 0, 404}
		for range 3 {
			w.run()
			w.now = w.now.Add(16 * time.Minute)
		}
		w.run()
		if d := w.only(ident.Authority).Deliveries; len(w.to.got) != 1 || d[0].State != webhook.Delivered || d[0].Attempts != 4 || d[0].Error != "" {
			t.Fatalf("%+v %+v", w.to.got, d)
		}
		w.fact("stream:a/y")
		w.to.status = slices.Repeat([]int{503}, webhook.MaxAttempts)
		for range webhook.MaxAttempts {
			w.run()
			w.now = w.now.Add(25 * time.Hour)
		}
		w.run()
		dead := w.only(ident.Authority).Deliveries[0]
		if dead.State != webhook.Dead || dead.Attempts != webhook.MaxAttempts || dead.Status != 503 || len(w.to.got) != 1 {
			t.Fatalf("%+v", dead)
		}
		if err := w.is.RetryDelivery(t.Context(), w.now, administrator(ident.Authority, w.now), id, dead.ID); err != nil {
			t.Fatal(err)
		}
		w.run()
		if len(w.to.got) != 2 || w.to.got[1].Delivery != dead.ID {
			t.Errorf("%+v", w.to.got)
		}
		if acts := w.acts("webhook."); !slices.Equal(acts, []string{"webhook.put", "webhook.fail", "webhook.retry"}) {
			t.Errorf("%v", acts)
		}
	})
}

// acts lists the acts of the ledger that begin so, in their order.
func (w *world) acts(begin string) []string {
	w.t.Helper()
	var out []string
	err := w.store.View(w.t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(w.t.Context(), 0, 1000)
		for _, e := range es {
			if strings.HasPrefix(e.Act, begin) {
				out = append(out, e.Act)
			}
			if strings.Contains(e.Object+e.Reason+e.Body, "127.0.0.1") || strings.Contains(e.Object+e.Reason+e.Body, "tickets") {
				w.t.Errorf("the ledger holds an address or a name: %+v", e)
			}
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// A party's webhook is told of the party's own things only, and another's administrator finds no such webhook.
func TestWebhookOfAParty(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		hui := people.Person{ID: "hui", Party: "hospital", Name: "Hui", Mail: "hui@hospital.example", Created: w.now}
		w.do("party.import", access.ForSoftware("command"), access.On("party:hospital"), func(tx *store.Tx) error { return tx.InsertPerson(t.Context(), hui) })
		id := w.make("hospital", "notice.answer")
		for _, p := range []ident.Party{"bank", "hospital"} {
			w.do("notice.answer", access.ForParty(p), access.Of(p, "party:"+string(p)), nil)
		}
		w.run()
		if len(w.to.got) != 1 || len(w.to.got[0].Events) != 1 || w.to.got[0].Events[0].Party != "hospital" || w.to.got[0].Withheld != 0 {
			t.Fatalf("%+v", w.to.got)
		}
		for _, other := range []ident.Party{"bank", ident.Authority} {
			by := administrator(other, w.now)
			if list, err := w.is.Webhooks(t.Context(), by, 1); err != nil || len(list) != 0 {
				t.Errorf("%s: %+v %v", other, list, err)
			}
			if err := w.is.EndWebhook(t.Context(), w.now, by, id); !errors.Is(err, fault.NotFound) {
				t.Errorf("%s ends it: %v", other, err)
			}
			if _, err := w.is.RotateWebhook(t.Context(), w.now, by, id); !errors.Is(err, fault.NotFound) {
				t.Errorf("%s rotates it: %v", other, err)
			}
		}
		stale := administrator("hospital", w.now.Add(-time.Hour))
		if _, err := w.is.RotateWebhook(t.Context(), w.now, stale, id); !errors.Is(err, access.ErrFresh) {
			t.Errorf("without a fresh proof: %v", err)
		}
		token := administrator("hospital", w.now)
		token.Only = []people.Power{people.Read}
		if _, err := w.is.Webhooks(t.Context(), token, 1); !errors.Is(err, fault.Denied) {
			t.Errorf("an API token: %v", err)
		}
		w.do("party.import", access.ForSoftware("command"), access.On("party:hospital"), func(tx *store.Tx) error {
			hui.Disabled = w.now
			return tx.UpdatePerson(t.Context(), hui)
		})
		w.do("notice.answer", access.ForParty("hospital"), access.Of("hospital", "party:hospital"), nil)
		w.run()
		if list, err := w.is.Webhooks(t.Context(), administrator("hospital", w.now), 1); err != nil || len(list) != 0 || len(w.to.got) != 1 {
			t.Errorf("nobody is left who could end it, and it tells on: %d deliveries, %+v %v", len(w.to.got), list, err)
		}
	})
}

// Both secrets sign for a day after a change, then the new one alone; what ends sends nothing more.
func TestRotateAndEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.SQLite(t))
	id := w.make(ident.Authority, "feed.silent")
	before := w.to.secret
	by := administrator(ident.Authority, w.now)
	after, err := w.is.RotateWebhook(t.Context(), w.now, by, id)
	if err != nil || after == before {
		t.Fatal(err)
	}
	for i, c := range []struct {
		secret string
		wait   time.Duration
		bad    int
	}{{before, 0, 0}, {after, 0, 0}, {after, webhook.Overlap, 0}, {before, 0, 1}} {
		w.now = w.now.Add(c.wait)
		w.to.secret, w.to.bad = c.secret, 0
		w.fact(fmt.Sprintf("stream:a/%d", i))
		if w.run(); w.to.bad != c.bad {
			t.Errorf("%d: %d not believed, want %d", i, w.to.bad, c.bad)
		}
	}
	by = administrator(ident.Authority, w.now)
	if err := w.is.TestWebhook(t.Context(), w.now, by, id); err != nil {
		t.Fatal(err)
	}
	if err := w.is.EndWebhook(t.Context(), w.now, by, id); err != nil {
		t.Fatal(err)
	}
	told := len(w.to.got)
	w.fact("stream:a/z")
	if w.run(); len(w.to.got) != told {
		t.Error("an ended webhook is told")
	}
	if n, err := w.is.Forget(t.Context(), w.now.Add(31*24*time.Hour)); err != nil || n != 5 {
		t.Error(n, err)
	}
}

// Whatever the other side answers and whenever it is down, every event arrives in order, once per delivery that it took,
// and nothing arrives twice but under the same id.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, testkit.SQLite(t))
		w.make(ident.Authority, "feed.silent")
		facts := 0
		for range rapid.IntRange(1, 5).Draw(rt, "steps") {
			for range rapid.IntRange(0, 3).Draw(rt, "facts") {
				facts++
				w.fact(fmt.Sprintf("stream:a/%d", facts))
			}
			w.to.status = rapid.SliceOfN(rapid.SampledFrom([]int{200, 500, 0, 429}), 0, 2).Draw(rt, "answers")
			w.run()
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 120).Draw(rt, "minutes")) * time.Minute)
		}
		w.to.status = nil
		w.now = w.now.Add(48 * time.Hour)
		w.run()
		seen := map[string]bool{}
		for _, m := range w.to.got {
			for _, e := range m.Events {
				if seen[e.Object] {
					rt.Fatalf("%s twice", e.Object)
				}
				seen[e.Object] = true
			}
		}
		if len(seen) != facts || w.to.bad > 0 {
			rt.Fatalf("%d of %d events, %d not believed", len(seen), facts, w.to.bad)
		}
	})
}

// What is marked more strictly than a mail in clear could carry is told as a count only, and RED is in no stream either.
func TestMarksHold(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.make(ident.Authority, "signal.finish")
		for i, tlp := range []marking.TLP{marking.Green, marking.Amber, marking.Red} {
			feed := ident.Feed(fmt.Sprintf("feed%d", i))
			w.do("signal.finish", access.ForSoftware("fold"), access.On(fmt.Sprintf("signal:%d", i+1)), func(tx *store.Tx) error {
				if err := tx.PutFeed(t.Context(), store.Feed{ID: feed, Pack: "ipsum", Title: "x", TLP: tlp, Created: noon}); err != nil {
					return err
				}
				_, err := tx.InsertSignal(t.Context(), store.Signal{Feed: feed, Blob: fmt.Sprint(i), Received: noon, State: "received"})
				return err
			})
		}
		w.run()
		if len(w.to.got) != 1 || len(w.to.got[0].Events) != 1 || w.to.got[0].Events[0].TLP != "TLP:GREEN" || w.to.got[0].Withheld != 2 {
			t.Fatalf("%+v", w.to.got)
		}
		is, err := w.is.EventsAfter(t.Context(), w.now, access.ForSoftware("webhook"), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range is.Events {
			if e.TLP == "TLP:RED" {
				t.Errorf("%+v", e)
			}
		}
	})
}
