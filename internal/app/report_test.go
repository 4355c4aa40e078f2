package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// written is a log that many write to.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

var formKey = regexp.MustCompile(`name="key" value="([0-9a-z]{32})"`)

// What a browser tells about itself and where it comes from is in no byte of the data folder and no line of the log after
// a report, nor are its code or its address in clear.
func TestReporterLeavesNoTrace(t *testing.T) {
	t.Parallel()
	dir, said := filepath.Join(t.TempDir(), "data"), &written{}
	c, _, origin, err := parse([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--listen-metrics", "127.0.0.1:0"}, nil, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 15, 42, 17, 123456000, time.UTC)
	log := slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := &running{ctx: t.Context(), cfg: &c.Config, origin: origin, log: log, out: io.Discard, errOut: io.Discard, clock: func() time.Time { return now }}
	in, err := r.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	doors, err := r.doors(in, serving{}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	open, err := r.listen(t.Context(), doors)
	if err != nil {
		t.Fatal(err)
	}
	open.serve()
	var secrets []string
	for _, from := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
		secrets = append(secrets, tell(t, open.address(), from)...)
	}
	if _, numbers := ask(t, http.DefaultClient, "GET", "http://"+open.listeners[len(open.listeners)-1].Addr().String()+"/metrics"); traced(numbers, secrets) != "" {
		t.Errorf("the metrics hold %s", traced(numbers, secrets))
	}
	look(t, dir, secrets) // as it lies there while the program runs, its log of the database too
	ctx := context.WithoutCancel(t.Context())
	if err := open.shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := in.close(ctx); err != nil {
		t.Error(err)
	}
	look(t, dir, secrets)
	if s := traced(said.b.String(), secrets); s != "" {
		t.Errorf("the log holds %s:\n%s", s, said.b.String())
	}
}

// tell sends a report from an address of this machine and returns what nobody may find again.
func tell(t *testing.T, to, from string) []string {
	t.Helper()
	mark := strings.ReplaceAll(from, ".", "-")
	client := &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext, DisableKeepAlives: true,
	}}
	send := func(method string, body io.Reader) string {
		q, err := http.NewRequestWithContext(t.Context(), method, "http://"+to+"/report", body)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set("User-Agent", "zqagent-"+mark)
		q.Header.Set("Referer", "http://"+to+"/zqreferrer-"+mark)
		q.Header.Set("X-Forwarded-For", "203.0.113.77")
		q.Header.Set("Cookie", "zqcookie="+mark+"; tocsin=zqsession-"+mark+"; lang=zh")
		q.Header.Set("Accept-Language", "en, zq-"+mark)
		a, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(a.Body)
		if err != nil || a.Body.Close() != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%s /report: %d, %v\n%s", method, a.StatusCode, err, raw)
		}
		if a.Header.Get("Set-Cookie") != "" || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Location") != "" {
			t.Errorf("%s /report: %v", method, a.Header)
		}
		return string(raw)
	}
	key := formKey.FindStringSubmatch(send("GET", nil))
	if key == nil {
		t.Fatal("the form has no key")
	}
	page := send("POST", strings.NewReader(url.Values{
		"key": {key[1]}, "kind": {"malware"}, "what": {"told to be kept"}, "contact": {"zqcontact-" + mark + "@mail.example"},
	}.Encode()))
	code := regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}`).FindString(page)
	if code == "" || strings.Contains(page, "/report?") && strings.Contains(page, "key=") {
		t.Fatalf("no code:\n%s", page)
	}
	return []string{"zqagent", "zqreferrer", "zqcookie", "zqsession", "zq-" + mark, "zqcontact", from, "203.0.113.77", key[1], code, strings.ReplaceAll(code, "-", "")}
}

func traced(text string, secrets []string) string {
	for _, s := range secrets {
		if strings.Contains(text, s) {
			return fmt.Sprintf("%q", s)
		}
	}
	return ""
}

// look reads every byte below a folder.
func look(t *testing.T, dir string, secrets []string) {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if s := traced(string(raw), secrets); s != "" {
			t.Errorf("%s holds %s", path, s)
		}
		found = found || bytes.Contains(raw, []byte("told to be kept"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Error("the report itself is in no file: the test does not look where it is")
	}
}
