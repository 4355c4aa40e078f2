package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type findingBody struct {
	loop.FindingDetail
	Title      string
	What       string
	Undo       undoForm
	Quick      []button // acts by one key
	Why        loop.Why
	Steps      []step // the newest first
	Earlier    []step
	Letters    []loop.NoticeRow // the newest first
	Before     []loop.NoticeRow
	CanDiscard bool
	CanReject  bool
	To, With   choice // who is to answer, and who is to see it
	FirstEvent []field
	Notes      []event.Note
	Look       lookForm // before the raw rows
	Stricter   []marking.TLP
	Milder     []marking.TLP
	Raw        []rawRow
	RawLate    bool // the archive did not answer in time
	RawGone    bool // the bytes are not there or can no longer be read
}

// step is one step of the history. What software gives as a reason is told in the reader's language instead.
type step struct {
	loop.HistoryRow
	Notice string    // that its reason names; empty where it names none
	Seen   time.Time // the observation that its reason names
	Signal ident.Signal
}

// How much of a long history the page shows unfolded.
const (
	stepsShown   = 12
	lettersShown = 5
)

func steps(history []loop.HistoryRow) []step {
	out := make([]step, 0, len(history))
	for _, h := range slices.Backward(history) {
		s := step{HistoryRow: h}
		if strings.HasPrefix(h.Actor, "software:") {
			s.explain()
		}
		out = append(out, s)
	}
	return out
}

// explain takes the reason apart that software gave.
func (s *step) explain() {
	if id, ok := strings.CutPrefix(s.Reason, "notice "); ok && strings.HasPrefix(id, "ntc_") {
		s.Notice, s.Reason = id, ""
		return
	}
	if s.Proof != nil {
		s.Reason = ""
		return
	}
	var at string
	if _, err := fmt.Sscanf(s.Reason, "seen at %s in signal %d", &at, &s.Signal); err != nil {
		return
	}
	if t, err := time.Parse(time.RFC3339, at); err == nil {
		s.Seen, s.Reason = t, ""
	}
}

func split[T any](all []T, at int) (first, rest []T) {
	at = min(at, len(all))
	return all[:at], all[at:]
}

type field struct{ Name, Value string }

type rawRow struct {
	Signal  ident.Signal
	Name    string
	Hash    string
	Line    int64
	Columns string
	Text    string
	Fields  []field
	Notes   []event.Note
}

// rawPatience is how long the page waits for rows from the archive.
const rawPatience = 2 * time.Second

func (d *desk) finding(v *page.Visit) error {
	id, err := findingID(v)
	if err != nil {
		return err
	}
	ctx := v.R.Context()
	b := findingBody{}
	if b.FindingDetail, err = d.loop.FindingByID(ctx, v.Now, v.Who.Actor, id); err != nil {
		return err
	}
	b.Undo = undoForm{word(v.R.URL.Query(), "undo"), fmt.Sprintf("/desk/findings/%d", id)}
	b.Title, b.What = b.Explain.Title.In(string(v.Lang)), b.Explain.What.In(string(v.Lang))
	_, err = finding.Next(b.State, finding.Discard)
	b.CanDiscard = err == nil
	_, err = finding.Next(b.State, finding.Reject)
	b.CanReject = err == nil
	b.Steps, b.Earlier = split(steps(b.History), stepsShown)
	slices.Reverse(b.Notices)
	b.Letters, b.Before = split(b.Notices, lettersShown)
	if b.Why, err = d.loop.Why(ctx, v.Now, v.Who.Actor, id); err != nil {
		return err
	}
	if v.May(people.Triage) {
		b.Quick = quick(v, &b)
	}
	all, err := d.partyChoices(v)
	if err != nil {
		return err
	}
	b.To = choice{ID: "to", Name: "party", First: v.T("desk.finding.choose"), Must: true}
	b.To.Parties = slices.DeleteFunc(slices.Clone(all), func(p triage.PartyName) bool { return p.ID == b.Party })
	if b.Basis == party.ByHand {
		b.To.First, b.To.Must = v.T("desk.finding.by_rule"), false
	}
	b.With = choice{ID: "share-party", Name: "party", First: "–", Parties: all}
	first, err := d.loop.FirstEvent(ctx, v.Now, v.Who.Actor, id)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	b.FirstEvent, b.Notes = fields(first), first.Notes
	b.Milder, b.Stricter = around(b.Mark.TLP)
	d.raw(ctx, v, id, &b)
	remember(v, fmt.Sprintf("finding:%d", id))
	return page.Show(v, "desk/finding", fmt.Sprintf("%s · %s", b.Identity.Asset.Value, b.Title), b)
}

