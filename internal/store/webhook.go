package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/webhook"
)

const webhookColumns = `id, party_id, label, url, acts, secret, secret_before, rotated_at, seen_seq, created_at, created_by, ended_at`

func scanWebhook(scan func(...any) error) (webhook.Webhook, error) {
	var w webhook.Webhook
	var acts string
	var created int64
	var rotated, ended sql.NullInt64
	err := scan(&w.ID, &w.Party, &w.Label, &w.URL, &acts, &w.Secret, &w.Before, &rotated, &w.Seen, &created, &w.By, &ended)
	w.Acts, w.Rotated, w.Created, w.Ended = split[string](acts), instant(rotated), Instant(created), instant(ended)
	return w, err
}

// InsertWebhook writes a webhook.
func (t *Tx) InsertWebhook(ctx context.Context, w webhook.Webhook) error {
	_, err := t.exec(ctx, "insert into webhook ("+webhookColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		w.ID, string(w.Party), w.Label, w.URL, join(w.Acts), w.Secret, full(w.Before), optional(w.Rotated), w.Seen, Micros(w.Created), w.By, optional(w.Ended))
	if err != nil {
		return fmt.Errorf("write webhook: %w", err)
	}
	return nil
}

// full makes an empty value of none: the column knows no null.
func full(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// PutWebhook writes what changes in the life of a webhook.
func (t *Tx) PutWebhook(ctx context.Context, w webhook.Webhook) error {
	res, err := t.exec(ctx, `update webhook set label = $1, url = $2, acts = $3, secret = $4, secret_before = $5, rotated_at = $6, ended_at = $7
		where id = $8`, w.Label, w.URL, join(w.Acts), w.Secret, full(w.Before), optional(w.Rotated), optional(w.Ended), w.ID)
	return changedOne(res, err, "webhook")
}

// SeeWebhook writes down how far the log was looked at for a webhook; fault.Conflict where another process was faster.
func (t *Tx) SeeWebhook(ctx context.Context, id string, from, to int64) error {
	res, err := t.exec(ctx, "update webhook set seen_seq = $1 where id = $2 and seen_seq = $3 and ended_at is null", to, id, from)
	if err = changedOne(res, err, "webhook"); errors.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, "another process looked for webhook %s", id)
	}
	return err
}

// WebhookByID returns a webhook; fault.NotFound where there is none.
func (t *Tx) WebhookByID(ctx context.Context, id string) (webhook.Webhook, error) {
	w, err := scanWebhook(func(dest ...any) error {
		return t.row(ctx, "select "+webhookColumns+" from webhook where id = $1", []any{id}, dest...)
	})
	if errors.Is(err, fault.NotFound) {
		return w, fault.New(fault.NotFound, "there is no such webhook")
	}
	if err != nil {
		return w, fmt.Errorf("read webhook: %w", err)
	}
	return w, nil
}

