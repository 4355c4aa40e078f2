// Package split takes JSON records apart that name several assets.
package split

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/feed"
)

// MaxAssets bounds the assets that one record may name.
const MaxAssets = 1000

// List returns the feed.Split of JSON records with a list of assets at a path (names joined by dots): each record that comes
// out has the list with one member. Members that are the same count once.
func List(path string) feed.Split {
	names := strings.Split(path, ".")
	return func(rec feed.Record) ([]feed.Record, error) {
		if event.Depth(rec.Bytes) > feed.MaxDepth {
			return nil, nil // the decoder says so
		}
		list, ok := listAt(rec.Bytes, names)
		if !ok || len(list) < 2 {
			return nil, nil
		}
		for i, member := range list {
			list[i] = append(append(append(make([]byte, 0, len(member)+2), '['), member...), ']')
		}
		return splitBy(rec, names, list)
	}
}

// Members returns the feed.Split of JSON objects of which one member that wants is a list of assets instead of one: each
// record that comes out has the member with one of them.
func Members(wants func(name string) bool) feed.Split {
	return func(rec feed.Record) ([]feed.Record, error) {
		if bytes.IndexByte(rec.Bytes, '[') < 0 || event.Depth(rec.Bytes) > feed.MaxDepth {
			return nil, nil
		}
		var lists []string
		findLists(rec.Bytes, "", nil, wants, &lists)
		switch {
		case len(lists) == 0:
			return nil, nil
		case len(lists) > 1:
			return nil, &feed.Reject{Field: shownPath(lists[0]), Reason: fmt.Sprintf("is a list, and so is %s: one list of assets was expected", shownPath(lists[1]))}
		}
		names := strings.Split(lists[0], "\x00")
		list, _ := listAt(rec.Bytes, names)
		if len(list) == 0 {
			return nil, nil
		}
		return splitBy(rec, names, list)
	}
}

// splitBy puts each member of the list in the list's place.
func splitBy(rec feed.Record, names []string, list []json.RawMessage) ([]feed.Record, error) {
	path := strings.Join(names, ".")
	if len(list) > MaxAssets {
		return nil, &feed.Reject{Field: path, Reason: fmt.Sprintf("lists %d assets, and at most %d were expected", len(list), MaxAssets)}
	}
	rest, err := replaceAt(rec.Bytes, names, []byte("[]"))
	if err != nil {
		return nil, &feed.Reject{Field: path, Reason: "cannot be taken apart: " + err.Error()}
	}
	if len(list)*len(rest)+len(rec.Bytes) > maxSplit {
		return nil, &feed.Reject{Field: path, Reason: fmt.Sprintf("lists %d assets beside %d bytes: at most %d bytes in all were expected",
			len(list), len(rest), maxSplit)}
	}
	out := make([]feed.Record, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, member := range list {
		if seen[string(member)] {
			continue
		}
		seen[string(member)] = true
		b, err := replaceAt(rest, names, member)
		if err != nil {
			return nil, &feed.Reject{Field: path, Reason: "cannot be taken apart: " + err.Error()}
		}
		out = append(out, feed.Record{Line: rec.Line, Offset: rec.Offset, Bytes: b})
	}
	return out, nil
}

// maxSplit bounds the bytes of a record that was taken apart.
const maxSplit = 8 << 20

// shownPath shows a path of names that zero bytes join.
func shownPath(path string) string { return strings.ReplaceAll(path, "\x00", ".") }

// listAt returns the members of the list at a path of names; false where there is none.
func listAt(b []byte, names []string) ([]json.RawMessage, bool) {
	for _, name := range names {
		var object map[string]json.RawMessage
		if json.Unmarshal(b, &object) != nil {
			return nil, false
		}
		b = object[name]
	}
	if b = bytes.TrimLeft(b, " \t\r\n"); len(b) == 0 || b[0] != '[' {
		return nil, false
	}
	var list []json.RawMessage
	err := json.Unmarshal(b, &list)
	return list, err == nil
}

// replaceAt returns the object with another value at a path. Names come in order; everything else stays as it is.
func replaceAt(b []byte, names []string, value []byte) ([]byte, error) {
	if len(names) == 0 {
		return value, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil {
		return nil, err
	}
	inner, err := replaceAt(object[names[0]], names[1:], value)
	if err != nil {
		return nil, err
	}
	object[names[0]] = inner
	return json.Marshal(object)
}

// findLists finds the members that are lists and wanted, one level of objects deep. A path's names are joined by zero bytes,
// because names may hold dots.
func findLists(b []byte, prefix string, path []string, wants func(string) bool, lists *[]string) {
	var object map[string]json.RawMessage
	if json.Unmarshal(b, &object) != nil {
		return
	}
	for _, name := range sortedNames(object) {
		v := bytes.TrimLeft(object[name], " \t\r\n")
		here := append(slices.Clone(path), name)
		switch {
		case len(v) == 0:
		case v[0] == '[' && wants(prefix+name):
			*lists = append(*lists, strings.Join(here, "\x00"))
		case v[0] == '{' && len(path) == 0:
			findLists(v, prefix+name+".", here, wants, lists)
		}
	}
}

func sortedNames(object map[string]json.RawMessage) []string {
	names := make([]string, 0, len(object))
	for n := range object {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
