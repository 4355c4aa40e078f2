package list

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tocsin/internal/asset"
	"tocsin/internal/feed"
)

// line is one entry: its value as it stands in the record, and what follows it.
type line struct {
	kind    string // ip, prefix, domain, url or asn
	value   []byte
	second  []byte // the second column
	rest    []byte // further columns
	comment []byte // without its mark
	addr    netip.Addr
	prefix  netip.Prefix
}

// parse takes a record apart. The error is a *feed.LeftOut for comments and a *feed.Reject for anything unreadable.
func (d *decoder) parse(text []byte) (line, error) {
	var l line
	text = bytes.TrimSpace(text)
	for _, c := range d.comments {
		if bytes.HasPrefix(text, []byte(c)) {
			return l, &feed.LeftOut{Reason: "a comment"}
		}
	}
	for _, p := range d.ignore {
		if bytes.HasPrefix(text, []byte(p)) {
			return l, &feed.LeftOut{Reason: "a line the pack leaves out"}
		}
	}
	text, l.comment = d.trailer(text)
	if len(text) == 0 {
		return l, &feed.LeftOut{Reason: "an empty line"}
	}
	if from, to, rest, ok := rangeOf(text, d.kind); ok {
		l.second, l.rest = column(rest, true)
		return l, l.setRange(from, to)
	}
	commas := d.kind != "url"
	l.value, l.rest = column(text, commas)
	if d.kind == "domain" && isSink(l.value) {
		l.value, l.rest = column(l.rest, commas)
	}
	l.second, l.rest = column(l.rest, commas)
	l.value = refang(l.value)
	return l, l.setKind(d.kind)
}

// trailer cuts off a comment that follows the entry after a blank.
func (d *decoder) trailer(text []byte) (entry, comment []byte) {
	cut, mark := len(text), 0
	for _, c := range d.comments {
		for at := 1; at < cut; at++ {
			i := bytes.Index(text[at:cut], []byte(c))
			if i < 0 {
				break
			}
			if at += i; text[at-1] == ' ' || text[at-1] == '\t' {
				cut, mark = at, len(c)
				break
			}
		}
	}
	if cut == len(text) {
		return text, nil
	}
	return bytes.TrimSpace(text[:cut]), bytes.TrimSpace(text[cut+mark:])
}

// column returns the first column of text and what follows its separator: blanks, a tab, or a comma.
func column(text []byte, commas bool) (first, rest []byte) {
	text = bytes.TrimSpace(text)
	if len(text) > 1 && text[0] == '"' {
		if end := bytes.IndexByte(text[1:], '"'); end >= 0 {
			return text[1 : end+1], bytes.TrimLeft(text[end+2:], ", \t")
		}
	}
	for i, c := range text {
		if c == ' ' || c == '\t' || commas && c == ',' {
			return text[:i], bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(text[i:]), []byte(",")))
		}
	}
	return text, nil
}

// rangeOf finds "a - b", and for kind range also "a-b" and two columns.
func rangeOf(text []byte, kind string) (from, to netip.Addr, rest []byte, ok bool) {
	if kind == "domain" || kind == "url" || kind == "asn" {
		return from, to, nil, false
	}
	first, after := column(text, true)
	if kind == "range" {
		if a, b, cut := bytes.Cut(first, []byte("-")); cut && len(a) > 0 && len(b) > 0 {
			first, after = a, append(append(bytes.Clone(b), ' '), after...)
		}
	}
	dashed := bytes.HasPrefix(after, []byte("-"))
	if !dashed && kind != "range" {
		return from, to, nil, false
	}
	second, rest := column(bytes.TrimPrefix(after, []byte("-")), true)
	from, okFrom := address(first)
	to, okTo := address(second)
	return from, to, rest, okFrom && okTo
}

// setRange takes a range over where it is exactly one prefix: a record is one event, and half a range is none.
func (l *line) setRange(from, to netip.Addr) error {
	if from.BitLen() != to.BitLen() || to.Less(from) {
		return reject("the range %s - %s does not go upwards within one family", from, to)
	}
	for bits := 0; bits <= from.BitLen(); bits++ {
		p := netip.PrefixFrom(from, bits)
		if p.Masked().Addr() == from && lastOf(p) == to {
			return l.setPrefix(p)
		}
	}
	return reject("the range %s - %s is not one prefix: write it as prefixes", from, to)
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// setKind finds out what the value is and whether the list may hold it.
func (l *line) setKind(want string) error {
	switch want {
	case "domain", "url", "asn":
		l.kind = want
		return nil
	case "any":
		if isASN(l.value) {
			l.kind = "asn"
			return nil
		}
		if bytes.Contains(l.value, []byte("://")) {
			l.kind = "url"
			return nil
		}
	}
	if a, ok := address(l.value); ok {
		return l.setAddr(a)
	}
	if bytes.IndexByte(l.value, '/') > 0 && len(l.value) <= 50 {
		p, err := asset.ParsePrefix(string(l.value))
		if err == nil {
			return l.setPrefix(p)
		}
	}
	if want == "any" {
		l.kind = "domain"
		return nil
	}
	return reject("%q is neither an address nor a prefix", clip(l.value))
}

func (l *line) setAddr(a netip.Addr) error {
	l.kind, l.addr = "ip", a
	switch {
	case a.IsUnspecified():
		return reject("%s is the unspecified address", a)
	case a.IsLoopback():
		return reject("%s is a loopback address", a)
	case a.IsMulticast():
		return reject("%s is a multicast address", a)
	case a.IsLinkLocalUnicast():
		return reject("%s is a link-local address", a)
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return reject("%s is the broadcast address", a)
	}
	return nil
}

func (l *line) setPrefix(p netip.Prefix) error {
	p = p.Masked()
	if p.IsSingleIP() {
		return l.setAddr(p.Addr())
	}
	l.kind, l.prefix = "prefix", p
	least := 8
	if p.Addr().Is6() {
		least = 16
	}
	if p.Bits() < least {
		return reject("%s is wider than /%d: no single finding", p, least)
	}
	if a := p.Addr(); a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return reject("%s is not of the public network", p)
	}
	return nil
}

// canonical appends the value in the spelling of its asset; what is secret in a URL is sealed.
func (l *line) canonical(b []byte, sealer *feed.Sealer) ([]byte, error) {
	switch l.kind {
	case "ip":
		return l.addr.AppendTo(b), nil
	case "prefix":
		return l.prefix.AppendTo(b), nil
	case "asn":
		n, err := asset.ParseASN(string(l.value))
		if err != nil {
			return b, &feed.Reject{Reason: err.Error()}
		}
		return strconv.AppendUint(b, uint64(n), 10), nil
	case "url":
		u, err := asset.ParseURL(string(l.value))
		if err != nil {
			return b, &feed.Reject{Reason: err.Error()}
		}
		return append(b, sealer.Apply(feed.Link, u)...), nil
	}
	if plainDomain(l.value) {
		return append(b, l.value...), nil
	}
	d, err := asset.ParseDomain(string(l.value))
	if err != nil {
		return b, &feed.Reject{Reason: err.Error()}
	}
	return append(b, d...), nil
}

func reject(format string, args ...any) error {
	return &feed.Reject{Reason: fmt.Sprintf(format, args...)}
}

func clip(b []byte) string {
	if len(b) > 80 {
		return strings.ToValidUTF8(string(b[:80]), "") + "…"
	}
	return string(b)
}
