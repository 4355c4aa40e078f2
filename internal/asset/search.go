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
	Port   uint16       // 0 = any
}

// shortPrefix is how many host bits a prefix may have for its addresses to be looked up one by one.
const shortPrefix = 12

// ParseSearch reads what a person typed to find an asset, defanged or not: an address or a prefix in any spelling, an AS
// number, or how a name or a web address begins; a port may follow an address or a name. Everything that finds assets asks
// it. fault.Invalid where it is too long.
func ParseSearch(text string) (Search, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Search{}, nil
	}
	if len(text) > 500 {
		return Search{}, fault.New(fault.Invalid, "asset: at most 500 bytes were expected")
	}
	text = Refang(text)
	if s, ok := exactSearch(text); ok {
		return s, nil
	}
	if host, port, ok := cutPort(text); ok {
		if s, ok := exactSearch(host); ok {
			s.Port = port
			return s, nil
		}
		if name, err := ParseDomain(host); err == nil {
			return Search{Exact: []string{name}, Port: port}, nil
		}
	}
	return Search{Prefix: beginning(strings.TrimSuffix(text, "*"))}, nil
}

// exactSearch reads an address, a prefix or an AS number.
func exactSearch(text string) (Search, bool) {
	if ip, err := ParseIP(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")); err == nil {
		return Search{Exact: []string{ip.String()}}, true
	}
	if p, err := ParsePrefix(text); err == nil {
		return prefixMatch(p), true
	}
	if len(text) > 2 && strings.EqualFold(text[:2], "as") {
		if n, err := ParseASN(text); err == nil {
			return Search{Exact: []string{strconv.FormatUint(uint64(n), 10), "AS" + strconv.FormatUint(uint64(n), 10)}}, true
		}
	}
	return Search{}, false
}

// cutPort takes the port from behind an address or a name: "192.0.2.1:23", "[2001:db8::1]:23".
func cutPort(text string) (host string, port uint16, ok bool) {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 || strings.Contains(text[:i], ":") && !strings.HasSuffix(text[:i], "]") {
		return "", 0, false
	}
	n, err := strconv.ParseUint(text[i+1:], 10, 16)
	return text[:i], uint16(n), err == nil && n > 0
}

// beginning spells how a value begins as values are spelled: scheme and host in lower case and the rest as it is, the
// hextets of an address without their zeros in front.
func beginning(text string) string {
	if scheme := strings.Index(text, "://"); scheme > 0 {
		host := scheme + 3
		if i := strings.IndexAny(text[host:], "/?#"); i >= 0 {
			return strings.ToLower(text[:host+i]) + text[host+i:]
		}
		return strings.ToLower(text)
	}
	text = strings.ToLower(text)
	if !strings.Contains(text, ":") || strings.Trim(text, "0123456789abcdef:") != "" {
		return text
	}
	parts := strings.Split(text, ":")
	for i, h := range parts[:len(parts)-1] { // the last one may go on
		if short := strings.TrimLeft(h, "0"); h != "" {
			parts[i] = short
			if short == "" {
				parts[i] = "0"
			}
		}
	}
	return strings.Join(parts, ":")
}

// HostOf returns the address or the name in what a person typed: of a web address, a mail address, or one with a port behind
// it. Text that is none of these comes back refanged.
func HostOf(text string) string {
	text = Refang(strings.TrimSpace(text))
	if _, rest, ok := strings.Cut(text, "://"); ok {
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		text = rest
	}
	text = text[strings.LastIndexByte(text, '@')+1:]
	if host, _, ok := cutPort(text); ok {
		text = host
	}
	if ip, err := ParseIP(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")); err == nil {
		return ip.String()
	}
	if p, err := ParsePrefix(text); err == nil {
		return p.String()
	}
	return strings.ToLower(text)
}

// fangs are the ways in which people write an address so that nobody follows it by accident, and the usual spelling.
var fangs = strings.NewReplacer(
	"[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", "{dot}", ".", "\\.", ".", "[.", ".", ".]", ".",
	"[:]", ":", "(:)", ":", "[://]", "://", ":\\\\", "://",
	"[at]", "@", "(at)", "@", "{at}", "@", "[@]", "@",
	"[/]", "/",
)

// Refang returns an address in its usual spelling, where it was written so that nobody follows it by accident:
// "198[.]51[.]100[.]9", "hxxps://evil(dot)example", "abuse[at]example.org".
func Refang(text string) string {
	for _, mark := range []string{"[dot]", "(dot)", "{dot}", "[at]", "(at)", "{at}"} {
		text = replaceAnyCase(text, mark)
	}
	text = fangs.Replace(text)
	if scheme := strings.Index(text, "://"); scheme > 0 {
		if plain, ok := map[string]string{
			"hxxp": "http", "hxxps": "https", "h**p": "http", "h**ps": "https", "fxp": "ftp", "meow": "http", "hxtp": "http",
		}[strings.ToLower(text[:scheme])]; ok {
			return plain + text[scheme:]
		}
	}
	return text
}

// replaceAnyCase writes mark in lower case wherever it stands in another.
func replaceAnyCase(text, mark string) string {
	for i := 0; i+len(mark) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(mark)], mark) {
			text = text[:i] + mark + text[i+len(mark):]
		}
	}
	return text
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
