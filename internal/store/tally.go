package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// tallyKey is what the rollups keep of a finding. Days are UTC.
type tallyKey struct {
	party                ident.Party
	sector               string // of the party, as the register says now
	region, class, typed string
	severity, tlp        int64
	state                finding.State
	reached              int64
	basis                party.Basis // that the party answers on
	matched              string      // the resource or the asset of the system that led to it
	born                 finding.Day // of its making
	ended                finding.Day // since when it does not ask anybody for anything, or the risk is accepted; else 0
}

const tallyColumns = "party_id, sector, region, class, type, severity, tlp, state, reached, basis, matched, born, ended"

// tallySelect reads the keys of findings f as tallyKey has them; sector is left to the register.
const tallySelect = `f.party_id, f.region, f.class, f.type, f.severity, f.tlp, f.state, f.reached, f.basis, f.matched, f.created_at / 86400000000,
	case when f.state in ('verified_closed', 'false_positive', 'stale', 'risk_accepted') then f.state_at / 86400000000 else 0 end`

// face is one rollup: a table that sums what the journal of changes holds, by some of its columns.
type face struct {
	table   string
	columns []string
	values  []string // of each column, over tally_delta; nil: the columns themselves
	where   string   // over tally_delta
}

var faces = []face{
	{
		table: "tally_state", columns: []string{"owned", "severity", "tlp", "state"},
		values: []string{"case when party_id = '' then 0 else 1 end", "severity", "tlp", "state"},
	},
	{table: "tally_area", columns: []string{"sector", "region", "severity", "tlp", "state"}},
	{table: "tally_class", columns: []string{"region", "class", "type", "severity", "tlp", "state"}},
	{table: "tally_place", columns: []string{"sector", "region", "class", "type", "severity", "tlp", "state"}},
	{table: "tally_party", columns: []string{"party_id", "sector", "region", "class", "type", "severity", "tlp", "state"}},
	{
		table: "tally_born", columns: []string{"born", "owned", "reached", "severity", "tlp", "state"},
		values: []string{"born", "case when party_id = '' then 0 else 1 end", "reached", "severity", "tlp", "state"},
	},
	{table: "tally_ended", columns: []string{"ended", "severity", "tlp", "state"}, where: "ended > 0"},
	{
		table: "tally_life", columns: []string{"week", "days", "severity", "tlp", "state"},
		values: []string{"(born + 3) / 7", "ended - born", "severity", "tlp", "state"},
		where:  "ended > 0 and state <> 'false_positive'",
	},
	{table: "tally_matched", columns: []string{"party_id", "basis", "matched", "severity", "tlp", "state"}, where: "party_id <> ''"},
}

func (f *face) over() []string {
	if f.values == nil {
		return f.columns
	}
	return f.values
}

// also is the face's condition on the journal, for an and.
func (f *face) also() string {
	if f.where == "" {
		return ""
	}
	return " and " + f.where
}

// count notes that so many findings more are alike in k. It is written with the transaction: see flushTally.
func (t *Tx) count(k tallyKey, n int64) {
	if t.tally == nil {
		t.tally = map[tallyKey]int64{}
	}
	t.tally[k] += n
}

// countNew counts findings that were just made.
func (t *Tx) countNew(ctx context.Context, fs []Finding) error {
	sectors := map[ident.Party]string{"": ""}
	var last tallyKey
	var run int64 // findings alike in last: neighbours often are
	for i := range fs {
		f := &fs[i]
		if !f.Embargo.IsZero() {
			continue
		}
		sector, known := sectors[f.Party]
		if !known {
			var err error
			if sector, err = t.sectorOf(ctx, f.Party); err != nil {
				return err
			}
			sectors[f.Party] = sector
		}
		k := tallyKey{
			party: f.Party, sector: sector, region: f.Region, class: f.Class, typed: f.Identity.Type,
			severity: int64(f.Severity), tlp: int64(f.Mark.TLP), state: f.State, basis: f.Basis, matched: f.Matched, born: finding.DayOf(f.Created),
		}
		switch f.State {
		case finding.VerifiedClosed, finding.FalsePositive, finding.Stale, finding.RiskAccepted:
			k.ended = finding.DayOf(f.StateAt)
		case finding.Open, finding.Notified, finding.Acknowledged, finding.Remediating, finding.ClaimedFixed, finding.Disputed, finding.Reopened:
		}
		if k != last {
			t.count(last, run)
			last, run = k, 0
		}
		run++
	}
	t.count(last, run)
	return nil
}

