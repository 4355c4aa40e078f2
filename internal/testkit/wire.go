package testkit

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Wire is a way to a PostgreSQL that a test may cut.
type Wire struct {
	t      testing.TB
	server string

	mu   sync.Mutex
	cut  bool
	ends map[net.Conn]bool // of the connections that are open, both
}

// NewWire puts a wire before the server of a URL, and returns it with the URL that leads through it.
func NewWire(t testing.TB, dsn string) (*Wire, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{t: t, server: u.Host, ends: map[net.Conn]bool{}}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			done.Go(func() { w.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		w.Cut()
		done.Wait()
	})
	u.Host = ln.Addr().String()
	return w, u.String()
}

// carry joins a connection to one of the server until either ends.
func (w *Wire) carry(c net.Conn) {
	var d net.Dialer
	s, err := d.DialContext(context.WithoutCancel(w.t.Context()), "tcp", w.server) // cleanups want the database too
	if err != nil || !w.keep(c, s) {
		_ = c.Close()
		if s != nil {
			_ = s.Close()
		}
		return
	}
	var both sync.WaitGroup
	for _, x := range [][2]net.Conn{{c, s}, {s, c}} {
		both.Go(func() {
			_, _ = io.Copy(x[0], x[1])
			_ = errors.Join(x[0].Close(), x[1].Close()) // a wire has no half
		})
	}
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ends, c)
	delete(w.ends, s)
}

func (w *Wire) keep(ends ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range ends {
		w.ends[c] = true
	}
	return !w.cut
}

// Cut ends all connections and takes no new one.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for c := range w.ends {
		_ = c.Close()
	}
}

// Mend lets connections through again.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}
