// Package strict reads YAML that people write: unknown and repeated keys, anchors and further documents are errors that
// name the line and the nearest known key. It finds out what parts the cells of a table that a spreadsheet wrote. It knows no
// struct of ours.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxBytes is the size above which a document is refused unread.
const MaxBytes = 1 << 20

// YAML decodes one YAML document into the struct that out points to. Unknown and repeated keys, aliases and
// further documents are errors that name the line.
func YAML(data []byte, out any) error {
	if len(data) > MaxBytes {
		return fmt.Errorf("%d bytes are more than the %d that a file may have", len(data), MaxBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("the file is empty")
		}
		return plainYAMLError(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("one document a file is allowed")
	}
	if len(doc.Content) != 1 {
		return errors.New("the file is empty")
	}
	if err := knownKeys(doc.Content[0], reflect.TypeOf(out).Elem(), "", 0); err != nil {
		return err
	}
	if err := doc.Content[0].Decode(out); err != nil {
		return plainYAMLError(err)
	}
	return nil
}

// plainYAMLError drops the library's prefix and puts a multi-line error on one line.
func plainYAMLError(err error) error {
	if many, ok := errors.AsType[*yaml.TypeError](err); ok {
		return errors.New(strings.Join(many.Errors, "; "))
	}
	return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
}

func knownKeys(n *yaml.Node, t reflect.Type, path string, depth int) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return fmt.Errorf("line %d: anchors and aliases are not allowed", n.Line)
	}
	if depth > 16 {
		return fmt.Errorf("line %d: nested too deep", n.Line)
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice {
		for _, c := range n.Content {
			if err := knownKeys(c, t.Elem(), path, depth+1); err != nil {
				return err
			}
		}
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		inner := t
		switch t.Kind() {
		case reflect.Map:
			inner = t.Elem()
		case reflect.Struct:
			f, known := fieldOf(t, key.Value)
			if f == nil {
				return fmt.Errorf("line %d: unknown key %q%s", key.Line, path+key.Value, DidYouMean(key.Value, known))
			}
			inner = f
		}
		if err := knownKeys(value, inner, path+key.Value+".", depth+1); err != nil {
			return err
		}
	}
	return nil
}

// fieldOf returns the type of the field that key names, or nil and the names there are.
func fieldOf(t reflect.Type, key string) (reflect.Type, []string) {
	var known []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == key {
			return field.Type, nil
		}
		known = append(known, name)
	}
	return nil, known
}