// sectorOf returns a party's sector; empty where there is no such party.
func (t *Tx) sectorOf(ctx context.Context, id ident.Party) (string, error) {
	var sector string
	err := t.row(ctx, "select sector from party where id = $1", []any{id}, &sector)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return "", fmt.Errorf("read the sector of %s: %w", id, err)
	}
	return sector, nil
}

// counted runs a change of findings that exist and keeps the rollups equal to them: what they were before is taken off,
// what they are after is added.
func (t *Tx) counted(ctx context.Context, ids []ident.Finding, change func() error) error {
	if err := t.countThese(ctx, ids, -1); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return t.countThese(ctx, ids, 1)
}

func (t *Tx) countThese(ctx context.Context, ids []ident.Finding, n int64) error {
	for some := range slices.Chunk(ids, 400) {
		q := &conditions{}
		where := q.in("f.id", len(some), func(i int) any { return some[i] })
		err := t.each(ctx, "select "+tallySelect+", coalesce(p.sector, '') from finding f left join party p on p.id = f.party_id where "+
			where+" and f.embargo_at is null", q.args, func(r *sql.Rows) error {
			var k tallyKey
			err := r.Scan(&k.party, &k.region, &k.class, &k.typed, &k.severity, &k.tlp, &k.state, &k.reached, &k.basis, &k.matched, &k.born, &k.ended, &k.sector)
			t.count(k, n)
			return err
		})
		if err != nil {
			return fmt.Errorf("count %d findings: %w", len(some), err)
		}
	}
	return nil
}

// flushTally writes what the transaction changed into the journal of the rollups. Rows are only added, so that
// transactions that change findings of the same kind do not meet.
func (t *Tx) flushTally(ctx context.Context) error {
	rows := make([][]any, 0, len(t.tally))
	for k, n := range t.tally {
		if n != 0 {
			rows = append(rows, []any{
				string(k.party), k.sector, k.region, k.class, k.typed, k.severity, k.tlp, string(k.state), k.reached, string(k.basis), k.matched,
				int64(k.born), int64(k.ended), n,
			})
		}
	}
	t.tally = nil
	if len(rows) == 0 {
		return nil
	}
	changed := t.changed
	err := t.insertRows(ctx, "insert into tally_delta ("+tallyColumns+", n) values ", "", rows)
	t.changed = changed // what was counted says so itself
	if err != nil {
		return fmt.Errorf("write the journal of the rollups: %w", err)
	}
	return nil
}

// countSector moves what a party's findings count for from one sector to another.
func (t *Tx) countSector(ctx context.Context, id ident.Party, from, to string) error {
	if from == to {
		return nil
	}
	if err := t.flushTally(ctx); err != nil {
		return err
	}
	// Of the columns that the party's rollup lacks the rest is zero in both rows, which add up to nothing there.
	err := t.each(ctx, `select region, class, type, severity, tlp, state, cast(sum(n) as bigint) from (
		select region, class, type, severity, tlp, state, n from tally_party where party_id = $1 and sector = $2 union all
		select region, class, type, severity, tlp, state, n from tally_delta where party_id = $3 and sector = $4) q
		group by region, class, type, severity, tlp, state having sum(n) <> 0`, []any{id, from, id, from}, func(r *sql.Rows) error {
		k := tallyKey{party: id, sector: from}
		var n int64
		if err := r.Scan(&k.region, &k.class, &k.typed, &k.severity, &k.tlp, &k.state, &n); err != nil {
			return err
		}
		t.count(k, -n)
		k.sector = to
		t.count(k, n)
		return nil
	})
	if err != nil {
		return fmt.Errorf("count %s in sector %q: %w", id, to, err)
	}
	return nil
}

