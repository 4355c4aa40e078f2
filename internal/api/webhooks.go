package api

import (
	"time"

	"tocsin/internal/api/operation"
	"tocsin/internal/webhook"
)

const webhooksText = "Those of the own organisation. Making one and changing its secret need a fresh proof of identity: they stay on the pages."

// Webhooks is the webhooks of an organisation.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks"`
}

// Webhook is one address that is told of acts, with its newest deliveries.
type Webhook struct {
	ID         string            `json:"id"`
	Label      string            `json:"label"`
	Host       string            `json:"host" doc:"Of its address: the rest may be a key, and is on no page either."`
	Acts       []string          `json:"acts" doc:"That it is told of."`
	Created    time.Time         `json:"created"`
	By         string            `json:"by"`
	Rotated    *time.Time        `json:"rotated,omitempty" doc:"It got its secret then."`
	Deliveries []WebhookDelivery `json:"deliveries" doc:"The newest ten, the newest first."`
}

// WebhookDelivery is one delivery to a webhook.
type WebhookDelivery struct {
	ID       string     `json:"id"`
	State    string     `json:"state"`
	Test     bool       `json:"test"`
	First    int64      `json:"first" doc:"Places in the log that it tells about."`
	Last     int64      `json:"last"`
	Events   int        `json:"events"`
	Withheld int        `json:"withheld"`
	Attempts int        `json:"attempts"`
	Created  time.Time  `json:"created"`
	Next     *time.Time `json:"next_try,omitempty"`
	Done     *time.Time `json:"done,omitempty"`
	Status   int        `json:"status,omitempty" doc:"HTTP status of the newest answer; absent where none came."`
	Error    string     `json:"error,omitempty"`
}

// deliveriesShown is how many deliveries the list has of a webhook.
const deliveriesShown = 10

func (a *api) webhooks(c *call, _ none) (Webhooks, error) {
	list, err := a.Programs.Webhooks(c.Ctx, c.By, deliveriesShown)
	var out Webhooks
	for _, w := range list {
		is := Webhook{ID: w.ID, Label: w.Label, Host: webhook.Host(w.URL), Acts: w.Acts, Created: w.Created, By: w.By, Rotated: operation.Some(w.Rotated)}
		for _, d := range w.Deliveries {
			is.Deliveries = append(is.Deliveries, WebhookDelivery{
				d.ID, string(d.State), d.Test, d.First, d.Last, d.Events, d.Withheld, d.Attempts, d.Created, operation.Some(d.Next), operation.Some(d.Done), d.Status, d.Error,
			})
		}
		out.Webhooks = append(out.Webhooks, is)
	}
	return out, err
}

type webhookQuery struct {
	ID string `path:"id"`
}

func (a *api) testWebhook(c *call, q webhookQuery) (none, error) {
	return none{}, a.Programs.TestWebhook(c.Ctx, c.Now, c.By, q.ID)
}

func (a *api) endWebhook(c *call, q webhookQuery) (none, error) {
	return none{}, a.Programs.EndWebhook(c.Ctx, c.Now, c.By, q.ID)
}

type retryQuery struct {
	ID       string `path:"id"`
	Delivery string `path:"delivery"`
}

func (a *api) retryDelivery(c *call, q retryQuery) (none, error) {
	return none{}, a.Programs.RetryDelivery(c.Ctx, c.Now, c.By, q.ID, q.Delivery)
}
