package desk

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/act/triage"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

type previewBody struct {
	Act     triage.Act
	Rows    []previewRow
	Changed int
	Skipped int
	To      ident.Party // of Attribute, for all; empty: each to the party proposed for it
	All     choice      // the one party that all go to
	Choose  bool
	Told    []told
	Reason  string
	Back    string
	Self    string
}

// previewRow is what would become of one row.
type previewRow struct {
	triage.Outcome
	Tick, Title, Link, Why string
}

// told says how many notices' findings a party would hear of.
type told struct {
	Party    ident.Party
	Name     string
	Findings int
}

// ticked reads the rows of a bulk: "finding:12|party", and the one party that all are to go to.
func ticked(q url.Values, to ident.Party) []triage.On {
	act := triage.Act(q.Get("do"))
	var out []triage.On
	for _, row := range q["row"] {
		key, proposed, _ := strings.Cut(row, "|")
		on := triage.On{Key: key, Act: act}
		if act == triage.Attribute {
			if on.To = to; to == "" {
				on.To = ident.Party(proposed)
			}
		}
		out = append(out, on)
	}
	return out
}

// queuePreview shows exactly what a bulk would do to each row, who would be told, and what would be left out and why.
func (d *desk) queuePreview(v *page.Visit) error {
	q := v.R.URL.Query()
	act := triage.Act(q.Get("do"))
	if !slices.Contains(triage.Acts, act) {
		return fault.New(fault.Invalid, "%s", v.T("work.choose_act"))
	}
	to, err := d.called(v, word(q, "to"))
	if err != nil {
		return err
	}
	on := ticked(q, to.ID)
	if len(on) == 0 {
		return fault.New(fault.Invalid, "%s", v.T("work.choose_rows"))
	}
	ctx := v.R.Context()
	p, err := d.triage.Preview(ctx, v.Now, v.Who.Actor, on)
	if err != nil {
		return err
	}
	b := previewBody{
		Act: act, Changed: p.Changed, Skipped: len(p.Outcomes) - p.Changed, Back: page.Local(q.Get("back")), To: to.ID,
		Reason: quickReason(v, act), Self: v.R.URL.Path,
	}
	for _, o := range p.Outcomes {
		b.Rows = append(b.Rows, d.previewRow(v, o))
		b.tell(o)
	}
	if b.Choose = act == triage.Attribute; b.Choose {
		b.All = choice{ID: "to", Name: "to", Value: b.To, First: v.T("work.to_proposed")}
		if b.All.Parties, err = d.partyChoices(v); err != nil {
			return err
		}
	}
	return page.Show(v, "desk/preview", v.T("work.preview"), b)
}

func (b *previewBody) tell(o triage.Outcome) {
	if o.Problem != nil || o.Tells == "" {
		return
	}
	i := slices.IndexFunc(b.Told, func(t told) bool { return t.Party == o.Tells })
	if i < 0 {
		i, b.Told = len(b.Told), append(b.Told, told{Party: o.Tells, Name: o.TellName})
	}
	b.Told[i].Findings++
}

func (d *desk) previewRow(v *page.Visit, o triage.Outcome) previewRow {
	r := previewRow{Outcome: o, Title: o.Key, Tick: o.Key + "|" + string(o.On.To), Link: objectLink(o.Key)}
	switch {
	case o.Finding != nil:
		r.Title = o.Finding.Identity.Asset.Value
	case o.Item != nil:
		args := make([]any, len(o.Item.Args))
		for n, a := range o.Item.Args {
			args[n] = listed(v.Lang.Said(a))
		}
		r.Title, r.Link = v.T("queue."+o.Item.Code, args...), objectLink(o.Item.Object)
	}
	if o.Problem != nil {
		r.Why = skipped(v, o)
	}
	return r
}

// skipped says in the reader's language why a row is left alone.
func skipped(v *page.Visit, o triage.Outcome) string {
	switch {
	case errors.Is(o.Problem, fault.NotFound):
		return v.T("work.skip.gone")
	case errors.Is(o.Problem, fault.Invalid) && o.Act == triage.Attribute:
		return v.T("work.skip.party")
	case o.Item != nil && o.Act == triage.Done:
		return v.T("work.skip.done")
	case o.Finding != nil && o.Act != triage.Done:
		return v.T("work.skip.state", v.Lang.Word("state", string(o.From)))
	}
	return v.T("work.skip.other")
}

// queueBulk does what the preview showed, each row by an act of its own.
func (d *desk) queueBulk(v *page.Visit) error {
	post := v.R.PostForm
	b, err := d.triage.Do(v.R.Context(), v.Now, v.Who.Actor, ticked(post, ident.Party(word(post, "to"))), post.Get("reason"))
	if err != nil {
		return err
	}
	if b.Changed == 0 {
		return fault.New(fault.Conflict, "%s", v.T("work.nothing"))
	}
	return back(v, post.Get("back"), "triage_bulk", b.ID, "")
}