// CompactTally adds the journal of the rollups to their tables and returns how many of its rows it took. It says nothing
// new and needs no entry. The snapshot keeps what was added meanwhile for the next time; another process that compacts
// at once makes it begin again.
func (s *Store) CompactTally(ctx context.Context) (int64, error) {
	var taken int64
	o := s.dialect.readOptions()
	if o != nil {
		o.ReadOnly = false
	}
	err := s.again(ctx, o, func(tx *Tx) error {
		taken = 0
		for i := range faces {
			f := &faces[i]
			over := strings.Join(f.over(), ", ")
			columns := strings.Join(f.columns, ", ")
			_, err := tx.exec(ctx, "insert into "+f.table+" ("+columns+", n) select "+over+", cast(sum(n) as bigint) from tally_delta where 1 = 1"+
				f.also()+" group by "+over+" having sum(n) <> 0 on conflict ("+columns+") do update set n = "+f.table+".n + excluded.n")
			if err != nil {
				return fmt.Errorf("add to %s: %w", f.table, err)
			}
		}
		r, err := tx.exec(ctx, "delete from tally_delta")
		if err != nil {
			return err
		}
		taken, err = r.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("compact the rollups: %w", err)
	}
	return taken, nil
}

// TallyWaits reports whether the journal of the rollups holds anything.
func (t *Tx) TallyWaits(ctx context.Context) (bool, error) {
	var one int64
	err := t.row(ctx, "select 1 from tally_delta limit 1", nil, &one)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// SweepTally forgets the rows of the rollups that count nothing any more.
func (s *Store) SweepTally(ctx context.Context) error {
	o := s.dialect.readOptions()
	if o != nil {
		o.ReadOnly = false
	}
	err := s.again(ctx, o, func(tx *Tx) error {
		for i := range faces {
			if _, err := tx.exec(ctx, "delete from "+faces[i].table+" where n = 0"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweep the rollups: %w", err)
	}
	return nil
}

// RebuildTally makes the rollups anew from the findings, for whoever changed findings past this program. It reads every
// finding once for each of them.
func (s *Store) RebuildTally(ctx context.Context) error {
	err := s.again(ctx, s.dialect.writeOptions(), func(tx *Tx) error {
		if _, err := tx.exec(ctx, "delete from tally_delta"); err != nil {
			return err
		}
		for i := range faces {
			f := &faces[i]
			if _, err := tx.exec(ctx, "delete from "+f.table); err != nil {
				return err
			}
			// Past the journal: its readers would go through a million dead rows until the database has swept them.
			_, err := tx.exec(ctx, "insert into "+f.table+" ("+strings.Join(f.columns, ", ")+", n) select "+strings.Join(f.over(), ", ")+
				", count(*) from ("+tallySource+") q where 1 = 1"+f.also()+" group by "+ordinals(len(f.columns)))
			if err != nil {
				return fmt.Errorf("make %s: %w", f.table, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make the rollups anew: %w", err)
	}
	return nil
}

// tallySource is the findings that the rollups count as the journal would name them.
const tallySource = `select f.party_id as party_id, coalesce(p.sector, '') as sector, f.region as region, f.class as class, f.type as type,
	f.severity as severity, f.tlp as tlp, f.state as state, f.reached as reached, f.basis as basis, f.matched as matched,
	f.created_at / 86400000000 as born, case when f.state in ('verified_closed', 'false_positive', 'stale', 'risk_accepted')
	then f.state_at / 86400000000 else 0 end as ended from finding f left join party p on p.id = f.party_id where f.embargo_at is null`
