package outside_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/outside"
)

func TestWitnesses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil || r.Method != http.MethodPost:
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/add-checkpoint", http.StatusTemporaryRedirect)
		case string(body) == "old 0\n":
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, "7\n")
		default:
			_, _ = io.WriteString(w, strings.Repeat("x", 100<<10))
		}
	}))
	defer server.Close()
	w := outside.NewWitnesses()
	for _, c := range []struct {
		path, body string
		status     int
		answer     int
	}{
		{"/add-checkpoint", "old 0\n", 409, 2},
		{"/add-checkpoint", "old 1\n", 200, 64 << 10}, // and no more
		{"/moved", "old 1\n", 307, 0},                 // a witness does not send us elsewhere
	} {
		status, answer, err := w.AddCheckpoint(t.Context(), server.URL+c.path, []byte(c.body))
		if err != nil || status != c.status || len(answer) != c.answer {
			t.Errorf("%s %q: status %d, %d bytes, %v", c.path, c.body, status, len(answer), err)
		}
	}
	server.Close()
	if _, _, err := w.AddCheckpoint(t.Context(), server.URL, nil); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a witness that is gone: %v", err)
	}
	if _, _, err := w.AddCheckpoint(t.Context(), "::", nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("no address: %v", err)
	}
}