// Webhooks returns the webhooks of a party that are in use, or of everybody for the empty party, the oldest first.
func (t *Tx) Webhooks(ctx context.Context, of ident.Party) ([]webhook.Webhook, error) {
	var out []webhook.Webhook
	err := t.each(ctx, "select "+webhookColumns+" from webhook where ended_at is null and (party_id = $1 or '' = $2) order by created_at, id",
		[]any{string(of), string(of)}, func(r *sql.Rows) error {
			w, err := scanWebhook(r.Scan)
			out = append(out, w)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read webhooks: %w", err)
	}
	return out, nil
}

const deliveryColumns = `id, webhook_id, first_seq, last_seq, events, withheld, test, body, state, attempts, next_at, leased_until, created_at,
	done_at, status, error`

func scanDelivery(scan func(...any) error) (webhook.Delivery, error) {
	var d webhook.Delivery
	var state string
	var created int64
	var next, leased, done sql.NullInt64
	err := scan(&d.ID, &d.Webhook, &d.First, &d.Last, &d.Events, &d.Withheld, &d.Test, &d.Body, &state, &d.Attempts, &next, &leased, &created,
		&done, &d.Status, &d.Error)
	d.State, d.Next, d.Leased, d.Created, d.Done = webhook.State(state), instant(next), instant(leased), Instant(created), instant(done)
	return d, err
}

// InsertWebhookDelivery writes a delivery that is to be sent.
func (t *Tx) InsertWebhookDelivery(ctx context.Context, d webhook.Delivery) error {
	_, err := t.exec(ctx, "insert into webhook_delivery ("+deliveryColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		d.ID, d.Webhook, d.First, d.Last, d.Events, d.Withheld, d.Test, full(d.Body), string(d.State), d.Attempts, optional(d.Next), optional(d.Leased),
		Micros(d.Created), optional(d.Done), d.Status, d.Error)
	if err != nil {
		return fmt.Errorf("write a webhook's delivery: %w", err)
	}
	return nil
}

// PutWebhookDelivery writes what became of a delivery.
func (t *Tx) PutWebhookDelivery(ctx context.Context, d webhook.Delivery) error {
	res, err := t.exec(ctx, `update webhook_delivery set state = $1, attempts = $2, next_at = $3, leased_until = $4, done_at = $5, status = $6,
		error = $7 where id = $8`, string(d.State), d.Attempts, optional(d.Next), optional(d.Leased), optional(d.Done), d.Status, d.Error, d.ID)
	return changedOne(res, err, "delivery")
}

// WebhookDelivery returns a delivery; fault.NotFound where there is none.
func (t *Tx) WebhookDelivery(ctx context.Context, id string) (webhook.Delivery, error) {
	d, err := scanDelivery(func(dest ...any) error {
		return t.row(ctx, "select "+deliveryColumns+" from webhook_delivery where id = $1", []any{id}, dest...)
	})
	if errors.Is(err, fault.NotFound) {
		return d, fault.New(fault.NotFound, "there is no such delivery")
	}
	if err != nil {
		return d, fmt.Errorf("read a webhook's delivery: %w", err)
	}
	return d, nil
}

// ClaimWebhookDelivery takes the delivery that has been due longest, or whose worker's lease has run out, into state
// "sending" until until; false where none is due.
func (t *Tx) ClaimWebhookDelivery(ctx context.Context, now, until time.Time) (webhook.Delivery, bool, error) {
	d, err := scanDelivery(func(dest ...any) error {
		return t.returning(ctx, `update webhook_delivery set state = 'sending', leased_until = $1 where id = (
			select id from webhook_delivery where (state = 'waiting' and next_at <= $2) or (state = 'sending' and leased_until <= $3)
			order by next_at, id limit 1) returning `+deliveryColumns, []any{Micros(until), Micros(now), Micros(now)}, dest...)
	})
	if errors.Is(err, fault.NotFound) {
		return webhook.Delivery{}, false, nil
	}
	if err != nil {
		return webhook.Delivery{}, false, fmt.Errorf("claim a webhook's delivery: %w", err)
	}
	return d, true, nil
}

// WebhookDeliveries returns at most limit deliveries of a webhook, the newest first.
func (t *Tx) WebhookDeliveries(ctx context.Context, of string, limit int) ([]webhook.Delivery, error) {
	return t.webhookDeliveries(ctx, "where webhook_id = $1 order by created_at desc, id limit $2", of, limit)
}

// OpenWebhookDeliveries returns at most limit deliveries of a webhook that are not over.
func (t *Tx) OpenWebhookDeliveries(ctx context.Context, of string, limit int) ([]webhook.Delivery, error) {
	return t.webhookDeliveries(ctx, "where webhook_id = $1 and state in ('waiting', 'sending') order by created_at, id limit $2", of, limit)
}

func (t *Tx) webhookDeliveries(ctx context.Context, rest string, args ...any) ([]webhook.Delivery, error) {
	var out []webhook.Delivery
	err := t.each(ctx, "select "+deliveryColumns+" from webhook_delivery "+rest, args, func(r *sql.Rows) error {
		d, err := scanDelivery(r.Scan)
		out = append(out, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read a webhook's deliveries: %w", err)
	}
	return out, nil
}

// DropWebhookDeliveries ends what waits for a webhook that ended.
func (t *Tx) DropWebhookDeliveries(ctx context.Context, of string, at time.Time) error {
	_, err := t.exec(ctx, `update webhook_delivery set state = 'dropped', next_at = null, leased_until = null, done_at = $1
		where webhook_id = $2 and state in ('waiting', 'sending')`, Micros(at), of)
	if err != nil {
		return fmt.Errorf("drop a webhook's deliveries: %w", err)
	}
	return nil
}

// ForgetWebhookDeliveries removes those that were over before an instant, and tells how many.
func (t *Tx) ForgetWebhookDeliveries(ctx context.Context, before time.Time) (int64, error) {
	res, err := t.exec(ctx, "delete from webhook_delivery where done_at < $1", Micros(before))
	if err != nil {
		return 0, fmt.Errorf("forget old deliveries of webhooks: %w", err)
	}
	return res.RowsAffected()
}
