package triage

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/promise"
	"tocsin/internal/store"
)

// Row is one thing that waits for the desk.
type Row struct {
	Key        string // "finding:12" or "queue:que_…"; empty: nothing is done to it from the queue
	Kind       promise.Kind
	Since, Due time.Time
	Severity   event.Severity
	Protection int   // level of the system that it is about; 0 unknown
	Count      int64 // how often it was seen, or how many findings it is about
	Mark       marking.TLP

	Code    string   // of its title: an item's code in the catalogue; empty for a finding
	Args    []string // of the code
	Object  string   // what it is about, as the ledger names it
	Finding *store.Finding
	Party   ident.Party // that answers now; of a dispute, who disputes
	Name    string      // of Party
	Propose *Proposed   // nil: nobody in particular
	Said    string      // by the party that disputes; may be empty
	Acts    []Act       // that settle it here
}

// Proposed is who the program thinks should answer, how surely and why. A person decides.
type Proposed struct {
	Party      ident.Party
	Name       string
	Confidence int    // percent
	Why        string // "asset", "hand", "block" or "named"
	Of         string // the asset or the block that it rests on
	Share      int    // of All findings there it answers for
	All        int
}

// Overdue reports whether the promise is broken at an instant.
func (r *Row) Overdue(now time.Time) bool { return now.After(r.Due) }

// Impact orders what is due in the same hour: severity first, then the protection level of the system, then how often it
// was seen (in powers of two).
func (r *Row) Impact() int {
	return int(r.Severity)*100 + r.Protection*12 + min(bits.Len64(uint64(max(0, r.Count))), 11)
}

// Sort orders rows by the hour in which they are due, then by impact, then by the instant.
func Sort(rows []Row) {
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(
			a.Due.Truncate(time.Hour).Compare(b.Due.Truncate(time.Hour)), cmp.Compare(b.Impact(), a.Impact()),
			a.Due.Compare(b.Due), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Object, b.Object),
		)
	})
}

// Queue is what waits for the desk.
type Queue struct {
	Rows []Row        // the first to be due first
	Work promise.Work // all that waits, is as severe as was asked for and that the reader may see, of every kind
}

// CountCap is where counts end.
const CountCap = store.WorkCap

// Query narrows the queue; the zero value asks for all.
type Query struct {
	Kind     promise.Kind
	Severity event.Severity // at least
}

// Queue returns at most limit things that wait and that by may see, the first to be due first.
func (d *Desk) Queue(ctx context.Context, now time.Time, by access.Actor, ask Query, limit int) (Queue, error) {
	var q Queue
	register, err := d.registry.Register(ctx, now)
	if err != nil {
		return q, err
	}
	err = d.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by)
		if err != nil || !r.works() {
			return err
		}
		if q.Rows, err = d.gather(ctx, tx, r, ask, limit); err != nil {
			return err
		}
		if q.Work, err = tx.WorkOf(ctx, r.Reader, ask.Severity, now, d.zone); err != nil {
			return err
		}
		if err := protect(ctx, tx, q.Rows); err != nil {
			return err
		}
		Sort(q.Rows)
		q.Rows = q.Rows[:min(len(q.Rows), limit)]
		return d.complete(ctx, tx, register, q.Rows)
	})
	if err != nil {
		return Queue{}, fmt.Errorf("read the queue: %w", err)
	}
	return q, nil
}

