// Package outside is everything that dials out: mail over SMTP, files over HTTP. It decides how a connection is made and
// which addresses may be reached; what is sent, what is taken in and when to try again is decided in act.
package outside

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tocsin/internal/fault"
)

// FetchRequest asks for what lies at an address. It is an unnamed type, as is FetchResponse: whoever declares the
// same one can use a Fetcher without knowing this package.
type FetchRequest = struct {
	URL      string
	ETag     string   // of the answer before; empty = send it in any case
	Modified string   // Last-Modified of the answer before
	Limit    int64    // bytes of the body; more is fault.TooLarge while reading
	Secrets  []string // in URL: no other host may get to know them
}

// FetchResponse is the answer. The caller closes Body, which is nil where nothing has changed.
type FetchResponse = struct {
	Body     io.ReadCloser
	ETag     string
	Modified string
	Wait     time.Duration // the server asks to be left alone so long; given with errors too
}

// FetchOptions are the choices of the installation. The zero value is safe.
type FetchOptions struct {
	Allow []netip.Prefix // inside addresses that may be dialled all the same: a mirror in the own network
	Agent string         // User-Agent; empty is "Tocsin"
	Stall time.Duration  // longest wait for the next bytes, headers included; 0 is 60 s
	Total time.Duration  // longest time for the whole; 0 is 15 min
	TLS   *tls.Config    // trust other than the system's; nil is the system's
	Names *net.Resolver  // that resolves names; nil is the system's. What it says is looked at before each dial
}

// Fetcher gets files over HTTP and HTTPS. It dials no address inside (private, loopback, link-local, …) unless that
// is allowed, whatever a name resolves to and wherever a redirect leads; it uses no proxy, which would hide that.
// Safe for many goroutines.
type Fetcher struct {
	client *http.Client
	o      FetchOptions
}

const (
	dialTimeout  = 10 * time.Second
	mostHops     = 3
	mostHeader   = 64 << 10
	usualStall   = 60 * time.Second
	usualTotal   = 15 * time.Minute
	mostAskedFor = 30 * 24 * time.Hour
)

// NewFetcher makes a Fetcher.
func NewFetcher(o FetchOptions) *Fetcher {
	if o.Agent == "" {
		o.Agent = "Tocsin"
	}
	if o.Stall == 0 {
		o.Stall = usualStall
	}
	if o.Total == 0 {
		o.Total = usualTotal
	}
	return &Fetcher{o: o, client: &http.Client{CheckRedirect: follow, Transport: transport(o)}}
}

// transport dials under the guard, each time anew after the name is resolved.
func transport(o FetchOptions) *http.Transport {
	secure := &tls.Config{}
	if o.TLS != nil {
		secure = o.TLS.Clone()
	}
	secure.MinVersion = tls.VersionTLS12
	dial := &net.Dialer{Timeout: dialTimeout, Control: guard(o.Allow), Resolver: o.Names}
	return &http.Transport{
		DialContext: dial.DialContext, TLSClientConfig: secure, TLSHandshakeTimeout: dialTimeout,
		MaxResponseHeaderBytes: mostHeader, DisableCompression: true, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
	}
}

// inside are the ranges that are no part of the public Internet beyond those that netip knows: IANA's registries of
// special-purpose addresses (RFC 6890), tunnels in which IPv4 addresses hide, and 168.63.129.16, where Azure answers
// its virtual machines.
var inside = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
	"168.63.129.16/32", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

// global is all of IPv6 that is handed out as public addresses. Outside of it lie local, mapped, NAT64 and future ones.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// guard looks at the address that is about to be dialled, after names are resolved.
func guard(allow []netip.Prefix) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fault.New(fault.Denied, "the address cannot be dialled")
		}
		ip := at.Addr().Unmap().WithZone("")
		holds := func(p netip.Prefix) bool { return p.Contains(ip) }
		if slices.ContainsFunc(allow, holds) {
			return nil
		}
		if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is6() && !global.Contains(ip) || slices.ContainsFunc(inside, holds) {
			return fault.New(fault.Denied, "the name leads to an address inside, which must not be fetched from")
		}
		return nil
	}
}

// secretsKey is the key of a request's secrets in its context.
type secretsKey struct{}

// follow lets a redirect pass that stays with its scheme or goes up to HTTPS. The next server is not told where we come
// from, since addresses hold keys, and another server than the first gets no credential.
func follow(q *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL.Scheme
	q.Header.Del("Referer")
	if q.URL.Host != via[0].URL.Host {
		q.Header.Del("Authorization")
		q.URL.User = nil
		if tells(q) {
			return fault.New(fault.Denied, "the server redirects to another one with the credential in the address")
		}
	}
	switch {
	case len(via) > mostHops:
		return fault.New(fault.Denied, "the server redirects more than %d times", mostHops)
	case q.URL.Scheme != from && q.URL.Scheme != "https":
		return fault.New(fault.Denied, "the server redirects from %s to %s", from, q.URL.Scheme)
	}
	return nil
}

