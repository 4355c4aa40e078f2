package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/situation"
)

// TallyRow counts findings that are alike in what was asked for; what was not asked for is zero.
type TallyRow struct {
	Party    ident.Party
	Sector   string
	Region   string
	Class    string
	Severity event.Severity
	State    finding.State
	Basis    party.Basis
	Matched  string
	N        int64
}

// tallyFields says where the rollups keep what a condition looks at. They know of no single finding and hold none with an
// embargo: see exceptions.
var tallyFields = fields{
	access.FieldParty: "f.party_id", access.FieldTLP: "f.tlp", access.FieldSector: "f.sector", access.FieldRegion: "f.region",
	access.FieldClass: "f.class",
}

// sectorColumn is the sector of a finding f, which it does not keep itself.
const sectorColumn = "coalesce((select o.sector from party o where o.id = f.party_id), '')"

// Tally counts the findings that match a filter and that its reader may read, by columns: party_id, sector, region, class,
// severity, state; for one party also basis, matched. The answer is that of a recount in the same snapshot. Of the filter it takes States, Severity, Severities,
// Class, Orphans, Party, Region, Sector, Matched and May: see tallied.
func (t *Tx) Tally(ctx context.Context, f FindingFilter, by ...string) ([]TallyRow, error) {
	if err := t.flushTally(ctx); err != nil {
		return nil, err
	}
	f = f.known()
	q := &conditions{}
	from := f.face(by)
	parts := []string{
		tallyPart(from, by, by, "sum(n)", q.tallied(f, from)),
		tallyPart("tally_delta", by, by, "sum(n)", q.tallied(f, "")),
	}
	over := slices.Clone(by)
	if i := slices.Index(over, "sector"); i >= 0 {
		over[i] = sectorColumn
	}
	for reason := range 2 {
		if where := q.exception(t.d, f, reason); where != "" {
			parts = append(parts, tallyPart("finding", by, over, "count(*)", where))
		}
	}
	columns := strings.Join(by, ", ")
	query := "select " + listed(columns) + "cast(sum(n) as bigint) from (" + strings.Join(parts, " union all ") + ") q"
	if columns != "" {
		query += " group by " + columns + " having sum(n) <> 0 order by " + columns
	}
	out, err := remembered(t, tallyAsked{query, fmt.Sprintf("%#v", q.args)}, func() ([]TallyRow, error) { return t.tallyRows(ctx, query, q.args, by) })
	if err != nil {
		return nil, fmt.Errorf("count findings by %s: %w", columns, err)
	}
	return slices.Clone(out), nil
}

// tallyAsked is a question of Tally.
type tallyAsked struct{ query, args string }

func (t *Tx) tallyRows(ctx context.Context, query string, args []any, by []string) ([]TallyRow, error) {
	var out []TallyRow
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var row TallyRow
		var n sql.NullInt64 // of nothing at all
		dest := make([]any, 0, len(by)+1)
		for _, column := range by {
			dest = append(dest, row.at(column))
		}
		err := r.Scan(append(dest, &n)...)
		row.N = n.Int64
		out = append(out, row)
		return err
	})
	return out, err
}

func (r *TallyRow) at(column string) any {
	switch column {
	case "party_id":
		return &r.Party
	case "sector":
		return &r.Sector
	case "region":
		return &r.Region
	case "class":
		return &r.Class
	case "severity":
		return &r.Severity
	case "basis":
		return &r.Basis
	case "matched":
		return &r.Matched
	}
	return &r.State
}

func tallyPart(table string, by, over []string, n, where string) string {
	named := make([]string, len(by))
	for i := range by {
		named[i] = over[i] + " as " + by[i]
	}
	rest := ""
	if len(by) > 0 {
		rest = " group by " + ordinals(len(by))
	}
	return "select " + listed(strings.Join(named, ", ")) + n + " as n from " + table + " f where " + where + rest
}

func ordinals(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i + 1)
	}
	return strings.Join(out, ", ")
}

func listed(columns string) string {
	if columns == "" {
		return ""
	}
	return columns + ", "
}

