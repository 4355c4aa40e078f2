package feed

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"tocsin/internal/event"
)

// pairOf returns the value of a name in text of the form "name: value; name: value", or in the older form
// "srcport 61458 mwtype Conficker dstaddr 192.0.2.1".
func pairOf(text, name string) string {
	if !strings.Contains(text, ": ") {
		return olderPair(strings.Fields(text), name)
	}
	for part := range strings.SplitSeq(text, ";") {
		if k, v, ok := strings.Cut(part, ": "); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// olderNames begin the values of the older form. A value may hold blanks.
var olderNames = []string{"srcport", "mwtype", "destaddr", "dstaddr"}

func olderPair(words []string, name string) string {
	at := slices.Index(words, name)
	if at < 0 || !slices.Contains(olderNames, name) {
		return ""
	}
	words = words[at+1:]
	if end := slices.IndexFunc(words, func(w string) bool { return slices.Contains(olderNames, w) }); end >= 0 {
		words = words[:end]
	}
	return strings.Join(words, " ")
}

// convPair takes the value of the first of the names that the text has. Several ports are no port: the text keeps them.
func convPair(b, _ []byte, s *step, _ [][]byte) (value, string) {
	for name := range strings.FieldsSeq(s.argument) {
		v := pairOf(string(b), name)
		switch {
		case v == "":
			continue
		case s.field.Kind == event.Port && strings.Contains(v, ","):
			return value{}, ""
		case s.field.Kind == event.Transport && protocols[v] != "":
			v = protocols[v]
		}
		return textOf([]byte(v)), ""
	}
	return value{}, ""
}

// protocols are the numbers of IP protocols that sources write in such text.
var protocols = map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp"}

// convPairs keeps text of pairs with the secret ones sealed, by their names.
func convPairs(b, _ []byte, s *step, _ [][]byte) (value, string) {
	parts := strings.Split(string(b), ";")
	for i, part := range parts {
		k, v, ok := strings.Cut(part, ": ")
		switch name := strings.TrimSpace(k); {
		case ok:
			parts[i] = k + ": " + s.mapping.sealer.Apply(SecrecyOf("extra."+name, name), strings.TrimSpace(v))
		case strings.Contains(part, "://"):
			parts[i] = s.mapping.sealer.Apply(Link, part)
		}
	}
	return textOf([]byte(strings.Join(parts, ";"))), ""
}

// convBare takes text that is no pair, without the semicolon that ends it.
func convBare(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	if bytes.Contains(b, []byte(": ")) {
		return value{}, ""
	}
	return textOf(trim(bytes.TrimRight(b, ";"))), ""
}

// convBareWord takes the first part of such text that is no pair.
func convBareWord(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	for part := range bytes.SplitSeq(b, []byte(";")) {
		if part = trim(part); len(part) > 0 && !bytes.Contains(part, []byte(": ")) {
			return textOf(part), ""
		}
	}
	return value{}, ""
}

// convProxy parts "proxy_type: http-34320", "socks4-61039" and "httppost" into kind and port.
func convProxy(port bool) conversion {
	return func(b, _ []byte, _ *step, _ [][]byte) (value, string) {
		text := pairOf(string(b), "proxy_type")
		if text == "" && !bytes.Contains(b, []byte(": ")) {
			text = strings.TrimSpace(strings.Trim(string(b), ";"))
		}
		kind, number := text, ""
		if at := strings.LastIndexByte(text, '-'); at > 0 && strings.Trim(text[at+1:], "0123456789") == "" {
			kind, number = text[:at], text[at+1:]
		}
		if port {
			return textOf([]byte(number)), ""
		}
		return textOf([]byte(kind)), ""
	}
}

// convASText parts "Example AS Name, AT" into name and country.
func convASText(country bool) conversion {
	return func(b, _ []byte, _ *step, _ [][]byte) (value, string) {
		name, cc := b, []byte(nil)
		if at := bytes.LastIndexByte(b, ','); at >= 0 {
			if last := trim(b[at+1:]); len(last) == 2 && len(bytes.Trim(last, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) == 0 {
				name, cc = trim(b[:at]), last
			}
		}
		if country {
			return textOf(cc), ""
		}
		return textOf(name), ""
	}
}

// convNames takes the names of a JSON object's members, or the members of a list of texts, in order.
func convNames(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	var object map[string]json.RawMessage
	var names []string
	if json.Unmarshal(b, &object) == nil {
		for n := range object {
			names = append(names, n)
		}
	} else if json.Unmarshal(b, &names) != nil {
		return value{}, "is neither a JSON object nor a list of texts"
	}
	slices.Sort(names)
	return textOf([]byte(strings.Join(slices.Compact(names), ";"))), ""
}
