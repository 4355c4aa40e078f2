package program

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/webhook"
)

// secretPrefix lets scanners for leaked secrets tell what it is.
const secretPrefix = "tcw_"

// maxWebhooks bounds the webhooks in use of one party.
const maxWebhooks = 20

// Webhook is a webhook with its newest deliveries.
type Webhook struct {
	webhook.Webhook
	Deliveries []webhook.Delivery // the newest first
}

// Order is what somebody says about a webhook.
type Order struct {
	Label string
	URL   string
	Acts  []string
}

// webhookBody is what entries say of a webhook: never its address, which may hold a key.
type webhookBody struct {
	Acts     []string `json:"acts,omitempty"`
	Delivery string   `json:"delivery,omitempty"`
	Attempts int      `json:"attempts,omitempty"`
	Status   int      `json:"status,omitempty"`
}

func objectOf(w *webhook.Webhook) access.Object { return access.Of(w.Party, "webhook:"+w.ID) }

// Webhooks returns the webhooks of by's own organisation with at most limit deliveries each. fault.Denied to whoever does
// not manage its access.
func (p *Programs) Webhooks(ctx context.Context, by access.Actor, limit int) ([]Webhook, error) {
	if !by.Holds(people.Staff, by.Party) || by.Weak || by.Party == "" {
		return nil, fault.New(fault.Denied, "this needs a post that manages the access of your organisation")
	}
	var out []Webhook
	err := p.store.View(ctx, func(tx *store.Tx) error {
		list, err := tx.Webhooks(ctx, by.Party)
		if err != nil {
			return err
		}
		for _, w := range list {
			d, err := tx.WebhookDeliveries(ctx, w.ID, limit)
			if err != nil {
				return err
			}
			w.Secret, w.Before = nil, nil
			out = append(out, Webhook{w, d})
		}
		return nil
	})
	return out, err
}

// MakeWebhook makes a webhook of by's own organisation and returns its secret, which is shown once. It is told of what is
// done from now on.
func (p *Programs) MakeWebhook(ctx context.Context, now time.Time, by access.Actor, o Order) (webhook.Webhook, string, error) {
	w := webhook.Webhook{ID: ident.New("whk"), Party: by.Party, Label: strings.TrimSpace(o.Label), Created: now, By: by.String()}
	var err error
	if w.Label == "" || len(w.Label) > webhook.MaxLabel {
		return w, "", fault.New(fault.Invalid, "label: 1 to %d bytes were expected", webhook.MaxLabel)
	}
	if w.URL, err = p.set.Rules.Check(o.URL); err != nil {
		return w, "", err
	}
	if w.Acts, err = webhook.CheckActs(by.Party, o.Acts); err != nil {
		return w, "", err
	}
	secret := secretPrefix + ident.Secret()
	if w.Secret, err = p.seal(w.ID, secret); err != nil {
		return w, "", err
	}
	err = p.store.Update(ctx, func(tx *store.Tx) error {
		have, err := tx.Webhooks(ctx, by.Party)
		if err != nil {
			return err
		}
		if len(have) >= maxWebhooks {
			return fault.New(fault.TooLarge, "an organisation has at most %d webhooks: end one first", maxWebhooks)
		}
		if w.Seen, _, err = tx.LastPlace(ctx); err != nil {
			return err
		}
		if err := tx.InsertWebhook(ctx, w); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "webhook.put", objectOf(&w), "", webhookBody{Acts: w.Acts})
		return err
	})
	if err != nil {
		return webhook.Webhook{}, "", fmt.Errorf("make a webhook: %w", err)
	}
	return w, secret, nil
}

// change carries an act on a webhook of by's own organisation out. What is another's is not there.
func (p *Programs) change(ctx context.Context, now time.Time, by access.Actor, act, id string, f func(*store.Tx, *webhook.Webhook) (webhookBody, error)) error {
	err := p.store.Update(ctx, func(tx *store.Tx) error {
		w, err := tx.WebhookByID(ctx, id)
		if err != nil {
			return err
		}
		if w.Party != by.Party || !w.Ended.IsZero() {
			return fault.New(fault.NotFound, "there is no such webhook")
		}
		body, err := f(tx, &w)
		if err != nil {
			return err
		}
		if err := tx.PutWebhook(ctx, w); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, act, objectOf(&w), "", body)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", act, id, err)
	}
	return nil
}

