package shadowserver

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
)

// agree checks that Row says of a record what Event says.
func agree(t testing.TB, p *feed.Part, rec feed.Record, e event.Event) {
	t.Helper()
	var scratch feed.Scratch
	row, err := p.Decoder.Row(rec, &scratch)
	if err != nil {
		t.Fatalf("Row: %v, and Event none", err)
	}
	id, err := finding.Identify(e)
	if err != nil {
		t.Fatal(err)
	}
	if row.Key != id.Key() {
		t.Errorf("Row's key differs from that of %+v", id)
	}
	at := int64(0)
	if m, ok := event.ParseMoment(e.Text("time.source")); ok {
		at = m.Micros
	}
	level, _ := event.ParseSeverity(e.Text("severity"))
	if row.At != at || row.Severity != level {
		t.Errorf("Row has time %d and severity %v, Event %d and %v", row.At, row.Severity, at, level)
	}
	if row.Gone && !strings.EqualFold(e.Text("status"), "offline") {
		t.Error("Row says gone, Event does not")
	}
}

// odd are cells that a report should not hold, and some that it may.
var odd = []string{
	"", " ", "0", "unknown", "-1", "65536", "99999999999999999999", "1.5", "x", "\x00", "\xff", "Ünï", "\"", "a\nb",
	"192.0.2.1", "192.0.2.01", "0.0.0.0", "192.0.2.0/24", "2001:DB8::1", "::", "::ffff:192.0.2.1", "fe80::1%eth0",
	"2026-11-20 05:12:33", "2026-11-20T05:12:33.123456+02:00", "2026-11-20", "20/11/2026", "TCP", "udp", "icmp6", "http",
	"critical", "HIGH", "offline", "http://a.example/?token=x", "GET /x HTTP/1.1", "a.example", "user@a.example",
	"exchange;webshell", "cve-2026-1;cve-2025-2", "AS64496", "Mirai", "violence",
}

// TestRowAndEventAgree draws rows of every report type, with cells that can be read, that cannot and that are missing.
func TestRowAndEventAgree(t *testing.T) {
	t.Parallel()
	for key, r := range refReports(t) {
		header, good, _ := refSample(key, r)
		p := open(t, r.File+".csv", bytes.NewReader(refFile(header, good)))
		rng := rand.New(rand.NewPCG(1, uint64(len(key)))) // the same rows in every run
		for range 150 {
			row := slices.Clone(good)
			for range rng.IntN(4) {
				row[rng.IntN(len(row))] = odd[rng.IntN(len(odd))]
			}
			if rng.IntN(3) == 0 { // the columns that identify a finding
				for i, h := range header {
					if rng.IntN(2) == 0 && slices.Contains([]string{"ip", "src_ip", "port", "src_port", "protocol", "timestamp", "severity", "infection", "tag", "url", "username", "status"}, h) {
						row[i] = odd[rng.IntN(len(odd))]
					}
				}
			}
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			_ = w.Write(row) // a buffer takes everything
			w.Flush()
			rec := feed.Record{Line: 2, Bytes: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
			e, err := p.Decoder.Event(rec)
			if err == nil {
				agree(t, p, rec, e)
				continue
			}
			var scratch feed.Scratch
			if _, rowErr := p.Decoder.Row(rec, &scratch); rowErr == nil || rowErr.Error() != err.Error() {
				t.Fatalf("%s: %s\nRow says %v, Event %v", key, rec.Bytes, rowErr, err)
			}
		}
	}
}

func TestBadRows(t *testing.T) {
	t.Parallel()
	header := "timestamp,ip,protocol,port,severity,extra_column"
	good := `2026-11-20 05:12:33,192.0.2.1,tcp,23,high,x`
	for row, want := range map[string]string{
		good: "",
		`2026-11-20 05:12:33,192.0.2.1,tcp,23,high`:       "5 cells where the header has 6",
		`2026-11-20 05:12:33,192.0.2.1,tcp,23,high,x,y`:   "7 cells where the header has 6",
		`,192.0.2.1,tcp,23,high,x`:                        "timestamp: holds no time.source",
		`soon,192.0.2.1,tcp,23,high,x`:                    `timestamp: "soon" is not a date and time`,
		`2026-11-20 05:12:33,,tcp,23,high,x`:              "ip: holds no source.ip",
		`2026-11-20 05:12:33,192.0.2,tcp,23,high,x`:       `ip: "192.0.2" is not an IP address`,
		`2026-11-20 05:12:33,192.0.2.1,tcp,telnet,high,x`: `port: "telnet" is not a whole number`,
		`2026-11-20 05:12:33,192.0.2.1,tcp,65536,high,x`:  `port: "65536" is not a whole number from 0 to 65535`,
		`2026-11-20 05:12:33,192.0.2.1,tcp,,high,x`:       "",
		`"2026-11-20 05:12:33,192.0.2.1,tcp,23,high,x`:    "unbalanced quote",
	} {
		p := open(t, "2026-11-20-scan_telnet-xz.csv", strings.NewReader(header+"\n"+good+"\n"))
		if d := cmp.Diff([]string{"extra_column"}, p.Drift.New); d != "" || len(p.Drift.Lost) == 0 {
			t.Errorf("drift %+v", p.Drift)
		}
		rec := feed.Record{Line: 2, Bytes: []byte(row)}
		e, err := p.Decoder.Event(rec)
		if want == "" {
			if err != nil || e.Text("extra.extra_column") != "x" {
				t.Errorf("%s: %v %v", row, err, e.Fields)
			} else {
				agree(t, p, rec, e)
			}
			continue
		}
		var reject *feed.Reject
		if !errors.As(err, &reject) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", row, err, want)
		}
	}
}