// face is the smallest rollup that can answer a filter by columns.
func (f *FindingFilter) face(by []string) string {
	need := map[string]bool{}
	for _, column := range by {
		need[column] = true
	}
	orphans := f.Orphans && !need["party_id"]
	need["party_id"] = need["party_id"] || !orphans && (f.Orphans || f.Party != "") || len(f.parties) > 0
	need["owned"] = orphans
	need["class"] = need["class"] || f.Class != ""
	need["region"] = need["region"] || f.Region != ""
	need["sector"] = need["sector"] || f.Sector != ""
	need["matched"] = need["matched"] || f.Matched != ""
	f.May.Fields(func(field access.Field) {
		if column, ok := tallyFields[field]; ok {
			need[strings.TrimPrefix(column, "f.")] = true
		}
	})
	few := []string{"tally_state", "tally_area", "tally_class", "tally_place"}
	if f.ofParties() {
		few = append(few, "tally_matched")
	}
	for _, one := range few {
		i := slices.IndexFunc(faces, func(x face) bool { return x.table == one })
		covers := true
		for column, needed := range need {
			covers = covers && (!needed || slices.Contains(faces[i].columns, column))
		}
		if covers {
			return one
		}
	}
	return "tally_party"
}

// ofParties reports whether a filter asks for findings of certain parties only.
func (f *FindingFilter) ofParties() bool { return !f.Orphans && (f.Party != "" || len(f.parties) > 0) }

// tallied reports whether the rollups can answer a filter. What led to a party is counted by nothing else of its findings
// than how severe they are and where they stand.
func (f *FindingFilter) tallied() bool {
	return len(f.Streams) == 0 && f.Text == "" && f.Asset.Prefix == "" && len(f.Asset.Exact) == 0 && !f.Asset.Within.IsValid() &&
		f.Stage == "" && f.Since.IsZero() && f.Until.IsZero() && f.Ended.IsZero() &&
		(f.Matched == "" || f.ofParties() && f.face(nil) == "tally_matched")
}

// dated reports whether the rollup of days can answer a filter: by whole days, by how far the work has come, by severity and
// state, for a reader whose rights ask for marks only.
func (f *FindingFilter) dated() bool {
	g := *f
	g.Stage, g.Since, g.Until = "", time.Time{}, time.Time{}
	const day = 24 * time.Hour
	may := true
	f.May.Fields(func(field access.Field) {
		may = may && (field == access.FieldTLP || field == access.FieldEmbargo || field == access.FieldID)
	})
	return may && g.tallied() && g.Class == "" && g.Party == "" && g.Region == "" && g.Sector == "" && len(g.parties) == 0 &&
		f.Since.UTC().Truncate(day).Equal(f.Since) && f.Until.UTC().Truncate(day).Equal(f.Until)
}

// over reports whether the rollup of ends can answer a filter: by a whole day of the end, by severity and by states that end
// a finding, for a reader whose rights ask for marks only.
func (f *FindingFilter) over() bool {
	g := *f
	g.Ended = time.Time{}
	ends := len(f.States) > 0 && !slices.ContainsFunc(f.States, finding.State.Live)
	return ends && !f.Ended.IsZero() && f.Ended.UTC().Truncate(24*time.Hour).Equal(f.Ended) && f.Stage == "" && f.Since.IsZero() && f.Until.IsZero() && g.dated()
}

// countEnded counts what the rollup of ends can tell: see over.
func (t *Tx) countEnded(ctx context.Context, f FindingFilter) (int64, error) {
	rows, err := t.Ended(ctx, finding.DayOf(f.Ended), f.May)
	var n int64
	for _, r := range rows {
		if slices.Contains(f.States, r.State) && r.Severity >= f.Severity && (len(f.Severities) == 0 || slices.Contains(f.Severities, r.Severity)) {
			n += r.N
		}
	}
	return n, err
}

// countDated counts what the rollup of days can tell: see dated.
func (t *Tx) countDated(ctx context.Context, f FindingFilter) (int64, error) {
	if err := t.flushTally(ctx); err != nil {
		return 0, err
	}
	q := &conditions{}
	part := func(table, owned, none string) string {
		g := f
		g.Orphans = false
		and := append([]string{"1 = 1"}, q.plain(g, f.States, "")...)
		if f.Orphans {
			and = append(and, none)
		}
		if f.Stage == situation.Attributed {
			and = append(and, owned)
		} else {
			and = append(and, stage(f.Stage))
		}
		if !f.Since.IsZero() {
			and = append(and, "f.born >= "+q.add(int64(finding.DayOf(f.Since))), "f.born <= "+lastDay)
		}
		if !f.Until.IsZero() {
			and = append(and, "f.born < "+q.add(int64(finding.DayOf(f.Until))))
		}
		return tallyPart(table, nil, nil, "sum(n)", strings.Join(and, " and ")+" and "+q.readable(dayFields, f.May))
	}
	parts := []string{part("tally_born", "f.owned = 1", "f.owned = 0"), part("tally_delta", "f.party_id <> ''", "f.party_id = ''")}
	for reason := range 2 {
		if where := q.exception(t.d, f, reason); where != "" {
			parts = append(parts, tallyPart("finding", nil, nil, "count(*)", where))
		}
	}
	var n int64
	err := t.row(ctx, "select cast(coalesce(sum(n), 0) as bigint) from ("+strings.Join(parts, " union all ")+") q", q.args, &n)
	if err != nil {
		return 0, fmt.Errorf("count findings by their days: %w", err)
	}
	return n, nil
}

