package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/webhook"
)

const (
	mostOpen    = 20 // deliveries of one webhook that wait: beyond, its look at the log waits too
	deliverMost = 20 // deliveries of one call
	keepFor     = 30 * 24 * time.Hour
)

var sender = access.ForSoftware("webhook")

// message is the body of a delivery.
type message struct {
	Delivery string    `json:"delivery"`
	Webhook  string    `json:"webhook"`
	Created  time.Time `json:"created"`
	Test     bool      `json:"test,omitempty"`
	Events   []Event   `json:"events"`
	Withheld int       `json:"withheld,omitempty"`
}

func newDelivery(now time.Time, w *webhook.Webhook, is Events, withheld int) (webhook.Delivery, error) {
	d := webhook.Delivery{
		ID: ident.New("dlv"), Webhook: w.ID, First: w.Seen + 1, Last: is.Next, Events: len(is.Events), Withheld: withheld,
		State: webhook.Waiting, Next: now, Created: now,
	}
	if is.Events == nil {
		is.Events = []Event{}
	}
	var err error
	d.Body, err = json.Marshal(message{Delivery: d.ID, Webhook: w.ID, Created: now.UTC(), Events: is.Events, Withheld: withheld})
	return d, err
}

// readerOf is in whose name a webhook reads.
func readerOf(w *webhook.Webhook) access.Actor {
	if w.Party == ident.Authority {
		return sender
	}
	return access.ForParty(w.Party)
}

