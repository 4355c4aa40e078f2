package app

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/testkit"
)

// logBook takes the lines of a log from many goroutines.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// taken returns what was logged since it was asked last.
func (b *logBook) taken() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

// pusher pushes signals of a feed to a server that is up.
type pusher struct {
	t           *testing.T
	base, token string
	log         *logBook
}

func newPusher(t *testing.T, args ...string) *pusher {
	t.Helper()
	s := &pusher{t: t, token: loop.NewFeedToken(), log: &logBook{}}
	_, in, at := startedLogging(t, s.log, args...)
	s.base = "http://" + at["pages"]
	err := in.log.Ready(t.Context())
	if err == nil {
		err = in.loop.PutFeed(t.Context(), time.Now(), operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum", Title: "IPsum", Token: s.token})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *pusher) ask(method, path, body string) (reply, string) {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+s.token)
	q.Header.Set("Content-Type", "text/plain")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := io.ReadAll(a.Body)
	if err != nil {
		s.t.Error(err)
	}
	_ = a.Body.Close()
	return reply{StatusCode: a.StatusCode, Header: a.Header}, string(text[:min(len(text), 4000)])
}

func (s *pusher) push(body string) (reply, string) {
	s.t.Helper()
	return s.ask(http.MethodPost, "/api/v1/signals?name=ipsum.txt", body)
}

// later checks an answer that asks to come again, and that the log says why.
func (s *pusher) later(what string, a reply, text string, status int, says, logs string) {
	s.t.Helper()
	if a.StatusCode != status || a.Header.Get("Retry-After") == "" || !strings.Contains(text, says) {
		s.t.Errorf("%s: %d, Retry-After %q, %s", what, a.StatusCode, a.Header.Get("Retry-After"), text)
	}
	if said := s.log.taken(); !strings.Contains(said, "level=ERROR") || !strings.Contains(said, logs) {
		s.t.Errorf("%s: the log says %q", what, said)
	}
}

func (s *pusher) is(what string, status int, says string) {
	s.t.Helper()
	if a, text := s.ask(http.MethodGet, what, ""); a.StatusCode != status || !strings.Contains(text, says) {
		s.t.Errorf("%s: %d, want %d and %q: %s", what, a.StatusCode, status, says, text)
	}
}

// Over HTTP, a full disk is 507 for whoever brings something, not ready with the reason, and goes on being read.
func TestFullDiskOverHTTP(t *testing.T) {
	disk := smallDisk(t)
	s := newPusher(t, "--data", filepath.Join(disk, "data"))
	if a, text := s.push("198.51.100.1\t3\n"); a.StatusCode != http.StatusCreated {
		t.Fatalf("%d: %s", a.StatusCode, text)
	}
	s.is("/readyz", http.StatusOK, "ready")
	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(ballast, zeros{}); err == nil {
		t.Fatal("the disk does not fill up")
	}
	if err := ballast.Close(); err != nil {
		t.Fatal(err)
	}
	s.log.taken()
	a, text := s.push("198.51.100.2\t3\n")
	s.later("a signal", a, text, http.StatusInsufficientStorage, "storage of this installation is full", "no space left on device")
	a, text = s.ask(http.MethodGet, "/readyz", "")
	s.later("/readyz", a, text, http.StatusServiceUnavailable, "the storage is full", "no space left on device")
	for _, path := range []string{"/", "/promises", "/verify", "/sign-in", "/healthz", "/api/v1/signals/1"} {
		s.is(path, http.StatusOK, "")
	}
	if err := os.Remove(ballast.Name()); err != nil {
		t.Fatal(err)
	}
	s.is("/readyz", http.StatusOK, "ready")
	if a, text := s.push("198.51.100.2\t3\n"); a.StatusCode != http.StatusCreated {
		t.Errorf("with room again: %d: %s", a.StatusCode, text)
	}
}

// Over HTTP, a database that is away is 503 with a time to come again, for programs and people alike, and never a mistake of
// theirs; whatever was asked is answered again as soon as it is back.
func TestDatabaseAwayOverHTTP(t *testing.T) {
	t.Parallel()
	wire, dsn := testkit.NewWire(t, testkit.PostgresDSN(t))
	s := newPusher(t, "--database", dsn)
	for range 2 { // with connections of before, and without
		if a, text := s.push("198.51.100.1\t3\n"); a.StatusCode >= http.StatusMultipleChoices {
			t.Fatalf("%d: %s", a.StatusCode, text)
		}
		s.is("/readyz", http.StatusOK, "ready")
		s.log.taken()
		wire.Cut()
		a, text := s.push("198.51.100.2\t3\n")
		s.later("a signal", a, text, http.StatusServiceUnavailable, "does not answer", "/api/v1/signals")
		a, text = s.ask(http.MethodGet, "/readyz", "")
		s.later("/readyz", a, text, http.StatusServiceUnavailable, "the database does not answer", "not ready")
		a, text = s.ask(http.MethodGet, "/api/v1/signals/1", "")
		s.later("what became of a signal", a, text, http.StatusServiceUnavailable, "does not answer", "/api/v1/signals")
		a, text = s.ask(http.MethodGet, "/promises", "")
		s.later("a page", a, text, http.StatusServiceUnavailable, "does not answer", "page failed")
		s.is("/healthz", http.StatusOK, "ok")
		wire.Mend()
	}
}
