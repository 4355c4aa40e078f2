package operation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/fault"
	"tocsin/internal/strict"
)

// maxBody bounds the bytes of a JSON body.
const maxBody = 1 << 20

// fillLists makes empty lists of those that are nil: a list is a list in every answer. v is an interface.
func fillLists(v reflect.Value) {
	p := reflect.New(v.Elem().Type())
	p.Elem().Set(v.Elem())
	fill(p.Elem())
	v.Set(p.Elem())
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem())
		}
	default:
	}
}

// named gives an error that begins with the name of a request's field that field: acts write "reason: …".
func named(err error, request reflect.Type) error {
	text, ok := fault.Message(err)
	var m Mistakes
	if !ok || errors.As(err, &m) || !errors.Is(err, fault.Invalid) {
		return err
	}
	field, rest, found := strings.Cut(text, ": ")
	if found && slices.Contains(fieldNames(request), field) {
		return Wrong(field, rest)
	}
	return err
}

// fieldNames lists the names of a request's fields as programs know them.
func fieldNames(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		switch {
		case f.Name == "Body":
			out = append(out, jsonNames(f.Type)...)
		case f.Anonymous:
			out = append(out, fieldNames(f.Type)...)
		default:
			_, name := placeOf(f)
			out = append(out, name)
		}
	}
	return out
}

func jsonNames(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name)
	}
	return out
}

// placeOf says where a field of a request lies: "path", "query" or "header", and under which name.
func placeOf(f reflect.StructField) (place, name string) {
	for _, place := range []string{"path", "query", "header"} {
		if name := f.Tag.Get(place); name != "" {
			return place, name
		}
	}
	return "", ""
}

// Decode reads a request into the struct that into points at; what the struct does not know is refused by name.
func Decode(r *http.Request, into any) error {
	v := reflect.ValueOf(into).Elem()
	known := map[string]bool{}
	if err := decodeFields(r, v, known); err != nil {
		return err
	}
	for name, values := range r.URL.Query() {
		if !known[name] {
			var names []string
			for n := range known {
				names = append(names, n)
			}
			slices.Sort(names)
			return Wrong(printable(name), "this parameter is not known"+strict.Hint(name, names))
		}
		if len(values) > 1 {
			return Wrong(name, "one value was expected")
		}
	}
	return nil
}

func decodeFields(r *http.Request, v reflect.Value, known map[string]bool) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		var err error
		switch place, name := placeOf(f); {
		case f.Name == "Body":
			err = decodeBody(r, v.Field(i))
		case f.Anonymous:
			err = decodeFields(r, v.Field(i), known)
		case place == "path":
			if setText(v.Field(i), r.PathValue(name)) != nil || !utf8.ValidString(r.PathValue(name)) {
				err = fault.New(fault.NotFound, "there is nothing called %q here", printable(r.PathValue(name)))
			}
		case place == "query":
			known[name] = true
			err = decodeText(v.Field(i), f, name, r.URL.Query().Get(name))
		case place == "header":
			err = decodeText(v.Field(i), f, name, r.Header.Get(name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func decodeText(v reflect.Value, f reflect.StructField, name, text string) error {
	if text == "" {
		if f.Tag.Get("required") != "" {
			return Wrong(name, "this is needed")
		}
		return nil
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return Wrong(name, "text in UTF-8 without NUL was expected")
	}
	if err := setText(v, text); err != nil {
		return Wrong(name, err.Error())
	}
	return inBounds(v, f, name)
}

// setText reads a text into a string, number, truth value or instant.
func setText(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return errors.New("a whole number was expected")
		}
		v.SetInt(n)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("true or false was expected")
		}
		v.SetBool(text == "true")
	case reflect.Struct:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return errors.New("an instant such as 2026-11-23T12:00:00Z was expected")
		}
		v.Set(reflect.ValueOf(t))
	default:
		panic("a request field of kind " + v.Kind().String())
	}
	return nil
}

