package asset

import (
	"net/netip"
	"strconv"
	"strings"

	"tocsin/internal/fault"
)

// Search narrows by asset. At most one member is set, but Prefix may narrow Within beforehand.
type Search struct {
	Exact  []string     // one of these values; at most 4,096
	Prefix string       // the value starts with it
	Within netip.Prefix // the value is an address inside
}

// shortPrefix is how many host bits a prefix may have for its addresses to be looked up one by one.
const shortPrefix = 12

// ParseSearch reads what a person typed to find an asset: an address, a prefix, an AS number, or how a name begins.
// fault.Invalid where it is too long.
func ParseSearch(text string) (Search, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Search{}, nil
	}
	if len(text) > 500 {
		return Search{}, fault.New(fault.Invalid, "asset: at most 500 bytes were expected")
	}
	if ip, err := ParseIP(text); err == nil {
		return Search{Exact: []string{ip.String()}}, nil
	}
	if p, err := ParsePrefix(text); err == nil {
		return prefixMatch(p), nil
	}
	if len(text) > 2 && strings.EqualFold(text[:2], "as") {
		if n, err := ParseASN(text); err == nil {
			return Search{Exact: []string{strconv.FormatUint(uint64(n), 10), "AS" + strconv.FormatUint(uint64(n), 10)}}, nil
		}
	}
	return Search{Prefix: strings.ToLower(strings.TrimSuffix(text, "*"))}, nil
}

func prefixMatch(p netip.Prefix) Search {
	if p.Addr().Is4() && p.Bits() == 24 {
		// All that begins like its addresses, which is one walk down an index instead of 257: blocks within it too.
		return Search{Prefix: commonText(p)}
	}
	if p.Addr().BitLen()-p.Bits() > shortPrefix {
		return Search{Within: p, Prefix: commonText(p)}
	}
	exact := []string{p.String()}
	for ip := p.Addr(); p.Contains(ip); ip = ip.Next() {
		exact = append(exact, ip.String())
	}
	return Search{Exact: exact}
}

// commonText returns how every address in p is spelled at its beginning: its whole octets, or its whole hextets up
// to the first that is zero, for from there on the spelling may be compressed.
func commonText(p netip.Prefix) string {
	size, sep := 8, "."
	if p.Addr().Is6() {
		size, sep = 16, ":"
	}
	whole := p.Bits() / size
	var parts []string
	if p.Addr().Is4() {
		parts = strings.Split(p.Addr().String(), sep)[:whole]
	} else {
		parts = strings.Split(p.Addr().StringExpanded(), sep)[:whole]
		for i, h := range parts {
			if parts[i] = strings.TrimLeft(h, "0"); parts[i] == "" {
				parts = parts[:i]
				break
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, sep) + sep
}
