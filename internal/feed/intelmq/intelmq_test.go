package intelmq_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/feed"
	"tocsin/internal/feed/intelmq"
)

func pack() *feed.Pack { return &feed.Pack{Name: "intelmq", Format: "intelmq"} }

func open(t testing.TB, p *feed.Pack) feed.Decoder {
	t.Helper()
	o, err := intelmq.Format{}.Open(p, "events.json", nil, feed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return o.Decoder
}

// lines are events in the spelling that IntelMQ writes, keys sorted.
var lines = []string{
	`{"classification.identifier":"open-telnet","classification.taxonomy":"vulnerable","classification.type":"vulnerable-system","feed.accuracy":100.0,"feed.name":"Telnet","protocol.transport":"tcp","raw":"MTky","source.ip":"192.0.2.80","source.port":23,"time.observation":"2026-11-23T10:00:00+00:00","time.source":"2026-11-23T04:05:06+00:00"}`,
	`{"classification.taxonomy":"malicious-code","classification.type":"infected-system","destination.ip":"203.0.113.80","destination.port":23,"extra.count":4,"malware.name":"mirai","severity":"high","source.asn":64496,"source.geolocation.cc":"AT","source.ip":"198.51.100.80","time.source":"2026-11-23T04:05:06.250000+00:00"}`,
	`{"classification.taxonomy":"fraud","classification.type":"phishing","extra.tags":["a","b"],"source.fqdn":"login.bank.example","source.url":"https://login.bank.example/a"}`,
	`{"classification.taxonomy":"information-gathering","classification.type":"scanner","destination.port":22,"extra.nested":{"deep":[1,2.5,null,true]},"extra.text":"a\"b","source.ip":"2001:db8::81"}`,
	`{"classification.taxonomy":"other","classification.type":"other","source.network":"203.0.113.0/25"}`,
	`{"classification.taxonomy":"malicious-code","classification.type":"c2-server","malware.name":"emotet","source.fqdn":"c2.example","source.port":443,"status":"offline"}`,
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	d := open(t, pack())
	for _, l := range lines {
		e, err := d.Event(feed.Record{Bytes: []byte(l)})
		if err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		out, err := e.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(l, string(out)); d != "" {
			t.Error(d)
		}
	}
}

// by is what shipped packs say about sources.
var by = []string{"feed.name", "feed.code", "feed.provider"}

// A row carries the name of its source letter by letter, a rejected one too; without one it has none.
func TestRowNamesItsSource(t *testing.T) {
	t.Parallel()
	d := open(t, &feed.Pack{Name: "intelmq", Format: "intelmq", StreamBy: by})
	const event = `"classification.type":"scanner","source.ip":"192.0.2.1"`
	for line, want := range map[string]string{
		`{"feed.provider":"P","feed.name":"Scan A",` + event + `}`:                "Scan A",
		`{"feed.name":"scan a",` + event + `}`:                                    "scan a",
		`{"feed.name":"Z\u00fcrich",` + event + `}`:                               "Z\u00fcrich",
		`{"feed.provider":"P","feed.code":"c",` + event + `}`:                     "c",
		`{"feed.provider":"P",` + event + `}`:                                     "P",
		`{` + event + `}`:                                                         "",
		`{"feed.name":"` + strings.Repeat("n", 201) + `",` + event + `}`:          "",
		`{"feed.name":"A","classification.type":"scanner","source.ip":"a.b.c.d"}`: "A",
		`{"feed.name":"A","classification.type":"scanner"}`:                       "A",
	} {
		if row, _ := d.Row(feed.Record{Bytes: []byte(line)}, &feed.Scratch{}); row.Source != want {
			t.Errorf("source %q, want %q: %s", row.Source, want, line)
		}
	}
	plain := open(t, &feed.Pack{Name: "intelmq", Format: "intelmq"})
	if row, _ := plain.Row(feed.Record{Bytes: []byte(`{"feed.name":"A",` + event + `}`)}, &feed.Scratch{}); row.Source != "" {
		t.Errorf("a pack without stream_by has source %q", row.Source)
	}
}

func TestRowAgreesWithEvent(t *testing.T) {
	t.Parallel()
	d := open(t, &feed.Pack{Name: "intelmq", Format: "intelmq", Recheck: true, StreamBy: by})
	for _, l := range lines {
		rec := feed.Record{Bytes: []byte(l)}
		row, err := d.Row(rec, &feed.Scratch{})
		if err != nil {
			t.Fatal(err)
		}
		e, _ := d.Event(rec)
		want, _ := feed.RowOf(e, true, by)
		if row != want {
			t.Errorf("row %+v, of the event %+v: %s", row, want, l)
		}
		if strings.Contains(l, "offline") != row.Gone {
			t.Errorf("gone is %v: %s", row.Gone, l)
		}
	}
}

func TestRejects(t *testing.T) {
	t.Parallel()
	d := open(t, pack())
	for _, c := range []struct{ line, says string }{
		{`{`, "not a JSON object"},
		{`[]`, "not a JSON object"},
		{`{"source.ip":"192.0.2.1"} x`, "more than one JSON value"},
		{`{"source.ip":"192.0.2.1"}`, "classification.type: is missing"},
		{`{"classification.type":"scanner"}`, "names no address"},
		{`{"classification.type":"scanner","source.ip":"192.0.2.300"}`, `"192.0.2.300" is not an IP address`},
		{`{"classification.type":"scaner","source.ip":"192.0.2.1"}`, "the nearest is \"scanner\""},
		{`{"classification.type":"scanner","sorce.ip":"192.0.2.1"}`, "the nearest is \"source.ip\""},
	} {
		_, err := d.Event(feed.Record{Bytes: []byte(c.line)})
		_, rowErr := d.Row(feed.Record{Bytes: []byte(c.line)}, &feed.Scratch{})
		var why *feed.Reject
		if !errors.As(err, &why) || !strings.Contains(why.Reason, c.says) {
			t.Errorf("%s: got %v, want %q", c.line, err, c.says)
		}
		if rowErr == nil || rowErr.Error() != err.Error() {
			t.Errorf("%s: Row says %v, Event %v", c.line, rowErr, err)
		}
	}
	var out *feed.OutOfRemit
	if _, err := d.Row(feed.Record{Bytes: []byte(`{"classification.type":"violence","source.ip":"192.0.2.1"}`)}, &feed.Scratch{}); !errors.As(err, &out) {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	d := open(t, pack())
	e, err := d.Event(feed.Record{Bytes: []byte(`{"classification.type":"data-leak","source.account":"Jane@example.example","source.ip":"192.0.2.1","source.url":"http://u:pw@h.example/?token=t0ken","extra.password":"hunter2","extra.list":[{"email":"jane@example.example"}],"raw":"c2VjcmV0"}`)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"jane", "Jane", "pw@", "t0ken", "hunter2", "c2VjcmV0"} {
		if strings.Contains(string(out), secret) {
			t.Errorf("%q is in %s", secret, out)
		}
	}
}

func TestArray(t *testing.T) {
	t.Parallel()
	p := pack()
	p.Shape = "array"
	text := "[\n" + strings.Join(lines, ",\n") + "\n]\n"
	part, err := feed.Open(intelmq.Format{}, p, "x.json", strings.NewReader(text), feed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := part.Next(100)
	if err != nil || len(b.Records) != len(lines) || len(b.Bad) != 0 {
		t.Fatalf("%v, %d records, %d bad", err, len(b.Records), len(b.Bad))
	}
	for _, r := range b.Records {
		if _, err := part.Decoder.Row(r, &feed.Scratch{}); err != nil {
			t.Error(err)
		}
	}
	if _, err := (intelmq.Format{}).Open(pack(), "x", []byte("[{}]"), feed.Options{}); err == nil {
		t.Error("an array was opened as lines")
	}
	if _, err := (intelmq.Format{}).Open(p, "x", []byte("a,b"), feed.Options{}); err == nil {
		t.Error("a table was opened as an array")
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	p := pack()
	p.Default = map[string]string{"classification.type": "blacklist", "feed.name": "Mine"}
	d := open(t, p)
	for line, want := range map[string]string{
		`{"source.ip":"192.0.2.1"}`: `{"classification.taxonomy":"other","classification.type":"other","extra.classification_source":"blacklist","feed.name":"Mine","source.ip":"192.0.2.1"}`,
		`{"source.ip":"192.0.2.1","classification.type":"scanner","feed.name":"Theirs"}`: `{"classification.taxonomy":"information-gathering","classification.type":"scanner","feed.name":"Theirs","source.ip":"192.0.2.1"}`,
	} {
		e, err := d.Event(feed.Record{Bytes: []byte(line)})
		if err != nil {
			t.Fatal(err)
		}
		if out, _ := e.Encode(nil); string(out) != want {
			t.Errorf("got %s", out)
		}
	}
}

func FuzzIntelMQ(f *testing.F) {
	for _, l := range lines {
		f.Add([]byte(l))
	}
	f.Add([]byte(`{"classification.type":"scanner","source.ip":"192.0.2.1","source.ip":"192.0.2.2"}`))
	f.Add([]byte(`{"classification":{"type":"scanner"},"source":{"ip":"192.0.2.1"},"extra":{"a":1}}`))
	f.Add([]byte(`{"classification.type":"scanner","source.ip":"0.0.0.0","source.fqdn":"A.example","time.source":"x"}`))
	f.Add([]byte(`{"classification.type":"phishing","source.url":"http://h.example/?key=1#f","source.port":"80"}`))
	f.Add([]byte(`{"classification.type":"scanner","source.ip":"192.0.2.1","feed.name":"A  b","feed.code":"c"}`))
	f.Add([]byte(`{"classification.type":"scanner","source.ip":"192.0.2.1","feed.provider":"\u00e9","feed.code":""}`))
	f.Add([]byte(`{"classification.type":"scanner","source.ip":"192.0.2.1","feed.code":"` + strings.Repeat("c", 101) + `"}`))
	d := open(f, &feed.Pack{Name: "intelmq", Format: "intelmq", Recheck: true, StreamBy: by})
	f.Fuzz(func(t *testing.T, line []byte) {
		rec := feed.Record{Bytes: line}
		row, rowErr := d.Row(rec, &feed.Scratch{})
		e, err := d.Event(rec)
		if (err == nil) != (rowErr == nil) {
			t.Fatalf("Event says %v, Row %v", err, rowErr)
		}
		if err != nil {
			return
		}
		if want, err := feed.RowOf(e, true, by); err != nil || row != want {
			t.Fatalf("row %+v, of the event %+v (%v)", row, want, err)
		}
		out, err := e.Encode(nil)
		if err != nil || !json.Valid(out) {
			t.Fatalf("%v: %s", err, out)
		}
		again, err := d.Event(feed.Record{Bytes: out})
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if twice, _ := again.Encode(nil); string(twice) != string(out) {
			t.Fatalf("not stable:\n%s\n%s", out, twice)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	d := open(b, pack())
	rec := feed.Record{Bytes: []byte(lines[0])}
	var s feed.Scratch
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Row(rec, &s); err != nil {
			b.Fatal(err)
		}
	}
}