// TestNothingIsInvented: cells that cannot be read leave no field, and say so in a note.
func TestNothingIsInvented(t *testing.T) {
	t.Parallel()
	in := "timestamp,ip,protocol,port,hostname,asn,geo,severity,http_date,http_code,tag\n" +
		"2026-11-20 05:12:33,192.0.2.1,tcp,80,not a name,many,XYZ,worst,someday,,\n"
	p := open(t, "2026-11-20-scan_http-xz.csv", strings.NewReader(in))
	e, err := p.Decoder.Event(only(t, p))
	if err != nil {
		t.Fatal(err)
	}
	noted := map[string]string{}
	for _, n := range e.Notes {
		noted[n.Field] = n.Raw
	}
	if d := cmp.Diff(map[string]string{
		"source.reverse_dns": "not a name", "source.asn": "many", "source.geolocation.cc": "XYZ", "severity": "worst", "extra.http_date": "someday",
	}, noted); d != "" {
		t.Error(d)
	}
	for f := range noted {
		if v, ok := e.Fields[f]; ok && f != "severity" {
			t.Errorf("%s is %v", f, v)
		}
	}
	if e.Text("severity") != "info" {
		t.Errorf("severity %q, want that of the report type", e.Text("severity"))
	}
	for _, f := range []string{"extra.http_code", "extra.tag"} {
		if v, ok := e.Fields[f]; ok {
			t.Errorf("%s is %v: the cell was empty", f, v)
		}
	}
}

func TestReportTypeIsFound(t *testing.T) {
	t.Parallel()
	header := func(key, ip string) string {
		s, err := Current()
		if err != nil {
			t.Fatal(err)
		}
		columns := s.Report(key).Columns()
		row := make([]string, len(columns))
		for i, c := range columns {
			if c == "ip" {
				row[i] = ip
			}
		}
		return strings.Join(columns, ",") + "\n" + strings.Join(row, ",") + "\n"
	}
	for _, c := range []struct{ name, in, want string }{
		{"2026-11-20-scan_http-xz-geo.csv", header("scan_http", ""), "scan_http"},
		{`C:\in\scan_http.csv.gz`, header("scan_http", ""), "scan_http"},
		{"/in/2026-11-20-event4_sinkhole-xz.csv", header("event_sinkhole", ""), "event4_sinkhole"},
		{"event_sinkhole.csv", header("event_sinkhole", ""), "event4_sinkhole"},
		{"stdin", header("scan_mdns", ""), "scan_mdns"},
		{"stdin", header("scan_ftp", "192.0.2.1"), "scan_ftp"},
		{"stdin", header("scan_ftp", "2001:db8::1"), "scan6_ftp"},
		{"stdin", "new_column," + header("scan_mdns", ""), "scan_mdns"},
		{"stdin", header("scan_bgp", "192.0.2.1"), "!it may be population_bgp, scan_bgp: put"},
		{"stdin", "banner," + header("scan_mdns", ""), "!it may be scan_mdns"}, // another type has such a column
		{"stdin", "a,b,c\n1,2,3\n", "!neither the name nor the columns"},
		{"scan_http.csv", "timestamp,port\n", `!required column "ip"`},
		{"scan_http.csv", "", "!holds no header"},
	} {
		p, err := feed.Open(Format{}, &feed.Pack{}, c.name, strings.NewReader(c.in), feed.Options{})
		if want, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", c.name, err, want)
			}
			continue
		}
		if err != nil || p.Stream != c.want {
			t.Errorf("%s: %v, want stream %s", c.name, err, c.want)
		}
	}
}

