package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"tocsin/internal/access"
	"tocsin/internal/finding"
	"tocsin/internal/store"
)

// sorted sorts in place and returns its argument.
func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}

// TestJourney goes the whole way of one finding against the running program and a real mail server.
func TestJourney(t *testing.T) {
	heavy(t)
	dir := t.TempDir()
	gpg := newKeyring(t)
	inbox := newInbox(t)
	parties := filepath.Join(dir, "parties.yaml")
	write(t, parties, "parties:\n  - id: city-hospital\n    name: City Hospital\n    kind: institution\n    language: en\n"+
		"    contacts:\n      - role: security\n        name: IT\n        mail: it@hospital.example\n        pgp_key: |\n"+
		indent(gpg.public, "          ")+"    resources:\n      - prefix: 198.51.100.0/24\n")
	addr := freeAddr(t)
	env := []string{
		"TOCSIN_LISTEN=" + addr, "TOCSIN_BASE_URL=http://" + addr, "TOCSIN_SMTP_HOST=" + inbox.addr, "TOCSIN_SMTP_TLS=none",
		"TOCSIN_MAIL=csirt@authority.example", "TOCSIN_NAME=CSIRT",
	}
	must(t, dir, env, "party", "import", parties)
	must(t, dir, env, "feed", "add", "shadowserver")
	token := strings.TrimSpace(must(t, dir, env, "feed", "token", "shadowserver"))
	p := start(t, dir, env, "serve")
	p.wait("listening", 1, 30*time.Second)
	j := &journey{t: t, base: "http://" + addr, token: token, db: filepath.Join(dir, "tocsin-data", "tocsin.db")}

	// Report in: the finding is seen on three days, beside others that stay.
	for _, ago := range []int{8, 7, 6} {
		j.push(ago, true)
	}
	// The first notice of an installation waits until somebody has looked at it. Out then, encrypted to the hospital.
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(must(t, dir, env, "mail", "held"), "it@hospital.example"); {
		if time.Now().After(deadline) {
			t.Fatal("no notice waits to be released")
		}
		<-time.After(200 * time.Millisecond)
	}
	if len(inbox.mails) > 0 {
		t.Fatal("a mail went out before anybody released it")
	}
	if said := must(t, dir, env, "mail", "release"); !strings.Contains(said, "1 notices were released") {
		t.Fatalf("mail release: %q", said)
	}
	notice := gpg.open(t, inbox.next(t))
	link := regexp.MustCompile(regexp.QuoteMeta(j.base) + `/n/[A-Za-z0-9_.~-]+`).FindString(notice)
	if link == "" || !strings.Contains(notice, "198.51.100.7") {
		t.Fatalf("the notice names neither link nor address:\n%s", notice)
	}
	j.await(finding.Notified)
	// Answer through the link: a claim, and the finding is still open.
	j.answer(link, "fixed")
	j.await(finding.ClaimedFixed)
	// Absent for two whole cycles: still claimed. Absent for more than three: verified.
	for _, ago := range []int{5, 4} {
		j.push(ago, false)
	}
	j.stays(finding.ClaimedFixed)
	for _, ago := range []int{3, 2} {
		j.push(ago, false)
	}
	j.await(finding.VerifiedClosed)
	// Seen again.
	j.push(1, true)
	j.await(finding.Reopened, finding.Notified)
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM:\n%s", code, p.output())
	}
}

type journey struct {
	t               *testing.T
	base, token, db string
}

