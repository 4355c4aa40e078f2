package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// link matches an address that the demo prints.
const link = `(http://127\.0\.0\.1:\d+/[^\s\x1b]+)`

// startDemo starts an ephemeral demo and returns its three sign-in links.
func startDemo(t *testing.T, dir string) (*process, []string, time.Duration) {
	t.Helper()
	p := start(t, dir, nil, "demo", "--ephemeral", "--listen", freeAddr(t))
	links, took := p.wait(link, 3, 60*time.Second)
	return p, links, took
}

// hang is how long the demonstration may take here. Its goal is ten seconds, which the log of this test is read for: a
// limit so near would fail by the hour of the machine and not by the program.
const hang = 45 * time.Second

// TestDemo: ready soon, three links that sign in, and nothing left behind.
func TestDemo(t *testing.T) {
	heavy(t)
	dir := t.TempDir()
	p, links, took := startDemo(t, dir)
	page, body := signIn(t, links[0])
	first := time.Since(p.start)
	t.Logf("ready after %v, first page after %v; the goal is 10 s", took.Round(time.Millisecond), first.Round(time.Millisecond))
	if first > hang {
		t.Errorf("the first page came after %v, not within %v", first, hang)
	}
	if !strings.Contains(body, "<html") {
		t.Errorf("%s is no page", page)
	}
	if path(t, page) != "/desk" {
		t.Errorf("the first link leads to %s, not to the desk", page)
	}
	for _, l := range links[1:] {
		if page, _ := signIn(t, l); path(t, page) != "/my" {
			t.Errorf("%s leads to %s, not to a member's page", l, page)
		}
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

func path(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// signIn uses a link as a new visitor: the page behind it asks for a click, so that a mail scanner does not use it up.
// It returns where that led and what stands there.
func signIn(t *testing.T, link string) (string, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	if _, body := fetch(t, c, http.MethodGet, link); !strings.Contains(body, `action="/sign-in/`) {
		t.Errorf("%s does not ask for a click:\n%.500s", link, body)
	}
	return fetch(t, c, http.MethodPost, link)
}

// fetch returns where a request ended and the body there.
func fetch(t *testing.T, c *http.Client, method, address string) (string, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %s\n%.500s", method, address, r.Status, body)
	}
	return r.Request.URL.String(), string(body)
}
