package operation

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"tocsin/internal/fault"
)

// What the storage or the database caused is never told as a mistake of the sender, whatever the error beneath it is.
func TestOutages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		want  int
		later string
		logs  bool
	}{
		{fmt.Errorf("%w: %w", fault.New(fault.Unavailable, "away"), os.ErrDeadlineExceeded), 503, "10", true},
		{fmt.Errorf("%w: %w", fault.New(fault.Unavailable, "away"), io.ErrUnexpectedEOF), 503, "10", true},
		{fmt.Errorf("%w: %w", fault.New(fault.Full, "full"), io.ErrUnexpectedEOF), 507, "60", true},
		{os.ErrDeadlineExceeded, 408, "", false}, // of the sender's connection
		{io.ErrUnexpectedEOF, 400, "", false},
	} {
		var said bytes.Buffer
		f := Front{Log: slog.New(slog.NewTextHandler(&said, nil))}
		w := httptest.NewRecorder()
		f.Serve(func(http.ResponseWriter, *http.Request) error { return c.err }).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		if w.Code != c.want || w.Header().Get("Retry-After") != c.later || strings.Contains(said.String(), "request failed") != c.logs {
			t.Errorf("%v: %d, Retry-After %q, logged %q", c.err, w.Code, w.Header().Get("Retry-After"), said.String())
		}
	}
}