// decodeBody reads the JSON body. Unknown fields are refused by name; so is more than one value.
func decodeBody(r *http.Request, v reflect.Value) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errKind
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxBody:
		return fault.New(fault.TooLarge, "a body has at most %d bytes", maxBody)
	case !utf8.Valid(data):
		return &malformed{"the body is not UTF-8"}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v.Addr().Interface()); err != nil {
		return bodyError(err, v.Type())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &malformed{"one JSON object was expected, and nothing behind it"}
	}
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return Wrong("body", "an object was expected")
	}
	return checkFields(v, "")
}

var errKind = errors.New("another kind of body was expected")

// malformed is a body that is no JSON at all.
type malformed struct{ text string }

func (m *malformed) Error() string { return m.text }

func (m *malformed) Unwrap() error { return fault.New(fault.Invalid, "%s", m.text) }

func bodyError(err error, t reflect.Type) error {
	var kind *json.UnmarshalTypeError
	var when *time.ParseError
	const unknown = "json: unknown field "
	switch {
	case errors.As(err, &kind):
		field := kind.Field
		if field == "" {
			field = "body"
		}
		return Wrong(field, "expected "+plainKind(kind.Type)+", not "+kind.Value)
	case errors.As(err, &when):
		return Wrong("body", "an instant such as 2026-11-23T12:00:00Z was expected")
	case strings.HasPrefix(err.Error(), unknown):
		name, _ := strconv.Unquote(strings.TrimPrefix(err.Error(), unknown))
		return Wrong(printable(name), "this field is not known"+strict.Hint(name, jsonNames(t)))
	case strings.HasPrefix(err.Error(), "Time.UnmarshalJSON"), strings.HasPrefix(err.Error(), "parsing time"):
		return Wrong("body", "an instant such as 2026-11-23T12:00:00Z was expected")
	}
	return &malformed{"the body is no JSON object: " + printable(err.Error())}
}

func plainKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
	}
	return "a whole number"
}

// checkFields holds a body's fields against what their tags ask.
func checkFields(v reflect.Value, at string) error {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return nil
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		name = at + name
		is := v.Field(i)
		if f.Tag.Get("required") != "" && is.IsZero() {
			return Wrong(name, "this is needed")
		}
		if is.IsZero() {
			continue
		}
		if err := inBounds(is, f, name); err != nil {
			return err
		}
		switch {
		case is.Kind() == reflect.Struct:
			if err := checkFields(is, name+"."); err != nil {
				return err
			}
		case is.Kind() == reflect.Slice && is.Type().Elem().Kind() == reflect.Struct:
			for j := range is.Len() {
				if err := checkFields(is.Index(j), fmt.Sprintf("%s[%d].", name, j)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// inBounds checks the tags enum, max and min: of numbers the value, of texts the bytes, of lists the length.
func inBounds(v reflect.Value, f reflect.StructField, name string) error {
	if words := f.Tag.Get("enum"); words != "" && v.Kind() == reflect.String {
		if err := oneOf(name, v.String(), strings.Split(words, ",")); err != nil {
			return err
		}
	}
	var size int64
	what := "%s%d bytes of text"
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		size, what = v.Int(), "%s%d"
	case reflect.String:
		if size = int64(v.Len()); strings.ContainsRune(v.String(), 0) {
			return Wrong(name, "text without NUL was expected")
		}
	case reflect.Slice:
		size, what = int64(v.Len()), "%s%d items"
	default:
		return nil
	}
	if most, err := strconv.ParseInt(f.Tag.Get("max"), 10, 64); err == nil && size > most {
		return Wrong(name, fmt.Sprintf(what+" were expected", "at most ", most))
	}
	if least, err := strconv.ParseInt(f.Tag.Get("min"), 10, 64); err == nil && size < least {
		return Wrong(name, fmt.Sprintf(what+" were expected", "at least ", least))
	}
	return nil
}

// printable bounds a text of somebody else's before it is shown back.
func printable(s string) string {
	s = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s), "")
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
