package list_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/feed"
	"tocsin/internal/feed/list"
	"tocsin/internal/finding"
	"tocsin/internal/testkit"
)

func pack(kind string) *feed.Pack {
	return &feed.Pack{
		Name: "test", Format: "list", List: &feed.List{Kind: kind, Second: "extra.count"},
		Default: map[string]string{"classification.type": "scanner", "classification.identifier": "test"},
	}
}

func open(t testing.TB, p *feed.Pack) feed.Decoder {
	t.Helper()
	o, err := list.Format{}.Open(p, "list.txt", nil, feed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return o.Decoder
}

func TestEntries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, line string
		want       map[string]any // beside the class; nil: left out
		reason     string
	}{
		{kind: "ip", line: "192.0.2.1", want: map[string]any{"source.ip": "192.0.2.1"}},
		{kind: "ip", line: " 192.0.2.1\t17 ", want: map[string]any{"source.ip": "192.0.2.1", "extra.count": "17"}},
		{kind: "ip", line: "192.0.2.1,17", want: map[string]any{"source.ip": "192.0.2.1", "extra.count": "17"}},
		{kind: "ip", line: `"192.0.2.1", "17"`, want: map[string]any{"source.ip": "192.0.2.1", "extra.count": "17"}},
		{kind: "ip", line: "192.0.2.1 17 more words", want: map[string]any{"source.ip": "192.0.2.1", "extra.count": "17", "extra.rest": "more words"}},
		{kind: "ip", line: "192.0.2.1 # seen; twice", want: map[string]any{"source.ip": "192.0.2.1", "extra.comment": "seen; twice"}},
		{kind: "ip", line: "192.0.2.1 ; SBL1 # x", want: map[string]any{"source.ip": "192.0.2.1", "extra.comment": "SBL1 # x"}},
		{kind: "ip", line: "2001:DB8:0::1", want: map[string]any{"source.ip": "2001:db8::1"}},
		{kind: "ip", line: "[2001:db8::1]", want: map[string]any{"source.ip": "2001:db8::1"}},
		{kind: "ip", line: "::ffff:192.0.2.9", want: map[string]any{"source.ip": "192.0.2.9"}},
		{kind: "ip", line: "192.0.2.9/32", want: map[string]any{"source.ip": "192.0.2.9"}},
		{kind: "ip", line: "192.0.2.9/28", want: map[string]any{"source.network": "192.0.2.0/28"}},
		{kind: "ip", line: "192[.]0[.]2[.]9", want: map[string]any{"source.ip": "192.0.2.9"}},
		{kind: "prefix", line: "192.0.2.0 - 192.0.2.127", want: map[string]any{"source.network": "192.0.2.0/25"}},
		{kind: "prefix", line: "2001:db8:: - 2001:db8::ffff", want: map[string]any{"source.network": "2001:db8::/112"}},
		{kind: "range", line: "192.0.2.0-192.0.2.255 5", want: map[string]any{"source.network": "192.0.2.0/24", "extra.count": "5"}},
		{kind: "range", line: "192.0.2.0\t192.0.2.255\t24", want: map[string]any{"source.network": "192.0.2.0/24", "extra.count": "24"}},
		{kind: "range", line: "192.0.2.7 - 192.0.2.7", want: map[string]any{"source.ip": "192.0.2.7"}},
		{kind: "domain", line: "Bad.Example.", want: map[string]any{"source.fqdn": "bad.example"}},
		{kind: "domain", line: "bücher.example", want: map[string]any{"source.fqdn": "xn--bcher-kva.example"}},
		{kind: "domain", line: "0.0.0.0 ads.example 3", want: map[string]any{"source.fqdn": "ads.example", "extra.count": "3"}},
		{kind: "domain", line: "a(.)b[.]example", want: map[string]any{"source.fqdn": "a.b.example"}},
		{kind: "url", line: "http://h.example/a,b;c#d 9", want: map[string]any{"source.url": "http://h.example/a,b;c#d", "extra.count": "9"}},
		{kind: "url", line: "hxxps://h[.]example", want: map[string]any{"source.url": "https://h.example/"}},
		{kind: "url", line: "https://u:p@h.example/x?token=abc&b=1", want: map[string]any{"source.url": "https://h.example/x?token=" + feed.NewSealer(nil).Seal("abc") + "&b=1"}},
		{kind: "asn", line: "AS64496 EXAMPLE", want: map[string]any{"source.asn": int64(64496), "extra.count": "EXAMPLE"}},
		{kind: "any", line: "as64511", want: map[string]any{"source.asn": int64(64511)}},
		{kind: "any", line: "https://h.example/x", want: map[string]any{"source.url": "https://h.example/x"}},
		{kind: "any", line: "h.example", want: map[string]any{"source.fqdn": "h.example"}},
		{kind: "any", line: "198.51.100.0/24", want: map[string]any{"source.network": "198.51.100.0/24"}},

		{kind: "ip", line: "# comment"},
		{kind: "ip", line: "; comment"},
		{kind: "ip", line: "// comment"},
		{kind: "ip", line: "   "},

		{kind: "ip", line: "127.0.0.1", reason: "127.0.0.1 is a loopback address"},
		{kind: "ip", line: "0.0.0.0", reason: "unspecified"},
		{kind: "ip", line: "224.0.0.1", reason: "multicast"},
		{kind: "ip", line: "169.254.0.1", reason: "link-local"},
		{kind: "ip", line: "255.255.255.255", reason: "broadcast"},
		{kind: "ip", line: "256.0.2.1", reason: `"256.0.2.1" is neither an address nor a prefix`},
		{kind: "ip", line: "192.0.2.01", reason: "neither"},
		{kind: "ip", line: "192.0.2", reason: "neither"},
		{kind: "ip", line: "fe80::1%eth0", reason: "neither"},
		{kind: "ip", line: "host.example", reason: "neither"},
		{kind: "prefix", line: "0.0.0.0/0", reason: "wider than /8"},
		{kind: "prefix", line: "127.0.0.0/8", reason: "not of the public network"},
		{kind: "prefix", line: "192.0.2.0 - 192.0.2.200", reason: "is not one prefix"},
		{kind: "prefix", line: "192.0.2.9 - 192.0.2.1", reason: "does not go upwards"},
		{kind: "prefix", line: "192.0.2.9 - 2001:db8::1", reason: "does not go upwards"},
		{kind: "domain", line: "localhost", reason: "is not a domain name"},
		{kind: "domain", line: "192.0.2.1", reason: "is an IP address"},
		{kind: "url", line: "/path", reason: "is not an absolute URL"},
		{kind: "url", line: "javascript:alert(1)", reason: "is not an absolute URL"},
		{kind: "asn", line: "AS0", reason: "is not an AS number"},
	} {
		t.Run(c.kind+" "+c.line, func(t *testing.T) {
			t.Parallel()
			check(t, c.kind, c.line, c.want, c.reason)
		})
	}
}

