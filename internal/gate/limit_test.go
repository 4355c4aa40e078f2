package gate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// A thousand networks knock at once and over ten minutes: each gets its burst and one more each interval, exactly.
func TestThousandClients(t *testing.T) {
	t.Parallel()
	for class, limits := range Table {
		var l Limiter
		for c := range 1000 {
			a := netip.AddrFrom4([4]byte{20, byte(c >> 8), byte(c), byte(c)})
			passed := 0
			for range limits.Network.Burst + 7 {
				if l.NetworkOf(noon, class, a) == 0 {
					passed++
				}
			}
			if passed != limits.Network.Burst {
				t.Fatalf("%s: client %d: %d at once, want %d", class, c, passed, limits.Network.Burst)
			}
		}
		a := netip.MustParseAddr("20.0.5.9") // another address of one of them
		passed, every := 0, limits.Network.Every
		for at := noon; !at.After(noon.Add(20 * every)); at = at.Add(every / 4) {
			if l.NetworkOf(at, class, a) == 0 {
				passed++
			}
		}
		if passed != 20 {
			t.Errorf("%s: %d in 20 intervals, want 20", class, passed)
		}
	}
}

// The wait that is told is enough and no longer than needed.
func TestWait(t *testing.T) {
	t.Parallel()
	var l Limiter
	for range Table[SignIn].Account.Burst {
		if l.Account(noon, SignIn, "person:a") != 0 {
			t.Fatal("the burst does not pass")
		}
	}
	wait := l.Account(noon, SignIn, "person:a")
	if wait != Table[SignIn].Account.Every || Seconds(wait) != "15" || Seconds(time.Millisecond) != "1" {
		t.Errorf("wait %s", wait)
	}
	if l.Account(noon.Add(wait-1), SignIn, "person:a") != 1 || l.Account(noon.Add(wait), SignIn, "person:a") != 0 {
		t.Error("the wait is not what was told")
	}
	if l.Account(noon, SignIn, "person:b") != 0 || l.Account(noon, Write, "person:a") != 0 {
		t.Error("another account or class waits too")
	}
	if (*Limiter)(nil).Account(noon, SignIn, "person:a") != 0 {
		t.Error("no limiter limits")
	}
}

// The memory is bounded whoever knocks, those who are counted stay counted, and the key of the hashes lives a day.
func TestBounded(t *testing.T) {
	t.Parallel()
	var l Limiter
	for i := range mostBuckets + 5000 {
		l.NetworkOf(noon, Report, netip.AddrFrom4([4]byte{byte(20 + i>>16), byte(i >> 8), byte(i), 1}))
	}
	if len(l.buckets) > mostBuckets {
		t.Errorf("%d buckets", len(l.buckets))
	}
	key := l.key
	l.NetworkOf(noon.Add(keyLife-1), Read, netip.Addr{})
	if l.key != key {
		t.Error("a new key within the day")
	}
	l.NetworkOf(noon.Add(keyLife), Read, netip.Addr{})
	if l.key == key || len(l.buckets) != 1 {
		t.Error("the old key, or what was counted under it, outlives the day")
	}
}

// Ten to the sixth guesses take months from one network: see Table.
func TestGuessing(t *testing.T) {
	t.Parallel()
	if took := time.Duration(1_000_000-Table[SignIn].Network.Burst) * Table[SignIn].Network.Every; took < 100*24*time.Hour {
		t.Errorf("a million guesses take %s", took)
	}
}

// What a client writes into the header counts for nothing; what trusted proxies wrote counts from the right.
func TestClient(t *testing.T) {
	t.Parallel()
	p := Proxies{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/64")}
	for i, c := range []struct {
		remote  string
		headers []string
		want    string
	}{
		{"203.0.113.9:5000", nil, "203.0.113.9"},
		{"203.0.113.9:5000", []string{"198.51.100.1"}, "203.0.113.9"},
		{"10.0.0.1:5000", nil, "10.0.0.1"},
		{"10.0.0.1:5000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:5000", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:5000", []string{"1.1.1.1", "198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:5000", []string{"1.1.1.1, 10.0.0.2, not an address"}, "10.0.0.1"},
		{"10.0.0.1:5000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"[fd00::1]:5000", []string{"[2606:4700::1]:443"}, "2606:4700::1"},
		{"[::ffff:10.0.0.1]:5000", []string{"198.51.100.1:99"}, "198.51.100.1"},
		{"[fe80::1%eth0]:5000", []string{"198.51.100.1"}, "fe80::1"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		for _, h := range c.headers {
			r.Header.Add("X-Forwarded-For", h)
		}
		if got := p.Client(r).String(); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}

// A thousand invented headers of one client do not give it a thousand buckets.
func TestSpoofed(t *testing.T) {
	t.Parallel()
	l := Limiter{Proxies: Proxies{netip.MustParsePrefix("10.0.0.1/32")}}
	for remote, header := range map[string]string{"203.0.113.9:1": "%s", "10.0.0.1:1": "%s, 203.0.114.9"} {
		passed := 0
		for i := range 1000 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/report", nil)
			r.RemoteAddr = remote
			r.Header.Set("X-Forwarded-For", fmt.Sprintf(header, netip.AddrFrom4([4]byte{8, byte(i >> 8), byte(i), 1})))
			if l.Network(noon, Report, r) == 0 {
				passed++
			}
		}
		if passed != Table[Report].Network.Burst {
			t.Errorf("%s: %d pass", remote, passed)
		}
	}
}

func TestClassOf(t *testing.T) {
	t.Parallel()
	for route, want := range map[string]Class{
		"GET /": Read, "HEAD /desk": Read, "POST /my": Write, "POST /sign-in": SignIn, "POST /sign-in/x": SignIn, "POST /sign-inn": Write,
		"GET /sign-in": Read, "GET /sign-in/oidc": SignIn, "HEAD /sign-in/oidc": SignIn, "GET /sign-in/oidc/callback": Read,
		"POST /account/passkeys": SignIn, "POST /report": Report, "POST /api/v1/reports": Report, "GET /api/v1/reports": Read, "POST /api/v1/signals": Push, "GET /api/v1/signals/1": Read,
		"PUT /api/v1/x": Push, "GET /static/x/y.css": "", "GET /healthz": "", "GET /readyz": "",
	} {
		var method, path string
		_, _ = fmt.Sscan(route, &method, &path)
		got, counted := ClassOf(httptest.NewRequestWithContext(t.Context(), method, path, nil))
		if got != want || counted != (want != "") {
			t.Errorf("%s: %s", route, got)
		}
	}
}
