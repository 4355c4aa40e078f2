package feed

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// Shape tells how records lie in a stream.
type Shape uint8

// Shapes of streams.
const (
	CSV       Shape = iota // records may span lines inside quotes
	Lines                  // a record is a line
	JSONArray              // a record is an element of an array in one JSON document
)

// Cut says how the bytes of a part become records.
//
// A line ends with LF or CRLF. A part without any LF in its first MaxHeader bytes but with CR ends its lines with CR;
// elsewhere a lone CR is an ordinary character. Blank lines, rows of a table without one filled cell and
// lines that begin with Comment are no records.
type Cut struct {
	Shape     Shape
	Delimiter byte   // CSV; 0 is a comma
	Quote     byte   // CSV; 0 is '"', NoQuote is none
	Runs      bool   // CSV: several delimiters in a row part two cells, as in aligned tables
	Comment   string // beginning of lines that are no records; empty is none
	Items     string // JSONArray: names that lead to the array, joined by dots, "*" for every one; empty where it is the document
}

// NoQuote as Cut.Quote says that cells are never quoted.
const NoQuote = 0xFF

// Position is a place between two records of a part.
type Position struct {
	Offset int64 // bytes from the start of the part
	Line   int64 // of the first byte after it, from 1; in a JSON array the number of the element
}

// BadRecord is a stretch of bytes that could not be cut into a record.
type BadRecord struct {
	Line   int64
	Offset int64
	Raw    []byte // its beginning, at most 64 KiB; valid until the batch is released
	Reject *Reject
}

// Batch is a run of records. Records, Bad and the bytes they point at belong to the caller until Release.
type Batch struct {
	Records []Record
	Bad     []BadRecord
	Buf     []byte   // what the records lie in
	End     Position // where the next batch begins: what Part.Skip takes

	pool *sync.Pool
}

// Release gives the batch's memory back. The batch must not be used afterwards.
func (b *Batch) Release() {
	if b.pool != nil {
		b.Records, b.Bad = b.Records[:0], b.Bad[:0]
		b.pool.Put(b)
	}
}

var batches = sync.Pool{New: func() any { return &Batch{Buf: make([]byte, MaxBatch)} }}

// Reasons of bad records.
const (
	reasonLong       = "longer than 1 MiB"
	reasonUnbalanced = "unbalanced quote: no end within 64 KiB or 100 lines"
)

const readStep = 256 << 10

// cutter cuts one part into batches.
type cutter struct {
	cut   Cut
	eol   byte
	r     io.Reader
	whole []byte // the rest of a part that fits into its head; batches lie in it
	small bool   // whole is in use
	back  []byte // bytes to read before r
	rest  []byte // read for the last batch and not cut
	eof   bool   // r has ended
	err   error  // of r

	at   Position // of the next byte to cut
	drop int      // records to leave out: the header
	from int64    // JSONArray: records before this offset are left out
	json jsonState

	looked int64 // bytes that lines with an odd number of quotes were searched for their end
}

func (c *cutter) start(cut Cut, head []byte, mark int, whole bool, r io.Reader) {
	if cut.Delimiter == 0 {
		cut.Delimiter = ','
	}
	if cut.Quote == 0 {
		cut.Quote = '"'
	}
	c.cut, c.r, c.eof, c.small = cut, r, whole, whole
	c.at = Position{Offset: int64(mark), Line: 1}
	c.eol = lineEnd(head)
	c.json.start(cut.Items)
	if whole {
		c.whole = head[mark:]
		return
	}
	c.back = head[mark:]
}

// lineEnd returns the byte that ends the lines of a part with this head.
func lineEnd(head []byte) byte {
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		return '\r'
	}
	return '\n'
}

