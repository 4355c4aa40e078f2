package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/situation"
)

// FindingFilter narrows a list of findings; the zero value lets everything through.
type FindingFilter struct {
	States   []finding.State // none = every state
	Severity event.Severity  // at least
	Class    string          // a class of the library or an RSIT type
	Orphans  bool            // only findings that nobody answers for
	Party    ident.Party
	Region   string          // situation.None: of no region
	Sector   string          // of the party that answers; situation.None: of none that is known
	Stage    situation.Stage // that the work has reached
	Streams  []int64         // seen by one of them
	Asset    AssetMatch
	Text     string      // part of the asset, the identifier, the malware's name or the deciding resource, in any case
	May      access.Cond // what the reader may read; the zero value is nothing

	parties []ident.Party // one of them; for counts
	few     bool          // the index of assets leads to few findings: see Tx.few

	Matched    string           // the resource or system's asset that decided who answers
	Severities []event.Severity // exactly one of them; none = any
	Since      time.Time        // made at or after this; zero = whenever
	Until      time.Time        // made before this; zero = whenever
	Ended      time.Time        // in the state that they are in since this or later; zero = whenever
}

// known is the filter with what its party answers taken off what the reader may read.
func (f FindingFilter) known() FindingFilter {
	if f.Orphans || f.Party != "" {
		of := f.Party
		if f.Orphans {
			of = ""
		}
		f.May = f.May.Given(access.FieldParty, string(of))
	}
	return f
}

// AssetMatch narrows by asset.
type AssetMatch = asset.Search

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
	p, err := t.listFindings(ctx, f, before, min(limit, maxPage))
	if err != nil {
		return FindingPage{}, fmt.Errorf("list findings: %w", err)
	}
	return p, nil
}

func (t *Tx) listFindings(ctx context.Context, f FindingFilter, before ident.Finding, limit int) (FindingPage, error) {
	f = f.known()
	top, err := t.LastFinding(ctx)
	if err != nil {
		return FindingPage{}, err
	}
	if before == 0 || before > top {
		before = top + 1
	}
	if f.few, err = t.few(ctx, &f); err != nil {
		return FindingPage{}, err
	}
	if !f.indexed() && f.tallied() { // nothing to look for, in however many windows
		if n, err := t.CountFindings(ctx, f, 1); err != nil || n == 0 {
			return FindingPage{}, err
		}
	}
	end, err := t.bornFloor(ctx, f.Since)
	if err != nil {
		return FindingPage{}, err
	}
	floor := end
	if !f.indexed() {
		floor = max(end, before-f.window())
	}
	ids, err := t.matching(ctx, f, floor, before, limit+1)
	if err != nil {
		return FindingPage{}, err
	}
	var p FindingPage
	switch {
	case len(ids) > limit:
		ids = ids[:limit]
		p.Next = ids[limit-1]
	case floor > max(end, 1):
		p.Next, p.Searched = floor, floor
	}
	if p.Findings, err = t.FindingsByID(ctx, ids); err != nil {
		return FindingPage{}, err
	}
	slices.Reverse(p.Findings)
	return p, nil
}

var errEnough = errors.New("enough")

