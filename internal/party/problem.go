package party

import (
	"cmp"
	"strings"

	"tocsin/internal/fault"
)

// Problem is one thing wrong with what was handed in.
type Problem struct {
	Line  int    // of the file, from 1; 0 where there is none
	Field string // column, key or attribute: "resource", "contacts.mail"
	Said  error  // what is wrong and what was expected
}

// fault is the problem with its place, of a kind.
func (p Problem) fault(kind error) error {
	switch {
	case p.Line > 0 && p.Field != "":
		return fault.New(kind, "line %d, %s: %v", p.Line, p.Field, p.Said)
	case p.Line > 0:
		return fault.New(kind, "line %d: %v", p.Line, p.Said)
	case p.Field != "":
		return fault.New(kind, "%s: %v", p.Field, p.Said)
	}
	return fault.New(kind, "%v", p.Said)
}

func (p Problem) String() string { return p.fault(fault.Invalid).Error() }

// maxProblems is how many problems are listed; the rest are counted.
const maxProblems = 100

// Problems is everything wrong with what was handed in: a fault.Invalid (or fault.TooLarge) error whose text may be
// shown to people.
type Problems struct {
	List []Problem
	More int // further ones that are not listed
	kind error
}

func (p *Problems) add(line int, field, format string, args ...any) {
	if len(p.List) >= maxProblems {
		p.More++
		return
	}
	p.List = append(p.List, Problem{Line: line, Field: field, Said: fault.New(fault.Invalid, format, args...)})
}

// full reports whether looking further cannot list more.
func (p *Problems) full() bool { return len(p.List) >= maxProblems }

// err returns p as an error, nil where there is no problem.
func (p *Problems) err() error {
	if len(p.List) == 0 {
		return nil
	}
	return p
}

// tooLarge returns the error of an input beyond a limit; nothing else is said about such an input.
func tooLarge(line int, format string, args ...any) error {
	p := &Problems{kind: fault.TooLarge}
	p.add(line, "", format, args...)
	return p
}

func (p *Problems) Error() string { return p.Unwrap().Error() }

// Unwrap lets errors.Is find the kind and fault.Message the text.
func (p *Problems) Unwrap() error {
	kind := cmp.Or(p.kind, fault.Invalid)
	lines := make([]error, 0, len(p.List)+1)
	for _, q := range p.List {
		lines = append(lines, q.fault(kind))
	}
	if p.More > 0 {
		lines = append(lines, fault.New(kind, "and %d more", p.More))
	}
	return fault.Lines(kind, lines...)
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
