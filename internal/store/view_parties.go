package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/ident"
)

// PartyCursor stands for a place in the list of parties; the zero value is the start.
type PartyCursor struct {
	Name string
	ID   ident.Party
}

// PartyLine is a party as the list shows it.
type PartyLine struct {
	ID        ident.Party
	Name      string
	Kind      string
	Sector    string
	Region    string
	Contacts  int // that can be written to
	Bounced   int // of Contacts: mail came back
	Resources int // that have not ended
}

// PartyFilter narrows the list of parties; the zero value lets everything through.
type PartyFilter struct {
	Text   string // part of the name, the id, the sector or the region, in any letter case
	Sector string
	Region string
	Kind   string
}

// ListParties returns at most limit parties that have not ended behind the cursor, by name.
func (t *Tx) ListParties(ctx context.Context, f PartyFilter, after PartyCursor, limit int) ([]PartyLine, error) {
	q := &conditions{}
	and := []string{"p.ended_at is null"}
	if after != (PartyCursor{}) {
		and = append(and, "(p.name > "+q.add(after.Name)+" or p.name = "+q.add(after.Name)+" and p.id > "+q.add(after.ID)+")")
	}
	for _, p := range [][2]string{{"p.sector", f.Sector}, {"p.region", f.Region}, {"p.kind", f.Kind}} {
		if p[1] != "" {
			and = append(and, p[0]+" = "+q.add(p[1]))
		}
	}
	if f.Text != "" {
		and = append(and, q.like("p.words", asset.Fold(f.Text)))
	}
	// The index party_name has what is searched, in this order; the table is opened for the lines of the page alone. How many
	// those are stands in the text, or PostgreSQL would go through all parties for them.
	lines := "select p.id from party p where " + strings.Join(and, " and ") + " order by p.name, p.id limit " + strconv.Itoa(limit)
	var out []PartyLine
	err := t.each(ctx, `select p.id, p.name, p.kind, p.sector, p.region,
		(select count(*) from contact c where c.party_id = p.id and not c.unproved),
		(select count(*) from contact c where c.party_id = p.id and not c.unproved and c.bounced_at is not null),
		(select count(*) from resource r where r.party_id = p.id and r.to_at is null)
		from party p where p.id in (`+lines+") order by p.name, p.id", q.args, func(r *sql.Rows) error {
		var p PartyLine
		err := r.Scan(&p.ID, &p.Name, &p.Kind, &p.Sector, &p.Region, &p.Contacts, &p.Bounced, &p.Resources)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list parties: %w", err)
	}
	return out, nil
}

// Spoken is what was sent to a party and what came back.
type Spoken struct {
	Sent       int // notices
	Answers    int // notices among them that were answered, by whatever way; never more than Sent
	LastSent   time.Time
	LastAnswer time.Time
	Silent     time.Time // when the oldest notice was sent that it has not answered since its newest answer; zero: none
}

// spokenCap is where counts of notices and answers end.
const spokenCap = 10_001

// SpokenWith returns that of each party, of notices that the reader may read, the counts at most spokenCap; at most 1,000
// parties a call. A party costs a few steps down an index, and its counts.
func (t *Tx) SpokenWith(ctx context.Context, ids []ident.Party, may access.Cond) (map[ident.Party]Spoken, error) {
	out := map[ident.Party]Spoken{}
	if len(ids) == 0 {
		return out, nil
	}
	q := &conditions{}
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = "(cast(" + q.add(id) + " as text))"
	}
	from := func(what, and string) string {
		return "select " + what + " from notice where notice.party_id = p.id and notice.sent_at is not null" + and + " and " + q.readable(noticeFields, may)
	}
	count := func(rows string) string {
		return fmt.Sprintf("(select count(*) from (%s limit %d) c)", rows, spokenCap)
	}
	const answered = " and notice.answered_at is not null"
	query := `select b.id, b.sent, b.answers, b.last_sent, b.last_answer, (select u.sent_at from notice u
		where u.party_id = b.id and u.sent_at is not null and u.answered_at is null and u.state <> 'withdrawn' and u.sent_at > b.last_answer
		order by u.sent_at limit 1) from (select p.id as id, ` +
		count(from("1", "")) + " as sent, " + count(from("1", answered)) + " as answers, (" +
		from("notice.sent_at", "") + " order by notice.sent_at desc limit 1) as last_sent, coalesce((" +
		from("notice.answered_at", answered) + " order by notice.answered_at desc limit 1), 0) as last_answer from p) b"
	err := t.each(ctx, "with p (id) as (values "+strings.Join(rows, ", ")+") "+query, q.args, func(r *sql.Rows) error {
		var id ident.Party
		var s Spoken
		var answer int64
		var sent, silent sql.NullInt64
		err := r.Scan(&id, &s.Sent, &s.Answers, &sent, &answer, &silent)
		if err != nil || s.Sent == 0 {
			return err
		}
		s.LastSent, s.Silent = instant(sent), instant(silent)
		if answer > 0 {
			s.LastAnswer = Instant(answer)
		}
		out[id] = s
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what was said with parties: %w", err)
	}
	return out, nil
}