// PlanDeliveries looks behind each webhook's place in the log and puts what it is to be told on its way: the delivery and
// the place are one transaction, so that a crash loses nothing and tells nothing twice. It returns how many deliveries
// it made. A webhook whose deliveries pile up waits with its look until they are gone.
func (p *Programs) PlanDeliveries(ctx context.Context, now time.Time) (int, error) {
	var list []webhook.Webhook
	var last int64
	err := p.store.View(ctx, func(tx *store.Tx) (err error) {
		if last, _, err = tx.LastPlace(ctx); err == nil {
			list, err = tx.Webhooks(ctx, "")
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("plan deliveries of webhooks: %w", err)
	}
	made := 0
	for i := range list {
		if list[i].Seen >= last {
			continue
		}
		if ended, err := p.endUnheld(ctx, now, &list[i]); err != nil {
			return made, fmt.Errorf("plan deliveries of webhook %s: %w", list[i].ID, err)
		} else if ended {
			continue
		}
		n, err := p.planOne(ctx, now, &list[i])
		made += n
		if err != nil && !errors.Is(err, fault.Conflict) {
			return made, fmt.Errorf("plan deliveries of webhook %s: %w", list[i].ID, err)
		}
	}
	return made, nil
}

// endUnheld ends a webhook of a party of which nobody can sign in any more: it would tell on, and nobody could end it.
func (p *Programs) endUnheld(ctx context.Context, now time.Time, w *webhook.Webhook) (bool, error) {
	held := w.Party == ident.Authority // whoever runs the installation can
	err := p.store.View(ctx, func(tx *store.Tx) error {
		all, err := tx.PeopleOf(ctx, w.Party)
		held = held || slices.ContainsFunc(all, func(h people.Person) bool { return h.Disabled.IsZero() && h.Erased.IsZero() })
		return err
	})
	if err != nil || held {
		return false, err
	}
	by := sender
	by.Party = w.Party
	return true, p.EndWebhook(ctx, now, by, w.ID)
}

func (p *Programs) planOne(ctx context.Context, now time.Time, w *webhook.Webhook) (int, error) {
	made := 0
	err := p.store.Keep(ctx, func(tx *store.Tx) error {
		made = 0
		open, err := tx.OpenWebhookDeliveries(ctx, w.ID, mostOpen)
		if err != nil || len(open) >= mostOpen {
			return err
		}
		is, withheld, err := eventsFor(ctx, tx, now, w)
		if err != nil || is.Next == w.Seen {
			return err
		}
		if len(is.Events)+withheld > 0 {
			d, err := newDelivery(now, w, is, withheld)
			if err != nil {
				return err
			}
			if err := tx.InsertWebhookDelivery(ctx, d); err != nil {
				return err
			}
			made++
		}
		return tx.SeeWebhook(ctx, w.ID, w.Seen, is.Next)
	})
	return made, err
}

// eventsFor returns what a webhook is told of behind its place, and how much of it is marked too strictly.
func eventsFor(ctx context.Context, tx *store.Tx, now time.Time, w *webhook.Webhook) (Events, int, error) {
	out := Events{Next: w.Seen}
	entries, err := tx.EntriesByPlace(ctx, w.Seen, mostLooked)
	if err != nil {
		return out, 0, err
	}
	l, err := newLook(ctx, tx, now, readerOf(w))
	if err != nil {
		return out, 0, err
	}
	withheld := 0
	for i := range entries {
		out.Next = entries[i].Seq
		// What was done before the webhook was made may get its place after.
		if !slices.Contains(w.Acts, entries[i].Act) || entries[i].At.Before(w.Created) {
			continue
		}
		e, ok, err := l.event(ctx, &entries[i])
		if err != nil {
			return out, 0, err
		}
		switch {
		case !ok:
		case marking.Leave(marking.Webhook, e.mark, true) != nil:
			withheld++
		default:
			out.Events = append(out.Events, e)
		}
	}
	return out, withheld, nil
}

// Deliver posts the deliveries that are due and returns how many it handled. Several processes may run it at once. After
// a crash the same delivery goes out again under the same id.
func (p *Programs) Deliver(ctx context.Context, now time.Time) (int, error) {
	if p.set.Post == nil {
		return 0, nil
	}
	for n := range deliverMost {
		d, w, err := p.claim(ctx, now)
		if err != nil || d.ID == "" {
			return n, err
		}
		if err := p.post(ctx, now, d, &w); err != nil {
			return n, fmt.Errorf("delivery %s of webhook %s: %w", d.ID, w.ID, err)
		}
	}
	return deliverMost, nil
}

// claim takes the next delivery with its webhook; the empty delivery where none is due.
func (p *Programs) claim(ctx context.Context, now time.Time) (webhook.Delivery, webhook.Webhook, error) {
	var d webhook.Delivery
	var w webhook.Webhook
	err := p.store.Keep(ctx, func(tx *store.Tx) error {
		var ok bool
		var err error
		if d, ok, err = tx.ClaimWebhookDelivery(ctx, now, now.Add(webhook.Lease)); err != nil || !ok {
			d = webhook.Delivery{}
			return err
		}
		w, err = tx.WebhookByID(ctx, d.Webhook)
		return err
	})
	if err != nil {
		return webhook.Delivery{}, w, fmt.Errorf("claim a delivery: %w", err)
	}
	return d, w, nil
}

func (p *Programs) post(ctx context.Context, now time.Time, d webhook.Delivery, w *webhook.Webhook) error {
	secrets, err := p.secrets(w, now)
	if err != nil {
		return err
	}
	status, sent := p.set.Post.Post(ctx, webhook.Post{
		URL: w.URL, ID: d.ID, Signature: webhook.Signature(now, d.Body, secrets...), Body: d.Body,
	})
	if sent != nil && ctx.Err() != nil {
		return ctx.Err() // we stop; the lease runs out and it goes out then
	}
	return p.record(ctx, now, d, w, status, sent)
}

// record writes what came of a try. One that died is an act: it is in the ledger, and people see it.
func (p *Programs) record(ctx context.Context, now time.Time, was webhook.Delivery, w *webhook.Webhook, status int, sent error) error {
	trigger, wait := webhook.Verdict(status, was.Attempts+1)
	write := func(tx *store.Tx) error {
		d, err := tx.WebhookDelivery(ctx, was.ID)
		if err != nil {
			return err
		}
		if d.State != webhook.Sending || !d.Leased.Equal(was.Leased) {
			return nil // the lease ran out while we sent, or the webhook ended
		}
		if d.State, err = webhook.Next(d.State, trigger); err != nil {
			return err
		}
		d.Attempts, d.Leased, d.Next, d.Status, d.Error = d.Attempts+1, time.Time{}, time.Time{}, status, trouble(status, sent)
		if trigger == webhook.Defer {
			d.Next = now.Add(wait)
		} else {
			d.Done = now
		}
		if err := tx.PutWebhookDelivery(ctx, d); err != nil || trigger != webhook.GiveUp {
			return err
		}
		_, err = tx.Append(ctx, now, sender, "webhook.fail", objectOf(w), "", webhookBody{Delivery: d.ID, Attempts: d.Attempts, Status: status})
		return err
	}
	if trigger == webhook.GiveUp {
		return p.store.Update(ctx, write)
	}
	return p.store.Keep(ctx, write)
}

// trouble says what was wrong with a try; empty where nothing was.
func trouble(status int, sent error) string {
	switch {
	case sent != nil:
		if text, ok := fault.Message(sent); ok {
			return text
		}
		return "it could not be sent"
	case status >= 200 && status < 300:
		return ""
	}
	return fmt.Sprintf("the answer was %d", status)
}

// Forget removes deliveries that were over a month ago, and tells how many.
func (p *Programs) Forget(ctx context.Context, now time.Time) (int, error) {
	var n int64
	err := p.store.Keep(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.ForgetWebhookDeliveries(ctx, now.Add(-keepFor))
		return err
	})
	return int(n), err
}
