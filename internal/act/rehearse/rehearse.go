// Package rehearse says what would become of a sample of a feed, and does nothing: the sample is read by the pack as the
// fold would read it, and neither it nor anything made of it is kept.
package rehearse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/feed/format"
	"tocsin/internal/feed/veil"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Bounds of a sample.
const (
	MaxBytes = 256 << 10
	MaxRows  = 500
)

// Config is what a rehearsal needs.
type Config struct {
	Store    *store.Store
	Packs    *feed.Packs
	Library  *notice.Library
	Key      []byte                                                            // that seals values in events
	Register func(ctx context.Context, now time.Time) (*party.Register, error) // with the desk's rules
}

// Stage holds rehearsals. It is safe for use by many goroutines.
type Stage struct{ Config }

// New makes a Stage.
func New(c Config) *Stage { return &Stage{c} }

// Sample is a piece of what a feed sends.
type Sample struct {
	Pack string
	Feed ident.Feed // that it would come from; may be empty
	Name string     // of the file; some formats tell their kind by it
	Body []byte
}

// Outcome is what would become of a sample.
type Outcome struct {
	Pack     *feed.Pack
	Stream   string
	Columns  []string
	Mapping  []Step // how the cells of a record become fields, with the values of the first row that could be read
	Drift    feed.Drift
	Rows     []Row
	Rejected []Rejected
	LeftOut  int    // rows that the pack says are none of ours
	Refused  int    // rows outside the remit: counted, never kept
	Problem  string // why the sample could not be read, or not to its end; empty where it could
	More     bool   // there were more rows than MaxRows
	New      int    // findings that would be new
	Known    int    // findings that are there already
	Nobody   int    // rows that no party would answer for
	Parties  map[ident.Party]string
}

// Step is one step of the mapping.
type Step struct {
	feed.Mapped
	Value string // in the event of the first row; empty where that has none
}

// Row is one record and what would become of it.
type Row struct {
	Line        int64
	Event       event.Event
	Identity    finding.Identity
	Class       *notice.Class
	Severity    event.Severity
	Attribution party.Attribution
	Gone        bool          // it says that the problem is gone: it closes a finding and makes none
	Known       bool          // the finding is there already
	Finding     ident.Finding // its number, where it is known and the reader may read it
	Twin        int64         // line of an earlier row of the sample about the same finding; 0 = none
}

// Rejected is a record that would become no event.
type Rejected struct {
	Line   int64
	Field  string
	Reason string
	Raw    string // without what is secret; empty where it cannot be shown
}

// Packs returns the packs that a feed can be read with, by name.
func (s *Stage) Packs() []*feed.Pack { return s.Config.Packs.All() }

// Pack returns one pack; fault.Invalid where there is none.
func (s *Stage) Pack(name string) (*feed.Pack, error) {
	p, ok := s.Config.Packs.Pack(name)
	if !ok {
		return nil, fault.New(fault.Invalid, "pack: no pack is called %q", name)
	}
	return p, nil
}

// Read reads a sample. Errors are of kind fault.Invalid or fault.TooLarge where the sample as such cannot be looked at; what is
// wrong with its content is in the outcome.
func (s *Stage) Read(ctx context.Context, now time.Time, by access.Actor, sample Sample) (Outcome, error) {
	pack, err := s.Pack(sample.Pack)
	if err != nil {
		return Outcome{}, err
	}
	switch {
	case len(sample.Body) > MaxBytes:
		return Outcome{}, fault.New(fault.TooLarge, "sample: %d bytes are more than %d", len(sample.Body), MaxBytes)
	case len(bytes.TrimSpace(sample.Body)) == 0:
		return Outcome{}, fault.New(fault.Invalid, "sample: it is empty")
	}
	if sample.Name == "" {
		sample.Name = "sample"
	}
	o := Outcome{Pack: pack, Parties: map[ident.Party]string{}}
	part, err := format.Open(pack, sample.Name, bytes.NewReader(sample.Body), feed.Options{Key: s.Key})
	if err != nil {
		text, ours := fault.Message(err)
		if !ours {
			return Outcome{}, fmt.Errorf("read a sample: %w", err)
		}
		o.Problem = text
		return o, nil
	}
	if err := s.rows(&o, part); err != nil {
		return Outcome{}, fmt.Errorf("read a sample: %w", err)
	}
	if err := s.attribute(ctx, now, sample.Feed, &o); err != nil {
		return Outcome{}, fmt.Errorf("attribute a sample: %w", err)
	}
	o.explain(part)
	return o, s.compare(ctx, now, by, &o)
}

// rows reads the records, as parseBatch of act/loop does.
func (s *Stage) rows(o *Outcome, part *feed.Part) error {
	o.Stream, o.Columns, o.Drift = part.Stream, part.Columns, part.Drift
	var scratch feed.Scratch
	for {
		b, err := part.Next(MaxRows + 1)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if broken, ok := errors.AsType[*feed.ReadError](err); ok {
			o.Problem = broken.Error()
			return nil
		}
		if err != nil {
			return err
		}
		for i := range b.Bad {
			bad := &b.Bad[i]
			o.reject(feed.Record{Line: bad.Line, Bytes: bad.Raw}, bad.Reject)
		}
		for _, rec := range b.Records {
			if len(o.Rows)+len(o.Rejected) >= MaxRows {
				o.More = true
				break
			}
			s.record(o, part, rec, &scratch)
		}
		b.Release()
		if o.More {
			return nil
		}
	}
}

