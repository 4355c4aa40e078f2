package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// started serves a new installation with some settings and returns where each door is.
func started(t *testing.T, args ...string) (r *running, at map[string]string) {
	t.Helper()
	r, _, at = startedLogging(t, io.Discard, args...)
	return r, at
}

// startedLogging is started with a log, and with the installation.
func startedLogging(t *testing.T, said io.Writer, args ...string) (r *running, in *installation, at map[string]string) {
	t.Helper()
	args = append([]string{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0"}, args...)
	c, _, origin, err := parse(args, nil, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r = &running{ctx: t.Context(), cfg: &c.Config, origin: origin, log: slog.New(slog.NewTextHandler(said, nil)), out: io.Discard, errOut: io.Discard, clock: time.Now}
	in, err = r.open(t.Context(), nil)
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
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := open.shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := in.close(ctx); err != nil {
			t.Error(err)
		}
	})
	at = map[string]string{}
	for i, d := range doors {
		at[d.name] = open.listeners[i].Addr().String()
	}
	return r, in, at
}

// client trusts what pool holds and follows no redirect.
func client(pool *x509.CertPool) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is what is left of an answer whose body was read.
type reply struct {
	StatusCode int
	Header     http.Header
	Cookies    []*http.Cookie
	TLS        *tls.ConnectionState
	Compressed bool
}

func ask(t *testing.T, c *http.Client, method, address string) (reply, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Do(q)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Error(err)
	}
	_ = a.Body.Close()
	return reply{a.StatusCode, a.Header, a.Cookies(), a.TLS, a.Uncompressed}, string(body)
}

// What is reached at which port: the desk, the metrics and the API each where they belong and nowhere else.
func TestPorts(t *testing.T) {
	t.Parallel()
	_, one := started(t)
	_, apart := started(t, "--listen-console", "127.0.0.1:0", "--listen-metrics", "127.0.0.1:0")
	c := client(nil)
	for _, x := range []struct {
		where string
		route string
		want  int
	}{
		{one["pages"], "GET /desk", 303},
		{one["pages"], "GET /", 200},
		{one["pages"], "GET /metrics", 404},
		{one["pages"], "GET /api/v1/signals/1", 401},
		{apart["pages"], "GET /", 200},
		{apart["pages"], "GET /desk", 404},
		{apart["pages"], "GET /desk/findings", 404},
		{apart["pages"], "POST /desk/queue/x/done", 404},
		{apart["pages"], "GET /set-up/x", 404},
		{apart["pages"], "POST /set-up/x", 404},
		{apart["pages"], "GET /my", 303},
		{apart["pages"], "GET /sign-in", 200},
		{apart["pages"], "GET /metrics", 404},
		{apart["pages"], "GET /healthz", 200},
		{apart["pages"], "GET /api/v1/signals/1", 401},
		{apart["desk"], "GET /desk", 303},
		{apart["desk"], "GET /sign-in", 200},
		{apart["desk"], "GET /readyz", 200},
		{apart["desk"], "GET /metrics", 404},
		{apart["desk"], "GET /api/v1/signals/1", 404},
		{apart["metrics"], "GET /metrics", 200},
		{apart["metrics"], "GET /", 404},
		{apart["metrics"], "GET /desk", 404},
		{apart["metrics"], "GET /debug/pprof/", 404},
		{apart["metrics"], "POST /metrics", 405},
	} {
		method, path, _ := strings.Cut(x.route, " ")
		if a, _ := ask(t, c, method, "http://"+x.where+path); a.StatusCode != x.want {
			t.Errorf("%s: %d, want %d", x.route, a.StatusCode, x.want)
		}
	}
}

