package notice_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/emersion/go-message"
	"github.com/google/go-cmp/cmp"

	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/testkit"
)

// part is a leaf of a message.
type part struct {
	typ, name string
	body      []byte
}

// leaves takes a message apart.
func leaves(t testing.TB, raw []byte) (message.Header, []part) {
	t.Helper()
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var out []part
	err = e.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		typ, params, err := e.Header.ContentType()
		if err != nil || strings.HasPrefix(typ, "multipart/") {
			return err
		}
		body, err := io.ReadAll(e.Body)
		out = append(out, part{typ, params["name"], body})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.Header, out
}

func compose(t testing.TB, l *notice.Letter, signer *notice.SigningKey) notice.Mail {
	t.Helper()
	m, err := l.Compose(signer)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range bytes.SplitAfter(m.Message, []byte("\n")) {
		if len(line) > 0 && !bytes.HasSuffix(line, []byte("\r\n")) || len(line) > 1000 {
			t.Fatalf("line %d does not end in CRLF or is too long: %q", i, line)
		}
		for _, c := range line {
			if c >= 0x80 {
				t.Fatalf("line %d is not ASCII: %q", i, line)
			}
		}
	}
	return m
}

func TestComposePlain(t *testing.T) {
	t.Parallel()
	l := letter(t, notice.Reminder, "zh")
	m := compose(t, l, nil)
	h, parts := leaves(t, m.Message)
	for field, want := range map[string]string{
		"Date": "Mon, 23 Nov 2026 04:00:00 +0000", "Message-Id": "<ntc_0123456789abcdefghjkmnpqrs@anhe.example>",
		"In-Reply-To": "<ntc_00000000000000000000000000@anhe.example>", "References": "<ntc_00000000000000000000000000@anhe.example>",
		"Auto-Submitted": "auto-generated", "X-Tocsin-Notice": "ntc_0123456789abcdefghjkmnpqrs", "Content-Language": "zh",
		"Reply-To": "<csirt@anhe.example>", "Mime-Version": "1.0",
	} {
		if have := h.Get(field); have != want {
			t.Errorf("%s: %q, want %q", field, have, want)
		}
	}
	for field, want := range map[string]string{
		"Subject": "[TLP:GREEN] " + l.Notice.Subject, "From": `安和省网络安全应急中心 <csirt@anhe.example>`, "To": `王芳 <security@hospital.example>`,
	} {
		if have, err := h.Text(field); err != nil || have != want {
			t.Errorf("%s: %q, want %q (%v)", field, have, want, err)
		}
	}
	text, html, err := l.Bodies("findings.csv", "events.jsonl", "xarf.json")
	if err != nil {
		t.Fatal(err)
	}
	table, _ := l.Table()
	events, _ := l.Events()
	xarf, _ := l.XARF()
	want := []part{
		{"text/plain", "", []byte(strings.ReplaceAll(text, "\n", "\r\n"))},
		{"text/html", "", []byte(strings.ReplaceAll(html, "\n", "\r\n"))},
		{"text/csv", "findings.csv", table},
		{"application/x-ndjson", "events.jsonl", events},
		{"application/json", "xarf.json", xarf},
	}
	if d := cmp.Diff(want, parts, cmp.AllowUnexported(part{})); d != "" {
		t.Error(d)
	}
	if again := compose(t, l, nil); !bytes.Equal(m.Message, again.Message) {
		t.Error("composing again makes other bytes")
	}
}

// Large machine-readable attachments are compressed and named so.
func TestComposeLarge(t *testing.T) {
	t.Parallel()
	l := letter(t, notice.Urgent, "en")
	for len(l.Items) < 5000 {
		l.Items = append(l.Items, l.Items[0])
	}
	m := compose(t, l, nil)
	_, parts := leaves(t, m.Message)
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	if d := cmp.Diff([]string{"", "", "findings.csv", "events.jsonl.gz", "xarf.json.gz"}, names); d != "" {
		t.Error(d)
	}
	if !bytes.Contains(parts[0].body, []byte("xarf.json.gz")) {
		t.Error("the text names other attachments")
	}
	if len(m.Message) > 6<<20 {
		t.Errorf("the mail has %d bytes; many servers refuse that", len(m.Message))
	}
}

