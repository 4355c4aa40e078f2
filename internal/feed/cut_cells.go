package feed

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Reasons why a record does not part into cells.
const (
	reasonOpenQuote  = "unbalanced quote: a quoted cell has no end"
	reasonAfterQuote = "text after a closing quote: a separator was expected"
)

// Cells parts a CSV record into its cells, unquoted and with doubled quotes undone. cells and buf are reused; the cells
// lie in record or in buf. A quote inside a cell that does not begin with one is an ordinary character. The reason is
// empty where all is well.
func (c Cut) Cells(record []byte, cells [][]byte, buf []byte) (out [][]byte, rest []byte, reason string) {
	cells = cells[:0]
	if c.Runs {
		for start := 0; start < len(record); start++ {
			if record[start] == c.Delimiter || record[start] == '\t' {
				continue
			}
			end := start
			for end < len(record) && record[end] != c.Delimiter && record[end] != '\t' {
				end++
			}
			cells = append(cells, record[start:end])
			start = end
		}
		return cells, buf, ""
	}
	if c.Quote == NoQuote || bytes.IndexByte(record, c.Quote) < 0 {
		return plainCells(record, c.Delimiter, cells), buf, ""
	}
	for {
		var cell []byte
		if len(record) > 0 && record[0] == c.Quote {
			if cell, record, buf, reason = c.quotedCell(record, buf); reason != "" {
				return cells, buf, reason
			}
			cells = append(cells, cell)
			if len(record) == 0 {
				return cells, buf, ""
			}
			record = record[1:]
			continue
		}
		end := bytes.IndexByte(record, c.Delimiter)
		if end < 0 {
			return append(cells, record), buf, ""
		}
		cells = append(cells, record[:end])
		record = record[end+1:]
	}
}

// quotedCell takes the cell at the start of record, which begins with a quote, and returns what follows from the
// delimiter on. Blanks behind the closing quote are no text.
func (c Cut) quotedCell(record, buf []byte) (cell, rest, buffer []byte, reason string) {
	end := bytes.IndexByte(record[1:], c.Quote)
	if end < 0 {
		return nil, nil, buf, reasonOpenQuote
	}
	cell, rest = record[1:end+1], record[end+2:]
	if len(rest) == 0 || rest[0] == c.Delimiter {
		return cell, rest, buf, ""
	}
	start := len(buf)
	buf = append(buf, cell...)
	for len(rest) > 0 && rest[0] == c.Quote {
		end = bytes.IndexByte(rest[1:], c.Quote)
		if end < 0 {
			return nil, nil, buf[:start], reasonOpenQuote
		}
		buf = append(buf, rest[:end+1]...)
		rest = rest[end+2:]
	}
	for len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0] != c.Delimiter {
		return nil, nil, buf[:start], reasonAfterQuote
	}
	return buf[start:len(buf):len(buf)], rest, buf, ""
}

// plainCells parts a record without quotes, eight bytes at a time.
func plainCells(record []byte, delimiter byte, cells [][]byte) [][]byte {
	const low, high = 0x7f7f7f7f7f7f7f7f, 0x8080808080808080
	pattern := uint64(delimiter) * 0x0101010101010101
	start, i := 0, 0
	for ; i+8 <= len(record); i += 8 {
		x := binary.LittleEndian.Uint64(record[i:]) ^ pattern
		for hit := ^((x&low + low) | x | low) & high; hit != 0; hit &= hit - 1 {
			at := i + bits.TrailingZeros64(hit)>>3
			cells = append(cells, record[start:at])
			start = at + 1
		}
	}
	for ; i < len(record); i++ {
		if record[i] == delimiter {
			cells = append(cells, record[start:i])
			start = i + 1
		}
	}
	return append(cells, record[start:])
}