// Labels are routes, statuses and states; what people put into addresses is in none of them.
func TestMetrics(t *testing.T) {
	t.Parallel()
	_, at := started(t, "--listen-metrics", "127.0.0.1:0")
	c := client(nil)
	for _, path := range []string{"/", "/sign-in/canary-token", "/n/canary-link", "/canary-nowhere", "/api/v1/canary"} {
		ask(t, c, http.MethodGet, "http://"+at["pages"]+path)
	}
	_, text := ask(t, c, http.MethodGet, "http://"+at["metrics"]+"/metrics")
	for _, want := range []string{
		`tocsin_requests_total{route="GET /{$}",status="200"} 1`, `tocsin_requests_total{route="GET /sign-in/{token}",status="404"} 1`,
		`tocsin_request_seconds_count{route="/"} 1`, "tocsin_signals_waiting 0", `tocsin_notices_waiting{state="planned"} 0`, "tocsin_store_up 1",
		"tocsin_ledger_unplaced", "tocsin_build_info", "go_goroutines",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "canary") || strings.Contains(text, "127.0.0.1") {
		t.Error("the metrics tell who asked for what")
	}
}

// pair writes a self-made certificate for 127.0.0.1 and its key, and returns what trusts it.
func pair(t *testing.T, cert, key string, serial int64) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "tocsin.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(made)
	return pool
}

// Under TLS the headers and cookies say so, old versions are refused, plain HTTP leads over, and a new certificate is
// served without a restart, a broken one never.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := pair(t, cert, key, 1)
	_, at := started(t, "--tls-cert", cert, "--tls-key", key, "--listen-http", "127.0.0.1:0", "--base-url", "https://tocsin.example", "--listen-console", "127.0.0.1:0")
	c := client(pool)
	for _, path := range []string{"/?lang=zh", "/healthz", "/api/v1/signals/1", "/static/x", "/nowhere"} {
		a, _ := ask(t, c, http.MethodGet, "https://"+at["pages"]+path)
		if got := a.Header.Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=31536000") {
			t.Errorf("%s: HSTS %q", path, got)
		}
		for _, k := range a.Cookies {
			if !k.Secure || !k.HttpOnly {
				t.Errorf("%s: cookie %+v", path, k)
			}
		}
	}
	if a, _ := ask(t, c, http.MethodGet, "https://"+at["desk"]+"/desk"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the desk: %d", a.StatusCode)
	}
	a, _ := ask(t, c, http.MethodGet, "http://"+at["to TLS"]+"/my?x=1")
	if to := a.Header.Get("Location"); a.StatusCode != http.StatusPermanentRedirect || to != "https://tocsin.example/my?x=1" {
		t.Errorf("over to %d %s", a.StatusCode, to)
	}
	if a, _ := ask(t, c, http.MethodPost, "http://"+at["to TLS"]+"/my"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a form over plain HTTP: %d", a.StatusCode)
	}
	old := tls.Dialer{Config: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}
	if conn, err := old.DialContext(t.Context(), "tcp", at["pages"]); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 is taken")
	}
	if err := os.WriteFile(cert, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	ask(t, c, http.MethodGet, "https://"+at["pages"]+"/healthz")
	renewed := pair(t, cert, key, 2)
	ask(t, client(renewed), http.MethodGet, "https://"+at["pages"]+"/healthz")
}

func TestWebSettings(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                  "",
		"--tls-cert a":      "tls-cert and tls-key go together",
		"--tls-key a":       "tls-cert and tls-key go together",
		"--listen-http :80": "listen-http sends browsers on to TLS",
		"--acme-domain a.example --tls-cert a --tls-key b":                    "exclude each other",
		"--console-url https://x.example":                                     "listen-console",
		"--listen-console :1 --console-url x.example":                         "console-url",
		"--trusted-proxies 10.0.0.1":                                          "trusted-proxies",
		"--trusted-proxies 10.0.0.1/32":                                       "",
		"--connections 1":                                                     "connections",
		"--rate-factor=-1":                                                    "rate-factor",
		"--database postgres://u:canary@db.example/x":                         "sslmode",
		"--database postgres://u:canary@db.example/x?sslmode=prefer":          "sslmode",
		"--database postgres://u:canary@db.example/x?sslmode=disable":         "sslmode",
		"--database postgres://u:canary@127.0.0.1,db.example/x?sslmode=allow": "db.example",
		"--database postgres://u:canary@/x?host=db.example":                   "sslmode",
		"--database postgres://u:can%zzary@db.example/x":                      "escaped",
		"--database postgres://u:canary@db.example/x?sslmode=verify-full":     "",
		"--database postgres://u:canary@10.0.0.5:5432/x?sslmode=require":      "",
		"--database postgres://u:canary@127.0.0.1:5432/x":                     "",
		"--database postgres://u:canary@[::1]:5432/x?sslmode=disable":         "",
		"--database postgres://u:canary@localhost/x":                          "",
		"--database postgres:///x?host=/var/run/postgresql":                   "",
	} {
		_, _, _, err := parse(append([]string{"config", "dump"}, strings.Fields(args)...), nil, io.Discard, io.Discard)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", args, err)
		}
		if err != nil && strings.Contains(err.Error(), "can") && strings.Contains(err.Error(), "ary") {
			t.Errorf("%s: the message tells the password: %v", args, err)
		}
	}
}

