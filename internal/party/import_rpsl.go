package party

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/fault"
)

// attribute is one line of an RPSL object with its continuations (RFC 2622, section 2).
type attribute struct {
	name, value string
	line        int
}

// object is one RPSL object. Its first attribute names its class.
type object []attribute

func (o object) class() string { return o[0].name }
func (o object) value() string { return o[0].value }
func (o object) line() int     { return o[0].line }

// first returns the first attribute of that name; the zero attribute where there is none.
func (o object) first(name string) attribute {
	for _, a := range o {
		if a.name == name {
			return a
		}
	}
	return attribute{}
}

// all returns the values of every attribute of that name; lists with commas are split.
func (o object) all(name string) []string {
	var out []string
	for _, a := range o {
		if a.name != name {
			continue
		}
		for v := range strings.SplitSeq(a.value, ",") {
			if v = strings.TrimSpace(v); v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// rpslClasses are the classes of object that say something about parties, and the attributes that are read of each.
// Everything else in a registry's text is passed over.
var (
	claimAttributes = []string{
		"netname", "as-name", "descr", "org", "country", "abuse-c", "admin-c", "tech-c", "mnt-irt",
		"mnt-by", "origin", "created", "last-modified", "changed", "status",
	}
	contactAttributes = []string{
		"nic-hdl", "e-mail", "abuse-mailbox", "abuse-c", "admin-c", "tech-c", "mnt-irt", "org-name", "org-type",
		"country", "upd-to", "mnt-ref",
	}
	rpslClasses = map[string][]string{
		"inetnum": claimAttributes, "inet6num": claimAttributes, "aut-num": claimAttributes,
		"route": claimAttributes, "route6": claimAttributes,
		"organisation": contactAttributes, "role": contactAttributes, "person": contactAttributes,
		"irt": contactAttributes, "mntner": contactAttributes,
	}
)

// rpslReader cuts text into objects.
type rpslReader struct {
	in   *bufio.Reader
	line int
	read int64
}

func newRPSLReader(r io.Reader) *rpslReader {
	return &rpslReader{in: bufio.NewReaderSize(r, maxRPSLLine)}
}

// next returns the next line without its end, in UTF-8; io.EOF behind the last.
func (r *rpslReader) next() (string, error) {
	b, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", tooLarge(r.line+1, "is longer than %d bytes", maxRPSLLine)
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(b) == 0) {
		return "", err
	}
	r.line++
	if r.read += int64(len(b)); r.read > maxRPSLBytes {
		return "", tooLarge(r.line, "the file is larger than %d bytes; split it", int64(maxRPSLBytes))
	}
	if r.line == 1 {
		if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
			return "", fault.New(fault.Invalid, "the file is UTF-16; save it as UTF-8")
		}
		b = bytes.TrimPrefix(b, []byte("\ufeff"))
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return "", fault.New(fault.Invalid, "line %d has a zero byte; the file is not text", r.line)
	}
	b = bytes.TrimRight(b, "\r\n")
	if utf8.Valid(b) {
		return string(b), nil
	}
	latin := make([]rune, len(b)) // what registries wrote before they wrote UTF-8
	for i, c := range b {
		latin[i] = rune(c)
	}
	return string(latin), nil
}

// objects calls f for every object of a class that matters. What is wrong with the form goes to d.
func (r *rpslReader) objects(d *draft, f func(object)) error {
	var o object
	var keep []string // attributes that are read of this object
	inside, last, n, long := false, false, 0, 0
	flush := func() {
		if len(o) > 0 {
			f(o)
		}
		o, keep, inside, last, long = nil, nil, false, false, 0
	}
	for {
		text, err := r.next()
		if errors.Is(err, io.EOF) {
			flush()
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case strings.TrimSpace(text) == "":
			flush()
			continue
		case text[0] == '%' || text[0] == '#':
			continue
		case text[0] == ' ' || text[0] == '\t' || text[0] == '+':
			if last {
				a := &o[len(o)-1]
				a.value = strings.TrimSpace(a.value + " " + uncomment(text[1:]))
			}
			if !inside {
				d.add(r.line, "", "continues an attribute, but there is none above it")
			}
		default:
			name, value, ok := strings.Cut(text, ":")
			name = strings.ToLower(strings.TrimSpace(name))
			if !ok || name == "" || strings.ContainsAny(name, " \t") {
				d.add(r.line, "", "%q is not an attribute such as \"inetnum: 192.0.2.0 - 192.0.2.255\"", clip(text))
				last, inside = false, true
				break
			}
			if !inside {
				if n++; n > maxRPSLObjects {
					return tooLarge(r.line, "more than %d objects; split the file", maxRPSLObjects)
				}
				keep = rpslClasses[name]
				last = keep != nil
			} else {
				last = slices.Contains(keep, name)
			}
			inside = true
			if last {
				o = append(o, attribute{name, uncomment(value), r.line})
			}
		}
		if long++; long > maxRPSLObject {
			return tooLarge(r.line, "an object of more than %d lines", maxRPSLObject)
		}
		if d.full() {
			return nil
		}
	}
}

// uncomment cuts what follows '#', turns control characters into spaces and leaves one space between words.
func uncomment(s string) string {
	s, _, _ = strings.Cut(s, "#")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
