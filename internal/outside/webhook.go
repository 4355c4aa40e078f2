package outside

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// WebhookPost is one delivery on its way. It is an unnamed type: whoever declares the same one can use Webhooks without
// knowing this package.
type WebhookPost = struct {
	URL       string
	ID        string // of the delivery: the same when it is tried again
	Signature string
	Body      []byte
}

// webhookTimeout bounds one try, so that the lease of a delivery outlasts it.
const webhookTimeout = 15 * time.Second

// Webhooks posts deliveries under the guard of a Fetcher. It follows no redirect: a signed body goes where people said,
// and nowhere else. Safe for many goroutines.
type Webhooks struct {
	client *http.Client
}

// NewWebhooks makes a way to webhooks.
func NewWebhooks(o FetchOptions) *Webhooks {
	o.Total = webhookTimeout
	c := NewHTTPClient(o)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Webhooks{c}
}

// Post posts one delivery and returns the HTTP status; 0 where no answer came. No message holds the address, for
// addresses hold keys. fault.Denied for an address that must not be dialled.
func (w *Webhooks) Post(ctx context.Context, p WebhookPost) (int, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(p.Body))
	if err != nil {
		return 0, fault.New(fault.Invalid, "the address cannot be used")
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Tocsin-Signature", p.Signature)
	q.Header.Set("Tocsin-Delivery", p.ID)
	q.Header.Set("Idempotency-Key", p.ID)
	a, err := w.client.Do(q)
	if err != nil {
		if strings.Contains(err.Error(), "Client.Timeout") {
			return 0, fault.New(fault.Unavailable, "the server took too long")
		}
		return 0, broken(err)
	}
	defer func() { _ = a.Body.Close() }() // the status is all that counts
	_, _ = io.CopyN(io.Discard, a.Body, 4<<10)
	return a.StatusCode, nil
}