// No secret is printed by the dump, logged at debug, or told by an error.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const canary = "Canary7Secret"
	var environ []string
	for f := range reflect.TypeFor[Config]().Fields() {
		kind, secret := f.Tag.Lookup("secret")
		if !secret {
			continue
		}
		value := canary
		if kind == "url" {
			value = "postgres://u:" + canary + "@127.0.0.1:1/x?sslpassword=" + canary + "&connect_timeout=1"
		}
		environ = append(environ, "TOCSIN_"+strings.ToUpper(strings.ReplaceAll(flagName(f), "-", "_"))+"="+value)
	}
	if len(environ) < 2 {
		t.Fatal("no setting is secret")
	}
	for _, args := range [][]string{
		{"config", "dump"},
		{"feed", "list", "--log-level", "debug"},
		{"serve", "--log-level", "debug", "--smtp-host", "127.0.0.1:1", "--listen", "127.0.0.1:0"},
	} {
		var out bytes.Buffer
		Run(t.Context(), append(args, "--data", filepath.Join(t.TempDir(), "data")), environ, strings.NewReader(""), &out, &out)
		if out.Len() == 0 || strings.Contains(out.String(), canary) {
			t.Errorf("%v:\n%s", args, out.String())
		}
	}
}

// The strict headers of an answer, whole.
func TestHeaders(t *testing.T) {
	t.Parallel()
	_, at := started(t, "--secure")
	common := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "Cache-Control": "no-store",
	}
	page := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), display-capture=(), " +
			"geolocation=(), microphone=(), payment=(), usb=()",
	}
	call := map[string]string{"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
	for path, own := range map[string]map[string]string{
		"/sign-in": page, "/my": page, "/desk": page, "/sign-in/x": page, "/api/v1/signals/1": call, "/healthz": call, "/api/x": call,
	} {
		a, _ := ask(t, client(nil), http.MethodGet, "http://"+at["pages"]+path)
		got, want := map[string]string{}, map[string]string{}
		for _, headers := range []map[string]string{common, own} {
			for name, value := range headers {
				want[name], got[name] = value, a.Header.Get(name)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", path, d)
		}
		if path == "/sign-in" && !a.Compressed {
			t.Errorf("%s is not compressed", path)
		}
		if a.Header.Get("X-Request-Id") == "" || a.Header.Get("Server") != "" || a.Header.Get("X-Powered-By") != "" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
}

// Whoever comes through a trusted proxy is locked out by their own address, though nothing is limited.
func TestLockOutBehindProxy(t *testing.T) {
	t.Parallel()
	_, at := started(t, "--rate-factor", "0", "--trusted-proxies", "127.0.0.0/8")
	try := func(from, mail string) bool {
		form := strings.NewReader("mail=" + mail + "&password=wrong&code=1")
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at["pages"]+"/sign-in", form)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("X-Forwarded-For", from)
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a, err := client(nil).Do(q)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Error(err)
		}
		_ = a.Body.Close()
		return strings.Contains(string(body), "Too many attempts")
	}
	locked := false
	for n := range 60 {
		if locked = try("203.0.113.7", fmt.Sprintf("a%d@b.example", n)); locked {
			break
		}
	}
	if !locked || try("198.51.100.7", "c@b.example") {
		t.Errorf("the network that guesses waits: %v; or another does", locked)
	}
}