// EndWebhook ends a webhook; what waits for it is dropped.
func (p *Programs) EndWebhook(ctx context.Context, now time.Time, by access.Actor, id string) error {
	return p.change(ctx, now, by, "webhook.end", id, func(tx *store.Tx, w *webhook.Webhook) (webhookBody, error) {
		w.Ended, w.Secret, w.Before = now, []byte{}, nil
		return webhookBody{}, tx.DropWebhookDeliveries(ctx, id, now)
	})
}

// RotateWebhook gives a webhook a new secret and returns it; the one before signs as well for webhook.Overlap.
func (p *Programs) RotateWebhook(ctx context.Context, now time.Time, by access.Actor, id string) (string, error) {
	secret := secretPrefix + ident.Secret()
	sealed, err := p.seal(id, secret)
	if err != nil {
		return "", err
	}
	return secret, p.change(ctx, now, by, "webhook.rotate", id, func(_ *store.Tx, w *webhook.Webhook) (webhookBody, error) {
		w.Before, w.Secret, w.Rotated = w.Secret, sealed, now
		return webhookBody{}, nil
	})
}

// TestWebhook puts a delivery without events on its way.
func (p *Programs) TestWebhook(ctx context.Context, now time.Time, by access.Actor, id string) error {
	return p.change(ctx, now, by, "webhook.test", id, func(tx *store.Tx, w *webhook.Webhook) (webhookBody, error) {
		open, err := tx.OpenWebhookDeliveries(ctx, id, mostOpen)
		if err != nil {
			return webhookBody{}, err
		}
		if len(open) >= mostOpen {
			return webhookBody{}, fault.New(fault.Conflict, "%d deliveries wait already", len(open))
		}
		d, err := newDelivery(now, w, Events{Next: w.Seen}, 0)
		d.Test = true
		if err == nil {
			d.Body, err = json.Marshal(message{Delivery: d.ID, Webhook: w.ID, Created: now.UTC(), Test: true, Events: []Event{}})
		}
		if err != nil {
			return webhookBody{}, err
		}
		return webhookBody{Delivery: d.ID}, tx.InsertWebhookDelivery(ctx, d)
	})
}

// RetryDelivery has a dead delivery tried again.
func (p *Programs) RetryDelivery(ctx context.Context, now time.Time, by access.Actor, id, delivery string) error {
	return p.change(ctx, now, by, "webhook.retry", id, func(tx *store.Tx, _ *webhook.Webhook) (webhookBody, error) {
		d, err := tx.WebhookDelivery(ctx, delivery)
		if err != nil {
			return webhookBody{}, err
		}
		if d.Webhook != id {
			return webhookBody{}, fault.New(fault.NotFound, "there is no such delivery")
		}
		if d.State, err = webhook.Next(d.State, webhook.Retry); err != nil {
			return webhookBody{}, err
		}
		d.Attempts, d.Next, d.Done = 0, now, time.Time{}
		return webhookBody{Delivery: d.ID}, tx.PutWebhookDelivery(ctx, d)
	})
}

// seal hides a webhook's secret under the installation's key, bound to the webhook.
func (p *Programs) seal(id, secret string) ([]byte, error) {
	gcm, err := p.gcm()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	return gcm.Seal(nonce, nonce, []byte(secret), []byte("webhook "+id)), nil
}

// unseal is the inverse of seal.
func (p *Programs) unseal(id string, sealed []byte) ([]byte, error) {
	gcm, err := p.gcm()
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errors.New("a sealed secret is cut off")
	}
	return gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], []byte("webhook "+id))
}

func (p *Programs) gcm() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, p.set.Key, nil, "tocsin webhook secrets", 32)
	if err != nil {
		return nil, fmt.Errorf("key of webhooks' secrets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// secrets returns what signs a delivery at an instant: the newest first.
func (p *Programs) secrets(w *webhook.Webhook, at time.Time) ([][]byte, error) {
	all := [][]byte{w.Secret}
	if len(w.Before) > 0 && at.Before(w.Rotated.Add(webhook.Overlap)) {
		all = append(all, w.Before)
	}
	out := slices.Clone(all)
	for i, sealed := range all {
		var err error
		if out[i], err = p.unseal(w.ID, sealed); err != nil {
			return nil, fmt.Errorf("secret of webhook %s: %w", w.ID, err)
		}
	}
	return out, nil
}
