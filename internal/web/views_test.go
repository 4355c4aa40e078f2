package web_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/lang"
	"tocsin/internal/web"
	"tocsin/internal/web/page"
)

// Every template fits the type that fills it, whatever stands in it: with nothing, and with something in every member,
// so that each branch is taken one way or the other.
func TestTemplatesFitTheirTypes(t *testing.T) {
	t.Parallel()
	k, err := page.New(page.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range web.Pages() {
		for _, l := range lang.Languages {
			tmpl := k.Template(l, spec.Name)
			if tmpl == nil {
				t.Errorf("no template %s", spec.Name)
				continue
			}
			full := reflect.New(reflect.TypeOf(spec.View)).Elem()
			fill(full, 0)
			for name, view := range map[string]any{"empty": spec.View, "full": full.Interface()} {
				var out strings.Builder
				if err := tmpl.Execute(&out, view); err != nil {
					t.Errorf("%s, %s, %s: %v", spec.Name, l, name, err)
				}
				if strings.Contains(out.String(), "⟦") {
					t.Errorf("%s, %s, %s: a message is missing", spec.Name, l, name)
				}
			}
		}
	}
}

// fill puts something into every member of v that a program can set.
func fill(v reflect.Value, depth int) {
	if depth > 8 || !v.CanSet() {
		return
	}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(today))
		return
	case netip.Addr, netip.Prefix:
		return
	case loop.AnswerKind: // its words are a closed list
		v.Set(reflect.ValueOf(loop.AnswerFixed))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(2)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(2)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), depth+1)
		fill(v.Index(1), depth+1)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth+1)
		fill(value, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, depth+1)
		}
	case reflect.Invalid, reflect.Uintptr, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128, reflect.Array,
		reflect.Chan, reflect.Func, reflect.Interface, reflect.UnsafePointer:
	}
}

// Every template is some page's.
func TestEveryTemplateIsUsed(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, spec := range web.Pages() {
		if known[spec.Name] {
			t.Errorf("%s is there twice", spec.Name)
		}
		known[spec.Name] = true
	}
	k, err := page.New(page.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(k.Names()), len(known); len(k.Names()) != want {
		t.Errorf("%d pages for the templates %s", want, got)
	}
}
