package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/gate"
)

// An address that exists for another method says which; one that does not exist is not found by any.
func TestMethods(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for path, want := range map[string]string{
		"/api/v1/signals": "GET, HEAD, POST", "/api/v1/signals/1": "GET, HEAD", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD", "/api/v1/none": "", "/api/": "",
	} {
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			w := d.do(m, path, nil)
			known := strings.Contains(want, m)
			switch {
			case want == "" && w.Code != http.StatusNotFound,
				known && (w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed),
				want != "" && !known && (w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != want):
				t.Errorf("%s %s: %d, Allow %q", m, path, w.Code, w.Header().Get("Allow"))
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: %v", m, path, w.Header())
			}
		}
	}
}

// A feed that asks too often is told how long to wait, in a problem document.
func TestTooMany(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.h = api.New(api.Config{Loop: d.loop, Clock: func() time.Time { return noon }, Limit: &gate.Limiter{}})
	ask := func() int {
		return d.do(http.MethodGet, "/api/v1/signals/1", nil, "Authorization", "Bearer "+d.token).Code
	}
	for i := range gate.Table[gate.Read].Account.Burst {
		if code := ask(); code != http.StatusNotFound {
			t.Fatalf("request %d: %d", i, code)
		}
	}
	w := d.do(http.MethodGet, "/api/v1/signals/1", nil, "Authorization", "Bearer "+d.token)
	var p struct {
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusTooManyRequests || p.Status != w.Code || w.Header().Get("Retry-After") != "1" || !strings.Contains(p.Detail, "Retry-After") {
		t.Errorf("%d %+v %v", w.Code, p, w.Header())
	}
}
