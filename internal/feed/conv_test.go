package feed

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/finding"
)

// converted runs one conversion on a row of columns a, b and those that whole-row conversions look at.
func converted(t testing.TB, convert, field, cell, with string, row map[string]string) (any, []event.Note) {
	t.Helper()
	columns, cells := []string{"a", "b", "ip"}, [][]byte{[]byte(cell), []byte(with), []byte("192.0.2.1")}
	for k, v := range row {
		columns, cells = append(columns, k), append(cells, []byte(v))
	}
	m, _, err := NewMapping(Plan{
		Columns: columns, Constant: map[string]string{"classification.type": "other"},
		Rules: []Rule{
			{Field: field, Column: "a", With: "b", Convert: convert},
			{Field: "source.ip", Column: "ip"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	agreeCells(t, m, cells)
	e, err := m.Event(cells)
	if why, ok := errors.AsType[*Reject](err); ok && finding.Vital(field) {
		return nil, []event.Note{{Field: field, Reason: why.Reason}} // the record is kept aside
	}
	if err != nil {
		t.Fatal(err)
	}
	return e.Fields[field], e.Notes
}

var conversionCases = []struct {
	convert, field, cell, with string
	want                       any
	note                       string
}{
	{"add_UTC_to_timestamp", "time.source", "2026-11-20 05:12:33", "", "2026-11-20T05:12:33+00:00", ""},
	{"add_UTC_to_timestamp", "time.source", "2026-11-20T05:12:33.250+02:00", "", "2026-11-20T03:12:33.250+00:00", ""},
	{"add_UTC_to_timestamp", "time.source", "", "", nil, ""},
	{"add_UTC_to_timestamp", "time.source", "2026-02-30 05:12:33", "", nil, "is not a date"},
	{"add_UTC_to_timestamp", "time.source", "2026-11-20", "", "2026-11-20T00:00:00+00:00", "the day only"},
	{"convert_date", "extra.d", "Fri, 20 Nov 2026 05:12:33 GMT", "", "2026-11-20T05:12:33+00:00", ""},
	{"convert_date", "extra.d", "Fri, 20 Nov 2026 05:12:33 EST", "", nil, "is not a date"},
	{"convert_date", "extra.d", "2026-11-20", "", "2026-11-20", ""},
	{"convert_date", "extra.d", "soon", "", nil, "is not a date"},
	{"convert_date_utc", "extra.d", "2026-11-20 05:12:33", "", "2026-11-20T05:12:33+00:00", ""},
	{"validate_to_none", "extra.v", "unknown", "", nil, ""},
	{"validate_to_none", "extra.v", "0", "", nil, ""},
	{"validate_to_none", "extra.v", "00", "", "00", ""},
	{"convert_int", "extra.n", "-12", "", int64(-12), ""},
	{"convert_int", "extra.n", "9223372036854775808", "", nil, "whole number"},
	{"convert_int", "source.port", "65536", "", nil, "0 to 65535"},
	{"convert_int", "source.port", "http", "", nil, "whole number"},
	{"invalidate_zero", "source.asn", "0", "", nil, ""},
	{"invalidate_zero", "source.asn", "64496", "", int64(64496), ""},
	{"convert_bool", "extra.b", "Enabled", "", true, ""},
	{"convert_bool", "extra.b", "N", "", false, ""},
	{"convert_bool", "extra.b", "maybe", "", nil, "neither"},
	{"convert_float", "extra.x", "1e3", "", 1000.0, ""},
	{"convert_float", "extra.x", "nan", "", nil, "is not a number"},
	{"validate_ip", "destination.ip", "2001:DB8::0:1", "", "2001:db8::1", ""},
	{"validate_ip", "destination.ip", "0.0.0.0", "", nil, ""},
	{"validate_ip", "destination.ip", "192.0.2.0/24", "", nil, ""},
	{"validate_ip", "destination.ip", "192.0.2.01", "", nil, "not an IP"},
	{"validate_network", "source.network", "192.0.2.77/24", "", "192.0.2.0/24", ""},
	{"validate_network", "source.network", "192.0.2.77", "", nil, ""},
	{"validate_network", "source.network", "192.0.2.77/77", "", nil, "CIDR"},
	{"validate_fqdn", "source.fqdn", "Bücher.Example.", "", "xn--bcher-kva.example", ""},
	{"validate_fqdn", "source.fqdn", "192.0.2.1", "", nil, "not a domain"},
	{"extract_cve_from_tag", "product.vulnerabilities", "x;cve-2026-9;cve-2025-1;cve-bad", "", "cve-2025-1;cve-2026-9", ""},
	{"extract_cve_from_tag", "product.vulnerabilities", "x;y", "", nil, ""},
	{"force_base64", "extra.r", "cGxhaW4=", "", "cGxhaW4=", ""},
	{"force_base64", "extra.r", "plain text", "", "cGxhaW4gdGV4dA==", ""},
	{"scan_exchange_identifier", "classification.identifier", "", "", "vulnerable-exchange-server", ""},
	{"scan_exchange_identifier", "classification.identifier", "exchange;webshell", "", "exchange-server-webshell", ""},
	{"category_or_detail", "event_description.text", "", "", nil, ""},

	{"time 02/01/2006 15:04", "time.source", "20/11/2026 05:12", "", "2026-11-20T05:12:00+00:00", ""},
	{"time 02.01.2006", "extra.d", "20.11.2026", "", "2026-11-20", ""},
	{"unix", "time.source", "1795151553", "", "2026-11-20T05:12:33+00:00", ""},
	{"unix_ms", "time.source", "1795151553250", "", "2026-11-20T05:12:33.250+00:00", ""},
	{"unix", "time.source", "-5", "", nil, "count"},
	{"host", "source.fqdn", "hxxps://Evil[.]example:8443/x", "", "evil.example", ""},
	{"host", "source.fqdn", "http://192.0.2.7/x", "", nil, ""},
	{"ip", "destination.ip", "192.0.2.7:8080", "", "192.0.2.7", ""},
	{"ip", "destination.ip", "https://[2001:db8::1]:443/", "", "2001:db8::1", ""},
	{"ip", "destination.ip", "http://evil.example/", "", nil, ""},
	{"port", "source.port", "192.0.2.7:8080", "", int64(8080), ""},
	{"port", "source.port", "https://evil.example/", "", int64(443), ""},
	{"prefix", "source.network", "192.0.2.0", "24", "192.0.2.0/24", ""},
	{"prefix", "source.network", "192.0.2.0", "192.0.2.127", "192.0.2.0/25", ""},
	{"prefix", "source.network", "192.0.2.0", "192.0.2.100", nil, "not one prefix"},
	{"url", "destination.url", "hxxp://u:p@Evil[.]example/?token=abc&x=1", "", "http://evil.example/?token=sealed:", ""},
	{"first", "extra.f", "one, two", "", "one", ""},
	{"join", "extra.j", "2026-11-20", "05:12", "2026-11-20 05:12", ""},
	{"asn", "source.asn", "AS64496 Example", "", int64(64496), ""},
	{"md5", "malware.hash.md5", strings.Repeat("AB", 16), "", strings.Repeat("ab", 16), ""},
	{"sha1", "malware.hash.sha1", strings.Repeat("AB", 16), "", nil, ""},
	{"", "source.geolocation.cc", "xyz", "", nil, "2 characters"},
	{"", "extra.t", "nul\x00 and \xff", "", "nul\uFFFD and \uFFFD", ""},
}

func TestConversions(t *testing.T) {
	t.Parallel()
	for _, c := range conversionCases {
		t.Run(fmt.Sprintf("%s %.20q", c.convert, c.cell), func(t *testing.T) {
			got, notes := converted(t, c.convert, c.field, c.cell, c.with, nil)
			if s, ok := got.(string); ok && strings.HasSuffix(fmt.Sprint(c.want), "sealed:") && strings.HasPrefix(s, c.want.(string)) {
				got = c.want
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			switch {
			case c.note == "" && len(notes) > 0:
				t.Errorf("notes %+v", notes)
			case c.note != "" && (len(notes) != 1 || !strings.Contains(notes[0].Reason, c.note)):
				t.Errorf("notes %+v, want one that says %q", notes, c.note)
			}
		})
	}
	for _, c := range Conversions() {
		if conversions[c[0]] == nil {
			t.Errorf("%s is documented and not there", c[0])
		}
	}
	if len(conversions) != len(Conversions()) {
		t.Errorf("%d conversions, %d documented", len(conversions), len(Conversions()))
	}
}

func TestHostAndURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row  map[string]string
		want any
	}{
		{map[string]string{"http_host": "Evil.example", "http_url": "GET /a?b HTTP/1.1"}, "http://evil.example/a?b"},
		{map[string]string{"http_host": "evil.example", "url": "/a", "application": "https"}, "https://evil.example/a"},
		{map[string]string{"cc_dns": "cc.example", "http_host": "evil.example", "url": "a/b"}, "http://cc.example/b"},
		{map[string]string{"ip": "2001:db8::1", "url": "/a"}, "http://[2001:db8::1]/a"},
		{map[string]string{"hostname": "evil.example", "url": "https://other.example/x y"}, "https://other.example/x y"}, // kept whole
		{map[string]string{"hostname": "evil.example", "url": "/a b#/login"}, "http://evil.example/a b#/login"},
		{map[string]string{"hostname": "evil.example", "url": "POST /a b HTTP/1.1"}, "http://evil.example/a b"},
		{map[string]string{"hostname": "evil.example", "url": "GET http://other.example/x HTTP/1.0"}, "http://other.example/x"},
		{map[string]string{"url": "/a"}, nil},
	} {
		column := "url"
		if _, ok := c.row["http_url"]; ok {
			column = "http_url"
		}
		var columns []string
		var cells [][]byte
		for k, v := range c.row {
			columns, cells = append(columns, k), append(cells, []byte(v))
		}
		columns, cells = append(columns, "asn"), append(cells, []byte("64496"))
		m, _, err := NewMapping(Plan{
			Columns: columns, Constant: map[string]string{"classification.type": "other"},
			Rules: []Rule{{Field: "destination.url", Column: column, Convert: "convert_http_host_and_url"}, {Field: "source.asn", Column: "asn"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		e, err := m.Event(cells)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Fields["destination.url"]; got != c.want {
			t.Errorf("%v: %v, want %v", c.row, got, c.want)
		}
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	s := NewSealer([]byte("key"))
	// HMAC-SHA256 of "secret" under "key", by another program.
	if got := s.Seal("secret"); got != "sealed:25cf3c44c8f39313" {
		t.Errorf("Seal: %s", got)
	}
	if s.Seal(s.Seal("secret")) != s.Seal("secret") {
		t.Error("what is sealed is sealed again")
	}
	if s.Seal("secret") == NewSealer(nil).Seal("secret") {
		t.Error("the key does not matter")
	}
	x := s.Seal("x")
	for _, c := range []struct {
		kind     Secrecy
		in, want string
	}{
		{Account, "X", x},
		{Cookie, "sid=x; Path=/", "sid=" + x + "; Path=/"},
		{Cookie, "x", x},
		{Scheme, `Digest realm="Router", nonce="x"`, `Digest realm="Router", nonce=` + x},
		{Scheme, "Basic", "Basic"},
		{Link, "https://u:p@a.example/p?token=x&q=1#f", "https://a.example/p?token=" + x + "&q=1#f"},
		{Link, "https://a.example/#access_token=x&state=1", "https://a.example/#access_token=" + x + "&state=1"},
		{Link, "https://a.example/#/reset?token=x", "https://a.example/#/reset?token=" + x},
		{Link, "https://a.example/#", "https://a.example/#"},
		{Link, "/p?a=1", "/p?a=1"},
		{Plain, "x", "x"},
	} {
		if got := s.Apply(c.kind, c.in); got != c.want {
			t.Errorf("%v of %q: %q, want %q", c.kind, c.in, got, c.want)
		}
	}
	for column, want := range map[string]Secrecy{
		"password": Secret, "user_password": Secret, "has_password": Plain, "issuer_email_address": Account, "api-token": Secret,
		"url": Link, "server": Plain, "set_cookie": Cookie, "username": Account,
	} {
		if got := SecrecyOf("extra."+column, column); got != want {
			t.Errorf("%s: %v, want %v", column, got, want)
		}
	}
}

func FuzzConversions(f *testing.F) {
	for _, c := range []string{"", "1", "x", "2026-11-20 05:12:33", "192.0.2.1", "http://a.example/?b=c", "GET / HTTP/1.1", "\xff\x00", "::1", "9999999999999999999", "ssh;port: 6; username: x;", "proxy_type: http-80;", "Name, AT", `{"b":1,"a":2}`, "TLP:RED"} {
		f.Add(c, "24", uint16(0))
	}
	fields := []string{"extra.x", "source.port", "source.ip", "source.fqdn", "source.url", "time.source", "source.asn", "malware.name", "source.network", "source.account", "protocol.transport", "tlp", "extra.pap"}
	var all []*Mapping
	for _, c := range Conversions() {
		for _, field := range fields {
			convert := c[0]
			if convert == "time" {
				convert = "time 2006-01-02"
			}
			if convert == "pair" {
				convert = "pair port username"
			}
			m, _, err := NewMapping(Plan{
				Columns: []string{"url", "b"}, Default: map[string]string{"classification.type": "phishing", "source.ip": "192.0.2.1"},
				Rules: []Rule{{Field: field, Column: "url", With: "b", Convert: convert}},
			})
			if err != nil {
				f.Fatal(err)
			}
			all = append(all, m)
		}
	}
	f.Fuzz(func(t *testing.T, cell, with string, which uint16) {
		agreeCells(t, all[int(which)%len(all)], [][]byte{[]byte(cell), []byte(with)})
	})
}

// Text of pairs is taken apart, account names in it are sealed, and notes do not quote them.
func TestPairs(t *testing.T) {
	t.Parallel()
	m, _, err := NewMapping(Plan{
		Columns: []string{"ip", "text"}, Default: map[string]string{"classification.type": "brute-force"},
		Rules: []Rule{
			{Field: "source.ip", Column: "ip"},
			{Field: "malware.name", Column: "text", Convert: "pair family mwtype"},
			{Field: "destination.ip", Column: "text", Convert: "pair dest_addr dstaddr"},
			{Field: "destination.port", Column: "text", Convert: "pair dest_port"},
			{Field: "protocol.transport", Column: "text", Convert: "pair protocol"},
			{Field: "protocol.application", Column: "text", Convert: "bare_word"},
			{Field: "destination.account", Column: "text", Convert: "pair username"},
			{Field: "extra.text", Column: "text", Convert: "pairs"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]map[string]any{
		"family: Nivdort;dest_addr: 192.0.2.9; dest_port: 80;protocol: 6;": {
			"malware.name": "nivdort", "destination.ip": "192.0.2.9", "destination.port": int64(80), "protocol.transport": "tcp",
			"extra.text": "family: Nivdort;dest_addr: 192.0.2.9; dest_port: 80;protocol: 6;",
		},
		"srcport 61458 mwtype Avalanche Botnet dstaddr 192.0.2.9": {
			"malware.name": "avalanche botnet", "destination.ip": "192.0.2.9",
			"extra.text": "srcport 61458 mwtype Avalanche Botnet dstaddr 192.0.2.9", "protocol.application": "srcport 61458 mwtype avalanche botnet dstaddr 192.0.2.9",
		},
		"ssh;dest_port: 22, 2222;":           {"protocol.application": "ssh", "extra.text": "ssh;dest_port: 22, 2222;"},
		"username: root;dest_port: x;family": {"protocol.application": "family"},
	} {
		e, err := m.Event([][]byte{[]byte("192.0.2.1"), []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		for field, v := range want {
			if e.Fields[field] != v {
				t.Errorf("%s: %s is %v, want %v", text, field, e.Fields[field], v)
			}
		}
		out, err := e.Encode(nil)
		if err != nil || strings.Contains(string(out), "root") || strings.Contains(text, "username") != (e.Text("destination.account") != "") {
			t.Errorf("%s (%v)", out, err)
		}
	}
}