// With its own columns and no telling name, no report is taken for another: it is found, or refused with its type among the
// candidates. Without one of the columns that it may lack, the same.
func TestNoTypeIsTakenForAnother(t *testing.T) {
	t.Parallel()
	s, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, r := range s.Reports {
		columns := r.Columns()
		for drop := -1; drop < len(columns); drop += 7 {
			given := slices.Clone(columns)
			if drop >= 0 {
				given = slices.Delete(given, drop, drop+1)
				if !r.requires(given) {
					continue
				}
			}
			got, err := s.fitting(given, nil)
			switch {
			case err == nil && slices.Equal(slices.Sorted(slices.Values(got.Columns())), slices.Sorted(slices.Values(columns))):
				found++
			case err == nil && drop >= 0 && len(got.Columns()) == len(given):
				// without that column it is another type to the letter
			case err == nil:
				t.Errorf("%s without column %d is taken for %s", r.File, drop, got.File)
			case drop < 0 && !strings.Contains(err.Error(), r.File):
				t.Errorf("%s: %v", r.File, err)
			}
		}
	}
	if found < 50 {
		t.Errorf("%d of %d were found", found, len(s.Reports))
	}
}

// TestTwoThousandBadRows counts the work: every bad row is looked at once by Row and never again.
func TestTwoThousandBadRows(t *testing.T) {
	var in bytes.Buffer
	in.WriteString("timestamp,ip,protocol,port\n")
	for i := range 2000 {
		fmt.Fprintf(&in, "2026-11-20 05:12:33,192.0.2.1,tcp,23\nnever %d,192.0.2.1,tcp,23\n", i)
	}
	p := open(t, "scan_telnet.csv", &in)
	var scratch feed.Scratch
	good, bad, line := 0, 0, int64(1)
	for {
		b, err := p.Next(100)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			if line++; r.Line != line {
				t.Fatalf("line %d, want %d", r.Line, line)
			}
			if _, err := p.Decoder.Row(r, &scratch); err != nil {
				bad++
			} else {
				good++
			}
		}
		b.Release()
	}
	if good != 2000 || bad != 2000 {
		t.Errorf("%d good and %d bad rows", good, bad)
	}
	rec := feed.Record{Bytes: []byte("never,192.0.2.1,tcp,23")}
	if n := testing.AllocsPerRun(100, func() { _, _ = p.Decoder.Row(rec, &scratch) }); n > 30 {
		t.Errorf("a bad row costs %v allocations", n)
	}
	rec.Bytes = []byte("2026-11-20 05:12:33,192.0.2.1,tcp,23")
	if n := testing.AllocsPerRun(100, func() { _, _ = p.Decoder.Row(rec, &scratch) }); n > 0 {
		t.Errorf("a good row costs %v allocations", n)
	}
}

func FuzzShadowserver(f *testing.F) {
	f.Add("scan_http.csv", "timestamp,ip,port,tag\n2026-11-20 05:12:33,192.0.2.1,80,http\n")
	f.Add("blocklist.csv", "timestamp,ip,asn\n2026-11-20 05:12:33,192.0.2.0/24,0\n,,\n")
	f.Add("malware_url", "timestamp,ip,port,url,hostname\n2026-11-20 05:12:33,192.0.2.1,80,GET /?a HTTP/1.1,a.example\n")
	f.Add("x", "timestamp,username,detail\n")
	f.Fuzz(func(t *testing.T, name, in string) {
		p, err := feed.Open(Format{}, &feed.Pack{}, name, strings.NewReader(in), feed.Options{})
		if err != nil {
			return
		}
		for {
			b, err := p.Next(100)
			if err != nil {
				return
			}
			for _, r := range b.Records {
				e, err := p.Decoder.Event(r)
				if err == nil {
					agree(t, p, r, e)
					if _, err := e.Encode(nil); err != nil {
						t.Fatal(err)
					}
					continue
				}
				var scratch feed.Scratch
				if _, rowErr := p.Decoder.Row(r, &scratch); rowErr == nil || rowErr.Error() != err.Error() {
					t.Fatalf("%q: Row says %v, Event %v", r.Bytes, rowErr, err)
				}
			}
		}
	})
}