func check(t *testing.T, kind, line string, want map[string]any, reason string) {
	d := open(t, pack(kind))
	rec := feed.Record{Line: 1, Bytes: []byte(line)}
	e, err := d.Event(rec)
	row, rowErr := d.Row(rec, &feed.Scratch{})
	if (err == nil) != (rowErr == nil) || err != nil && err.Error() != rowErr.Error() {
		t.Fatalf("Event says %v, Row %v", err, rowErr)
	}
	var why *feed.Reject
	switch {
	case reason != "":
		if !errors.As(err, &why) || !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want a reject that says %q", err, reason)
		}
	case want == nil:
		if _, ok := errors.AsType[*feed.LeftOut](err); !ok {
			t.Errorf("got %v, want it left out", err)
		}
	default:
		if err != nil {
			t.Fatal(err)
		}
		want["classification.type"], want["classification.taxonomy"] = "scanner", "information-gathering"
		want["classification.identifier"] = "test"
		if d := cmp.Diff(want, e.Fields); d != "" {
			t.Error(d)
		}
		if id, err := finding.Identify(e); err != nil || id.Key() != row.Key {
			t.Errorf("Row's key is not that of the event (%v)", err)
		}
	}
}

func TestLongWayAgrees(t *testing.T) {
	t.Parallel()
	p := pack("ip")
	p.List.Second = "malware.name"
	p.Default = map[string]string{"classification.type": "infected-system", "time.source": "2026-11-23", "severity": "high"}
	d := open(t, p)
	rec := feed.Record{Bytes: []byte("192.0.2.1 mirai")}
	row, err := d.Row(rec, &feed.Scratch{})
	e, err2 := d.Event(rec)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	want, _ := feed.RowOf(e, false, nil)
	if row != want || row.At == 0 || row.Severity == 0 || e.Text("malware.name") != "mirai" {
		t.Errorf("row %+v, event %v", row, e.Fields)
	}
}

