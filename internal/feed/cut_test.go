package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// rawFormat cuts and reads nothing.
type rawFormat struct {
	cut    Cut
	header int
}

func (f rawFormat) Cut(*Pack) Cut { return f.cut }

func (f rawFormat) Open(*Pack, string, []byte, Options) (Opened, error) {
	return Opened{Header: f.header, Decoder: nothing{}}, nil
}

type nothing struct{}

func (nothing) Row(Record, *Scratch) (Row, error) { return Row{}, nil }
func (nothing) Event(Record) (event.Event, error) { return event.Event{}, nil }

func openRaw(t testing.TB, cut Cut, header int, r io.Reader) *Part {
	t.Helper()
	p, err := Open(rawFormat{cut, header}, &Pack{}, "part", r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// cutAll returns what a part holds, as "line@offset text", and its bad records with a "!".
func cutAll(t testing.TB, p *Part, limit int) []string {
	t.Helper()
	var out []string
	for {
		b, err := p.Next(limit)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			out = append(out, fmt.Sprintf("%d@%d %s", r.Line, r.Offset, r.Bytes))
		}
		for _, r := range b.Bad {
			out = append(out, fmt.Sprintf("!%d@%d %s: %s", r.Line, r.Offset, r.Raw[:min(len(r.Raw), 20)], r.Reject.Reason))
		}
		b.Release()
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	lone := "h\n\"open,1\n" + strings.Repeat("a,b\n", 150)
	for _, c := range []struct {
		name, in string
		cut      Cut
		header   int
		want     []string
	}{
		{"line ends", "a\nb\r\n\r\n  \nc", Cut{}, 0, []string{"1@0 a", "2@2 b", "5@10 c"}},
		{"lone CR in a file with LF", "a\rb\nc\n", Cut{}, 0, []string{"1@0 a\rb", "2@4 c"}},
		{"CR alone", "a\rb\r\rc", Cut{}, 0, []string{"1@0 a", "2@2 b", "4@5 c"}},
		{"header", "h1,h2\n1,2\n", Cut{}, 1, []string{"2@6 1,2"}},
		{"mark", "\xEF\xBB\xBFh\n1\n", Cut{}, 1, []string{"2@5 1"}},
		{"quoted newline", "a,\"x\ny\",b\nc\n", Cut{}, 0, []string{"1@0 a,\"x\ny\",b", "3@10 c"}},
		{"quote inside a cell", "a,5\" disk\nb\n", Cut{}, 0, []string{"1@0 a,5\" disk", "2@10 b"}},
		{"no quotes", "a,\"x\ny\n", Cut{Quote: NoQuote}, 0, []string{"1@0 a,\"x", "2@5 y"}},
		{"comments", "#c \"\n1\n#d\n", Cut{Comment: "#"}, 0, []string{"2@5 1"}},
		{"quote to the end", "1\n\"x\ny", Cut{}, 0, []string{"1@0 1", "3@5 y", "!2@2 \"x: " + reasonUnbalanced}},
		{"lines keep quotes", "{\"a\":\"\n", Cut{Shape: Lines}, 0, []string{"1@0 {\"a\":\""}},
		{"lone quote", lone, Cut{}, 1, nil},
		{"array", "[ {\"a\":1},\n {\"b\":\"]}\\\"\"} , 3]\n", Cut{Shape: JSONArray}, 0, []string{`1@2 {"a":1}`, `2@12 {"b":"]}\""}`, "3@27 3"}},
		{"path", `{"n":[1],"d":{"x":{"y":[{}]},"items":[{"a":[1]},{}]},"z":0}`, Cut{Shape: JSONArray, Items: "d.items"}, 0, []string{`1@38 {"a":[1]}`, "2@48 {}"}},
		{"every member", `{"1":[{"a":1}],"2":[{"a":2}],"3":{"a":3}}`, Cut{Shape: JSONArray, Items: "*"}, 0, []string{`1@6 {"a":1}`, `2@20 {"a":2}`, `3@33 {"a":3}`}},
		{"object alone", `{"a":1}`, Cut{Shape: JSONArray}, 0, []string{`1@0 {"a":1}`}},
		{"truncated", `[{"a":1},{"b"`, Cut{Shape: JSONArray}, 0, []string{`1@1 {"a":1}`, `!2@9 {"b": ` + reasonTruncated}},
		{"unclosed", `[{"a":1}`, Cut{Shape: JSONArray}, 0, []string{`1@1 {"a":1}`, `!2@8 : ` + reasonUnclosed}},
		{"broken", `[{"a":1},?,{}]`, Cut{Shape: JSONArray}, 0, []string{`1@1 {"a":1}`, `!2@9 ?,{}]: ` + reasonBroken}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if c.name == "lone quote" {
				for i := range 150 {
					want = append(want, fmt.Sprintf("%d@%d a,b", i+3, 10+4*i))
				}
				want = append(want, "!2@2 \"open,1: "+reasonUnbalanced)
			}
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				if d := cmp.Diff(want, cutAll(t, openRaw(t, c.cut, c.header, r), 1000)); d != "" {
					t.Errorf("-want +got\n%s", d)
				}
			}
		})
	}
}

