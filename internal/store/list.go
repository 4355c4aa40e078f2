package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// FindingFilter narrows a list of findings; the zero value lets everything through.
type FindingFilter struct {
	States   []finding.State // none = every state
	Severity event.Severity  // at least
	Class    string          // a class of the library or an RSIT type
	Orphans  bool            // only findings that nobody answers for
	Party    ident.Party
	Region   string
	Streams  []int64 // seen by one of them
	Asset    AssetMatch
	Text     string      // part of the asset, the identifier, the malware's name or the deciding resource, in any case
	May      access.Cond // what the reader may read; the zero value is nothing
}

// AssetMatch narrows by asset.
type AssetMatch = asset.Search

// scanWindow is how many findings, by number, one page looks at where no index answers the filter.
const scanWindow = 250_000

// maxPage is the longest page of findings.
const maxPage = 1000

// FindingPage is one page of a list, the newest finding first.
type FindingPage struct {
	Findings []Finding
	Next     ident.Finding // cursor of the page after; 0 at the end
	Searched ident.Finding // lowest number looked at where the search paused before the page was full; 0 = it did not
}

// ListFindings returns at most limit (up to 1,000) findings below the cursor before (0 = from the newest). A page costs at most a
// window of findings however many there are: a filter that hardly anything meets pauses and says how far it looked.
func (t *Tx) ListFindings(ctx context.Context, f FindingFilter, before ident.Finding, limit int) (FindingPage, error) {
	top, err := t.LastFinding(ctx)
	if err != nil {
		return FindingPage{}, fmt.Errorf("list findings: %w", err)
	}
	if before == 0 || before > top {
		before = top + 1
	}
	limit = min(limit, maxPage)
	var floor ident.Finding
	if !f.indexed() {
		floor = max(0, before-scanWindow)
	}
	ids, err := t.matching(ctx, f, floor, before, limit+1)
	if err != nil {
		return FindingPage{}, fmt.Errorf("list findings: %w", err)
	}
	var p FindingPage
	switch {
	case len(ids) > limit:
		ids = ids[:limit]
		p.Next = ids[limit-1]
	case floor > 1:
		p.Next, p.Searched = floor, floor
	}
	if p.Findings, err = t.FindingsByID(ctx, ids); err != nil {
		return FindingPage{}, err
	}
	slices.Reverse(p.Findings)
	return p, nil
}

// indexed reports whether an index leads to the matching findings alone, newest first.
func (f *FindingFilter) indexed() bool {
	if len(f.Asset.Exact) > 0 {
		return true
	}
	return f.Severity == 0 && f.Class == "" && f.Region == "" && len(f.Streams) == 0 && f.Text == "" &&
		f.Asset.Prefix == "" && !f.Asset.Within.IsValid()
}

var errEnough = errors.New("enough")

// matching returns the numbers of at most limit matching findings in [floor, before), the highest first.
func (t *Tx) matching(ctx context.Context, f FindingFilter, floor, before ident.Finding, limit int) ([]ident.Finding, error) {
	query, args := t.findingQuery(f, floor, before)
	if !f.Asset.Within.IsValid() {
		args = append(args, limit)
		query += fmt.Sprintf(" limit $%d", len(args))
	}
	ids := make([]ident.Finding, 0, limit)
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var id ident.Finding
		var value string
		if err := r.Scan(&id, &value); err != nil {
			return err
		}
		if !holds(f.Asset, value) {
			return nil
		}
		if ids = append(ids, id); len(ids) == limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return ids, nil
}

func holds(m AssetMatch, value string) bool {
	if !m.Within.IsValid() {
		return true
	}
	ip, err := netip.ParseAddr(value)
	return err == nil && m.Within.Contains(ip)
}

// findingQuery selects number and asset of the matching findings in [floor, before), the highest number first. A list
// of several states becomes one walk down an index each, merged: a sort over all of them would grow with the table.
func (t *Tx) findingQuery(f FindingFilter, floor, before ident.Finding) (string, []any) {
	q := &conditions{}
	states := f.States
	if len(states) == 0 && (f.Orphans || f.Party != "") {
		states = finding.States
	}
	if !f.indexed() || len(f.Asset.Exact) > 0 || len(states) == 0 {
		return "select f.id, f.asset from finding f where " + q.finding(t.d, f, f.States, floor, before) + " order by f.id desc", q.args
	}
	var walks []string
	for _, s := range states {
		walks = append(walks, "select id, asset from (select f.id, f.asset from finding f where "+
			q.finding(t.d, f, []finding.State{s}, floor, before)+" order by f.id desc"+fmt.Sprintf(" limit %d", maxPage+1)+") w")
	}
	return "select id, asset from (" + strings.Join(walks, " union all ") + ") m order by id desc", q.args
}

// conditions collects arguments in the order in which their places appear.
type conditions struct{ args []any }

func (c *conditions) add(v any) string {
	c.args = append(c.args, v)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *conditions) in(column string, n int, value func(i int) any) string {
	places := make([]string, n)
	for i := range n {
		places[i] = c.add(value(i))
	}
	return column + " in (" + strings.Join(places, ", ") + ")"
}

