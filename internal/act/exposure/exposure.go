// Package exposure owns what a party's own people read of their findings: what is open and by what resource or system it
// is theirs, what is new, and what they have not answered.
//
// It changes nothing: answers are acts of package act/loop. What leaves as a file leaves an entry.
package exposure

import (
	"context"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Exposure answers what a party has open. It is safe for use by many goroutines.
type Exposure struct {
	store   *store.Store
	library *notice.Library
}

// New makes an Exposure.
func New(s *store.Store, l *notice.Library) *Exposure { return &Exposure{s, l} }

// Query is what a member asks of the list; the zero value asks for everything that is live.
type Query struct {
	States   []finding.State // none: every live one
	Severity *event.Severity // exactly this; nil: any
	Class    string          // of the class library, or an RSIT type
	Matched  string          // the resource or system that decided
	Since    time.Time       // made at or after; zero: whenever
}

// Row is a finding as a member's list shows it.
type Row struct {
	store.Finding
	Explain *notice.Class
}

// Group counts what one resource or system led to the party.
type Group = store.Matched

// Page is one page of the list, the newest finding first.
type Page struct {
	Rows     []Row
	Next     ident.Finding // cursor of the page after; 0 at the end
	Searched ident.Finding // the search paused at this number before the page was full; 0 = it did not
	Count    int           // of the whole list, at most limit CountCap
}

// CountCap is where counts end: one more than the number that pages show with a plus.
const CountCap = 10_001

// Live are the states in which a finding still asks somebody to do something.
var Live = slices.DeleteFunc(slices.Clone(finding.States), func(s finding.State) bool { return !s.Live() })

func (q Query) filter(of ident.Party, may access.Cond) store.FindingFilter {
	f := store.FindingFilter{States: q.States, Party: of, Class: q.Class, Matched: q.Matched, Since: q.Since, May: may}
	if len(f.States) == 0 {
		f.States = Live
	}
	if q.Severity != nil {
		f.Severities = []event.Severity{*q.Severity}
	}
	return f
}

// reads runs f with what by may read of a kind of things. Only a party's own people read here: whoever is nobody's
// member finds nothing.
func (e *Exposure) reads(ctx context.Context, now time.Time, by access.Actor, f func(tx *store.Tx, may func(access.ThingKind) access.Cond) error) error {
	if !by.Member() {
		return access.Missing(access.Parties, string(by.Party))
	}
	return e.store.View(ctx, func(tx *store.Tx) error {
		r, err := tx.Reader(ctx, by, now)
		if err != nil {
			return err
		}
		return f(tx, func(k access.ThingKind) access.Cond { return access.Readable(r, k, now, access.Answer) })
	})
}

// List returns at most limit findings of by's party below the cursor before (0 = from the newest), with the number of
// them all.
func (e *Exposure) List(ctx context.Context, now time.Time, by access.Actor, q Query, before ident.Finding, limit int) (Page, error) {
	var p Page
	err := e.reads(ctx, now, by, func(tx *store.Tx, may func(access.ThingKind) access.Cond) error {
		f := q.filter(by.Party, may(access.Findings))
		list, err := tx.ListFindings(ctx, f, before, limit)
		if err != nil {
			return err
		}
		if p.Count, err = tx.CountFindings(ctx, f, CountCap); err != nil {
			return err
		}
		p.Next, p.Searched = list.Next, list.Searched
		p.Rows, err = e.rows(ctx, tx, list.Findings)
		return err
	})
	return p, err
}

// Count counts the findings of by's party that q asks for, at most CountCap.
func (e *Exposure) Count(ctx context.Context, now time.Time, by access.Actor, q Query) (int, error) {
	n := 0
	err := e.reads(ctx, now, by, func(tx *store.Tx, may func(access.ThingKind) access.Cond) (err error) {
		n, err = tx.CountFindings(ctx, q.filter(by.Party, may(access.Findings)), CountCap)
		return err
	})
	return n, err
}

// IDs returns the numbers of at most limit findings that q asks for.
func (e *Exposure) IDs(ctx context.Context, now time.Time, by access.Actor, q Query, limit int) ([]ident.Finding, error) {
	var out []ident.Finding
	for before := ident.Finding(0); len(out) < limit; {
		var page store.FindingPage
		err := e.reads(ctx, now, by, func(tx *store.Tx, may func(access.ThingKind) access.Cond) (err error) {
			page, err = tx.ListFindings(ctx, q.filter(by.Party, may(access.Findings)), before, min(1000, limit-len(out)))
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := range page.Findings {
			out = append(out, page.Findings[i].ID)
		}
		if before = page.Next; before == 0 {
			break
		}
	}
	return out, nil
}

// Some returns those of the named findings that are by's party's and by may read.
func (e *Exposure) Some(ctx context.Context, now time.Time, by access.Actor, ids []ident.Finding) ([]Row, error) {
	var out []Row
	err := e.reads(ctx, now, by, func(tx *store.Tx, may func(access.ThingKind) access.Cond) error {
		found, err := tx.FindingsByID(ctx, ids)
		if err != nil {
			return err
		}
		cond := may(access.Findings)
		found = slices.DeleteFunc(found, func(f store.Finding) bool { return f.Party != by.Party || !cond.Holds(f.Thing("")) })
		out, err = e.rows(ctx, tx, found)
		return err
	})
	return out, err
}

func (e *Exposure) rows(ctx context.Context, tx *store.Tx, found []store.Finding) ([]Row, error) {
	streams := map[int64]string{}
	if len(found) > 0 {
		all, err := tx.Streams(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			streams[s.ID] = s.Report
		}
	}
	out := make([]Row, len(found))
	for i := range found {
		f := found[i]
		out[i] = Row{f, e.library.Class(f.Identity.Identifier, streams[f.Stream], f.Identity.Type)}
	}
	return out, nil
}

// groupsShown bounds the resources and systems that Overview lists.
const groupsShown = 200

// Overview is a party's live findings in numbers.
type Overview struct {
	Groups []Group                // by resource and system, the worst first
	Open   map[event.Severity]int // live
	Fresh  map[event.Severity]int // live and new: see FreshSince
}

// freshDays is for how many UTC days, that of its making among them, a finding counts as new.
const freshDays = 7

// FreshSince is since when what was made counts as new: the list behind the number asks for the same instant.
func FreshSince(now time.Time) time.Time { return (finding.DayOf(now) - freshDays + 1).Start() }

// Total sums counts by severity.
func Total(n map[event.Severity]int) int {
	sum := 0
	for _, m := range n {
		sum += m
	}
	return sum
}

// Overview counts the live findings of by's party.
func (e *Exposure) Overview(ctx context.Context, now time.Time, by access.Actor) (Overview, error) {
	o := Overview{Open: map[event.Severity]int{}}
	err := e.reads(ctx, now, by, func(tx *store.Tx, may func(access.ThingKind) access.Cond) error {
		cond := may(access.Findings)
		var err error
		if o.Groups, err = tx.MatchedOf(ctx, by.Party, Live, cond, groupsShown); err != nil {
			return err
		}
		rows, err := tx.Tally(ctx, store.FindingFilter{Party: by.Party, States: Live, May: cond}, "severity")
		if err != nil {
			return err
		}
		for _, r := range rows {
			o.Open[r.Severity] = int(r.N)
		}
		o.Fresh, err = tx.FreshOf(ctx, by.Party, Live, FreshSince(now), cond)
		return err
	})
	return o, err
}

// Deadline is a notice that waits for an answer, with what happens next.
type Deadline struct {
	store.Unanswered
	Due  time.Time // answered before this, nobody reminds; for what is late: when that was
	Late bool      // a reminder went out, or the desk has taken it up
}

// Deadlines returns at most limit notices of by's party that wait for an answer, what is late first.
func (e *Exposure) Deadlines(ctx context.Context, now time.Time, by access.Actor, limit int) ([]Deadline, error) {
	var out []Deadline
	err := e.reads(ctx, now, by, func(tx *store.Tx, may func(access.ThingKind) access.Cond) error {
		list, err := tx.UnansweredOf(ctx, by.Party, may(access.Notices), limit)
		for _, u := range list {
			out = append(out, deadline(u, now))
		}
		return err
	})
	slices.SortStableFunc(out, func(a, b Deadline) int {
		if a.Late != b.Late {
			if a.Late {
				return -1
			}
			return 1
		}
		return a.Due.Compare(b.Due)
	})
	return out, err
}

// deadline reads a notice's clock: the next step is due at Next. A reminder is made when the time for the notice before it
// is over, and so is what stands at the desk.
func deadline(u store.Unanswered, now time.Time) Deadline {
	d := Deadline{Unanswered: u, Due: u.Next}
	follows := u.Kind == notice.Reminder || u.Kind == notice.Escalation
	switch {
	case follows || u.State == notice.Escalated:
		d.Late, d.Due = true, u.Created
	case !u.Next.After(now):
		d.Late = true
	}
	return d
}

// NameOf is what a party calls the system that led to its findings, or the resource itself.
func NameOf(p *party.Party, basis party.Basis, value string) string {
	if basis == party.BySystem {
		for _, s := range p.Systems {
			if s.Asset.Value == value && s.Name != "" {
				return s.Name
			}
		}
	}
	return value
}
