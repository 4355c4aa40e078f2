package list

import (
	"bytes"
	"net/netip"

	"tocsin/internal/asset"
)

// address reads an address, dotted quads without memory.
func address(b []byte) (netip.Addr, bool) {
	if a, ok := quad(b); ok {
		return a, true
	}
	if len(b) > 45 || bytes.IndexByte(b, ':') < 0 {
		return netip.Addr{}, false
	}
	if b[0] == '[' && b[len(b)-1] == ']' {
		b = b[1 : len(b)-1]
	}
	a, err := asset.ParseIP(string(b))
	return a, err == nil
}

// quad reads four decimal numbers without leading zeros, as netip does.
func quad(b []byte) (netip.Addr, bool) {
	var q [4]byte
	n, part, digits := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			if digits > 0 && n == 0 {
				return netip.Addr{}, false
			}
			n = n*10 + int(c-'0')
			if digits++; n > 255 {
				return netip.Addr{}, false
			}
		case c == '.' && digits > 0 && part < 3:
			q[part] = byte(n)
			n, digits = 0, 0
			part++
		default:
			return netip.Addr{}, false
		}
	}
	if part != 3 || digits == 0 {
		return netip.Addr{}, false
	}
	q[3] = byte(n)
	return netip.AddrFrom4(q), true
}

// plainDomain reports whether b is a domain name that canonical spelling leaves as it is.
func plainDomain(b []byte) bool {
	if len(b) > 253 {
		return false
	}
	label, dots, letters := 0, 0, false
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z' || c == '_':
			letters = true
			label++
		case c >= '0' && c <= '9':
			label++
		case c == '-':
			if label == 0 || i+1 == len(b) || b[i+1] == '.' {
				return false
			}
			label++
		case c == '.':
			if label == 0 {
				return false
			}
			label, letters = 0, false
			dots++
		default:
			return false
		}
		if label > 63 {
			return false
		}
	}
	return dots > 0 && label > 0 && letters
}

// isSink reports whether b is the address that a hosts file sends a name to.
func isSink(b []byte) bool {
	switch string(b) {
	case "0.0.0.0", "127.0.0.1", "::", "::1":
		return true
	}
	return false
}

func isASN(b []byte) bool {
	if len(b) < 3 || len(b) > 12 || b[0]|0x20 != 'a' || b[1]|0x20 != 's' {
		return false
	}
	for _, c := range b[2:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// refang undoes the usual ways to keep an entry from being clicked.
func refang(b []byte) []byte {
	if len(b) > 4 && bytes.EqualFold(b[:4], []byte("hxxp")) {
		b = append([]byte("http"), b[4:]...)
	}
	if bytes.IndexByte(b, '[') > 0 || bytes.IndexByte(b, '(') > 0 {
		b = bytes.ReplaceAll(b, []byte("[.]"), []byte("."))
		b = bytes.ReplaceAll(b, []byte("(.)"), []byte("."))
		b = bytes.ReplaceAll(b, []byte("[:]"), []byte(":"))
	}
	return b
}
