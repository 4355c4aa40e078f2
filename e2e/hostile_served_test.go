package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mostWait is how long a signal may wait behind another feed's.
const mostWait = 2 * time.Second

// halfRows writes a MB of gzip that hold 8 million rows of which every other one cannot be read: too few to give up.
func halfRows(w io.Writer) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	return errors.Join(parts(z, plainHeader, repeat(plainRow+"x\n", int64(4_000_000*(len(plainRow)+2)))), z.Close())
}

// TestHostileServed pushes small files of millions of bad rows to a server, and behind each one a signal of another feed, which
// is folded within two seconds by the clock, while the database stays small.
func TestHostileServed(t *testing.T) {
	heavy(t)
	for _, c := range []struct {
		name  string
		body  func(io.Writer) error
		state string // of the hostile one when the other is folded
	}{
		{"33 million bad rows in 64 KB", badRows, ""},
		{"8 million rows, every other one bad", halfRows, "received"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, dir, nil, "feed", "add", "shadowserver")
			must(t, dir, nil, "feed", "add", "generic-ip-list")
			hostile := pushing{t: t, token: strings.TrimSpace(must(t, dir, nil, "feed", "token", "shadowserver"))}
			other := pushing{t: t, token: strings.TrimSpace(must(t, dir, nil, "feed", "token", "generic-ip-list"))}
			p := start(t, dir, nil, "serve", "--listen", "127.0.0.1:0", "--rate-factor", "0")
			at, _ := p.wait(`door=pages address=(\S+)`, 1, 60*time.Second)
			hostile.base, other.base = "http://"+at[0], "http://"+at[0]
			var body bytes.Buffer
			if err := c.body(&body); err != nil {
				t.Fatal(err)
			}
			size := body.Len()
			bad := hostile.push("2026-11-20-scan_telnet-x.csv.gz", &body)
			from := time.Now()
			first := other.push("list.txt", strings.NewReader("198.51.100.7\n"))
			waited := other.folded(first, from)
			second := time.Now()
			next := other.folded(other.push("more.txt", strings.NewReader("198.51.100.8\n")), second)
			state := hostile.state(bad)
			if waited > mostWait || next > mostWait {
				t.Errorf("another feed's signals waited %s and %s", waited, next)
			}
			if c.state != "" && state != c.state {
				t.Errorf("the hostile signal is %s already: nothing was behind it", state)
			}
			disk := databaseSize(t, filepath.Join(dir, "tocsin-data"))
			if disk > mostDisk {
				t.Errorf("%d MiB of disk for the database", disk>>20)
			}
			t.Logf("%d KB; another feed's signals were folded after %s and %s, the hostile one is %s by then; %.1f MiB of database",
				size>>10, waited.Round(time.Millisecond), next.Round(time.Millisecond), state, float64(disk)/(1<<20))
		})
	}
}

// pushing is a feed that pushes to a server.
type pushing struct {
	t           *testing.T
	base, token string
}

func (p *pushing) ask(method, path string, body io.Reader, into any) {
	p.t.Helper()
	q, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+p.token)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		p.t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode >= http.StatusMultipleChoices {
		text, err := io.ReadAll(a.Body)
		p.t.Fatalf("%s: %s %s %v", path, a.Status, text, err)
	}
	if err := json.NewDecoder(a.Body).Decode(into); err != nil {
		p.t.Fatal(err)
	}
}

// push returns the number of the signal.
func (p *pushing) push(name string, body io.Reader) int64 {
	p.t.Helper()
	var receipt struct{ Signal int64 }
	p.ask(http.MethodPost, "/api/v1/signals?name="+name, body, &receipt)
	return receipt.Signal
}

func (p *pushing) state(signal int64) string {
	p.t.Helper()
	var is struct{ State string }
	p.ask(http.MethodGet, "/api/v1/signals/"+strconv.FormatInt(signal, 10), nil, &is)
	return is.State
}

// folded waits until a signal is folded and returns how long that is after an instant.
func (p *pushing) folded(signal int64, from time.Time) time.Duration {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for p.state(signal) != "folded" {
		if time.Since(from) > time.Minute {
			p.t.Fatalf("signal %d is not folded after a minute", signal)
		}
		<-tick.C
	}
	return time.Since(from)
}