// big pads a part so that it does not fit into its head: the other way through the cutter.
func big(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d,\"some text\nover two lines %d\",more and more and more and more\n", i, i)
	}
	return b.String()
}

func TestCutGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	for _, in := range []string{big(3000), big(3 * MaxHeader)} {
		whole := cutAll(t, openRaw(t, Cut{}, 1, strings.NewReader(in)), 1<<20)
		var got []string
		at := Position{}
		for limit := 1; ; limit = limit*3 + 1 {
			p := openRaw(t, Cut{}, 1, strings.NewReader(in))
			if err := p.Skip(at); err != nil {
				t.Fatal(err)
			}
			b, err := p.Next(limit)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range b.Records {
				got = append(got, fmt.Sprintf("%d@%d %s", r.Line, r.Offset, r.Bytes))
			}
			at = b.End
			b.Release()
		}
		if d := cmp.Diff(whole, got); d != "" {
			t.Errorf("a part of %d bytes read in pieces differs:\n%s", len(in), d)
		}
	}
}

func TestSkipInsideJSON(t *testing.T) {
	t.Parallel()
	in := `{"d":{"items":[{"a":1},{"a":2},{"a":3}]}}`
	cut := Cut{Shape: JSONArray, Items: "d.items"}
	p := openRaw(t, cut, 0, strings.NewReader(in))
	b, err := p.Next(2)
	if err != nil {
		t.Fatal(err)
	}
	q := openRaw(t, cut, 0, strings.NewReader(in))
	if err := q.Skip(b.End); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{`3@31 {"a":3}`}, cutAll(t, q, 10)); d != "" {
		t.Error(d)
	}
}

func TestEncodingsAreNamed(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\xFF\xFEa\x00":              "UTF-16",
		"\xFE\xFF\x00a":              "UTF-16",
		"\xFF\xFE\x00\x00a":          "UTF-32",
		"\x00\x00\xFE\xFF":           "UTF-32",
		"a\x00,\x00b\x00\n\x001\x00": "UTF-16 or not text",
	} {
		_, err := Open(rawFormat{}, &Pack{}, "part", strings.NewReader(in), Options{})
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	in := big(2 * MaxHeader)
	p := openRaw(t, Cut{}, 0, io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)))
	n := 0
	for {
		b, err := p.Next(1000)
		if err != nil {
			var read *ReadError
			if !errors.As(err, &read) || !errors.Is(err, broken) {
				t.Errorf("%v, want a ReadError around broken", err)
			}
			break
		}
		n += len(b.Records)
		b.Release()
	}
	if want := strings.Count(in, "\n") / 2; n != want {
		t.Errorf("%d records before the failure, want %d", n, want)
	}
}

// endless yields n times a byte, between a head and a tail.
func endless(head string, c byte, n int64, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), io.LimitReader(repeated(c), n), strings.NewReader(tail))
}

type repeated byte

