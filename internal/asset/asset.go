// Package asset names the things on a network that a problem can sit at, in one canonical spelling.
//
// It owns canonical forms of addresses, prefixes, domain names, URLs and AS numbers; who answers for an asset is the
// business of package party.
package asset

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"tocsin/internal/fault"
)

// Kind tells what an asset is.
type Kind string

// Kinds of asset. Account is a sealed account name: the plain one never reaches an asset.
const (
	IP      Kind = "ip"
	Prefix  Kind = "prefix"
	Domain  Kind = "domain"
	URL     Kind = "url"
	ASN     Kind = "asn"
	Account Kind = "account"
)

// Asset is one thing in canonical spelling. The zero value is no asset.
type Asset struct {
	Kind  Kind
	Value string
}

func (a Asset) String() string { return string(a.Kind) + ":" + a.Value }

// ParseIP returns the canonical address of s: RFC 5952 for IPv6, IPv4-mapped addresses unmapped, no zone.
func ParseIP(s string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil || ip.Zone() != "" {
		return netip.Addr{}, fault.New(fault.Invalid, "%q is not an IP address", clip(s))
	}
	return ip.Unmap(), nil
}

// ParsePrefix returns the masked prefix of s, which may also be a lone address.
func ParsePrefix(s string) (netip.Prefix, error) {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "/") {
		ip, err := ParseIP(s)
		if err != nil {
			return netip.Prefix{}, fault.New(fault.Invalid, "%q is not a prefix in CIDR notation", clip(s))
		}
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fault.New(fault.Invalid, "%q is not a prefix in CIDR notation", clip(s))
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fault.New(fault.Invalid, "%q mixes IPv4 and IPv6", clip(s))
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// ParseDomain returns the lower-case A-label form of s without a trailing dot (RFC 5890; lookup rules of UTS 46).
// Underscores are allowed because names such as _dmarc exist in DNS.
func ParseDomain(s string) (string, error) {
	d := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".")
	if !plainName(d) {
		a, err := idna.Lookup.ToASCII(d)
		if err != nil {
			return "", fault.New(fault.Invalid, "%q is not a domain name", clip(s))
		}
		d = a
	}
	if len(d) > 253 || !strings.Contains(d, ".") || !plainName(d) {
		return "", fault.New(fault.Invalid, "%q is not a domain name", clip(s))
	}
	if _, err := netip.ParseAddr(d); err == nil {
		return "", fault.New(fault.Invalid, "%q is an IP address, not a domain name", clip(s))
	}
	return d, nil
}

func plainName(d string) bool {
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// ParseURL returns s with scheme and host lower-cased, the host in canonical form, and default ports and user information removed
// (a password in a URL is a credential and must not be stored). What follows the host is kept byte for byte, blanks, quotes and
// fragment too: "/#/login" is another page than "/". What cannot be read as a URL, as a stray percent sign, is an error.
func ParseURL(s string) (string, error) {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || len(s) > 8192 || !utf8.ValidString(s) {
		return "", fault.New(fault.Invalid, "%q is not an absolute URL", clip(s))
	}
	switch u.Scheme {
	case "http", "https", "ftp", "ftps":
	default:
		return "", fault.New(fault.Invalid, "%q: scheme %q is not http, https, ftp or ftps", clip(s), clip(u.Scheme))
	}
	host, err := canonicalHost(u.Hostname())
	if err != nil {
		return "", fault.New(fault.Invalid, "%q: the host is neither an address nor a domain name", clip(s))
	}
	if port := u.Port(); port != "" && !(u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443") {
		host += ":" + port
	}
	_, rest, _ := strings.Cut(s, "//")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[end:]
	} else {
		rest = ""
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	return u.Scheme + "://" + host + rest, nil
}

func canonicalHost(h string) (string, error) {
	if ip, err := ParseIP(h); err == nil {
		if ip.Is6() {
			return "[" + ip.String() + "]", nil
		}
		return ip.String(), nil
	}
	if d, err := ParseDomain(h); err == nil {
		return d, nil
	}
	if plainName(strings.ToLower(h)) {
		return strings.ToLower(h), nil
	}
	return "", fault.Invalid
}

// ParseASN reads "64496", "AS64496" or "as64496" (RFC 5396 asplain).
func ParseASN(s string) (uint32, error) {
	t := strings.TrimSpace(s)
	if len(t) > 2 && strings.EqualFold(t[:2], "as") {
		t = t[2:]
	}
	n, err := strconv.ParseUint(t, 10, 32)
	if err != nil || n == 0 {
		return 0, fault.New(fault.Invalid, "%q is not an AS number from 1 to 4294967295", clip(s))
	}
	return uint32(n), nil
}

// Host returns the host of a canonical URL: an address or a domain name without port and brackets.
func Host(canonicalURL string) string {
	u, err := url.Parse(canonicalURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
