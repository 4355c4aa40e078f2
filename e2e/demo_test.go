package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// link matches an address that the demo prints.
const link = `(http://127\.0\.0\.1:\d+/[^\s\x1b]+)`

// startDemo starts an ephemeral demo on a free port and returns its three sign-in links.
func startDemo(t *testing.T, dir string) (*process, []string, time.Duration) {
	t.Helper()
	p := start(t, dir, nil, "demo", "--ephemeral", "--listen", "127.0.0.1:0")
	links, took := p.wait(link, 3, 60*time.Second)
	return p, links, took
}

// TestDemo: ready within ten seconds, three links that sign in, and nothing left behind.
func TestDemo(t *testing.T) {
	heavy(t)
	dir := t.TempDir()
	p, links, took := startDemo(t, dir)
	page, body := get(t, links[0])
	first := time.Since(p.start)
	t.Logf("ready after %v, first page after %v", took.Round(time.Millisecond), first.Round(time.Millisecond))
	if first > 10*time.Second {
		t.Errorf("the first page came after %v, not within 10 s", first)
	}
	if !strings.Contains(body, "<html") {
		t.Errorf("%s is no page", page)
	}
	for _, l := range links[1:] {
		get(t, l)
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("the demo ended with %d:\n%s", code, p.output())
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("--ephemeral left %s behind", f.Name())
	}
}

// get fetches a page as a new visitor and returns where it ended and its body.
func get(t *testing.T, url string) (string, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusOK {
		t.Errorf("%s: %s\n%.500s", url, r.Status, body)
	}
	return r.Request.URL.String(), string(body)
}