func (r repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// peak runs f and returns by how much the memory that the process holds grew.
func peak(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestGigabyteLine(t *testing.T) {
	length := int64(1 << 30)
	if underRace {
		length = 16 << 20
	}
	for _, c := range []struct {
		name string
		cut  Cut
		in   func() io.Reader
		bad  string
		last string
	}{
		{"csv", Cut{}, func() io.Reader { return endless("h\n1\n", 'x', length, "\n2\n") }, reasonLong, "2"},
		{"quotes", Cut{}, func() io.Reader { return endless("h\n1\n", '"', length, "\n2\n") }, reasonLong, "2"},
		{"no line end", Cut{}, func() io.Reader { return endless("h\n1\n", 'x', length, "") }, reasonLong, "1"},
		{"json text", Cut{Shape: JSONArray}, func() io.Reader { return endless(`[0,1,"`, 'x', length, `",2]`) }, reasonLong, "2"},
		{"json depth", Cut{Shape: JSONArray}, func() io.Reader { return endless(`[0,1,`, '[', length, ``) }, reasonLong, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var bad []string
			last := ""
			grown := peak(func() {
				p := openRaw(t, c.cut, 1, c.in())
				for {
					b, err := p.Next(100)
					if errors.Is(err, io.EOF) {
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range b.Records {
						last = string(r.Bytes)
					}
					for _, r := range b.Bad {
						bad = append(bad, r.Reject.Reason)
						if len(r.Raw) > maxRaw {
							t.Errorf("%d bytes kept of a bad record", len(r.Raw))
						}
					}
					b.Release()
				}
			})
			if len(bad) == 0 || bad[0] != c.bad || last != c.last {
				t.Errorf("bad %q and last record %q, want %q and %q", bad, last, c.bad, c.last)
			}
			if grown > 64<<20 && !underRace {
				t.Errorf("%d MiB allocated for one line", grown>>20)
			}
		})
	}
}

// TestBadRowsCostNoMoreThanGoodOnes counts the bytes that the exact quote machine looks at: a constant number of times
// each, whatever the rows are.
func TestLoneQuotesAreLinear(t *testing.T) {
	t.Parallel()
	var in bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&in, "\"lone %d,x\n", i)
		for range 120 {
			in.WriteString("a,b\n")
		}
	}
	p := openRaw(t, Cut{}, 0, bytes.NewReader(in.Bytes()))
	records, bad := 0, 0
	for {
		b, err := p.Next(4096)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		records, bad = records+len(b.Records), bad+len(b.Bad)
		b.Release()
	}
	if records != 2000*120 || bad != 2000 {
		t.Errorf("%d records and %d bad ones, want 240000 and 2000", records, bad)
	}
	if looked := p.cut.looked; looked > 2*int64(in.Len()) {
		t.Errorf("%d bytes looked at twice in a part of %d", looked, in.Len())
	}
}

func TestCells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		cut  Cut
		want []string
	}{
		{"", Cut{}, []string{""}},
		{"a,b,,", Cut{}, []string{"a", "b", "", ""}},
		{"aaaaaaaa,bbbbbbb,c", Cut{}, []string{"aaaaaaaa", "bbbbbbb", "c"}},
		{`"a","b ""c""",""`, Cut{}, []string{"a", `b "c"`, ""}},
		{`"a""","""",b`, Cut{}, []string{`a"`, `"`, "b"}},
		{`a,"b" ,5" c`, Cut{}, []string{"a", "b", `5" c`}},
		{`"a,b",`, Cut{}, []string{"a,b", ""}},
		{"a\tb", Cut{Delimiter: '\t'}, []string{"a", "b"}},
		{`"a"|"b"`, Cut{Delimiter: '|', Quote: NoQuote}, []string{`"a"`, `"b"`}},
		{"  a   b \tc ", Cut{Delimiter: ' ', Runs: true}, []string{"a", "b", "c"}},
	} {
		if c.cut.Delimiter == 0 {
			c.cut.Delimiter = ','
		}
		if c.cut.Quote == 0 {
			c.cut.Quote = '"'
		}
		cells, _, reason := c.cut.Cells([]byte(c.in), nil, nil)
		var got []string
		for _, x := range cells {
			got = append(got, string(x))
		}
		if d := cmp.Diff(c.want, got); d != "" || reason != "" {
			t.Errorf("%q: %s%s", c.in, reason, d)
		}
	}
	for _, in := range []string{`a,"b"x,c`, `"b"x`, `"b""c"x`, `"b" x`} {
		if _, _, reason := (Cut{Delimiter: ',', Quote: '"'}).Cells([]byte(in), nil, nil); reason != reasonAfterQuote {
			t.Errorf("%s: %q", in, reason)
		}
	}
	if _, _, reason := (Cut{Delimiter: ',', Quote: '"'}).Cells([]byte(`a,"b`), nil, nil); reason != reasonOpenQuote {
		t.Errorf("an open quote: %q", reason)
	}
}