// tallied are a filter's conditions on a rollup, or on the journal.
func (c *conditions) tallied(f FindingFilter, table string) string {
	and := []string{"1 = 1"}
	if f.Orphans && table == "tally_state" { // it keeps no parties
		and, f.Orphans, f.Party = append(and, "f.owned = 0"), false, ""
	}
	and = append(and, c.plain(f, f.States, "f.sector")...)
	if f.Matched != "" {
		and = append(and, "f.matched = "+c.add(f.Matched))
	}
	if !certain(f.May) {
		and = append(and, c.readable(tallyFields, f.May))
	}
	return strings.Join(and, " and ")
}

// exception is the condition on the findings that the rollups cannot count, for one of two reasons, each finding for one at
// most: it has an embargo (0), or the reader may read it only because of its number (1). Both are few. Empty for none.
func (c *conditions) exception(d dialect, f FindingFilter, reason int) string {
	if reason == 0 {
		return "f.embargo_at is not null and " + c.finding(d, f, f.States, 0, maxID)
	}
	var ids []int64
	f.May.Values(access.FieldID, func(text string) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && !slices.Contains(ids, n) {
			ids = append(ids, n)
		}
	})
	if len(ids) == 0 {
		return ""
	}
	few := c.in("f.id", len(ids), func(i int) any { return ids[i] })
	without := fields{}
	for field, column := range findingFields {
		if field != access.FieldID {
			without[field] = column
		}
	}
	without[access.FieldSector] = sectorColumn // what is not known would be neither true nor false
	return few + " and f.embargo_at is null and " + c.finding(d, f, f.States, 0, maxID) + " and not " + c.readable(without, f.May)
}

const maxID = 1 << 62

// DayCount counts findings of one day.
type DayCount struct {
	Day      finding.Day
	Owned    bool // a party answers
	Reached  int64
	Severity event.Severity
	State    finding.State
	N        int64
}

