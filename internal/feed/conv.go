package feed

import (
	"bytes"
	"encoding/base64"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/asset"
)

// value is what a conversion makes of a cell. Text may lie in the record.
type value struct {
	kind   valueKind
	digits uint8 // of a moment's fraction of a second
	day    bool  // of a moment: a day only
	exact  bool  // text that is an address in canonical form
	text   []byte
	n      int64
	x      float64
}

type valueKind uint8

const (
	absent valueKind = iota
	text
	whole  // n
	real   // x
	truth  // n is 0 or 1
	moment // n microseconds UTC
)

// conversion reads a cell that is not empty, for a step whose second cell is with. Without a value, reason says what
// is wrong with the cell; an empty reason says that the source means "nothing" by it.
type conversion func(cell, with []byte, s *step, cells [][]byte) (v value, reason string)

// Conversions lists the names that a mapping may use, with what each makes of a cell. The first 18 are those of
// Shadowserver's published schema and mean what IntelMQ takes them to mean, but that a cell which cannot be read is
// left out with a note and never replaced. "time" takes a layout after a blank ("time 02/01/2006 15:04").
func Conversions() [][2]string {
	return [][2]string{
		{"add_UTC_to_timestamp", "date and time; UTC where no zone is named"},
		{"validate_to_none", "text; 0 and unknown are nothing"},
		{"convert_int", "whole number"},
		{"invalidate_zero", "whole number; 0 is nothing"},
		{"convert_bool", "y, yes, true, enabled, 1 and n, no, false, disabled, 0"},
		{"convert_float", "number"},
		{"validate_ip", "address; 0.0.0.0 and prefixes are nothing"},
		{"validate_network", "prefix in CIDR notation; addresses are nothing"},
		{"validate_fqdn", "domain name"},
		{"convert_date", "date, or date and time, in the usual forms; kept as precise as it came"},
		{"convert_date_utc", "as convert_date; UTC where no zone is named"},
		{"extract_cve_from_tag", "the CVE numbers among tags parted by semicolons, sorted"},
		{"convert_http_host_and_url", "URL from the row's cc_dns, http_host, hostname or ip and its url or http_url"},
		{"category_or_detail", "the row's category, or its detail where that is empty"},
		{"force_base64", "base64; plain text is encoded"},
		{"scan_exchange_taxonomy", "class of a report on Exchange servers, from its tags"},
		{"scan_exchange_type", "type of a report on Exchange servers, from its tags"},
		{"scan_exchange_identifier", "identifier of a report on Exchange servers, from its tags"},

		{"text", "text as it stands"},
		{"lower", "text in lower case"},
		{"utc", "date and time; UTC where no zone is named"},
		{"time", "date and time in the layout that follows (Go's reference time); UTC where it has no zone"},
		{"unix", "seconds since 1970"},
		{"unix_ms", "milliseconds since 1970"},
		{"host", "domain name of a URL, of name:port, or a plain name"},
		{"ip", "address of address:port, of a URL, or a plain address"},
		{"port", "port of address:port or of a URL, or a plain number"},
		{"prefix", "prefix; with a second cell its length or the last address of a range"},
		{"url", "URL; hxxp and [.] are turned back"},
		{"refang", "text; hxxp and [.] are turned back"},
		{"first", "what stands before the first comma, semicolon or blank"},
		{"join", "the cell and the second cell, parted by a blank"},
		{"asn", "AS number with or without AS, alone or before a blank"},
		{"md5", "text of the form of an MD5 sum; else nothing"},
		{"sha1", "text of the form of a SHA-1 sum; else nothing"},
		{"sha256", "text of the form of a SHA-256 sum; else nothing"},
		{"pair", "the value of a name in text like \"name: value; name: value\"; the names follow, the first that is there counts"},
		{"pairs", "such text whole, with account names and secrets in it sealed"},
		{"bare", "text that holds no such pair, without a semicolon at its end"},
		{"bare_word", "the first part between semicolons that is no such pair"},
		{"proxy_kind", "kind of \"proxy_type: http-8080\""},
		{"proxy_port", "port of \"proxy_type: http-8080\""},
		{"as_name", "name of \"AS name, CC\""},
		{"as_country", "country of \"AS name, CC\""},
		{"names", "names of a JSON object's members, or a list of texts, parted by semicolons"},
	}
}

