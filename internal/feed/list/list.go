// Package list reads lists: one address, prefix, domain, URL or AS number a line, with comments and a second column.
//
// It owns the grammar of such lines. What an entry means (its class) is said by the pack's defaults.
package list

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
)

// Format reads lists.
type Format struct{}

var usualComments = []string{"#", ";", "//"}

// Cut implements feed.Format.
func (Format) Cut(pack *feed.Pack) feed.Cut {
	return feed.Cut{Shape: feed.Lines, Comment: comments(pack)[0]}
}

// Open implements feed.Format. A page of HTML, which is what a moved or locked feed answers, and JSON are refused whole.
func (Format) Open(pack *feed.Pack, name string, head []byte, opts feed.Options) (feed.Opened, error) {
	start := bytes.ToLower(bytes.TrimSpace(head[:min(len(head), 512)]))
	if bytes.HasPrefix(start, []byte("<!doctype")) || bytes.HasPrefix(start, []byte("<html")) {
		return feed.Opened{}, fault.New(fault.Invalid, "%q is a web page, not a list: the feed has moved or asks for a sign-in", name)
	}
	if bytes.HasPrefix(start, []byte("{")) {
		return feed.Opened{}, fault.New(fault.Invalid, "%q is JSON, not a list: the pack needs format table", name)
	}
	d, err := newDecoder(pack, opts)
	if err != nil {
		return feed.Opened{}, err
	}
	return feed.Opened{Stream: pack.StreamName(), Decoder: d, Absence: pack.AbsenceCycles}, nil
}

func comments(pack *feed.Pack) []string {
	if len(pack.List.Comment) > 0 {
		return pack.List.Comment
	}
	return usualComments
}

type decoder struct {
	pack     *feed.Pack
	kind     string
	comments []string
	ignore   []string
	base     event.Event // what the defaults give every event
	row      feed.Row    // severity and time of the defaults
	sealer   *feed.Sealer
	tails    map[string][]byte // by kind of entry: the identity's canonical text after the asset; absent: take the long way
}

var fieldOf = map[string]string{
	"ip": "source.ip", "prefix": "source.network", "domain": "source.fqdn", "url": "source.url", "asn": "source.asn",
}

// examples are entries by kind, to learn what of an identity the defaults decide.
var examples = map[string]asset.Asset{
	"ip":     {Kind: asset.IP, Value: "192.0.2.1"},
	"prefix": {Kind: asset.Prefix, Value: "192.0.2.0/24"},
	"domain": {Kind: asset.Domain, Value: "host.example"},
	"url":    {Kind: asset.URL, Value: "http://host.example/"},
}

func newDecoder(pack *feed.Pack, opts feed.Options) (*decoder, error) {
	d := &decoder{
		pack: pack, kind: pack.List.Kind, comments: comments(pack), ignore: pack.List.Ignore,
		sealer: feed.NewSealer(opts.Key), tails: map[string][]byte{},
	}
	if err := d.named(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(pack.Default)) {
		if err := d.base.Put(name, pack.Default[name]); err != nil {
			return nil, fault.New(fault.Invalid, "pack %s: default: %v", pack.Name, err)
		}
	}
	if !harmless(pack.List.Second) || !harmless(pack.List.Trailer) {
		return d, nil
	}
	for kind, a := range examples {
		e := d.event()
		if err := e.Set(fieldOf[kind], a.Value); err != nil {
			return nil, fault.New(fault.Invalid, "pack %s: %v", pack.Name, err)
		}
		id, err := finding.Identify(e)
		if err != nil || id.Asset != a {
			continue
		}
		text := id.Append(nil)
		d.tails[kind] = text[len(a.Kind)+1+len(a.Value):]
		d.row, _ = feed.RowOf(e, pack.Recheck, nil)
		d.row.Key = finding.Key{}
	}
	return d, nil
}

// named gives every event the feed's name, as tables do.
func (d *decoder) named() error {
	if err := d.base.Put("feed.name", d.pack.Title); err != nil {
		return fault.New(fault.Invalid, "pack %s: %v", d.pack.Name, err)
	}
	if err := d.base.Put("feed.provider", d.pack.Provider); err != nil {
		return fault.New(fault.Invalid, "pack %s: %v", d.pack.Name, err)
	}
	return nil
}

// harmless reports whether a field can change neither identity nor time nor severity of an event.
func harmless(field string) bool {
	return field == "" || strings.HasPrefix(field, "extra.") && feed.MarkField(strings.TrimPrefix(field, "extra.")) == "" || field == "comment" ||
		strings.HasPrefix(field, "event_description.")
}

// Row implements feed.Decoder.
func (d *decoder) Row(rec feed.Record, s *feed.Scratch) (feed.Row, error) {
	l, err := d.parse(rec.Bytes)
	if err != nil {
		return feed.Row{}, err
	}
	tail, ok := d.tails[l.kind]
	if !ok {
		e, err := d.Event(rec)
		if err != nil {
			return feed.Row{}, err
		}
		return feed.RowOf(e, d.pack.Recheck, nil)
	}
	buf := append(append(s.Buf[:0], examples[l.kind].Kind...), 0)
	if buf, err = l.canonical(buf, d.sealer); err != nil {
		return feed.Row{}, err
	}
	buf = append(buf, tail...)
	s.Buf = buf
	row := d.row
	row.Key = finding.KeyOf(buf)
	return row, nil
}

// Event implements feed.Decoder.
func (d *decoder) Event(rec feed.Record) (event.Event, error) {
	l, err := d.parse(rec.Bytes)
	if err != nil {
		return event.Event{}, err
	}
	value, err := l.canonical(nil, d.sealer)
	if err != nil {
		return event.Event{}, err
	}
	e := d.event()
	e.Fields[fieldOf[l.kind]] = string(value)
	if l.kind == "asn" {
		if err := e.Put(fieldOf[l.kind], string(value)); err != nil {
			return event.Event{}, &feed.Reject{Field: fieldOf[l.kind], Reason: err.Error()}
		}
	}
	if d.pack.List.Second != "" {
		if err := d.put(&e, d.pack.List.Second, l.second); err != nil {
			return event.Event{}, err
		}
	} else if len(l.second) > 0 {
		l.rest = bytes.TrimSpace(append(append(bytes.Clone(l.second), ' '), l.rest...))
	}
	if err := d.put(&e, "extra.rest", l.rest); err != nil {
		return event.Event{}, err
	}
	trailer := d.pack.List.Trailer
	if trailer == "" {
		trailer = "extra.comment"
	}
	if err := d.put(&e, trailer, l.comment); err != nil {
		return event.Event{}, err
	}
	if field, reason := finding.Unread(e, d.pack.Recheck); field != "" {
		return event.Event{}, &feed.Reject{Field: field, Reason: reason}
	}
	if _, err := finding.Identify(e); err != nil {
		return event.Event{}, &feed.Reject{Reason: err.Error()}
	}
	return e, nil
}

// put gives e an optional field; what does not fit becomes a note, but for a class outside the remit.
func (d *decoder) put(e *event.Event, field string, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	plain := d.sealer.Apply(feed.SecrecyOf(field, ""), string(text))
	err := e.Put(field, plain)
	if out, ok := errors.AsType[*event.OutOfRemit](err); ok {
		return &feed.OutOfRemit{Class: out.Class}
	}
	if err != nil {
		e.Unread(field, plain, err.Error())
	}
	return nil
}

func (d *decoder) event() event.Event {
	e := event.Event{Fields: make(map[string]any, len(d.base.Fields)+4), Notes: slices.Clone(d.base.Notes)}
	maps.Copy(e.Fields, d.base.Fields)
	return e
}
