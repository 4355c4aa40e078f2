package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// A Sealer replaces credentials and personal data by a keyed digest: equal values stay equal, none can be read. The
// digest is the first 16 hexadecimal digits of HMAC-SHA256.
type Sealer struct{ inner, outer [sha256.BlockSize]byte }

// sealed begins every value that was replaced.
const sealed = "sealed:"

// developmentKey serves where the installation has none: its digests protect nothing.
const developmentKey = "tocsin development key: seals nothing"

// NewSealer makes a Sealer of the installation's key.
func NewSealer(key []byte) *Sealer {
	if len(key) == 0 {
		key = []byte(developmentKey)
	}
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	var s Sealer
	copy(s.inner[:], key)
	copy(s.outer[:], key)
	for i := range s.inner {
		s.inner[i] ^= 0x36
		s.outer[i] ^= 0x5c
	}
	return &s
}

// Seal returns "sealed:" and the digest of plain; what is sealed already stays as it is.
func (s *Sealer) Seal(plain string) string {
	if plain == "" || isSealed(plain) {
		return plain
	}
	sum := sha256.Sum256(append(s.inner[:len(s.inner):len(s.inner)], plain...))
	sum = sha256.Sum256(append(s.outer[:len(s.outer):len(s.outer)], sum[:]...))
	return sealed + hex.EncodeToString(sum[:8])
}

func isSealed(s string) bool {
	digits, ok := strings.CutPrefix(s, sealed)
	return ok && len(digits) == 16 && strings.Trim(digits, "0123456789abcdef") == ""
}

// Secrecy is what kind of secret a column or field holds.
type Secrecy uint8

// Kinds of secret.
const (
	Plain   Secrecy = iota
	Secret          // password, key, token, request body: the whole value
	Account         // account name or mail address: the whole value in lower case; the domain is kept beside it
	Cookie          // name=value; …: the values
	Scheme          // challenge of an HTTP authentication: all parameters but the realm
	Link            // URL: user information is left out, values of telling query parameters are sealed
)

var secretColumns = map[string]Secrecy{
	"badsecret_product": Secret, "badsecret_value": Secret, "badsecret_secret": Secret, "http_postdata": Secret, "cookie": Secret,
	"username": Account, "account": Account, "email": Account, "sender": Account, "login": Account, "user": Account,
	"set_cookie": Cookie, "www_authenticate": Scheme, "proxy_authenticate": Scheme,
	"url": Link, "http_url": Link, "http_referer": Link, "source_url": Link, "payload_url": Link, "cc_url": Link,
	"referer": Link, "leak_site_url": Link, "website": Link, "redirect_target": Link, "request_path": Link, "http_path": Link,
}

var secretFields = map[string]Secrecy{
	"source.account": Account, "destination.account": Account, "source.url": Link, "destination.url": Link,
	"source.urlpath": Link, "destination.urlpath": Link, "event_description.url": Link, "extra.http_path": Link,
}

// SecrecyOf returns what a value of this field, which came from this column, must be kept as. Columns that nobody
// knows are judged by the words in their name.
func SecrecyOf(field, column string) Secrecy {
	if s, ok := secretFields[field]; ok {
		return s
	}
	column = strings.ToLower(column)
	if s, ok := secretColumns[column]; ok {
		return s
	}
	if strings.HasPrefix(column, "has_") {
		return Plain
	}
	for part := range strings.FieldsFuncSeq(column, func(r rune) bool { return r == '_' || r == '-' || r == '.' || r == ' ' }) {
		switch part {
		case "password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "credential", "credentials", "authorization":
			return Secret
		case "email", "mail":
			return Account
		}
	}
	return Plain
}

// domainOf returns the domain of a mail address, or "".
func domainOf(account string) string {
	at := strings.LastIndexByte(account, '@')
	if at < 1 {
		return ""
	}
	v, _ := convFQDN([]byte(strings.Trim(account[at+1:], "<> ")), nil, nil, nil)
	return string(v.text)
}

// Apply seals what of s is secret.
func (s *Sealer) Apply(kind Secrecy, v string) string {
	switch kind {
	case Secret:
		return s.Seal(v)
	case Account:
		return s.Seal(strings.ToLower(v))
	case Cookie:
		return s.cookie(v)
	case Scheme:
		return s.challenge(v)
	case Link:
		return s.link(v)
	case Plain:
	}
	return v
}

// Value seals what is secret in a JSON value that goes to a field, by the names of its members. It may change v.
func (s *Sealer) Value(field, name string, v any) any {
	switch x := v.(type) {
	case string:
		return s.Apply(SecrecyOf(field, name), x)
	case []any:
		for i := range x {
			x[i] = s.Value(field, name, x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = s.Value("extra."+k, k, x[k])
		}
	}
	return v
}

// cookie seals the value of the cookie and keeps its name and attributes.
func (s *Sealer) cookie(v string) string {
	first, rest, more := strings.Cut(v, ";")
	name, value, ok := strings.Cut(first, "=")
	if !ok {
		return s.Seal(v)
	}
	out := name + "=" + s.Seal(value)
	if more {
		out += ";" + rest
	}
	return out
}

// challenge keeps the scheme and the realm.
func (s *Sealer) challenge(v string) string {
	scheme, rest, ok := strings.Cut(v, " ")
	if !ok || strings.Contains(scheme, "=") {
		return v
	}
	parts := strings.Split(rest, ",")
	for i, p := range parts {
		name, value, ok := strings.Cut(p, "=")
		switch {
		case !ok:
			parts[i] = s.Seal(p)
		case !strings.EqualFold(strings.TrimSpace(name), "realm"):
			parts[i] = name + "=" + s.Seal(strings.Trim(value, `"`))
		}
	}
	return scheme + " " + strings.Join(parts, ",")
}

// telling are the query parameters whose values are credentials or personal data.
var telling = []string{"token", "key", "passw", "pwd", "secret", "session", "sid", "auth", "sig", "code", "mail", "user", "login", "account"}

// link leaves out user information and seals the values of telling parameters, also of those behind the fragment's sign, where
// sign-ins hand tokens over (RFC 6749, section 4.2.2).
func (s *Sealer) link(v string) string {
	if !strings.ContainsAny(v, "@?#") {
		return v
	}
	before, fragment, split := strings.Cut(dropUser(v), "#")
	path, query, asked := strings.Cut(before, "?")
	out := path
	if asked {
		out += "?" + s.parameters(query)
	}
	if split {
		page, more, asked := strings.Cut(fragment, "?")
		out += "#" + s.parameters(page)
		if asked {
			out += "?" + s.parameters(more)
		}
	}
	return out
}

// parameters seals the values of telling parameters; what has none comes out as it is.
func (s *Sealer) parameters(query string) string {
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		if value != "" && isTelling(name) {
			if plain, err := url.QueryUnescape(value); err == nil {
				value = plain
			}
			pairs[i] = name + "=" + s.Seal(value)
		}
	}
	return strings.Join(pairs, "&")
}

// dropUser leaves out what stands before @ in a URL's authority.
func dropUser(v string) string {
	at := strings.Index(v, "://")
	if at < 0 {
		return v
	}
	rest := v[at+3:]
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if user := strings.LastIndexByte(rest[:end], '@'); user >= 0 {
		return v[:at+3] + rest[user+1:]
	}
	return v
}

func isTelling(name string) bool {
	name = strings.ToLower(name)
	for _, t := range telling {
		if strings.Contains(name, t) {
			return true
		}
	}
	return false
}
