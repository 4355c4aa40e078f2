package table

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
)

func pack(t testing.TB, yaml string) *feed.Pack {
	t.Helper()
	p, err := feed.ParsePack("try.yaml", []byte("name: try\nversion: 1\ntitle: Try\nprovider: Example\nformat: table\n"+yaml))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// read returns the events of a part and the reasons of its rejects, after checking that Row agrees with Event.
func read(t testing.TB, p *feed.Pack, in string) (events []event.Event, reasons []string) {
	t.Helper()
	part, err := feed.Open(Format{}, p, "part", strings.NewReader(in), feed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var scratch feed.Scratch
	for {
		b, err := part.Next(2)
		if errors.Is(err, io.EOF) {
			return events, reasons
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range b.Bad {
			reasons = append(reasons, bad.Reject.Reason)
		}
		for _, r := range b.Records {
			e, err := part.Decoder.Event(r)
			row, rowErr := part.Decoder.Row(r, &scratch)
			if (err == nil) != (rowErr == nil) || err != nil && err.Error() != rowErr.Error() {
				t.Fatalf("%s: Row says %v, Event %v", r.Bytes, rowErr, err)
			}
			if err != nil {
				reasons = append(reasons, err.Error())
				continue
			}
			id, err := finding.Identify(e)
			if err != nil || id.Key() != row.Key {
				t.Fatalf("%s: Row's key is not that of %+v (%v)", r.Bytes, id, err)
			}
			if _, err := e.Encode(nil); err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
		b.Release()
	}
}

const csvPack = `
default: {classification.type: scanner}
table:
  delimiter: "|"
  comment: "#"
  header: comment
  columns:
    - {column: ip, field: source.ip, required: true}
    - {column: seen, field: time.source, convert: utc}
    - {column: gone, field: extra.gone}
  filter:
    - {column: kind, not: [test]}
`

func TestCSV(t *testing.T) {
	t.Parallel()
	in := "# A list of ours\n#\n# ip | seen | kind\n# ------\n\n192.0.2.1|2026-11-20 05:12:33|ssh\n192.0.2.2||test\nx||ssh\n#192.0.2.3||ssh\n192.0.2.4|2026-11-20\n"
	events, reasons := read(t, pack(t, csvPack), in)
	if d := cmp.Diff([]string{"filter on kind", `ip: "x" is not an IP address`, "2 cells where the header has 3"}, reasons); d != "" {
		t.Error(d)
	}
	want := map[string]any{
		"feed.name": "Try", "feed.provider": "Example", "classification.type": "scanner", "classification.taxonomy": "information-gathering",
		"source.ip": "192.0.2.1", "time.source": "2026-11-20T05:12:33+00:00", "extra.kind": "ssh",
	}
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	if d := cmp.Diff(want, events[0].Fields); d != "" {
		t.Error(d)
	}
	part, err := feed.Open(Format{}, pack(t, csvPack), "part", strings.NewReader(in), feed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(feed.Drift{New: nil, Lost: []string{"gone"}}, part.Drift); d != "" {
		t.Error(d)
	}
}

func TestShapesOfCSV(t *testing.T) {
	t.Parallel()
	rest := "\n  columns: [{column: a, field: source.ip}]\ndefault: {classification.type: spam}\n"
	for _, c := range []struct{ table, in string }{
		{"delimiter: tab", "a\tb\n192.0.2.1\tx\n"},
		{"delimiter: space\n  header: none\n  names: [a, b]", "192.0.2.1    x\n"},
		{"delimiter: ';'\n  quote: \"'\"", "a;b\n'192.0.2.1';'x'\n"},
		{"quote: none", "a,b\n192.0.2.1,x\n"},
	} {
		events, reasons := read(t, pack(t, "table:\n  "+c.table+rest), c.in)
		if len(events) != 1 || len(reasons) > 0 || events[0].Text("source.ip") != "192.0.2.1" || events[0].Text("extra.b") != "x" {
			t.Errorf("%s: %+v %v", c.table, events, reasons)
		}
	}
}

const jsonPack = `
default: {classification.type: c2-server}
table:
  shape: SHAPE
  columns:
    - {path: "address[0].ip", field: source.ip}
    - {path: at, field: time.source, convert: unix}
    - {path: kind, field: malware.name}
    - {path: score, field: extra.score}
    - {path: host, field: source.fqdn, when: {type: domain}, required: true}
`

func TestJSON(t *testing.T) {
	t.Parallel()
	records := []string{
		`{"address":[{"ip":"192.0.2.1","cc":"XZ"},{"ip":"192.0.2.2"}],"at":1795151553,"kind":"Mirai","score":7,"type":"ip","host":"x","more":{"password":"p","list":[1,2.5,null]},"empty":"","none":null}`,
		`{"type":"domain","host":"a.example"}`,
		`{"type":"domain"}`,
		`{"type":"ip"}`,
		`[1]`,
		strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat(`}`, 100),
	}
	for shape, in := range map[string]string{
		"lines": strings.Join(records, "\n"), "array": "[" + strings.Join(records, ",\n") + "]",
	} {
		events, reasons := read(t, pack(t, strings.Replace(jsonPack, "SHAPE", shape, 1)), in)
		if d := cmp.Diff([]string{
			"host: holds no source.fqdn, which is needed", "the event names no address, domain, prefix, URL, AS number or account",
			"not a JSON object", "JSON nested deeper than 64",
		}, reasons); d != "" {
			t.Error(d)
		}
		if len(events) != 2 {
			t.Fatalf("%s: %d events", shape, len(events))
		}
		want := map[string]any{
			"feed.name": "Try", "feed.provider": "Example", "classification.type": "c2-server", "classification.taxonomy": "malicious-code",
			"source.ip": "192.0.2.1", "time.source": "2026-11-20T05:12:33+00:00", "malware.name": "mirai", "extra.score": int64(7),
			"extra.address.0.cc": "XZ", "extra.address.1": map[string]any{"ip": "192.0.2.2"}, "extra.host": "x", "extra.type": "ip",
			"extra.more": map[string]any{"password": feed.NewSealer(nil).Seal("p"), "list": []any{int64(1), 2.5, nil}},
		}
		if d := cmp.Diff(want, events[0].Fields); d != "" {
			t.Errorf("%s: %s", shape, d)
		}
		if events[1].Text("source.fqdn") != "a.example" {
			t.Errorf("%s: %+v", shape, events[1])
		}
	}
}

func TestJSONIsExpected(t *testing.T) {
	t.Parallel()
	_, err := feed.Open(Format{}, pack(t, strings.Replace(jsonPack, "SHAPE", "array", 1)), "part", strings.NewReader("<html>"), feed.Options{})
	if err == nil || !strings.Contains(err.Error(), "begins with") {
		t.Error(err)
	}
}

// TestDeepJSON: a million brackets are one rejected record, in the memory of a record.
func TestDeepJSON(t *testing.T) {
	t.Parallel()
	var in bytes.Buffer
	in.WriteString(`[{"address":[{"ip":"192.0.2.1"}]},`)
	in.WriteString(strings.Repeat(`{"a":`, 1_000_000) + "1" + strings.Repeat(`}`, 1_000_000))
	in.WriteString(`,{"address":[{"ip":"192.0.2.2"}]}]`)
	events, reasons := read(t, pack(t, strings.Replace(jsonPack, "SHAPE", "array", 1)), in.String())
	if len(events) != 2 || len(reasons) != 1 || reasons[0] != "longer than 1 MiB" {
		t.Errorf("%d events, rejects %v", len(events), reasons)
	}
}

func FuzzTable(f *testing.F) {
	f.Add("# ip | seen | kind\n192.0.2.1|2026-11-20 05:12:33|ssh\n", byte(0))
	f.Add(`{"address":[{"ip":"192.0.2.1"}],"at":"1","x":{"y":[1]}}`+"\n[]\n", byte(1))
	f.Add(`[{"type":"domain","host":"a.example"},{"score":{"token":"a"}}]`, byte(2))
	packs := []*feed.Pack{
		pack(f, csvPack), pack(f, strings.Replace(jsonPack, "SHAPE", "lines", 1)), pack(f, strings.Replace(jsonPack, "SHAPE", "array", 1)),
	}
	f.Fuzz(func(t *testing.T, in string, which byte) {
		p := packs[int(which)%len(packs)]
		if _, err := feed.Open(Format{}, p, "part", strings.NewReader(in), feed.Options{}); err != nil {
			return
		}
		read(t, p, in)
	})
}
