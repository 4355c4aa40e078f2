package feed

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
)

// agreeCells checks that Row and Event say the same of a record, and that what Event says can be written and read.
func agreeCells(t testing.TB, m *Mapping, cells [][]byte) {
	t.Helper()
	row, _, rowErr := m.Row(cells, nil)
	e, err := m.Event(cells)
	if (err == nil) != (rowErr == nil) || err != nil && err.Error() != rowErr.Error() {
		t.Fatalf("%q: Row says %v, Event %v", cells, rowErr, err)
	}
	if err != nil {
		return
	}
	id, err := finding.Identify(e)
	if err != nil {
		t.Fatalf("%q: %v", cells, err)
	}
	if row.Key != id.Key() {
		t.Fatalf("%q: Row's key is not that of %+v", cells, id)
	}
	if m, ok := event.ParseMoment(e.Text("time.source")); ok && m.Micros/1e6 != row.At/1e6 || !ok && row.At != 0 {
		t.Fatalf("%q: Row has time %d, Event %q", cells, row.At, e.Text("time.source"))
	}
	line, err := e.Encode(nil)
	if err != nil {
		t.Fatalf("%q: %v", cells, err)
	}
	again, err := event.Decode(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if d := cmp.Diff(e.Fields, again.Fields); d != "" {
		t.Fatalf("%s reads back differently:\n%s", line, d)
	}
}

func mapping(t testing.TB, p Plan) *Mapping {
	t.Helper()
	m, _, err := NewMapping(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func cellsOf(s string) [][]byte {
	var out [][]byte
	for c := range strings.SplitSeq(s, "|") {
		out = append(out, []byte(c))
	}
	return out
}

func TestMappingRules(t *testing.T) {
	t.Parallel()
	m := mapping(t, Plan{
		Columns: []string{"ip", "kind", "first", "second", "state", "other"},
		Rules: []Rule{
			{Field: "source.ip", Column: "ip", Convert: "validate_ip", Required: true},
			{Field: "source.network", Column: "ip", Convert: "validate_network"},
			{Field: "classification.type", Column: "kind", Map: map[string]string{"Phishing Page": "phishing", "*": "other"}},
			{Field: "time.source", Column: "first", Convert: "utc"},
			{Field: "time.source", Column: "second", Convert: "utc"},
			{Field: "status", Column: "state"},
			{Field: "extra.when", Column: "second", When: map[string]string{"state": "online"}},
		},
		Default:  map[string]string{"classification.identifier": "listed", "status": "unknown"},
		Filter:   []Filter{{Column: "state", Not: []string{"Test"}}},
		Severity: event.Low, Recheck: true,
	})
	for _, c := range []struct {
		row  string
		want map[string]any
		err  string
	}{
		{"192.0.2.1|phishing page|2026-11-20 05:12|2026-11-21 00:00|OFFLINE|x", map[string]any{
			"source.ip": "192.0.2.1", "classification.type": "phishing", "classification.taxonomy": "fraud", "classification.identifier": "listed",
			"time.source": "2026-11-20T05:12:00+00:00", "status": "OFFLINE", "extra.other": "x", "severity": "low",
		}, ""},
		{"192.0.2.0/25|||2026-11-21 00:00|online|", map[string]any{
			"source.network": "192.0.2.0/25", "classification.type": "other", "classification.taxonomy": "other", "classification.identifier": "listed",
			"time.source": "2026-11-21T00:00:00+00:00", "status": "online", "extra.when": "2026-11-21 00:00", "severity": "low",
		}, "classification.type: is missing"},
		{"|x|||online|", nil, "ip: holds no source.ip"},
		{"192.0.2|x|||online|", nil, `ip: "192.0.2" is not an IP address`},
		{"192.0.2.1|x|||test|", nil, "filter on state"},
	} {
		cells := cellsOf(c.row)
		agreeCells(t, m, cells)
		e, err := m.Event(cells)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %s", c.row, err, c.err)
			}
			continue
		}
		if d := cmp.Diff(c.want, e.Fields); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", c.row, err, d)
		}
	}
	row, _, err := m.Row(cellsOf("192.0.2.1|phishing||2026-11-21 00:00|Offline|"), nil)
	if err != nil || !row.Gone || row.Severity != event.Low {
		t.Errorf("%+v and %v, want gone and low", row, err)
	}
}

