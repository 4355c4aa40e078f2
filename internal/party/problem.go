package party

import (
	"fmt"
	"strings"

	"tocsin/internal/fault"
)

// Problem is one thing wrong with what was handed in.
type Problem struct {
	Line  int    // of the file, from 1; 0 where there is none
	Field string // column, key or attribute: "resource", "contacts.mail"
	Text  string // what is wrong and what was expected
}

func (p Problem) String() string {
	switch {
	case p.Line > 0 && p.Field != "":
		return fmt.Sprintf("line %d, %s: %s", p.Line, p.Field, p.Text)
	case p.Line > 0:
		return fmt.Sprintf("line %d: %s", p.Line, p.Text)
	case p.Field != "":
		return p.Field + ": " + p.Text
	}
	return p.Text
}

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
	p.List = append(p.List, Problem{Line: line, Field: field, Text: fmt.Sprintf(format, args...)})
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

func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.List)+1)
	for _, q := range p.List {
		lines = append(lines, q.String())
	}
	if p.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", p.More))
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is find the kind and fault.Message the text.
func (p *Problems) Unwrap() error {
	kind := p.kind
	if kind == nil {
		kind = fault.Invalid
	}
	return fault.New(kind, "%s", p.Error())
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
