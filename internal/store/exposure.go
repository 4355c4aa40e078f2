package store

import (
	"context"
	"database/sql"
	"fmt"

	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
)

// Unanswered is a notice of which findings still have no answer.
type Unanswered struct {
	notice.Notice
	Findings int // that are told and have no answer
}

// UnansweredOf returns at most limit notices to a party that were sent, of which findings still have no answer and that
// nothing later follows up: those whose next step comes first are first, those that the desk has taken up before them.
func (t *Tx) UnansweredOf(ctx context.Context, p ident.Party, may access.Cond, limit int) ([]Unanswered, error) {
	q := &conditions{}
	// The index notice_waiting holds these in this order, as long as the words here are its own. Values, not exists and a
	// join: PostgreSQL would answer those from all notices, or all findings of the party.
	rest := "where notice.party_id = " + q.add(p) + ` and notice.sent_at is not null and (notice.next_at is not null or notice.state = 'escalated')
		and (select 1 from notice_finding b where b.notice_id = notice.id and (select f.state from finding f where f.id = b.finding_id
		and f.party_id || '' = notice.party_id) = 'notified' limit 1) = 1`
	if !certain(may) {
		rest += " and " + q.readable(noticeFields, may)
	}
	list, err := t.notices(ctx, rest+" order by coalesce(next_at, 0), severity desc, id limit "+q.add(limit), q.args...)
	if err != nil {
		return nil, fmt.Errorf("read what %s has not answered: %w", p, err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	q = &conditions{}
	where := "f.party_id = " + q.add(p) + " and f.state = 'notified' and " + q.in("b.notice_id", len(list), func(i int) any { return list[i].ID })
	counts := map[ident.Notice]int{}
	err = t.each(ctx, "select b.notice_id, count(*) from notice_finding b join finding f on f.id = b.finding_id where "+where+
		" group by b.notice_id", q.args, func(r *sql.Rows) error {
		var id ident.Notice
		var n int
		err := r.Scan(&id, &n)
		counts[id] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count what %s has not answered: %w", p, err)
	}
	out := make([]Unanswered, len(list))
	for i := range list {
		out[i] = Unanswered{list[i], counts[list[i].ID]}
	}
	return out, nil
}
