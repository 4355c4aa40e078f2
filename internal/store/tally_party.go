package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
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
	rows, err := t.Tally(ctx, FindingFilter{Party: p, States: states, May: may}, "basis", "matched", "severity")
	if err != nil {
		return nil, fmt.Errorf("count findings of %s by resource: %w", p, err)
	}
	var out []Matched
	for _, r := range rows { // they come by basis and resource
		if n := len(out); n == 0 || out[n-1].Basis != r.Basis || out[n-1].Value != r.Matched {
			out = append(out, Matched{Basis: r.Basis, Value: r.Matched})
		}
		m := &out[len(out)-1]
		m.Worst = max(m.Worst, r.Severity)
		m.Count += int(r.N)
	}
	slices.SortStableFunc(out, func(a, b Matched) int { return cmp.Or(cmp.Compare(b.Worst, a.Worst), cmp.Compare(b.Count, a.Count)) })
	return out[:min(limit, len(out))], nil
}

// FreshOf counts a party's findings that were made at an instant or later and are in one of states, by severity.
func (t *Tx) FreshOf(ctx context.Context, p ident.Party, states []finding.State, since time.Time, may access.Cond) (map[event.Severity]int, error) {
	floor, err := t.bornFloor(ctx, since)
	if err != nil {
		return nil, err
	}
	out := map[event.Severity]int{}
	f := FindingFilter{Party: p, Since: since, May: may}.known()
	leads, rest := f.lead(), f.led()
	if len(leads) == 0 || len(states) == 0 {
		return out, nil
	}
	q := &conditions{veiled: t.d.led()}
	var walks []string // each from its first number on, where one over all states would go through all that the party ever had
	for _, s := range states {
		where, _ := q.walk(leads[0], s, floor, maxID)
		walks = append(walks, "select f.severity as severity, count(*) as n from finding f"+t.d.by(leads[0].index)+" where "+where+" and "+
			q.finding(t.d, rest, nil, floor, maxID)+" group by f.severity")
	}
	query := "select severity, cast(sum(n) as bigint) from (" + strings.Join(walks, " union all ") + ") w group by severity"
	err = t.each(ctx, query, q.args, func(r *sql.Rows) error {
		var s event.Severity
		var n int
		err := r.Scan(&s, &n)
		out[s] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count new findings of %s: %w", p, err)
	}
	return out, nil
}

// Span counts a party's findings that were made and came to their state on the same days.
type Span struct {
	Party    ident.Party
	Born     finding.Day
	Ended    finding.Day // 0: live, and no risk accepted
	Severity event.Severity
	State    finding.State
	N        int64
}

// Spans counts findings that were made on a day or later, or live then, by their party and their days, a party's together:
// of one party, down an index, or of everybody where of is empty. That reads every finding, and is for what is worked out
// once a day.
func (t *Tx) Spans(ctx context.Context, of ident.Party, since finding.Day, may access.Cond, f func(Span) error) error {
	q := &conditions{}
	from := Micros(since.Start())
	where := "(f.created_at >= " + q.add(from) + " or not " + endedState + " or f.state_at >= " + q.add(from) + " or f.state = 'risk_accepted')"
	if of != "" {
		where += " and f.party_id = " + q.add(of)
		may = may.Given(access.FieldParty, string(of))
	}
	if !certain(may) {
		where += " and " + q.readable(findingFields, may)
	}
	err := t.each(ctx, "select f.party_id, f.created_at / 86400000000, case when "+endedState+
		" then f.state_at / 86400000000 else 0 end, f.severity, f.state, count(*) from finding f where "+where+
		" group by 1, 2, 3, 4, 5 order by 1", q.args, func(r *sql.Rows) error {
		var s Span
		if err := r.Scan(&s.Party, &s.Born, &s.Ended, &s.Severity, &s.State, &s.N); err != nil {
			return err
		}
		return f(s)
	})
	if err != nil {
		return fmt.Errorf("count findings by their days: %w", err)
	}
	return nil
}
