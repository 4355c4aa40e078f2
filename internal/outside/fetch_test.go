package outside

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
)

// loopback lets a test reach its own server and nothing else inside.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

func fetch(t *testing.T, o FetchOptions, q FetchRequest) (body string, r FetchResponse, err error) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 1 << 20
	}
	r, err = NewFetcher(o).Fetch(t.Context(), q)
	if r.Body == nil {
		return "", r, err
	}
	b, err := io.ReadAll(r.Body)
	if err := r.Body.Close(); err != nil {
		t.Error(err)
	}
	return string(b), r, err
}

func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

func TestFetchUnchanged(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, q *http.Request) {
		if q.UserAgent() != "Tocsin" || q.Header.Get("Accept-Encoding") != "" {
			t.Errorf("headers %v", q.Header)
		}
		if q.Header.Get("If-None-Match") == `"v1"` && q.Header.Get("If-Modified-Since") == "Sun, 01 Mar 2026 00:00:00 GMT" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Sun, 01 Mar 2026 00:00:00 GMT")
		_, _ = io.WriteString(w, "192.0.2.1\n")
	})
	body, r, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: url})
	if err != nil || body != "192.0.2.1\n" || r.ETag != `"v1"` || r.Modified != "Sun, 01 Mar 2026 00:00:00 GMT" {
		t.Fatalf("%q %+v %v", body, r, err)
	}
	body, again, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: url, ETag: r.ETag, Modified: r.Modified})
	if err != nil || body != "" || again.Body != nil || again.ETag != r.ETag || again.Modified != r.Modified {
		t.Errorf("unchanged: %q %+v %v", body, again, err)
	}
}

func TestFetchRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		kind   error
		wait   time.Duration
	}{
		{"later, in seconds", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		}, fault.Unavailable, 2 * time.Minute},
		{"later, by a date", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Sun, 01 Mar 2026 00:00:00 GMT")
			w.Header().Set("Retry-After", "Sun, 01 Mar 2026 01:00:00 GMT")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, fault.Unavailable, time.Hour},
		{"later, by nonsense", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "soon")
			w.WriteHeader(http.StatusBadGateway)
		}, fault.Unavailable, 0},
		{"not there", http.NotFound, fault.NotFound, 0},
		{"not for us", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, fault.Denied, 0},
		{"unchanged, although nobody asked", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotModified)
		}, fault.Unavailable, 0},
		{"too large, and says so", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1048577")
			_, _ = w.Write(make([]byte, 1<<20+1))
		}, fault.TooLarge, 0},
		{"too large, and does not say so", func(w http.ResponseWriter, _ *http.Request) {
			for range 33 {
				_, _ = w.Write(make([]byte, 32<<10))
				w.(http.Flusher).Flush()
			}
		}, fault.TooLarge, 0},
		{"breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "192.0.2.1\n")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, fault.Unavailable, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, c.answer)
			_, r, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: url + "/?key=secret"})
			text, explained := fault.Message(err)
			if !errors.Is(err, c.kind) || !explained || r.Wait != c.wait {
				t.Errorf("%v, wait %s", err, r.Wait)
			}
			if strings.Contains(text, "secret") || strings.Contains(text, "127.0.0.1") {
				t.Errorf("the message tells the address: %s", text)
			}
		})
	}
}

func TestFetchExactlyTheLimit(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1000))
		w.(http.Flusher).Flush()
	})
	if body, _, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: url, Limit: 1000}); err != nil || len(body) != 1000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if _, _, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: url, Limit: 999}); !errors.Is(err, fault.TooLarge) {
		t.Error(err)
	}
}

// A server that goes quiet is given up, before its first byte and between two.
func TestFetchSlow(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"", "192.0.2.1\n"} {
		over := make(chan struct{})
		url := serve(t, func(w http.ResponseWriter, q *http.Request) {
			if first != "" {
				_, _ = io.WriteString(w, first)
				w.(http.Flusher).Flush()
			}
			select {
			case <-q.Context().Done():
			case <-over:
			}
		})
		_, _, err := fetch(t, FetchOptions{Allow: loopback, Stall: 50 * time.Millisecond}, FetchRequest{URL: url})
		close(over)
		if text, _ := fault.Message(err); !errors.Is(err, fault.Unavailable) || text != "the server took too long" {
			t.Errorf("after %q: %v", first, err)
		}
	}
}

