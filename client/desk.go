package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// QueueItem is something that waits for the authority's people.
type QueueItem struct {
	Key      string    `json:"key"` // names it in acts; empty where it is settled at its own address
	Kind     string    `json:"kind"`
	Object   string    `json:"object"` // as the ledger names it
	Severity string    `json:"severity"`
	Since    time.Time `json:"since"`
	Due      time.Time `json:"due"`
	Overdue  bool      `json:"overdue"`
	Impact   int       `json:"impact"`
	TLP      string    `json:"tlp"`
	Code     string    `json:"code"` // what happened; empty for a finding
	Args     []string  `json:"args"`
	Finding  *Finding  `json:"finding"`
	Party    string    `json:"party"` // that answers now, or disputes
	Said     string    `json:"said"`  // by the party that disputes
	Proposed *struct { // who the program thinks should answer
		Party      string `json:"party"`
		Name       string `json:"name"`
		Confidence int    `json:"confidence"`
		Why        string `json:"why"`
		Of         string `json:"of"`
	} `json:"proposed"`
	Acts []string `json:"acts"` // that settle it
}

// Queue lists what waits for the desk ("kind", "severity" narrow it), the first to be due first.
func (c *Client) Queue(ctx context.Context, filter url.Values) iter.Seq2[QueueItem, error] {
	return pages[QueueItem](ctx, c, "/api/v1/queue", "items", filter)
}

// Act is one act on one thing that waits.
type Act struct {
	Key   string `json:"key"`
	Act   string `json:"act"`             // attribute, reject, discard or done
	Party string `json:"party,omitempty"` // of attribute: who answers
}

// Batch is what was done together.
type Batch struct {
	ID      string    `json:"batch"` // Undo takes it back; empty where nothing was done
	Until   time.Time `json:"undo_until"`
	Changed int       `json:"changed"`
	Results []struct {
		Key     string `json:"key"`
		From    string `json:"from"`
		To      string `json:"to"`
		Tells   string `json:"tells"`   // the party that is told by a notice
		Problem string `json:"problem"` // why nothing is done
	} `json:"results"`
}

// Preview says what acts would do, and does nothing.
func (c *Client) Preview(ctx context.Context, acts []Act) (Batch, error) {
	var out Batch
	return out, c.Do(ctx, http.MethodPost, "/api/v1/queue/preview", map[string]any{"items": acts}, &out)
}

// Settle does acts together, each with the same reason.
func (c *Client) Settle(ctx context.Context, acts []Act, reason string) (Batch, error) {
	var out Batch
	return out, c.Do(ctx, http.MethodPost, "/api/v1/queue/bulk", map[string]any{"items": acts, "reason": reason}, &out)
}

// Undo takes a batch back and returns how many things were, and why the others stay.
func (c *Client) Undo(ctx context.Context, batch string) (changed int, kept map[string]string, err error) {
	var out struct {
		Changed int `json:"changed"`
		Kept    []struct {
			Key     string `json:"key"`
			Problem string `json:"problem"`
		} `json:"kept"`
	}
	err = c.Do(ctx, http.MethodPost, "/api/v1/batches/"+url.PathEscape(batch)+"/undo", nil, &out)
	kept = map[string]string{}
	for _, k := range out.Kept {
		kept[k.Key] = k.Problem
	}
	return out.Changed, kept, err
}

// Rule is a rule of the desk.
type Rule struct {
	Number  int64          `json:"number"`
	Version int64          `json:"version"`
	Kind    string         `json:"kind"` // route: who answers; tell: how it is told
	State   string         `json:"state"`
	Order   int            `json:"order"`
	When    map[string]any `json:"when"` // the fields of the document's Conditions
	Do      map[string]any `json:"do"`   // of Effect
	From    time.Time      `json:"from"`
	Until   *time.Time     `json:"until"`
	Reason  string         `json:"reason"`
}

// Rules returns every rule in the order in which they are asked.
func (c *Client) Rules(ctx context.Context) ([]Rule, error) {
	var out struct {
		Rules []Rule `json:"rules"`
	}
	err := c.Do(ctx, http.MethodGet, "/api/v1/rules", nil, &out)
	return out.Rules, err
}

// Change is what a party wants changed in the register.
type Change struct {
	ID     string         `json:"id"`
	Party  string         `json:"party"`
	What   string         `json:"what"` // system or resource
	Do     string         `json:"do"`   // added, changed or ended
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
	Reason string         `json:"reason"`
	At     time.Time      `json:"at"`
	State  string         `json:"state"`
}

// Changes lists changes of the register ("state" narrows them): to the authority's people all, to a party's its own.
func (c *Client) Changes(ctx context.Context, filter url.Values) iter.Seq2[Change, error] {
	return pages[Change](ctx, c, "/api/v1/changes", "changes", filter)
}

// Webhook is an address that is told of acts.
type Webhook struct {
	ID         string   `json:"id"`
	Label      string   `json:"label"`
	Host       string   `json:"host"`
	Acts       []string `json:"acts"`
	Deliveries []struct {
		ID       string    `json:"id"`
		State    string    `json:"state"` // dead: Retry tries it again
		Attempts int       `json:"attempts"`
		Created  time.Time `json:"created"`
		Status   int       `json:"status"`
		Error    string    `json:"error"`
	} `json:"deliveries"` // the newest ten
}

// Webhooks returns those of the own organisation with their newest deliveries.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	var out struct {
		Webhooks []Webhook `json:"webhooks"`
	}
	err := c.Do(ctx, http.MethodGet, "/api/v1/webhooks", nil, &out)
	return out.Webhooks, err
}

// Retry has a dead delivery of a webhook tried again.
func (c *Client) Retry(ctx context.Context, webhook, delivery string) error {
	return c.Do(ctx, http.MethodPost, "/api/v1/webhooks/"+url.PathEscape(webhook)+"/deliveries/"+url.PathEscape(delivery)+"/retry", nil, nil)
}

// Hits is what a search turned up.
type Hits struct {
	Findings []Finding `json:"findings"`
	More     bool      `json:"more"` // there are further findings
	Parties  []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"parties"`
	Answers *struct { // who answers for the address, domain or AS number
		Party string `json:"party"`
		Name  string `json:"name"`
	} `json:"answers"`
	Report string `json:"report"` // id of the report with this number
}

// Search looks for a text across what the token's person may read at the desk.
func (c *Client) Search(ctx context.Context, text string) (Hits, error) {
	var out Hits
	return out, c.Do(ctx, http.MethodGet, "/api/v1/search?"+url.Values{"q": {text}}.Encode(), nil, &out)
}
