package e2e

import (
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net"
	"os"
	"strings"
	"testing"
)

// decoded undoes a content transfer encoding (RFC 2045 section 6).
func decoded(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(encoding) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by) + "\n"
}

// freeAddr returns a loopback address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// must runs a command that has to succeed and returns what it printed.
func must(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	out, errOut, code := run(t, dir, env, args...)
	if code != 0 {
		t.Fatalf("tocsin %s ended with %d:\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return out
}
