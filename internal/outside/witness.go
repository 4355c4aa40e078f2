package outside

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"time"

	"tocsin/internal/fault"
)

// maxWitnessed bounds the answer of a witness: some signature lines.
const maxWitnessed = 64 << 10

// Witnesses submits checkpoints of the ledger to witnesses that the operator has named, wherever they are. Safe for many
// goroutines.
type Witnesses struct {
	client *http.Client
}

// NewWitnesses makes a way to witnesses.
func NewWitnesses() *Witnesses {
	return &Witnesses{client: &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: dialTimeout,
			MaxResponseHeaderBytes: mostHeader, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
		},
	}}
}

// AddCheckpoint posts the body of an add-checkpoint request (C2SP tlog-witness) and returns the status and the answer.
// fault.Unavailable where none came.
func (w *Witnesses) AddCheckpoint(ctx context.Context, url string, body []byte) (status int, answer []byte, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fault.New(fault.Invalid, "the address of the witness cannot be used")
	}
	q.Header.Set("Content-Type", "text/plain; charset=utf-8")
	a, err := w.client.Do(q)
	if err != nil {
		return 0, nil, fault.New(fault.Unavailable, "the witness cannot be reached: %v", err)
	}
	defer func() { _ = a.Body.Close() }() // all that counts was read
	answer, err = io.ReadAll(io.LimitReader(a.Body, maxWitnessed))
	if err != nil {
		return 0, nil, fault.New(fault.Unavailable, "the answer of the witness broke off: %v", err)
	}
	return a.StatusCode, answer, nil
}
