// Package client talks to a Tocsin installation: it pushes signals, reads findings and events, answers for findings, works the
// desk's queue, and checks the signatures of webhooks. It needs nothing but the standard library.
//
// What it does not have is in the OpenAPI document at /api/v1/openapi.json, and reachable by Do.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client is one installation seen with one token. Safe for many goroutines.
type Client struct {
	URL   string       // of the pages, without a slash at the end: "https://tocsin.example"
	Token string       // a person's API token (tcp_…), or a feed's (tcn_…) to push signals
	HTTP  *http.Client // nil: a client that gives up after a minute
}

// Problem is a refusal as the installation explains it (RFC 9457).
type Problem struct {
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail"`
	Instance string        `json:"instance"` // the request's id, to be named when asking about it
	Errors   []FieldError  `json:"errors"`
	Wait     time.Duration `json:"-"` // how long to wait before trying again; 0 where nothing was said
}

// FieldError is a field of the request that is wrong.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error is the explanation with the status.
func (p *Problem) Error() string {
	return fmt.Sprintf("%s (%d %s)", p.Detail, p.Status, p.Title)
}

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

const usualTimeout = time.Minute

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return &http.Client{Timeout: usualTimeout}
}

// Do asks for path ("/api/v1/me") with a body that becomes JSON, nil for none, and reads the answer into out, nil for none.
// A refusal is a *Problem.
func (c *Client) Do(ctx context.Context, method, path string, body, out any) error {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		in = bytes.NewReader(data)
	}
	q, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	return c.send(q, out)
}

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	q, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if c.Token != "" {
		q.Header.Set("Authorization", "Bearer "+c.Token)
	}
	q.Header.Set("Accept", "application/json")
	return q, nil
}

func (c *Client) send(q *http.Request, out any) error {
	a, err := c.http().Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }() // what counts was read
	if a.StatusCode >= http.StatusBadRequest {
		return problemOf(a)
	}
	if out == nil || a.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(a.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

func problemOf(a *http.Response) error {
	p := &Problem{Title: http.StatusText(a.StatusCode), Detail: "the answer was " + a.Status}
	_ = json.NewDecoder(io.LimitReader(a.Body, 1<<20)).Decode(p) // what is no problem document is told by its status
	p.Status = a.StatusCode
	if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil {
		p.Wait = time.Duration(n) * time.Second
	}
	return p
}

// Receipt says that a signal is archived and committed.
type Receipt struct {
	Signal int64  `json:"signal"`
	Feed   string `json:"feed"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Known  bool   `json:"known"` // the feed had sent these bytes, or this key, before
}

// Push sends one signal: its bytes as they are. name is what the sender calls it, key makes a retry safe; both may be
// empty. It needs a feed's token.
func (c *Client) Push(ctx context.Context, name, key string, body io.Reader) (Receipt, error) {
	path := "/api/v1/signals"
	if name != "" {
		path += "?" + url.Values{"name": {name}}.Encode()
	}
	q, err := c.request(ctx, http.MethodPost, path, body)
	if err != nil {
		return Receipt{}, err
	}
	q.Header.Set("Content-Type", "application/octet-stream")
	if key != "" {
		q.Header.Set("Idempotency-Key", key)
	}
	var r Receipt
	return r, c.send(q, &r)
}

// Finding is one open problem at one asset. Whoever takes it takes its mark with it.
type Finding struct {
	ID         int64     `json:"id"`
	TLP        string    `json:"tlp"`
	AssetKind  string    `json:"asset_kind"`
	Asset      string    `json:"asset"`
	Port       int64     `json:"port"`
	Transport  string    `json:"transport"`
	Type       string    `json:"classification_type"`
	Identifier string    `json:"classification_identifier"`
	Malware    string    `json:"malware_name"`
	Severity   string    `json:"severity"`
	State      string    `json:"state"`
	Party      string    `json:"party"`
	First      time.Time `json:"first_seen"`
	Last       time.Time `json:"last_seen"`
	Count      int64     `json:"count"`
}

// Findings lists the findings that a filter asks for ("state", "severity", "party", …: the parameters of the document), the
// newest first, page by page. An error ends it.
func (c *Client) Findings(ctx context.Context, filter url.Values) iter.Seq2[Finding, error] {
	return pages[Finding](ctx, c, "/api/v1/findings", "findings", filter)
}

// pages goes through a list page by page; name is the field of the answer that holds the rows.
func pages[T any](ctx context.Context, c *Client, path, name string, filter url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		ask := url.Values{}
		maps.Copy(ask, filter)
		for {
			var page map[string]json.RawMessage
			var rows []T
			var next string
			err := c.Do(ctx, http.MethodGet, path+"?"+ask.Encode(), nil, &page)
			if err == nil {
				err = json.Unmarshal(page[name], &rows)
			}
			if err == nil && page["next"] != nil {
				err = json.Unmarshal(page["next"], &next)
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			ask.Set("cursor", next)
		}
	}
}

// Answer is what a party says about findings of its own.
type Answer struct {
	Findings []int64    `json:"findings"`
	Answer   string     `json:"answer"` // acknowledge, start, fixed, not_mine, accept_risk or wrong
	Reason   string     `json:"reason,omitempty"`
	Whose    string     `json:"whose,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
}

// Answered is what became of an answer.
type Answered struct {
	Changed int `json:"changed"`
	Results []struct {
		Finding int64  `json:"finding"`
		State   string `json:"state"`
		Problem string `json:"problem"` // why the finding did not take the answer
	} `json:"results"`
}

// Answer answers for findings of the own party.
func (c *Client) Answer(ctx context.Context, a Answer) (Answered, error) {
	var out Answered
	return out, c.Do(ctx, http.MethodPost, "/api/v1/findings/answer", a, &out)
}

// IsProblem returns the refusal in err, and whether there is one.
func IsProblem(err error) (*Problem, bool) {
	var p *Problem
	ok := errors.As(err, &p)
	return p, ok
}
