package intelmq

import (
	"bytes"
	"unicode/utf8"

	"tocsin/internal/event"
)

// scan walks a flat JSON object and notes the values of the fields that matter. False where the text is not plainly
// such an object: escapes in names or in values that matter, nesting, a field twice, an unknown name, bad JSON.
func scan(line []byte, got *[slots][]byte) bool {
	b := blank(line)
	if len(b) < 2 || b[0] != '{' {
		return false
	}
	b = blank(b[1:])
	if len(b) > 0 && b[0] == '}' {
		return len(blank(b[1:])) == 0
	}
	for {
		name, rest, plain := text(b)
		if rest == nil || !plain {
			return false
		}
		at, ok := field(name)
		rest = blank(rest)
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return false
		}
		if b, ok = value(blank(rest[1:]), at, got); !ok {
			return false
		}
		b = blank(b)
		if len(b) == 0 {
			return false
		}
		switch b[0] {
		case ',':
			b = blank(b[1:])
		case '}':
			return len(blank(b[1:])) == 0
		default:
			return false
		}
	}
}

// field finds the slot of a name; false for names that are no field, or need the long way.
func field(name []byte) (slot, bool) {
	if at, ok := slotOf[string(name)]; ok {
		return at, true
	}
	key, ok := bytes.CutPrefix(name, []byte("extra."))
	return other, ok && len(key) > 0 && len(key) <= 200 && utf8.Valid(key) && string(name) != "extra.tocsin_notes"
}

// value reads one scalar and returns what follows it.
func value(b []byte, at slot, got *[slots][]byte) ([]byte, bool) {
	if len(b) == 0 {
		return nil, false
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if len(b) >= len(word) && string(b[:len(word)]) == word {
			return b[len(word):], at == other || word == "null"
		}
	}
	if b[0] != '"' {
		digits, rest, whole := number(b)
		switch {
		case rest == nil:
			return nil, false
		case at == sourcePort && whole && len(digits) <= 5 && got[at] == nil:
			got[at] = digits
		case at != other:
			return nil, false
		}
		return rest, true
	}
	s, rest, plain := text(b)
	switch {
	case rest == nil:
		return nil, false
	case at == other:
		return rest, true
	case at == sourcePort || !plain || got[at] != nil || !proper(s) || event.Placeholder(s):
		return nil, false
	case len(s) > 0:
		got[at] = s
	}
	return rest, true
}

// proper reports whether a text is printable ASCII without blanks at its ends.
func proper(s []byte) bool {
	for _, c := range s {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(s) == 0 || s[0] != ' ' && s[len(s)-1] != ' '
}

// text reads a JSON string; plain is false where it has escapes. A nil rest: no string.
func text(b []byte) (s, rest []byte, plain bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	plain = true
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[1:i], b[i+1:], plain
		case c < ' ':
			return nil, nil, false
		case c == '\\':
			plain = false
			n := escape(b[i:])
			if n == 0 {
				return nil, nil, false
			}
			i += n - 1
		}
	}
	return nil, nil, false
}

// escape returns the length of the escape at the start of b, or 0.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// number reads a JSON number; whole is true where it is digits only. A nil rest: no number.
func number(b []byte) (digits, rest []byte, whole bool) {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == start || b[start] == '0' && i > start+1 {
		return nil, nil, false
	}
	whole = start == 0
	if i < len(b) && b[i] == '.' {
		from := i + 1
		for i = from; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		}
		if whole = false; i == from {
			return nil, nil, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from := i
		for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		}
		if whole = false; i == from {
			return nil, nil, false
		}
	}
	return b[:i], b[i:], whole
}

func blank(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}
