package gate

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Class is a kind of request that is counted by itself.
type Class string

// Classes.
const (
	Read   Class = "read"    // looking at a page, asking the API
	Write  Class = "write"   // a form
	SignIn Class = "sign-in" // anything that proves who somebody is
	Report Class = "report"  // the public form
	Push   Class = "push"    // signals
)

// Rate lets Burst requests through at once and one more every Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// Limits is how often a class of requests may come from one network (/24, /48) and from one account.
type Limits struct {
	Network, Account Rate
}

// Table is every limit. A ministry behind one address is a few hundred people, so networks get room for many; what
// guesses or floods needs thousands.
var Table = map[Class]Limits{
	Read:   {Rate{600, 50 * time.Millisecond}, Rate{300, 100 * time.Millisecond}},
	Write:  {Rate{120, 500 * time.Millisecond}, Rate{60, time.Second}},
	SignIn: {Rate{200, 10 * time.Second}, Rate{30, 15 * time.Second}},
	Report: {Rate{20, time.Minute}, Rate{20, time.Minute}},
	Push:   {Rate{600, 50 * time.Millisecond}, Rate{600, 50 * time.Millisecond}},
}

// signIn and report are the beginnings of the addresses where writing is of that class.
var (
	signIn = []string{"/sign-in", "/account", "/set-up", "/invite", "/recover"}
	report = []string{"/report"}
)

// ClassOf tells the class of a request by its method and address; false for what is not counted: assets and the
// questions whether the process lives.
func ClassOf(r *http.Request) (Class, bool) {
	at := func(prefixes []string) bool {
		for _, p := range prefixes {
			if r.URL.Path == p || strings.HasPrefix(r.URL.Path, p+"/") {
				return true
			}
		}
		return false
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case at([]string{"/static", "/healthz", "/readyz"}):
		return "", false
	case reads && r.URL.Path == "/sign-in/oidc": // it begins something, there and here
		return SignIn, true
	case reads:
		return Read, true
	case at([]string{"/api/v1/reports"}):
		return Report, true
	case at([]string{"/api"}):
		return Push, true
	case at(signIn):
		return SignIn, true
	case at(report):
		return Report, true
	}
	return Write, true
}

// mostBuckets bounds the memory: some 10 MB. Beyond, those that are full again are dropped, then any.
const mostBuckets = 100_000

// keyLife is how long a network can be told by its hash.
const keyLife = 24 * time.Hour

// bucketKey is a keyed hash of who is counted, and for what.
type bucketKey [16]byte

// bucket is when it was last full, in the sense of the generic cell rate algorithm: at full it holds Burst tokens.
type bucket struct {
	full time.Time
}

// Limiter counts requests in token buckets. It keeps no address: networks are counted under a hash whose key lives a
// day and is never written down. Safe for many goroutines. A nil Limiter lets everything through.
type Limiter struct {
	Proxies Proxies
	// Factor multiplies every burst and divides every wait; 0 is 1.
	Factor float64

	mu      sync.Mutex
	key     [32]byte
	since   time.Time // when the key was made
	buckets map[bucketKey]bucket
}

// Network takes one token of class from the network that r comes from. It returns how long to wait; 0 = go on.
func (l *Limiter) Network(now time.Time, class Class, r *http.Request) time.Duration {
	if l == nil {
		return 0
	}
	return l.NetworkOf(now, class, l.Proxies.Client(r))
}

// NetworkOf is Network for an address.
func (l *Limiter) NetworkOf(now time.Time, class Class, a netip.Addr) time.Duration {
	if l == nil {
		return 0
	}
	return l.take(now, Table[class].Network, "network", string(class), Network(a).String())
}

// Account takes one token of class from an account, named as the ledger names it.
func (l *Limiter) Account(now time.Time, class Class, name string) time.Duration {
	if l == nil {
		return 0
	}
	return l.take(now, Table[class].Account, "account", string(class), name)
}

func (l *Limiter) take(now time.Time, rate Rate, parts ...string) time.Duration {
	if rate.Burst == 0 {
		return 0
	}
	burst, every := float64(rate.Burst), float64(rate.Every)
	if l.Factor > 0 {
		burst, every = math.Max(1, math.Floor(burst*l.Factor)), every/l.Factor
	}
	step := time.Duration(every)
	room := time.Duration(burst-1) * step
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rotate(now)
	key := l.hash(parts)
	full := l.buckets[key].full
	if full.Before(now) {
		full = now
	}
	if wait := full.Sub(now) - room; wait > 0 {
		return wait
	}
	if _, known := l.buckets[key]; !known && len(l.buckets) >= mostBuckets {
		l.shrink(now)
	}
	l.buckets[key] = bucket{full.Add(step)}
	return 0
}

// rotate makes a new key after a day. The counts start anew with it, which at worst gives everybody one more burst.
func (l *Limiter) rotate(now time.Time) {
	if l.buckets != nil && now.Sub(l.since) < keyLife && !now.Before(l.since) {
		return
	}
	_, _ = rand.Read(l.key[:]) // never fails
	l.since, l.buckets = now, map[bucketKey]bucket{}
}

func (l *Limiter) hash(parts []string) bucketKey {
	h := hmac.New(sha256.New, l.key[:])
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return bucketKey(h.Sum(nil)[:16])
}

// shrink drops the buckets that are full again; where that makes no room, it drops a tenth of the rest: a flood from
// very many networks must not take the memory of the process.
func (l *Limiter) shrink(now time.Time) {
	for k, b := range l.buckets {
		if !b.full.After(now) {
			delete(l.buckets, k)
		}
	}
	for k := range l.buckets {
		if len(l.buckets) <= mostBuckets*9/10 {
			return
		}
		delete(l.buckets, k)
	}
}

// Seconds is a wait as Retry-After has it: whole seconds, rounded up.
func Seconds(wait time.Duration) string {
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}
