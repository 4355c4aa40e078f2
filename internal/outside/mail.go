package outside

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/notice"
)

// TLSPolicy says how a connection to a mail server is protected.
type TLSPolicy string

// Policies. With Opportunistic a mail goes out in clear where the server offers nothing better; a login never does.
const (
	StartTLS      TLSPolicy = "starttls"      // must be offered, and the certificate must be valid; the default
	Opportunistic TLSPolicy = "opportunistic" // used where offered
	ImplicitTLS   TLSPolicy = "tls"           // from the first byte (port 465)
	NoTLS         TLSPolicy = "none"          // for a server on the same machine
)

// MailConfig says which mail server takes our mail.
type MailConfig struct {
	Addr     string // host:port
	TLS      TLSPolicy
	User     string // empty: no login
	Password string
	Hello    string        // our name in EHLO; "localhost" where empty
	Timeout  time.Duration // for one mail; 0 is 2 minutes
	RootCAs  *tls.Config   // base of the TLS configuration; nil is the system's
}

// SMTP hands mails to one mail server. It is safe for many goroutines; each mail has a connection of its own.
type SMTP struct{ c MailConfig }

// NewSMTP checks c and returns a mailer; fault.Invalid names what is wrong.
func NewSMTP(c MailConfig) (*SMTP, error) {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return nil, fault.New(fault.Invalid, "mail server %q: host:port was expected", c.Addr)
	}
	switch c.TLS {
	case "":
		c.TLS = StartTLS
	case StartTLS, Opportunistic, ImplicitTLS, NoTLS:
	default:
		return nil, fault.New(fault.Invalid, "mail server: TLS %q is not starttls, opportunistic, tls or none", c.TLS)
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Minute
	}
	if c.Timeout > notice.Lease/2 {
		return nil, fault.New(fault.Invalid, "mail server: a timeout of at most %s was expected", notice.Lease/2)
	}
	if c.Hello == "" {
		c.Hello = "localhost"
	}
	return &SMTP{c}, nil
}

// Send hands one mail to the server. Whatever goes wrong is a *notice.SendError, which tells whether to try again.
func (s *SMTP) Send(ctx context.Context, e notice.Envelope) error {
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	for _, a := range []string{e.From, e.To} {
		if strings.ContainsAny(a, "\r\n<> ") || !strings.Contains(a, "@") {
			return &notice.SendError{Code: 553, Enhanced: "5.1.3", Text: "not a mail address", Address: a == e.To}
		}
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return s.problem("connect", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes whatever waits on the connection
	defer stop()
	defer func() { _ = conn.Close() }()
	host, _, _ := net.SplitHostPort(s.c.Addr)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return s.problem("greeting", err)
	}
	if err := s.open(c, host); err != nil {
		return err
	}
	if err := s.hand(c, e); err != nil {
		return err
	}
	_ = c.Quit() // the server has the mail; how it says good-bye does not matter
	return nil
}

func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: 30 * time.Second}
	if s.c.TLS == ImplicitTLS {
		host, _, _ := net.SplitHostPort(s.c.Addr)
		return (&tls.Dialer{NetDialer: d, Config: s.tls(host)}).DialContext(ctx, "tcp", s.c.Addr)
	}
	return d.DialContext(ctx, "tcp", s.c.Addr)
}

func (s *SMTP) tls(host string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.c.RootCAs != nil {
		c = s.c.RootCAs.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	return c
}

// open greets, protects the connection and logs in.
func (s *SMTP) open(c *smtp.Client, host string) error {
	if err := c.Hello(s.c.Hello); err != nil {
		return s.problem("EHLO", err)
	}
	offered, _ := c.Extension("STARTTLS")
	switch {
	case s.c.TLS == StartTLS && !offered:
		return &notice.SendError{Text: "the mail server does not offer STARTTLS"}
	case offered && (s.c.TLS == StartTLS || s.c.TLS == Opportunistic):
		if err := c.StartTLS(s.tls(host)); err != nil {
			return s.problem("STARTTLS", err)
		}
	}
	if s.c.User == "" {
		return nil
	}
	_, mechanisms := c.Extension("AUTH")
	auth := smtp.PlainAuth("", s.c.User, s.c.Password, host, false)
	if !strings.Contains(" "+mechanisms+" ", " PLAIN ") && strings.Contains(mechanisms, "LOGIN") {
		auth = smtp.LoginAuth(s.c.User, s.c.Password, host, false)
	}
	if err := c.Auth(auth); err != nil {
		return s.problem("AUTH", err)
	}
	return nil
}

// hand gives over one mail. Where the server can, it is asked for delivery status notifications.
func (s *SMTP) hand(c *smtp.Client, e notice.Envelope) error {
	c.SkipSMTPUTF8(true)
	c.SetDSNMailReturnOption("HDRS")
	c.SetDSNRcptNotifyOption("SUCCESS,FAILURE,DELAY")
	if err := c.Mail("<" + e.From + ">"); err != nil {
		return s.problem("MAIL", err)
	}
	if err := c.Rcpt("<" + e.To + ">"); err != nil {
		return s.problem("RCPT", err)
	}
	w, err := c.Data()
	if err != nil {
		return s.problem("DATA", err)
	}
	if _, err := w.Write(e.Message); err != nil {
		return s.problem("DATA", err) // without the closing dot the server drops the mail
	}
	if err := w.Close(); err != nil {
		return s.problem("DATA", err)
	}
	return nil
}

var enhancedCode = regexp.MustCompile(`^([245]\.[0-9]{1,3}\.[0-9]{1,3})\s+`)

// problem turns what went wrong at step into a *notice.SendError. What the server has against us rather than against
// the recipient or the mail (before MAIL is through) is temporary however it is numbered: no contact must suffer for it.
func (s *SMTP) problem(step string, err error) error {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		return &notice.SendError{Text: fmt.Sprintf("%s: %v", step, err)}
	}
	out := &notice.SendError{Code: reply.Code, Text: event.Clean(strings.ReplaceAll(reply.Msg, "\n", " "))}
	if m := enhancedCode.FindStringSubmatch(out.Text); m != nil {
		out.Enhanced, out.Text = m[1], strings.TrimPrefix(out.Text, m[0])
	}
	switch step {
	case "RCPT":
		out.Address = badAddress(out.Code, out.Enhanced)
	case "DATA":
	default:
		if out.Code >= 500 {
			out.Code -= 100
		}
		out.Text = step + ": " + out.Text
	}
	return out
}

// badAddress reports whether a refusal of a recipient is about the address: 5.1.x (addressing) and 5.2.1 (mailbox
// disabled), or no enhanced code at all with 550, 551 or 553. Refusals by policy (5.7.x) are not.
func badAddress(code int, enhanced string) bool {
	if enhanced == "" {
		return code == 550 || code == 551 || code == 553
	}
	return strings.HasPrefix(enhanced, "5.1.") || enhanced == "5.2.1"
}
