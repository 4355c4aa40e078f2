package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// device gives the browser a passkey device of its own that says yes to everything.
func (b *tab) device() webauthn.AuthenticatorID {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	r, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, AutomaticPresenceSimulation: true, IsUserVerified: true,
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return r.AuthenticatorID
}

// arrive waits until the browser is at a path.
func (b *tab) arrive(path string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname`))
		if err == nil && at == path {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
			b.t.Fatalf("the browser is at %s, not at %s:\n%s", at, path, text)
		}
	}
}

// TestPasskey enrols a passkey, signs out, and signs in with it: no name, no password.
func TestPasskey(t *testing.T) {
	heavy(t)
	dir, listen := t.TempDir(), freeAddress(t)
	_, port, _ := strings.Cut(listen, ":")
	base := "http://localhost:" + port
	env := []string{"TOCSIN_LISTEN=" + listen, "TOCSIN_BASE_URL=" + base}
	must(t, dir, env, "person", "found", "ada@csirt.example", "--full-name", "Ada")
	link := strings.TrimSpace(must(t, dir, env, "sign-in", "ada@csirt.example"))
	p := start(t, dir, env, "serve")
	p.wait("listening", 1, time.Minute)

	b := browse(t)
	device := b.device()
	b.open(link)
	b.press(`form[action^="/sign-in/"] button`)
	b.open(base + "/account")
	b.press(`form[action="/account/passkeys"] button`)
	b.arrive("/account")
	if text := eval[string](b, `document.querySelector("#passkeys").innerText`); !strings.Contains(text, "Chrome") {
		t.Errorf("the passkey is not there:\n%s", text)
	}
	b.picture("account")
	made, err := chromedp.Call(b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: device})
	if err != nil || len(made.Credentials) != 1 || !made.Credentials[0].IsResidentCredential {
		t.Fatalf("the device holds %+v, %v", made, err)
	}
	b.press(`form[action="/sign-out"] button`)
	b.open(base + "/sign-in")
	b.picture("sign-in")
	b.press(`form[action="/sign-in/passkey"] button`)
	b.arrive("/desk")

	// It proves who somebody is once more, too.
	b.open(base + "/account/prove?next=%2Fdesk%2Ffindings")
	b.press(`form[action="/account/prove/passkey"] button`)
	b.arrive("/desk/findings")

	// A device that does not verify its user proves nothing.
	_, err = chromedp.Call(b.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: false})
	if err != nil {
		t.Fatal(err)
	}
	b.press(`form[action="/sign-out"] button`)
	b.open(base + "/sign-in")
	b.press(`form[action="/sign-in/passkey"] button`)
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(`[data-says="failed"]`)); err != nil {
		t.Errorf("without verification: %v", err)
	}
}