// matching returns the numbers of at most limit matching findings in [floor, before), the highest first.
func (t *Tx) matching(ctx context.Context, f FindingFilter, floor, before ident.Finding, limit int) ([]ident.Finding, error) {
	query, args := t.findingQuery(f, floor, before, limit)
	if !f.Asset.Within.IsValid() {
		args = append(args, limit)
		query += fmt.Sprintf(" limit $%d", len(args))
	}
	ids := make([]ident.Finding, 0, limit)
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var id ident.Finding
		var value string
		dest := []any{&id}
		if f.Asset.Within.IsValid() {
			dest = append(dest, &value)
		}
		if err := r.Scan(dest...); err != nil || !holds(f.Asset, value) {
			return err
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

// conditions collects arguments in the order in which their places appear.
type conditions struct {
	args   []any
	veiled bool // columns of findings lead to no index: the condition that is to lead says so itself
	walked bool // the condition that is to lead bounds the numbers
}

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
	id := "f.id"
	if f.few {
		id = c.number(id)
	}
	and := []string{"1 = 1"}
	if !c.walked {
		and = []string{id + " < " + c.add(before)}
		if floor > 0 {
			and = append(and, id+" >= "+c.add(floor))
		}
	}
	and = append(and, c.plain(f, states, sectorColumn)...)
	and = append(and, c.narrow(f)...)
	if len(f.Streams) > 0 {
		first := c.in("f.stream_id", len(f.Streams), func(i int) any { return f.Streams[i] })
		also := c.in("g.stream_id", len(f.Streams), func(i int) any { return f.Streams[i] })
		// A single value, not exists: that PostgreSQL would answer from all that the streams ever saw.
		and = append(and, "("+first+" or (select 1 from sighting g where g.finding_id = f.id and "+also+" limit 1) = 1)")
	}
	and = append(and, c.asset(d, f)...)
	if !certain(f.May) {
		and = append(and, c.readable(findingFields, f.May))
	}
	return strings.Join(and, " and ")
}

func (c *conditions) narrow(f FindingFilter) []string {
	var and []string
	if f.Matched != "" {
		and = append(and, "f.matched = "+c.add(f.Matched))
	}
	if f.Stage != "" {
		and = append(and, stage(f.Stage))
	}
	if !f.Since.IsZero() {
		and = append(and, "f.created_at >= "+c.add(Micros(f.Since)))
	}
	if !f.Until.IsZero() {
		and = append(and, "f.created_at < "+c.add(Micros(f.Until)))
	}
	if !f.Ended.IsZero() {
		and = append(and, "f.state_at >= "+c.add(Micros(f.Ended)))
	}
	return and
}

// plain are the conditions that findings and their rollups share; sector is where the sector lies.
func (c *conditions) plain(f FindingFilter, states []finding.State, sector string) []string {
	var and []string
	if len(states) > 0 {
		and = append(and, c.in(c.text("f.state"), len(states), func(i int) any { return string(states[i]) }))
	}
	if f.Severity > 0 {
		and = append(and, c.number("f.severity")+" >= "+c.add(int64(f.Severity)))
	}
	if n := len(f.Severities); n > 0 {
		and = append(and, c.in(c.number("f.severity"), n, func(i int) any { return int64(f.Severities[i]) }))
	}
	if f.Class != "" {
		and = append(and, "("+c.text("f.class")+" = "+c.add(f.Class)+" or "+c.text("f.type")+" = "+c.add(f.Class)+")")
	}
	if f.Orphans {
		and = append(and, c.text("f.party_id")+" = ''")
	} else if f.Party != "" {
		and = append(and, c.text("f.party_id")+" = "+c.add(f.Party))
	}
	if n := len(f.parties); n > 0 {
		and = append(and, c.in(c.text("f.party_id"), n, func(i int) any { return f.parties[i] }))
	}
	known := func(column, value string) {
		if value != "" {
			and = append(and, column+" = "+c.add(strings.TrimPrefix(value, situation.None)))
		}
	}
	known(c.text("f.region"), f.Region)
	if sector == sectorColumn && f.Sector != "" && f.Sector != situation.None { // asked once, not for every finding
		return append(and, c.text("f.party_id")+" in (select o.id from party o where o.sector = "+c.add(f.Sector)+")")
	}
	known(sector, f.Sector)
	return and
}

func (c *conditions) asset(d dialect, f FindingFilter) []string {
	var and []string
	if n := len(f.Asset.Exact); n > 0 {
		column := "f.asset"
		if !f.few {
			column = c.text(column)
		}
		and = append(and, c.in(column, n, func(i int) any { return f.Asset.Exact[i] }))
	}
	if p := f.Asset.Prefix; p != "" {
		column := d.bytewise("f.asset")
		if !f.few {
			column = c.text(column)
		}
		and = append(and, column+" >= "+c.add(p), column+" < "+c.add(p+"\U0010FFFF"))
	}
	if f.Asset.Port > 0 {
		and = append(and, "f.port = "+c.add(int64(f.Asset.Port)))
	}
	if f.Text != "" {
		and = append(and, c.holds(strings.ToLower(f.Text), "f.asset", "f.identifier", "f.malware", "f.matched"))
	}
	return and
}

// holds is the condition that one of the columns holds a text, which is in lower case. The columns are compared as one text,
// a line each: what people type has no line ends.
func (c *conditions) holds(text string, columns ...string) string {
	return c.like("lower("+strings.Join(columns, " || '\n' || ")+")", text)
}

// like is the condition that a text column holds a text as it is.
func (c *conditions) like(column, text string) string {
	return column + " like " + c.add("%"+literally(text)+"%") + ` escape '\'`
}

// literally takes the meaning from what stands for other characters in a like.
func literally(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

// bytewise compares a text column byte by byte whatever the database's collation.
func (d dialect) bytewise(column string) string {
	if d == onPostgres {
		return column + ` collate "C"`
	}
	return column
}

// CountFindings counts the matching findings up to limit: from the rollups where they can tell, else by walking an index,
// which an indexed filter (states, party, orphans, exact assets) makes quick.
func (t *Tx) CountFindings(ctx context.Context, f FindingFilter, limit int) (int, error) {
	f = f.known()
	if f.tallied() {
		rows, err := t.Tally(ctx, f)
		if err != nil || len(rows) == 0 {
			return 0, err
		}
		return int(min(rows[0].N, int64(limit))), nil
	}
	if f.dated() {
		n, err := t.countDated(ctx, f)
		return int(min(n, int64(limit))), err
	}
	if f.over() {
		n, err := t.countEnded(ctx, f)
		return int(min(n, int64(limit))), err
	}
	n := 0
	states := f.States
	if len(states) == 0 {
		states = finding.States
	}
	end, err := t.bornFloor(ctx, f.Since)
	if err != nil {
		return 0, fmt.Errorf("count findings: %w", err)
	}
	for _, s := range states {
		q := &conditions{}
		var m int
		where := q.finding(t.d, f, []finding.State{s}, end, maxID)
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

// PartyShares counts a party's findings that the reader may read by state and severity; the empty party's are those that
// nobody answers for.
func (t *Tx) PartyShares(ctx context.Context, p ident.Party, may access.Cond) ([]Share, error) {
	return t.shares(ctx, FindingFilter{Party: p, Orphans: p == "", May: may})
}

// AllShares counts every finding by state and severity.
func (t *Tx) AllShares(ctx context.Context) ([]Share, error) {
	return t.shares(ctx, FindingFilter{May: access.Always})
}

func (t *Tx) shares(ctx context.Context, f FindingFilter) ([]Share, error) {
	rows, err := t.Tally(ctx, f, "state", "severity")
	out := make([]Share, len(rows))
	for i, r := range rows {
		out[i] = Share{State: r.State, Severity: r.Severity, Count: r.N}
	}
	return out, err
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
