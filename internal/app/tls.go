package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/ident"
	"tocsin/internal/outside"
)

// checkWeb looks at what the listeners and their surroundings are set to.
func (c *Config) checkWeb() error {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return fault.New(fault.Invalid, "tls-cert and tls-key go together: one of them is not set")
	case c.TLSCert != "" && len(c.ACMEDomain) > 0:
		return fault.New(fault.Invalid, "tls-cert and acme-domain exclude each other: a certificate comes from a file or from ACME")
	case c.ListenHTTP != "" && !c.tls():
		return fault.New(fault.Invalid, "listen-http sends browsers on to TLS: set tls-cert and tls-key, or acme-domain, too")
	case c.ConsoleURL != "" && c.ListenConsole == "":
		return fault.New(fault.Invalid, "console-url is the address of listen-console, which is not set")
	case c.Connections < 8:
		return fault.New(fault.Invalid, "connections: %d is less than 8", c.Connections)
	case c.RateFactor < 0:
		return fault.New(fault.Invalid, "rate-factor: %g is less than 0", c.RateFactor)
	}
	if c.ConsoleURL != "" {
		u, err := url.Parse(c.ConsoleURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fault.New(fault.Invalid, "console-url: %q does not begin with https:// or http:// and a host", c.ConsoleURL)
		}
		c.ConsoleURL = strings.TrimRight(c.ConsoleURL, "/")
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	return checkDatabase(c.Database)
}

// proxies reads trusted-proxies.
func (c *Config) proxies() (gate.Proxies, error) {
	var out gate.Proxies
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fault.New(fault.Invalid, "trusted-proxies: %q is not a prefix in CIDR notation", text)
		}
		out = append(out, p)
	}
	return out, nil
}

// tls reports whether the listeners themselves speak TLS.
func (c *Config) tls() bool { return c.TLSCert != "" || len(c.ACMEDomain) > 0 }

// secure reports whether people reach the pages over TLS, here or at a proxy.
func (c *Config) secure() bool { return c.Secure || c.tls() }

func (c *Config) scheme() string {
	if c.tls() {
		return "https://"
	}
	return "http://"
}

// baseOf returns the address that links for people of an organisation begin with: the desk's may be another.
func (c *Config) baseOf(p ident.Party) string {
	switch {
	case p != ident.Authority || c.ListenConsole == "":
		return c.base()
	case c.ConsoleURL != "":
		return c.ConsoleURL
	}
	return c.scheme() + c.ListenConsole
}

// plain takes TLS and further listeners away: the demonstration runs on one.
func (c *Config) plain() {
	c.TLSCert, c.TLSKey, c.ACMEDomain, c.ListenConsole, c.ConsoleURL, c.ListenMetrics, c.ListenHTTP = "", "", nil, "", "", "", ""
	c.Secure = false
}

// checkDatabase refuses a database elsewhere that would be reached without TLS: pgx's own default tries TLS and goes
// on without it (OWASP ASVS 12.3.1).
func checkDatabase(dsn string) error {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return nil
	}
	u, err := url.Parse(dsn)
	if err != nil { // its text would show the password
		return fault.New(fault.Invalid, "database: this is not postgres://USER:PASSWORD@HOST/NAME; are special characters in the password escaped (%%40 for @)?")
	}
	q := u.Query()
	hosts := q["host"]
	if u.Host != "" {
		hosts = append(hosts, strings.Split(u.Host, ",")...)
	}
	for _, h := range hosts {
		if name, _, err := net.SplitHostPort(h); err == nil {
			h = name
		}
		h = strings.Trim(h, "[]")
		if a, err := netip.ParseAddr(h); h == "" || h == "localhost" || strings.HasPrefix(h, "/") || err == nil && a.IsLoopback() {
			continue
		}
		switch mode := q.Get("sslmode"); mode {
		case "require", "verify-ca", "verify-full":
		default:
			return fault.New(fault.Invalid, "database: %s is another machine, and sslmode is %q: what is read and written would cross the network "+
				"unprotected. Add ?sslmode=verify-full (and sslrootcert=FILE for an authority of your own)", h, mode)
		}
	}
	return nil
}

// redacted is a URL without what must stay secret: its password and those in its query.
func redacted(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return masked
	}
	q := u.Query()
	for name := range q {
		if strings.Contains(strings.ToLower(name), "password") || strings.Contains(strings.ToLower(name), "token") || strings.Contains(strings.ToLower(name), "secret") {
			q.Set(name, "xxxxx")
		}
	}
	u.RawQuery = q.Encode()
	return u.Redacted()
}

const masked = "********"

// transport returns how the listeners speak TLS, or nil, and what answers on plain HTTP beside them.
func (r *running) transport() (*tls.Config, http.Handler, error) {
	switch {
	case len(r.cfg.ACMEDomain) > 0:
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(filepath.Join(r.cfg.Data, "acme")),
			HostPolicy: autocert.HostWhitelist(r.cfg.ACMEDomain...), Email: r.cfg.Mail,
			Client: &acme.Client{HTTPClient: outside.NewHTTPClient(outside.FetchOptions{}), UserAgent: "Tocsin"},
		}
		t := m.TLSConfig()
		t.MinVersion = tls.VersionTLS12
		return t, m.HTTPHandler(toTLS(r.cfg.base())), nil
	case r.cfg.TLSCert != "":
		c := &certificate{cert: r.cfg.TLSCert, key: r.cfg.TLSKey, log: r.log}
		if err := c.load(); err != nil {
			return nil, nil, err
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}, toTLS(r.cfg.base()), nil
	}
	return nil, nil, nil
}

// toTLS sends browsers to the same page over TLS. It goes by the configured address, not by what the request names.
func toTLS(base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Connection", "close")
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			http.Error(w, "use "+base, http.StatusBadRequest) // what was sent has crossed the network in the clear
			return
		}
		http.Redirect(w, q, base+q.URL.RequestURI(), http.StatusPermanentRedirect)
	})
}

// certificate is a pair of files that is read anew when one of them changes: renewing needs no restart.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	stamps [2]stamp
	failed [2]stamp // that could not be read, and were complained about
}

// stamp tells one version of a file from the next.
type stamp struct {
	at   time.Time
	size int64
}

func (c *certificate) now() (out [2]stamp, err error) {
	for i, name := range []string{c.cert, c.key} {
		s, err := os.Stat(name)
		if err != nil {
			return out, err
		}
		out[i] = stamp{s.ModTime(), s.Size()}
	}
	return out, nil
}

func (c *certificate) load() error {
	stamps, err := c.now()
	if err != nil {
		return fmt.Errorf("read tls-cert and tls-key: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fault.New(fault.Invalid, "tls-cert and tls-key: %v", err)
	}
	c.pair, c.stamps = &pair, stamps
	return nil
}

// get returns the pair. Files that changed and cannot be read leave the old one in service.
func (c *certificate) get(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamps, err := c.now()
	if err == nil && stamps == c.stamps || stamps == c.failed && c.failed != [2]stamp{} {
		return c.pair, nil
	}
	ctx := context.Background()
	if h != nil && h.Context() != nil {
		ctx = h.Context()
	}
	if err := c.load(); err != nil {
		c.failed = stamps
		c.log.ErrorContext(ctx, "certificate not read anew: the old one stays", "error", err)
		return c.pair, nil
	}
	c.failed = [2]stamp{}
	c.log.InfoContext(ctx, "certificate read anew", "file", c.cert)
	return c.pair, nil
}
