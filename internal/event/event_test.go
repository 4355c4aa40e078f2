package event

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/fault"
)

func TestSet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		in    any
		want  any // nil: refused
	}{
		{"source.ip", " 2001:DB8:0::1 ", "2001:db8::1"},
		{"source.ip", "::ffff:192.0.2.1", "192.0.2.1"},
		{"source.ip", "192.0.2.1/32", "192.0.2.1"},
		{"source.ip", "0.0.0.0", nil},
		{"source.network", "192.0.2.9/24", "192.0.2.0/24"},
		{"source.fqdn", "Bücher.Example.", "xn--bcher-kva.example"},
		{"source.fqdn", "http://a.example", nil},
		{"source.url", "hxxp://A.example", "http://a.example/"},
		{"source.url", "a.example", nil},
		{"source.asn", "AS64496", int64(64496)},
		{"source.asn", 64496, int64(64496)},
		{"source.asn", "0", nil},
		{"source.port", "443", int64(443)},
		{"source.port", 443.0, int64(443)},
		{"source.port", 70000, nil},
		{"source.port", true, nil},
		{"source.geolocation.cc", "xz", "XZ"},
		{"source.geolocation.cc", "XYZ", nil},
		{"source.geolocation.latitude", "12.5", 12.5},
		{"source.geolocation.latitude", "north", nil},
		{"source.tor_node", "true", true},
		{"source.tor_node", 0, false},
		{"source.registry", "ripe-ncc", "RIPE"},
		{"source.registry", "nic", nil},
		{"protocol.transport", "TCP", "tcp"},
		{"protocol.transport", "http", nil},
		{"malware.name", "Mirai", "mirai"},
		{"malware.name", "mirái", nil},
		{"feed.accuracy", "100", 100.0},
		{"feed.accuracy", 101, nil},
		{"time.source", "2026-11-20 05:12:33+02", "2026-11-20T03:12:33+00:00"},
		{"time.source", "2026-11-20T05:12:33.5Z", "2026-11-20T05:12:33.5+00:00"},
		{"time.source", "20.11.2026", nil},
		{"severity", "HIGH", "high"},
		{"severity", "worse", nil},
		{"tlp", "tlp:white", "CLEAR"},
		{"tlp", "AMBER+STRICT", "AMBER+STRICT"},
		{"tlp", "PINK", nil},
		{"raw", "cGxhaW4=", "cGxhaW4="},
		{"raw", "plain", nil},
		{"event_hash", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"},
		{"misp.event_uuid", "0D0F6A53-0000-4000-8000-000000000000", "0d0f6a53-0000-4000-8000-000000000000"},
		{"misp.event_uuid", "0d0f6a53", nil},
		{"extra.n", 1.5, 1.5},
		{"extra.list", []any{"a", json.Number("1")}, []any{"a", int64(1)}},
		{"comment", "zero \x00", nil},
	} {
		var e Event
		err := e.Set(c.field, c.in)
		if (err != nil) != (c.want == nil) || err != nil && !errors.Is(err, fault.Invalid) {
			t.Errorf("%s = %v: %v", c.field, c.in, err)
		}
		if d := cmp.Diff(c.want, e.Fields[c.field]); d != "" {
			t.Errorf("%s = %v: %s", c.field, c.in, d)
		}
	}
}

func TestUnknownFieldNamesTheNearest(t *testing.T) {
	t.Parallel()
	var e Event
	for name, want := range map[string]string{"source.i": "source.ip", "extra.": "", "clasification.type": "classification.type"} {
		err := e.Put(name, "x")
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if n := len(FieldNames()); n != 87 {
		t.Errorf("%d fields", n)
	}
}

func TestClass(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"phishing":                      {"fraud", "phishing"},
		"Vulnerable System":             {"vulnerable", "vulnerable-system"},
		"blacklist":                     {"other", "other"},
		"unauthorized-use-of-resources": {"fraud", "unauthorised-use-of-resources"},
		"c&c":                           {"malicious-code", "c2-server"},
		"bots":                          {"malicious-code", "infected-system"},
	} {
		taxonomy, typ, err := Class(name)
		if err != nil || taxonomy != want[0] || typ != want[1] {
			t.Errorf("%s: %s/%s and %v, want %v", name, taxonomy, typ, err, want)
		}
	}
	var e Event
	if err := e.Put("classification.type", "cnc"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]any{
		"classification.type": "c2-server", "classification.taxonomy": "malicious-code", "extra.classification_source": "cnc",
	}, e.Fields); d != "" {
		t.Error(d)
	}
	for to := range classAliases {
		if _, _, err := Class(to); err != nil {
			t.Errorf("alias %s: %v", to, err)
		}
	}
}