// push delivers the report of a day as Shadowserver names it: addresses 1 to 4 are always in it, 7 where with is set.
func (j *journey) push(ago int, with bool) {
	j.t.Helper()
	day := time.Now().UTC().AddDate(0, 0, -ago)
	body := "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,banner\n"
	for host := 1; host <= 7; host++ {
		if host <= 4 || host == 7 && with {
			body += fmt.Sprintf("%s 04:05:06,high,198.51.100.%d,tcp,23,,telnet,64496,ZZ,,,0,,,login:\n", day.Format(time.DateOnly), host)
		}
	}
	name := day.Format(time.DateOnly) + "-scan_telnet-test.csv"
	q, err := http.NewRequestWithContext(j.t.Context(), http.MethodPost, j.base+"/api/v1/signals?name="+name, strings.NewReader(body))
	if err != nil {
		j.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+j.token)
	q.Header.Set("Idempotency-Key", name)
	q.Header.Set("Content-Type", "text/csv")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		j.t.Fatal(err)
	}
	defer a.Body.Close()
	if text, _ := io.ReadAll(a.Body); a.StatusCode != http.StatusCreated {
		j.t.Fatalf("push: %s: %s", a.Status, text)
	}
}

// answer opens the link without an account and sends the form for every finding on it.
func (j *journey) answer(link, kind string) {
	j.t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	page := j.get(client, link)
	if !strings.Contains(page, "198.51.100.7") {
		j.t.Fatalf("the page behind the link does not show the address:\n%s", page)
	}
	form := url.Values{"answer": {kind}, "scope": {"all"}}
	q, err := http.NewRequestWithContext(j.t.Context(), http.MethodPost, link, strings.NewReader(form.Encode()))
	if err != nil {
		j.t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Origin", j.base)
	a, err := client.Do(q)
	if err != nil {
		j.t.Fatal(err)
	}
	defer a.Body.Close()
	if text, _ := io.ReadAll(a.Body); a.StatusCode != http.StatusOK {
		j.t.Fatalf("answer: %s: %s", a.Status, text)
	}
}

func (j *journey) get(client *http.Client, address string) string {
	j.t.Helper()
	q, err := http.NewRequestWithContext(j.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		j.t.Fatal(err)
	}
	a, err := client.Do(q)
	if err != nil {
		j.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		j.t.Fatalf("%s: %s, %v", address, a.Status, err)
	}
	return string(text)
}

// state reads where the finding at 198.51.100.7 stands, and whether every signal has been folded and written back.
func (j *journey) state() (finding.State, bool) {
	j.t.Helper()
	s, err := store.Open(j.t.Context(), j.db)
	if err != nil {
		j.t.Fatal(err)
	}
	defer s.Close()
	var is finding.State
	settled := true
	err = s.View(j.t.Context(), func(tx *store.Tx) error {
		last, err := tx.LastFinding(j.t.Context())
		if err != nil {
			return err
		}
		for id := last; id > 0; id-- {
			f, err := tx.FindingByID(j.t.Context(), id)
			if err != nil {
				return err
			}
			if f.Identity.Asset.Value == "198.51.100.7" {
				is = f.State
			}
		}
		signals, err := tx.ListSignals(j.t.Context(), "", 0, 100, access.Always)
		if err != nil {
			return err
		}
		for _, g := range signals {
			settled = settled && g.State == "folded"
		}
		empty, err := tx.JournalEmpty(j.t.Context())
		settled = settled && empty
		return err
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return is, settled
}

// await waits until the finding is in one of the states.
func (j *journey) await(want ...finding.State) {
	j.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		is, _ := j.state()
		if slices.Contains(want, is) {
			return
		}
		if time.Now().After(deadline) {
			j.t.Fatalf("the finding is %q, want %q", is, want)
		}
		<-time.After(200 * time.Millisecond)
	}
}

// stays checks that the finding is in state want after everything delivered was folded and the evidence weighed.
func (j *journey) stays(want finding.State) {
	j.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for settled := false; !settled; {
		if time.Now().After(deadline) {
			j.t.Fatal("signals are not folded")
		}
		<-time.After(500 * time.Millisecond)
		_, settled = j.state()
	}
	<-time.After(3 * time.Second) // the verifier looks when a fold is done
	if is, _ := j.state(); is != want {
		j.t.Fatalf("the finding is %q, want %q", is, want)
	}
}

// inbox is a mail server on the loopback.
type inbox struct {
	addr  string
	mails chan []byte
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &inbox{addr: ln.Addr().String(), mails: make(chan []byte, 100)}
	s := smtp.NewServer(b)
	s.AllowInsecureAuth = true
	go func() { _ = s.Serve(ln) }() // it ends with the test
	t.Cleanup(func() { _ = s.Close() })
	return b
}

// NewSession makes the server's side of one connection.
func (b *inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &letter{inbox: b}, nil }

type letter struct {
	inbox *inbox
	to    []string
}

func (l *letter) Mail(string, *smtp.MailOptions) error { return nil }
func (l *letter) Rcpt(to string, _ *smtp.RcptOptions) error {
	l.to = append(l.to, to)
	return nil
}

func (l *letter) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err == nil && !slices.Equal(l.to, []string{"it@hospital.example"}) {
		err = fmt.Errorf("mail to %v", l.to)
	}
	l.inbox.mails <- b
	return err
}

func (l *letter) Reset()        { l.to = nil }
func (l *letter) Logout() error { return nil }

func (b *inbox) next(t *testing.T) []byte {
	t.Helper()
	select {
	case m := <-b.mails:
		return m
	case <-time.After(2 * time.Minute):
		t.Fatal("no mail came")
	}
	return nil
}

// keyring is a GnuPG home of the test's own.
type keyring struct{ gpg, home, public string }

func newKeyring(t *testing.T) *keyring {
	t.Helper()
	k := &keyring{gpg: need(t, "gpg"), home: filepath.Join(t.TempDir(), "g")}
	if err := os.Mkdir(k.home, 0o700); err != nil {
		t.Fatal(err)
	}
	k.run(t, nil, "--passphrase", "", "--quick-gen-key", "IT <it@hospital.example>", "default", "default", "never")
	k.public = k.run(t, nil, "--armor", "--export", "it@hospital.example")
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", k.home, "--kill", "all").Run() })
	return k
}

func (k *keyring) run(t *testing.T, in []byte, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), k.gpg, append([]string{"--homedir", k.home, "--batch", "--yes", "--pinentry-mode", "loopback"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gpg %v: %v\n%s", args, err, errOut.String())
	}
	return string(out)
}

// open checks that the mail is PGP/MIME (RFC 3156) and returns the text of what is inside.
func (k *keyring) open(t *testing.T, raw []byte) string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if id := m.Header.Get("Message-ID"); !strings.HasSuffix(id, "@authority.example>") {
		t.Errorf("Message-ID %q", id)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/encrypted" || params["protocol"] != "application/pgp-encrypted" {
		t.Fatalf("content type %q %v, %v", kind, params, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	if _, err := parts.NextPart(); err != nil {
		t.Fatal(err)
	}
	sealed, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	armour, err := io.ReadAll(sealed)
	if err != nil {
		t.Fatal(err)
	}
	return k.text(t, k.run(t, armour, "--decrypt"))
}

// text joins the plain text and the names of attachments of a decrypted body.
func (k *keyring) text(t *testing.T, body string) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	var names []string
	walk(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body, &text, &names)
	for _, want := range []string{"findings.csv", "events.jsonl", "xarf.json"} {
		if !slices.Contains(names, want) {
			t.Errorf("attachment %s is missing: %v", want, names)
		}
	}
	return text.String()
}

func walk(t *testing.T, contentType, encoding string, r io.Reader, text *strings.Builder, names *[]string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		b, err := io.ReadAll(decoded(encoding, r))
		if err != nil {
			t.Fatal(err)
		}
		if kind == "text/plain" {
			text.Write(b)
		}
		return
	}
	for parts := multipart.NewReader(r, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if name := p.FileName(); name != "" {
			*names = append(*names, name)
		}
		walk(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, text, names)
	}
}
