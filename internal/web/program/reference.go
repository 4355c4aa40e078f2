package program

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/web/page"
)

// referenceBody is the API's document as a page reads.
type referenceBody struct {
	Groups  []referenceGroup
	Schemas []referenceSchema
}

type referenceGroup struct {
	Name       string
	Operations []operation
}

type operation struct {
	Method, Path, ID string
	Summary, Text    string
	Open             bool // needs no key
	Fields           []referenceField
	Body             string // name of the schema
	Answers          []answer
}

type answer struct {
	Status, What string
	Schema       string
}

type referenceSchema struct {
	Name   string
	Fields []referenceField
}

type referenceField struct {
	Name, Place, Kind, Text string
	Link                    string // name of a schema that it holds
	Words                   []string
	Needed                  bool
}

// document is what of an OpenAPI document the page shows.
type document struct {
	Paths      map[string]map[string]documentOperation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type documentOperation struct {
	ID         string              `json:"operationId"`
	Summary    string              `json:"summary"`
	Text       string              `json:"description"`
	Tags       []string            `json:"tags"`
	Security   []map[string][]any  `json:"security"`
	Parameters []parameter         `json:"parameters"`
	Body       content             `json:"requestBody"`
	Responses  map[string]response `json:"responses"`
}

type parameter struct {
	Name, In string
	Required bool
	Text     string `json:"description"`
	Schema   schema `json:"schema"`
}

type response struct {
	Text string `json:"description"`
	content
}

type content struct {
	Content map[string]struct {
		Schema schema `json:"schema"`
	} `json:"content"`
}

// first is the media type and the schema of what a content holds.
func (c content) first() (string, schema) {
	for kind, is := range c.Content {
		return kind, is.Schema
	}
	return "", schema{}
}

type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Format     string            `json:"format"`
	Enum       []string          `json:"enum"`
	Items      *schema           `json:"items"`
	Text       string            `json:"description"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
}

// named is the name of the schema that s refers to, itself or by its items; "" where it is plain.
func (s schema) named() string {
	if s.Items != nil {
		return s.Items.named()
	}
	return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
}

// kind is the type in words.
func (s schema) kind() string {
	switch {
	case s.Items != nil:
		return s.Items.kind() + "[]"
	case s.Ref != "":
		return s.named()
	case s.Format != "" && s.Format != "int64":
		return s.Format
	}
	return s.Type
}

// readDocument turns the document into what the page shows. The document is the program's own: it reads, or there is none.
func readDocument(data []byte) referenceBody {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return referenceBody{}
	}
	var b referenceBody
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range []string{"get", "post", "put"} {
			o, ok := d.Paths[path][method]
			if !ok || len(o.Tags) == 0 {
				continue
			}
			i := slices.IndexFunc(b.Groups, func(g referenceGroup) bool { return g.Name == o.Tags[0] })
			if i < 0 {
				i = len(b.Groups)
				b.Groups = append(b.Groups, referenceGroup{Name: o.Tags[0]})
			}
			b.Groups[i].Operations = append(b.Groups[i].Operations, o.read(method, path))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		b.Schemas = append(b.Schemas, referenceSchema{name, d.Components.Schemas[name].fields()})
	}
	return b
}

func (o documentOperation) read(method, path string) operation {
	out := operation{
		Method: strings.ToUpper(method), Path: path, ID: o.ID, Summary: o.Summary, Text: strings.ReplaceAll(o.Text, "`", ""), Open: len(o.Security) == 0,
	}
	for _, p := range o.Parameters {
		out.Fields = append(out.Fields, referenceField{
			Name: p.Name, Place: p.In, Kind: p.Schema.kind(), Text: p.Text, Words: p.Schema.Enum, Needed: p.Required,
		})
	}
	if kind, s := o.Body.first(); kind != "" {
		if out.Body = s.named(); out.Body == "" {
			out.Fields = append(out.Fields, referenceField{Name: kind, Place: "body", Kind: s.kind(), Needed: true})
		}
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		r := o.Responses[status]
		_, s := r.first()
		out.Answers = append(out.Answers, answer{status, r.Text, s.named()})
	}
	return out
}

func (s schema) fields() []referenceField {
	var out []referenceField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		out = append(out, referenceField{
			Name: name, Kind: p.kind(), Text: p.Text, Link: p.named(), Words: p.Enum, Needed: slices.Contains(s.Required, name),
		})
	}
	return out
}

func (p *pages) showReference(v *page.Visit) error {
	if len(p.reference.Groups) == 0 {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	return page.Show(v, "public/api", v.T("reference.title"), p.reference)
}
