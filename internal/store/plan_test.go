package store

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// The desk's lists walk an index and sort nothing that grows with the table.
func TestListPlans(t *testing.T) {
	t.Parallel()
	desk := access.Actor{
		Kind: access.Person, ID: "ada", Party: ident.Authority,
		Seats: []access.Seat{{Post: "handler", Party: ident.Authority, Powers: []people.Power{people.Read}}},
	}
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "tocsin.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // the folder goes with the test
	for _, c := range []struct {
		name   string
		filter FindingFilter
		index  string
		sorts  bool // a merge of walks, or of few rows
	}{
		{"all", FindingFilter{}, "INTEGER PRIMARY KEY (rowid<?", false},
		{"a state", FindingFilter{States: []finding.State{finding.Open}}, "finding_state (state=? AND id", true},
		{"several states", FindingFilter{States: []finding.State{finding.Open, finding.Reopened}}, "finding_state (state=? AND id", true},
		{"a party", FindingFilter{Party: "p"}, "finding_party (party_id=? AND state=? AND id", true},
		{"orphans", FindingFilter{Orphans: true, States: []finding.State{finding.Open}}, "finding_party (party_id=? AND state=? AND id", true},
		{"addresses", FindingFilter{Asset: AssetMatch{Exact: []string{"192.0.2.1", "192.0.2.2"}}, few: true}, "finding_asset (asset=?", true},
		{"addresses with many findings", FindingFilter{Asset: AssetMatch{Exact: []string{"192.0.2.1", "192.0.2.2"}}}, "INTEGER PRIMARY KEY (rowid>? AND rowid<?", false},
		{"at least a severity", FindingFilter{Severity: event.High}, "finding_severity (severity=? AND state=? AND id", true},
		{"a class", FindingFilter{Class: "botnet"}, "finding_class (class=? AND state=? AND id", true},
		{"a type", FindingFilter{Class: "botnet"}, "finding_type (type=? AND state=? AND id", true},
		{"a region", FindingFilter{Region: "XA-1", States: []finding.State{finding.Open}}, "finding_region (region=? AND state=? AND id", true},
		{"few assets", FindingFilter{Asset: AssetMatch{Prefix: "192.0."}, few: true, States: []finding.State{finding.Open}}, "finding_asset (asset>? AND asset<?", true},
		{"a class of a sector", FindingFilter{Class: "botnet", Sector: "health"}, "finding_class (class=? AND state=? AND id>? AND id<?", true},
		{"a window", FindingFilter{Sector: "health", States: []finding.State{finding.Open, finding.Notified}}, "INTEGER PRIMARY KEY (rowid>? AND rowid<?", false},
	} {
		err := s.View(t.Context(), func(tx *Tx) error {
			var floor ident.Finding
			if !c.filter.indexed() {
				floor = 1000
			}
			c.filter.May = access.Readable(&access.Reader{Actor: desk}, access.Findings, time.Unix(0, 0), access.Handle)
			query, args := tx.findingQuery(c.filter, floor, 1<<40, 51)
			plan, err := explain(t, tx, query, args)
			if err != nil {
				return err
			}
			if !strings.Contains(plan, c.index) || strings.Contains(plan, "SCAN f") || !c.sorts && strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%s: %s", c.name, plan)
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
}

func explain(t *testing.T, tx *Tx, query string, args []any) (string, error) {
	t.Helper()
	var plan []string
	err := tx.each(t.Context(), "explain query plan "+query, args, func(r *sql.Rows) error {
		var id, parent, unused int
		var detail string
		err := r.Scan(&id, &parent, &unused, &detail)
		plan = append(plan, detail)
		return err
	})
	return strings.Join(plan, "\n"), err
}