// TestNothingAboutSpeech holds the promise of the design: no class of speech or violence can be expressed.
func TestNothingAboutSpeech(t *testing.T) {
	t.Parallel()
	for _, name := range refused {
		var out *OutOfRemit
		if _, _, err := Class(name); !errors.As(err, &out) || !errors.Is(err, fault.Refused) {
			t.Errorf("%s: %v", name, err)
		}
		if slices.Contains(Types(), name) || classAliases[name] != "" {
			t.Errorf("%s is a type", name)
		}
	}
	var e Event
	if err := e.Put("classification.type", "harmful-speech"); err == nil || len(e.Fields) > 0 {
		t.Errorf("an event took it: %v %v", err, e.Fields)
	}
}

func TestMomentsAgreeWithTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-62135596800e6, 253402300799e6).Draw(t, "micros"))
		zone := time.FixedZone("", rapid.IntRange(-14*60+1, 14*60-1).Draw(t, "offset")*60)
		local := at.In(zone)
		if y := local.Year(); y < 1 || y > 9999 {
			t.Skip("out of range")
		}
		m, ok := ParseMoment(local.Format("2006-01-02T15:04:05.999999-07:00"))
		if !ok || m.Micros != at.UnixMicro() || m.Naive || m.Day {
			t.Fatalf("%v: %+v", local, m)
		}
		if y := at.UTC().Year(); y >= 1 && y <= 9999 {
			again, ok := ParseMoment([]byte(m.String()))
			if !ok || again.Micros != m.Micros || again.Digits != m.Digits {
				t.Fatalf("%v: %q", local, m.String())
			}
		}
	})
}

func TestDecode(t *testing.T) {
	t.Parallel()
	e, err := Decode([]byte(`{"__type":"Event","classification.type":"blacklist","source":{"ip":"192.0.2.1","asn":64496},
		"extra":"{\"tag\":\"a\",\"deep\":{\"x\":[1,2.0]}}","extra.os.name":"Linux","destination.ip":null,"source.port":"no","rtir_id":7}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"classification.type": "other", "classification.taxonomy": "other", "extra.classification_source": "blacklist",
		"source.ip": "192.0.2.1", "source.asn": int64(64496), "extra.tag": "a", "extra.deep": map[string]any{"x": []any{int64(1), 2.0}},
		"extra.os.name": "Linux", "rtir_id": int64(7),
	}
	if d := cmp.Diff(want, e.Fields); d != "" {
		t.Error(d)
	}
	if len(e.Notes) != 1 || e.Notes[0].Field != "source.port" || e.Notes[0].Raw != "no" {
		t.Errorf("notes %+v", e.Notes)
	}
	line, err := e.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(e, again); d != "" {
		t.Errorf("%s reads back differently: %s", line, d)
	}
	for in, want := range map[string]string{
		`{"a":`:                              "not a JSON object",
		`[]`:                                 "not a JSON object",
		`{} {}`:                              "more than one",
		`{"source.ipp":"192.0.2.1"}`:         `nearest is "source.ip"`,
		`{"classification.type":"violence"}`: "outside the remit",
		`{"extra.x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "deeper than 64",
		strings.Repeat(`{"a":`, 1_000_000):                                        "deeper than 64",
	} {
		if _, err := Decode([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", in, err, want)
		}
	}
}

func FuzzEventDecode(f *testing.F) {
	f.Add([]byte(`{"source.ip":"192.0.2.1","extra":{"a":[1,-0,1e400,1.0,"\u2028"]},"time.source":"2026-11-20"}`))
	f.Add([]byte(`{"extra.tocsin_notes":[{"field":"a","raw":"b","reason":"c"}],"output":"{\"a\":1}","tlp":"white"}`))
	f.Add([]byte(`{"source":{"geolocation":{"cc":"xz"}},"extra.x":null,"classification.type":"bots","malware.name":"A"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := Decode(line)
		if err != nil {
			return
		}
		for n, v := range e.Fields {
			if _, err := FieldOf(n); err != nil || v == nil {
				t.Fatalf("field %q = %v: %v", n, v, err)
			}
		}
		out, err := e.Encode(nil)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !json.Valid(out) {
			t.Fatalf("%s is not JSON", out)
		}
		again, err := Decode(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		second, err := again.Encode(nil)
		if err != nil || string(second) != string(out) {
			t.Fatalf("%s\nwritten again is\n%s", out, second)
		}
	})
}
