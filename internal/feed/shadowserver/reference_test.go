package shadowserver

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/feed"
)

// The reference knows the published file and what each conversion and field means, and nothing of the parser: it makes
// a sample for every report type with every column filled, and writes down what must come out.

type refReport struct {
	Constant map[string]string `json:"constant_fields"`
	Name     string            `json:"feed_name"`
	File     string            `json:"file_name"`
	URL      string            `json:"url"`
	Required [][]any           `json:"required_fields"`
	Optional [][]any           `json:"optional_fields"`
}

type refMapping struct{ target, column, convert string }

func (r refReport) mappings() []refMapping {
	var out []refMapping
	for _, m := range append(append([][]any{}, r.Required...), r.Optional...) {
		x := refMapping{target: m[0].(string), column: m[1].(string)}
		if len(m) > 2 {
			x.convert, _ = m[2].(string)
		}
		if x.target == "extra." {
			x.target += x.column
		}
		out = append(out, x)
	}
	return out
}

func refReports(t testing.TB) map[string]refReport {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(shared(t, "intelmq.json"), &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "_meta")
	out := map[string]refReport{}
	for k, raw := range all {
		var r refReport
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		out[k] = r
	}
	return out
}

// refCell returns a cell that every mapping of its column can read.
func refCell(n int, column string, maps []refMapping) string {
	number := strconv.Itoa(1000 + n)
	for _, m := range maps {
		switch m.convert {
		case "add_UTC_to_timestamp", "convert_date", "convert_date_utc":
			return "2026-11-20 05:12:" + strconv.Itoa(10+n%50)
		case "convert_int", "invalidate_zero":
			return number
		case "convert_float":
			return "1.5"
		case "convert_bool":
			return "Y"
		case "validate_ip":
			return "192.0.2." + strconv.Itoa(1+n)
		case "validate_fqdn":
			return "name" + number + ".example.org"
		case "extract_cve_from_tag":
			return "tagged;cve-2026-2;cve-2025-11;cve-2026-2"
		case "convert_http_host_and_url":
			return "GET /path" + number + "?x=1 HTTP/1.1"
		case "force_base64":
			return "plain text " + number
		case "scan_exchange_identifier":
			return "exchange;webshell"
		}
	}
	for _, m := range maps {
		switch {
		case strings.HasSuffix(m.target, "geolocation.cc") && !strings.HasPrefix(m.target, "extra."):
			return "xz"
		case strings.HasSuffix(m.target, "reverse_dns"):
			return "Host" + number + ".Example.NET"
		case m.target == "protocol.transport":
			return "tcp"
		case m.target == "severity":
			return "medium"
		case m.target == "malware.name":
			return "Family-" + number
		case m.target == "source.account", m.target == "destination.account", column == "email":
			return "User" + number + "@Example.COM"
		}
	}
	switch column {
	case "http_referer_hostname":
		return "referer.example.org"
	case "website":
		return "https://victim.example/about"
	case "request":
		return "asked" + number + ".example.org"
	}
	return "Text " + number
}

func refSeal(v string) string {
	m := hmac.New(sha256.New, []byte("a key of the reference"))
	m.Write([]byte(v))
	return "sealed:" + hex.EncodeToString(m.Sum(nil))[:16]
}

// refValue returns what a mapping makes of its cell; nil is nothing.
func refValue(m refMapping, row map[string]string) any {
	cell := row[m.column]
	switch m.convert {
	case "convert_int", "invalidate_zero":
		n, _ := strconv.ParseInt(cell, 10, 64)
		return n
	case "convert_float":
		return 1.5
	case "convert_bool":
		return true
	case "add_UTC_to_timestamp", "convert_date", "convert_date_utc":
		return strings.Replace(cell, " ", "T", 1) + "+00:00"
	case "validate_network":
		return nil // the cell is an address, or text
	case "extract_cve_from_tag":
		if strings.Contains(cell, "cve") {
			return "cve-2025-11;cve-2026-2"
		}
		return nil
	case "convert_http_host_and_url":
		host := ""
		for _, c := range []string{"cc_dns", "http_host", "hostname", "ip"} {
			if host == "" {
				host = row[c]
			}
		}
		if host == "" {
			return nil
		}
		path := strings.TrimSuffix(strings.TrimPrefix(cell, "GET "), " HTTP/1.1")
		return "http://" + strings.ToLower(host) + path
	case "category_or_detail":
		return row["category"]
	case "force_base64":
		return base64.StdEncoding.EncodeToString([]byte(cell))
	case "scan_exchange_taxonomy":
		return "intrusions"
	case "scan_exchange_type":
		return "system-compromise"
	case "scan_exchange_identifier":
		return "exchange-server-webshell"
	}
	switch {
	case strings.HasPrefix(m.target, "extra."):
	case strings.HasSuffix(m.target, ".cc"):
		return strings.ToUpper(cell)
	case strings.HasSuffix(m.target, "reverse_dns"), m.target == "malware.name", m.target == "protocol.application", m.target == "protocol.transport":
		return strings.ToLower(cell)
	case strings.HasSuffix(m.target, ".account"):
		return refSeal(strings.ToLower(cell))
	}
	switch m.column {
	case "email", "sender":
		return refSeal(strings.ToLower(cell))
	case "password", "cookie", "http_postdata", "badsecret_product", "badsecret_secret", "set_cookie":
		return refSeal(cell)
	case "www_authenticate", "proxy_authenticate":
		scheme, rest, _ := strings.Cut(cell, " ")
		return scheme + " " + refSeal(rest)
	}
	if strings.HasSuffix(m.column, "_email_address") {
		return refSeal(strings.ToLower(cell))
	}
	return cell
}

