package feed_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/strict"
)

const goodPack = `name: example
version: 2
title: Example feed
provider: Example
url: https://feed.example/
format: table
default:
  classification.type: scanner
  source.port: 22
table:
  comment: "#"
  header: none
  names: [ip, when, n]
  columns:
    - {column: ip, field: source.ip, required: true}
    - {column: when, field: time.source, convert: utc}
  filter:
    - {column: n, not: ["0"]}
absence_cycles: 7
poll: {url: "https://feed.example/list.txt", every: 90m}
sample: example.txt
`

func TestParsePack(t *testing.T) {
	t.Parallel()
	got, err := feed.ParsePack("example.yaml", []byte(goodPack))
	if err != nil {
		t.Fatal(err)
	}
	want := &feed.Pack{
		Name: "example", Version: 2, Title: "Example feed", Provider: "Example", URL: "https://feed.example/", Format: "table",
		Default: map[string]string{"classification.type": "scanner", "source.port": "22"},
		Table: &feed.Table{
			Comment: "#", Header: "none", Names: []string{"ip", "when", "n"},
			Columns: []feed.Column{
				{Column: "ip", Field: "source.ip", Required: true},
				{Column: "when", Field: "time.source", Convert: "utc"},
			},
			Filter: []feed.Filter{{Column: "n", Not: []string{"0"}}},
		},
		AbsenceCycles: 7, Poll: &feed.Poll{URL: "https://feed.example/list.txt", Every: 90 * time.Minute}, Sample: "example.txt",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.StreamName() != "example" {
		t.Error(got.StreamName())
	}
}

func TestPackErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, says string }{
		{"provider:", "provder:", `example.yaml: line 4: unknown key "provder"; did you mean "provider"?`},
		{"field: source.ip", "feild: source.ip", `line 15: unknown key "table.columns.feild"; did you mean "field"?`},
		{"absence_cycles: 7", "zzzzzzzz: 7", `line 19: unknown key "zzzzzzzz"; known are name, version`},
		{"every: 90m", "evry: 90m", `unknown key "poll.evry"; did you mean "every"?`},
		{"every: 90m", "every: 5s", "poll.every: 5s is shorter than one minute"},
		{"every: 90m", "every: often", "line 20"},
		{"https://feed.example/list", "file:///etc/list", "does not begin with https:// or http://"},
		{"version: 2", "version: two", "line 2"},
		{"version: 2", "version: 0", "version: a whole number from 1"},
		{"version: 2", "version: 2\nversion: 3", "already defined"},
		{"name: example", "name: Ex ample", "is not a word of lower-case"},
		{"format: table", "format: tabel", `"tabel" is none of shadowserver, intelmq, table, list`},
		{"format: table", "format: list", "table: belongs to format table"},
		{"header: none", "header: first", "table.names: belongs to header none"},
		{"header: none", "header: never", `"never" is none of first, comment, none`},
		{"column: when,", "column: time,", `table.columns[1]: "time" is not in table.names`},
		{"column: when,", "path: when,", "table.columns[1]: a csv column needs column"},
		{`not: ["0"]`, "is: []", "table.filter[0]: needs column and one of is, not"},
		{"field: source.ip", "field: source.ipp", `table.columns[0]: "source.ipp" is no field of an event; the nearest is "source.ip"`},
		{"source.port: 22", "source.port: ssh", "default: source.port"},
		{"type: scanner", "type: scaner", `the nearest is "scanner"`},
		{"type: scanner", "type: violence", "outside the remit"},
		{"absence_cycles: 7", "absence_cycles: -2", "absence_cycles: -2 is not from -1 to 365"},
		{"table:\n", "stream: &x y\ntable:\n", "anchors and aliases are not allowed"},
		{"sample: example.txt", "sample: example.txt\n---\nname: b", "one document a file is allowed"},
		{goodPack, "", "the file is empty"},
		{goodPack, "[", "example.yaml: "},
		{goodPack, "[1]", "example.yaml: "},
		{goodPack, strings.Repeat("#", strict.MaxBytes+1), "are more than the 1048576"},
	} {
		_, err := feed.ParsePack("example.yaml", []byte(strings.Replace(goodPack, c.from, c.to, 1)))
		text, ok := fault.Message(err)
		if !errors.Is(err, fault.Invalid) || !ok || !strings.Contains(text, c.says) {
			t.Errorf("%s: got %v, want it to say %q", c.to[:min(len(c.to), 40)], err, c.says)
		}
	}
}

func TestReadPacks(t *testing.T) {
	t.Parallel()
	shipped := fstest.MapFS{"example.yaml": {Data: []byte(goodPack)}, "README.md": {}}
	own := fstest.MapFS{"example.yaml": {Data: []byte(strings.Replace(goodPack, "version: 2", "version: 9", 1))}}
	packs, err := feed.ReadPacks(shipped, own)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := packs.Pack("example"); !ok || p.Version != 9 || len(packs.All()) != 1 {
		t.Errorf("got %v of %d", p, len(packs.All()))
	}
	wrong := fstest.MapFS{"other.yaml": {Data: []byte(goodPack)}}
	if _, err := feed.ReadPacks(wrong); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "not the file's name") {
		t.Errorf("got %v", err)
	}
}

func FuzzPack(f *testing.F) {
	f.Add([]byte(goodPack))
	f.Add([]byte("name: a\nversion: 1\ntitle: A\nformat: list\nlist: {kind: ip}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("list: [list: {kind: [list]}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := feed.ParsePack("f.yaml", data)
		if err != nil {
			if _, ok := fault.Message(err); !ok {
				t.Errorf("no message for people: %v", err)
			}
			return
		}
		if p.StreamName() == "" || p.Version < 1 {
			t.Errorf("%+v", p)
		}
	})
}
