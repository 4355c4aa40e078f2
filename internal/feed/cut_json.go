package feed

import (
	"bytes"
	"strings"
)

// jsonState walks JSON documents to the arrays that hold the records. Its memory does not grow with the document: the
// stack holds only the containers on the path, everything else is passed over by counting brackets.
type jsonState struct {
	path  []string
	stack []jsonFrame
	named bool      // a name was read: its value comes next
	match int       // of that value: names of path found on the way to it; -1 is off the path
	pass  *jsonScan // a value is being passed over
	dead  bool      // the document is broken: nothing more comes
}

type jsonFrame struct {
	close byte
	match int
}

// jsonScan is the state of reading one value without understanding it.
type jsonScan struct {
	depth           int
	quoted, escaped bool
	scalar          bool
}

// Reasons of broken documents.
const (
	reasonBroken    = "not JSON from here on: the rest of the document is left out"
	reasonTruncated = "the document ends inside a value"
	reasonUnclosed  = "the document ends before its last bracket"
)

func (j *jsonState) start(items string) {
	if items != "" {
		j.path = strings.Split(items, ".")
	}
}

// child returns the match of a value called name (empty in an array) in a container of this match.
func (j *jsonState) child(match int, name []byte) int {
	if match < 0 || match >= len(j.path) || j.path[match] != "*" && j.path[match] != string(name) {
		return -1
	}
	return match + 1
}

// element takes one step: a bracket, a name, a value passed over or a record. It returns how many bytes are done with
// and false where more bytes are needed.
func (c *cutter) element(b *Batch, buf []byte) (int, bool) {
	j := &c.json
	if j.dead {
		c.advance(buf)
		return len(buf), false
	}
	if j.pass != nil {
		n, done := j.pass.scan(buf)
		c.advance(buf[:n])
		if done {
			j.pass = nil
		} else if c.eof {
			c.broken(b, nil, reasonTruncated)
		}
		return n, done
	}
	space := 0
	for space < len(buf) && (buf[space] <= ' ' || buf[space] == ',' && !j.named || buf[space] == ':' && j.named) {
		space++
	}
	c.advance(buf[:space])
	buf = buf[space:]
	if len(buf) == 0 {
		if c.eof && (len(j.stack) > 0 || j.named) {
			c.broken(b, nil, reasonUnclosed)
		}
		return space, false
	}
	n, ok := c.token(b, buf)
	return space + n, ok
}

// token reads what stands at the start of buf, which is no space.
func (c *cutter) token(b *Batch, buf []byte) (int, bool) {
	j := &c.json
	match, isRecord := 0, false
	if j.named {
		match = j.match
	} else if len(j.stack) > 0 {
		top := j.stack[len(j.stack)-1]
		switch {
		case buf[0] == top.close:
			j.stack = j.stack[:len(j.stack)-1]
			c.advance(buf[:1])
			return 1, true
		case top.close == '}':
			return c.name(b, buf, top.match)
		}
		isRecord = top.match == len(j.path)
		match = j.child(top.match, nil)
	}
	switch {
	case isRecord || match == len(j.path) && buf[0] != '[':
		return c.value(b, buf, true)
	case match >= 0 && (buf[0] == '[' || buf[0] == '{'):
		j.stack = append(j.stack, jsonFrame{close: buf[0] + 2, match: match})
		j.named = false
		c.advance(buf[:1])
		return 1, true
	}
	return c.value(b, buf, false)
}

// name reads a member's name.
func (c *cutter) name(b *Batch, buf []byte, match int) (int, bool) {
	var s jsonScan
	n, done := s.scan(buf)
	switch {
	case buf[0] != '"', !done && (c.eof || len(buf) > MaxRecord):
		return c.broken(b, buf, reasonBroken), true
	case !done:
		return 0, false
	}
	c.json.named = true
	c.json.match = c.json.child(match, buf[1:n-1])
	c.advance(buf[:n])
	return n, true
}

// value reads a value: a record, or one to pass over.
func (c *cutter) value(b *Batch, buf []byte, isRecord bool) (int, bool) {
	if bytes.IndexByte([]byte("{[\"-0123456789tfn"), buf[0]) < 0 {
		return c.broken(b, buf, reasonBroken), true
	}
	j := &c.json
	var s jsonScan
	n, done := s.scan(buf)
	if !done && s.scalar && c.eof {
		done = true
	}
	switch {
	case !done && isRecord && len(buf) <= MaxRecord && !c.eof:
		return 0, false
	case !done && c.eof:
		return c.broken(b, buf, reasonTruncated), true
	case n > MaxRecord && isRecord:
		c.bad(b, c.at, bytes.Clone(buf[:maxRaw]), reasonLong)
		c.at.Line++
	case done && isRecord:
		c.record(b, c.at, buf[:n])
		c.at.Line++
	}
	j.named = false
	if !done {
		j.pass = &s
	}
	c.advance(buf[:n])
	return n, true
}

// broken gives the rest of the document up and returns the length of buf.
func (c *cutter) broken(b *Batch, buf []byte, reason string) int {
	c.bad(b, c.at, bytes.Clone(buf[:min(len(buf), maxRaw)]), reason)
	c.json.dead = true
	c.at.Line++
	c.advance(buf)
	if len(buf) == 0 {
		c.at.Offset++ // past the end, so that who goes on from here does not hear of it again
	}
	return len(buf)
}

// advance moves the position over bytes that are done with. Lines say nothing in a document that may have one only:
// Position.Line is the number of the element.
func (c *cutter) advance(done []byte) { c.at.Offset += int64(len(done)) }

// scan reads on in a value and returns how many bytes belong to it, and true at its end.
func (s *jsonScan) scan(buf []byte) (int, bool) {
	for i, ch := range buf {
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted:
			s.escaped = ch == '\\'
			s.quoted = ch != '"'
			if !s.quoted && s.depth == 0 {
				return i + 1, true
			}
		case s.scalar && (ch <= ' ' || ch == ',' || ch == ']' || ch == '}'):
			return i, true
		case s.scalar:
		case ch == '"':
			s.quoted = true
		case ch == '{' || ch == '[':
			s.depth++
		case ch == '}' || ch == ']':
			s.depth--
			if s.depth <= 0 {
				return i + 1, true
			}
		case s.depth == 0:
			s.scalar = true
		}
	}
	return len(buf), false
}