// refSample returns header, row and the fields that must come out.
func refSample(key string, r refReport) (header, row []string, want map[string]any) {
	byColumn := map[string][]refMapping{}
	for _, m := range r.mappings() {
		if byColumn[m.column] == nil {
			header = append(header, m.column)
		}
		byColumn[m.column] = append(byColumn[m.column], m)
	}
	cells := map[string]string{}
	for i, c := range header {
		cells[c] = refCell(i, c, byColumn[c])
		row = append(row, cells[c])
	}
	want = map[string]any{"feed.name": r.Name, "feed.provider": "Shadowserver"}
	if r.URL != "" {
		want["feed.documentation"] = r.URL
	}
	for _, m := range r.mappings() {
		if v := refValue(m, cells); v != nil {
			want[m.target] = v
		}
		account := strings.HasSuffix(m.target, ".account") || m.column == "email" || m.column == "sender" || strings.HasSuffix(m.column, "_email_address")
		if account && strings.Contains(cells[m.column], "@") {
			want["extra."+m.column+"_domain"] = "example.com"
		}
	}
	for f, v := range r.Constant {
		want[f] = v
		if f == "protocol.application" {
			want[f] = strings.ToLower(v)
		}
	}
	if want["classification.type"] == "blacklist" {
		want["classification.type"], want["extra.classification_source"] = "other", "blacklist"
	}
	switch key { // the types to which the parser gives an asset of its own
	case "sandbox_dns":
		want["source.fqdn"] = cells["request"]
	case "event_sinkhole_http_referer", "event6_sinkhole_http_referer":
		want["source.fqdn"] = "referer.example.org"
	case "ransomware_victim":
		want["source.fqdn"] = "victim.example"
	}
	return header, row, want
}

func refFile(header, row []string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.WriteAll([][]string{header, row}) // a buffer takes everything
	return b.Bytes()
}

// open opens a part of a Shadowserver signal.
func open(t testing.TB, name string, r io.Reader) *feed.Part {
	t.Helper()
	pack := &feed.Pack{Name: "shadowserver", Format: "shadowserver"}
	p, err := feed.Open(Format{}, pack, name, r, feed.Options{Key: []byte("a key of the reference")})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

// only returns the single record of a part.
func only(t testing.TB, p *feed.Part) feed.Record {
	t.Helper()
	b, err := p.Next(10)
	if err != nil || len(b.Records) != 1 || len(b.Bad) != 0 {
		t.Fatalf("a batch of %+v and %v, want one record", b, err)
	}
	if _, err := p.Next(10); !errors.Is(err, io.EOF) {
		t.Fatalf("after the last record: %v", err)
	}
	return b.Records[0]
}

func TestEveryReportTypeReadsEveryColumn(t *testing.T) {
	reports := refReports(t)
	if len(reports) != 170 {
		t.Errorf("%d report types, want 170", len(reports))
	}
	keys := make([]string, 0, len(reports))
	for k := range reports {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, key := range keys {
		t.Run(key, func(t *testing.T) {
			r := reports[key]
			header, row, want := refSample(key, r)
			p := open(t, "some/folder/2026-11-20-"+r.File+"-xz-geo.csv", bytes.NewReader(refFile(header, row)))
			if p.Stream != r.File {
				t.Errorf("stream %s, want %s", p.Stream, r.File)
			}
			if len(p.Drift.New)+len(p.Drift.Lost) > 0 {
				t.Errorf("drift %+v in the published columns", p.Drift)
			}
			rec := only(t, p)
			got, err := p.Decoder.Event(rec)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got.Fields); d != "" {
				t.Errorf("fields differ (-want +got):\n%s", d)
			}
			if key == "event_honeypot_http_scan" {
				got.Notes = nil // its URL has a path and no host
			}
			if len(got.Notes) > 0 {
				t.Errorf("notes on a sample that can be read: %+v", got.Notes)
			}
			agree(t, p, rec, got)
		})
	}
}
