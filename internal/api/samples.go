package api

import (
	"fmt"
	"time"

	"tocsin/internal/act/rehearse"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Packs is what a feed can be read with.
type Packs struct {
	Packs []Pack `json:"packs"`
}

// Pack is the description of a feed's format.
type Pack struct {
	Name     string `json:"name"`
	Version  int    `json:"version"`
	Title    string `json:"title"`
	Provider string `json:"provider"`
	URL      string `json:"url,omitempty" doc:"Page that documents the feed."`
	Note     string `json:"note,omitempty" doc:"What one row proves, and what it does not."`
	Terms    string `json:"terms,omitempty"`
	Format   string `json:"format"`
	Urgent   bool   `json:"urgent"`
	PollURL  string `json:"poll_url,omitempty"`
	Every    int64  `json:"poll_every_seconds,omitempty"`
}

func (a *api) packs(c *call, _ none) (Packs, error) {
	if err := c.Desk(); err != nil {
		return Packs{}, err
	}
	var out Packs
	for _, p := range a.Stage.Packs() {
		is := Pack{
			Name: p.Name, Version: p.Version, Title: p.Title, Provider: p.Provider, URL: p.URL, Note: p.Note, Terms: p.Terms, Format: p.Format, Urgent: p.Urgent,
		}
		if p.Poll != nil {
			is.PollURL, is.Every = p.Poll.URL, int64(p.Poll.Every/time.Second)
		}
		out.Packs = append(out.Packs, is)
	}
	return out, nil
}

const sampleText = "Reads a sample as the feed would be read, at most 256 KiB and 500 rows, and keeps nothing of it: which cell becomes which field, which " +
	"findings would be new, who would answer for them, and which rows would be kept aside."

type sampleBody struct {
	Sample string `json:"sample" required:"true" max:"262144" doc:"Rows as the feed sends them."`
	File   string `json:"file,omitempty" max:"200" doc:"Name of the file: some formats tell their kind by it."`
	Feed   string `json:"feed,omitempty" max:"64" doc:"That it would come from: rules may name it."`
}

type sampleQuery struct {
	Name string `path:"name"`
	Body sampleBody
}

// Rehearsal is what would become of a sample.
type Rehearsal struct {
	Stream   string          `json:"stream,omitempty"`
	Problem  string          `json:"problem,omitempty" doc:"Why the sample could not be read, or not to its end."`
	Mapping  []MappingStep   `json:"mapping" doc:"How the cells of a row become fields."`
	New      []string        `json:"new_columns" doc:"In the sample and unknown to the pack."`
	Lost     []string        `json:"lost_columns" doc:"Known to the pack and not in the sample."`
	Rows     []SampleRow     `json:"rows"`
	Rejected []SampleReject  `json:"rejected" doc:"Rows that would become no event."`
	LeftOut  int             `json:"left_out" doc:"Rows that the pack says are none of ours."`
	Refused  int             `json:"refused" doc:"Rows outside the remit: counted, never kept."`
	More     bool            `json:"more" doc:"There were more rows than are looked at."`
	Counts   RehearsalCounts `json:"counts"`
}

// RehearsalCounts counts what the rows of a sample would do.
type RehearsalCounts struct {
	New    int `json:"findings_new"`
	Known  int `json:"findings_known"`
	Nobody int `json:"nobody" doc:"Rows that no party would answer for."`
}

// MappingStep is one step from a cell to a field.
type MappingStep struct {
	Column   string `json:"column,omitempty"`
	Field    string `json:"field"`
	Convert  string `json:"convert,omitempty"`
	Required bool   `json:"required"`
	Kept     bool   `json:"kept" doc:"No rule of the pack reads the cell: it is kept as it came."`
	Value    string `json:"value,omitempty" doc:"In the event of the first row."`
}

// SampleRow is one row and what would become of it.
type SampleRow struct {
	Line       int64             `json:"line"`
	Fields     map[string]string `json:"fields" doc:"Of the event, as text."`
	AssetKind  string            `json:"asset_kind"`
	Asset      string            `json:"asset"`
	Type       string            `json:"classification_type"`
	Severity   string            `json:"severity"`
	Party      string            `json:"party,omitempty" doc:"Who would answer."`
	PartyName  string            `json:"party_name,omitempty"`
	Basis      string            `json:"basis,omitempty"`
	Confidence int               `json:"confidence,omitempty"`
	Gone       bool              `json:"gone" doc:"It says that the problem is gone."`
	Known      bool              `json:"known" doc:"The finding is there already."`
	Finding    int64             `json:"finding,omitempty" doc:"Its number, where the token's person may read it."`
	Twin       int64             `json:"twin,omitempty" doc:"Line of an earlier row about the same finding."`
}

// SampleReject is a row that would become no event.
type SampleReject struct {
	Line   int64  `json:"line"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
	Raw    string `json:"raw,omitempty" doc:"Without what is secret; absent where it cannot be shown."`
}

func (a *api) rehearse(c *call, q sampleQuery) (Rehearsal, error) {
	if err := c.Desk(); err != nil {
		return Rehearsal{}, err
	}
	if _, err := a.Stage.Pack(q.Name); err != nil {
		return Rehearsal{}, fault.New(fault.NotFound, "there is no such pack")
	}
	b := q.Body
	o, err := a.Stage.Read(c.Ctx, c.Now, c.By, rehearse.Sample{Pack: q.Name, Feed: ident.Feed(b.Feed), Name: b.File, Body: []byte(b.Sample)})
	if err != nil {
		return Rehearsal{}, err
	}
	out := Rehearsal{
		Stream: o.Stream, Problem: o.Problem, New: o.Drift.New, Lost: o.Drift.Lost, LeftOut: o.LeftOut, Refused: o.Refused, More: o.More,
		Counts: RehearsalCounts{o.New, o.Known, o.Nobody},
	}
	for _, s := range o.Mapping {
		out.Mapping = append(out.Mapping, MappingStep{s.Column, s.Field, s.Convert, s.Required, s.Kept, s.Value})
	}
	for i := range o.Rows {
		out.Rows = append(out.Rows, sampleRowOf(&o.Rows[i], o.Parties))
	}
	for _, r := range o.Rejected {
		out.Rejected = append(out.Rejected, SampleReject(r))
	}
	return out, nil
}

func sampleRowOf(r *rehearse.Row, names map[ident.Party]string) SampleRow {
	out := SampleRow{
		Line: r.Line, Fields: map[string]string{}, AssetKind: string(r.Identity.Asset.Kind), Asset: r.Identity.Asset.Value, Type: r.Identity.Type,
		Severity: r.Severity.String(), Party: string(r.Attribution.Party), PartyName: names[r.Attribution.Party], Gone: r.Gone, Known: r.Known,
		Finding: int64(r.Finding), Twin: r.Twin,
	}
	if out.Party != "" {
		out.Basis, out.Confidence = string(r.Attribution.Basis), r.Attribution.Confidence
	}
	for name, v := range r.Event.Fields {
		out.Fields[name] = fmt.Sprint(v)
	}
	return out
}
