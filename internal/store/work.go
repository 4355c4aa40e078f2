package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/promise"
	"tocsin/internal/report"
)

// WorkCap is where what a person is shown is counted to in a kind: one more than the number that pages show with a plus.
const WorkCap = 10_001

// workScope is what of the work counts.
type workScope struct {
	findings, reports access.Cond
	proposals         bool
	not               string         // whose own proposals do not count: nobody approves what they proposed
	least             event.Severity // from here on; above 0 nothing counts that nobody rates
	most              int            // of a kind
}

// WorkOf counts what waits, is of at least a severity and r may see, at most WorkCap of a kind, those that wait longest first;
// nothing for whoever does not see the desk's work. Above severity 0 nothing counts that nobody rates: reports, changes and
// proposals. Working days are those of zone.
func (t *Tx) WorkOf(ctx context.Context, r *access.Reader, least event.Severity, at time.Time, zone *time.Location) (promise.Work, error) {
	if !access.Can(r, access.Thing{Kind: access.Work}, at, r.Why()) {
		return promise.Work{}, nil
	}
	return t.work(ctx, at, zone, workScope{
		findings: access.Readable(r, access.Findings, at, r.Why()), reports: access.Readable(r, access.Reports, at, r.Why()),
		proposals: r.Holds(people.Approve, ident.Authority), not: r.String(), least: least, most: WorkCap,
	})
}

// WorkWhole counts everything that waits, also what only persons named in a share may read.
func (t *Tx) WorkWhole(ctx context.Context, at time.Time, zone *time.Location) (promise.Work, error) {
	return t.work(ctx, at, zone, workScope{findings: access.Always, reports: access.Always, proposals: true, most: math.MaxInt32})
}

func (t *Tx) work(ctx context.Context, at time.Time, zone *time.Location, s workScope) (promise.Work, error) {
	w := promise.Work{}
	err := t.workFindings(ctx, w, at, s)
	if err == nil {
		err = t.workItems(ctx, w, at, zone, s)
	}
	if err == nil && s.least == 0 {
		err = t.workUnrated(ctx, w, at, zone, s)
	}
	if err != nil {
		return nil, fmt.Errorf("count what waits: %w", err)
	}
	return w, nil
}

// severities are those that count, the worst first.
func (s workScope) severities() []event.Severity {
	return slices.DeleteFunc(slices.Clone(event.Severities), func(v event.Severity) bool { return v < s.least })
}

// workFindings counts the findings that nobody answers for, and those that are disputed. What waits since is what waitsSince in
// act/triage says; what is due hangs on the severity alone, so that the database counts what is late.
func (t *Tx) workFindings(ctx context.Context, w promise.Work, at time.Time, s workScope) error {
	const orphanSince = "case when f.state_at > f.created_at then f.state_at else f.created_at end"
	left := s.most
	for _, sev := range s.severities() {
		where := "f.party_id = '' and f.state not in ('verified_closed', 'false_positive', 'stale') and f.severity = %s"
		n, err := t.workOf(ctx, w, promise.Orphan, sev, orphanSince, where, at, s.findings, left)
		if err != nil {
			return err
		}
		left -= n
	}
	left = s.most
	for _, sev := range s.severities() {
		n, err := t.workOf(ctx, w, promise.Dispute, sev, "f.state_at", "f.state = 'disputed' and f.severity = %s", at, s.findings, left)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func (t *Tx) workOf(ctx context.Context, w promise.Work, k promise.Kind, sev event.Severity, since, where string, at time.Time, may access.Cond, left int) (int, error) {
	if left <= 0 {
		return 0, nil
	}
	q := &conditions{}
	late := q.add(lateBefore(k, sev, at))
	where = fmt.Sprintf(where, q.add(int64(sev)))
	if !certain(may) {
		where += " and " + q.readable(findingFields, may)
	}
	var n, overdue int
	var oldest sql.NullInt64
	err := t.row(ctx, fmt.Sprintf(`select count(*), coalesce(sum(case when since < cast(%s as bigint) then 1 else 0 end), 0), min(since) from
		(select %s as since from finding f where %s order by f.state_at, f.id limit %s) o`, late, since, where, q.add(left)), q.args, &n, &overdue, &oldest)
	w.Add(k, promise.Count{N: n, Late: overdue, Oldest: instant(oldest)})
	return n, err
}

// lateBefore is the instant before which what waits longer than promised began to wait.
func lateBefore(k promise.Kind, sev event.Severity, at time.Time) int64 {
	return Micros(at.Add(-time.Duration(promise.Within(k, sev).Hours) * time.Hour))
}

// workItems counts the queue's own items. Disputes are left out: their findings wait themselves.
func (t *Tx) workItems(ctx context.Context, w promise.Work, at time.Time, zone *time.Location, s workScope) error {
	return t.each(ctx, `select kind, severity, created_at from queue_item where done_at is null and kind <> $1 and severity >= $2
		order by severity desc, created_at, id limit $3`, []any{disputedKind, int64(s.least), s.most}, func(r *sql.Rows) error {
		var kind string
		var sev, created int64
		if err := r.Scan(&kind, &sev, &created); err != nil {
			return err
		}
		w.Waits(WorkKind(kind), event.Severity(sev), Instant(created), at, zone)
		return nil
	})
}

// workKinds says what the items of the queue are about, by the word before the dot.
var workKinds = map[string]promise.Kind{"notice": promise.Notice, "feed": promise.Feed, "signal": promise.Signal, "report": promise.Report, "rule": promise.Orphan}

// WorkKind says what an item of the queue is about.
func WorkKind(item string) promise.Kind {
	word, _, _ := strings.Cut(item, ".")
	return workKinds[word]
}

// workUnrated counts reports, changes of the register and acts that wait for a second person.
func (t *Tx) workUnrated(ctx context.Context, w promise.Work, at time.Time, zone *time.Location, s workScope) error {
	q := &conditions{}
	reports := q.report(ReportFilter{States: report.Waiting, May: s.reports})
	err := t.workSince(ctx, w, promise.Report, "select report.received_at from report where "+strings.Join(reports, " and ")+
		" order by report.received_at, report.id limit "+q.add(s.most), q.args, at, zone)
	if err == nil {
		err = t.workSince(ctx, w, promise.Change, "select proposed_at from change_request where state = $1 order by proposed_at, id limit $2",
			[]any{string(party.Proposed), s.most}, at, zone)
	}
	if err == nil && s.proposals {
		err = t.workProposals(ctx, w, at, s)
	}
	return err
}

// workSince counts what nobody rates, by since when it waits.
func (t *Tx) workSince(ctx context.Context, w promise.Work, k promise.Kind, query string, args []any, at time.Time, zone *time.Location) error {
	return t.each(ctx, query, args, func(r *sql.Rows) error {
		var since int64
		err := r.Scan(&since)
		w.Waits(k, event.Unknown, Instant(since), at, zone)
		return err
	})
}

// workProposals counts the acts that wait for a second person. They lapse when they are due, so that none is late.
func (t *Tx) workProposals(ctx context.Context, w promise.Work, at time.Time, s workScope) error {
	list, err := t.Proposals(ctx, true, s.most)
	for i := range list {
		if p := &list[i]; p.By != s.not && at.Before(p.Expires) {
			w.Add(promise.Proposal, promise.Count{N: 1, Oldest: p.At})
		}
	}
	return err
}
