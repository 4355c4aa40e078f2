package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/access"
	"tocsin/internal/situation"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// A database from before the rollups has them after the migration, and knows what was reached.
func TestUpgradeOfTheRollups(t *testing.T) {
	t.Parallel()
	for engine, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "tocsin.db") },
		"postgres": func(t *testing.T) string { return testkit.PostgresDSN(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx, at := t.Context(), dsn(t)
			old, err := store.OpenAt(ctx, at, "0002_trust.sql")
			if err != nil {
				t.Fatal(err)
			}
			if err := old.Keep(ctx, func(tx *store.Tx) error { return before(ctx, tx) }); err != nil {
				t.Fatal(err)
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(ctx, at)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			for range 2 {
				if err := s.View(ctx, func(tx *store.Tx) error { return checkRolled(ctx, t, tx) }); err != nil {
					t.Fatal(err)
				}
				if _, err := s.CompactTally(ctx); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// before makes five findings: told and closed, told to one party and now another's, closed without a word, under an
// embargo, and disputed.
func before(ctx context.Context, tx *store.Tx) error {
	err := tx.Exec(ctx, `insert into party (id, name, kind, sector, region, language, rank, created_at) values ('bank', 'Bank', 'company', 'finance', '', 'en', 100, 0)`)
	if err != nil {
		return err
	}
	for i, state := range []string{"verified_closed", "open", "verified_closed", "open", "disputed"} {
		var embargo any
		if i == 3 {
			embargo = 1
		}
		err := tx.Exec(ctx, `insert into finding (id, key, asset_kind, asset, port, transport, type, identifier, malware, class, severity, feed_severity,
			stream_id, first_at, created_at, party_id, basis, matched, confidence, region, state, state_at, embargo_at)
			values ($1, $2, 'ip', '192.0.2.1', 0, '', 'phishing', '', '', 'phishing', 4, 4, 1, 0, 86400000000, 'bank', 'prefix', '192.0.2.0/24', 90, 'XA', $3, 864000000000, $4)`,
			i+1, []byte{byte(i)}, state, embargo)
		if err != nil {
			return err
		}
	}
	for i, step := range []struct{ finding, seq, to, trigger any }{
		{1, 1, "notified", "notify"}, {1, 2, "verified_closed", "gone"}, {2, 3, "notified", "notify"}, {2, 4, "open", "re-attribute"}, {5, 5, "disputed", "dispute"},
	} {
		err := tx.Exec(ctx, `insert into history (finding_id, seq, at, from_state, to_state, trigger, actor, reason, evidence) values ($1, $2, $3, '', $4, $5, '', '', '')`,
			step.finding, step.seq, i, step.to, step.trigger)
		if err != nil {
			return err
		}
	}
	return nil
}

// tallies prints what rows of one sector, or of one ground, say.
func tallies(rows []store.TallyRow) string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r.Sector, r.Basis, " ", r.State, r.Matched, " ", r.N))
	}
	return strings.Join(out, ", ")
}

func checkRolled(ctx context.Context, t *testing.T, tx *store.Tx) error {
	rows, err := tx.Tally(ctx, store.FindingFilter{May: access.Always}, "sector", "state")
	if err != nil {
		return err
	}
	if got := tallies(rows); got != "finance disputed 1, finance open 2, finance verified_closed 2" {
		t.Errorf("rolled up: %s", got)
	}
	if rows, err = tx.Tally(ctx, store.FindingFilter{Party: "bank", States: liveStates(), May: access.Always}, "basis", "matched"); err != nil {
		return err
	}
	if got := tallies(rows); got != "prefix 192.0.2.0/24 3" {
		t.Errorf("what led to the bank: %s", got)
	}
	born, err := tx.Born(ctx, 1, access.Always)
	if err != nil {
		return err
	}
	got := map[string]int64{}
	for _, b := range born {
		for _, s := range situation.Stages {
			if b.Reached&s.Mark() != 0 {
				got[string(s)] += b.N
			}
		}
	}
	if fmt.Sprint(got) != "map[acknowledged:1 fixed:2 notified:2 verified:2]" {
		t.Errorf("reached: %v", got)
	}
	return nil
}