func TestMappingRefuses(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]Plan{
		"required column \"ip\"":           {Columns: []string{"a"}, Rules: []Rule{{Field: "source.ip", Column: "ip", Required: true}}},
		"is no conversion":                 {Columns: []string{"a"}, Rules: []Rule{{Field: "source.ip", Column: "a", Convert: "validate"}}},
		"the nearest is \"source.ip\"":     {Columns: []string{"a"}, Rules: []Rule{{Field: "source.ipp", Column: "a"}}},
		"needs a layout":                   {Columns: []string{"a"}, Rules: []Rule{{Field: "time.source", Column: "a", Convert: "time"}}},
		"the nearest is \"infected-system": {Constant: map[string]string{"classification.type": "infected-systems"}},
		"column \"b\" is not there":        {Columns: []string{"a"}, Filter: []Filter{{Column: "b", Is: []string{"x"}}}},
	} {
		_, _, err := NewMapping(p)
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestClassesOutsideTheRemit(t *testing.T) {
	t.Parallel()
	m := mapping(t, Plan{Columns: []string{"ip", "kind"}, Rules: []Rule{{Field: "source.ip", Column: "ip"}, {Field: "classification.type", Column: "kind"}}})
	for _, kind := range []string{"harmful-speech", "Violence", "hate speech", "csam"} {
		cells := cellsOf("192.0.2.1|" + kind)
		agreeCells(t, m, cells)
		_, err := m.Event(cells)
		if _, ok := errors.AsType[*OutOfRemit](err); !ok {
			t.Errorf("%s: %v, want OutOfRemit", kind, err)
		}
	}
	if _, _, err := NewMapping(Plan{Constant: map[string]string{"classification.type": "violence"}}); !errors.Is(err, fault.Refused) {
		t.Errorf("a mapping to violence: %v", err)
	}
}

func FuzzCut(f *testing.F) {
	f.Add("h,i\n1,2\n\"a\nb\",c\r\n\"", byte(0), "")
	f.Add("#x\n{\"a\":[1,{}]}\n", byte(1), "#")
	f.Add(`{"d":[{"a":"]"},2,[`, byte(2), "d")
	f.Add("a\rb\r\"c\rd", byte(0), "")
	f.Add("[", byte(2), "0")
	f.Fuzz(func(t *testing.T, in string, shape byte, word string) {
		cut := Cut{Shape: Shape(shape % 3), Comment: word, Items: word}
		if len(in) > 4096 {
			return
		}
		if cut.Shape == JSONArray {
			cut.Comment = ""
		}
		p, err := Open(rawFormat{cut: cut}, &Pack{}, "part", strings.NewReader(in), Options{})
		if err != nil {
			return
		}
		whole := cutAll(t, p, 1<<20)
		var pieces []string
		at := Position{}
		for {
			p, err := Open(rawFormat{cut: cut}, &Pack{}, "part", strings.NewReader(in), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Skip(at); err != nil {
				t.Fatal(err)
			}
			b, err := p.Next(1)
			if err != nil {
				break
			}
			for _, r := range b.Records {
				if !strings.HasPrefix(in[r.Offset:], string(r.Bytes)) {
					t.Fatalf("record %q is not at its offset %d", r.Bytes, r.Offset)
				}
				cells, _, _ := Cut{Delimiter: ',', Quote: '"'}.Cells(r.Bytes, nil, nil)
				if len(cells) > len(r.Bytes)+1 {
					t.Fatalf("%d cells in %q", len(cells), r.Bytes)
				}
			}
			pieces = append(pieces, "")
			if b.End.Offset <= at.Offset {
				t.Fatalf("no progress at %+v", at)
			}
			at = b.End
		}
		if len(pieces) != len(whole) {
			t.Fatalf("%d records at once, %d one by one", len(whole), len(pieces))
		}
	})
}
