package outside

import (
	"errors"
	"io"
	"net/http"
	"time"

	"tocsin/internal/fault"
)

const (
	mostTaken     = 4 << 20
	clientTimeout = 30 * time.Second
)

// NewHTTPClient returns a client for services that the operator has named (identity providers, witnesses, certificate
// authorities) under the guard of a Fetcher: no address inside but those allowed, whatever a name resolves to and
// wherever a redirect leads, no proxy, TLS 1.2 or later, and answers of at most 4 MiB within Total, 30 s where that is
// 0. A longer answer ends in fault.TooLarge while reading; a refused address is fault.Denied inside the *url.Error.
func NewHTTPClient(o FetchOptions) *http.Client {
	if o.Total == 0 {
		o.Total = clientTimeout
	}
	if o.Agent == "" {
		o.Agent = "Tocsin"
	}
	return &http.Client{Transport: &guarded{transport(o), o.Agent}, CheckRedirect: follow, Timeout: o.Total}
}

// guarded cuts long answers and says who asks.
type guarded struct {
	*http.Transport
	agent string
}

// RoundTrip does one request.
func (b *guarded) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Scheme != "http" && q.URL.Scheme != "https" {
		return nil, fault.New(fault.Denied, "the address is not http://… or https://…")
	}
	if q.Header.Get("User-Agent") == "" {
		q = q.Clone(q.Context())
		q.Header.Set("User-Agent", b.agent)
	}
	a, err := b.Transport.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	if a.ContentLength > mostTaken {
		return nil, errors.Join(fault.New(fault.TooLarge, "the answer has %d bytes, at most %d are taken", a.ContentLength, mostTaken), a.Body.Close())
	}
	a.Body = &short{a.Body, mostTaken}
	return a, nil
}

// short is a body that ends in an error past its limit.
type short struct {
	io.ReadCloser
	left int64
}

func (s *short) Read(p []byte) (int, error) {
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.ReadCloser.Read(p)
	if s.left -= int64(n); s.left < 0 {
		return 0, fault.New(fault.TooLarge, "the answer is larger than what is taken")
	}
	return n, err
}
