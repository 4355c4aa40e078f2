package gate_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tocsin/internal/gate"
)

func TestCompress(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<p>all of this is text</p>\n", 1000)
	head := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	asked := head("Accept-Encoding", "br, gzip;q=0.8")
	html := head("Content-Type", "text/html; charset=utf-8")
	for _, c := range []struct {
		name   string
		method string
		asked  http.Header
		answer http.Header
		status int
		body   string
		packed bool
		vary   bool
	}{
		{"a page", "GET", asked, html, 200, long, true, true},
		{"JSON", "GET", asked, head("Content-Type", "application/problem+json"), 200, long, true, true},
		{"CSV", "GET", asked, head("Content-Type", "text/csv"), 200, long, true, true},
		{"not taken", "GET", head(), html, 200, long, false, true},
		{"refused", "GET", head("Accept-Encoding", "gzip;q=0, br"), html, 200, long, false, true},
		{"a form's answer", "POST", asked, html, 200, long, false, false},
		{"a part", "GET", head("Accept-Encoding", "gzip", "Range", "bytes=0-1"), html, 200, long, false, true},
		{"a picture", "GET", asked, head("Content-Type", "image/png"), 200, long, false, false},
		{"events", "GET", asked, head("Content-Type", "text/event-stream"), 200, long, false, false},
		{"compressed already", "GET", asked, head("Content-Type", "text/css", "Content-Encoding", "br"), 200, long, false, false},
		{"an error", "GET", asked, html, 404, long, false, true},
		{"short", "GET", asked, head("Content-Type", "text/html", "Content-Length", "3"), 200, "abc", false, true},
		{"sets a cookie", "GET", asked, head("Content-Type", "text/html", "Set-Cookie", "a=b"), 200, long, false, true},
		{"private, from our page", "GET", head("Accept-Encoding", "gzip", "Cookie", "tocsin=x", "Sec-Fetch-Site", "same-origin"), html, 200, long, true, true},
		{"private, typed", "GET", head("Accept-Encoding", "gzip", "Cookie", "tocsin=x", "Sec-Fetch-Site", "none"), html, 200, long, true, true},
		{"private, from another site", "GET", head("Accept-Encoding", "gzip", "Cookie", "tocsin=x", "Sec-Fetch-Site", "cross-site"), html, 200, long, false, true},
		{"private, from a sibling", "GET", head("Accept-Encoding", "gzip", "Cookie", "tocsin=x", "Sec-Fetch-Site", "same-site"), html, 200, long, false, true},
		{"private, nobody says", "GET", head("Accept-Encoding", "gzip", "Cookie", "tocsin=x"), html, 200, long, false, true},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, "/", http.NoBody)
		r.Header = c.asked
		w := httptest.NewRecorder()
		gate.Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), c.answer)
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})).ServeHTTP(w, r)
		packed := w.Header().Get("Content-Encoding") == "gzip"
		if packed != c.packed || (w.Header().Get("Vary") != "") != c.vary || w.Code != c.status {
			t.Errorf("%s: %d %v", c.name, w.Code, w.Header())
		}
		got := w.Body.Bytes()
		if packed {
			if len(got) > len(long)/10 || w.Header().Get("Content-Length") != "" {
				t.Errorf("%s: %d bytes, %v", c.name, len(got), w.Header())
			}
			got = unpack(t, got)
		}
		if string(got) != c.body {
			t.Errorf("%s: %d bytes came, %d were sent", c.name, len(got), len(c.body))
		}
	}
}

func unpack(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// An export goes out as it is made, and one that is cut off does not look whole.
func TestCompressStreams(t *testing.T) {
	t.Parallel()
	first, goOn := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(gate.Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		_, _ = io.WriteString(w, "first\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		close(first)
		<-goOn
		_, _ = io.WriteString(w, strings.Repeat("second\n", 1000))
		panic(http.ErrAbortHandler)
	})))
	defer s.Close()
	r, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if !r.Uncompressed {
		t.Errorf("not compressed: %v", r.Header)
	}
	<-first
	b := make([]byte, 6)
	if _, err := io.ReadFull(r.Body, b); err != nil || string(b) != "first\n" {
		t.Errorf("%q, %v", b, err)
	}
	close(goOn)
	if rest, err := io.ReadAll(r.Body); err == nil {
		t.Errorf("%d bytes more, and it looks whole", len(rest))
	}
}
