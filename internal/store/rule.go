package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/rule"
)

const ruleColumns = "r.number, r.version, r.position, r.condition, r.effect, r.from_at, r.until_at, r.reason, r.author, r.written_at, r.ended_at"

// newestRule selects the version of each rule that counts.
const newestRule = "r.version = (select max(n.version) from rule n where n.number = r.number)"

func (t *Tx) rules(ctx context.Context, rest string, args ...any) ([]rule.Rule, error) {
	var out []rule.Rule
	err := t.each(ctx, "select "+ruleColumns+" from rule r where "+rest, args, func(rows *sql.Rows) error {
		var r rule.Rule
		var when, do string
		var from, written int64
		var until, ended sql.NullInt64
		err := rows.Scan(&r.Number, &r.Version, &r.Order, &when, &do, &from, &until, &r.Reason, &r.Author, &written, &ended)
		if err != nil {
			return err
		}
		r.From, r.Until, r.Written, r.Ended = Instant(from), instant(until), Instant(written), instant(ended)
		if r.When, err = rule.ParseCondition([]byte(when)); err == nil {
			r.Do, err = rule.ParseEffect([]byte(do))
		}
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return out, nil
}

// Rules returns every rule as it stands now, in the order in which they are asked, those that ended too.
func (t *Tx) Rules(ctx context.Context) ([]rule.Rule, error) {
	return t.rules(ctx, newestRule+" order by r.position, r.number")
}

// RuleVersions returns all versions of a rule, the newest first; fault.NotFound where there is none.
func (t *Tx) RuleVersions(ctx context.Context, number int64) ([]rule.Rule, error) {
	out, err := t.rules(ctx, "r.number = $1 order by r.version desc", number)
	if err == nil && len(out) == 0 {
		err = fault.New(fault.NotFound, "there is no rule %d", number)
	}
	return out, err
}

// InsertRule writes a new version of a rule. A number of 0 makes a new rule. It returns the rule as it is kept.
func (t *Tx) InsertRule(ctx context.Context, r rule.Rule) (rule.Rule, error) {
	query, args := "select coalesce(max(number), 0) + 1, 1 from rule", []any(nil)
	if r.Number != 0 {
		query, args = "select max(number), max(version) + 1 from rule where number = $1", []any{r.Number}
	}
	if err := t.row(ctx, query, args, &r.Number, &r.Version); err != nil {
		return r, fmt.Errorf("number rule: %w", err)
	}
	_, err := t.exec(ctx, `insert into rule (number, version, kind, position, condition, effect, from_at, until_at, reason, author,
		written_at, ended_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		r.Number, r.Version, string(r.Kind()), r.Order, rule.Text(r.When), rule.Text(r.Do), Micros(r.From), optional(r.Until), r.Reason,
		r.Author, Micros(r.Written), optional(r.Ended))
	if err != nil {
		return r, fmt.Errorf("insert version %d of rule %d: %w", r.Version, r.Number, err)
	}
	return r, nil
}

// EndRule marks the newest version of a rule as taken back.
func (t *Tx) EndRule(ctx context.Context, number int64, at time.Time) error {
	_, err := t.exec(ctx, "update rule set ended_at = $1 where number = $2 and version = (select max(n.version) from rule n where n.number = $3)",
		Micros(at), number, number)
	if err != nil {
		return fmt.Errorf("end rule %d: %w", number, err)
	}
	return nil
}

// InsertRelease records that what a rule holds of a party may be told.
func (t *Tx) InsertRelease(ctx context.Context, r rule.Release, author string) error {
	_, err := t.exec(ctx, `insert into rule_release (rule, party_id, at, author) values ($1, $2, $3, $4)
		on conflict (rule, party_id, at) do nothing`, r.Rule, r.Party, Micros(r.At), author)
	if err != nil {
		return fmt.Errorf("release what rule %d holds of %s: %w", r.Rule, r.Party, err)
	}
	return nil
}

// Releases returns the newest release of every rule and party.
func (t *Tx) Releases(ctx context.Context) ([]rule.Release, error) {
	var out []rule.Release
	err := t.each(ctx, "select rule, party_id, max(at) from rule_release group by rule, party_id order by rule, party_id", nil, func(r *sql.Rows) error {
		var x rule.Release
		var at int64
		err := r.Scan(&x.Rule, &x.Party, &at)
		x.At = Instant(at)
		out = append(out, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read releases: %w", err)
	}
	return out, nil
}

// QueueOfKind returns the open items of the queue of one kind, the oldest first.
func (t *Tx) QueueOfKind(ctx context.Context, kind string) ([]QueueItem, error) {
	var out []QueueItem
	err := t.each(ctx, "select "+queueColumns+" from queue_item where done_at is null and kind = $1 order by created_at, id", []any{kind},
		func(r *sql.Rows) error {
			q, err := scanQueue(r)
			out = append(out, q)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the queue's items of %s: %w", kind, err)
	}
	return out, nil
}

// Rulebook is the rules in force at an instant, with what it takes to hold a stored finding against them.
type Rulebook struct {
	*rule.Book
	streams map[int64]Stream
}

// Rulebook returns the rules in force at an instant. It reads the streams only where a rule needs them.
func (t *Tx) Rulebook(ctx context.Context, at time.Time) (*Rulebook, error) {
	rules, err := t.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return t.RulebookOf(ctx, rules, at)
}

// RulebookOf is Rulebook of other rules than those that are kept.
func (t *Tx) RulebookOf(ctx context.Context, rules []rule.Rule, at time.Time) (*Rulebook, error) {
	b := &Rulebook{streams: map[int64]Stream{}}
	if len(rules) == 0 {
		b.Book = rule.NewBook(nil, nil, nil, at)
		return b, nil
	}
	releases, err := t.Releases(ctx)
	if err != nil {
		return nil, err
	}
	regions, err := t.Regions(ctx)
	if err != nil {
		return nil, err
	}
	streams, err := t.Streams(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range streams {
		b.streams[s.ID] = s
	}
	b.Book = rule.NewBook(rules, releases, regions, at)
	return b, nil
}

// Subject is a stored finding of a party as notice rules look at it.
func (b *Rulebook) Subject(f *Finding, p *party.Party) *rule.Subject {
	s := b.streams[f.Stream]
	return &rule.Subject{
		Feed: s.Feed, Stream: s.Report, Type: f.Identity.Type, Identifier: f.Identity.Identifier, Severity: f.Severity,
		Asset: f.Identity.Asset, Region: f.Region, Party: p.ID, Sector: p.Sector, PartyKind: p.Kind, Since: f.StateAt,
	}
}

// RecentFindings returns at most limit findings, the newest first, that a reader may read and that were seen since an
// instant. It looks at no more than scan findings, by number.
func (t *Tx) RecentFindings(ctx context.Context, f FindingFilter, since time.Time, scan, limit int) ([]Finding, error) {
	top, err := t.LastFinding(ctx)
	if err != nil {
		return nil, fmt.Errorf("read recent findings: %w", err)
	}
	q := &conditions{}
	rest := "where " + q.finding(t.d, f, f.States, max(0, top-ident.Finding(scan)), top+1)
	rest += " and (f.created_at >= " + q.add(Micros(since))
	rest += " or exists (select 1 from sighting s where s.finding_id = f.id and s.last_at >= " + q.add(Micros(since)) + "))"
	out, err := t.findings(ctx, rest+" order by f.id desc limit "+q.add(limit), q.args...)
	if err != nil {
		return nil, fmt.Errorf("read recent findings: %w", err)
	}
	return out, nil
}

// NoticesSince returns at most limit notices of a kind that tells something for the first time, made since an instant
// and readable, the newest first.
func (t *Tx) NoticesSince(ctx context.Context, f NoticeFilter, since time.Time, limit int) ([]ident.Notice, error) {
	var out []ident.Notice
	q := &conditions{}
	query := "select id from notice where created_at >= " + q.add(Micros(since)) + " and kind in ('urgent', 'digest') and " +
		q.readable(noticeFields, f.May) + " order by created_at desc, id desc limit " + q.add(limit)
	err := t.each(ctx, query, q.args, func(r *sql.Rows) error {
		var id ident.Notice
		err := r.Scan(&id)
		out = append(out, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read recent notices: %w", err)
	}
	return out, nil
}

// KnownKeys returns which of the keys are findings already, with their numbers. assets are the findings' assets, at
// most 500: an index leads from them, and none from keys.
func (t *Tx) KnownKeys(ctx context.Context, assets []string) (map[finding.Key]ident.Finding, error) {
	out := map[finding.Key]ident.Finding{}
	if len(assets) == 0 {
		return out, nil
	}
	q := &conditions{}
	where := q.in("asset", len(assets), func(i int) any { return assets[i] })
	err := t.each(ctx, "select id, key from finding where "+where, q.args, func(r *sql.Rows) error {
		var id ident.Finding
		var raw []byte
		err := r.Scan(&id, &raw)
		var k finding.Key
		copy(k[:], raw)
		out[k] = id
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for known findings: %w", err)
	}
	return out, nil
}
