package page

import (
	"net/http/httptest"
	"net/url"
	"testing"
)

// The command holds what was asked, quoted for a shell, and nothing that a header could smuggle in.
func TestCurl(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host   string
		secure bool
		query  url.Values
		want   string
	}{
		{"tocsin.example", true, url.Values{"state": {"open"}, "party": {""}}, `'https://tocsin.example/api/v1/findings?state=open'`},
		{"127.0.0.1:8080", false, nil, `'http://127.0.0.1:8080/api/v1/findings'`},
		{"x';rm -rf ~;'", true, url.Values{"text": {"it's $HOME `id`"}}, `'https://localhost/api/v1/findings?text=it%27s+%24HOME+%60id%60'`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/desk/findings", nil)
		r.Host = c.host
		v := &Visit{R: r, Kit: &Kit{Config: Config{Secure: c.secure}}}
		if got := v.Curl("/api/v1/findings", c.query); got != `curl -sS -H "Authorization: Bearer $TOCSIN_TOKEN" `+c.want {
			t.Errorf("%s", got)
		}
	}
}
