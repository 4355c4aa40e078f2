package outside

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"tocsin/internal/fault"
)

// names is a resolver that gives every name the next of some addresses, and then the last again.
func names(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	var conf net.ListenConfig
	server, err := conf.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	var asked atomic.Int64
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				i := min(int(asked.Add(1))-1, len(addresses)-1)
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addresses[i]).As4()},
				}}
			}
			out, err := m.Pack()
			if err == nil {
				_, _ = server.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// A name that leads outside when it is looked at first and inside at the next dial is refused at that dial.
func TestRebinding(t *testing.T) {
	t.Parallel()
	for _, second := range []string{"127.0.0.2", "10.0.0.1", "169.254.169.254"} {
		served := serve(t, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Connection", "close")
			http.Redirect(w, q, "http://"+q.Host+"/next", http.StatusFound)
		})
		at := strings.Replace(served, "127.0.0.1", "feed.example", 1)
		o := FetchOptions{Allow: loopback, Names: names(t, "127.0.0.1", second)}
		if _, _, err := fetch(t, o, FetchRequest{URL: at}); !errors.Is(err, fault.Denied) {
			t.Errorf("fetch, then %s: %v", second, err)
		}
		o.Names = names(t, "127.0.0.1", second)
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := NewHTTPClient(o).Do(q)
		if err == nil {
			_ = a.Body.Close()
		}
		if !errors.Is(err, fault.Denied) {
			t.Errorf("client, then %s: %v", second, err)
		}
	}
}

func TestClient(t *testing.T) {
	t.Parallel()
	at := serve(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/long":
			for range mostTaken/1024 + 1 {
				_, _ = w.Write(make([]byte, 1024))
			}
		case "/said":
			w.Header().Set("Content-Length", "99999999")
		case "/file":
			http.Redirect(w, q, "file:///etc/passwd", http.StatusFound)
		default:
			_, _ = io.WriteString(w, q.UserAgent())
		}
	})
	c := NewHTTPClient(FetchOptions{Allow: loopback})
	for path, want := range map[string]error{"/": nil, "/long": fault.TooLarge, "/said": fault.TooLarge, "/file": fault.Denied} {
		q := (&http.Request{Method: http.MethodGet, URL: must(t, at+path), Header: http.Header{}}).WithContext(t.Context())
		a, err := c.Do(q)
		if err == nil {
			var got []byte
			got, err = io.ReadAll(a.Body)
			if path == "/" && string(got) != "Tocsin" {
				t.Errorf("as %q", got)
			}
			_ = a.Body.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	q := (&http.Request{Method: http.MethodGet, URL: must(t, at), Header: http.Header{}}).WithContext(t.Context())
	if a, err := NewHTTPClient(FetchOptions{}).Do(q); !errors.Is(err, fault.Denied) {
		_ = a.Body.Close()
		t.Errorf("inside without leave: %v", err)
	}
}

func must(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
