package program_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/program"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/testkit"
	"tocsin/internal/webhook"
)

// A webhook's deliveries are its own, also among those of one party, and a party has so many webhooks and no more.
func TestDeliveriesOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.SQLite(t))
	by := administrator(ident.Authority, w.now)
	first := w.make(ident.Authority, "feed.silent")
	w.to.status = slices.Repeat([]int{503}, webhook.MaxAttempts)
	w.fact("stream:a/x")
	for range webhook.MaxAttempts {
		w.run()
		w.now = w.now.Add(25 * time.Hour)
	}
	by.Proved = w.now
	dead := w.only(ident.Authority).Deliveries[0]
	second := w.make(ident.Authority, "feed.silent")
	foreign := w.make("bank", "notice.answer")
	bank := administrator("bank", w.now)
	for _, c := range []struct {
		name string
		by   access.Actor
		hook string
	}{{"another webhook of its party", by, second}, {"another party's, by that", bank, foreign}, {"another party, by its webhook", bank, first}, {"none", by, "whk_none"}} {
		if err := w.is.RetryDelivery(t.Context(), w.now, c.by, c.hook, dead.ID); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s has it sent again: %v", c.name, err)
		}
	}
	if err := w.is.RetryDelivery(t.Context(), w.now, by, first, "none"); !errors.Is(err, fault.NotFound) {
		t.Errorf("no such delivery: %v", err)
	}
	for n := 2; n < 20; n++ { // the authority's twenty, of which two are there
		w.make(ident.Authority, "feed.silent")
	}
	order := program.Order{Label: "one more", URL: "http://127.0.0.1:9/x", Acts: []string{"feed.silent"}}
	if _, _, err := w.is.MakeWebhook(t.Context(), w.now, by, order); !errors.Is(err, fault.TooLarge) {
		t.Errorf("a twenty-first: %v", err)
	}
	if err := w.is.EndWebhook(t.Context(), w.now, by, second); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.is.MakeWebhook(t.Context(), w.now, by, order); err != nil {
		t.Errorf("in place of one that ended: %v", err)
	}
}

// Who is told of which acts: programs of the installation and whoever audits at the desk of all, the desk of what programs are
// told, a party of what is its own; whoever lacks the second factor of nothing.
func TestWhoIsToldOfWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.SQLite(t))
	w.fact("stream:a/x")
	w.do("notice.answer", access.ForParty("bank"), access.Of("bank", "party:bank"), nil)
	w.do("notice.answer", access.ForParty("hospital"), access.Of("hospital", "party:hospital"), nil)
	w.do("signal.prune", access.ForSoftware("upkeep"), access.On("upkeep:rejects"), nil) // which no program is told of
	seat := func(of ident.Party, powers ...people.Power) access.Actor {
		return access.Actor{Kind: access.Person, ID: "per_x", Party: of, Proved: w.now, Seats: []access.Seat{{Post: "p", Party: of, Powers: powers}}}
	}
	weak := seat(ident.Authority, people.Read, people.Audit)
	weak.Weak = true
	all := []string{"party.import party:hospital", "party.import party:bank", "feed.silent stream:a/x", "notice.answer party:bank", "notice.answer party:hospital", "signal.prune upkeep:rejects"}
	told := []string{"party.import party:hospital", "party.import party:bank", "feed.silent stream:a/x", "notice.answer party:bank", "notice.answer party:hospital"}
	for _, c := range []struct {
		name string
		by   access.Actor
		want []string
	}{
		{"software", access.ForSoftware("share"), all},
		{"an auditor at the desk", seat(ident.Authority, people.Read, people.Audit), all},
		{"a handler", seat(ident.Authority, people.Read), told},
		{"an auditor without the second factor", weak, nil},
		{"whoever audits at a bank", seat("bank", people.Read, people.Audit), []string{"party.import party:bank", "notice.answer party:bank"}},
		{"a member of the hospital", seat("hospital", people.Read), []string{"party.import party:hospital", "notice.answer party:hospital"}},
		{"a link", access.ForParty("bank"), []string{"party.import party:bank", "notice.answer party:bank"}},
		{"nobody", access.Actor{}, nil},
	} {
		is, err := w.is.EventsAfter(t.Context(), w.now, c.by, 0)
		var got []string
		for _, e := range is.Events {
			got = append(got, fmt.Sprint(e.Act, " ", e.Object))
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s is told of %q, want %q: %v", c.name, got, c.want, err)
		}
	}
}

// A server that stops in the middle of a call says nothing of it: the delivery goes out when the lease has run out, as its first.
func TestDeliveryStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.SQLite(t))
	w.make(ident.Authority, "feed.silent")
	w.fact("stream:a/x")
	w.to.now = w.now
	if _, err := w.is.PlanDeliveries(t.Context(), w.now); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	w.to.then, w.to.status = stop, []int{0}
	if _, err := w.is.Deliver(ctx, w.now); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped in the middle: %v", err)
	}
	w.to.then = nil
	w.now = w.now.Add(24 * time.Hour)
	w.run()
	if d := w.only(ident.Authority).Deliveries; len(w.to.got) != 1 || len(d) != 1 || d[0].State != webhook.Delivered || d[0].Attempts != 1 {
		t.Errorf("%d calls, %+v", len(w.to.got), d)
	}
}
