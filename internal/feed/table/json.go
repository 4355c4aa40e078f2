package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/feed/split"
)

// jsonDecoder reads JSON objects by paths.
type jsonDecoder struct {
	mapping *feed.Mapping
	paths   [][]string
	typed   map[string]int // extra field that takes its path's value as it is -> path
	sealer  *feed.Sealer
}

func openJSON(pack *feed.Pack, head []byte, opts feed.Options) (feed.Opened, error) {
	if start := bytes.TrimLeft(head, " \t\r\n"); len(start) > 0 && start[0] != '{' && start[0] != '[' {
		return feed.Opened{}, fault.New(fault.Invalid, "JSON is expected and the signal begins with %q", start[:min(len(start), 20)])
	}
	columns := paths(pack.Table)
	mapping, drift, err := feed.NewMapping(plan(pack, columns, opts))
	if err != nil {
		return feed.Opened{}, err
	}
	drift.New = nil
	d := &jsonDecoder{mapping: mapping, typed: map[string]int{}, sealer: feed.NewSealer(opts.Key)}
	for _, c := range columns {
		d.paths = append(d.paths, segments(c))
	}
	for _, c := range pack.Table.Columns {
		field := c.Field
		if field == "" {
			field = "extra." + c.Path
		}
		if strings.HasPrefix(field, "extra.") && c.Convert == "" && c.Map == nil && c.When == nil {
			d.typed[field] = slices.Index(columns, c.Path)
		}
	}
	var apart feed.Split
	if pack.Table.Split != "" {
		apart = split.List(pack.Table.Split)
	}
	return feed.Opened{
		Stream: pack.StreamName(), Decoder: d, Split: apart, Drift: drift, Mapping: mapping.Lines(), Absence: pack.AbsenceCycles,
		Sourced: mapping.Sourced(),
	}, nil
}

func (d *jsonDecoder) Row(rec feed.Record, s *feed.Scratch) (feed.Row, error) {
	_, cells, err := d.cells(rec, s.Cells)
	if err != nil {
		return feed.Row{}, err
	}
	row, buf, err := d.mapping.Row(cells, s.Buf[:0])
	s.Cells, s.Buf = cells, buf
	return row, err
}

func (d *jsonDecoder) Event(rec feed.Record) (event.Event, error) {
	object, cells, err := d.cells(rec, nil)
	if err != nil {
		return event.Event{}, err
	}
	e, err := d.mapping.Event(cells)
	if err != nil {
		return event.Event{}, err
	}
	for field, at := range d.typed {
		v := find(object, d.paths[at])
		if _, isText := v.(string); v != nil && !isText {
			name := d.paths[at][len(d.paths[at])-1]
			set(&e, field, d.sealer.Value(field, name, v))
		}
	}
	d.keep(&e, "", object)
	return e, nil
}

// cells reads the value at each path as text; what is not there is empty.
func (d *jsonDecoder) cells(rec feed.Record, cells [][]byte) (map[string]any, [][]byte, error) {
	if event.Depth(rec.Bytes) > feed.MaxDepth {
		return nil, nil, &feed.Reject{Reason: "JSON nested deeper than " + strconv.Itoa(feed.MaxDepth)}
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(rec.Bytes))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, nil, &feed.Reject{Reason: "not a JSON object"}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, &feed.Reject{Reason: "more than one JSON value"}
	}
	cells = cells[:0]
	for _, p := range d.paths {
		cells = append(cells, textOf(find(object, p)))
	}
	return object, cells, nil
}

// find returns the value at a path, or nil.
func find(v any, path []string) any {
	for _, p := range path {
		switch container := v.(type) {
		case map[string]any:
			v = container[p]
		case []any:
			n, err := strconv.Atoi(p)
			if err != nil || n < 0 || n >= len(container) {
				return nil
			}
			v = container[n]
		default:
			return nil
		}
	}
	return v
}

func textOf(v any) []byte {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		return []byte(x)
	case json.Number:
		return []byte(x)
	case bool:
		return strconv.AppendBool(nil, x)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// keep puts what no path reads under extra. A container that no path enters stays whole.
func (d *jsonDecoder) keep(e *event.Event, prefix string, object map[string]any) {
	for name, v := range object {
		here := prefix + name
		switch d.reads(here) {
		case whole:
			continue
		case part:
			switch inner := v.(type) {
			case map[string]any:
				d.keep(e, here+".", inner)
				continue
			case []any:
				members := make(map[string]any, len(inner))
				for i, x := range inner {
					members[strconv.Itoa(i)] = x
				}
				d.keep(e, here+".", members)
				continue
			}
		case nothing:
		}
		if v == nil || v == "" {
			continue
		}
		field := "extra." + here
		set(e, field, d.sealer.Value(field, name, v))
	}
}

type reading uint8

const (
	nothing reading = iota
	part
	whole
)

// reads tells whether paths read a value, something inside it, or nothing of it.
func (d *jsonDecoder) reads(path string) reading {
	at := strings.Split(path, ".")
	found := nothing
	for _, p := range d.paths {
		switch {
		case len(p) <= len(at) && slices.Equal(p, at[:len(p)]):
			return whole
		case len(p) > len(at) && slices.Equal(p[:len(at)], at):
			found = part
		}
	}
	return found
}

// set keeps a value under extra.; one that no event can hold is noted.
func set(e *event.Event, field string, v any) {
	if _, taken := e.Fields[field]; taken {
		if _, isText := e.Fields[field].(string); !isText {
			return
		}
	}
	if err := e.Set(field, v); err != nil {
		e.Note("extra", field, err.Error())
	}
}
