package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

// Matched counts a party's findings that one resource or system led to it by.
type Matched struct {
	Basis party.Basis
	Value string // of the resource, or the system's asset
	Worst event.Severity
	Count int
}

// MatchedOf counts a party's findings in some states by what led to it, the worst and the most first, at most limit.
func (t *Tx) MatchedOf(ctx context.Context, p ident.Party, states []finding.State, may access.Cond, limit int) ([]Matched, error) {
	q := &conditions{}
	where := "f.party_id = " + q.add(p) + " and " + q.in("f.state", len(states), func(i int) any { return string(states[i]) })
	if !certain(may) {
		where += " and " + q.readable(findingFields, may)
	}
	var out []Matched
	err := t.each(ctx, "select f.basis, f.matched, max(f.severity), count(*) from finding f where "+where+
		" group by f.basis, f.matched order by 3 desc, 4 desc, 2 limit "+q.add(limit), q.args, func(r *sql.Rows) error {
		var m Matched
		err := r.Scan(&m.Basis, &m.Value, &m.Worst, &m.Count)
		out = append(out, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count findings of %s by resource: %w", p, err)
	}
	return out, nil
}

// SeveritiesOf counts a party's findings in some states that were made since an instant, by severity.
func (t *Tx) SeveritiesOf(ctx context.Context, p ident.Party, states []finding.State, since time.Time, may access.Cond) (map[event.Severity]int, error) {
	q := &conditions{}
	where := "f.party_id = " + q.add(p) + " and " + q.in("f.state", len(states), func(i int) any { return string(states[i]) })
	if !since.IsZero() {
		where += " and f.created_at >= " + q.add(Micros(since))
	}
	if !certain(may) {
		where += " and " + q.readable(findingFields, may)
	}
	out := map[event.Severity]int{}
	err := t.each(ctx, "select f.severity, count(*) from finding f where "+where+" group by f.severity", q.args, func(r *sql.Rows) error {
		var s event.Severity
		var n int
		err := r.Scan(&s, &n)
		out[s] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count findings of %s by severity: %w", p, err)
	}
	return out, nil
}

// Unanswered is a notice of which findings still have no answer.
type Unanswered struct {
	notice.Notice
	Findings int // that are told and have no answer
}

// UnansweredOf returns at most limit notices to a party that were sent, of which findings still have no answer and that
// nothing later follows up: those whose next step comes first are first, those that the desk has taken up before them.
func (t *Tx) UnansweredOf(ctx context.Context, p ident.Party, may access.Cond, limit int) ([]Unanswered, error) {
	q := &conditions{}
	rest := "where notice.party_id = " + q.add(p) + ` and notice.sent_at is not null and (notice.next_at is not null or notice.state = 'escalated')
		and exists (select 1 from notice_finding b join finding f on f.id = b.finding_id where b.notice_id = notice.id
		and f.party_id = notice.party_id and f.state = 'notified')`
	if !certain(may) {
		rest += " and " + q.readable(noticeFields, may)
	}
	list, err := t.notices(ctx, rest+" order by coalesce(next_at, 0), severity desc, id limit "+q.add(limit), q.args...)
	if err != nil {
		return nil, fmt.Errorf("read what %s has not answered: %w", p, err)
	}
	out := make([]Unanswered, len(list))
	for i := range list {
		out[i].Notice = list[i]
		err := t.row(ctx, `select count(*) from notice_finding b join finding f on f.id = b.finding_id
			where b.notice_id = $1 and f.party_id = $2 and f.state = 'notified'`, []any{list[i].ID, p}, &out[i].Findings)
		if err != nil {
			return nil, fmt.Errorf("count what %s has not answered: %w", p, err)
		}
	}
	return out, nil
}