var conversions = map[string]conversion{
	"add_UTC_to_timestamp": convTime, "convert_date": convTime, "convert_date_utc": convTime, "utc": convTime,
	"validate_to_none": convNone, "convert_int": convInt, "invalidate_zero": convNonZero, "convert_bool": convBool,
	"convert_float": convFloat, "validate_ip": convIP, "validate_network": convNetwork, "validate_fqdn": convFQDN,
	"extract_cve_from_tag": convCVE, "convert_http_host_and_url": convHostURL, "category_or_detail": convCategory,
	"force_base64":             convBase64,
	"scan_exchange_taxonomy":   convExchange("intrusions", "vulnerable"),
	"scan_exchange_type":       convExchange("system-compromise", "vulnerable-system"), // published: infected-system, of another class
	"scan_exchange_identifier": convExchange("exchange-server-webshell", "vulnerable-exchange-server"),

	"text": convText, "lower": convLower, "time": convLayout, "unix": convUnix(1e6), "unix_ms": convUnix(1e3),
	"host": convHost, "ip": convAddress, "port": convPort, "prefix": convPrefix, "url": convRefang, "refang": convRefang,
	"pair": convPair, "pairs": convPairs, "bare": convBare, "bare_word": convBareWord, "proxy_kind": convProxy(false), "proxy_port": convProxy(true),
	"as_name": convASText(false), "as_country": convASText(true), "names": convNames,
	"first": convFirst, "join": convJoin, "asn": convASN, "md5": convSum(32), "sha1": convSum(40), "sha256": convSum(64),
}

func textOf(b []byte) value {
	if len(b) == 0 {
		return value{}
	}
	return value{kind: text, text: b}
}

func convText(b, _ []byte, _ *step, _ [][]byte) (value, string) { return textOf(b), "" }

func convNone(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	if len(b) == 1 && b[0] == '0' || string(b) == "unknown" {
		return value{}, ""
	}
	return textOf(b), ""
}

func convInt(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	n, ok := parseInt(b)
	if !ok {
		return value{}, "is not a whole number of 64 bits"
	}
	return value{kind: whole, n: n}, ""
}

// parseInt reads a decimal number of at most 64 bits, without allocating.
func parseInt(b []byte) (int64, bool) {
	digits, negative := b, false
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		negative = digits[0] == '-'
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

func convNonZero(b, with []byte, s *step, cells [][]byte) (value, string) {
	v, reason := convInt(b, with, s, cells)
	if reason == "" && v.n == 0 {
		return value{}, ""
	}
	return v, reason
}

func convBool(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	for _, w := range [...]string{"y", "yes", "true", "enabled", "1"} {
		if equalFold(b, w) {
			return value{kind: truth, n: 1}, ""
		}
	}
	for _, w := range [...]string{"n", "no", "false", "disabled", "0"} {
		if equalFold(b, w) {
			return value{kind: truth}, ""
		}
	}
	return value{}, "is neither yes nor no"
}

// equalFold compares b with a text in lower-case ASCII, in any case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func convFloat(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	x, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return value{}, "is not a number"
	}
	return value{kind: real, x: x}, ""
}

func convIP(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	if dotted(b) {
		if string(b) == "0.0.0.0" {
			return value{}, ""
		}
		return value{kind: text, text: b, exact: true}, ""
	}
	if bytes.IndexByte(b, '/') >= 0 {
		return value{}, ""
	}
	ip, err := asset.ParseIP(string(b))
	switch {
	case err != nil:
		return value{}, "is not an IP address"
	case ip.IsUnspecified():
		return value{}, ""
	}
	return value{kind: text, text: ip.AppendTo(nil), exact: true}, ""
}