// Born counts the findings that were made on a day or later and that may lets through, which asks for marks and numbers of
// findings only.
func (t *Tx) Born(ctx context.Context, since finding.Day, may access.Cond) ([]DayCount, error) {
	var out []DayCount
	err := t.daily(ctx, daily{
		columns: "born, owned, reached, severity, state", table: "tally_born",
		journal: "f.born, case when f.party_id = '' then 0 else 1 end, f.reached, f.severity, f.state",
		finding: "f.created_at / 86400000000, case when f.party_id = '' then 0 else 1 end, f.reached, f.severity, f.state",
		where:   func(q *conditions) string { return "f.born >= " + q.add(int64(since)) },
		of:      func(q *conditions) string { return "f.created_at >= " + q.add(Micros(since.Start())) },
		may:     may,
	}, func(r *sql.Rows) error {
		var c DayCount
		var owned int64
		err := r.Scan(&c.Day, &owned, &c.Reached, &c.Severity, &c.State, &c.N)
		c.Owned = owned == 1
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count findings by the day of their making: %w", err)
	}
	return out, nil
}

// Ended counts the findings that came to the state that they are in on a day or later, where that state ends them or is an
// accepted risk. May is as for Born.
func (t *Tx) Ended(ctx context.Context, since finding.Day, may access.Cond) ([]DayCount, error) {
	var out []DayCount
	err := t.daily(ctx, daily{
		columns: "ended, severity, state", table: "tally_ended", journal: "f.ended, f.severity, f.state",
		finding: "f.state_at / 86400000000, f.severity, f.state",
		where:   func(q *conditions) string { return "f.ended > 0 and f.ended >= " + q.add(int64(since)) },
		of:      func(q *conditions) string { return endedState + " and f.state_at >= " + q.add(Micros(since.Start())) },
		may:     may,
	}, func(r *sql.Rows) error {
		var c DayCount
		err := r.Scan(&c.Day, &c.Severity, &c.State, &c.N)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count findings by the day of their end: %w", err)
	}
	return out, nil
}

// LifeCount counts findings that ended, or whose risk is accepted, so many days after their making.
type LifeCount struct {
	Days     int
	Severity event.Severity
	State    finding.State
	N        int64
}

// Lives counts the ended findings that were made on a Monday or later. May is as for Born.
func (t *Tx) Lives(ctx context.Context, monday finding.Day, may access.Cond) ([]LifeCount, error) {
	var out []LifeCount
	err := t.daily(ctx, daily{
		columns: "days, severity, state", table: "tally_life", journal: "f.ended - f.born, f.severity, f.state",
		finding: "f.state_at / 86400000000 - f.created_at / 86400000000, f.severity, f.state",
		where:   func(q *conditions) string { return "f.week >= " + q.add(int64(monday+3)/7) },
		delta: func(q *conditions) string {
			return "f.ended > 0 and f.state <> 'false_positive' and f.born >= " + q.add(int64(monday))
		},
		of: func(q *conditions) string {
			return endedState + " and f.state <> 'false_positive' and f.created_at >= " + q.add(Micros(monday.Start()))
		},
		may: may,
	}, func(r *sql.Rows) error {
		var c LifeCount
		err := r.Scan(&c.Days, &c.Severity, &c.State, &c.N)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count findings by how long they lasted: %w", err)
	}
	return out, nil
}

// lastDay is a day that does not come. A span with two ends leads PostgreSQL down an index; one without, it takes for a third
// of all rows.
const lastDay = "10000000"

// endedState is what a finding's state is where the rollups keep the day of it.
const endedState = "f.state in ('verified_closed', 'false_positive', 'stale', 'risk_accepted')"

// dayFields is what the rollups of days know of a finding.
var dayFields = fields{access.FieldTLP: "f.tlp"}

// daily is a question to a rollup of days, to the journal beside it and to the findings that neither holds.
type daily struct {
	columns          string // of the answer, and of the table
	table            string
	journal, finding string                   // the same columns over tally_delta and over finding
	where, delta, of func(*conditions) string // conditions on each; delta is where unless it is set
	may              access.Cond              // asks for marks and numbers of findings only
}

func (t *Tx) daily(ctx context.Context, d daily, scan func(*sql.Rows) error) error {
	if err := t.flushTally(ctx); err != nil {
		return err
	}
	if d.delta == nil {
		d.delta = d.where
	}
	q := &conditions{}
	names := strings.Split(d.columns, ", ")
	part := func(values, n, table, where string) string {
		return "select " + values + ", " + n + " from " + table + " f where " + where
	}
	of := func() string { return q.readable(dayFields, d.may) }
	table := make([]string, len(names))
	for i, name := range names {
		table[i] = "f." + name + " as " + name
	}
	parts := []string{part(strings.Join(table, ", "), "f.n as n", d.table, d.where(q)+" and "+of())}
	parts = append(parts, part(d.journal, "f.n", "tally_delta", d.delta(q)+" and "+of()))
	for i := range 2 {
		if exceptions := q.exception(t.d, FindingFilter{May: d.may}, i); exceptions != "" {
			parts = append(parts, part(d.finding, "1", "finding", exceptions+" and "+d.of(q)))
		}
	}
	return t.each(ctx, "select "+d.columns+", cast(sum(n) as bigint) from ("+strings.Join(parts, " union all ")+") q group by "+d.columns+
		" having sum(n) <> 0 order by "+d.columns, q.args, scan)
}

// PutPublished keeps what is published of a day; what is there stays as it is.
func (t *Tx) PutPublished(ctx context.Context, kind string, day finding.Day, body string) error {
	_, err := t.exec(ctx, "insert into published (kind, day, body) values ($1, $2, $3) on conflict (kind, day) do nothing", kind, day, body)
	if err != nil {
		return fmt.Errorf("keep %s of %s: %w", kind, day, err)
	}
	return nil
}

// Published returns what was published of a day; fault.NotFound where nothing was.
func (t *Tx) Published(ctx context.Context, kind string, day finding.Day) (string, error) {
	var body string
	err := t.row(ctx, "select body from published where kind = $1 and day = $2", []any{kind, day}, &body)
	return body, err
}

// stage is a filter's condition on how far the work on a finding has come.
func stage(s situation.Stage) string {
	switch bit := s.Mark(); {
	case s == situation.Attributed:
		return "f.party_id <> ''"
	case bit != 0:
		return fmt.Sprintf("f.reached & %d <> 0", bit)
	}
	return "1 = 1"
}