// record reads what a record says of each asset that it names. A record is taken in whole or kept aside whole.
func (s *Stage) record(o *Outcome, part *feed.Part, rec feed.Record, scratch *feed.Scratch) {
	assets, err := part.Assets(rec)
	first := len(o.Rows)
	for _, one := range assets {
		if err = s.row(o, part, one, scratch); err != nil {
			break
		}
	}
	if err != nil {
		o.Rows = o.Rows[:first]
		o.reject(rec, err)
	}
}

func (s *Stage) row(o *Outcome, part *feed.Part, rec feed.Record, scratch *feed.Scratch) error {
	short, err := part.Decoder.Row(rec, scratch)
	if err != nil {
		return err
	}
	if why := short.Mark.Held(); why != nil {
		return &held{why}
	}
	ev, err := part.Decoder.Event(rec)
	if err != nil {
		return err
	}
	id, err := finding.Identify(ev)
	if err != nil {
		return err
	}
	class := s.Library.Class(id.Identifier, part.Stream, id.Type)
	o.Rows = append(o.Rows, Row{
		Line: rec.Line, Event: ev, Identity: id, Class: class, Severity: max(class.Level(), short.Severity), Gone: short.Gone,
	})
	return nil
}

// held is why a row waits for a person: its bytes are not shown.
type held struct{ error }

func (o *Outcome) reject(rec feed.Record, err error) {
	if _, out := errors.AsType[*feed.OutOfRemit](err); out {
		o.Refused++
		return
	}
	if _, left := errors.AsType[*feed.LeftOut](err); left {
		o.LeftOut++
		return
	}
	r := Rejected{Line: rec.Line, Reason: err.Error()}
	if _, red := errors.AsType[*held](err); red {
		r.Field, rec.Bytes = "tlp", nil
	}
	if why, ok := errors.AsType[*feed.Reject](err); ok {
		r.Field, r.Reason = why.Field, why.Reason
	}
	if raw, ok := veil.Record(o.Columns, rec.Bytes); ok {
		r.Raw = string(raw[:min(len(raw), 500)])
	}
	o.Rejected = append(o.Rejected, r)
}

func (s *Stage) attribute(ctx context.Context, now time.Time, from ident.Feed, o *Outcome) error {
	register, err := s.Register(ctx, now)
	if err != nil {
		return err
	}
	for i := range o.Rows {
		r := &o.Rows[i]
		subject := party.SubjectOf(r.Event, r.Identity.Asset)
		subject.Feed, subject.Stream, subject.Severity = from, o.Stream, r.Severity
		subject.Type, subject.Identifier = r.Identity.Type, r.Identity.Identifier
		r.Attribution = register.Attribute(subject)
		if r.Attribution.Party == "" {
			o.Nobody++
		}
	}
	return nil
}

// explain fills the steps of the mapping; for formats that name fields themselves they are those of the first event.
func (o *Outcome) explain(part *feed.Part) {
	var first event.Event
	if len(o.Rows) > 0 {
		first = o.Rows[0].Event
	}
	seen := map[string]bool{}
	for _, m := range part.Mapping {
		seen[m.Field] = true
		o.Mapping = append(o.Mapping, Step{m, text(first.Fields[m.Field])})
	}
	var rest []string
	for name := range first.Fields {
		if !seen[name] {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	for _, name := range rest {
		o.Mapping = append(o.Mapping, Step{feed.Mapped{Field: name}, text(first.Fields[name])})
	}
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// compare holds the rows against each other and against the findings that are there.
func (s *Stage) compare(ctx context.Context, now time.Time, by access.Actor, o *Outcome) error {
	first := map[finding.Key]int64{}
	var assets []string
	for i := range o.Rows {
		r := &o.Rows[i]
		k := r.Identity.Key()
		if at, twice := first[k]; twice {
			r.Twin = at
			continue
		}
		first[k] = r.Line
		assets = append(assets, r.Identity.Asset.Value)
	}
	slices.Sort(assets)
	return s.Store.View(ctx, func(tx *store.Tx) error {
		known, err := tx.KnownKeys(ctx, slices.Compact(assets))
		if err != nil {
			return err
		}
		maps.DeleteFunc(known, func(k finding.Key, _ ident.Finding) bool { return first[k] == 0 })
		may, err := readable(ctx, tx, now, by, known)
		if err != nil {
			return err
		}
		for i := range o.Rows {
			r := &o.Rows[i]
			id, there := known[r.Identity.Key()]
			if r.Known = there; there && may[id] {
				r.Finding = id
			}
			switch {
			case r.Twin != 0 || r.Gone:
			case there:
				o.Known++
			default:
				o.New++
			}
			if p := r.Attribution.Party; p != "" && o.Parties[p] == "" {
				if o.Parties[p], err = tx.PartyName(ctx, p); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func readable(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, known map[finding.Key]ident.Finding) (map[ident.Finding]bool, error) {
	r, err := tx.Reader(ctx, by, now)
	if err != nil {
		return nil, err
	}
	ids := make([]ident.Finding, 0, len(known))
	for _, id := range known {
		ids = append(ids, id)
	}
	out := map[ident.Finding]bool{}
	found, err := tx.FindingsByID(ctx, ids[:min(len(ids), 10_000)])
	for i := range found {
		t, err := tx.ThingOf(ctx, &found[i])
		if err != nil {
			return nil, err
		}
		out[found[i].ID] = access.Can(r, t, now, by.Why())
	}
	return out, err
}