// dotted reports whether b is an IPv4 address in canonical spelling.
func dotted(b []byte) bool {
	if len(b) < 7 || len(b) > 15 {
		return false
	}
	n, digits, dots := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			if digits > 0 && n == 0 {
				return false
			}
			n = n*10 + int(c-'0')
			digits++
			if n > 255 {
				return false
			}
		case c == '.' && digits > 0:
			dots++
			n, digits = 0, 0
		default:
			return false
		}
	}
	return dots == 3 && digits > 0
}

func convNetwork(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	if bytes.IndexByte(b, '/') < 0 {
		return value{}, ""
	}
	p, err := asset.ParsePrefix(string(b))
	if err != nil {
		return value{}, "is not a prefix in CIDR notation"
	}
	return textOf(p.AppendTo(nil)), ""
}

func convFQDN(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	d, err := asset.ParseDomain(strings.TrimRight(string(b), "."))
	if err != nil {
		return value{}, "is not a domain name"
	}
	return textOf([]byte(d)), ""
}

var cve = regexp.MustCompile(`^cve-[0-9]+-[0-9]+$`)

// convCVE parts the numbers by semicolons, as product.vulnerabilities and the tags themselves do.
func convCVE(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	if !bytes.Contains(b, []byte("cve-")) {
		return value{}, ""
	}
	var found []string
	for tag := range strings.SplitSeq(string(b), ";") {
		if cve.MatchString(tag) {
			found = append(found, tag)
		}
	}
	slices.Sort(found)
	return textOf([]byte(strings.Join(slices.Compact(found), ";"))), ""
}

// convHostURL takes the host from the first column of cc_dns, http_host, hostname and ip that has one. A cell that
// holds an absolute URL, alone or in a request line, is that URL.
func convHostURL(b, _ []byte, s *step, cells [][]byte) (value, string) {
	host := s.named(cells, "cc_dns", "http_host", "hostname", "ip")
	path := s.named(cells, "url", "http_url")
	if u := absoluteURL(b); u != nil {
		return textOf(u), ""
	}
	if len(host) == 0 || len(path) == 0 {
		return textOf(b), ""
	}
	path = requested(path)
	if slash := bytes.IndexByte(path, '/'); slash >= 0 {
		path = path[slash:]
	} else {
		path = nil
	}
	scheme := "http://"
	if string(s.named(cells, "application")) == "https" {
		scheme = "https://"
	}
	out := append(make([]byte, 0, len(scheme)+2+len(host)+len(path)), scheme...)
	if ip, err := netip.ParseAddr(string(host)); err == nil && ip.Is6() {
		out = append(append(append(out, '['), host...), ']')
	} else {
		out = append(out, host...)
	}
	return textOf(append(out, path...)), ""
}

func absoluteURL(b []byte) []byte {
	b = requested(b)
	if len(b) > 8 && (equalFold(b[:7], "http://") || equalFold(b[:8], "https://")) {
		return b
	}
	return nil
}

// requested takes what a request line (RFC 9112, section 3) asks for out of it; what is none comes out as it is, blanks too.
func requested(b []byte) []byte {
	if i := bytes.IndexByte(b, ' '); i > 0 && len(bytes.Trim(b[:i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) == 0 {
		b = b[i+1:]
		if end := bytes.LastIndex(b, []byte(" HTTP/")); end >= 0 {
			b = b[:end]
		}
	}
	return b
}

func convCategory(b, _ []byte, s *step, cells [][]byte) (value, string) {
	return textOf(s.named(cells, "category", "detail")), ""
}

func convBase64(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	if _, err := base64.StdEncoding.DecodeString(string(b)); err == nil {
		return textOf(b), ""
	}
	return textOf(base64.StdEncoding.AppendEncode(nil, b)), ""
}

func convExchange(webshell, other string) conversion {
	return func(b, _ []byte, _ *step, _ [][]byte) (value, string) {
		if string(b) == "exchange;webshell" {
			return textOf([]byte(webshell)), ""
		}
		return textOf([]byte(other)), ""
	}
}