// next returns the next batch. One without records tells how far blank lines, or a value that is passed over, reach
// so far.
func (c *cutter) next(limit int) (*Batch, error) {
	if limit < 1 {
		return nil, errors.New("a batch of no records was asked for")
	}
	for {
		from := c.at.Offset
		b := c.fill(limit)
		if len(b.Records)+len(b.Bad) > 0 || c.at.Offset-from >= MaxBatch {
			return b, nil
		}
		b.Release()
		if c.err != nil {
			return nil, c.err
		}
		if c.eof && len(c.whole) == 0 && len(c.rest) == 0 {
			return nil, io.EOF
		}
	}
}

// fill cuts until limit is reached, the memory is full or the stream has ended. A part that fits into its head is cut
// where it lies, without a copy.
func (c *cutter) fill(limit int) *Batch {
	b, end := c.batch()
	pos := 0
	for {
		var more bool
		pos, more = c.scan(b, b.Buf[:end], pos, limit)
		if !more || c.err != nil || end == len(b.Buf) {
			break
		}
		end += c.read(b.Buf[end:min(end+readStep, len(b.Buf))])
	}
	if c.small {
		c.whole = c.whole[pos:]
	} else {
		c.rest = append(c.rest[:0], b.Buf[pos:end]...)
	}
	b.End = c.at
	return b
}

// batch returns memory for the next batch and how much of it is filled.
func (c *cutter) batch() (*Batch, int) {
	if c.small {
		return &Batch{Buf: c.whole}, len(c.whole)
	}
	b, _ := batches.Get().(*Batch)
	b.pool = &batches
	return b, copy(b.Buf, c.rest)
}

// read reads some bytes into p and notes the end of the stream.
func (c *cutter) read(p []byte) int {
	if len(c.back) > 0 {
		n := copy(p, c.back)
		c.back = c.back[n:]
		return n
	}
	n, err := io.ReadAtLeast(c.r, p, 1)
	switch {
	case errors.Is(err, io.EOF):
		c.eof = true
	case err != nil:
		c.err = &ReadError{Offset: c.at.Offset, Err: err}
	}
	return n
}

// scan cuts what it can of buf[pos:] and returns the position of the first byte not cut, and whether more bytes are
// needed to go on.
func (c *cutter) scan(b *Batch, buf []byte, pos, limit int) (int, bool) {
	for len(b.Records)+len(b.Bad) < limit {
		var n int
		var ok bool
		if c.cut.Shape == JSONArray {
			n, ok = c.element(b, buf[pos:])
		} else {
			n, ok = c.line(b, buf[pos:])
		}
		pos += n
		if !ok {
			return pos, !c.eof
		}
	}
	return pos, false
}

// record takes over one record; the header and what lies before a resumed position are left out.
func (c *cutter) record(b *Batch, at Position, bytes []byte) {
	if c.drop > 0 {
		c.drop--
		return
	}
	if at.Offset >= c.from {
		b.Records = append(b.Records, Record{Line: at.Line, Offset: at.Offset, Bytes: bytes})
	}
}

// bad takes over bytes that are no record.
func (c *cutter) bad(b *Batch, at Position, raw []byte, reason string) {
	if at.Offset >= c.from {
		raw = raw[:min(len(raw), maxRaw)]
		b.Bad = append(b.Bad, BadRecord{Line: at.Line, Offset: at.Offset, Raw: raw, Reject: &Reject{Reason: reason}})
	}
}

// skipTo goes to a position between records of the same part.
func (c *cutter) skipTo(to Position) error {
	if to.Offset <= c.at.Offset {
		return nil
	}
	c.drop = 0
	if c.cut.Shape == JSONArray {
		c.from = to.Offset
		return nil
	}
	n := to.Offset - c.at.Offset
	c.at = to
	if c.small {
		c.whole = c.whole[min(n, int64(len(c.whole))):]
		return nil
	}
	k := min(n, int64(len(c.back)))
	c.back = c.back[k:]
	if _, err := io.CopyN(io.Discard, c.r, n-k); err != nil && !errors.Is(err, io.EOF) {
		return &ReadError{Offset: c.at.Offset, Err: err}
	}
	return nil
}