func TestClassOutsideTheRemit(t *testing.T) {
	t.Parallel()
	p := pack("ip")
	p.List.Second = "classification.type"
	d := open(t, p)
	_, err := d.Row(feed.Record{Bytes: []byte("192.0.2.1 violence")}, &feed.Scratch{})
	if _, ok := errors.AsType[*feed.OutOfRemit](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestWholeSignalRefused(t *testing.T) {
	t.Parallel()
	for _, head := range []string{"\n<!DOCTYPE html>\n", "<HTML>", `{"a":1}`} {
		if _, err := (list.Format{}).Open(pack("ip"), "x", []byte(head), feed.Options{}); err == nil {
			t.Errorf("%q was opened", head)
		}
	}
}

func TestIPsum(t *testing.T) {
	t.Parallel()
	r, err := os.Open("../../../../shared/data/ipsum/ipsum.txt")
	if err != nil {
		testkit.Missing(t, "shared/data/ipsum/ipsum.txt is not beside the repository")
	}
	defer r.Close()
	p := pack("ip")
	part, err := feed.Open(list.Format{}, p, "ipsum.txt", r, feed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	var s feed.Scratch
	for {
		b, err := part.Next(4096)
		if err != nil {
			break
		}
		if len(b.Bad) > 0 {
			t.Fatal(b.Bad[0].Reject)
		}
		for _, rec := range b.Records {
			if _, err := part.Decoder.Row(rec, &s); err != nil {
				t.Fatalf("line %d: %v", rec.Line, err)
			}
			rows++
		}
		b.Release()
	}
	if rows < 50000 {
		t.Errorf("%d rows", rows)
	}
}

func FuzzList(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1\t3", "2001:db8::/36 ; SBL1", "192.0.2.0 - 192.0.2.255", "bücher.example # x",
		"hxxp://a[.]example/?q=1,2", "AS64496", "0.0.0.0 a.example", `"192.0.2.1","x"`, "127.0.0.1",
	} {
		for k := range 7 {
			f.Add(uint8(k), s)
		}
	}
	kinds := []string{"ip", "prefix", "domain", "url", "asn", "range", "any"}
	var decoders []feed.Decoder
	for _, k := range kinds {
		decoders = append(decoders, open(f, pack(k)))
	}
	f.Fuzz(func(t *testing.T, kind uint8, line string) {
		d := decoders[int(kind)%len(decoders)]
		before := line
		rec := feed.Record{Bytes: []byte(line)}
		row, rowErr := d.Row(rec, &feed.Scratch{})
		e, err := d.Event(rec)
		if string(rec.Bytes) != before {
			t.Fatal("the record was changed")
		}
		if (err == nil) != (rowErr == nil) {
			t.Fatalf("Event says %v, Row %v", err, rowErr)
		}
		if err != nil {
			return
		}
		want, err := feed.RowOf(e, false, nil)
		if err != nil || want != row {
			t.Fatalf("row %+v, of the event %+v (%v), %v", row, want, err, e.Fields)
		}
		if _, err := e.Encode(nil); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	d := open(b, pack("ip"))
	rec := feed.Record{Bytes: []byte("192.0.2.178\t10")}
	var s feed.Scratch
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Row(rec, &s); err != nil {
			b.Fatal(err)
		}
	}
}
