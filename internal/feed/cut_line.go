package feed

import (
	"bytes"
	"errors"
)

// Limits of a CSV record that spans lines.
const (
	maxQuoted      = 64 << 10
	maxQuotedLines = 100
)

// line cuts one line, or a CSV record whose quotes span lines, from the start of buf. It returns how many bytes are
// done with, and false where more bytes are needed.
func (c *cutter) line(b *Batch, buf []byte) (int, bool) {
	end := bytes.IndexByte(buf, c.eol)
	if end < 0 {
		switch {
		case c.eof && len(buf) == 0:
			return 0, false
		case c.eof:
			end = len(buf)
		case len(buf) > MaxRecord:
			return c.longLine(b, buf), true
		default:
			return 0, false
		}
	}
	line, lines, why := buf[:end], int64(1), ""
	if len(line) > MaxRecord {
		why = reasonLong
	} else if c.cut.Shape == CSV && c.cut.Quote != NoQuote && bytes.Count(line, []byte{c.cut.Quote})%2 == 1 && !c.comment(line) {
		n, k, closed := c.quoted(buf)
		c.looked += int64(max(n, len(line)))
		switch {
		case closed:
			end, lines = n, k
			line = buf[:end]
		case n < 0:
			return 0, false
		default:
			why = reasonUnbalanced
		}
	}
	at, done := c.at, min(end+1, len(buf))
	c.at.Offset += int64(done)
	c.at.Line += lines
	line = c.trim(line)
	switch {
	case why != "":
		c.bad(b, at, line, why)
	case !c.empty(line) && !c.comment(line):
		c.record(b, at, line)
	}
	return done, true
}

// quoted follows the quotes of a record that does not end with its first line. It returns the record's length and
// number of lines; a length of -1 asks for more bytes; false says that the record does not close.
func (c *cutter) quoted(buf []byte) (int, int64, bool) {
	const (
		fresh  = iota // at the start of a cell
		plain         // in an unquoted cell
		inside        // between quotes
		closed        // behind the closing quote: the cell has ended
	)
	state, lines := fresh, int64(1)
	for i := 0; i < len(buf); i++ {
		ch := buf[i]
		switch {
		case state == inside:
			if i > maxQuoted || lines > maxQuotedLines {
				return i, 0, false
			}
			switch ch {
			case c.cut.Quote:
				if i+1 < len(buf) && buf[i+1] == c.cut.Quote {
					i++
				} else {
					state = closed
				}
			case c.eol:
				lines++
			}
		case ch == c.eol:
			return i, lines, true
		case ch == c.cut.Delimiter:
			state = fresh
		case state == closed && ch != '\r':
			return i, 0, false // what closed here was the quote of a later row: this one never did
		case state == fresh && ch == c.cut.Quote:
			state = inside
		default:
			state = plain
		}
	}
	if !c.eof {
		return -1, 0, false
	}
	return len(buf), lines, state != inside
}

var errLongLine = errors.New("a line is longer than 1 GiB: the rest is not read")

// longLine leaves out a line that is over the limit, in constant memory. buf holds its beginning.
func (c *cutter) longLine(b *Batch, buf []byte) int {
	at := c.at
	raw := bytes.Clone(buf[:maxRaw])
	c.at.Offset += int64(len(buf))
	c.at.Line++
	step := make([]byte, readStep)
	for c.err == nil && !c.eof {
		n := c.read(step)
		if i := bytes.IndexByte(step[:n], c.eol); i >= 0 {
			c.at.Offset += int64(i + 1)
			c.back = append(bytes.Clone(step[i+1:n]), c.back...)
			break
		}
		c.at.Offset += int64(n)
		if c.at.Offset-at.Offset > MaxLine+MaxBatch {
			c.err = &ReadError{Offset: at.Offset, Err: errLongLine}
		}
	}
	c.bad(b, at, raw, reasonLong)
	return len(buf)
}

func (c *cutter) comment(line []byte) bool {
	return c.cut.Comment != "" && len(line) >= len(c.cut.Comment) && string(line[:len(c.cut.Comment)]) == c.cut.Comment
}

// trim takes the CR of a CRLF away.
func (c *cutter) trim(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' && c.eol == '\n' {
		return line[:n-1]
	}
	return line
}

// empty reports whether a line holds nothing, or is a row of a table without one cell that is filled: spreadsheets write those
// behind the last row.
func (c *cutter) empty(line []byte) bool {
	for _, ch := range line {
		if ch != ' ' && ch != '\r' && !(c.cut.Shape == CSV && ch == c.cut.Delimiter) {
			return false
		}
	}
	return true
}
