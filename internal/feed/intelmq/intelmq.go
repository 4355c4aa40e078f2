// Package intelmq reads events as IntelMQ writes them: a JSON object a line, or one array of objects.
//
// It owns the way in; the rules of fields and the way out are package event's.
package intelmq

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/feed/split"
	"tocsin/internal/finding"
)

// Format reads IntelMQ events.
type Format struct{}

// Cut implements feed.Format: lines, or an array where the pack says so.
func (Format) Cut(pack *feed.Pack) feed.Cut {
	if pack.Shape == "array" {
		return feed.Cut{Shape: feed.JSONArray}
	}
	return feed.Cut{Shape: feed.Lines}
}

// Open implements feed.Format.
func (Format) Open(pack *feed.Pack, name string, head []byte, opts feed.Options) (feed.Opened, error) {
	first := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(first) == 0:
	case pack.Shape == "array" && first[0] != '[' && first[0] != '{':
		return feed.Opened{}, fault.New(fault.Invalid, "%q does not begin with [ as a JSON array does", name)
	case pack.Shape != "array" && first[0] == '[':
		return feed.Opened{}, fault.New(fault.Invalid, "%q is a JSON array, not a line an event: the pack needs shape array", name)
	}
	d := &decoder{recheck: pack.Recheck, by: pack.StreamBy, sealer: feed.NewSealer(opts.Key)}
	for _, field := range slices.Sorted(maps.Keys(pack.Default)) {
		if err := d.base.Put(field, pack.Default[field]); err != nil {
			return feed.Opened{}, fault.New(fault.Invalid, "pack %s: default: %v", pack.Name, err)
		}
	}
	return feed.Opened{Stream: pack.StreamName(), Decoder: d, Split: several, Absence: pack.AbsenceCycles, Sourced: len(d.by) > 0}, nil
}

// several takes events apart that list several sources, or several assets of the source.
var several = split.Members(func(name string) bool {
	switch name {
	case "source", "source.ip", "source.fqdn", "source.network", "source.url", "source.asn", "source.account":
		return true
	}
	return false
})

type decoder struct {
	base    event.Event // the pack's defaults
	recheck bool
	by      []string // fields that name a source, by precedence
	sealer  *feed.Sealer
}

// Row implements feed.Decoder.
func (d *decoder) Row(rec feed.Record, s *feed.Scratch) (feed.Row, error) {
	if row, ok := d.short(rec.Bytes, s); ok {
		return row, nil
	}
	e, err := d.Event(rec)
	if err != nil {
		return feed.Row{Source: d.sourceOf(rec.Bytes)}, err
	}
	return feed.RowOf(e, d.recheck, d.by)
}

// sourceOf returns the source that a record names which became no event.
func (d *decoder) sourceOf(line []byte) string {
	var fields map[string]any
	if len(d.by) == 0 || event.Depth(line) > feed.MaxDepth || json.Unmarshal(line, &fields) != nil {
		return ""
	}
	var e event.Event
	for _, f := range d.by {
		if t, ok := fields[f].(string); ok {
			if err := e.Put(f, t); err != nil {
				return ""
			}
		}
	}
	return feed.SourceOf(e, d.by)
}

// Event implements feed.Decoder.
func (d *decoder) Event(rec feed.Record) (event.Event, error) {
	e, err := event.Decode(rec.Bytes)
	if err != nil {
		if out, ok := errors.AsType[*event.OutOfRemit](err); ok {
			return event.Event{}, &feed.OutOfRemit{Class: out.Class}
		}
		return event.Event{}, &feed.Reject{Reason: err.Error()}
	}
	d.defaults(&e)
	d.seal(&e)
	if field, reason := finding.Unread(e, d.recheck); field != "" {
		return event.Event{}, &feed.Reject{Field: field, Reason: reason}
	}
	if _, err := finding.Identify(e); err != nil {
		return event.Event{}, &feed.Reject{Reason: err.Error()}
	}
	return e, nil
}

func (d *decoder) defaults(e *event.Event) {
	if len(d.base.Fields) == 0 {
		return
	}
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	given := e.Text("classification.type") != ""
	for name, v := range d.base.Fields {
		if _, ok := e.Fields[name]; ok || finding.Vital(name) && noted(e, name) || given && strings.HasPrefix(name, "extra.classification_") {
			continue
		}
		e.Fields[name] = v
	}
}

func noted(e *event.Event, field string) bool {
	return slices.ContainsFunc(e.Notes, func(n event.Note) bool { return n.Field == field })
}

// seal replaces what is secret. The raw record holds the same in base64, so it is left out where anything was sealed.
func (d *decoder) seal(e *event.Event) {
	sealed := false
	for name, v := range e.Fields {
		w, changed := d.sealValue(name, strings.TrimPrefix(name, "extra."), v)
		if changed {
			e.Fields[name] = w
			sealed = true
		}
	}
	for i, n := range e.Notes {
		if feed.SecrecyOf(n.Field, strings.TrimPrefix(n.Field, "extra.")) != feed.Plain {
			e.Notes[i].Raw = d.sealer.Seal(n.Raw)
			e.Notes[i].Reason = "cannot be read"
			sealed = true
		}
	}
	if _, ok := e.Fields["raw"]; ok && sealed {
		delete(e.Fields, "raw")
		e.Note("raw", "", "left out, because it repeats values that are sealed here")
	}
}

func (d *decoder) sealValue(field, column string, v any) (any, bool) {
	changed := false
	switch v := v.(type) {
	case string:
		w := d.sealer.Apply(feed.SecrecyOf(field, column), v)
		return w, w != v
	case []any:
		for i := range v {
			w, c := d.sealValue(field, column, v[i])
			v[i], changed = w, changed || c
		}
	case map[string]any:
		for k := range v {
			w, c := d.sealValue("", k, v[k])
			v[k], changed = w, changed || c
		}
	}
	return v, changed
}