// quick are the acts that one key does, with the reason that the queue gives: to what the rule says now, where that is
// another party; to reject a dispute; to discard.
func quick(v *page.Visit, b *findingBody) []button {
	var out []button
	add := func(a triage.Act, to ident.Party, label string) {
		value := strings.Join([]string{string(a), fmt.Sprintf("finding:%d", b.ID), string(to), ""}, "|")
		out = append(out, button{Key: actKeys[a], Label: label, Value: value})
	}
	if to := b.Why.Rule.Party; to != "" && !b.Why.Agrees && (b.State.Live() || b.State == finding.Stale) {
		add(triage.Attribute, to, v.T("desk.finding.attribute_to", b.Why.Names[to]))
	}
	if b.State == finding.Disputed {
		add(triage.Reject, "", v.Lang.Word("work_act", string(triage.Reject)))
	}
	if b.CanDiscard {
		add(triage.Discard, "", v.Lang.Word("work_act", string(triage.Discard)))
	}
	return out
}

// raw adds the newest rows from the archive; the page does without them rather than fail or keep people waiting.
func (d *desk) raw(ctx context.Context, v *page.Visit, id ident.Finding, b *findingBody) {
	ctx, cancel := context.WithTimeout(ctx, rawPatience)
	defer cancel()
	rows, err := d.loop.RawRows(ctx, v.Now, v.Who.Actor, id)
	if errors.Is(err, loop.ErrLook) {
		b.Look = lookAt(fmt.Sprintf("/desk/findings/%d/raw", id))
		return
	}
	if err != nil {
		b.RawLate = errors.Is(err, context.DeadlineExceeded)
		b.RawGone = !b.RawLate
		d.kit.Log.WarnContext(ctx, "raw rows not read", "finding", id, "error", err, "request", v.ID)
		return
	}
	for _, r := range rows {
		columns, err := json.Marshal(r.Columns)
		if err != nil || len(r.Columns) == 0 {
			columns = nil
		}
		b.Raw = append(b.Raw, rawRow{
			Signal: r.Signal, Name: r.Name, Hash: r.Hash, Line: r.Line, Columns: string(columns), Text: string(r.Raw),
			Fields: fields(r.Event), Notes: r.Event.Notes,
		})
	}
}

func fields(e event.Event) []field {
	var out []field
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		text, ok := e.Fields[name].(string)
		if !ok {
			raw, err := json.Marshal(e.Fields[name])
			if err != nil {
				continue
			}
			text = string(raw)
		}
		out = append(out, field{name, text})
	}
	return out
}

func (d *desk) discard(v *page.Visit) error { return d.decide(v, triage.Discard, "discard") }

func (d *desk) reject(v *page.Visit) error { return d.decide(v, triage.Reject, "reject") }

// decide settles the finding of the page with a reason; it can be undone from there.
func (d *desk) decide(v *page.Visit, act triage.Act, done string) error {
	id, err := findingID(v)
	if err != nil {
		return err
	}
	at, post := fmt.Sprintf("/desk/findings/%d", id), v.R.PostForm
	to, err := d.called(v, post.Get("party"))
	if err != nil {
		return err
	}
	on := triage.On{Key: fmt.Sprintf("finding:%d", id), Act: act, To: to.ID}
	b, err := d.triage.Do(v.R.Context(), v.Now, v.Who.Actor, []triage.On{on}, post.Get("reason"))
	if err == nil {
		err = b.First()
	}
	if err != nil {
		return err
	}
	return back(v, at, done, b.ID, "")
}

// attribute names who answers for the finding, or gives it back to the rule.
func (d *desk) attribute(v *page.Visit) error {
	if v.R.PostForm.Get("party") != "" {
		return d.decide(v, triage.Attribute, "attribute")
	}
	id, err := findingID(v)
	if err == nil {
		err = d.loop.AttributeByHand(v.R.Context(), v.Now, v.Who.Actor, id, "", v.R.PostForm.Get("reason"))
	}
	if err != nil {
		return err
	}
	return v.Redirect(fmt.Sprintf("/desk/findings/%d", id), "attribute")
}
