package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/internal/fault"
)

// notesKey is the key that holds the notes in the JSON form.
const notesKey = "extra.tocsin_notes"

// maxDepth bounds nested JSON.
const maxDepth = 64

// Encode appends the event as one line of IntelMQ JSON without its line end: flat, keys sorted, notes as an array
// under extra.tocsin_notes. The error names the field whose value is none that Set would store.
func (e Event) Encode(dst []byte) ([]byte, error) {
	names := make([]string, 0, len(e.Fields)+1)
	for n := range e.Fields {
		if n != notesKey || len(e.Notes) == 0 {
			names = append(names, n)
		}
	}
	if len(e.Notes) > 0 {
		names = append(names, notesKey)
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for i, n := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, n)
		dst = append(dst, ':')
		if n == notesKey && len(e.Notes) > 0 {
			dst = appendNotes(dst, e.Notes)
			continue
		}
		var err error
		if dst, err = appendValue(dst, e.Fields[n], 1); err != nil {
			return nil, fault.New(fault.Invalid, "%s: %v", n, err)
		}
	}
	return append(dst, '}'), nil
}

func appendNotes(dst []byte, notes []Note) []byte {
	dst = append(dst, '[')
	for i, n := range notes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"field":`...), n.Field)
		dst = appendString(append(dst, `,"raw":`...), n.Raw)
		dst = append(appendString(append(dst, `,"reason":`...), n.Reason), '}')
	}
	return append(dst, ']')
}

func appendValue(dst []byte, value any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errors.New("JSON nested deeper than 64")
	}
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendString(dst, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		return appendFloat(dst, v)
	case json.Number:
		return append(dst, v...), nil
	case []any:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendValue(dst, x, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		return appendObject(dst, v, depth)
	}
	return nil, errors.New("the value is of no kind that JSON has")
}

func appendObject(dst []byte, m map[string]any, depth int) ([]byte, error) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, k), ':')
		var err error
		if dst, err = appendValue(dst, m[k], depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendFloat keeps a float a float: a whole one gets ".0".
func appendFloat(dst []byte, x float64) ([]byte, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, errors.New("JSON has no such number")
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, x, 'g', -1, 64)
	if !bytes.ContainsAny(dst[n:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst, nil
}

// appendString appends s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 || r == '\u2028' || r == '\u2029' {
				dst = append(dst, s[start:i]...)
				dst = append(dst, `\u`...)
				dst = append(dst, hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
				start = i + n
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// Decode reads one line of IntelMQ JSON: flat keys, nested objects as its hierarchical output writes them, extra as
// flat keys, an object or an object in a string. "__type" is left out and nulls are absent. A field whose value breaks
// its rule has no field but a note, except the class: its error, fault.Invalid or *OutOfRemit, is the line's.
// A key that is no field is fault.Invalid.
func Decode(line []byte) (Event, error) {
	var e Event
	if Depth(line) > maxDepth {
		return e, fault.New(fault.Invalid, "JSON nested deeper than %d", maxDepth)
	}
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		return e, fault.New(fault.Invalid, "not a JSON object: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return e, fault.New(fault.Invalid, "more than one JSON value on the line")
	}
	flat := map[string]any{}
	flatten(flat, "", m)
	if notes, ok := flat[notesKey]; ok && e.takeNotes(notes) {
		delete(flat, notesKey)
	}
	names := make([]string, 0, len(flat))
	for n := range flat {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if err := e.take(n, flat[n]); err != nil {
			return e, err
		}
	}
	return e, nil
}

// flatten joins the names of nested objects with dots, but for the values under extra and of kind JSON.
func flatten(flat map[string]any, prefix string, m map[string]any) {
	for k, v := range m {
		name := prefix + k
		if s, ok := v.(string); ok && name == "extra" {
			if inner, err := jsonValue(s); err == nil {
				v = inner
			}
		}
		inner, object := v.(map[string]any)
		if object && name != "output" && !strings.HasPrefix(prefix, "extra.") && !strings.HasPrefix(k, "extra.") {
			flatten(flat, name+".", inner)
			continue
		}
		flat[name] = v
	}
}

func (e *Event) take(name string, v any) error {
	if v == nil || name == "__type" {
		return nil
	}
	f, err := FieldOf(name)
	if err != nil {
		return err
	}
	if n, ok := v.(json.Number); ok {
		v = number(n)
	}
	err = e.Set(name, v)
	if err != nil && f.Kind == ClassType {
		return err
	}
	if err != nil {
		raw, _ := appendValue(nil, v, 1)
		e.Unread(name, strings.Trim(string(raw), `"`), err.Error())
	}
	return nil
}

// takeNotes reads notes written by Encode.
func (e *Event) takeNotes(v any) bool {
	list, ok := v.([]any)
	if !ok {
		return false
	}
	var notes []Note
	for _, x := range list {
		m, _ := x.(map[string]any)
		field, ok1 := m["field"].(string)
		raw, ok2 := m["raw"].(string)
		reason, ok3 := m["reason"].(string)
		if !ok1 || !ok2 || !ok3 || len(m) != 3 {
			return false
		}
		notes = append(notes, Note{Field: field, Raw: raw, Reason: reason})
	}
	e.Notes = notes
	return true
}

// number returns a whole number as int64, any other as float64, and as it stands what fits neither.
func number(n json.Number) any {
	if i, err := n.Int64(); err == nil && n != "-0" {
		return i
	}
	if strings.ContainsAny(string(n), ".eE") {
		if x, err := n.Float64(); err == nil {
			return x
		}
	}
	return n
}

// jsonFit brings a decoded JSON value into the kinds that events hold: numbers by number, text without zero bytes.
func jsonFit(value any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("JSON nested deeper than 64")
	}
	var err error
	switch v := value.(type) {
	case nil, bool, int64, float64:
		return v, nil
	case json.Number:
		return number(v), nil
	case string:
		return Clean(v), nil
	case []any:
		for i := range v {
			if v[i], err = jsonFit(v[i], depth+1); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		for k := range v {
			if v[k], err = jsonFit(v[k], depth+1); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	return nil, errors.New("the value is of no kind that JSON has")
}

// Clean makes text storable everywhere: what is not UTF-8, and zero bytes, become U+FFFD.
func Clean(s string) string {
	if textOK(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Depth returns how deep brackets nest in a JSON text, without reading it otherwise.
func Depth(line []byte) int {
	depth, deepest, quoted, escaped := 0, 0, false, false
	for _, c := range line {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
