package gate

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Streams are answers that stay open and tell of events as they happen (Server-Sent Events of the HTML standard, section
// 9.2). They are bounded in all and for each account, and end when the server stops: it would wait for them otherwise.
// A nil Streams has no bounds and never stops.
type Streams struct {
	all, each int
	stop      <-chan struct{}

	mu   sync.Mutex
	open int
	of   map[string]int
}

// NewStreams bounds the open streams: all of them, and those of one account. They end when stop is closed.
func NewStreams(all, each int, stop <-chan struct{}) *Streams {
	return &Streams{all: all, each: each, stop: stop, of: map[string]int{}}
}

// Stream is one open answer.
type Stream struct {
	w     http.ResponseWriter
	c     *http.ResponseController
	gone  context.Context //nolint:containedctx // lives as long as the request
	stop  <-chan struct{}
	leave func()
}

// Open begins a stream for an account, named as the ledger names it; false where it has too many already. The caller
// closes it.
func (s *Streams) Open(w http.ResponseWriter, r *http.Request, who string) (*Stream, bool) {
	out := &Stream{w: w, c: http.NewResponseController(w), gone: r.Context(), leave: func() {}}
	if s != nil {
		if !s.begin(who) {
			return nil, false
		}
		out.stop, out.leave = s.stop, sync.OnceFunc(func() { s.end(who) })
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies in front would keep events back
	w.WriteHeader(http.StatusOK)
	_ = out.c.Flush() // a writer that cannot is a test's
	return out, true
}

// begin takes a place. Nothing is written under the lock: a browser that does not read would hold up everybody.
func (s *Streams) begin(who string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.all || s.of[who] >= s.each {
		return false
	}
	s.open++
	s.of[who]++
	return true
}

func (s *Streams) end(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.of[who]--; s.of[who] <= 0 {
		delete(s.of, who)
	}
}

// Close gives the stream's place back.
func (s *Stream) Close() { s.leave() }

// Send sends one event; data is one line. An empty id or name is left out.
func (s *Stream) Send(id, name string, data []byte) error {
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	if name != "" {
		fmt.Fprintf(&b, "event: %s\n", name)
	}
	fmt.Fprintf(&b, "data: %s\n\n", data)
	return s.write(b.Bytes())
}

// Beat sends a line that means nothing: whoever listens, and every proxy between, sees that the stream is alive.
func (s *Stream) Beat() error { return s.write([]byte(": \n\n")) }

func (s *Stream) write(p []byte) error {
	if _, err := s.w.Write(p); err != nil {
		return err
	}
	return s.c.Flush()
}

// Wait waits; false where the other side left or the server stops.
func (s *Stream) Wait(span time.Duration) bool {
	t := time.NewTimer(span)
	defer t.Stop()
	select {
	case <-s.gone.Done():
		return false
	case <-s.stop:
		return false
	case <-t.C:
		return true
	}
}
