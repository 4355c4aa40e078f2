package notice_test

import (
	"strings"
	"testing"

	"tocsin/internal/notice"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	raw := strings.ReplaceAll(`From: =?utf-8?q?A=C3=A9?= <a@example.org>
Subject: hello
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

plain
--a
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+aGk8L3A+
--a--
--m
Content-Type: text/csv; name=x.csv
Content-Disposition: attachment; filename="../evil.csv"

a,b
--m--
`, "\n", "\r\n")
	m, err := notice.Open([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if m.Text != "plain" || m.HTML != "<p>hi</p>" || len(m.Attachments) != 1 || string(m.Attachments[0].Body) != "a,b" || m.Size != int64(len(raw)) {
		t.Errorf("%+v", m)
	}
	if m.Headers[0].Value != "Aé <a@example.org>" {
		t.Errorf("header %q", m.Headers[0].Value)
	}
	m, err = notice.Open([]byte("Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b--\r\n"))
	if err != nil || !m.Encrypted {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := notice.Open(nil); err != nil || m.Size != 0 {
		t.Errorf("nothing: %+v, %v", m, err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("Subject: x\r\n\r\nbody"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = notice.Open(raw) })
}
