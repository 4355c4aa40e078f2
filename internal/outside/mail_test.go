package outside_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"tocsin/internal/notice"
	"tocsin/internal/outside"
)

// mailServer is a real SMTP server on loopback that keeps what it is given.
type mailServer struct {
	addr   string
	refuse func(step string) error // step: "mail", "rcpt", "data"

	mu    sync.Mutex
	mails []notice.Envelope
	user  string
	tls   bool
}

func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	return &mailSession{m: m, secure: secure}, nil
}

type mailSession struct {
	m      *mailServer
	e      notice.Envelope
	secure bool
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "right" {
			return smtp.ErrAuthFailed
		}
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		s.m.user = user
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.e.From = from
	return s.m.refuse("mail")
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.e.To = to
	return s.m.refuse("rcpt")
}

func (s *mailSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.m.refuse("data"); err != nil {
		return err
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.e.Message = b
	s.m.mails, s.m.tls = append(s.m.mails, s.e), s.secure
	return nil
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// serve starts the server; config nil offers no TLS.
func serve(t *testing.T, config *tls.Config, implicit bool) *mailServer {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{addr: ln.Addr().String(), refuse: func(string) error { return nil }}
	s := smtp.NewServer(m)
	s.Domain, s.EnableDSN, s.AllowInsecureAuth = "mx.example", true, true
	if implicit {
		ln = tls.NewListener(ln, config)
	} else {
		s.TLSConfig = config
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(ln) // ends with an error when closed
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return m
}

// certificate makes a server certificate for 127.0.0.1 and the pool that trusts it.
func certificate(t *testing.T) (server *tls.Config, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(c)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

var oneMail = notice.Envelope{
	From: "csirt@anhe.example", To: "security@hospital.example", Message: []byte("Subject: x\r\n\r\nHello\r\n.\r\n..dots\r\n"),
}

func send(t *testing.T, c outside.MailConfig) error {
	t.Helper()
	s, err := outside.NewSMTP(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.Send(t.Context(), oneMail)
}

func TestSMTPProtection(t *testing.T) {
	t.Parallel()
	config, roots := certificate(t)
	trusted := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	for _, c := range []struct {
		name     string
		offers   *tls.Config
		implicit bool
		policy   outside.TLSPolicy
		roots    *tls.Config
		login    string
		want     string // part of the error; empty: the mail arrives
		secure   bool
	}{
		{name: "by default TLS must be offered", want: "does not offer STARTTLS"},
		{name: "and is used", offers: config, roots: trusted, secure: true},
		{name: "with a certificate that is trusted", offers: config, want: "certificate"},
		{name: "opportunistic without", policy: outside.Opportunistic},
		{name: "opportunistic with", policy: outside.Opportunistic, offers: config, roots: trusted, secure: true},
		{name: "none although offered", policy: outside.NoTLS, offers: config},
		{name: "from the first byte", policy: outside.ImplicitTLS, offers: config, implicit: true, roots: trusted, secure: true},
		{name: "login", offers: config, roots: trusted, login: "right", secure: true},
		{name: "login refused", offers: config, roots: trusted, login: "wrong", want: "AUTH"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := serve(t, c.offers, c.implicit)
			mc := outside.MailConfig{Addr: m.addr, TLS: c.policy, RootCAs: c.roots}
			if c.login != "" {
				mc.User, mc.Password = "tocsin", c.login
			}
			err := send(t, mc)
			if c.want != "" {
				var s *notice.SendError
				if !errors.As(err, &s) || !strings.Contains(err.Error(), c.want) || s.Permanent() || len(m.mails) > 0 {
					t.Errorf("%v, want %q and to try again", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(m.mails) != 1 || m.mails[0].From != oneMail.From || m.mails[0].To != oneMail.To ||
				string(m.mails[0].Message) != string(oneMail.Message) || m.tls != c.secure {
				t.Errorf("%q, protected %v", m.mails, m.tls)
			}
			if c.login != "" && m.user != "tocsin" {
				t.Errorf("logged in as %q", m.user)
			}
		})
	}
}

func TestSMTPRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step      string
		reply     *smtp.SMTPError
		permanent bool
		address   bool
	}{
		{"rcpt", &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}, true, true},
		{"rcpt", &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "we do not like you"}, true, false},
		{"rcpt", &smtp.SMTPError{Code: 551, EnhancedCode: smtp.NoEnhancedCode, Message: "not here"}, true, true},
		{"rcpt", &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted"}, false, false},
		{"data", &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "too large"}, true, false},
		{"data", &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}, false, false},
		{"mail", &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "sender refused"}, false, false},
	} {
		t.Run(c.step+" "+c.reply.Message, func(t *testing.T) {
			t.Parallel()
			m := serve(t, nil, false)
			m.refuse = func(step string) error {
				if step == c.step {
					return c.reply
				}
				return nil
			}
			var s *notice.SendError
			if err := send(t, outside.MailConfig{Addr: m.addr, TLS: outside.NoTLS}); !errors.As(err, &s) {
				t.Fatalf("%v", err)
			}
			if s.Permanent() != c.permanent || s.Address != c.address || !strings.Contains(s.Text, c.reply.Message) {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestSMTPUnreachable(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	silent, err := outside.NewSMTP(outside.MailConfig{Addr: ln.Addr().String(), TLS: outside.NoTLS, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var s *notice.SendError
	if err := silent.Send(t.Context(), oneMail); !errors.As(err, &s) || s.Permanent() {
		t.Errorf("a server that says nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := silent.Send(ctx, oneMail); err == nil {
		t.Error("sent although told to stop")
	}
	for _, to := range []string{"a@b> RCPT TO:<c@d", "a@b\r\nDATA", "nobody"} {
		e := oneMail
		e.To = to
		if err := silent.Send(t.Context(), e); !errors.As(err, &s) || !s.Permanent() || !s.Address {
			t.Errorf("to %q: %v", to, err)
		}
	}
	for _, c := range []outside.MailConfig{{Addr: "mx"}, {Addr: "mx:25", TLS: "some"}, {Addr: "mx:25", Timeout: time.Hour}} {
		if _, err := outside.NewSMTP(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