// tells reports whether the address of a request holds a secret, in any way of writing it.
func tells(q *http.Request) bool {
	secrets, _ := q.Context().Value(secretsKey{}).([]string)
	for _, unescape := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		address := q.URL.String()
		for range 3 { // what is escaped twice too
			for _, s := range secrets {
				if s != "" && strings.Contains(address, s) {
					return true
				}
			}
			plain, err := unescape(address)
			if err != nil {
				break
			}
			address = plain
		}
	}
	return false
}

// Fetch gets a file unless it has not changed. Errors are fault.Unavailable (try again), fault.NotFound, fault.Denied
// (the server's refusal, or an address that must not be dialled) and fault.TooLarge. No message holds the address, for
// addresses hold keys.
func (f *Fetcher) Fetch(ctx context.Context, q FetchRequest) (FetchResponse, error) {
	u, err := url.Parse(q.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return FetchResponse{}, fault.New(fault.Invalid, "the address is not http://… or https://…")
	}
	ctx, stop := context.WithTimeout(context.WithValue(ctx, secretsKey{}, q.Secrets), f.o.Total)
	stalled := time.AfterFunc(f.o.Stall, stop)
	request := (&http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"User-Agent": {f.o.Agent}}}).WithContext(ctx)
	if q.ETag != "" {
		request.Header.Set("If-None-Match", q.ETag)
	}
	if q.Modified != "" {
		request.Header.Set("If-Modified-Since", q.Modified)
	}
	answer, err := f.client.Do(request) //nolint:bodyclose // limited closes it
	if err != nil {
		stalled.Stop()
		stop()
		return FetchResponse{}, broken(err)
	}
	body := &limited{r: answer.Body, left: q.Limit, stop: stop, stalled: stalled, stall: f.o.Stall}
	r := FetchResponse{ETag: answer.Header.Get("ETag"), Modified: answer.Header.Get("Last-Modified"), Wait: wait(answer)}
	err = refusal(answer, q)
	if err != nil || answer.StatusCode == http.StatusNotModified {
		if r.ETag == "" {
			r.ETag = q.ETag
		}
		if r.Modified == "" {
			r.Modified = q.Modified
		}
		return r, errors.Join(err, body.Close())
	}
	r.Body = body
	return r, nil
}

// refusal turns a status that brings no file into an error.
func refusal(a *http.Response, q FetchRequest) error {
	code := a.StatusCode
	switch {
	case code == http.StatusOK && a.ContentLength > q.Limit:
		return fault.New(fault.TooLarge, "the file has %d bytes, at most %d are taken", a.ContentLength, q.Limit)
	case code == http.StatusOK:
		return nil
	case code == http.StatusNotModified && q.ETag+q.Modified != "":
		return nil
	case code == http.StatusNotFound || code == http.StatusGone:
		return fault.New(fault.NotFound, "the server has no such file (%d)", code)
	case code == http.StatusTooManyRequests:
		return fault.New(fault.Unavailable, "the server asks to come back later (429)")
	case code >= 400 && code < 500:
		return fault.New(fault.Denied, "the server refuses (%d)", code)
	}
	return fault.New(fault.Unavailable, "the server answers %d", code)
}

// wait reads Retry-After: seconds or a date, by the server's own clock.
func wait(a *http.Response) time.Duration {
	text := strings.TrimSpace(a.Header.Get("Retry-After"))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return time.Duration(min(n, int64(mostAskedFor/time.Second))) * time.Second
	}
	until, err := http.ParseTime(text)
	sent, err2 := http.ParseTime(a.Header.Get("Date"))
	if err != nil || err2 != nil || !until.After(sent) {
		return 0
	}
	return min(until.Sub(sent), mostAskedFor)
}

// broken says why nothing came, without the address that net/url puts in front.
func broken(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		err = named.Err
	}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	_, explained := fault.Message(err)
	switch {
	case explained:
		return err
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		return fault.New(fault.Unavailable, "the server took too long")
	case errors.As(err, &dns):
		return fault.New(fault.Unavailable, "the name %s cannot be resolved", dns.Name)
	case errors.As(err, &certificate):
		return fault.New(fault.Denied, "the server's certificate is not to be trusted: %v", certificate.Err)
	}
	return fault.New(fault.Unavailable, "the server cannot be reached")
}

// limited is a body that ends in an error past its limit or when nothing comes for too long.
type limited struct {
	r       io.ReadCloser
	left    int64
	stop    context.CancelFunc
	stalled *time.Timer
	stall   time.Duration
}

func (l *limited) Read(p []byte) (int, error) {
	l.stalled.Reset(l.stall)
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	switch {
	case l.left < 0:
		return 0, fault.New(fault.TooLarge, "the file is larger than what is taken")
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return n, fault.New(fault.Unavailable, "the server took too long")
	}
	return n, fault.New(fault.Unavailable, "the connection broke off")
}

func (l *limited) Close() error {
	l.stalled.Stop()
	l.stop()
	return l.r.Close()
}
