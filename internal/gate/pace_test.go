package gate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// server serves h under small limits and returns its address.
func server(t *testing.T, total, perAddress int, pace Pace, h http.Handler) string {
	t.Helper()
	var conf net.ListenConfig
	inner, err := conf.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: pace.Wrap(h, func(r *http.Request) bool { return r.URL.Path == "/upload" }), ReadHeaderTimeout: 300 * time.Millisecond}
	go func() { _ = s.Serve(Listen(inner, total, perAddress, nil)) }()
	t.Cleanup(func() { _ = s.Close() })
	return inner.Addr().String()
}

var quick = Pace{Clock: time.Now, Window: 300 * time.Millisecond, Bytes: 1000, Form: 300 * time.Millisecond}

func dial(t *testing.T, addr, first string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, first); err != nil {
		t.Fatal(err)
	}
	return c
}

// gone waits until the other side has closed. The bound is there for a test that fails.
func gone(c net.Conn) error {
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, context.DeadlineExceeded) || err != nil && strings.Contains(err.Error(), "timeout") {
		return fmt.Errorf("still open: %w", err)
	}
	return nil
}

// Two hundred clients that never end their header and a hundred whose body never comes are put out, and others are
// served all the while (P16).
func TestSlowClients(t *testing.T) {
	t.Parallel()
	addr := server(t, 1000, 500, quick, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, "slow", http.StatusRequestTimeout)
		}
	}))
	var slow []net.Conn
	for range 200 {
		slow = append(slow, dial(t, addr, "GET / HTTP/1.1\r\nHost: x\r\nX-A: "))
	}
	for i := range 100 {
		slow = append(slow, dial(t, addr, fmt.Sprintf("POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc", []string{"form", "upload"}[i%2])))
	}
	for i := range 30 {
		c := dial(t, addr, "POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("request %d of others: %v %v", i, a, err)
		}
		_ = a.Body.Close()
	}
	var all sync.WaitGroup
	for i, c := range slow {
		all.Go(func() {
			if err := gone(c); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

// A body that trickles is ended by its average, one that keeps coming may take many windows; a reader that takes
// nothing is cut off.
func TestPace(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 2)
	addr := server(t, 100, 100, quick, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/export" {
			var err error
			for err == nil {
				_, err = w.Write(make([]byte, 1<<20))
			}
			ended <- err
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		ended <- err
		_, _ = fmt.Fprint(w, n)
	}))
	trickle := func(piece, pieces int) {
		c := dial(t, addr, fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", piece*pieces))
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range pieces {
			<-tick.C
			if _, err := c.Write(make([]byte, piece)); err != nil {
				return
			}
		}
	}
	go trickle(1, 100_000)
	if err := <-ended; !errors.Is(err, ErrSlow) {
		t.Errorf("a trickle ends in %v", err)
	}
	go trickle(20_000, 20)
	if err := <-ended; err != nil {
		t.Errorf("an upload of a second ends in %v", err)
	}
	dial(t, addr, "GET /export HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-ended; err == nil {
		t.Error("a reader that takes nothing is waited for")
	}
}

// A connection keeps no deadline of the request before, and work on a request does not end with its body's deadline.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	addr := server(t, 100, 100, quick, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		timer := time.NewTimer(2 * quick.Window)
		defer timer.Stop()
		select {
		case <-timer.C:
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	}))
	c := dial(t, addr, "")
	in := bufio.NewReader(c)
	for i := range 3 {
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"); err != nil {
			t.Fatal(err)
		}
		a, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if b, err := io.ReadAll(a.Body); err != nil || string(b) != "done" {
			t.Errorf("request %d: %q %v", i, b, err)
		}
		_ = a.Body.Close()
	}
}

// One address gets so many connections and no more; a place that is given back is given out again.
func TestConnections(t *testing.T) {
	t.Parallel()
	addr := server(t, 100, 3, Pace{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	ask := func(c net.Conn) error {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			_, err = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
		}
		return err
	}
	var held []net.Conn
	for range 3 {
		held = append(held, dial(t, addr, ""))
		if err := ask(held[len(held)-1]); err != nil {
			t.Fatal(err)
		}
	}
	if c := dial(t, addr, ""); ask(c) == nil {
		t.Error("a fourth connection is served")
	}
	_ = held[0].Close()
	for i := 0; ; i++ { // the server hears of the end when it hears of it
		if c := dial(t, addr, ""); ask(c) == nil {
			break
		}
		if i > 5000 {
			t.Fatal("the place is not given back")
		}
	}
}
