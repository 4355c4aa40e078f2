package feed_test

import (
	stdzip "archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"tocsin/internal/fault"
	"tocsin/internal/feed"
)

type file struct{ name, text string }

func zipped(t testing.TB, method uint16, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := stdzip.NewWriter(&b)
	for _, f := range files {
		m, err := w.CreateHeader(&stdzip.FileHeader{Name: f.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(m, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(text, nil)
}

func unwrapAll(name string, data []byte, limits feed.Limits) ([]file, error) {
	var parts []file
	err := feed.Unwrap(name, bytes.NewReader(data), limits, func(part string, r io.Reader) error {
		b, err := io.ReadAll(r)
		parts = append(parts, file{part, string(b)})
		return err
	})
	return parts, err
}

func TestUnwrapContainers(t *testing.T) {
	t.Parallel()
	rows := "ip,port\n192.0.2.1,80\n"
	for _, c := range []struct {
		about, name string
		data        []byte
		want        []file
	}{
		{"plain", "scan.csv", []byte(rows), []file{{"scan.csv", rows}}},
		{"empty", "scan.csv", nil, []file{{"scan.csv", ""}}},
		{"gzip by content, not name", "scan.csv", gzipped(t, []byte(rows)), []file{{"scan.csv", rows}}},
		{"gzip", "scan.csv.gz", gzipped(t, []byte(rows)), []file{{"scan.csv", rows}}},
		{
			"two gzip members", "scan.csv.gz", append(gzipped(t, []byte("a\n")), gzipped(t, []byte("b\n"))...),
			[]file{{"scan.csv", "a\nb\n"}},
		},
		{"zstd", "/var/in/scan.csv.zst", zstded(t, []byte(rows)), []file{{"scan.csv", rows}}},
		{
			"zip, deflated, descriptors", "x.zip", zipped(t, stdzip.Deflate, file{"a.csv", rows}, file{"b.csv", ""}),
			[]file{{"a.csv", rows}, {"b.csv", ""}},
		},
		{
			"zip of gzip", "x.zip", zipped(t, stdzip.Deflate, file{"a.csv.gz", string(gzipped(t, []byte(rows)))}),
			[]file{{"a.csv", rows}},
		},
		{
			"zip in zip", "x.zip",
			zipped(t, stdzip.Deflate, file{"in.zip", string(zipped(t, stdzip.Deflate, file{"a.csv", rows}))}, file{"b", "2"}),
			[]file{{"a.csv", rows}, {"b", "2"}},
		},
		{
			"folders and desktop leavings skipped", "x.zip",
			zipped(t, stdzip.Deflate, file{"d/", ""}, file{"d/a.csv", rows}, file{"__MACOSX/d/._a.csv", "junk"}),
			[]file{{"a.csv", rows}},
		},
		{
			"names are never paths", "x.zip",
			zipped(t, stdzip.Deflate, file{"../../etc/passwd", "1"}, file{`C:\temp\b.csv`, "2"}, file{"/abs/c", "3"}, file{"..", "4"}),
			[]file{{"passwd", "1"}, {"b.csv", "2"}, {"c", "3"}, {"unnamed", "4"}},
		},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			got, err := unwrapAll(c.name, c.data, feed.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(file{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestUnwrapStoredWithSizes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := stdzip.NewWriter(&b)
	m, err := w.CreateRaw(&stdzip.FileHeader{
		Name: "a", Method: stdzip.Store, CRC32: 0x3610a686,
		CompressedSize64: 5, UncompressedSize64: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(m, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := unwrapAll("x", b.Bytes(), feed.Limits{})
	if err != nil || len(got) != 1 || got[0].text != "hello" {
		t.Fatalf("got %v, %v", got, err)
	}
}

// TestUnwrapDescriptors reads the four forms in which writers put sizes behind the data.
func TestUnwrapDescriptors(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("192.0.2.1\n", 50)
	data := zipped(t, stdzip.Deflate, file{"a", text}, file{"b", "2"})
	for _, c := range []struct{ mark, wide bool }{{true, false}, {true, true}, {false, false}, {false, true}} {
		var b []byte
		rest := data
		for {
			at := bytes.Index(rest, []byte("PK\x07\x08"))
			if at < 0 {
				break
			}
			b = append(b, rest[:at]...)
			if c.mark {
				b = append(b, rest[at:at+4]...)
			}
			b = append(b, rest[at+4:at+12]...)
			if c.wide {
				b = append(b, 0, 0, 0, 0)
			}
			b = append(b, rest[at+12:at+16]...)
			if c.wide {
				b = append(b, 0, 0, 0, 0)
			}
			rest = rest[at+16:]
		}
		got, err := unwrapAll("x.zip", append(b, rest...), feed.Limits{})
		if err != nil || len(got) != 2 || got[0].text != text || got[1].text != "2" {
			t.Errorf("mark %v, wide %v: %d parts, %v", c.mark, c.wide, len(got), err)
		}
	}
}

func TestUnwrapRefuses(t *testing.T) {
	t.Parallel()
	many := make([]file, 1001)
	for i := range many {
		many[i] = file{fmt.Sprintf("%d", i), "x"}
	}
	deep := gzipped(t, gzipped(t, gzipped(t, []byte("x"))))
	whole := zipped(t, stdzip.Deflate, file{"a.csv", strings.Repeat("192.0.2.1\n", 1000)})
	wrong := bytes.Clone(whole)
	wrong[60]++
	locked := bytes.Clone(whole)
	locked[6] |= 1
	for _, c := range []struct {
		about string
		data  []byte
		kind  error
		says  string
	}{
		{"too many members", zipped(t, stdzip.Deflate, many...), fault.TooLarge, "more than 1000 files"},
		{"too deep", deep, fault.TooLarge, "more than 2 containers"},
		{"cut gzip", gzipped(t, []byte("hello"))[:15], fault.Invalid, "damaged"},
		{"cut zstd", zstded(t, bytes.Repeat([]byte("hello "), 1000))[:12], fault.Invalid, "damaged"},
		{"cut zip", whole[:50], fault.Invalid, "damaged"},
		{"zip without directory", whole[:len(whole)-len("x")-120], fault.Invalid, "damaged"},
		{"changed zip", wrong, fault.Invalid, "damaged"},
		{"encrypted zip", locked, fault.Invalid, "encrypted"},
		{"empty zip", zipped(t, stdzip.Deflate), fault.Invalid, "empty archive"},
		{"folders only", zipped(t, stdzip.Deflate, file{"a/", ""}), fault.Invalid, "empty archive"},
		{"stored without size", zipped(t, stdzip.Store, file{"a", "hello"}), fault.Invalid, "stored without a size"},
		{"xz", []byte("\xfd7zXZ\x00\x00\x04"), fault.Invalid, "is a xz file"},
		{"7z", []byte("7z\xbc\xaf\x27\x1c"), fault.Invalid, "7z"},
		{"pdf", []byte("%PDF-1.7\n"), fault.Invalid, "PDF"},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			_, err := unwrapAll("in.bin", c.data, feed.Limits{})
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v that says %q", err, c.kind, c.says)
			}
			if _, ok := fault.Message(err); !ok {
				t.Errorf("no message for people: %v", err)
			}
		})
	}
}

func TestUnwrapErrorOfYieldStops(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	n := 0
	data := zipped(t, stdzip.Deflate, file{"a", "1"}, file{"b", "2"})
	err := feed.Unwrap("x", bytes.NewReader(data), feed.Limits{}, func(string, io.Reader) error {
		n++
		return stop
	})
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("got %v after %d parts", err, n)
	}
}

func TestUnwrapSkipsWhatIsLeftUnread(t *testing.T) {
	t.Parallel()
	data := zipped(t, stdzip.Deflate, file{"a", strings.Repeat("x", 1<<20)}, file{"b", "2"})
	var last string
	err := feed.Unwrap("x", bytes.NewReader(data), feed.Limits{}, func(name string, r io.Reader) error {
		var b [1]byte
		_, err := r.Read(b[:])
		last = name + string(b[:])
		return err
	})
	if err != nil || last != "b2" {
		t.Errorf("got %q, %v", last, err)
	}
}

// endless gives a container of n zero bytes while it is read, so that a bomb needs no room.
func endless(n int64, wrap func(w io.Writer) io.WriteCloser) io.Reader {
	r, w := io.Pipe()
	go func() {
		z := wrap(w)
		block := make([]byte, 1<<20)
		for left := n; left > 0; left -= int64(len(block)) {
			if _, err := z.Write(block); err != nil {
				return
			}
		}
		_ = z.Close()
		_ = w.Close()
	}()
	return r
}

type zipWriter struct {
	io.Writer
	z *stdzip.Writer
}

func (z zipWriter) Close() error { return z.z.Close() }

func TestUnwrapBombs(t *testing.T) {
	for _, c := range []struct {
		about string
		wrap  func(w io.Writer) io.WriteCloser
	}{
		{"zip", func(w io.Writer) io.WriteCloser {
			z := stdzip.NewWriter(w)
			m, _ := z.Create("bomb.csv")
			return zipWriter{m, z}
		}},
		{"gzip", func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }},
		{"zstd", func(w io.Writer) io.WriteCloser {
			z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			return z
		}},
	} {
		t.Run(c.about, func(t *testing.T) {
			var peak, seen uint64
			r := endless(10<<30, c.wrap)
			err := feed.Unwrap("bomb", r, feed.Limits{}, func(_ string, r io.Reader) error {
				buf := make([]byte, 1<<20)
				for {
					n, err := r.Read(buf)
					seen += uint64(n)
					if seen%(16<<20) < uint64(n) {
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapInuse)
					}
					if err != nil {
						return nil //nolint:nilerr // what a careless reader would do
					}
				}
			})
			_ = r.(*io.PipeReader).Close()
			if !errors.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "more than 100 times") {
				t.Errorf("got %v", err)
			}
			if seen > 65<<20 || peak > 64<<20 {
				t.Errorf("read %d bytes, heap %d", seen, peak)
			}
		})
	}
}

func TestUnwrapTotal(t *testing.T) {
	t.Parallel()
	_, err := unwrapAll("x.gz", gzipped(t, make([]byte, 1<<20)), feed.Limits{Total: 1 << 19})
	if !errors.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "524288 bytes") {
		t.Errorf("got %v", err)
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte("192.0.2.1\n"))
	f.Add(gzipped(f, []byte("192.0.2.1\n")))
	f.Add(zstded(f, []byte("192.0.2.1\n")))
	f.Add(zipped(f, stdzip.Deflate, file{"a", "1"}, file{"b", strings.Repeat("2", 100)}))
	f.Add(zipped(f, stdzip.Deflate, file{"a.zip", string(zipped(f, stdzip.Deflate, file{"a", "1"}))}))
	limits := feed.Limits{Free: 1 << 16, Total: 1 << 20, Members: 10}
	f.Fuzz(func(t *testing.T, data []byte) {
		parts, err := unwrapAll("in", data, limits)
		total := 0
		for _, p := range parts {
			total += len(p.text)
			if p.name == "" || strings.ContainsAny(p.name, "/\\\x00") {
				t.Errorf("part name %q", p.name)
			}
		}
		if total > len(data)+1<<20+1<<16 {
			t.Errorf("%d bytes came out of %d", total, len(data))
		}
		if _, ok := fault.Message(err); err != nil && !ok {
			t.Errorf("no message for people: %v", err)
		}
	})
}
