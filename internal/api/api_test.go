package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/casework"
	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/program"
	"tocsin/internal/act/record"
	"tocsin/internal/act/register"
	"tocsin/internal/act/rehearse"
	"tocsin/internal/act/rule"
	"tocsin/internal/act/staff"
	"tocsin/internal/act/triage"
	"tocsin/internal/api"
	"tocsin/internal/archive"
	"tocsin/internal/feed"
	"tocsin/internal/notice"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

type door struct {
	t      *testing.T
	loop   *loop.Loop
	store  *store.Store
	config api.Config
	h      http.Handler
	token  string
}

// noMail takes every mail and delivers none.
type noMail struct{}

func (noMail) Send(context.Context, notice.Envelope) error { return nil }

func newDoor(t *testing.T) *door {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	known, err := feed.ReadPacks(packs.Feeds())
	must(err)
	library, err := notice.LoadLibrary(packs.Classes())
	must(err)
	blobs, err := archive.Open(filepath.Join(t.TempDir(), "archive"))
	must(err)
	t.Cleanup(func() { must(blobs.Close()) })
	db := testkit.SQLite(t)
	testkit.ReleaseMail(t, db)
	record := record.New(db, record.Settings{Dir: t.TempDir(), Origin: "test/ledger"})
	l := loop.New(loop.Config{Store: db, Archive: blobs, Packs: known, Library: library, Settings: loop.Settings{Key: make([]byte, 32)}})
	t.Cleanup(func() { must(l.Close(context.WithoutCancel(t.Context()))) })
	d := &door{t: t, loop: l, token: loop.NewFeedToken()}
	must(l.PutFeed(t.Context(), noon, access.ForSoftware("command"), loop.FeedSettings{ID: "ipsum", Pack: "ipsum", Token: d.token}))
	must(l.PutFeed(t.Context(), noon, access.ForSoftware("command"), loop.FeedSettings{ID: "other", Pack: "ipsum", Token: "a-token-of-another-feed"}))
	must(l.PutFeed(t.Context(), noon, access.ForSoftware("command"), loop.FeedSettings{ID: "off", Pack: "ipsum", Token: "a-token-of-a-dead-feed", Disabled: true}))
	d.config = api.Config{
		Loop: l, Triage: triage.New(db, l, time.UTC), Staff: staff.New(db, staff.Settings{Key: make([]byte, 32)}), Record: record,
		Programs: program.New(db, program.Settings{Key: make([]byte, 32)}), Rules: rule.New(rule.Config{Store: db}), Exposure: exposure.New(db, library),
		Register: register.New(db, register.Settings{Key: make([]byte, 32)}, noMail{}), Picture: picture.New(db),
		Casework: casework.New(casework.Config{Store: db, Notary: record, Settings: casework.Settings{Key: make([]byte, 32)}}),
		Stage:    rehearse.New(rehearse.Config{Store: db, Packs: known, Library: library, Register: l.Register}), Clock: func() time.Time { return noon }, MaxSignal: 1000,
	}
	d.store, d.h = db, api.New(d.config)
	return d
}

func (d *door) do(method, path string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(d.t.Context(), method, path, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w
}

func (d *door) push(body string, header ...string) (*httptest.ResponseRecorder, api.Receipt) {
	d.t.Helper()
	w := d.do(http.MethodPost, "/api/v1/signals?name=ipsum.txt", strings.NewReader(body), append([]string{"Authorization", "Bearer " + d.token}, header...)...)
	var r api.Receipt
	if w.Code < 300 {
		if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
			d.t.Fatal(err)
		}
	}
	return w, r
}

// The same bytes, and the same key, are one signal; another body under a known key does not fit.
func TestPush(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	w, first := d.push("192.0.2.1\t5\n", "Idempotency-Key", "k1")
	if w.Code != http.StatusCreated || first.Known || first.Feed != "ipsum" || first.Bytes != 12 || len(first.SHA256) != 64 {
		t.Fatalf("%d %+v %s", w.Code, first, w.Body)
	}
	if got, want := w.Header().Get("Location"), fmt.Sprintf("/api/v1/signals/%d", first.Signal); got != want {
		t.Errorf("Location %q", got)
	}
	for name, key := range map[string]string{"same key": "k1", "same bytes": "k2", "no key": ""} {
		w, again := d.push("192.0.2.1\t5\n", "Idempotency-Key", key)
		if w.Code != http.StatusOK || !again.Known || again.Signal != first.Signal {
			t.Errorf("%s: %d %+v", name, w.Code, again)
		}
	}
	if w, _ := d.push("192.0.2.9\t5\n", "Idempotency-Key", "k1"); w.Code != http.StatusConflict {
		t.Errorf("other bytes under the key: %d", w.Code)
	}
	if w, other := d.push("192.0.2.9\t5\n"); w.Code != http.StatusCreated || other.Signal == first.Signal {
		t.Errorf("other bytes: %d %+v", w.Code, other)
	}
}

