package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/situation"
)

// How many findings, by number, one page looks at where no index leads to them alone. Each is chosen so that a page takes
// a small part of a second however few of them match.
const (
	textWindow = 5_000   // every finding is read and compared with a text
	scanWindow = 40_000  // every finding is read
	leadWindow = 250_000 // an index leads to a part of them
)

// fewAssets is how many findings assets may lead to for all of them to be read and sorted.
const fewAssets = 3000

func (f *FindingFilter) window() ident.Finding {
	switch {
	case f.Text != "":
		return textWindow
	case f.lead() != nil && !f.Asset.Within.IsValid():
		return leadWindow
	}
	return scanWindow
}

// lead is an equality that an index begins with, before the state and the number.
type lead struct {
	index, column string
	value         any
	and           string // a further condition, by which the walks of a list do not meet
}

// lead returns the equalities that one index each leads to, all of which a list walks; none where no index does. What it
// answers is taken off the rest of the filter by led.
func (f *FindingFilter) lead() []lead {
	switch {
	case f.Orphans:
		return []lead{{index: "finding_party", column: "f.party_id", value: ""}}
	case f.Party != "":
		return []lead{{index: "finding_party", column: "f.party_id", value: string(f.Party)}}
	case f.Region != "" && (f.Sector != "" || f.Class == ""):
		return []lead{{index: "finding_region", column: "f.region", value: strings.TrimPrefix(f.Region, situation.None)}}
	case f.Class != "":
		return []lead{{index: "finding_class", column: "f.class", value: f.Class}, {index: "finding_type", column: "f.type", value: f.Class, and: "f.class <> f.type"}}
	}
	var out []lead
	for _, s := range f.levels() {
		out = append(out, lead{index: "finding_severity", column: "f.severity", value: int64(s)})
	}
	return out
}

// levels are the severities that the filter lets through; none where it lets all.
func (f *FindingFilter) levels() []event.Severity {
	if f.Severity == 0 {
		return f.Severities
	}
	var out []event.Severity
	for _, s := range event.Severities {
		if s >= f.Severity && (len(f.Severities) == 0 || slices.Contains(f.Severities, s)) {
			out = append(out, s)
		}
	}
	return out
}

// led is the filter without what its lead answers.
func (f FindingFilter) led() FindingFilter {
	switch all := f.lead(); {
	case all == nil:
	case f.Orphans || f.Party != "":
		f.Orphans, f.Party = false, ""
	case all[0].column == "f.region":
		f.Region = ""
	case all[0].column == "f.class":
		f.Class = ""
	default:
		f.Severity, f.Severities = 0, nil
	}
	return f
}

// indexed reports whether an index leads to the matching findings alone, newest first, or to few of them.
func (f *FindingFilter) indexed() bool {
	if f.few {
		return true
	}
	rest := f.led()
	return rest.lead() == nil && rest.Severity == 0 && len(rest.Severities) == 0 && rest.Sector == "" && rest.Stage == "" && rest.Matched == "" && rest.Since.IsZero() && rest.Until.IsZero() && rest.Ended.IsZero() &&
		len(rest.Streams) == 0 && rest.Text == "" && rest.Asset.Prefix == "" && len(rest.Asset.Exact) == 0 && !rest.Asset.Within.IsValid()
}

// few reports whether the asset that the filter names leads to so few findings that all of them are read and sorted.
func (t *Tx) few(ctx context.Context, f *FindingFilter) (bool, error) {
	q := &conditions{}
	where := q.asset(t.d, FindingFilter{Asset: f.Asset, few: true})
	if len(where) == 0 {
		return false, nil
	}
	n := 0
	query := "select count(*) from (select 1 from finding f where " + strings.Join(where, " and ") + " limit " + q.add(fewAssets+1) + ") c"
	err := t.row(ctx, query, q.args, &n)
	return n <= fewAssets, err
}

// findingQuery selects the numbers of the matching findings in [floor, before), the highest first, and the assets of those
// whose network must be looked at yet. A list becomes one walk down an index for each state and each value of its lead,
// merged: a sort over all of them would grow with the table. No walk goes on for longer than limit.
func (t *Tx) findingQuery(f FindingFilter, floor, before ident.Finding, limit int) (string, []any) {
	// SQLite would rather look for states than walk down the numbers, and then sort whatever has one of them.
	q := &conditions{veiled: t.d.led()}
	leads := f.lead()
	walked := leads == nil && len(f.States) > 0 && f.indexed()
	if f.few || leads == nil && !walked || f.Asset.Within.IsValid() {
		what := "f.id"
		if f.Asset.Within.IsValid() {
			what += ", f.asset"
		}
		return "select " + what + " from finding f where " + q.finding(t.d, f, f.States, floor, before) + " order by f.id desc", q.args
	}
	if walked {
		leads = []lead{{index: "finding_state"}}
	}
	states := f.States
	if len(states) == 0 {
		states = finding.States
	}
	q.walked = !t.d.led() && f.indexed()
	rest := f.led()
	var walks []string
	for _, l := range leads {
		for _, s := range states {
			where, order := q.walk(l, s, floor, before)
			if l.and != "" {
				where += " and " + l.and
			}
			walks = append(walks, "select id from (select f.id from finding f"+t.d.by(l.index)+" where "+where+" and "+
				q.finding(t.d, rest, nil, floor, before)+fmt.Sprintf(" order by %s limit %d) w", order, limit))
		}
	}
	return "select id from (" + strings.Join(walks, " union all ") + ") m order by id desc", q.args
}

// walk is the condition on one walk down an index and its order. PostgreSQL takes no index by name. Where nothing else is
// asked for it would walk down the numbers until it meets the state, past all findings where the state is rare there: in the
// order of the whole index only that index will do.
func (c *conditions) walk(l lead, s finding.State, floor, before ident.Finding) (where, order string) {
	if !c.walked {
		where = "f.state = " + c.add(string(s))
		if l.column != "" {
			where = l.column + " = " + c.add(l.value) + " and " + where
		}
		return where, "f.id desc"
	}
	columns, start, end := []string{"f.state", "f.id"}, []any{string(s), before}, []any{string(s), floor}
	if l.column != "" {
		columns, start, end = append([]string{l.column}, columns...), append([]any{l.value}, start...), append([]any{l.value}, end...)
	}
	row := func(values []any) string {
		places := make([]string, len(values))
		for i, v := range values {
			places[i] = c.add(v)
		}
		return "(" + strings.Join(places, ", ") + ")"
	}
	names := strings.Join(columns, ", ")
	return "(" + names + ") < " + row(start) + " and (" + names + ") >= " + row(end), strings.Join(columns, " desc, ") + " desc"
}

// led reports whether the engine takes indexes as it is told.
func (d dialect) led() bool { return d != onPostgres }

// by names the index that a statement takes, where the database wants to be told: without statistics SQLite takes any.
func (d dialect) by(index string) string {
	if !d.led() {
		return ""
	}
	return " indexed by " + index
}

// text is a column of texts as a condition names it.
func (c *conditions) text(column string) string {
	if c.veiled {
		return "(" + column + " || '')"
	}
	return column
}

// number is a column of numbers as a condition names it.
func (c *conditions) number(column string) string {
	if c.veiled {
		return "(" + column + " + 0)"
	}
	return column
}
