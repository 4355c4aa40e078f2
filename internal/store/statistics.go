package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"tocsin/internal/fault"
)

// statistic is what SQLite's planner is told of an index: the rows of its table, and how many of them are alike in its
// first column, in its first two, and so on (https://sqlite.org/fileformat2.html, section 2.6.1).
type statistic struct{ table, index, stat string }

// statistics are the same on every installation, however large it is, so that a page has one plan everywhere and the tests
// see it. Without any, SQLite guesses, and walks a million findings for a page; with those of its own ANALYZE, plans change
// by themselves at night. The numbers are those of the crowd of `bench pages`, but for indexes in which a few values stand
// in most rows: nobody and the largest parties answer for far more findings than a party does on average.
//
// An index that is not named here is the planner's last choice of a table that is: a test holds the two lists together.
var statistics = []statistic{
	{"contact", "contact_mail", "10000 2"},
	{"contact", "contact_party", "10000 2"},
	{"contact", "sqlite_autoindex_contact_1", "10000 1"},
	{"cycle", "cycle", "1200 60 1"},
	{"entry", "entry_object", "250000 13 1"},
	{"entry", "entry_tx", "250000 1 1"},
	{"feed", "feed_token", "20 1"},
	{"feed", "sqlite_autoindex_feed_1", "20 1"},
	{"finding", "finding_asset", "1000000 3 2 2"},
	{"finding", "finding_class", "1000000 83000 8300 1"},
	{"finding", "finding_disputed", "10000 1 1"},
	{"finding", "finding_embargo", "100 2"},
	{"finding", "finding_malware", "100000 500 1"},
	{"finding", "finding_orphan", "20000 4000 1 1 1 1 1"},
	{"finding", "finding_party", "1000000 20000 4000 1 1 1 1 1"},
	{"finding", "finding_region", "1000000 38000 3800 1 1 1"},
	{"finding", "finding_severity", "1000000 200000 20000 1"},
	{"finding", "finding_state", "1000000 100000 1"},
	{"finding", "finding_type", "1000000 140000 14000 1"},
	{"history", "history", "1350000 2 1"},
	{"history", "history_tx", "1350000 2"},
	{"notice", "notice_answered", "50000 20 1 1 1"},
	{"notice", "notice_created", "200000 1 1"},
	{"notice", "notice_due", "200000 40000 100"},
	{"notice", "notice_held", "200 200 40 1 1"},
	{"notice", "notice_parent", "200000 10"},
	{"notice", "notice_party", "200000 1000 1 1"},
	{"notice", "notice_spoken", "200000 1000 1 1 1 1"},
	{"notice", "notice_standing", "200000 40000 1 1"},
	{"notice", "notice_waiting", "20000 100 2 2 1"},
	{"notice", "sqlite_autoindex_notice_1", "200000 1"},
	{"notice_finding", "notice_finding", "500000 5 1"},
	{"notice_finding", "notice_finding_back", "500000 1"},
	{"party", "party_name", "10000 1 1 1"},
	{"party", "party_sector", "10000 800 1"},
	{"party", "sqlite_autoindex_party_1", "10000 1"},
	{"place", "place_hash", "250000 1"},
	{"place", "sqlite_autoindex_place_1", "250000 1"},
	{"published", "published", "1000 350 1"},
	{"queue_item", "queue_open", "400 100 20 1"},
	{"queue_item", "sqlite_autoindex_queue_item_1", "400 1"},
	{"queue_item", "sqlite_autoindex_queue_item_2", "400 80 1 1"},
	{"region", "sqlite_autoindex_region_1", "25 1"},
	{"resource", "resource_party", "10000 4"},
	{"resource", "resource_value", "10000 1"},
	{"resource", "sqlite_autoindex_resource_1", "10000 1"},
	{"sighting", "sighting", "1000000 1 1"},
	{"signal", "signal_feed", "20000 1000 1"},
	{"signal", "signal_received", "20000 1 1 1 1 1"},
	{"signal", "signal_state", "20000 5000 500 1"},
	{"signal", "signal_troubled", "5000 1"},
	{"signal", "sqlite_autoindex_signal_1", "20000 1000 1"},
	{"stream", "sqlite_autoindex_stream_1", "20 1 1"},
	{"system", "sqlite_autoindex_system_1", "10000 1"},
	{"system", "system_asset", "10000 1 1"},
	{"system", "system_party", "10000 4"},
	{"tally_area", "tally_area", "37000 3000 120 24 8 1"},
	{"tally_area", "tally_area_region", "37000 1500 190 20 10"},
	{"tally_area", "tally_area_sector", "37000 3000 380 40 20"},
	{"tally_born", "tally_born", "71000 180 90 14 3 2 1"},
	{"tally_class", "tally_class", "15000 570 48 48 24 10 1"},
	{"tally_class", "tally_class_class", "15000 1300 160"},
	{"tally_class", "tally_class_type", "15000 1300 160"},
	{"tally_ended", "tally_ended", "23000 57 12 4 1"},
	{"tally_life", "tally_life", "156000 2700 22 5 2 1"},
	{"tally_matched", "tally_matched", "200000 100 80 30 8 3 1"},
	{"tally_matched", "tally_matched_party", "200000 100 15 8 3"},
	{"tally_party", "tally_party", "490000 100 90 44 5 5 3 2 1"},
	{"tally_place", "tally_place", "107000 8900 340 29 29 15 6 1"},
	{"tally_state", "tally_state", "300 150 30 10 1"},
}

// fixPlans puts the statistics where SQLite's planner reads them; each connection reads them when it opens. PostgreSQL
// keeps its own.
func (s *Store) fixPlans(ctx context.Context) error {
	if s.plans == nil {
		return nil
	}
	err := s.Keep(ctx, func(tx *Tx) error {
		have, err := tx.statistics(ctx)
		if err != nil || slices.Equal(have, s.plans) {
			return err
		}
		// Of the schema's own table there is nothing to measure: this makes the tables of statistics, and reads them.
		const reread = "analyze sqlite_schema"
		if _, err := tx.exec(ctx, reread); err != nil {
			return err
		}
		for _, table := range []string{"sqlite_stat1", "sqlite_stat4"} {
			if _, err := tx.exec(ctx, "delete from "+table); err != nil {
				return err
			}
		}
		for _, x := range s.plans {
			if _, err := tx.exec(ctx, "insert into sqlite_stat1 (tbl, idx, stat) values ($1, $2, $3)", x.table, x.index, x.stat); err != nil {
				return err
			}
		}
		_, err = tx.exec(ctx, reread)
		return err
	})
	if err != nil {
		return fmt.Errorf("fix the plans of queries: %w", err)
	}
	return nil
}

// statistics are those that the planner has, by table and index.
func (t *Tx) statistics(ctx context.Context) ([]statistic, error) {
	var one int
	err := t.row(ctx, "select 1 from sqlite_schema where name = 'sqlite_stat1'", nil, &one)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []statistic
	err = t.each(ctx, "select tbl, coalesce(idx, ''), stat from sqlite_stat1 order by 1, 2", nil, func(r *sql.Rows) error {
		var s statistic
		err := r.Scan(&s.table, &s.index, &s.stat)
		out = append(out, s)
		return err
	})
	return out, err
}