func (c *conditions) finding(d dialect, f FindingFilter, states []finding.State, floor, before ident.Finding) string {
	and := []string{"f.id < " + c.add(before)}
	if floor > 0 {
		and = append(and, "f.id >= "+c.add(floor))
	}
	if len(states) > 0 {
		and = append(and, c.in("f.state", len(states), func(i int) any { return string(states[i]) }))
	}
	if f.Severity > 0 {
		and = append(and, "f.severity >= "+c.add(int64(f.Severity)))
	}
	if f.Class != "" {
		and = append(and, "(f.class = "+c.add(f.Class)+" or f.type = "+c.add(f.Class)+")")
	}
	if f.Orphans {
		and = append(and, "f.party_id = ''")
	} else if f.Party != "" {
		and = append(and, "f.party_id = "+c.add(f.Party))
	}
	if f.Region != "" {
		and = append(and, "f.region = "+c.add(f.Region))
	}
	if len(f.Streams) > 0 {
		first := c.in("f.stream_id", len(f.Streams), func(i int) any { return f.Streams[i] })
		also := c.in("g.stream_id", len(f.Streams), func(i int) any { return f.Streams[i] })
		and = append(and, "("+first+" or exists (select 1 from sighting g where g.finding_id = f.id and "+also+"))")
	}
	and = append(and, c.asset(d, f)...)
	if !certain(f.May) {
		and = append(and, c.readable(findingFields, f.May))
	}
	return strings.Join(and, " and ")
}

func (c *conditions) asset(d dialect, f FindingFilter) []string {
	var and []string
	if n := len(f.Asset.Exact); n > 0 {
		and = append(and, c.in("f.asset", n, func(i int) any { return f.Asset.Exact[i] }))
	}
	if p := f.Asset.Prefix; p != "" {
		column := d.bytewise("f.asset")
		and = append(and, column+" >= "+c.add(p), column+" < "+c.add(p+"\U0010FFFF"))
	}
	if f.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(f.Text)) + "%"
		var or []string
		for _, column := range []string{"f.asset", "f.identifier", "f.malware", "f.matched"} {
			or = append(or, "lower("+column+") like "+c.add(like)+` escape '\'`)
		}
		and = append(and, "("+strings.Join(or, " or ")+")")
	}
	return and
}

// bytewise compares a text column byte by byte whatever the database's collation.
func (d dialect) bytewise(column string) string {
	if d == onPostgres {
		return column + ` collate "C"`
	}
	return column
}

// CountFindings counts the matching findings of an indexed filter (states, party, orphans) up to limit.
func (t *Tx) CountFindings(ctx context.Context, f FindingFilter, limit int) (int, error) {
	n := 0
	states := f.States
	if len(states) == 0 {
		states = finding.States
	}
	for _, s := range states {
		q := &conditions{}
		var m int
		where := q.finding(t.d, f, []finding.State{s}, 0, 1<<62)
		args := append(q.args, limit-n)
		err := t.row(ctx, fmt.Sprintf("select count(*) from (select 1 from finding f where %s limit $%d) c", where, len(args)), args, &m)
		if err != nil {
			return 0, fmt.Errorf("count findings: %w", err)
		}
		if n += m; n >= limit {
			return limit, nil
		}
	}
	return n, nil
}

// Share counts the findings of one state and severity.
type Share struct {
	State    finding.State
	Severity event.Severity
	Count    int64
}

// PartyShares counts a party's findings that the reader may read by state and severity.
func (t *Tx) PartyShares(ctx context.Context, p ident.Party, may access.Cond) ([]Share, error) {
	q := &conditions{}
	rest := "where f.party_id = " + q.add(p)
	if !certain(may) {
		rest += " and " + q.readable(findingFields, may)
	}
	return t.shares(ctx, rest, q.args...)
}

// AllShares counts every finding by state and severity. It reads the whole table: callers keep the answer a while.
func (t *Tx) AllShares(ctx context.Context) ([]Share, error) { return t.shares(ctx, "") }

func (t *Tx) shares(ctx context.Context, where string, args ...any) ([]Share, error) {
	var out []Share
	err := t.each(ctx, "select state, severity, count(*) from finding f "+where+" group by state, severity order by state, severity",
		args, func(r *sql.Rows) error {
			var s Share
			if err := r.Scan(&s.State, &s.Severity, &s.Count); err != nil {
				return err
			}
			out = append(out, s)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("count findings by state: %w", err)
	}
	return out, nil
}

// ListSignals returns at most limit signals below the cursor before (0 = from the newest), newest first; of one feed
// unless feed is empty.
func (t *Tx) ListSignals(ctx context.Context, feed ident.Feed, before ident.Signal, limit int, may access.Cond) ([]Signal, error) {
	return t.signals(ctx, feed, before, limit, may, "")
}

// ListTroubled is ListSignals for those signals that were refused or had rows kept aside.
func (t *Tx) ListTroubled(ctx context.Context, feed ident.Feed, before ident.Signal, limit int, may access.Cond) ([]Signal, error) {
	return t.signals(ctx, feed, before, limit, may, " and (s.rejected > 0 or s.state = 'refused')")
}

func (t *Tx) signals(ctx context.Context, feed ident.Feed, before ident.Signal, limit int, may access.Cond, and string) ([]Signal, error) {
	if before == 0 {
		before = 1 << 62
	}
	q := &conditions{}
	rest := "where s.id < " + q.add(before)
	if feed != "" {
		rest += " and s.feed_id = " + q.add(feed)
	}
	rest += " and " + q.readable(signalFields, may)
	var out []Signal
	err := t.each(ctx, "select "+signalColumns+" from signal s "+rest+and+" order by s.id desc limit "+q.add(limit), q.args,
		func(r *sql.Rows) error {
			s, err := scanSignal(r)
			out = append(out, s)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list signals: %w", err)
	}
	return out, nil
}
