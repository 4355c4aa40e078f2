package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// freeAddress is an address of the loopback that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// startDex builds dex, an OpenID provider that other people wrote, and serves it. It returns the issuer.
func startDex(t *testing.T, redirect string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dex")
	module := filepath.Join("testdata", "dex")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir, build.Env = module, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build dex: %v\n%s", err, out)
	}
	where := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/dexidp/dex")
	where.Dir = module
	dir, err := where.Output()
	if err != nil {
		t.Fatalf("find dex's pages: %v", err)
	}
	was := binary
	binary = path
	p := start(t, t.TempDir(), nil, "-redirect", redirect, "-web", filepath.Join(strings.TrimSpace(string(dir)), "web"))
	binary = was
	found, _ := p.wait(`dex serves (\S+)`, 1, time.Minute)
	return found[0]
}

// visitor is somebody with a browser, as far as sign-in needs one.
type visitor struct {
	t *testing.T
	*http.Client
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// do returns where the visitor ends up, the status and the page.
func (v *visitor) do(method, address string, form url.Values) (*url.URL, int, string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(v.t.Context()), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer.Request.URL, answer.StatusCode, string(body)
}

// follow opens the first link, or sends the first form, of a page that matches.
func (v *visitor) follow(from *url.URL, body, pattern, method string, form url.Values) (*url.URL, int, string) {
	v.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(body)
	if m == nil {
		v.t.Fatalf("%s has nothing like %s:\n%s", from, pattern, body)
	}
	to, err := from.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(method, to.String(), form)
}

// TestOIDC signs in at dex: by its own password form, and by a connector that says which groups somebody is in.
func TestOIDC(t *testing.T) {
	heavy(t)
	dir, listen := t.TempDir(), freeAddress(t)
	base := "http://" + listen
	issuer := startDex(t, base+"/sign-in/oidc/callback")
	env := []string{
		"TOCSIN_LISTEN=" + listen, "TOCSIN_OIDC_ISSUER=" + issuer, "TOCSIN_OIDC_CLIENT_ID=tocsin", "TOCSIN_OIDC_CLIENT_SECRET=dex-client-secret",
		"TOCSIN_OIDC_POSTS=authors=auditor", "TOCSIN_OIDC_LINK_BY_MAIL=true",
	}
	must(t, dir, env, "person", "found", "bo@csirt.example", "--full-name", "Bo")
	p := start(t, dir, env, "serve")
	p.wait("listening", 1, time.Minute)

	atDex := func(v *visitor, connector string) (*url.URL, int, string) {
		at, status, body := v.do(http.MethodGet, base+"/sign-in/oidc", nil)
		if status != http.StatusOK || !strings.HasPrefix(at.String(), issuer) {
			t.Fatalf("the way to dex ends at %s: %d\n%s", at, status, body)
		}
		return v.follow(at, body, `href="([^"]*/auth/`+connector+`[^"]*)"`, http.MethodGet, nil)
	}
	bo := newVisitor(t)
	at, _, body := atDex(bo, "local")
	at, status, body := bo.follow(at, body, `action="([^"]+)"`, http.MethodPost, url.Values{"login": {"bo@csirt.example"}, "password": {"dex-password"}})
	if status != http.StatusOK || at.Path != "/desk" || !strings.Contains(body, "Bo") {
		t.Fatalf("Bo ends at %s: %d\n%s", at, status, body)
	}
	if _, status, body = bo.do(http.MethodGet, base+"/account", nil); status != http.StatusOK || !strings.Contains(body, issuer) {
		t.Errorf("the account does not show dex: %d\n%s", status, body)
	}
	again := newVisitor(t)
	at, _, body = atDex(again, "local")
	if at, _, body = again.follow(at, body, `action="([^"]+)"`, http.MethodPost, url.Values{"login": {"bo@csirt.example"}, "password": {"wrong"}}); !strings.HasPrefix(at.String(), issuer) {
		t.Errorf("a wrong password ends at %s\n%s", at, body)
	}

	// Somebody whom nobody has added is told so, and gets no session.
	stranger := newVisitor(t)
	at, status, body = atDex(stranger, "mock")
	if status != http.StatusForbidden || at.Path != "/sign-in/oidc/callback" || !strings.Contains(body, "not known here") {
		t.Errorf("a stranger ends at %s: %d\n%s", at, status, body)
	}
	if at, _, _ = stranger.do(http.MethodGet, base+"/desk", nil); at.Path != "/sign-in" {
		t.Errorf("a stranger is at %s", at)
	}
	// The same answer again is refused: a state counts once.
	if _, status, _ = stranger.do(http.MethodGet, base+"/sign-in/oidc/callback?state=x&code=y", nil); status != http.StatusForbidden {
		t.Errorf("a state of nobody: %d", status)
	}
}

// TestOIDCGroups: what dex says of somebody's groups becomes a post.
func TestOIDCGroups(t *testing.T) {
	heavy(t)
	dir, listen := t.TempDir(), freeAddress(t)
	base := "http://" + listen
	issuer := startDex(t, base+"/sign-in/oidc/callback")
	env := []string{
		"TOCSIN_LISTEN=" + listen, "TOCSIN_OIDC_ISSUER=" + issuer, "TOCSIN_OIDC_CLIENT_ID=tocsin", "TOCSIN_OIDC_CLIENT_SECRET=dex-client-secret",
		"TOCSIN_OIDC_POSTS=authors=auditor", "TOCSIN_OIDC_LINK_BY_MAIL=true",
	}
	must(t, dir, env, "person", "found", "kilgore@kilgore.trout", "--full-name", "Kilgore")
	p := start(t, dir, env, "serve")
	p.wait("listening", 1, time.Minute)
	kilgore := newVisitor(t)
	at, _, body := kilgore.do(http.MethodGet, base+"/sign-in/oidc", nil)
	at, status, body := kilgore.follow(at, body, `href="([^"]*/auth/mock[^"]*)"`, http.MethodGet, nil)
	if status != http.StatusOK || at.Path != "/desk" {
		t.Fatalf("Kilgore ends at %s: %d\n%s", at, status, body)
	}
	if _, status, body = kilgore.do(http.MethodGet, base+"/desk/ledger", nil); status != http.StatusOK || !strings.Contains(body, "staff.sync") {
		t.Errorf("the ledger says nothing of the group: %d", status)
	}
}
