package testkit

import (
	"net/http"
	"reflect"
	"slices"
)

// Patterns returns what a mux serves, read out of the mux itself: whatever was registered with it, by whatever way. It
// knows how net/http keeps patterns (Go 1.22 and later) and returns nothing where that has changed, which a test that
// compares sees.
func Patterns(mux *http.ServeMux) []string {
	seen := map[string]bool{}
	walk(reflect.ValueOf(mux).Elem().FieldByName("tree"), seen)
	var out []string
	for p := range seen {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// walk follows a routingNode down to the patterns at its leaves.
func walk(v reflect.Value, seen map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), seen)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), seen)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			walk(v.MapIndex(k), seen)
		}
	case reflect.Struct:
		if v.Type().Name() == "pattern" {
			seen[v.FieldByName("str").String()] = true
			return
		}
		if v.Type().PkgPath() != "net/http" {
			return
		}
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "handler" {
				walk(v.Field(i), seen)
			}
		}
	default:
	}
}