// keyPair makes an OpenPGP key that lives for life after born (0 = for ever).
func keyPair(t testing.TB, address string, born time.Time, life time.Duration) (public, private string) {
	t.Helper()
	c := &packet.Config{Time: func() time.Time { return born }, KeyLifetimeSecs: uint32(life.Seconds()), Algorithm: packet.PubKeyAlgoEdDSA}
	e, err := openpgp.NewEntity("Test", "", address, c)
	if err != nil {
		t.Fatal(err)
	}
	var pub, priv bytes.Buffer
	for _, k := range []struct {
		b     *bytes.Buffer
		block string
		write func(io.Writer) error
	}{
		{&pub, openpgp.PublicKeyType, e.Serialize},
		{&priv, openpgp.PrivateKeyType, func(w io.Writer) error { return e.SerializePrivate(w, c) }},
	} {
		w, err := armor.Encode(k.b, k.block, nil)
		if err == nil {
			err = errors.Join(k.write(w), w.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return pub.String(), priv.String()
}

// gpg runs the program that the other side has, in a home of its own.
func gpg(t testing.TB, keys ...string) func(stdin []byte, args ...string) (stdout, status []byte, err error) {
	t.Helper()
	bin, err := exec.LookPath("gpg")
	if err != nil {
		testkit.Missing(t, "gpg is not installed: cannot read PGP/MIME as a receiver would")
	}
	home, err := os.MkdirTemp("", "gpg") //nolint:usetesting // the path of the agent's socket has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	run := func(stdin []byte, args ...string) ([]byte, []byte, error) {
		var out, status bytes.Buffer
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), bin, append([]string{
			"--homedir", home, "--batch", "--quiet", "--no-tty", "--trust-model", "always", "--pinentry-mode", "loopback",
			"--passphrase", "", "--status-fd", "2",
		}, args...)...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &status
		err := cmd.Run()
		return out.Bytes(), status.Bytes(), err
	}
	t.Cleanup(func() {
		kill := exec.CommandContext(context.WithoutCancel(t.Context()), "gpgconf", "--homedir", home, "--kill", "all")
		_ = kill.Run() // the agent may not have been started
		_ = os.RemoveAll(home)
	})
	for _, k := range keys {
		if _, status, err := run([]byte(k), "--import"); err != nil {
			t.Fatalf("import a key: %v\n%s", err, status)
		}
	}
	return run
}

// What goes out encrypted opens with gpg to the same letter, its signature is good, and nothing of it is outside.
func TestComposeEncrypted(t *testing.T) {
	t.Parallel()
	toPublic, toPrivate := keyPair(t, "security@hospital.example", noon.AddDate(-1, 0, 0), 0)
	signPublic, signPrivate := keyPair(t, "csirt@anhe.example", noon.AddDate(-1, 0, 0), 0)
	run := gpg(t, toPrivate, signPublic)
	signer, err := notice.ReadSigningKey(signPrivate)
	if err != nil {
		t.Fatal(err)
	}
	l := letter(t, notice.Digest, "en")
	l.Contact.PGPKey = toPublic
	m := compose(t, l, signer)
	h, parts := leaves(t, m.Message)
	typ, params, err := h.ContentType()
	if err != nil || typ != "multipart/encrypted" || params["protocol"] != "application/pgp-encrypted" {
		t.Fatalf("%s %v %v", typ, params, err)
	}
	if len(parts) != 2 || string(parts[0].body) != "Version: 1\r\n" || parts[1].typ != "application/octet-stream" {
		t.Fatalf("%q", parts)
	}
	for _, word := range []string{"Infected", "resolver", "192.0.2.53", "2 findings", "City Hospital"} {
		if bytes.Contains(m.Message, []byte(word)) {
			t.Errorf("%q can be read from outside", word)
		}
	}
	inner, status, err := run(parts[1].body, "--faked-system-time", "20261201T000000", "--decrypt")
	if err != nil || !bytes.Contains(status, []byte("GOODSIG")) {
		t.Fatalf("%v\n%s", err, status)
	}
	h, parts = leaves(t, inner)
	if s, _ := h.Text("Subject"); s != "[TLP:GREEN] "+l.Notice.Subject {
		t.Errorf("the subject inside is %q", s)
	}
	text, _, _ := l.Bodies("findings.csv", "events.jsonl", "xarf.json")
	if len(parts) != 5 || string(parts[0].body) != strings.ReplaceAll(text, "\n", "\r\n") {
		t.Errorf("%d parts; the text is %q", len(parts), parts[0].body)
	}
}

// A signed mail verifies over exactly the bytes of its first part.
func TestComposeSigned(t *testing.T) {
	t.Parallel()
	public, private := keyPair(t, "csirt@anhe.example", noon.AddDate(-1, 0, 0), 0)
	run := gpg(t, public)
	signer, err := notice.ReadSigningKey(private)
	if err != nil {
		t.Fatal(err)
	}
	m := compose(t, letter(t, notice.Urgent, "zh"), signer)
	h, parts := leaves(t, m.Message)
	typ, params, err := h.ContentType()
	if err != nil || typ != "multipart/signed" || params["micalg"] != "pgp-sha256" {
		t.Fatalf("%s %v %v", typ, params, err)
	}
	sections := bytes.Split(m.Message, []byte("--"+params["boundary"]))
	signed := bytes.TrimSuffix(bytes.TrimPrefix(sections[1], []byte("\r\n")), []byte("\r\n"))
	file := filepath.Join(t.TempDir(), "sig.asc")
	if err := os.WriteFile(file, parts[len(parts)-1].body, 0o600); err != nil {
		t.Fatal(err)
	}
	_, status, err := run(signed, "--faked-system-time", "20261201T000000", "--verify", file, "-")
	if err != nil || !bytes.Contains(status, []byte("GOODSIG")) {
		t.Errorf("%v\n%s", err, status)
	}
}

// What is marked more strictly than a mail may carry leaves only the link; the mark stands in the subject and above the text.
func TestComposeMarked(t *testing.T) {
	t.Parallel()
	key, _ := keyPair(t, "security@hospital.example", noon.AddDate(-1, 0, 0), 0)
	for _, tlp := range marking.TLPs {
		for way, most := range map[string]marking.TLP{"": marking.Green, key: marking.AmberStrict} {
			l := letter(t, notice.Digest, "en")
			l.Notice.TLP, l.Contact.PGPKey, l.Items[0].TLP = marking.Clear, way, tlp
			mark := max(tlp, marking.Green)
			m := compose(t, l, nil)
			h, parts := leaves(t, m.Message)
			if s, _ := h.Text("Subject"); !strings.HasPrefix(s, "["+mark.String()+"] ") || m.Problem != "" {
				t.Errorf("%s: subject %q, problem %q", mark, s, m.Problem)
			}
			encrypted := bytes.Contains(m.Message, []byte("multipart/encrypted"))
			said := bytes.Contains(m.Message, []byte("192.0.2.53"))
			if encrypted != (way != "" && mark <= most) || said != (way == "" && mark <= most) {
				t.Errorf("%s, key %t: encrypted %t, in clear %t", mark, way != "", encrypted, said)
			}
			if !encrypted && (!bytes.HasPrefix(parts[0].body, []byte(mark.String())) || !bytes.Contains(parts[0].body, []byte(l.Link))) {
				t.Errorf("%s: %s", mark, parts[0].body)
			}
			if !encrypted && !said && len(parts) != 2 {
				t.Errorf("%s: a mail with the link only has %d parts", mark, len(parts))
			}
		}
	}
}

// A party that gave a key never gets a notice in clear: a key that cannot be used leaves only the link.
func TestComposeWithBadKey(t *testing.T) {
	t.Parallel()
	expired, _ := keyPair(t, "security@hospital.example", noon.AddDate(-2, 0, 0), 24*time.Hour)
	for key, want := range map[string]string{expired: "expired", "garbage": "broken", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n": "broken"} {
		l := letter(t, notice.Digest, "en")
		l.Contact.PGPKey = key
		m := compose(t, l, nil)
		h, parts := leaves(t, m.Message)
		if m.Problem != want || len(parts) != 2 || !bytes.Contains(parts[0].body, []byte(l.Link)) {
			t.Errorf("%s: %d parts, problem %q", want, len(parts), m.Problem)
		}
		if s, _ := h.Text("Subject"); s != "[TLP:GREEN] Security notice "+string(l.Notice.ID) {
			t.Errorf("subject %q", s)
		}
		for _, p := range parts {
			for _, word := range []string{"Infected", "resolver", "192.0.2.53", "2 findings"} {
				if bytes.Contains(p.body, []byte(word)) {
					t.Errorf("%q is in clear", word)
				}
			}
		}
	}
	if _, err := notice.ReadSigningKey("garbage"); err == nil {
		t.Error("garbage is taken for a signing key")
	}
	if k, err := notice.ReadSigningKey(" \n"); k != nil || err != nil {
		t.Error("no key is not a mistake")
	}
}

// No name and no class title makes a header line of its own or breaks the message.
func FuzzSubject(f *testing.F) {
	f.Add("City Hospital", "Wang Fang", "Open DNS resolver")
	f.Add("a\r\nBcc: all@example.org", "b\nX: y", "c\rd")
	f.Add("\u202egnp.exe", "\x00\x1b[31m", "=?utf-8?q?=0D=0ABcc:_x?=")
	f.Add("市第一人民医院", "王芳\u2028", "开放的 DNS 解析器\u0085")
	f.Add(strings.Repeat("x", 5000), "\xff\xfe", "")
	f.Add(strings.Repeat("x", 4978), "\xff\xfe", "")
	f.Add("0", "\xe2\\", "0")
	f.Fuzz(func(t *testing.T, who, person, title string) {
		l := letter(t, notice.Urgent, "en")
		class := *l.Items[0].Class
		class.Title.EN = title
		l.Items[0].Class, l.Party.Name, l.Contact.Name, l.Sender.Name = &class, who, person, who
		l.Notice.Subject = notice.SubjectOf(l.Notice, l.Party, l.Items)
		for _, r := range l.Notice.Subject {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
				t.Errorf("%q has %U", l.Notice.Subject, r)
			}
		}
		if !strings.HasSuffix(l.Notice.Subject, "["+string(l.Notice.ID)+"]") {
			t.Errorf("%q does not end in the notice's number", l.Notice.Subject)
		}
		l.Items = nil
		m := compose(t, l, nil)
		msg, err := mail.ReadMessage(bytes.NewReader(m.Message))
		if err != nil {
			t.Fatal(err)
		}
		allowed := map[string]bool{
			"Date": true, "From": true, "Reply-To": true, "To": true, "Subject": true, "Message-Id": true,
			"Auto-Submitted": true, "Content-Language": true, "X-Tocsin-Notice": true, "Mime-Version": true, "Content-Type": true,
		}
		for k, v := range msg.Header {
			if !allowed[k] || len(v) != 1 {
				t.Errorf("header %s: %q", k, v)
			}
		}
		for _, field := range []string{"From", "To"} {
			if list, err := msg.Header.AddressList(field); err != nil || len(list) != 1 {
				t.Errorf("%s: %v %v", field, list, err)
			}
		}
	})
}
