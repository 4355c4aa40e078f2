package operation

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The document is made from the list of routes and the Go types that they name, so that it cannot say anything else than
// what the handlers read and write.

// object is a piece of the document. Its keys are put in order when it is written.
type object = map[string]any

// Document returns the OpenAPI 3.1 document of routes. It has further types too, which no answer names.
func Document(routes []Route, further ...reflect.Type) []byte {
	d := &document{schemas: object{}, names: map[string]reflect.Type{}}
	paths := object{}
	var tags []object
	for _, r := range routes {
		method, path, ok := strings.Cut(r.Pattern, " ")
		if !ok || r.Is.Summary == "" {
			continue
		}
		item, _ := paths[path].(object)
		if item == nil {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(method)] = d.operation(r, method, path)
		if tag := (object{"name": tagOf(path)}); !slices.ContainsFunc(tags, func(t object) bool { return t["name"] == tag["name"] }) {
			tags = append(tags, tag)
		}
	}
	d.schema(reflect.TypeFor[problem]())
	for _, t := range further {
		d.schema(t)
	}
	out, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Tocsin", "version": "1",
			"description": "Everything that the pages do, for programs. Lists are paged by `cursor`; refusals are problem documents (RFC 9457).",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []object{{"url": "/"}},
		"tags":    tags,
		"paths":   paths,
		"components": object{
			"schemas": d.schemas,
			"securitySchemes": object{
				string(PersonKey): object{"type": "http", "scheme": "bearer", "description": "A person's API token (tcp_…): what its scopes and its person's posts allow."},
				string(FeedKey):   object{"type": "http", "scheme": "bearer", "description": "A feed's token (tcn_…): pushes signals and reads their receipts, nothing else."},
			},
		},
	}, "", "  ")
	if err != nil {
		panic(err) // a broken program: everything in it is plain
	}
	return append(out, '\n')
}

type document struct {
	schemas object
	names   map[string]reflect.Type
}

func tagOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/api/v1/"), "/")
	return strings.TrimPrefix(parts[0], "/")
}

// operationID makes "get_findings_id_history" of a method and a path.
func operationID(method, path string) string {
	path = strings.TrimPrefix(path, "/api/v1")
	words := strings.FieldsFunc(strings.ToLower(method)+path, func(r rune) bool { return strings.ContainsRune("/{}.-", r) })
	return strings.Join(words, "_")
}

func (d *document) operation(r Route, method, path string) object {
	o := object{"operationId": operationID(method, path), "summary": r.Is.Summary, "tags": []string{tagOf(path)}}
	if text := r.describe(); text != "" {
		o["description"] = text
	}
	switch r.Key {
	case NoKey:
		o["security"] = []object{}
	case AnyKey:
		o["security"] = []object{{string(FeedKey): []string{}}, {string(PersonKey): []string{}}}
	default:
		o["security"] = []object{{string(r.Key): []string{}}}
	}
	if p := d.parameters(r.Is.Request); len(p) > 0 {
		o["parameters"] = p
	}
	if body, ok := r.Is.Request.FieldByName("Body"); ok {
		o["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": d.schema(body.Type)}}}
	} else if r.Is.Body != "" {
		o["requestBody"] = object{"required": true, "content": object{r.Is.Body: object{"schema": object{"type": "string", "format": "binary", "minLength": 1}}}}
	}
	answers := object{}
	for _, status := range r.Is.Status {
		answers[strconv.Itoa(status)] = d.good(r, status)
	}
	for _, status := range r.refusals() {
		a := object{
			"description": http.StatusText(status),
			"content":     object{"application/problem+json": object{"schema": d.schema(reflect.TypeFor[problem]())}},
		}
		switch status {
		case http.StatusTooManyRequests:
			a["headers"] = object{"Retry-After": object{"description": "Seconds to wait.", "schema": object{"type": "integer"}}}
		case http.StatusUnauthorized:
			a["headers"] = object{"WWW-Authenticate": object{"schema": object{"type": "string"}}}
		}
		answers[strconv.Itoa(status)] = a
	}
	o["responses"] = answers
	return o
}

func (r Route) describe() string {
	text := r.Is.Text
	if r.Power != "" {
		text = strings.TrimSpace(text + " The token needs the scope `" + string(r.Power) + "`.")
	}
	return text
}

func (d *document) good(r Route, status int) object {
	a := object{"description": http.StatusText(status)}
	switch {
	case r.Is.Kind != "":
		a["content"] = object{r.Is.Kind: object{"schema": object{"type": "string"}}}
	case r.Is.Answer != nil:
		a["content"] = object{"application/json": object{"schema": d.schema(r.Is.Answer)}}
	}
	if r.Is.Answer != nil && r.Is.Answer.Implements(reflect.TypeFor[Paged]()) {
		a["headers"] = object{"Link": object{"description": `The page after this one: rel="next".`, "schema": object{"type": "string"}}}
	}
	return a
}

func (d *document) parameters(t reflect.Type) []object {
	var out []object
	for f := range t.Fields() {
		if f.Anonymous {
			out = append(out, d.parameters(f.Type)...)
			continue
		}
		place, name := placeOf(f)
		if place == "" {
			continue
		}
		p := object{"name": name, "in": place, "required": place == "path" || f.Tag.Get("required") != "", "schema": d.bounded(f)}
		if text := f.Tag.Get("doc"); text != "" {
			p["description"] = text
		}
		out = append(out, p)
	}
	return out
}

// bounded is the schema of a field with what its tags say.
func (d *document) bounded(f reflect.StructField) object {
	s := d.schema(f.Type)
	if _, ref := s["$ref"]; ref {
		return s
	}
	most, least := "maximum", "minimum"
	switch s["type"] {
	case "string":
		most, least = "maxLength", "minLength"
	case "array":
		most, least = "maxItems", "minItems"
	}
	if words := f.Tag.Get("enum"); words != "" {
		s["enum"] = strings.Split(words, ",")
	}
	if n, err := strconv.Atoi(f.Tag.Get("max")); err == nil {
		s[most] = n
	}
	if n, err := strconv.Atoi(f.Tag.Get("min")); err == nil {
		s[least] = n
	}
	if s["type"] == "string" && f.Tag.Get("required") != "" && s[least] == nil && s["format"] == nil {
		s[least] = 1
	}
	return s
}

var instantType = reflect.TypeFor[time.Time]()

// schema is the schema of a Go type; structs are named once and referred to.
func (d *document) schema(t reflect.Type) object {
	if t == instantType {
		return object{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint16:
		return object{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case reflect.Struct:
		return d.named(t)
	}
	panic("no schema for " + t.String()) // a broken program: a test makes the document
}

func (d *document) named(t reflect.Type) object {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if other, taken := d.names[name]; taken && other != t {
		panic("two types are called " + name)
	}
	ref := object{"$ref": "#/components/schemas/" + name}
	if _, known := d.names[name]; known {
		return ref
	}
	d.names[name] = t
	properties, required := object{}, []string{}
	for f := range t.Fields() {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		s := d.bounded(f)
		if text := f.Tag.Get("doc"); text != "" {
			s["description"] = text
		}
		properties[name] = s
		if !strings.Contains(rest, "omitempty") && !strings.Contains(rest, "omitzero") {
			required = append(required, name)
		}
	}
	d.schemas[name] = object{"type": "object", "properties": properties, "required": required, "additionalProperties": t == reflect.TypeFor[OpenDocument]()}
	return ref
}

// OpenDocument is an OpenAPI document, as far as a program needs to tell it from another.
type OpenDocument struct {
	OpenAPI string `json:"openapi"`
}
