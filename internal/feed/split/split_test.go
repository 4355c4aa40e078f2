package split

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/feed"
)

func apart(t *testing.T, s feed.Split, text string) (out []string, why string) {
	t.Helper()
	parts, err := s(feed.Record{Line: 7, Offset: 70, Bytes: []byte(text)})
	var r *feed.Reject
	if err != nil && !errors.As(err, &r) {
		t.Fatal(err)
	}
	if r != nil {
		return nil, r.Error()
	}
	for _, p := range parts {
		if p.Line != 7 || p.Offset != 70 {
			t.Errorf("%+v", p)
		}
		out = append(out, string(p.Bytes))
	}
	return out, ""
}

func TestList(t *testing.T) {
	t.Parallel()
	list := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `{"ip":"192.0.2.%d"},`, i)
		}
		return `{"big":12345678901234567890,"a":{"b":[` + strings.TrimSuffix(b.String(), ",") + `]}}`
	}
	for _, c := range []struct {
		text string
		want []string
		says string
	}{
		{list(0), nil, ""},
		{list(1), nil, ""},
		{list(2), []string{`{"a":{"b":[{"ip":"192.0.2.0"}]},"big":12345678901234567890}`, `{"a":{"b":[{"ip":"192.0.2.1"}]},"big":12345678901234567890}`}, ""},
		{`{"a":{"b":[{"ip":"192.0.2.1"},{"ip":"192.0.2.1"}]}}`, []string{`{"a":{"b":[{"ip":"192.0.2.1"}]}}`}, ""},
		{`{"a":{"b":"192.0.2.1"}}`, nil, ""},
		{`{"a":[1,2]}`, nil, ""},
		{`{"a":{"b":[1,`, nil, ""},
		{`[]`, nil, ""},
		{list(MaxAssets + 1), nil, "a.b: lists 1001 assets, and at most 1000 were expected"},
		{strings.Replace(list(1000), `{"big"`, `{"x":"`+strings.Repeat("y", 10_000)+`","big"`, 1), nil, "a.b: lists 1000 assets beside 10048 bytes: at most 8388608 bytes in all were expected"},
	} {
		got, why := apart(t, List("a.b"), c.text)
		if d := cmp.Diff(c.want, got); d != "" || why != c.says {
			t.Errorf("%.80s: %q %s", c.text, why, d)
		}
	}
	if got, why := apart(t, List("a.b"), list(MaxAssets)); len(got) != MaxAssets || why != "" {
		t.Errorf("%d records: %s", len(got), why)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	s := Members(func(name string) bool { return strings.HasPrefix(name, "source") })
	for _, c := range []struct {
		text string
		want []string
		says string
	}{
		{`{"source.ip":"192.0.2.1","extra.tags":["a","b"]}`, nil, ""},
		{`{"source.ip":["192.0.2.1","192.0.2.2"],"x":1}`, []string{`{"source.ip":"192.0.2.1","x":1}`, `{"source.ip":"192.0.2.2","x":1}`}, ""},
		{`{"source":{"ip":["192.0.2.1"],"port":5}}`, []string{`{"source":{"ip":"192.0.2.1","port":5}}`}, ""},
		{`{"source":[{"ip":"192.0.2.1"},{"ip":"192.0.2.2"}]}`, []string{`{"source":{"ip":"192.0.2.1"}}`, `{"source":{"ip":"192.0.2.2"}}`}, ""},
		{`{"source.ip":[]}`, nil, ""},
		{`{"source.fqdn":["a.example"],"source.ip":["192.0.2.1"]}`, nil, "source.fqdn: is a list, and so is source.ip: one list of assets was expected"},
		{`{"source":{"fqdn":["a.example"],"ip":["192.0.2.1"]}}`, nil, "source.fqdn: is a list, and so is source.ip: one list of assets was expected"},
	} {
		got, why := apart(t, s, c.text)
		if d := cmp.Diff(c.want, got); d != "" || why != c.says {
			t.Errorf("%s: %q %s", c.text, why, d)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(`{"source":{"ip":["192.0.2.1","192.0.2.2"]},"address":[{"ip":"192.0.2.1"},{"ip":1e5}]}`))
	f.Add([]byte(`{"source.ip":["192.0.2.1","192.0.2.2"],"source.ip":"x","address":[[],{}]}`))
	members := Members(func(name string) bool { return strings.HasPrefix(name, "source") })
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, s := range []feed.Split{members, List("address"), List("source.ip")} {
			parts, err := s(feed.Record{Bytes: text})
			if err != nil && parts != nil {
				t.Fatal("both records and an error")
			}
			for _, p := range parts {
				if !json.Valid(p.Bytes) {
					t.Fatalf("%s became %s", text, p.Bytes)
				}
			}
		}
	})
}
