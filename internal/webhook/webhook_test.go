package webhook_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/client"
	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/webhook"
)

// Vectors that other programs can be tested with; made with openssl dgst -sha256 -hmac.
func TestSignature(t *testing.T) {
	t.Parallel()
	at := time.Unix(1700000000, 0)
	body := []byte(`{"delivery":"dlv_1","events":[]}`)
	one := webhook.Signature(at, body, []byte("tcw_secret"))
	if want := "t=1700000000,v1=083d28e88b0639597e8253e9780bf38a76076d0b2a2ac35167b1ab0b1108a3e4"; one != want {
		t.Errorf("%s", one)
	}
	two := webhook.Signature(at, body, []byte("tcw_secret"), []byte("tcw_before"))
	if !strings.HasPrefix(two, one+",v1=") || len(two) != len(one)+len(",v1=")+64 {
		t.Errorf("%s", two)
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	rules := webhook.URLs{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for text, ok := range map[string]bool{
		"https://soc.example.org/tocsin?x=1": true, " https://soc.example.org ": true, "http://127.0.0.1:9000/": true, "https://127.0.0.1/": true,
		"http://soc.example.org/": false, "https://": false, "ftp://x.example": false, "https://u:p@x.example/": false, "https://x.example/#a": false,
		"https://10.0.0.1/": false, "http://10.0.0.1/": false, "https://[::1]/": false, "https://[fe80::1%25eth0]/": false, "javascript:x": false,
		"https://x.example/a b": false, "": false, "https://x.example/" + strings.Repeat("a", 2000): false, "https:x.example": false,
		"https://169.254.169.254/latest": false, "https://0.0.0.0/": false,
	} {
		if _, err := rules.Check(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	if h := webhook.Host("https://soc.example.org:8443/key/abc?x=y"); h != "https://soc.example.org:8443" {
		t.Error(h)
	}
}

// FuzzURL: what is let through is an address without a name and password, by https or to what was allowed.
func FuzzURL(f *testing.F) {
	f.Add("https://soc.example.org/x")
	f.Add("http://127.0.0.1/")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := webhook.URLs{}.Check(text)
		if err == nil && (!strings.HasPrefix(got, "https://") || strings.ContainsAny(got, " \n\r#")) {
			t.Fatalf("%q", got)
		}
	})
}

// Every act that a webhook can be told of is one that can be done, and a party's are among all.
func TestActs(t *testing.T) {
	t.Parallel()
	for _, a := range webhook.Acts {
		if _, ok := access.Acts[a]; !ok {
			t.Errorf("%s is no act", a)
		}
		if strings.HasPrefix(a, "webhook.") || strings.HasPrefix(a, "sign_in.") || strings.HasPrefix(a, "person.") {
			t.Errorf("%s leaves", a)
		}
	}
	for _, a := range webhook.PartyActs {
		if !slices.Contains(webhook.Acts, a) {
			t.Errorf("%s is not among all", a)
		}
	}
	if _, err := webhook.CheckActs("hospital", []string{"feed.silent"}); err == nil {
		t.Error("a party is told of feeds")
	}
	if got, err := webhook.CheckActs(ident.Authority, []string{"notice.send", "finding.fold", "notice.send"}); err != nil || !slices.Equal(got, []string{"finding.fold", "notice.send"}) {
		t.Error(got, err)
	}
	if _, err := webhook.CheckActs(ident.Authority, nil); err == nil {
		t.Error("no act is one")
	}
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	want := map[webhook.State]map[webhook.Trigger]webhook.State{
		webhook.Waiting: {webhook.Claim: webhook.Sending, webhook.Drop: webhook.Dropped},
		webhook.Sending: {
			webhook.Claim: webhook.Sending, webhook.Accept: webhook.Delivered, webhook.Defer: webhook.Waiting, webhook.GiveUp: webhook.Dead,
			webhook.Drop: webhook.Dropped,
		},
		webhook.Dead: {webhook.Retry: webhook.Waiting},
	}
	for _, s := range webhook.States {
		for _, tr := range []webhook.Trigger{webhook.Claim, webhook.Accept, webhook.Defer, webhook.GiveUp, webhook.Drop, webhook.Retry} {
			got, err := webhook.Next(s, tr)
			if got != want[s][tr] || (err == nil) != (want[s][tr] != "") {
				t.Errorf("%s, %s: %q %v", s, tr, got, err)
			}
		}
	}
}

// Whatever the other side answers, a delivery is over after MaxAttempts tries at the latest, the waits never shrink, and
// only a good answer delivers it.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, before := webhook.Waiting, time.Duration(0)
		for n := 1; !state.Over(); n++ {
			if n > webhook.MaxAttempts {
				t.Fatalf("%d tries", n)
			}
			state, _ = webhook.Next(state, webhook.Claim)
			status := rapid.SampledFrom([]int{0, 200, 204, 301, 400, 404, 410, 429, 500, 503}).Draw(t, "status")
			trigger, wait := webhook.Verdict(status, n)
			if (trigger == webhook.Accept) != (status == 200 || status == 204) || status == 410 && trigger != webhook.GiveUp {
				t.Fatalf("%d leads to %s", status, trigger)
			}
			if trigger == webhook.Defer && wait < before {
				t.Fatalf("the wait shrinks to %s", wait)
			}
			before = wait
			var err error
			if state, err = webhook.Next(state, trigger); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzVerify: no header makes a body believable that was not signed.
func FuzzVerify(f *testing.F) {
	f.Add("t=1,v1=00", []byte("x"))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if client.Verify(header, body, "tcw_a-secret-that-nobody-guesses", time.Unix(1, 0)) == nil {
			t.Fatal(header)
		}
	})
}
