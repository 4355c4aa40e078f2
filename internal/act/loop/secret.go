package loop

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// Secret reads the file of a credential by its name: two lines, the host that may get to know it and the credential.
// Who configures feeds names it and cannot read it. fault.NotFound where there is none.
type Secret func(name string) (text []byte, mode fs.FileMode, err error)

// read returns the credential with its host.
func (s Secret) read(name string) (host, value string, err error) {
	missing := fault.New(fault.NotFound, "secret %s: there is no file secrets/%s", name, name)
	if s == nil {
		return "", "", missing
	}
	text, mode, err := s(name)
	if errors.Is(err, fault.NotFound) {
		return "", "", missing
	}
	if err != nil {
		return "", "", fmt.Errorf("read secret %s: %w", name, err)
	}
	if mode.Perm()&0o077 != 0 {
		return "", "", fault.New(fault.Denied, "secret %s: others may read the file: its mode is %o, and 600 was expected", name, mode.Perm())
	}
	plain := strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	host, value, ok := strings.Cut(plain, "\n")
	if !ok || host == "" || value == "" || strings.Contains(value, "\n") {
		return "", "", fault.New(fault.Invalid, "secret %s: two lines were expected, the host that gets it and the credential", name)
	}
	return host, value, nil
}

// secretRef is the place of a secret in a feed's address: $(NAME).
var secretRef = regexp.MustCompile(`\$\(([^)]*)\)`)

// secretParameters are names of parameters whose values are credentials.
var secretParameters = []string{
	"access_token", "api-key", "api_key", "apikey", "auth", "auth-key", "auth_key", "authkey", "key", "pass", "passwd",
	"password", "pwd", "secret", "sig", "signature", "token",
}

// credential is one that stands in an address as such: address[start:end].
type credential struct {
	where      string // for people: "password", or a parameter's name
	start, end int
	value      string
}

// credentialsIn returns the credentials that stand in an address as such, in their order.
func credentialsIn(address string) []credential {
	var out []credential
	note := func(where string, start, end int, unescape func(string) (string, error)) {
		raw := address[start:end]
		if raw == "" || secretRef.FindString(raw) == raw {
			return
		}
		value, err := unescape(raw)
		if err != nil {
			value = raw
		}
		out = append(out, credential{where, start, end, value})
	}
	host := max(strings.Index(address, "//"), 0) + 2
	end := len(address)
	if i := strings.IndexAny(address[min(host, end):], "/?#"); i >= 0 {
		end = host + i
	}
	if at := strings.LastIndexByte(address[:end], '@'); at > host {
		start := host
		if i := strings.IndexByte(address[host:at], ':'); i >= 0 {
			start += i + 1
		}
		note("password", start, at, url.PathUnescape)
	}
	address, _, _ = strings.Cut(address, "#")
	start := strings.IndexByte(address, '?') + 1
	for start > 0 && start < len(address) {
		end := len(address)
		if i := strings.IndexAny(address[start:], "&;"); i >= 0 {
			end = start + i
		}
		name, _, given := strings.Cut(address[start:end], "=")
		plain, err := url.QueryUnescape(name)
		if err == nil && given && slices.Contains(secretParameters, strings.ToLower(plain)) {
			note(plain, start+len(name)+1, end, url.QueryUnescape)
		}
		start = end + 1
	}
	return out
}

// checkSecrets refuses an address with credentials in it, and references that name nothing.
func checkSecrets(address string) error {
	if all := credentialsIn(address); len(all) > 0 {
		return fault.New(fault.Invalid, "poll: the address holds a credential (%s): write it into secrets/NAME in the data folder, and $(NAME) in its place", all[0].where)
	}
	u, err := url.Parse(address)
	if err != nil || strings.Contains(u.Host, "$(") {
		return fault.New(fault.Invalid, "poll: the address must be http://… or https://… with a host")
	}
	for _, m := range secretRef.FindAllStringSubmatch(address, -1) {
		if !ident.Slug(m[1]) {
			return fault.New(fault.Invalid, "poll: %q is not the name of a secret: at most 64 characters a-z, 0-9, '-', '_', '.'", m[1])
		}
	}
	return nil
}

// expand puts the secrets into an address, and returns them.
func (l *Loop) expand(address string) (string, []string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", nil, fault.New(fault.Invalid, "poll: the address must be http://… or https://… with a host")
	}
	var values []string
	var failed error
	full := secretRef.ReplaceAllStringFunc(address, func(ref string) string {
		name := ref[2 : len(ref)-1]
		host, value, err := l.secret.read(name)
		switch {
		case err != nil:
			failed = err
		case !strings.EqualFold(host, u.Hostname()):
			failed = fault.New(fault.Denied, "secret %s is for another host than the feed's", name)
		default:
			values = append(values, value)
			return escapeSecret(value)
		}
		return ref
	})
	return full, values, failed
}

// escapeSecret escapes all that has a meaning anywhere in an address.
func escapeSecret(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// MoveSecrets takes the credentials out of the addresses of feeds that were configured before they were refused there.
// keep writes one down under a name. It returns the feeds that were changed.
func (l *Loop) MoveSecrets(ctx context.Context, now time.Time, by access.Actor, keep func(name, host, value string) error) ([]ident.Feed, error) {
	var all []store.Feed
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Feeds(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	var moved []ident.Feed
	for _, f := range all {
		if f.Poll.URL == "" {
			continue
		}
		u, err := url.Parse(f.Poll.URL)
		found := credentialsIn(f.Poll.URL)
		if err != nil || len(found) == 0 {
			continue // an address that cannot be read is refused when it is fetched
		}
		s := FeedSettings{
			ID: f.ID, Pack: f.Pack, Title: f.Title, Urgent: f.Urgent, QuotaRows: f.QuotaRows, Disabled: !f.Disabled.IsZero(),
			PollURL: f.Poll.URL, PollEvery: f.Poll.Every,
		}
		for i, c := range slices.Backward(found) {
			name := fmt.Sprintf("%.50s-%d", f.ID, i+1)
			if err := keep(name, u.Hostname(), c.value); err != nil {
				return moved, fmt.Errorf("move the credential of feed %s: %w", f.ID, err)
			}
			s.PollURL = s.PollURL[:c.start] + "$(" + name + ")" + s.PollURL[c.end:]
		}
		if err := l.PutFeed(ctx, now, by, s); err != nil {
			return moved, err
		}
		moved = append(moved, f.ID)
	}
	return moved, nil
}
