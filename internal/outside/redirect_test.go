package outside

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tocsin/internal/fault"
)

// A redirect tells the next server neither where it came from nor a credential.
func TestRedirectTellsNothing(t *testing.T) {
	t.Parallel()
	other := serve(t, func(w http.ResponseWriter, q *http.Request) {
		for _, name := range []string{"Referer", "Authorization", "Cookie"} {
			if v := q.Header.Get(name); v != "" {
				t.Errorf("%s: %s", name, v)
			}
		}
		_, _ = io.WriteString(w, "there")
	})
	var asked int
	first := serve(t, func(w http.ResponseWriter, q *http.Request) {
		if user, password, ok := q.BasicAuth(); asked == 0 && (!ok || user != "me" || password != "s3cret") {
			t.Errorf("the first server got %q %q", user, password)
		}
		if q.Header.Get("Referer") != "" {
			t.Errorf("Referer: %s", q.Header.Get("Referer"))
		}
		if asked++; asked == 1 {
			http.Redirect(w, q, "/again", http.StatusFound)
			return
		}
		http.Redirect(w, q, strings.Replace(other, "http://", "http://a:b@", 1)+"/file", http.StatusFound)
	})
	from := strings.Replace(first, "http://", "http://me:s3cret@", 1) + "/list?key=s3cret"
	body, _, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: from, Secrets: []string{"s3cret"}})
	if err != nil || body != "there" || asked != 2 {
		t.Errorf("%q after %d, %v", body, asked, err)
	}
}

// A server that sends us to another one with the credential in the address is not followed.
func TestRedirectWithCredential(t *testing.T) {
	t.Parallel()
	reached := false
	other := serve(t, func(http.ResponseWriter, *http.Request) { reached = true })
	for _, secret := range []string{"s3cret", "s3 cret&/+"} {
		for name, to := range map[string]string{
			"query": "/?key=" + url.QueryEscape(secret), "path": "/" + url.PathEscape(secret) + "/", "twice": "/?u=" + url.QueryEscape(url.QueryEscape(secret)),
		} {
			first := serve(t, func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, other+to, http.StatusFound) })
			_, _, err := fetch(t, FetchOptions{Allow: loopback}, FetchRequest{URL: first + "/?key=" + url.QueryEscape(secret), Secrets: []string{secret}})
			if !errors.Is(err, fault.Denied) || reached || strings.Contains(err.Error(), "s3") {
				t.Errorf("%s: %v, reached %v", name, err, reached)
			}
		}
	}
}
