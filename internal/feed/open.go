package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Limits of what a signal may hold. They bound the memory of one part whatever its size.
const (
	MaxRecord  = 1 << 20 // bytes of one record
	MaxHeader  = 1 << 20 // bytes before the first data record
	MaxColumns = 2000    // of a header or a record
	MaxDepth   = 64      // of nested JSON
	MaxBatch   = 2 << 20 // bytes of one batch
	MaxLine    = 1 << 30 // bytes of a line that is left out; after a longer one the part is not read on
	maxRaw     = 64 << 10
)

// Options are what the installation brings to the reading of a part.
type Options struct {
	Key []byte // seals credentials and personal data; a fixed development key where it is empty
}

// ReadError says that the bytes of a part could not be had up to its end: what came before stands.
type ReadError struct {
	Offset int64 // in the part
	Err    error
}

func (e *ReadError) Error() string { return fmt.Sprintf("read at byte %d: %v", e.Offset, e.Err) }
func (e *ReadError) Unwrap() error { return e.Err }

// Format reads one family of formats.
type Format interface {
	// Cut says how the bytes of a part become records.
	Cut(pack *Pack) Cut
	// Open reads the start of the part called name: head holds its first bytes, at most MaxHeader, without a byte order
	// mark. Errors are for people (fault.Invalid): the part as a whole cannot be read.
	Open(pack *Pack, name string, head []byte, opts Options) (Opened, error)
}

// Part is one part of a signal being read: a file, or a member of a container.
type Part struct {
	Opened
	cut cutter
}

// Open starts to read the part called name from r in format f. It reads at most MaxHeader bytes. UTF-16 and UTF-32 are
// refused with fault.Invalid; a UTF-8 byte order mark is skipped.
func Open(f Format, pack *Pack, name string, r io.Reader, opts Options) (*Part, error) {
	head, whole, err := readHead(r)
	if err != nil {
		return nil, err
	}
	mark, err := encoding(head)
	if err != nil {
		return nil, err
	}
	opened, err := f.Open(pack, name, head[mark:], opts)
	if err != nil {
		return nil, err
	}
	p, cut := &Part{Opened: opened}, f.Cut(pack)
	if opened.Delimit != 0 {
		cut.Delimiter = opened.Delimit
	}
	p.cut.start(cut, head, mark, whole, r)
	p.cut.drop = opened.Header
	return p, nil
}

// readHead reads at most MaxHeader bytes, and true where they are the whole part.
func readHead(r io.Reader) ([]byte, bool, error) {
	var head []byte
	for size := 64 << 10; ; size *= 4 {
		head = slices.Grow(head, size-len(head))
		n, err := io.ReadFull(r, head[len(head):size])
		head = head[: len(head)+n : len(head)+n]
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return head, true, nil
		case err != nil:
			return nil, false, &ReadError{Offset: int64(len(head)), Err: err}
		case size == MaxHeader:
			return head, false, nil
		}
	}
}

// encoding returns the length of a UTF-8 byte order mark, and fault.Invalid for text in another encoding.
func encoding(head []byte) (int, error) {
	in := ""
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		return 3, nil
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE, 0, 0}), bytes.HasPrefix(head, []byte{0, 0, 0xFE, 0xFF}):
		in = "UTF-32"
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		in = "UTF-16"
	case bytes.Count(head, []byte{0})*10 > len(head):
		return 0, fault.New(fault.Invalid, "more than a tenth of the first bytes are zero: this is UTF-16 or not text")
	}
	if in != "" {
		return 0, fault.New(fault.Invalid, "the text is in %s: save it as UTF-8 and send it again", in)
	}
	return 0, nil
}

// Next returns the next batch of at most limit records and MaxBatch bytes; io.EOF after the last. A batch may be empty. Batches may be
// handed to other goroutines; Next itself is for one goroutine. Where the reader fails,
// what was read comes first and then a *ReadError.
func (p *Part) Next(limit int) (*Batch, error) { return p.cut.next(limit) }

// Skip leaves out everything before to, which must be the End of a batch of the same bytes. It must be called before
// Next.
func (p *Part) Skip(to Position) error { return p.cut.skipTo(to) }

// Lead returns the first records of a head, at most n: what a Format looks at to find its header.
func Lead(cut Cut, head []byte, n int) []Record {
	var c cutter
	c.start(cut, head, 0, true, nil)
	b, err := c.next(n)
	if err != nil {
		return nil
	}
	return b.Records
}

// Header reads the names of columns from a record. Blanks around them go; a name that comes again gets a number. The
// error is fault.Invalid.
func Header(cut Cut, record []byte) ([]string, error) {
	if cut.Delimiter == 0 {
		cut.Delimiter = ','
	}
	if cut.Quote == 0 {
		cut.Quote = '"'
	}
	cells, _, reason := cut.Cells(record, nil, nil)
	switch {
	case reason != "":
		return nil, fault.New(fault.Invalid, "header: %s", reason)
	case len(cells) > MaxColumns:
		return nil, fault.New(fault.Invalid, "header: %d columns are more than %d", len(cells), MaxColumns)
	}
	seen := make(map[string]int, len(cells))
	names := make([]string, len(cells))
	for i, c := range cells {
		n := event.Clean(string(bytes.TrimSpace(c)))
		if n == "" {
			n = "column_" + strconv.Itoa(i+1)
		}
		if seen[n]++; seen[n] > 1 {
			n += "_" + strconv.Itoa(seen[n])
			seen[n]++
		}
		names[i] = n
	}
	return names, nil
}