func (d *Desk) gather(ctx context.Context, tx *store.Tx, r reading, ask Query, limit int) ([]Row, error) {
	var rows []Row
	may := r.may(access.Findings)
	if ask.Kind == "" || ask.Kind == promise.Orphan {
		waits, err := tx.OldestOrphans(ctx, ask.Severity, may, limit)
		if err != nil {
			return nil, err
		}
		found, err := tx.FindingsByID(ctx, first(waits, limit, d.waiting(promise.Orphan)))
		if err != nil {
			return nil, err
		}
		rows = append(rows, d.findings(promise.Orphan, found)...)
	}
	if ask.Kind == "" || ask.Kind == promise.Dispute {
		waits, err := tx.OldestDisputes(ctx, ask.Severity, may, limit)
		if err != nil {
			return nil, err
		}
		found, err := tx.FindingsByID(ctx, first(waits, limit, d.waiting(promise.Dispute)))
		if err != nil {
			return nil, err
		}
		rows = append(rows, d.findings(promise.Dispute, found)...)
	}
	waits, err := tx.OldestItems(ctx, ask.Severity, limit)
	if err != nil {
		return nil, err
	}
	waits = slices.DeleteFunc(waits, func(i store.WaitingItem) bool { return ask.Kind != "" && ask.Kind != store.WorkKind(i.Kind) })
	ids := first(waits, limit, func(i store.WaitingItem) (string, time.Time) {
		return i.ID, promise.Due(store.WorkKind(i.Kind), i.Severity, i.Created, d.zone)
	})
	for some := range slices.Chunk(ids, 1000) {
		items, err := tx.QueueItems(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, i := range items {
			kind := store.WorkKind(i.Kind)
			row := Row{
				Key: "queue:" + i.ID, Kind: kind, Since: i.Created, Due: promise.Due(kind, i.Severity, i.Created, d.zone),
				Severity: i.Severity, Code: i.Code, Args: i.Args, Object: i.Object, Mark: marking.Green, Acts: []Act{Done},
			}
			if released(i.Kind) {
				row.Key, row.Acts = "", nil
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// released reports whether items of a kind go only when what they are about is decided on its own page: "seen to" settles none.
func released(kind string) bool { return kind == "notice.held" }

// first are the ids of which limit are due first: whatever is due in the same hour as the last of them may come before it.
func first[W any, ID cmp.Ordered](waits []W, limit int, of func(W) (ID, time.Time)) []ID {
	type due struct {
		id   ID
		hour time.Time
	}
	all := make([]due, len(waits))
	for i, w := range waits {
		id, at := of(w)
		all[i] = due{id, at.Truncate(time.Hour)}
	}
	slices.SortFunc(all, func(a, b due) int { return cmp.Or(a.hour.Compare(b.hour), cmp.Compare(a.id, b.id)) })
	var out []ID
	for i, w := range all {
		if i >= limit && w.hour.After(all[limit-1].hour) {
			break
		}
		out = append(out, w.id)
	}
	return out
}

// waiting tells first of a finding and when it is due.
func (d *Desk) waiting(kind promise.Kind) func(store.Waiter) (ident.Finding, time.Time) {
	return func(w store.Waiter) (ident.Finding, time.Time) {
		return w.ID, promise.Due(kind, w.Severity, waitsSince(kind, w.Created, w.StateAt), d.zone)
	}
}

// waitsSince is since when a finding waits for the desk.
func waitsSince(kind promise.Kind, created, stateAt time.Time) time.Time {
	if kind == promise.Dispute || stateAt.After(created) {
		return stateAt
	}
	return created
}

func (d *Desk) findings(kind promise.Kind, found []store.Finding) []Row {
	rows := make([]Row, len(found))
	for i := range found {
		f := &found[i]
		since := waitsSince(kind, f.Created, f.StateAt)
		rows[i] = Row{
			Key: fmt.Sprintf("finding:%d", f.ID), Kind: kind, Since: since, Due: promise.Due(kind, f.Severity, since, d.zone),
			Severity: f.Severity, Count: f.Count, Mark: f.Mark.TLP, Object: fmt.Sprintf("finding:%d", f.ID), Finding: f, Party: f.Party,
		}
	}
	return rows
}

// Waiting counts what waits and by may see.
func (d *Desk) Waiting(ctx context.Context, now time.Time, by access.Actor) (promise.Work, error) {
	var w promise.Work
	err := d.store.View(ctx, func(tx *store.Tx) error {
		r, err := tx.Reader(ctx, by, now)
		if err == nil {
			w, err = tx.WorkOf(ctx, r, 0, now, d.zone)
		}
		return err
	})
	return w, err
}

// Whole counts everything that waits, whoever may read it: numbers of the whole installation, and nothing of anybody.
func (d *Desk) Whole(ctx context.Context, now time.Time) (promise.Work, error) {
	var w promise.Work
	err := d.store.View(ctx, func(tx *store.Tx) (err error) {
		w, err = tx.WorkWhole(ctx, now, d.zone)
		return err
	})
	return w, err
}

// protect fills in the protection levels of the systems that the rows are about: the order asks for them.
func protect(ctx context.Context, tx *store.Tx, rows []Row) error {
	var matched []string
	for i := range rows {
		if f := rows[i].Finding; f != nil && f.Matched != "" {
			matched = append(matched, f.Matched)
		}
	}
	slices.Sort(matched)
	levels := map[string]int{}
	for some := range slices.Chunk(slices.Compact(matched), 1000) {
		found, err := tx.Protections(ctx, some)
		if err != nil {
			return err
		}
		maps.Copy(levels, found)
	}
	for i := range rows {
		if f := rows[i].Finding; f != nil {
			rows[i].Protection = levels[f.Matched]
		}
	}
	return nil
}

// complete adds to the rows that are shown what takes a look elsewhere: names, proposals, acts.
func (d *Desk) complete(ctx context.Context, tx *store.Tx, register *party.Register, rows []Row) error {
	p := &proposer{register: register}
	if err := p.look(ctx, tx, rows); err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		if row.Finding == nil {
			continue
		}
		row.Propose = p.propose(row)
		if row.Kind == promise.Dispute {
			row.Said = p.said(row.Finding.ID)
			row.Acts = append(row.Acts, Reject)
		}
		if row.Propose != nil {
			row.Acts = append(row.Acts, Attribute)
		}
		row.Acts = append(row.Acts, Discard)
	}
	return p.name(ctx, tx, rows)
}
