package feed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tocsin/internal/fault"
)

// Limits bound what one signal may expand to. The zero value of a field takes DefaultLimits'.
type Limits struct {
	Ratio   int64 // expanded bytes per received byte, asked only above Free
	Free    int64 // expanded bytes up to which no ratio is asked
	Total   int64 // expanded bytes of all parts together
	Members int   // files in all archives of one signal
	Depth   int   // containers inside each other
}

// DefaultLimits returns the limits that hold where the operator sets none: 100:1 above 64 MiB, 8 GiB, 1,000 members,
// two containers deep.
func DefaultLimits() Limits {
	return Limits{Ratio: 100, Free: 64 << 20, Total: 8 << 30, Members: 1000, Depth: 2}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Ratio == 0 {
		l.Ratio = d.Ratio
	}
	if l.Free == 0 {
		l.Free = d.Free
	}
	if l.Total == 0 {
		l.Total = d.Total
	}
	if l.Members == 0 {
		l.Members = d.Members
	}
	if l.Depth == 0 {
		l.Depth = d.Depth
	}
	return l
}

// maxWindow bounds the memory of a zstd frame; what zstd writes without --long fits.
const maxWindow = 32 << 20

// Unwrap hands the parts of a signal to yield: the file itself, or what is inside its gzip, zstd and zip containers,
// told by content and never by name, in the order of the bytes. It reads forward only and holds no part in memory. A
// part's reader is valid until yield returns; what yield leaves unread is skipped. partName is a plain file name,
// never a path. An error of yield stops and is returned; a broken limit is TooLarge, a damaged container Invalid, and
// both win over what yield makes of them.
func Unwrap(name string, r io.Reader, limits Limits, yield func(partName string, r io.Reader) error) error {
	u := &unwrapper{limits: limits.orDefault(), yield: yield}
	u.out = make([]int64, u.limits.Depth+1)
	err := u.open(plainName(name), bufio.NewReaderSize(&received{r: r, u: u}, 64<<10), 0)
	if u.broken != nil {
		return u.broken
	}
	return err
}

type unwrapper struct {
	limits  Limits
	yield   func(string, io.Reader) error
	in      int64   // bytes received
	out     []int64 // bytes expanded by depth
	members int
	broken  error // the first limit broken or damage found
}

// received counts what is read of the signal itself.
type received struct {
	r io.Reader
	u *unwrapper
}

func (c *received) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.u.in += int64(n)
	return n, err
}

func (u *unwrapper) open(name string, r *bufio.Reader, depth int) error {
	head, err := r.Peek(10)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	kind := containerOf(head)
	switch {
	case kind == "":
		return u.yield(name, r)
	case kind != "gzip" && kind != "zstd" && kind != "zip":
		return u.fail(fault.Invalid, "%q is a %s file: unpack it, or send it plain, gzip, zip or zstd", name, kind)
	case depth >= u.limits.Depth:
		return u.fail(fault.TooLarge, "%q: more than %d containers inside each other", name, u.limits.Depth)
	case kind == "zip":
		return u.unzip(name, r, depth+1)
	}
	return u.unpack(name, kind, r, depth+1)
}

func (u *unwrapper) unpack(name, kind string, r *bufio.Reader, depth int) error {
	var plain io.Reader
	if kind == "gzip" {
		z, err := gzip.NewReader(r)
		if err != nil {
			return u.fail(fault.Invalid, "%q is damaged: %v", name, err)
		}
		plain = z
	} else {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return u.fail(fault.Invalid, "%q is damaged: %v", name, err)
		}
		defer z.Close()
		plain = z
	}
	e := &expanded{r: plain, u: u, name: name, depth: depth}
	return u.open(strip(name), bufio.NewReaderSize(e, 64<<10), depth)
}

// expanded counts what one container layer gives and stops at the limits.
type expanded struct {
	r     io.Reader
	u     *unwrapper
	name  string
	depth int
}

func (e *expanded) Read(p []byte) (int, error) {
	u := e.u
	if u.broken != nil {
		return 0, u.broken
	}
	n, err := e.r.Read(p)
	u.out[e.depth] += int64(n)
	out := u.out[e.depth]
	switch {
	case out > u.limits.Total:
		return 0, u.fail(fault.TooLarge, "%q expands to more than %s", e.name, size(u.limits.Total))
	case out > u.limits.Free && out/u.limits.Ratio > u.in:
		return 0, u.fail(fault.TooLarge, "%q expands to more than %d times its size (asked above %s)",
			e.name, u.limits.Ratio, size(u.limits.Free))
	case err != nil && !errors.Is(err, io.EOF):
		return n, u.fail(fault.Invalid, "%q is damaged: %v", e.name, err)
	}
	return n, err
}

// fail remembers the first failure, so that no layer above can hide it.
func (u *unwrapper) fail(kind error, format string, args ...any) error {
	if u.broken == nil {
		u.broken = fault.New(kind, format, args...)
	}
	return u.broken
}

var magics = []struct{ kind, bytes string }{
	{"gzip", "\x1f\x8b\x08"},
	{"zip", "PK\x03\x04"},
	{"zip", "PK\x05\x06"},
	{"zstd", "\x28\xb5\x2f\xfd"},
	{"xz", "\xfd7zXZ\x00"},
	{"7z", "7z\xbc\xaf\x27\x1c"},
	{"rar", "Rar!\x1a\x07"},
	{"PDF", "%PDF-"},
}

// containerOf names the container that head begins, or "".
func containerOf(head []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.bytes)) {
			return m.kind
		}
	}
	switch {
	case len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18":
		return "zstd" // a skippable frame comes first
	case len(head) >= 10 && string(head[:3]) == "BZh" && string(head[4:10]) == "1AY&SY":
		return "bzip2"
	}
	return ""
}

// plainName returns the last element of a name that may be a path of any system, without control characters.
func plainName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, name)
	for len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	if name == "" || name == "." || name == ".." {
		return "unnamed"
	}
	return name
}

func strip(name string) string {
	for _, end := range []string{".gz", ".gzip", ".zst", ".zstd"} {
		if len(name) > len(end) && strings.EqualFold(name[len(name)-len(end):], end) {
			return name[:len(name)-len(end)]
		}
	}
	return name
}

func size(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
