package app

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// taker is a mail server that keeps what it takes, and refuses one address.
type taker struct {
	mu    sync.Mutex
	mails []string
}

func (t *taker) NewSession(*smtp.Conn) (smtp.Session, error) { return &taking{t}, nil }

type taking struct{ t *taker }

func (s *taking) Mail(string, *smtp.MailOptions) error { return nil }
func (s *taking) Reset()                               {}
func (s *taking) Logout() error                        { return nil }

func (s *taking) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox here"}
	}
	return nil
}

func (s *taking) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	s.t.mails = append(s.t.mails, string(b))
	return err
}

// The test of outgoing mail sends one and tells what the server says, word for word.
func TestMailTest(t *testing.T) {
	t.Parallel()
	took := &taker{}
	server := smtp.NewServer(took)
	server.Domain = "localhost"
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	run := func(host, to string) (string, error) {
		var out bytes.Buffer
		r := &running{ctx: t.Context(), cfg: &Config{SMTPHost: host, SMTPTLS: "none", Mail: "csirt@anhe.example", Name: "CSIRT"}, out: &out, errOut: &out, clock: time.Now}
		err := (&mailTestCommand{Address: to}).Run(r)
		return out.String(), err
	}
	said, err := run(l.Addr().String(), "ann@anhe.example")
	if err != nil || !strings.Contains(said, "took the mail from csirt@anhe.example to ann@anhe.example") {
		t.Errorf("%q, %v", said, err)
	}
	if len(took.mails) != 1 || !strings.Contains(took.mails[0], "Tocsin can send mail from here") || !strings.Contains(took.mails[0], "To: <ann@anhe.example>") {
		t.Errorf("the server has %q", took.mails)
	}
	if _, err := run(l.Addr().String(), "nobody@anhe.example"); err == nil || !strings.Contains(err.Error(), "550 5.1.1 no such mailbox here") {
		t.Errorf("a refused mailbox: %v", err)
	}
	if _, err := run("", "ann@anhe.example"); err == nil || !strings.Contains(err.Error(), "smtp-host") {
		t.Errorf("without a server: %v", err)
	}
}
