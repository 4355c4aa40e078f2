package feed

import (
	"fmt"

	"tocsin/internal/event"
)

// cellDecoder reads CSV records by a mapping.
type cellDecoder struct {
	mapping *Mapping
	cut     Cut
	cells   int
}

// Decoder returns a Decoder of CSV records cut as cut says. A record with more or fewer cells than there are columns
// is rejected, but for surplus ones that belong to the one column whose text may hold separators.
func (m *Mapping) Decoder(cut Cut) Decoder {
	if cut.Delimiter == 0 {
		cut.Delimiter = ','
	}
	if cut.Quote == 0 {
		cut.Quote = '"'
	}
	return &cellDecoder{mapping: m, cut: cut, cells: len(m.columns)}
}

func (d *cellDecoder) Row(rec Record, s *Scratch) (Row, error) {
	cells, buf, reason := d.cut.Cells(rec.Bytes, s.Cells, s.Buf[:0])
	cells = d.settle(rec.Bytes, cells)
	s.Cells, s.Buf = cells, buf
	if err := d.fits(len(cells), reason); err != nil {
		return Row{}, err
	}
	row, buf, err := d.mapping.Row(cells, buf)
	s.Buf = buf
	return row, err
}

func (d *cellDecoder) Event(rec Record) (event.Event, error) {
	cells, _, reason := d.cut.Cells(rec.Bytes, make([][]byte, 0, d.cells), nil)
	cells = d.settle(rec.Bytes, cells)
	if err := d.fits(len(cells), reason); err != nil {
		return event.Event{}, err
	}
	return d.mapping.Event(cells)
}

// settle gives surplus separators to the column whose text may hold them: what lies before it is counted from the left, what lies
// behind it from the right. Such a table has no quotes, so that the cells lie in the record one after the other.
func (d *cellDecoder) settle(record []byte, cells [][]byte) [][]byte {
	more, at := len(cells)-d.cells, d.mapping.text
	if at < 0 || more <= 0 {
		return cells
	}
	start := 0
	for _, c := range cells[:at] {
		start += len(c) + 1
	}
	end := start - 1
	for _, c := range cells[at : at+more+1] {
		end += len(c) + 1
	}
	cells[at] = record[start:end]
	return append(cells[:at+1], cells[at+more+1:]...)
}

func (d *cellDecoder) fits(cells int, reason string) error {
	switch {
	case reason != "":
		return &Reject{Reason: reason}
	case cells != d.cells:
		return &Reject{Reason: fmt.Sprintf("%d cells where the header has %d", cells, d.cells)}
	}
	return nil
}
