package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Event is an act of the ledger: ids, codes and the mark.
type Event struct {
	Seq    int64     `json:"seq"` // place in the log: where to go on from
	At     time.Time `json:"at"`
	Act    string    `json:"act"`
	Object string    `json:"object"`
	Party  string    `json:"party"`
	TLP    string    `json:"tlp"`
}

// Events calls f for every event behind a place in the log, and goes on as they happen until ctx ends, the stream does, or f
// returns an error. after below 0 begins now. Whoever calls it again with the last Seq misses nothing.
func (c *Client) Events(ctx context.Context, after int64, f func(Event) error) error {
	q, err := c.request(ctx, http.MethodGet, "/api/v1/events", nil)
	if err != nil {
		return err
	}
	q.Header.Set("Accept", "text/event-stream")
	if after >= 0 {
		q.Header.Set("Last-Event-ID", strconv.FormatInt(after, 10))
	}
	h := *c.http()
	h.Timeout = 0 // a stream has no end
	a, err := h.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }() // a stream is read until it breaks off
	if a.StatusCode != http.StatusOK {
		return problemOf(a)
	}
	lines := bufio.NewScanner(a.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return lines.Err()
}