// A receipt says how far the signal has been read, and only to its own feed.
func TestStatus(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, r := d.push("# comment\n192.0.2.1\t5\nnonsense\n")
	path := fmt.Sprintf("/api/v1/signals/%d", r.Signal)
	status := func() api.Status {
		w := d.do(http.MethodGet, path, nil, "Authorization", "bearer "+d.token)
		var s api.Status
		if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return s
	}
	if s := status(); s.State != "received" || s.Finished != nil || s.Name != "ipsum.txt" || !s.Received.Equal(noon) {
		t.Errorf("before: %+v", s)
	}
	for more := true; more; {
		var err error
		if _, more, err = d.loop.FoldNext(t.Context(), noon, nil); err != nil {
			t.Fatal(err)
		}
	}
	if s := status(); s.State != "folded" || s.Finished == nil || s.Rows != 2 || s.Rows != s.Events+s.Rejected+s.Refused || s.Rejected != 1 {
		t.Errorf("after: %+v", s)
	}
	for name, token := range map[string]string{"another feed": "a-token-of-another-feed"} {
		if w := d.do(http.MethodGet, path, nil, "Authorization", "Bearer "+token); w.Code != http.StatusNotFound {
			t.Errorf("%s reads it: %d", name, w.Code)
		}
	}
}

// broken ends in the middle.
type broken struct{ read bool }

func (b *broken) Read(p []byte) (int, error) {
	if b.read {
		return 0, errors.ErrUnsupported
	}
	b.read = true
	return copy(p, "192.0"), nil
}

// Every refusal is a problem document with its status.
func TestProblems(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	ours := "Bearer " + d.token
	for name, c := range map[string]struct {
		method, path, token string
		body                io.Reader
		want                int
	}{
		"no token":       {"POST", "/api/v1/signals", "", strings.NewReader("x"), 401},
		"basic":          {"POST", "/api/v1/signals", "Basic " + d.token, strings.NewReader("x"), 401},
		"wrong token":    {"POST", "/api/v1/signals", "Bearer nonsense", strings.NewReader("x"), 403},
		"dead feed":      {"POST", "/api/v1/signals", "Bearer a-token-of-a-dead-feed", strings.NewReader("x"), 403},
		"too long":       {"POST", "/api/v1/signals", ours, strings.NewReader(strings.Repeat("x", 1001)), 413},
		"too long, hid":  {"POST", "/api/v1/signals", ours, io.MultiReader(strings.NewReader(strings.Repeat("x", 1001))), 413},
		"empty":          {"POST", "/api/v1/signals", ours, strings.NewReader(""), 422},
		"body breaks":    {"POST", "/api/v1/signals", ours, &broken{}, 500},
		"long key":       {"POST", "/api/v1/signals?name=" + strings.Repeat("n", 501), ours, strings.NewReader("x"), 422},
		"no such signal": {"GET", "/api/v1/signals/77", ours, nil, 404},
		"no number":      {"GET", "/api/v1/signals/x", ours, nil, 404},
		"negative":       {"GET", "/api/v1/signals/-1", ours, nil, 404},
		"no token, get":  {"GET", "/api/v1/signals/1", "", nil, 401},
		"no address":     {"GET", "/api/v2/", ours, nil, 404},
	} {
		w := d.do(c.method, c.path, c.body, "Authorization", c.token)
		var p struct {
			Title, Detail, Instance string
			Status                  int
		}
		err := json.Unmarshal(w.Body.Bytes(), &p)
		if err != nil || w.Code != c.want || p.Status != c.want || p.Title == "" || p.Detail == "" || !strings.HasPrefix(p.Instance, "urn:tocsin:request:") ||
			w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
		if h := w.Header(); h.Get("Content-Security-Policy") == "" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", name, h)
		}
	}
	if s, err := d.loop.Signals(t.Context(), noon, access.ForSoftware("command"), loop.SignalQuery{}, 0, 10); err != nil || len(s) != 0 {
		t.Errorf("%d signals were kept (%v)", len(s), err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if w := d.do(http.MethodGet, path, nil); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for i, c := range []struct{ disposition, want string }{
		{`attachment; filename="2026-11-22-scan_rdp.csv"`, "2026-11-22-scan_rdp.csv"},
		{`attachment; filename=x.csv; size=5`, "x.csv"},
		{`attachment; filename="../../etc/passwd"`, "passwd"},
		{`attachment`, ""},
	} {
		w := d.do(http.MethodPost, "/api/v1/signals", strings.NewReader(fmt.Sprintf("192.0.2.%d\t1\n", i)),
			"Authorization", "Bearer "+d.token, "Content-Disposition", c.disposition)
		var r api.Receipt
		if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		list, err := d.loop.Signals(t.Context(), noon, access.ForSoftware("command"), loop.SignalQuery{Feed: "ipsum"}, 0, 1)
		if err != nil || list[0].Name != c.want {
			t.Errorf("%s: %q, want %q (%v)", c.disposition, list[0].Name, c.want, err)
		}
	}
}
