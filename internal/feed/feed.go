// Package feed turns the bytes of a signal into rows that the fold can count and events that people can read.
//
// It owns what every format shares: packs, limits, the cutting of a stream into records, the conversions of cells.
// Its sub-packages know one family of formats each. Pure: bytes in, values out, no I/O but the reader handed in.
package feed

import (
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/marking"
)

// Record is one record of a signal as cut from its stream: a CSV record, a JSON line, a list line.
type Record struct {
	Line   int64  // of its first line in the part, from 1; in a JSON array the number of the element
	Offset int64  // of its first byte in the part
	Bytes  []byte // without the line end; valid until the batch is released
}

// Row is what the fold needs of one record.
type Row struct {
	Key      finding.Key
	At       int64          // the observation's instant, microseconds UTC; 0 where the source gives none
	Severity event.Severity // the feed's own
	Gone     bool           // a re-check that shows the problem gone (status: offline)
	Source   string         // of packs that carry many: who saw it; empty where the record does not say
	Mark     marking.Mark   // the source's own of this event; the zero value where it gives none
}

// Reject says why a record became no event. It is an error.
type Reject struct {
	Field  string // IntelMQ field or column; empty where the record as a whole is unreadable
	Reason string // what was found and what was expected
}

func (r *Reject) Error() string {
	if r.Field == "" {
		return r.Reason
	}
	return r.Field + ": " + r.Reason
}

// OutOfRemit marks a record whose class is about speech or violence, or whose possession is an offence: it is counted
// and not kept.
type OutOfRemit struct{ Class string }

func (o *OutOfRemit) Error() string { return "class " + o.Class + " is outside the remit" }

// Decoder reads the records of one part of a signal. It is made once per part, after the header is known, and is
// safe for use by several goroutines at once.
type Decoder interface {
	// Row reads what the fold needs. The error is a *Reject or an *OutOfRemit. For every record Row and Event must
	// agree: the same error or none, and Row's key equal to finding.Identify(Event's event).Key(). Beside an error the
	// row has its source where that can be read.
	Row(rec Record, scratch *Scratch) (Row, error)
	// Event reads the whole record.
	Event(rec Record) (event.Event, error)
}

// Scratch is one goroutine's reusable memory for Decoder.Row.
type Scratch struct {
	Cells [][]byte
	Buf   []byte

	texts map[string]string
}

// Text returns b as a string, the same one for the same bytes.
func (s *Scratch) Text(b []byte) string {
	if t, ok := s.texts[string(b)]; ok {
		return t
	}
	if s.texts == nil || len(s.texts) >= 4*MaxSources {
		s.texts = map[string]string{}
	}
	t := string(b)
	s.texts[t] = t
	return t
}

// Drift is a difference between the columns a pack expects and those a signal has.
type Drift struct {
	New  []string // in the signal, unknown to the pack; kept under extra.
	Lost []string // optional columns that the pack knows and the signal lacks
}

// Mapped is one step from a cell of a record to a field of its event, as a person reads it.
type Mapped struct {
	Column   string // the cell's name
	Field    string // of the event
	Convert  string // how the text is read; empty: by the field's own rule
	Required bool   // without a value the record is rejected
	Kept     bool   // no rule of the pack reads the cell: it is kept as it came
}

// Opened is the start of one part: everything known before its first data record.
type Opened struct {
	Stream  string   // the report type or table name: what has a rhythm of its own ("scan_http")
	Part    string   // which of several files of one report this is ("net1"): each has a rhythm of its own
	Sourced bool     // the rows say which source each of them comes from: each has a rhythm of its own
	Decoder Decoder  // reads the records that follow
	Split   Split    // takes records apart that name several assets, before the Decoder; nil where each names one
	Drift   Drift    // what changed against the pack
	Columns []string // as in the header; nil for formats without
	Mapping []Mapped // which cell becomes which field; nil for formats whose records name the fields themselves
	Absence int      // cycles of absence that count as evidence of a fix; 0 takes the class's
	Header  int      // how many leading records Open consumed (the header line, comments)
	Delimit byte     // what parts the cells of a table that says so itself; 0: what Format.Cut has
}
