package page

import (
	"net/http"
	"net/url"
	"strings"
)

// Prove is where a person proves again who they are.
const Prove = Account + "/prove"

// proveFirst sends the visitor to prove again who they are, and back from there. A form cannot be sent again for them:
// they come back to where such forms are, and are told.
func (v *Visit) proveFirst() error {
	next, done := v.R.URL.RequestURI(), ""
	if v.R.Method != http.MethodGet && v.R.Method != http.MethodHead {
		done = "proved"
		switch back := Local(v.R.PostFormValue("back")); {
		case back != "":
			next = back
		case strings.HasPrefix(v.R.URL.Path, Account):
			next = Account
		default:
			next = Home(v.Who)
		}
	}
	q := url.Values{"next": {next}}
	if done != "" {
		q.Set("again", "1")
	}
	return v.Redirect(Prove+"?"+q.Encode(), "")
}

// maxNext bounds the bytes of an address to go to.
const maxNext = 2000

// Local returns an address if it is one of these pages, and "" otherwise: nobody is sent elsewhere by a link to here.
func Local(to string) string {
	if len(to) > maxNext || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) ||
		strings.ContainsFunc(to, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return ""
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return ""
	}
	return to
}