func TestFetchRedirects(t *testing.T) {
	t.Parallel()
	hops := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) {
			if len(q.URL.Path) > n {
				_, _ = io.WriteString(w, "there")
				return
			}
			http.Redirect(w, q, q.URL.Path+"x", http.StatusFound)
		}
	}
	to := func(address string) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, address, http.StatusFound) }
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		kind   error
	}{
		{"three", hops(3), nil},
		{"four", hops(4), fault.Denied},
		{"to an address inside", to("http://10.1.2.3/latest"), fault.Denied},
		{"to a metadata service", to("http://169.254.169.254/latest/meta-data/"), fault.Denied},
		{"to another loopback address", to("http://127.0.0.2/"), fault.Denied},
		{"to one hidden in IPv6", to("http://[::ffff:10.1.2.3]/"), fault.Denied},
		{"to a file", to("file:///etc/passwd"), fault.Denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body, _, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: serve(t, c.answer) + "/"})
			if !errors.Is(err, c.kind) || c.kind == nil && body != "there" {
				t.Errorf("%q %v", body, err)
			}
		})
	}
}

func TestFetchHTTPS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/down" {
			http.Redirect(w, q, "http://"+q.Host+"/", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "there")
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	o := FetchOptions{Allow: loopback, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	if body, _, err := fetch(t, o, FetchRequest{URL: s.URL}); err != nil || body != "there" {
		t.Errorf("%q %v", body, err)
	}
	if _, _, err := fetch(t, o, FetchRequest{URL: s.URL + "/down"}); !errors.Is(err, fault.Denied) {
		t.Errorf("down to HTTP: %v", err)
	}
	if _, _, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: s.URL}); !errors.Is(err, fault.Denied) {
		t.Errorf("a certificate of nobody's: %v", err)
	}
	up := serve(t, func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, s.URL, http.StatusFound) })
	if body, _, err := fetch(t, o, FetchRequest{URL: up}); err != nil || body != "there" {
		t.Errorf("up to HTTPS: %q %v", body, err)
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	check := guard([]netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("fd00:9::/32")})
	for address, want := range map[string]bool{
		"203.0.113.7": true, "8.8.8.8": true, "2a00:1450::1": true, "10.9.1.1": true, "fd00:9::1": true,
		"127.0.0.1": false, "127.8.8.8": false, "10.1.1.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.0.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false,
		"224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "198.18.0.1": false, "192.0.0.1": false,
		"::": false, "::1": false, "fe80::1": false, "fd00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false,
		"64:ff9b::a00:1": false, "2002:a00:1::1": false, "2001:0:a00:1::1": false,
		"168.63.129.16": false, "100.100.100.200": false, "192.88.99.1": false, "::10.1.1.1": false, "::ffff:0:10.1.1.1": false,
		"64:ff9b:1::a00:1": false, "fd00:ec2::254": false, "fec0::1": false, "100::1": false, "5f00::1": false, "4000::1": false,
		"2001:db8::1": false, "3fff::1": false, "2606:4700::1": true,
	} {
		err := check("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 443).String(), nil)
		if (err == nil) != want || err != nil && !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if check("tcp", "localhost:80", nil) == nil {
		t.Error("a name that is not resolved passed")
	}
}

func TestFetchAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "feed.example/x", "ftp://feed.example/x", "file:///etc/passwd", "http://", "http://a b/"} {
		if _, _, err := fetch(t, FetchOptions{}, FetchRequest{URL: address}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, _, err := fetch(t, FetchOptions{}, FetchRequest{URL: "http://127.0.0.1:1/"}); !errors.Is(err, fault.Denied) {
		t.Errorf("loopback without leave: %v", err)
	}
}
