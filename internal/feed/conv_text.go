package feed

import (
	"bytes"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"tocsin/internal/asset"
)

func convLower(b, _ []byte, _ *step, _ [][]byte) (value, string) { return textOf(bytes.ToLower(b)), "" }

func convRefang(b, _ []byte, _ *step, _ [][]byte) (value, string) { return textOf(refang(b)), "" }

// refang turns the usual spellings of harmless addresses back.
func refang(b []byte) []byte {
	if bytes.IndexByte(b, '[') >= 0 || bytes.IndexByte(b, '(') >= 0 {
		s := strings.NewReplacer("[.]", ".", "(.)", ".", "[:]", ":", "[://]", "://", "[dot]", ".").Replace(string(b))
		b = []byte(s)
	}
	if len(b) > 4 && equalFold(b[:4], "hxxp") {
		b = append([]byte("http"), b[4:]...)
	}
	return b
}

// hostPort parts a URL, host:port or host; port is empty where there is none.
func hostPort(b []byte) (host, port string) {
	s := string(refang(b))
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		if err != nil {
			return "", ""
		}
		port = u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443", "ftp": "21"}[strings.ToLower(u.Scheme)]
		}
		return u.Hostname(), port
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return s, ""
	}
	if h, p, err := net.SplitHostPort(s); err == nil {
		return h, p
	}
	host, _, _ = strings.Cut(s, "/")
	return host, ""
}

func convHost(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	host, _ := hostPort(b)
	if _, err := asset.ParseIP(host); err == nil {
		return value{}, ""
	}
	d, err := asset.ParseDomain(strings.TrimRight(host, "."))
	if err != nil {
		return value{}, "holds no domain name"
	}
	return textOf([]byte(d)), ""
}

func convAddress(b, with []byte, s *step, cells [][]byte) (value, string) {
	if dotted(b) {
		return convIP(b, with, s, cells)
	}
	host, _ := hostPort(b)
	if ip, err := asset.ParseIP(host); err == nil {
		return textOf(ip.AppendTo(nil)), ""
	}
	if _, err := asset.ParseDomain(host); err == nil {
		return value{}, ""
	}
	return value{}, "holds no IP address"
}

func convPort(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	if n, ok := parseInt(b); ok {
		return value{kind: whole, n: n}, ""
	}
	_, port := hostPort(b)
	if port == "" {
		return value{}, ""
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return value{}, "holds no port"
	}
	return value{kind: whole, n: int64(n)}, ""
}

// convPrefix joins a prefix from its address and a length, or from the first and the last address of a range that is
// exactly one prefix.
func convPrefix(b, with []byte, _ *step, _ [][]byte) (value, string) {
	if len(with) == 0 || bytes.IndexByte(b, '/') >= 0 {
		p, err := asset.ParsePrefix(string(b))
		if err != nil {
			return value{}, "is not a prefix in CIDR notation"
		}
		return textOf(p.AppendTo(nil)), ""
	}
	first, err := asset.ParseIP(string(b))
	if err != nil {
		return value{}, "is not an IP address"
	}
	if n, ok := parseInt(bytes.TrimPrefix(with, []byte("/"))); ok {
		p, err := first.Prefix(int(min(n, 1000)))
		if err != nil {
			return value{}, "does not go with the prefix length beside it"
		}
		return textOf(p.AppendTo(nil)), ""
	}
	last, err := asset.ParseIP(string(with))
	if err != nil {
		return value{}, "does not go with the end of the range beside it"
	}
	for bits := 0; bits <= first.BitLen(); bits++ {
		p, err := first.Prefix(bits)
		if err == nil && p.Addr() == first && lastOf(p) == last {
			return textOf(p.AppendTo(nil)), ""
		}
	}
	return value{}, "begins a range that is not one prefix"
}

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func convFirst(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	if i := bytes.IndexAny(b, ",; \t"); i >= 0 {
		b = b[:i]
	}
	return textOf(b), ""
}

func convJoin(b, with []byte, _ *step, _ [][]byte) (value, string) {
	if len(with) == 0 {
		return textOf(b), ""
	}
	return textOf(append(append(append(make([]byte, 0, len(b)+1+len(with)), b...), ' '), with...)), ""
}

func convASN(b, with []byte, s *step, cells [][]byte) (value, string) {
	v, _ := convFirst(b, with, s, cells)
	n, err := asset.ParseASN(string(v.text))
	if err != nil {
		return value{}, "is not an AS number"
	}
	return value{kind: whole, n: int64(n)}, ""
}

// convSum takes text that has as many hexadecimal digits as a sum of this kind.
func convSum(length int) conversion {
	return func(b, _ []byte, _ *step, _ [][]byte) (value, string) {
		if len(b) != length || len(bytes.Trim(b, "0123456789abcdefABCDEF")) > 0 {
			return value{}, ""
		}
		return textOf(bytes.ToLower(b)), ""
	}
}
